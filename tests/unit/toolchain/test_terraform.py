"""Terraform on this machine: found, pointed to its provider, and never run against an account by accident."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError

from deploy import terraform_state
from deploy import terraform_twin as terraform
from local import deployment
from toolchain import terraform as terraform_tool
from toolchain import twin as env
from toolchain.errors import ToolError


def _provider(folder, *, packed=False):
    """A mirror with a provider for this machine."""
    place = folder / "registry.terraform.io" / "hashicorp" / "aws"
    if packed:
        place.mkdir(parents=True)
        (place / f"terraform-provider-aws_6.0.0_{terraform_tool._platform()}.zip").touch()
    else:
        (place / "5.100.0" / terraform_tool._platform()).mkdir(parents=True)
    return folder


def _terraform(folder, version):
    folder.mkdir(exist_ok=True)
    path = folder / "terraform"
    path.write_text(f"#!/bin/sh\necho 'Terraform v{version}'\n")
    path.chmod(0o755)
    return {"PATH": str(folder)}


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """A machine without a mirror: an environment for it."""
    monkeypatch.setattr(terraform_tool, "_PREFIXES", (str(tmp_path / "opt"),))
    monkeypatch.setattr(terraform_tool, "CACHE", tmp_path / "cache")
    (tmp_path / "home").mkdir()
    return {"HOME": str(tmp_path / "home"), "PATH": os.environ["PATH"]}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "place",
    [
        "opt/anything",
        "opt/terraform/plugins",
        "home/.terraform.d/plugins",
        "home/.local/share/terraform/plugins",
    ],
)
def test_a_mirror_is_found_in_every_usual_place(tmp_path, nowhere, place, packed):
    assert terraform_tool.mirror(nowhere) is None
    folder = _provider(tmp_path / place, packed=packed)
    assert terraform_tool.mirror(nowhere) == folder


def test_a_mirror_for_another_kind_of_machine_is_none(tmp_path, nowhere):
    place = tmp_path / "opt" / "mirror" / "registry.terraform.io" / "hashicorp" / "aws"
    (place / "5.100.0" / "plan9_mips").mkdir(parents=True)
    assert terraform_tool.mirror(nowhere) is None


def test_the_mirror_that_is_named_wins_and_must_hold_the_provider(tmp_path, nowhere):
    _provider(tmp_path / "opt" / "other")
    named = _provider(tmp_path / "named")
    nowhere[terraform_tool.MIRROR_VARIABLE] = str(named)
    assert terraform_tool.mirror(nowhere) == named
    nowhere[terraform_tool.MIRROR_VARIABLE] = str(tmp_path / "empty")
    with pytest.raises(ToolError, match="PETROSTREAM_TF_MIRROR="):
        terraform_tool.mirror(nowhere)


def test_terraform_uses_the_mirror_and_no_registry_for_that_provider(tmp_path, nowhere):
    folder = _provider(tmp_path / "opt" / "mirror")
    environment = terraform_tool.environment_for(tmp_path / "work", nowhere)
    text = Path(environment["TF_CLI_CONFIG_FILE"]).read_text()
    assert f'path    = "{folder}"' in text
    assert "exclude" in text
    assert "TF_PLUGIN_CACHE_DIR" not in environment


def test_without_a_mirror_a_download_is_kept(tmp_path, nowhere):
    environment = terraform_tool.environment_for(tmp_path / "work", nowhere)
    assert environment["TF_PLUGIN_CACHE_DIR"] == str(tmp_path / "cache")
    assert (tmp_path / "cache").is_dir()
    assert "TF_CLI_CONFIG_FILE" not in environment


def test_a_users_own_configuration_is_left_alone(tmp_path, nowhere):
    _provider(tmp_path / "opt" / "mirror")
    own = tmp_path / "mine.rc"
    own.touch()
    environment = terraform_tool.environment_for(
        tmp_path / "work", nowhere | {"TF_CLI_CONFIG_FILE": str(own)}
    )
    assert environment["TF_CLI_CONFIG_FILE"] == str(own)
    (tmp_path / "home" / ".terraformrc").touch()
    assert "TF_CLI_CONFIG_FILE" not in terraform_tool.environment_for(tmp_path / "work", nowhere)


def test_a_configuration_that_is_not_there_is_forgotten(nowhere):
    assert "TF_CLI_CONFIG_FILE" not in terraform_tool.quiet(nowhere | {"TF_CLI_CONFIG_FILE": "/no/such/file"})


def test_a_terraform_that_is_missing_or_old_is_refused_with_advice(tmp_path):
    with pytest.raises(ToolError, match=r"no terraform on the path[\s\S]*--iac cdk"):
        terraform_tool.binary({"PATH": str(tmp_path)})
    with pytest.raises(ToolError, match=r"version 1\.9\.8"):
        terraform_tool.binary(_terraform(tmp_path / "old", "1.9.8"))
    assert terraform_tool.binary(_terraform(tmp_path / "new", "1.12.0-beta1")).name == "terraform"


def test_a_copy_has_its_own_state_and_forgets_files_that_are_gone(tmp_path):
    workspace = terraform.stage(tmp_path)
    assert 'backend "local"' in (workspace / "backend_override.tf").read_text()
    assert (tmp_path / "petrostream" / "schema" / "scored_readings.json").is_file()
    assert not (tmp_path / "infra" / "cdk").exists()
    (workspace / "removed.tf").touch()
    (workspace / "terraform.tfstate").write_text("{}")
    terraform.stage(tmp_path)
    assert not (workspace / "removed.tf").exists()
    assert (workspace / "terraform.tfstate").read_text() == "{}"


def test_what_is_deployed_is_counted_from_the_state(tmp_path):
    target = env.Twin(port=4599, home=tmp_path)
    assert terraform.module_states(target) == {"lake": None, "stream": None, "scoring": None, "jobs": None}
    state = target.terraform / "infra" / "terraform" / "terraform.tfstate"
    state.parent.mkdir(parents=True)
    rows = [
        {"mode": "managed", "module": "module.lake", "type": "a", "instances": [{}, {}]},
        {"mode": "managed", "module": "module.stream.module.role", "type": "b", "instances": [{}]},
        {"mode": "data", "type": "c", "instances": [{}]},
    ]
    state.write_text(json.dumps({"resources": rows}))
    assert terraform.module_states(target) == {
        "lake": "2 resources",
        "stream": "1 resources",
        "scoring": None,
        "jobs": None,
    }


def test_the_definition_is_the_one_asked_for_or_the_last_one_or_the_cdk(tmp_path, monkeypatch):
    monkeypatch.delenv(deployment.IAC_VARIABLE, raising=False)
    target = env.Twin(port=4599, home=tmp_path)
    assert deployment.iac_of(target) == "cdk"
    assert deployment.iac_of(target, "terraform") == "terraform"
    monkeypatch.setenv(deployment.IAC_VARIABLE, "terraform")
    assert deployment.iac_of(target) == "terraform"
    monkeypatch.delenv(deployment.IAC_VARIABLE)
    target.deployed.write_text(json.dumps({"iac": "terraform"}))
    assert deployment.iac_of(target) == "terraform"
    with pytest.raises(ToolError, match="was deployed by terraform"):
        deployment.iac_of(target, "cdk")
    with pytest.raises(ToolError, match="not a definition"):
        deployment.iac_of(target, "pulumi")


class _S3:
    """An S3 that remembers what it was asked."""

    meta = SimpleNamespace(partition="aws")

    def __init__(self, code):
        self.code = code
        self.calls = {}

    def head_bucket(self, **_):
        if self.code:
            raise ClientError({"Error": {"Code": self.code, "Message": "no"}}, "HeadBucket")

    def __getattr__(self, name):
        return lambda **arguments: self.calls.__setitem__(name, arguments)


def test_the_bucket_of_the_state_is_private_versioned_and_refuses_plain_http():
    s3 = _S3("404")
    assert terraform_state.prepare(s3, "the-bucket", "eu-north-1") is True
    assert s3.calls["create_bucket"]["CreateBucketConfiguration"] == {"LocationConstraint": "eu-north-1"}
    assert s3.calls["put_bucket_versioning"]["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(s3.calls["put_public_access_block"]["PublicAccessBlockConfiguration"].values()) == {True}
    (statement,) = json.loads(s3.calls["put_bucket_policy"]["Policy"])["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_oldest_region_takes_no_constraint_and_a_second_call_creates_nothing():
    s3 = _S3("404")
    terraform_state.prepare(s3, "the-bucket", "us-east-1")
    assert s3.calls["create_bucket"] == {"Bucket": "the-bucket"}
    s3 = _S3(None)
    assert terraform_state.prepare(s3, "the-bucket", "us-east-1") is False
    assert "create_bucket" not in s3.calls


def test_a_bucket_of_another_account_is_not_taken_over():
    with pytest.raises(ToolError, match="the-bucket"):
        terraform_state.prepare(_S3("403"), "the-bucket", "us-east-1")
