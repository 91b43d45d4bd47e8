"""The twin is deployed as an account is: by deploy.up, with its output in a log and its names in a file."""

import json
from types import SimpleNamespace

import pytest

from deploy.engine import Iac
from local import deployment
from toolchain import sources
from toolchain.errors import ToolError
from toolchain.paths import ROOT
from toolchain.twin import Twin

OUTPUTS = {"PetroStreamLake": {"RawBucket": "raw"}}


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A twin, and a deployment that notes its steps."""
    target = Twin(port=4599, home=tmp_path)
    done = []

    def find(output):
        done.append(output.log)
        return "context"

    engine = SimpleNamespace(outputs=lambda: OUTPUTS)
    monkeypatch.setattr(deployment.Context, "find", find)
    monkeypatch.setattr(
        deployment.up, "prepare", lambda *of: done.append(of) or SimpleNamespace(engine=engine)
    )
    monkeypatch.setattr(
        deployment.up, "apply", lambda _: done.append(json.loads(target.deployed.read_text()))
    )
    monkeypatch.setattr(deployment, "fingerprint", lambda _: "one")
    return target, done


def test_what_is_deployed_is_noted_before_and_is_complete_only_after(world):
    target, done = world
    deployment.deploy(target, lambda _: None, Iac.terraform)
    record = {"iac": "terraform", "fingerprint": "one", "endpoint": target.endpoint}
    assert done == [target.home / "deploy.log", ("context", Iac.terraform), record]
    assert json.loads(target.deployed.read_text()) == record | {"complete": True}
    assert json.loads(target.outputs.read_text()) == OUTPUTS
    assert deployment.output(target, "RawBucket") == "raw"


def test_a_deployment_that_fails_points_to_both_logs_and_is_not_complete(world, monkeypatch):
    target, _ = world

    def fail(_):
        raise ToolError("cdk deploy failed", "The whole output is in deploy.log.")

    monkeypatch.setattr(deployment.up, "apply", fail)
    with pytest.raises(ToolError, match="cdk deploy failed") as caught:
        deployment.deploy(target, lambda _: None)
    assert caught.value.hint == (
        f"The whole output is in deploy.log. The emulator's own log is {target.log}."
    )
    assert "complete" not in json.loads(target.deployed.read_text())
    assert not target.outputs.exists()


def test_the_fingerprint_covers_what_puts_a_deployment_together():
    covered = {path.relative_to(ROOT).as_posix() for path in sources.files(deployment._SOURCES)}
    assert {
        "infra/settings.json",
        "lambdas/scoring/handler.py",
        "sql/views/well_data.sql",
        "deploy/up.py",
        "deploy/cdk_twin.py",
        "toolchain/package.py",
    } <= covered
    assert all((ROOT / source).exists() for source in deployment._SOURCES)
