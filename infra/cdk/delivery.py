"""What the Firehoses have in common: a role, an error log, a place in a bucket."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.cdk.common import Deployment, arn, log_group, role, statement
from infra.settings import QuarantineDeliverySettings, RawDeliverySettings, ScoredDeliverySettings, Zone

ARRIVAL_DATE = "date=!{timestamp:yyyy-MM-dd}/"
"""Prefix expression: the UTC date on which the record reached Firehose."""

EVENT_DATE = "date=!{partitionKeyFromLambda:date}/"
"""Prefix expression: the UTC date of the reading's own time, as the transform function found it."""

_ERROR_STREAM = "S3Delivery"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One Firehose in the making.

    Attributes:
        scope: where its resources belong.
        role: the role it acts under.
        common: the part of its S3 configuration that does not depend on what it delivers.
    """

    scope: Construct
    role: iam.Role
    common: Mapping[str, Any]


def delivery(
    scope: Construct,
    deployment: Deployment,
    *,
    zone: Zone,
    prefix: str,
    settings: RawDeliverySettings | ScoredDeliverySettings | QuarantineDeliverySettings,
    rights: Mapping[str, Sequence[iam.PolicyStatement]],
) -> Delivery:
    """The role, error log and common configuration of a Firehose that writes below `prefix` of a bucket.

    Args:
        scope: a construct of its own.
        deployment: what is deployed.
        zone: the bucket.
        prefix: the keys it may write, besides those below the error prefix.
        settings: name and buffer.
        rights: what it may do beyond writing to its prefixes and its error log.
    """
    error_prefix = deployment.settings.firehose.error_prefix
    error_log, write_error_log = _error_log(scope, deployment, settings.name)
    access = role(
        scope,
        "Role",
        name=settings.name,
        service="firehose.amazonaws.com",
        external_id=Aws.ACCOUNT_ID,
        policies={
            "bucket": _write(deployment.bucket_arn(zone), (prefix, error_prefix)),
            "logs": [write_error_log],
            **rights,
        },
    )
    buffer = firehose.CfnDeliveryStream.BufferingHintsProperty(
        size_in_m_bs=settings.buffer_mb, interval_in_seconds=settings.buffer_seconds
    )
    common = {
        "bucket_arn": deployment.bucket_arn(zone),
        "role_arn": access.role_arn,
        "buffering_hints": buffer,
        "cloud_watch_logging_options": error_log,
        "error_output_prefix": (
            f"{error_prefix}{settings.name}/!{{firehose:error-output-type}}/{ARRIVAL_DATE}"
        ),
    }
    return Delivery(scope, access, common)


def _error_log(
    scope: Construct, deployment: Deployment, name: str
) -> tuple[firehose.CfnDeliveryStream.CloudWatchLoggingOptionsProperty, iam.PolicyStatement]:
    """Where a Firehose reports what it could not deliver, and the right to do so."""
    group_name = f"/aws/kinesisfirehose/{name}"
    group = log_group(scope, "Logs", group_name, deployment.settings)
    stream = logs.LogStream(scope, "LogStream", log_group=group, log_stream_name=_ERROR_STREAM)
    options = firehose.CfnDeliveryStream.CloudWatchLoggingOptionsProperty(
        enabled=True, log_group_name=group.log_group_name, log_stream_name=stream.log_stream_name
    )
    stream_arn = arn(scope, "logs", f"log-group:{group_name}:log-stream:{_ERROR_STREAM}")
    return options, statement(["logs:PutLogEvents"], [stream_arn])


def _write(bucket: str, prefixes: Sequence[str]) -> list[iam.PolicyStatement]:
    """What Firehose needs to write objects below some prefixes of a bucket, in parts if they are large."""
    return [
        statement(["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"], [bucket]),
        statement(
            ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
            [f"{bucket}/{prefix}*" for prefix in prefixes],
        ),
    ]


def owned_key() -> firehose.CfnDeliveryStream.DeliveryStreamEncryptionConfigurationInputProperty:
    """Encryption at rest by a key that AWS owns: no charge, nothing to rotate."""
    return firehose.CfnDeliveryStream.DeliveryStreamEncryptionConfigurationInputProperty(
        key_type="AWS_OWNED_CMK"
    )
