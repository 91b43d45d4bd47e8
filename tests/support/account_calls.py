"""Recorded calls to AWS as the rights they need: the actions IAM weighs a call by, each with its resource.

The operation of a call comes from botocore's models; the names of actions that differ from their
operations, and the resource types, from AWS's service authorization reference.
"""

import base64
import fnmatch
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3

from infra.settings import load_settings
from toolchain.twin import ACCOUNT, REGION

Need = tuple[str, str]
"""An action and the resource it is needed on."""

_SETTINGS = load_settings()
_HERE = f"{REGION}:{ACCOUNT}"
_SERVICES = {"monitoring": "cloudwatch", "tagging": "resourcegroupstaggingapi"}
"""botocore's name of a service, by the one in the signature, where they differ."""

_PREFIXES = {"resourcegroupstaggingapi": "tag"}
_ACTIONS = {
    # Told apart by a header, and by a parameter, that botocore's templates do not name.
    "s3:AbortMultipartUpload": "s3:DeleteObject",
    "s3:CopyObject": "s3:PutObject",
    "s3:DeleteBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:DeleteBucketLifecycle": "s3:PutLifecycleConfiguration",
    "s3:DeleteBucketOwnershipControls": "s3:PutBucketOwnershipControls",
    "s3:DeleteBucketTagging": "s3:PutBucketTagging",
    "s3:DeletePublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:GetBucketAccelerateConfiguration": "s3:GetAccelerateConfiguration",
    "s3:GetBucketCors": "s3:GetBucketCORS",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycle": "s3:GetLifecycleConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:GetBucketReplication": "s3:GetReplicationConfiguration",
    "s3:GetObjectLockConfiguration": "s3:GetBucketObjectLockConfiguration",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:PutBucketEncryption": "s3:PutEncryptionConfiguration",
    "s3:PutBucketLifecycle": "s3:PutLifecycleConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}
"""Actions that are not called like their operations."""

_FREE = {"sts:GetCallerIdentity"}
"""Nobody needs a right for these."""

_PASSING = {
    "firehose:CreateDeliveryStream",
    "lambda:CreateFunction",
    "scheduler:CreateSchedule",
    "states:CreateStateMachine",
}
"""Operations that hand a role to a service."""

_TAGGING = {"firehose": "TagDeliveryStream", "iam": "TagRole", "sqs": "TagQueue"}
"""The action that a creation with tags needs besides its own, where it is not TagResource."""

_UNNAMED = {
    "cloudwatch:ListDashboards",
    "kinesis:DescribeLimits",
    "lambda:CreateEventSourceMapping",
    "logs:DescribeLogGroups",
    "sns:GetSubscriptionAttributes",
    "sns:Unsubscribe",
    "states:ValidateStateMachineDefinition",
    "tag:GetResources",
}
"""Actions that are weighed against every resource."""


def needs(call: Mapping[str, str]) -> Iterator[Need]:
    """The rights a call needs."""
    service, operation, given = described(call)
    action = f"{_PREFIXES.get(service, service)}:{operation}"
    action = _ACTIONS.get(action, action)
    if action in _FREE:
        return
    for resource in _resources(service, action, given):
        yield action, resource
    if action in _PASSING:
        yield "iam:PassRole", next(_roles(given))
    if operation.startswith(("Create", "Put")) and any(given.get(key) for key in _TAG_KEYS):
        tag = f"{service}:{_TAGGING.get(service, 'TagResource')}"
        for resource in _resources(service, tag, given):
            yield tag, resource


_TAG_KEYS = ("Tags", "tags", "Tags.member.1.Key", "TagsToAdd")


def refused(calls: Iterable[Mapping[str, str]], policies: Iterable[Mapping[str, Any]]) -> set[Need]:
    """What the policies lack for the calls; conditions count as met."""
    statements = [row for policy in policies for row in policy["Statement"] if row["Effect"] == "Allow"]
    wanted = {need for call in calls for need in needs(call)}
    return {
        (action, resource)
        for action, resource in wanted
        if not any(
            action in row["Action"] and any(fnmatch.fnmatchcase(resource, one) for one in row["Resource"])
            for row in statements
        )
    }


# --- which operation ---------------------------------------------------------------------------------------


def described(call: Mapping[str, str]) -> tuple[str, str, dict[str, Any]]:
    """Service, operation and parameters of a call.

    Raises:
        LookupError: no operation of the service is called like that.
    """
    signed = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", call["authorization"])
    assert signed, call
    service = _SERVICES.get(signed[1], signed[1])
    body = base64.b64decode(call["body"])
    path, query = urlsplit(call["path"]).path, urlsplit(call["path"]).query
    if call["target"]:
        return service, call["target"].rpartition(".")[2], json.loads(body or b"{}")
    if rpc := re.search(r"/operation/(\w+)$", path):
        return service, rpc[1], {}
    if body.startswith(b"Action="):
        form = {key: values[0] for key, values in parse_qs(body.decode()).items()}
        return service, form.pop("Action"), form
    return _rest(service, call["method"], path, set(parse_qs(query, keep_blank_values=True)), body)


def _rest(
    service: str, method: str, path: str, query: set[str], body: bytes
) -> tuple[str, str, dict[str, Any]]:
    """The operation whose template names most of the query: `?acl` of a bucket is not its list."""
    fitting = []
    for operation, pattern, keys in _templates(service, method):
        if (found := pattern.fullmatch(path)) and keys <= query:
            fitting.append(
                (len(keys), operation, {key: unquote(text) for key, text in found.groupdict().items()})
            )
    if not fitting:
        raise LookupError(f"{service} has no {method} {path}")
    _, operation, given = max(fitting, key=lambda one: one[0])
    document = json.loads(body) if body.startswith(b"{") else {}
    return service, operation, {**document, **given}


@cache
def _templates(service: str, method: str) -> list[tuple[str, re.Pattern[str], set[str]]]:
    client = boto3.client(service, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x")
    model = client.meta.service_model
    rows = []
    for name in model.operation_names:
        http = model.operation_model(name).http
        if http["method"] == method:
            path, _, query = http["requestUri"].partition("?")
            pattern = re.sub(r"\\\{(\w+)\\\+\\\}", r"(?P<\1>.+)", re.escape(path))
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", pattern)
            keys = set(parse_qs(query, keep_blank_values=True))
            rows.append((name, re.compile(pattern + "/?"), keys))
    return rows


# --- on which resource -------------------------------------------------------------------------------------


def _resources(service: str, action: str, given: Mapping[str, Any]) -> list[str]:
    if action in _UNNAMED:
        return ["*"]
    if action == "cloudwatch:DescribeAlarms":
        return [f"arn:aws:cloudwatch:{_HERE}:alarm:*"]
    for key in _ARN_KEYS:
        if key in given:
            return [str(given[key]).removesuffix(":*")]
    return [f"arn:aws:{text}" for text in _named(service, action, given)]


_ARN_KEYS = (
    "ResourceARN", "ResourceArn", "resourceArn", "resource", "Resource", "TopicArn", "StreamARN",
    "OpenIDConnectProviderArn",
)  # fmt: skip


def _named(service: str, action: str, given: Mapping[str, Any]) -> list[str]:
    """ARNs after `arn:aws:`, from the names in a call."""
    match service:
        case "athena":
            group = given.get("WorkGroup") or given.get("Name") or _SETTINGS.lake.workgroup
            return [f"athena:{_HERE}:workgroup/{group}"]
        case "cloudwatch" if "DashboardName" in given or "DashboardNames.member.1" in given:
            return [f"cloudwatch::{ACCOUNT}:dashboard/{given.get('DashboardName', _SETTINGS.ops.dashboard)}"]
        case "cloudwatch":
            return [f"cloudwatch:{_HERE}:alarm:{given.get('AlarmName', given.get('AlarmNames.member.1'))}"]
        case "dynamodb":
            return [f"dynamodb:{_HERE}:table/{given['TableName']}"]
        case "firehose":
            return [f"firehose:{_HERE}:deliverystream/{given['DeliveryStreamName']}"]
        case "glue":
            return [f"glue:{_HERE}:{one}" for one in _glue(given)]
        case "iam":
            role = f"iam::{ACCOUNT}:role/{given['RoleName']}" if "RoleName" in given else ""
            return [role or str(given["PolicyArn"]).removeprefix("arn:aws:")]
        case "kinesis":
            return [f"kinesis:{_HERE}:stream/{given['StreamName']}"]
        case "lambda" if "FunctionName" in given and not action.endswith("EventSourceMapping"):
            return [f"lambda:{_HERE}:function:{str(given['FunctionName']).rpartition(':')[2]}"]
        case "lambda":
            return [f"lambda:{_HERE}:event-source-mapping:{given.get('UUID', 'made-up')}"]
        case "logs":
            return [f"logs:{_HERE}:log-group:{given['logGroupName']}"]
        case "s3":
            return [f"s3:::{given['Bucket']}" + (f"/{given['Key']}" if "Key" in given else "")]
        case "scheduler":
            group = given.get("GroupName", _SETTINGS.batch.schedule_group)
            one = action.endswith("Schedule")
            return [
                f"scheduler:{_HERE}:"
                + (f"schedule/{group}/{given['Name']}" if one else f"schedule-group/{group}")
            ]
        case "states":
            name = given.get("name") or str(given["stateMachineArn"]).rpartition(":")[2]
            return [f"states:{_HERE}:stateMachine:{name}"]
        case "sns":
            return [f"sns:{_HERE}:{given['Name']}"]
        case "sqs":
            return [f"sqs:{_HERE}:{given.get('QueueName') or str(given['QueueUrl']).rpartition('/')[2]}"]
    raise LookupError(f"{action} {dict(given)}")


def _glue(given: Mapping[str, Any]) -> Iterator[str]:
    """A table is weighed together with its database and the catalogue."""
    yield "catalog"
    database = given.get("DatabaseName") or given.get("Name") or given.get("DatabaseInput", {}).get("Name")
    yield f"database/{database}"
    table = given.get("TableName") or given.get("TableInput", {}).get("Name")
    if table or "DatabaseName" in given:
        yield f"table/{database}/{table or given['Name']}"


def _roles(given: Mapping[str, Any]) -> Iterator[str]:
    """The roles in a call's parameters."""
    yield from re.findall(r"arn:aws:iam::\d+:role/[\w+=,.@-]+", json.dumps(given))
