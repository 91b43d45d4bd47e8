"""What whoever scores may do and is told: the scoring function, or the scoring service."""

from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.cdk.common import Deployment, arn, statement
from petrostream.aws.model_registry import PREFIX

MODELS_PREFIX = f"{PREFIX}/"

STATE_CALLS = ("BatchGetItem", "DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem")
"""Deleting: the marker of a message that the topic refused. Query and BatchGetItem: shelvings whose time is
up, and whether those alarms are still active."""

STREAM_CALLS = ("DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards")


def environment(deployment: Deployment, topic_arn: str) -> dict[str, str]:
    """Its environment."""
    settings = deployment.settings
    firehose = settings.firehose
    return {
        "LIVE_TABLE": settings.live.table,
        "LIVE_WINDOW_HOURS": str(settings.live.window_hours),
        "ALERT_TOPIC": topic_arn,
        "DELIVERY_STREAM": firehose.delivery.name,
        "FACILITY_STREAM": firehose.facility.name,
        "FACILITY_JOIN": settings.facility.join,
        "ALARM_STREAM": firehose.alarms.name,
        "QUARANTINE_STREAM": firehose.quarantine.name,
        "ARTIFACTS_BUCKET": deployment.bucket_name("artifacts"),
        "MODEL_REFRESH_SECONDS": str(settings.scoring.model_refresh_seconds),
        "COMMIT_SECONDS": str(settings.scoring.commit_seconds),
        "COMMIT_BYTES": str(settings.scoring.commit_bytes),
    }


def rights(
    scope: Construct, deployment: Deployment, table_arn: str, topic_arn: str
) -> dict[str, list[iam.PolicyStatement]]:
    """Its rights, by policy name."""
    artifacts = deployment.bucket_arn("artifacts")
    firehose = deployment.settings.firehose
    deliveries = (firehose.delivery, firehose.facility, firehose.alarms, firehose.quarantine)
    stream = arn(scope, "kinesis", f"stream/{deployment.settings.stream.name}")
    return {
        "stream": [statement([f"kinesis:{call}" for call in STREAM_CALLS], [stream])],
        "delivery": [
            statement(
                ["firehose:PutRecordBatch"],
                [arn(scope, "firehose", f"deliverystream/{delivery.name}") for delivery in deliveries],
            )
        ],
        "state": [statement([f"dynamodb:{call}" for call in STATE_CALLS], [table_arn])],
        "alerts": [statement(["sns:Publish"], [topic_arn])],
        "models": [
            statement(["s3:GetObject"], [f"{artifacts}/{MODELS_PREFIX}*"]),
            # Without the right to list, S3 answers 403 instead of 404 for a model not yet published.
            statement(["s3:ListBucket"], [artifacts]),
        ],
    }
