"""Infra as Terraform: formatted, valid, following the settings, refusing what cannot work."""

import json
import shutil
import subprocess

import pytest

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
    lake = ("module.lake.", "module.stream.", "module.scoring.")
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
    output, _ = module_tests.communicate(timeout=300)
    assert module_tests.returncode == 0, output
    assert "0 failed" in output
