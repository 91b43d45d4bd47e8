"""The lake as AWS gets it, created by Terraform in an account of moto's, and what the roles must allow.

Moto does not weigh rights: every call is recorded and compared with the policies. What moto cannot do is
listed.
"""

import copy
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import boto3
import pytest

from deploy import terraform_state
from deploy.terraform import finish_targets, stop_targets
from infra import watch
from infra.settings import load_settings
from tests.support import account_calls
from tests.support.paths import ROOT
from tests.support.terraform import ACCOUNT_VARIABLES, planned_changes
from toolchain.twin import ACCOUNT, REGION

SETTINGS = load_settings()
PLACE = watch.AccountRegion(account=ACCOUNT, region=REGION, partition="aws")
ANSWERS = ("-no-color", "-input=false", "-lock=false", *ACCOUNT_VARIABLES)
PIPELINE = [f"-target=module.{name}" for name in ("lake", "stream", "scoring", "jobs", "ops")]
"""What a run of the pipeline is limited to."""

GUARDS = [
    f"-target=module.guardrails.aws_iam_{name}"
    for name in ("openid_connect_provider.github", "policy.plan", "role_policy.analyst", "role_policy.deploy")
]
"""The guardrails that moto has. It lacks tags, subscribers and actions of budgets, and anomaly monitors."""

GAPS: Mapping[tuple[str, str], str] = {
    ("aws_kinesis_stream", "tags_all"): "moto drops the tags of CreateStream",
    ("aws_lambda_function", "logging_config"): "moto does not return the LoggingConfig of a function",
}
"""What a second plan on moto still wants to change, by resource type and attribute, with the reason."""


def policies(*names: str) -> list[dict[str, Any]]:
    """Access policies as they are in that account."""
    return [watch.policy(name, SETTINGS, PLACE) for name in names]


PLAN, DEPLOY = policies("plan"), policies("plan", "deploy", "deploy_jobs")
"""The rights of the pipeline's two roles: the deploy role has the policy of the plan role as well."""


@pytest.fixture(scope="module")
def created(account, account_applying, account_server):
    """The calls of a first deployment."""
    assert "Apply complete!" in account_applying.output()
    return account_server.calls()


@pytest.fixture(scope="module")
def second(account, created, account_server):
    """A second plan, and its calls."""
    before = len(account_server.calls())
    plan = account.plan(*ACCOUNT_VARIABLES, *PIPELINE)
    return plan, account_server.calls()[before:]


@pytest.fixture(scope="module")
def guarded(account, second):
    """The account, with guardrails that a person has deployed."""
    result = account.run("apply", "-auto-approve", *ANSWERS, *GUARDS)
    assert result.returncode == 0, result.stderr
    return account


@pytest.fixture(scope="module")
def receipt(guarded, account_server):
    """What the receipt prints, and its calls; state and assets of the bootstrap are there."""
    s3 = boto3.client(
        "s3",
        endpoint_url=account_server.endpoint,
        region_name=REGION,
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )
    s3.create_bucket(Bucket=terraform_state.bucket_name(ACCOUNT, REGION))
    s3.create_bucket(Bucket=f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}")
    before = len(account_server.calls())
    environment = dict(guarded.environment) | {"COLUMNS": "200"}
    command = [sys.executable, "-m", "deploy", "receipt"]
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    return result.stdout + result.stderr, account_server.calls()[before:]


@pytest.fixture(scope="module")
def removed(guarded, receipt, account_server):
    """The calls of a removal without the guardrails."""
    before = len(account_server.calls())
    for targets in (stop_targets(guardrails=False), finish_targets(guardrails=False)):
        result = guarded.run("destroy", "-auto-approve", *ANSWERS, *targets)
        assert result.returncode == 0, result.stderr
    return account_server.calls()[before:]


def test_a_second_plan_changes_nothing_but_what_moto_forgets(second):
    plan, _ = second
    assert planned_changes(plan) == set(GAPS)


def test_a_plan_reads_nothing_that_its_role_may_not(second):
    _, calls = second
    assert len(calls) > 200
    assert account_calls.refused(calls, PLAN) == set()


@pytest.mark.parametrize(
    "action",
    [
        "cloudwatch:DescribeAlarms", "glue:GetPartitionIndexes", "kinesis:DescribeLimits",
        "logs:DescribeLogStreams", "sns:GetSubscriptionAttributes", "s3:GetLifecycleConfiguration",
    ],
)  # fmt: skip
def test_a_right_that_a_plan_needs_cannot_be_lost_unnoticed(second, action):
    _, calls = second
    (less,) = copy.deepcopy(PLAN)
    for statement in less["Statement"]:
        statement["Action"] = [one for one in statement["Action"] if one != action]
    assert {needed for needed, _ in account_calls.refused(calls, [less])} == {action}


def test_a_deployment_makes_nothing_that_its_role_may_not(created):
    assert {need[0] for call in created for need in account_calls.needs(call)} >= {
        "iam:PassRole",
        "kinesis:CreateStream",
        "lambda:CreateFunction",
        "lambda:TagResource",
    }
    assert account_calls.refused(created, DEPLOY) == set()


def test_a_removal_without_the_guardrails_plans_to_remove_none_of_them(guarded):
    for targets in (stop_targets(guardrails=False), finish_targets(guardrails=False)):
        gone = guarded.removals(*ACCOUNT_VARIABLES, *targets)
        assert gone
        assert [address for address in gone if address.startswith("module.guardrails")] == []


def test_a_removal_with_the_guardrails_plans_to_remove_them_too(guarded):
    gone = guarded.removals(*ACCOUNT_VARIABLES, *stop_targets(guardrails=True))
    assert "module.guardrails[0].aws_iam_role.analyst" in gone


def test_the_receipt_sees_everything_under_the_role_of_the_pipeline(receipt):
    output, calls = receipt
    for shown in ("│ stream ", "│ alarm ", "│ dashboard ", "The bootstrap stays for the next deployment"):
        assert shown in output, output
    actions = {need[0] for call in calls for need in account_calls.needs(call)}
    assert {"cloudwatch:ListDashboards", "s3:ListBucketVersions", "tag:GetResources"} <= actions
    assert account_calls.refused(calls, DEPLOY) == set()
    # Whoever may plan may also ask for the receipt.
    assert account_calls.refused(calls, PLAN) == set()


def test_a_removal_makes_nothing_that_its_role_may_not(removed):
    actions = {need[0] for call in removed for need in account_calls.needs(call)}
    assert {"kinesis:DeleteStream", "s3:DeleteBucket", "sns:Unsubscribe"} <= actions
    assert account_calls.refused(removed, DEPLOY) == set()


def test_the_guardrails_are_still_there_after_it(account, removed):
    left = account.run("state", "list").stdout.split()
    managed = [address for address in left if not address.startswith("data.")]
    assert managed
    assert all(address.startswith("module.guardrails[0].") for address in managed), managed
    iam = json.loads(account.run("show", "-json").stdout)["values"]["root_module"]["child_modules"]
    assert len(iam) == 1
