"""A customer-managed key for what the lake keeps, where the settings ask for it (`encryption`: `kms`).

One key in the lake's stack. The other stacks know it by its alias, as they know everything by name. Who may
use it is written in the key's own policy, role by role: the policies of the roles stay as they are.
"""

from collections.abc import Iterator

from aws_cdk import Acknowledgment, Aws, Duration, RemovalPolicy, Stack, Validations
from aws_cdk import aws_athena as athena
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sqs as sqs
from constructs import IConstruct

from infra.settings import Settings

_USE = [
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
]


def use_own_key(settings: Settings, lake: Stack, others: list[Stack]) -> kms.Key:
    """Puts a key into the stack `lake`, and encrypts by it what the stacks keep.

    Buckets, query results, stream, live table, failure queue and alarm topic. Firehose takes a key by its
    own ARN only and holds data for minutes; log groups do too and hold no readings: both stay as they are.
    """
    alias = f"alias/{settings.project}"
    key = _key(settings, lake, alias)
    for construct in lake.node.find_all():
        _encrypt(construct, key.key_arn)
    for stack in others:
        for construct in stack.node.find_all():
            _encrypt(construct, alias)
    return key


def _key(settings: Settings, lake: Stack, alias: str) -> kms.Key:
    key = kms.Key(
        lake,
        "Key",
        alias=alias,
        description="PetroStream: readings, state, models, alarms",
        enable_key_rotation=True,
        # It goes with the lake's stack, which S3 keeps from going while a bucket holds anything. Until the
        # waiting time has passed a deletion can be cancelled, and the key costs nothing.
        removal_policy=RemovalPolicy.DESTROY,
        pending_window=Duration.days(30),
    )
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="RolesOfTheLake",
            principals=[iam.AnyPrincipal()],
            actions=_USE,
            resources=["*"],
            conditions={
                "StringEquals": {
                    "kms:CallerAccount": Aws.ACCOUNT_ID,
                    "aws:PrincipalArn": list(_users(settings)),
                }
            },
        )
    )
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid="AlarmsToTheTopic",
            principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=["*"],
            conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
        )
    )
    return key


def _users(settings: Settings) -> Iterator[str]:
    """ARNs of the roles that read or write what the key protects."""
    firehose = settings.firehose
    deliveries = [getattr(firehose, name) for name in type(firehose).model_fields]
    names = [
        settings.scoring.function,
        settings.raw_copy.function,
        *(getattr(settings.batch, name) for name in ("function", "nightly", "weekly", "backfill")),
        *(f"{getattr(settings.batch, name)}-schedule" for name in ("nightly", "weekly")),
        *(one.service for one in settings.services.running),
        *((settings.spark.name,) if settings.spark.enabled else ()),
        *(delivery.name for delivery in deliveries if hasattr(delivery, "name")),
        f"{settings.project}-analyst",
        f"{settings.project}-deploy",
    ]
    for name in names:
        yield f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/{name}-{Aws.REGION}"


def _encrypt(construct: IConstruct, key: str) -> None:
    """Sets the key of a resource, by ARN or alias, if it is one that keeps data."""
    if isinstance(construct, s3.CfnBucket):
        construct.bucket_encryption = s3.CfnBucket.BucketEncryptionProperty(
            server_side_encryption_configuration=[
                s3.CfnBucket.ServerSideEncryptionRuleProperty(
                    # One request to KMS for many objects: without it each costs one.
                    bucket_key_enabled=True,
                    server_side_encryption_by_default=s3.CfnBucket.ServerSideEncryptionByDefaultProperty(
                        sse_algorithm="aws:kms", kms_master_key_id=key
                    ),
                )
            ]
        )
    elif isinstance(construct, athena.CfnWorkGroup):
        path = "WorkGroupConfiguration.ResultConfiguration.EncryptionConfiguration"
        construct.add_property_override(path, {"EncryptionOption": "SSE_KMS", "KmsKey": key})
    elif isinstance(construct, kinesis.CfnStream):
        construct.stream_encryption = kinesis.CfnStream.StreamEncryptionProperty(
            encryption_type="KMS", key_id=key
        )
        reason = "The settings ask for a customer-managed key instead of the one that AWS manages."
        Validations.of(construct).acknowledge(Acknowledgment(id="AwsSolutions-KDS3", reason=reason))
    elif isinstance(construct, dynamodb.CfnTable):
        construct.sse_specification = dynamodb.CfnTable.SSESpecificationProperty(
            sse_enabled=True, sse_type="KMS", kms_master_key_id=key
        )
    elif isinstance(construct, sqs.CfnQueue):
        construct.sqs_managed_sse_enabled = None
        construct.kms_master_key_id = key
    elif isinstance(construct, sns.CfnTopic):
        construct.kms_master_key_id = key
