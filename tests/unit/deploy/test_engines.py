"""Both tools: what they remember, in which order they work, what they refuse."""

import json
import signal
import subprocess
import sys
import time

import pytest
from botocore.exceptions import ClientError

from deploy import cdk, gaps, stacks
from deploy.engine import Answers
from deploy.output import Output
from deploy.place import Place
from deploy.terraform import remembered
from tests.support.paths import ROOT
from toolchain import run
from toolchain.errors import ToolError

AWS = Place("123456789012", "eu-west-1", "arn:aws:iam::123456789012:user/x")


def state(*rows):
    resources = [
        {"type": kind, "mode": "managed", "instances": [{"attributes": values}]} for kind, values in rows
    ]
    return {"resources": resources}


TRUST = json.dumps({"Condition": {"StringEquals": {"x:sub": "repo:owner/name:environment:production"}}})
DEPLOYED = state(
    ("aws_sns_topic_subscription", {"protocol": "email", "endpoint": "ops@example.com"}),
    ("aws_iam_role", {"assume_role_policy": "{}"}),
    ("aws_iam_role", {"assume_role_policy": TRUST}),
)


def test_terraform_remembers_the_address_and_the_repository():
    assert remembered(Answers(), DEPLOYED) == Answers(email="ops@example.com", github="owner/name")


@pytest.mark.parametrize(
    ("subjects", "expected"),
    [
        (["repo:owner/name:ref:x", "repo:owner@1/name@2:ref:x"], "owner@1/name@2"),
        (["repo:owner/name:ref:x", "repo:owner@*/name@*:ref:x"], "owner/name"),
    ],
)
def test_terraform_remembers_the_numbers_of_the_repository_if_it_has_them(subjects, expected):
    trust = json.dumps({"Condition": {"StringEquals": {"x:sub": subjects}}})
    found = remembered(Answers(), state(("aws_iam_role", {"assume_role_policy": trust})))
    assert found == Answers(github=expected)


def test_an_answer_given_now_counts():
    now = Answers(email="new@example.com", github="other/repo")
    assert remembered(now, DEPLOYED) == now


def test_nothing_is_remembered_of_nothing():
    assert remembered(Answers(), {}) == Answers()


def test_stacks_come_after_what_they_depend_on():
    assert cdk._in_order({"C": ["B", "C.assets"], "A": [], "B": ["A"]}) == ["A", "B", "C"]


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.setattr(stacks, "parameters", lambda name: {"AlertEmail": "old"} if name == "Known" else {})

    def make(**answers):
        return cdk.CdkEngine(AWS, Answers(**answers), Output(lambda _: None))

    return make


ASKING = {"Parameters": {"AlertEmail": {"Type": "String", "Description": "where to"}}}


def test_a_new_stack_names_the_answer_it_lacks(engine):
    with pytest.raises(ToolError, match="asks for AlertEmail: where to") as refusal:
        engine()._parameters("New", ASKING)
    assert "--email" in refusal.value.hint


def test_a_deployed_stack_keeps_its_answers(engine):
    assert engine()._parameters("Known", ASKING) == {}
    assert engine(email="new@example.com")._parameters("Known", ASKING) == {"AlertEmail": "new@example.com"}


GITHUB = {
    "Parameters": {
        name: {"Default": ""} for name in ("GitHubRepository", "GitHubOwnerId", "GitHubRepositoryId")
    }
}


@pytest.mark.parametrize(
    ("named", "values"),
    [
        ("owner@1/name@2", ["owner/name", "1", "2"]),
        # The numbers of another repository would lock this one out.
        ("owner/name", ["owner/name", "", ""]),
    ],
)
def test_a_repository_is_given_with_its_numbers(engine, named, values):
    found = engine(github=named)._parameters("Guardrails", GITHUB)
    assert found == dict(zip(GITHUB["Parameters"], values, strict=True))


def test_parameters_with_a_default_are_not_required(engine):
    wanted = {"Parameters": {"BootstrapVersion": {"Type": "x"}, "Other": {"Default": ""}}}
    assert engine()._parameters("New", wanted) == {}


class FakeCloudFormation:
    """One stack that goes through states, one each time it is looked at."""

    def __init__(self, *states):
        self.states = list(states)
        self.deleted = 0

    def describe_stacks(self, StackName):  # noqa: N803
        now = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if now is None:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "no"}}, "DescribeStacks")
        return {"Stacks": [{"StackStatus": now}]}

    def delete_stack(self, StackName):  # noqa: N803
        self.deleted += 1

    def list_stack_resources(self, StackName):  # noqa: N803
        row = {"LogicalResourceId": "RawBucket", "ResourceType": "AWS::S3::Bucket"}
        why = {"ResourceStatus": "DELETE_FAILED", "ResourceStatusReason": "not empty"}
        return {"StackResourceSummaries": [row | why]}


@pytest.fixture
def cloudformation(monkeypatch):
    def install(*states):
        fake = FakeCloudFormation(*states)
        monkeypatch.setattr(stacks, "client", lambda _: fake)
        return fake

    return install


def settle(**options):
    said = []
    return stacks.settle(["S"], said.append, sleep=lambda _: None, **options), said


def test_an_interrupted_run_is_waited_for_and_reported_once(cloudformation):
    cloudformation("CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE")
    states, said = settle()
    assert states == {"S": "CREATE_COMPLETE"}
    assert len(said) == 1


def test_waiting_has_an_end(cloudformation):
    cloudformation("UPDATE_IN_PROGRESS")
    with pytest.raises(ToolError, match="still being changed"):
        settle(seconds=-1)


def test_a_stuck_stack_names_the_way_out(cloudformation):
    cloudformation("UPDATE_ROLLBACK_FAILED")
    with pytest.raises(ToolError) as refusal:
        settle()
    assert "continue-update-rollback --stack-name S" in refusal.value.hint


def test_removing_a_stack_that_is_gone_does_nothing(cloudformation):
    fake = cloudformation(None)
    stacks.remove("S", lambda _: None)
    assert fake.deleted == 0


def test_what_cloudformation_could_not_delete_is_named(cloudformation):
    cloudformation("CREATE_COMPLETE", "DELETE_IN_PROGRESS", "DELETE_FAILED")
    with pytest.raises(ToolError, match=r"RawBucket \(AWS::S3::Bucket\): not empty"):
        stacks.remove("S", lambda _: None, sleep=lambda _: None)


def test_a_tool_that_fails_says_the_end_of_its_output(tmp_path):
    with pytest.raises(ToolError, match=r"Trying failed \(exit code 3\):\nwhy"):
        run.run_quietly(["sh", "-c", "echo why >&2; exit 3"], tmp_path, {}, what="Trying", hint="")


def test_a_tool_that_does_not_end_is_stopped(tmp_path):
    with pytest.raises(ToolError, match="x did not finish within"):
        run.run_quietly(["sleep", "60"], tmp_path, {"PATH": "/bin:/usr/bin"}, what="x", hint="", seconds=0.05)


def test_every_gap_has_a_reason():
    for name, reason in gaps.GAPS.items():
        assert len(reason) > 20, name
        assert gaps.left_out(name) == f"On the emulator without {name}: {reason}."


@pytest.mark.parametrize(("interrupts", "seen"), [(1, "through"), (2, "broken off")])
def test_the_first_interrupt_waits_for_the_tool_and_the_second_reaches_it(tmp_path, interrupts, seen):
    count = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do sleep 0.1; done; "
    tool = "trap 'echo broken off > end; exit 1' INT; touch begun; " + count
    code = (
        "import sys, pathlib; from toolchain import run\n"
        f"run.run_visibly(['sh', '-c', {tool + 'echo through > end'!r}], pathlib.Path({str(tmp_path)!r}), "
        "{'PATH': '/bin:/usr/bin'}, what='x', hint='')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    while not (tmp_path / "begun").exists():
        assert process.poll() is None
    time.sleep(0.2)  # until Python has come from starting the tool to waiting for it
    process.send_signal(signal.SIGINT)
    while "interrupt again to cancel it" not in process.stderr.readline():
        assert process.poll() is None
    if interrupts == 2:
        process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert (tmp_path / "end").read_text().strip() == seen
