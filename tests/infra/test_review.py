"""The rule packs find nothing, their exceptions are all needed, and the twin needs no bootstrap roles."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT


def test_the_rule_pack_reports_nothing(aws):
    report = json.loads((aws.folder / "validation-report.json").read_text())
    assert report["pluginReports"] == []


def test_every_exception_is_needed_and_says_why(synth, monkeypatch):
    pytest.importorskip("cdk_nag")
    from infra.cdk import review

    acknowledged = review.ACKNOWLEDGED
    assert all(len(entry.reason) > 40 for entry in acknowledged)
    monkeypatch.setattr(review, "ACKNOWLEDGED", ())
    found = set()
    # Some statements exist with a setting only.
    for change in (None, lambda settings: settings["scoring"].update(enhanced_fan_out=True)):
        with pytest.raises(RuntimeError, match="ValidationFailed") as refused:
            synth("aws", change, reviewed=True)
        findings = re.findall(
            r"^ +(PetroStream\S+) .*\n +Acknowledge with 'AwsSolutions::(\S+)'", str(refused.value), re.M
        )
        found |= {(path.removesuffix("/Resource"), rule) for path, rule in findings}
    assert found == {(entry.path, entry.rule) for entry in acknowledged}


def test_an_exception_for_something_gone_is_an_error(synth, monkeypatch):
    pytest.importorskip("cdk_nag")
    from infra.cdk import review

    gone = review.Acknowledged("PetroStreamLake/NoSuchBucket", "AwsSolutions-S1", "reason")
    monkeypatch.setattr(review, "ACKNOWLEDGED", (gone,))
    with pytest.raises(LookupError, match="NoSuchBucket"):
        synth("aws", reviewed=True)


def test_cfn_lint_finds_nothing(aws):
    command = shutil.which("cfn-lint", path=str(Path(sys.executable).parent)) or shutil.which("cfn-lint")
    if command is None:
        pytest.skip("needs cfn-lint: pip install -e '.[lint]'")
    templates = sorted(map(str, aws.folder.glob("*.template.json")))
    config = ["--config-file", str(ROOT / "infra" / "cdk" / ".cfnlintrc")]
    result = subprocess.run(
        [command, *config, "--", *templates], capture_output=True, text=True, timeout=120, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_twin_deploys_with_the_callers_own_rights(aws, twin):
    def role(templates, name):
        manifest = json.loads((templates.folder / "manifest.json").read_text())
        return manifest["artifacts"][name]["properties"].get("assumeRoleArn")

    for name in aws.stacks:
        assert "cdk-hnb659fds-deploy-role" in role(aws, name)
        assert role(twin, name) is None


def test_stacks_deploy_in_order_without_exports(aws):
    manifest = json.loads((aws.folder / "manifest.json").read_text())["artifacts"]
    assert "PetroStreamLake" in manifest["PetroStreamStream"]["dependencies"]
    assert "PetroStreamStream" in manifest["PetroStreamScoring"]["dependencies"]
    for template in aws.stacks.values():
        assert "Fn::ImportValue" not in json.dumps(template)
