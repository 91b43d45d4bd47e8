"""Infra as Terraform: formatted, valid, following the settings, refusing what cannot work."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from deploy import terraform_twin
from infra.settings import SETTINGS_FILE
from tests.support.paths import ROOT
from tests.support.terraform import EMAIL, planned

CONFIGURATION = ROOT / "infra" / "terraform"


def test_every_file_is_formatted():
    terraform = shutil.which("terraform")
    if terraform is None:
        pytest.skip("there is no terraform on the path")
    command = [terraform, "fmt", "-check", "-diff", "-recursive", str(CONFIGURATION)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_configuration_is_valid_without_a_warning(terraform_copy):
    result = terraform_copy.run("validate", "-json")
    report = json.loads(result.stdout)
    assert report["valid"], report["diagnostics"]
    assert report["diagnostics"] == []


def test_a_plan_shows_every_policy_before_anything_exists(aws_plan):
    lake = ("module.lake.", "module.stream.", "module.scoring.", "module.jobs.")
    policies = [row for row in planned(aws_plan, lake) if row["type"] == "aws_iam_role_policy"]
    assert policies
    for row in policies:
        assert "Statement" in json.loads(row["values"]["policy"]), row["address"]


def test_everything_that_can_carry_tags_does(aws_plan):
    settings = json.loads(SETTINGS_FILE.read_text())
    expected = {**settings["tags"], "environment": settings["environment"]}
    tagged = [row for row in planned(aws_plan) if "tags_all" in row["values"]]
    assert tagged
    for row in tagged:
        assert expected.items() <= row["values"]["tags_all"].items(), row["address"]


def test_the_guardrails_depend_on_no_other_module(aws_plan):
    """`destroy -target` removes what depends on its target: the pipeline would remove its own limits."""
    call = aws_plan["configuration"]["root_module"]["module_calls"]["guardrails"]
    assert call.get("depends_on", []) == []
    named = json.dumps(call["expressions"])
    assert "module." not in named
    assert "aws_" not in named


def _initialised(terraform_ready, folder, lock):
    """`terraform init` of the configuration with a lock file that it may not change."""
    workspace = terraform_twin.stage(folder, locked=True)
    (workspace / terraform_twin.LOCK.name).write_text(lock)
    copy = replace(terraform_ready, folder=folder, workspace=workspace)
    return copy.run("init", "-no-color", "-lockfile=readonly")


def test_a_deployment_is_bound_to_the_provider_of_the_lock_file(terraform_ready, tmp_path):
    lock = terraform_twin.LOCK.read_text()
    version = re.search(r'version +=  ?"([0-9.]+)"', lock)[1]
    at_hand = terraform_ready.environment.get("TF_CLI_CONFIG_FILE", "")
    result = _initialised(terraform_ready, tmp_path / "right", lock)
    if result.returncode and "no available releases match" in result.stderr:
        pytest.skip(f"the provider {version} of the lock file is not at hand ({at_hand})")
    assert result.returncode == 0, result.stderr
    assert f"v{version}" in result.stdout
    # With one checksum changed, and none that fits, it is refused.
    changed = re.sub(r'"(h1|zh):[0-9a-zA-Z+/]{6}', r'"\1:000000', lock)
    refused = _initialised(terraform_ready, tmp_path / "wrong", changed)
    assert refused.returncode != 0
    assert "checksums" in refused.stderr


def test_the_lock_file_is_for_every_platform_and_within_the_constraint():
    """A checksum (zh) for each archive of the release, those of linux and macOS among them."""
    lock = terraform_twin.LOCK.read_text()
    assert lock.count('provider "') == 1
    assert len(set(re.findall(r'"zh:([0-9a-f]{64})"', lock))) == 15
    assert re.findall(r'"h1:[0-9a-zA-Z+/]{43}="', lock)
    wanted = re.search(r'^ +version = "(.+)"', (CONFIGURATION / "versions.tf").read_text(), re.M)[1]
    parts = re.findall(r"(>=|<) (\d+)\.(\d+)", wanted)
    assert f'constraints = "{", ".join(f"{sign} {major}.{minor}.0" for sign, major, minor in parts)}"' in lock


def test_the_other_tests_run_on_the_newest_provider_at_hand(terraform_ready):
    """Not bound by the lock file, so that a newer one is tried as soon as a machine has it."""
    chosen = json.loads(terraform_ready.run("version", "-json").stdout)["provider_selections"]
    (version,) = (tuple(map(int, text.split("."))) for text in chosen.values())
    assert (5, 100) <= version < (7,)
    configuration = Path(terraform_ready.environment["TF_CLI_CONFIG_FILE"]).read_text()
    found = re.search(r'path += "(.+)"', configuration)
    if found:
        names = [path.name for path in (Path(found[1]) / "registry.terraform.io/hashicorp/aws").iterdir()]
        versions = {
            tuple(map(int, match[0].split(".")))
            for name in names
            if (match := re.search(r"\d+\.\d+\.\d+", name))
        }
        assert version == max(one for one in versions if one < (7,))


def _refused(terraform_copy, *arguments):
    result = terraform_copy.run("plan", "-no-color", "-input=false", "-lock=false", *arguments)
    assert result.returncode == 1
    return " ".join(line.strip(" │╷╵") for line in result.stderr.splitlines())


def test_settings_that_cannot_work_are_refused_by_name(terraform_copy, tmp_path):
    raw = json.loads(SETTINGS_FILE.read_text())
    raw["stream"]["mode"] = "SERVERLESS"
    raw["firehose"]["delivery"]["buffer_mb"] = 5
    raw["lake"]["raw_glacier_days"] = 31
    raw["runtime"]["log_retention_days"] = 2
    raw["scoring"]["batch_size"] = 0
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(raw))
    message = _refused(terraform_copy, f"-var=settings_file={path}", f"-var=alert_email={EMAIL}")
    assert "stream.mode = SERVERLESS: must be PROVISIONED or ON_DEMAND." in message
    assert (
        "firehose.*.buffer_mb = 5 (delivery), 64 (facility), 64 (alarms): Parquet conversion takes 64"
        in message
    )
    assert "lake.raw_glacier_days = 31: must be at least 30 days after" in message
    assert "runtime.log_retention_days = 2: CloudWatch offers 1, 3, 5" in message
    assert "scoring.batch_size = 0: Lambda takes 1 to 10000 records." in message


def test_variables_that_cannot_work_are_refused_by_name(terraform_copy):
    wrong = {
        "target": "moon",
        "region": "Mars",
        "account_id": "12",
        "architecture": "mips",
        "settings_file": "/no/such/file.json",
    }
    message = _refused(terraform_copy, *(f"-var={name}={value}" for name, value in wrong.items()))
    assert "target = moon: must be aws or twin." in message
    assert "region = Mars: must be the code of an AWS region, for example us-east-1." in message
    assert "account_id = 12: must be the twelve digits of an AWS account." in message
    assert "architecture = mips: must be arm64 or x86_64." in message
    assert "settings_file = /no/such/file.json: there is no such file." in message


def test_the_settings_have_their_effects_and_their_limits(module_tests):
    assert "0 failed" in module_tests.output()
