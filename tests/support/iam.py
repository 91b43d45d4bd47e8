"""Roles on a lake that holds callers to them: taken apart for a while, and put on by the tests."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.exceptions import ClientError

from infra.settings import load_settings
from tests.support.rights import NOT_REHEARSED, Right, Statement, every_statement, without
from toolchain.twin import ACCOUNT

SETTINGS = load_settings()

Call = tuple[str, str]
"""An action and the resource it is tried on."""

_DENIED = {"AccessDenied", "AccessDeniedException", "AuthorizationError"}


@contextmanager
def lacking(statement: Statement, resource: str = "") -> Iterator[None]:
    """The role without the statement, or without one resource of it, meanwhile."""
    role, policy, _ = statement
    (actions, _) = dict(every_statement())[statement]
    iam = boto3.client("iam")
    document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]

    def put(content: Any) -> None:
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=json.dumps(content))

    rest = without(document, actions, resource)
    if rest["Statement"]:
        put(rest)
    else:
        iam.delete_role_policy(RoleName=role, PolicyName=policy)
    try:
        yield
    finally:
        put(document)


def assumed(role: str) -> Any:
    """The role as its service has it: the emulator lets the account's owner speak for a service."""
    functions = (SETTINGS.scoring.function, SETTINGS.raw_copy.function, SETTINGS.batch.function)
    external = {} if role.startswith(functions) else {"ExternalId": ACCOUNT}
    given = boto3.client("sts").assume_role(
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/{role}", RoleSessionName="rehearsal", **external
    )["Credentials"]
    return boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])


def _name(arn: str) -> str:
    return arn.rpartition("/")[2] if "/" in arn else arn.rpartition(":")[2]


def _object(arn: str) -> dict[str, Any]:
    bucket, _, key = arn.removeprefix("arn:aws:s3:::").partition("/")
    return {"Bucket": bucket, "Key": key.replace("*", "rehearsal")}


def _queue(arn: str) -> str:
    return str(boto3.client("sqs").get_queue_url(QueueName=_name(arn))["QueueUrl"])


def _shard(arn: str) -> dict[str, Any]:
    return {"StreamName": _name(arn), "ShardId": "shardId-000000000000", "ShardIteratorType": "LATEST"}


_CALLS: dict[str, Callable[[Any, str], Any]] = {
    "kinesis:DescribeStream": lambda s, arn: s.client("kinesis").describe_stream(StreamName=_name(arn)),
    "kinesis:DescribeStreamSummary": lambda s, arn: s.client("kinesis").describe_stream_summary(
        StreamName=_name(arn)
    ),
    "kinesis:GetShardIterator": lambda s, arn: s.client("kinesis").get_shard_iterator(**_shard(arn)),
    "kinesis:ListShards": lambda s, arn: s.client("kinesis").list_shards(StreamName=_name(arn)),
    "firehose:PutRecordBatch": lambda s, arn: s.client("firehose").put_record_batch(
        DeliveryStreamName=_name(arn), Records=[{"Data": b"{}\n"}]
    ),
    "s3:GetBucketLocation": lambda s, arn: s.client("s3").get_bucket_location(Bucket=_name(arn)),
    "s3:ListBucket": lambda s, arn: s.client("s3").list_objects_v2(Bucket=_name(arn), MaxKeys=1),
    "s3:ListBucketMultipartUploads": lambda s, arn: s.client("s3").list_multipart_uploads(Bucket=_name(arn)),
    "s3:AbortMultipartUpload": lambda s, arn: s.client("s3").abort_multipart_upload(
        **_object(arn), UploadId="none"
    ),
    "s3:GetObject": lambda s, arn: s.client("s3").get_object(**_object(arn)),
    "s3:PutObject": lambda s, arn: s.client("s3").put_object(**_object(arn)),
    "s3:DeleteObject": lambda s, arn: s.client("s3").delete_object(**_object(arn)),
    "glue:GetTable": lambda s, arn: s.client("glue").get_table(
        DatabaseName=SETTINGS.lake.database, Name=_name(arn)
    ),
    "lambda:GetFunctionConfiguration": lambda s, arn: s.client("lambda").get_function_configuration(
        FunctionName=arn
    ),
    "lambda:InvokeFunction": lambda s, arn: s.client("lambda").invoke(
        FunctionName=arn, InvocationType="DryRun"
    ),
    "sqs:SendMessage": lambda s, arn: s.client("sqs").send_message(QueueUrl=_queue(arn), MessageBody="{}"),
}
"""What AWS calls in the name of a role, by action; each on one resource of its statement."""


def calls(right: Right) -> set[Call]:
    """The calls that try a statement: each of its actions on each of its resources."""
    actions, resources = right
    return {
        (action, arn)
        for action in actions - NOT_REHEARSED.keys()
        for arn in resources
        # Reading a table takes the right on catalog, database and table at once; the call names the table.
        if not action.startswith("glue:") or ":table/" in arn
    }


def denied(session: Any, right: Right) -> set[Call]:
    """Those of a statement's calls that the access control refuses. What fails behind it was let through."""
    refused = set()
    for action, arn in calls(right):
        try:
            _CALLS[action](session, arn)
        except ClientError as error:
            if error.response["Error"]["Code"] in _DENIED:
                refused.add((action, arn))
        if action == "s3:PutObject":
            boto3.client("s3").delete_object(**_object(arn))
    return refused
