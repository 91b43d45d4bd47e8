"""A customer-managed key where the settings ask for it: on all that keeps readings, for all who read it."""

import json

import pytest

STACKS = ("PetroStreamLake", "PetroStreamStream", "PetroStreamScoring", "PetroStreamJobs", "PetroStreamOps")
ALIAS = "alias/petrostream"


@pytest.fixture(scope="module")
def keyed(synth):
    templates = synth("aws", lambda settings: settings.update(encryption="kms"), reviewed=True)
    loaded = [json.loads((templates.folder / f"{name}.template.json").read_text()) for name in STACKS]
    return {name: r for template in loaded for name, r in template["Resources"].items()}


def _of(resources, kind):
    return {name: r["Properties"] for name, r in resources.items() if r["Type"] == kind}


def test_there_is_one_key_that_rotates_and_waits_before_it_goes(keyed):
    (key,) = _of(keyed, "AWS::KMS::Key").values()
    assert key["EnableKeyRotation"] is True
    assert key["PendingWindowInDays"] == 30
    (alias,) = _of(keyed, "AWS::KMS::Alias").values()
    assert alias["AliasName"] == ALIAS


def test_everything_that_keeps_readings_is_under_it(keyed):
    (key,) = _of(keyed, "AWS::KMS::Key")
    arn = {"Fn::GetAtt": [key, "Arn"]}
    buckets = _of(keyed, "AWS::S3::Bucket").values()
    assert len(buckets) == 5
    for bucket in buckets:
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn}
        assert rule["BucketKeyEnabled"] is True
    (group,) = _of(keyed, "AWS::Athena::WorkGroup").values()
    result = group["WorkGroupConfiguration"]["ResultConfiguration"]
    assert result["EncryptionConfiguration"] == {"EncryptionOption": "SSE_KMS", "KmsKey": arn}
    assert "OutputLocation" in result
    (stream,) = _of(keyed, "AWS::Kinesis::Stream").values()
    assert stream["StreamEncryption"] == {"EncryptionType": "KMS", "KeyId": ALIAS}
    (table,) = _of(keyed, "AWS::DynamoDB::Table").values()
    assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": ALIAS}
    queues = _of(keyed, "AWS::SQS::Queue").values()
    assert len(queues) == 2
    for queue in queues:
        assert queue["KmsMasterKeyId"] == ALIAS
        assert "SqsManagedSseEnabled" not in queue
    topics = _of(keyed, "AWS::SNS::Topic").values()
    assert {topic["TopicName"] for topic in topics} == {"petrostream-operations", "petrostream-alerts"}
    assert {topic["KmsMasterKeyId"] for topic in topics} == {ALIAS}


def test_every_role_that_reads_or_writes_may_use_it_and_no_stranger(keyed):
    (key,) = _of(keyed, "AWS::KMS::Key").values()
    statements = {s.get("Sid"): s for s in key["KeyPolicy"]["Statement"]}
    condition = statements["RolesOfTheLake"]["Condition"]["StringEquals"]
    assert condition["kms:CallerAccount"] == {"Ref": "AWS::AccountId"}
    allowed = json.dumps(condition["aws:PrincipalArn"])
    for name, role in _of(keyed, "AWS::IAM::Role").items():
        prefix = role["RoleName"]["Fn::Join"][1][0]
        assert (f"role/{prefix}" in allowed) is not name.startswith("Transform"), prefix
    assert "role/petrostream-analyst-" in allowed
    assert statements["AlarmsToTheTopic"]["Condition"] == {
        "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    }


def test_without_it_there_is_no_key_to_pay_for(aws, twin, ops):
    for templates in (aws, twin, ops):
        assert not templates.resources("AWS::KMS::Key")


def test_the_twin_has_no_key_whatever_the_settings(synth):
    templates = synth("twin", lambda settings: settings.update(encryption="kms"))
    assert not templates.resources("AWS::KMS::Key")
