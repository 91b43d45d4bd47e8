"""Encryption, transport, public access and rights, over every resource of every stack."""

import json

from infra.settings import load_settings

SETTINGS = load_settings()


def _statements(role):
    for policy in role["Properties"].get("Policies", []):
        yield from policy["PolicyDocument"]["Statement"]


def _listed(value):
    return value if isinstance(value, list) else [value]


def _denies_plain_http(document):
    return any(
        statement["Effect"] == "Deny"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        and statement["Principal"] in ("*", {"AWS": "*"})
        for statement in document["Statement"]
        if "Condition" in statement
    )


def test_every_bucket_is_private_and_encrypted(aws):
    buckets = aws.resources("AWS::S3::Bucket")
    assert len(buckets) == len(SETTINGS.lake.buckets)
    for bucket in buckets.values():
        properties = bucket["Properties"]
        assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(properties["PublicAccessBlockConfiguration"]) == 4
        assert properties["BucketEncryption"]
        owner = properties["OwnershipControls"]["Rules"]
        assert owner == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        assert "AccessControl" not in properties


def test_every_bucket_and_queue_refuses_plain_http(aws):
    policies = aws.resources("AWS::S3::BucketPolicy").values()
    guarded = {
        policy["Properties"]["Bucket"]["Ref"]
        for policy in policies
        if _denies_plain_http(policy["Properties"]["PolicyDocument"])
    }
    assert guarded == set(aws.resources("AWS::S3::Bucket"))
    queue_policies = aws.resources("AWS::SQS::QueuePolicy").values()
    assert queue_policies
    assert all(_denies_plain_http(policy["Properties"]["PolicyDocument"]) for policy in queue_policies)
    (topic_policy,) = aws.resources("AWS::SNS::TopicPolicy").values()
    assert _denies_plain_http(topic_policy["Properties"]["PolicyDocument"])


def test_the_twin_which_has_no_tls_is_not_locked_out_by_it(twin):
    assert "aws:SecureTransport" not in json.dumps(twin.stacks)


def test_no_policy_lets_the_public_in(aws):
    for kind in ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"):
        policies = aws.resources(kind).values()
        assert policies, kind
        for policy in policies:
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
                assert statement["Effect"] == "Deny"


def test_queues_and_streams_are_encrypted(aws):
    queues = aws.resources("AWS::SQS::Queue").values()
    assert len(queues) == 2
    assert all(queue["Properties"]["SqsManagedSseEnabled"] is True for queue in queues)
    assert aws.one("AWS::Kinesis::Stream")["StreamEncryption"]
    direct = [
        stream["Properties"]
        for stream in aws.resources("AWS::KinesisFirehose::DeliveryStream").values()
        if stream["Properties"]["DeliveryStreamType"] == "DirectPut"
    ]
    keys = [stream["DeliveryStreamEncryptionConfigurationInput"]["KeyType"] for stream in direct]
    assert keys == ["AWS_OWNED_CMK"] * 5


def test_no_right_is_given_on_everything(aws):
    for role in aws.resources("AWS::IAM::Role").values():
        for statement in _statements(role):
            assert not any("*" in action for action in _listed(statement["Action"])), statement
            for resource in _listed(statement["Resource"]):
                assert resource != "*", statement
                text = json.dumps(resource)
                # The only wildcards are object keys below a named prefix of a named bucket, tables of the one
                # database for what their columns are, and the executions that a machine starts itself.
                known = (":s3:::", ":table/petrostream/*", "/EachDay:*")
                assert "*" not in text or (any(part in text for part in known) and text.count("*") == 1), (
                    statement
                )


def test_rights_are_inline_and_one_role_serves_one_resource(aws):
    roles = aws.resources("AWS::IAM::Role")
    assert not aws.resources("AWS::IAM::Policy")
    assert not aws.resources("AWS::IAM::ManagedPolicy")
    assert not any(role["Properties"].get("ManagedPolicyArns") for role in roles.values())
    functions = [
        f["Properties"]["Role"]["Fn::GetAtt"][0] for f in aws.resources("AWS::Lambda::Function").values()
    ]
    streams = [
        f["Properties"]["ExtendedS3DestinationConfiguration"]["RoleARN"]["Fn::GetAtt"][0]
        for f in aws.resources("AWS::KinesisFirehose::DeliveryStream").values()
    ]
    machines = [
        m["Properties"]["RoleArn"]["Fn::GetAtt"][0]
        for m in aws.resources("AWS::StepFunctions::StateMachine").values()
    ]
    schedules = [
        s["Properties"]["Target"]["RoleArn"]["Fn::GetAtt"][0]
        for s in aws.resources("AWS::Scheduler::Schedule").values()
    ]
    assert sorted(functions + streams + machines + schedules) == sorted(roles)


def test_the_scoring_role_may_do_what_its_adapters_call_and_no_more(aws):
    actions = set()
    for name, role in aws.resources("AWS::IAM::Role").items():
        if name.startswith("Scoring"):
            actions |= {action for statement in _statements(role) for action in _listed(statement["Action"])}
    assert actions == {
        "dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem",
        "dynamodb:Query", "dynamodb:UpdateItem",
        "firehose:PutRecordBatch",
        "kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords",
        "kinesis:GetShardIterator", "kinesis:ListShards",
        "logs:CreateLogStream", "logs:PutLogEvents",
        "s3:GetObject", "s3:ListBucket",
        "sns:Publish",
        "sqs:SendMessage",
    }  # fmt: skip


def test_firehose_roles_serve_this_account_only(aws):
    trusts = [
        trust
        for role in aws.resources("AWS::IAM::Role").values()
        for trust in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if trust["Principal"]["Service"] == "firehose.amazonaws.com"
    ]
    # One role serves one stream.
    assert len(trusts) == len(aws.resources("AWS::KinesisFirehose::DeliveryStream"))
    for trust in trusts:
        assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": {"Ref": "AWS::AccountId"}}}


def test_machines_and_schedules_serve_this_account_only(aws):
    trusts = [
        trust
        for role in aws.resources("AWS::IAM::Role").values()
        for trust in role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        if trust["Principal"]["Service"] in ("states.amazonaws.com", "scheduler.amazonaws.com")
    ]
    assert len(trusts) == 5
    for trust in trusts:
        assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_every_function_logs_to_a_group_that_expires_with_its_stack(aws):
    groups = aws.resources("AWS::Logs::LogGroup")
    for group in groups.values():
        assert group["Properties"]["RetentionInDays"] == SETTINGS.runtime.log_retention_days
        assert group["DeletionPolicy"] == "Delete"
    for function in aws.resources("AWS::Lambda::Function").values():
        assert function["Properties"]["LoggingConfig"]["LogGroup"]["Ref"] in groups


def test_everything_that_can_carry_tags_does(aws):
    expected = {**SETTINGS.tags, "environment": SETTINGS.environment}
    for kind in (
        "AWS::S3::Bucket", "AWS::Kinesis::Stream", "AWS::KinesisFirehose::DeliveryStream",
        "AWS::Lambda::Function", "AWS::Lambda::EventSourceMapping", "AWS::DynamoDB::Table", "AWS::SQS::Queue",
        "AWS::IAM::Role", "AWS::Logs::LogGroup", "AWS::Athena::WorkGroup", "AWS::StepFunctions::StateMachine",
        "AWS::Scheduler::ScheduleGroup",
    ):  # fmt: skip
        resources = aws.resources(kind)
        assert resources, kind
        for name, resource in resources.items():
            tags = {tag["Key"]: tag["Value"] for tag in resource["Properties"].get("Tags", [])}
            assert expected.items() <= tags.items(), name
