"""The scoring function, what feeds it, and where batches go that it had to give up."""

import json
import platform

from infra.settings import load_settings
from tests.support import rights

SETTINGS = load_settings()
SCORING = SETTINGS.scoring


def _mapping(templates):
    answers = ["ReportBatchItemFailures"]
    return templates.one("AWS::Lambda::EventSourceMapping", FunctionResponseTypes=answers)


def _function(templates):
    return templates.one("AWS::Lambda::Function", FunctionName=SCORING.function)


def test_the_function_has_the_runtime_and_sizes_of_the_settings(aws):
    function = _function(aws)
    assert function["Handler"] == "lambdas.scoring.handler.handler"
    assert function["Runtime"] == f"python{SETTINGS.runtime.python}"
    assert function["Architectures"] == [SETTINGS.runtime.architecture]
    assert function["MemorySize"] == SCORING.memory_mb
    assert function["Timeout"] == SCORING.timeout_seconds
    assert "ReservedConcurrentExecutions" not in function


def test_the_function_gets_every_name_it_needs(aws):
    variables = _function(aws)["Environment"]["Variables"]
    assert set(variables) == {
        "LIVE_TABLE",
        "LIVE_WINDOW_HOURS",
        "ALERT_TOPIC",
        "DELIVERY_STREAM",
        "FACILITY_STREAM",
        "FACILITY_JOIN",
        "ALARM_STREAM",
        "QUARANTINE_STREAM",
        "ARTIFACTS_BUCKET",
        "MODEL_REFRESH_SECONDS",
        "COMMIT_SECONDS",
        "COMMIT_BYTES",
        "PARTIAL_BATCH_RESPONSE",
        "POWERTOOLS_SERVICE_NAME",
        "POWERTOOLS_METRICS_NAMESPACE",
        "LOG_LEVEL",
    }
    assert variables["DELIVERY_STREAM"] == SETTINGS.firehose.delivery.name
    assert variables["FACILITY_STREAM"] == SETTINGS.firehose.facility.name
    assert variables["FACILITY_JOIN"] == SETTINGS.facility.join
    assert variables["ALARM_STREAM"] == SETTINGS.firehose.alarms.name
    assert variables["QUARANTINE_STREAM"] == SETTINGS.firehose.quarantine.name
    assert variables["MODEL_REFRESH_SECONDS"] == str(SCORING.model_refresh_seconds)
    assert variables["POWERTOOLS_METRICS_NAMESPACE"] == "PetroStream"


def test_the_handlers_own_settings_accept_the_environment(aws):
    from petrostream.aws.settings import ConsumerSettings

    variables = _function(aws)["Environment"]["Variables"]
    # What CloudFormation fills in at deployment is a name by the time the function reads it.
    resolved = {
        name: value if isinstance(value, str) else "resolved-name" for name, value in variables.items()
    } | {"ALERT_TOPIC": "arn:aws:sns:eu-north-1:123456789012:petrostream-alerts"}
    settings = ConsumerSettings.from_environment(resolved)
    assert settings.partial_batch_response is True
    assert settings.live_window_hours == SETTINGS.live.window_hours
    assert settings.model_refresh_seconds == SCORING.model_refresh_seconds
    assert settings.commit_seconds == SCORING.commit_seconds
    assert settings.commit_bytes == SCORING.commit_bytes


def test_failed_batches_are_split_retried_and_then_kept(aws):
    mapping = _mapping(aws)
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["MaximumRetryAttempts"] == SCORING.retry_attempts
    assert mapping["MaximumRecordAgeInSeconds"] == SCORING.maximum_record_age_seconds
    assert mapping["BatchSize"] == SCORING.batch_size
    assert mapping["MaximumBatchingWindowInSeconds"] == SCORING.batching_window_seconds
    assert mapping["ParallelizationFactor"] == 1  # state is per facility: two at once would conflict
    queue = aws.one("AWS::SQS::Queue", QueueName=SCORING.failure_queue)
    (logical_id,) = (
        name for name, one in aws.resources("AWS::SQS::Queue").items() if one["Properties"] == queue
    )
    assert mapping["DestinationConfig"] == {"OnFailure": {"Destination": {"Fn::GetAtt": [logical_id, "Arn"]}}}
    assert queue["MessageRetentionPeriod"] == SCORING.failure_queue_retention_days * 86_400


def test_the_live_table_forgets_what_has_expired_and_costs_nothing_idle(aws):
    table = aws.one("AWS::DynamoDB::Table")
    assert table["TableName"] == SETTINGS.live.table
    assert [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]] == [
        ("pk", "HASH"),
        ("sk", "RANGE"),
    ]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    recovery = table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
    assert recovery is SETTINGS.live.point_in_time_recovery


def test_changes_are_told_on_a_topic_of_their_own(aws):
    (name,) = aws.resources("AWS::SNS::Topic")
    assert aws.one("AWS::SNS::Topic")["TopicName"] == SETTINGS.live.alert_topic
    assert _function(aws)["Environment"]["Variables"]["ALERT_TOPIC"] == {"Ref": name}
    assert "AlertTopicArn" in aws.outputs()


def test_only_the_twin_raises_for_a_partial_batch_and_runs_on_this_processor(aws, twin):
    assert _function(aws)["Environment"]["Variables"]["PARTIAL_BATCH_RESPONSE"] == "true"
    function = _function(twin)
    assert function["Environment"]["Variables"]["PARTIAL_BATCH_RESPONSE"] == "false"
    arm = platform.machine().lower() in {"arm64", "aarch64"}
    assert function["Architectures"] == ["arm64" if arm else "x86_64"]


def test_outputs_name_what_the_scripts_and_dashboards_use(aws, twin):
    expected = {
        "RawBucket", "CuratedBucket", "QuarantineBucket", "AthenaResultsBucket", "ArtifactsBucket",
        "StreamName", "DeliveryStreamName", "QuarantineStreamName", "LiveTableName", "ScoringFunctionName",
        "TransformFunctionName", "FailureQueueUrl", "WorkGroup", "Database",
    }  # fmt: skip
    assert expected <= aws.outputs()
    assert expected <= twin.outputs()


def test_changed_settings_change_the_template(synth):
    def change(settings):
        settings["scoring"].update(memory_mb=1024, batch_size=100, reserved_concurrency=4)
        settings["live"].update(point_in_time_recovery=False)
        settings["runtime"].update(log_retention_days=30)
        settings["lake"].update(athena_scan_limit_bytes=20_000_000)
        settings["tags"].update(owner="wells")

    templates = synth("aws", change)
    function = _function(templates)
    assert (function["MemorySize"], function["ReservedConcurrentExecutions"]) == (1024, 4)
    assert _mapping(templates)["BatchSize"] == 100
    recovery = templates.one("AWS::DynamoDB::Table")["PointInTimeRecoverySpecification"]
    assert recovery == {"PointInTimeRecoveryEnabled": False}
    groups = templates.resources("AWS::Logs::LogGroup").values()
    assert {group["Properties"]["RetentionInDays"] for group in groups} == {30}
    configuration = templates.one("AWS::Athena::WorkGroup")["WorkGroupConfiguration"]
    assert configuration["BytesScannedCutoffPerQuery"] == 20_000_000
    assert {"Key": "owner", "Value": "wells"} in function["Tags"]


def test_enhanced_fan_out_is_a_consumer_that_the_mapping_reads_and_the_role_may(synth):
    def change(settings):
        settings["scoring"].update(enhanced_fan_out=True)

    templates = synth("aws", change, reviewed=True)
    (logical_id,) = templates.resources("AWS::Kinesis::StreamConsumer")
    consumer = templates.one("AWS::Kinesis::StreamConsumer")
    assert consumer["ConsumerName"] == SCORING.function
    assert f":stream/{SETTINGS.stream.name}" in json.dumps(consumer["StreamARN"])
    mapping = _mapping(templates)
    assert mapping["EventSourceArn"] == {"Fn::GetAtt": [logical_id, "ConsumerARN"]}
    ours = (
        frozenset({"kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard"}),
        frozenset({f"{rights.STREAM}/consumer/{SCORING.function}:*"}),
    )
    found = rights.rights_of(templates.stacks)
    assert found[rights.SCORING]["stream"] == {ours, *rights.EXPECTED[rights.SCORING]["stream"]}


def test_without_it_and_on_the_twin_the_mapping_reads_the_stream(aws, twin, synth):
    def change(settings):
        settings["scoring"].update(enhanced_fan_out=True)

    for templates in (aws, twin, synth("twin", change)):
        assert not templates.resources("AWS::Kinesis::StreamConsumer")
        source = json.dumps(_mapping(templates)["EventSourceArn"])
        assert source.endswith(f':stream/{SETTINGS.stream.name}"]]}}')
        assert "SubscribeToShard" not in json.dumps(templates.resources("AWS::IAM::Role"))
