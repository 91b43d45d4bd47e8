"""A customer-managed key by Terraform: one for what the lake keeps, as by the CDK, and none unasked."""

import json

import pytest

from infra.settings import SETTINGS_FILE
from tests.support.terraform import ACCOUNT_VARIABLES, planned

ALIAS = "alias/petrostream"


@pytest.fixture(scope="module")
def keyed(terraform_copy, tmp_path_factory):
    """Planned values by address, with `encryption` set to `kms`."""
    raw = json.loads(SETTINGS_FILE.read_text())
    path = tmp_path_factory.mktemp("keyed") / "settings.json"
    path.write_text(json.dumps({**raw, "encryption": "kms"}))
    plan = terraform_copy.plan(f"-var=settings_file={path}", *ACCOUNT_VARIABLES)
    return {row["address"]: row["values"] for row in planned(plan)}


def _of(values, kind):
    found = [row for address, row in values.items() if f"{kind}." in address]
    assert found, kind
    return found


def test_everything_kept_is_encrypted_by_the_key(keyed):
    for row in _of(keyed, "aws_s3_bucket_server_side_encryption_configuration"):
        (rule,) = row["rule"]
        (default,) = rule["apply_server_side_encryption_by_default"]
        assert default["sse_algorithm"] == "aws:kms"
        assert default["kms_master_key_id"].endswith(f":{ALIAS}")
        assert rule["bucket_key_enabled"] is True
    (group,) = _of(keyed, "aws_athena_workgroup")
    results = group["configuration"][0]["result_configuration"][0]["encryption_configuration"][0]
    assert results["encryption_option"] == "SSE_KMS"
    assert results["kms_key_arn"].endswith(f":{ALIAS}")
    assert [row["kms_key_id"] for row in _of(keyed, "aws_kinesis_stream")] == [ALIAS]
    assert [row["server_side_encryption"][0]["enabled"] for row in _of(keyed, "aws_dynamodb_table")] == [True]
    queues = {row["name"]: row["kms_master_key_id"] for row in _of(keyed, "aws_sqs_queue")}
    assert queues == {"petrostream-scoring-failures": ALIAS, "petrostream-undelivered-schedules": ALIAS}
    assert {row["kms_master_key_id"] for row in _of(keyed, "aws_sns_topic")} == {ALIAS}


def test_the_key_is_for_the_roles_of_the_lake_and_for_the_alarms(keyed):
    (key,) = _of(keyed, "aws_kms_key")
    assert key["enable_key_rotation"] is True
    statements = {row.get("Sid", "Owner"): row for row in json.loads(key["policy"])["Statement"]}
    assert set(statements) == {"Owner", "RolesOfTheLake", "AlarmsToTheTopic"}
    users = statements["RolesOfTheLake"]["Condition"]["StringEquals"]["aws:PrincipalArn"]
    roles = {row["name"] for row in _of(keyed, "aws_iam_role")}
    named = {arn.rpartition("/")[2] for arn in users}
    keepers = {role for role in roles if "transform" not in role and "plan" not in role}
    assert {role for role in keepers if role.startswith(("petrostream-scoring", "petrostream-raw"))} <= named
    assert any(name.startswith("petrostream-analyst-") for name in named)
    assert not any("transform" in name for name in named)


def test_without_it_there_is_no_key_to_pay_for(aws_plan):
    assert not [row for row in planned(aws_plan) if row["type"].startswith("aws_kms")]
