"""The pipelines: actionlint is content, and what protects the account is there."""

import re

import pytest
import yaml

from toolchain.errors import ToolError
from tools import lint_workflows

FILES = sorted(lint_workflows.WORKFLOWS.glob("*.yml"))
NAMES = {path.stem: yaml.safe_load(path.read_text()) for path in FILES}


def test_the_linter_finds_nothing():
    try:
        findings = lint_workflows.check()
    except ToolError as error:
        pytest.skip(str(error))
    assert not findings, "\n".join(map(str, findings))


def test_the_linter_finds_a_wrong_expression_and_broken_rules(tmp_path):
    (tmp_path / "bad.yml").write_text(
        "name: bad\non: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
        "      - uses: actions/checkout@v5\n      - run: echo ${{ github.evnt }}\n"
    )
    try:
        found = [finding.message for finding in lint_workflows.check(tmp_path)]
    except ToolError as error:
        pytest.skip(str(error))
    for part in ("evnt", "pinned", "permissions", "concurrency", "timeout-minutes"):
        assert any(part in message for message in found), part


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_step_runs_what_a_developer_could_not(path):
    """Every command is a make target of this repository."""
    targets = set(re.findall(r"^([a-z][a-z0-9-]*):", (lint_workflows.ROOT / "Makefile").read_text(), re.M))
    for job in NAMES[path.stem]["jobs"].values():
        for step in job.get("steps", []):
            if "run" in step:
                command, target = step["run"].split()[:2]
                assert command == "make"
                assert "matrix.suite" in step["run"] or target in targets


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_only_jobs_that_reach_the_account_may_ask_for_a_token(path):
    workflow = NAMES[path.stem]
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        reaches = any("configure-aws-credentials" in step.get("uses", "") for step in job.get("steps", []))
        assert ("id-token" in job.get("permissions", {})) == reaches
    assert "secrets." not in path.read_text()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_values_reach_commands_through_the_environment(path):
    """An expression in a run line is pasted into the shell: only the matrix, which is in the file, may be."""
    for job in NAMES[path.stem]["jobs"].values():
        for step in job.get("steps", []):
            for expression in re.findall(r"\$\{\{\s*(.*?)\s*\}\}", step.get("run", "")):
                assert expression.startswith("matrix."), step["run"]


def test_nothing_is_planned_for_an_account_before_its_checks_have_passed():
    for name in ("ci", "deploy"):
        jobs = NAMES[name]["jobs"]
        assert jobs["checks"] == {"uses": "./.github/workflows/checks.yml"}
        assert jobs["plan"]["needs"] == ["checks"]
        # Neither runs whatever happened before it.
        assert "always()" not in jobs["plan"]["if"]
    suites = NAMES["checks"]["jobs"]["test"]["strategy"]["matrix"]["suite"]
    assert suites == ["test-unit", "test-infra", "test-e2e", "test-e2e CONSUMER=service"]
    assert NAMES["checks"][True] == {"workflow_call": None}


def test_what_takes_longer_than_a_pull_request_may_runs_every_night():
    assert NAMES["nightly"][True]["schedule"]
    assert NAMES["nightly"]["jobs"]["deep"]["steps"][-1] == {"run": "make test-deep"}


def test_nothing_is_applied_or_removed_without_the_approval_of_the_environment():
    assert NAMES["deploy"]["jobs"]["apply"]["environment"] == "production"
    assert NAMES["deploy"]["jobs"]["apply"]["needs"] == ["plan"]
    assert NAMES["destroy"]["jobs"]["destroy"]["environment"] == "production"


def test_what_is_applied_is_what_was_planned_and_a_failure_is_rolled_back():
    steps = NAMES["deploy"]["jobs"]["apply"]["steps"]
    deploy = next(step for step in steps if step.get("id") == "deploy")
    assert deploy["env"]["PLAN"] == "${{ needs.plan.outputs.digest }}"
    assert steps[-1]["run"] == "make rollback UNTESTED=1"
    assert "failure()" in steps[-1]["if"]


def test_images_are_built_for_real_and_where_services_are_deployed_for_their_processor():
    assert [step["run"] for step in NAMES["checks"]["jobs"]["images"]["steps"] if "run" in step] == [
        "make image-tools",
        "make test-images",
    ]
    for name, workflow in NAMES.items():
        for job in workflow["jobs"].values():
            for step in job.get("steps", []):
                if "docker/" in step.get("uses", ""):
                    assert name == "deploy"
                    assert step["if"] == "vars.SERVICES != ''"
    assert NAMES["deploy"]["env"]["SERVICES"] == "${{ vars.SERVICES }}"
    assert NAMES["ci"]["jobs"]["plan"]["steps"][-1]["env"]["SERVICES"] == "${{ vars.SERVICES }}"


def test_a_removal_asks_for_its_name():
    # YAML reads the key `on` as true.
    inputs = NAMES["destroy"][True]["workflow_dispatch"]["inputs"]
    assert inputs["confirmation"]["required"]
    assert NAMES["destroy"]["jobs"]["destroy"]["if"] == "inputs.confirmation == 'petrostream'"


def test_two_jobs_never_change_the_account_at_once():
    for name, job in (("deploy", "apply"), ("destroy", "destroy")):
        assert NAMES[name]["jobs"][job]["concurrency"] == {"group": "lake", "cancel-in-progress": False}


def test_a_run_that_waits_for_its_approval_holds_up_no_other():
    """A run joins a group when it starts, a job when its environment lets it start."""
    groups = {name: NAMES[name]["concurrency"]["group"] for name in NAMES}
    assert len(set(groups.values())) == len(groups)
    assert "github.sha" in groups["deploy"]
    assert not any(NAMES[name]["concurrency"]["cancel-in-progress"] for name in ("deploy", "destroy"))


def test_a_fork_never_gets_a_token():
    assert "head.repo.full_name == github.repository" in NAMES["ci"]["jobs"]["plan"]["if"]
