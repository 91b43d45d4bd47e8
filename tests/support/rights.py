"""The rights of the lake's roles, written down a second time, and how each of them is tried.

`EXPECTED` does not come from the definitions, so a statement that is lost from them is noticed. Every
statement is in one of three groups: the pipeline stops without it on the twin (`PIPELINE`), the twin denies
the role a call that AWS makes in its name (`REHEARSED`), or nothing but `EXPECTED` holds it (`ONLY_PINNED`).
"""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from infra.settings import load_settings
from tests.support import parity_cdk
from toolchain.twin import ACCOUNT, REGION

_SETTINGS = load_settings()
_HERE = f"{REGION}:{ACCOUNT}"

Right = tuple[frozenset[str], frozenset[str]]
"""Actions and resources of one Allow statement."""

Rights = dict[str, dict[str, set[Right]]]
"""Role, policy, statements."""

Statement = tuple[str, str, str]
"""A statement by its role, its policy, and the first of its actions."""


def _right(actions: str, *resources: str) -> Right:
    """`service:First Second` on some resources."""
    service, _, names = actions.partition(":")
    return frozenset(f"{service}:{name}" for name in names.split()), frozenset(resources)


def bucket(zone: str) -> str:
    """ARN of a bucket."""
    return f"arn:aws:s3:::petrostream-{zone}-{ACCOUNT}-{REGION}"


def firehose(name: str) -> str:
    """ARN of a Firehose."""
    return f"arn:aws:firehose:{_HERE}:deliverystream/{name}"


STREAM = f"arn:aws:kinesis:{_HERE}:stream/{_SETTINGS.stream.name}"
TOPIC = f"arn:aws:sns:{_HERE}:{_SETTINGS.live.alert_topic}"
SCORING = f"{_SETTINGS.scoring.function}-{REGION}"
TRANSFORM = f"{_SETTINGS.firehose_transform.function}-{REGION}"
RAW = f"{_SETTINGS.firehose.raw.name}-{REGION}"
RAW_COPY = f"{_SETTINGS.raw_copy.function}-{REGION}"
_READ_STREAM = _right(
    "kinesis:DescribeStream DescribeStreamSummary GetRecords GetShardIterator ListShards", STREAM
)


def _function_log(function: str) -> set[Right]:
    group = f"arn:aws:logs:{_HERE}:log-group:/aws/lambda/{function}:*"
    return {_right("logs:CreateLogStream PutLogEvents", group)}


def _delivery(name: str, zone: str, prefix: str) -> dict[str, set[Right]]:
    """What every Firehose may do: write below two prefixes, and to its error log."""
    log = f"arn:aws:logs:{_HERE}:log-group:/aws/kinesisfirehose/{name}:log-stream:S3Delivery"
    place = bucket(zone)
    return {
        "bucket": {
            _right("s3:GetBucketLocation ListBucket ListBucketMultipartUploads", place),
            _right("s3:AbortMultipartUpload GetObject PutObject", f"{place}/{prefix}/*", f"{place}/errors/*"),
        },
        "logs": {_right("logs:PutLogEvents", log)},
    }


def _parquet(name: str, table: str) -> dict[str, set[Right]]:
    """What a Firehose that makes Parquet may do besides: read its table, call the transform."""
    catalog = f"arn:aws:glue:{_HERE}:"
    database = _SETTINGS.lake.database
    transform = f"arn:aws:lambda:{_HERE}:function:{_SETTINGS.firehose_transform.function}"
    versions = (transform, f"{transform}:$LATEST")
    parts = (f"{catalog}catalog", f"{catalog}database/{database}", f"{catalog}table/{database}/{table}")
    return {
        **_delivery(name, "curated", table),
        "schema": {_right("glue:GetTable GetTableVersion GetTableVersions", *parts)},
        "transform": {_right("lambda:GetFunctionConfiguration InvokeFunction", *versions)},
    }


def _batch() -> Rights:
    """The function of the jobs, its state machines and its schedules."""
    batch, database = _SETTINGS.batch, _SETTINGS.lake.database
    function = f"arn:aws:lambda:{_HERE}:function:{batch.function}"
    glue = f"arn:aws:glue:{_HERE}:"
    place = (f"{glue}catalog", f"{glue}database/{database}")
    group = f"arn:aws:athena:{_HERE}:workgroup/{_SETTINGS.lake.workgroup}"
    zones = ("raw", "curated", "quarantine", "athena-results", "artifacts")
    curated, results = bucket("curated"), bucket("athena-results")
    read = (f"{curated}/scored_readings/*", f"{curated}/alarms/*", f"{bucket('raw')}/ingest/*")
    read += (f"{bucket('quarantine')}/quarantine/*", f"{bucket('artifacts')}/models/*")
    gold = "well_data_gold well_data_runs gold_hours gold_days gold_months alarm_history_gold gold_quality"
    views = "alarm_history well_data well_hours well_days recent_well_months"

    def tables(names: str) -> tuple[str, ...]:
        return (*place, *(f"{glue}table/{database}/{name}" for name in names.split()))

    rights: Rights = {
        f"{batch.function}-{REGION}": {
            "logs": _function_log(batch.function),
            "find": {_right("s3:GetBucketLocation ListBucket", *map(bucket, zones))},
            "read": {_right("s3:GetObject", *read)},
            "gold": {_right("s3:AbortMultipartUpload DeleteObject GetObject PutObject", f"{curated}/gold/*")},
            "catalogue": {
                _right("glue:GetDatabase GetPartition GetPartitions GetTable GetTables", *tables("*"))
            },
            "partitions": {
                _right(
                    "glue:BatchUpdatePartition CreatePartition DeletePartition UpdatePartition", *tables(gold)
                )
            },
            "views": {_right("glue:CreateTable UpdateTable", *tables(views))},
            "query": {
                _right(
                    "athena:GetQueryExecution GetQueryResults StartQueryExecution StopQueryExecution", group
                )
            },
            "results": {_right("s3:AbortMultipartUpload GetObject PutObject", f"{results}/results/*")},
        }
    }
    states, topic = f"arn:aws:states:{_HERE}:", f"arn:aws:sns:{_HERE}:{_SETTINGS.ops.topic}"
    for name in (batch.nightly, batch.weekly, batch.backfill):
        rights[f"{name}-{REGION}"] = {
            "function": {_right("lambda:InvokeFunction", function)},
            "topic": {_right("sns:Publish", topic)},
        }
    for name in (batch.nightly, batch.backfill):
        rights[f"{name}-{REGION}"]["days"] = {
            _right("states:StartExecution", f"{states}stateMachine:{name}"),
            _right("states:DescribeExecution StopExecution", f"{states}execution:{name}/EachDay:*"),
        }
    queue = f"arn:aws:sqs:{_HERE}:{batch.undelivered_queue}"
    for name in (batch.nightly, batch.weekly):
        rights[f"{name}-schedule-{REGION}"] = {
            "start": {_right("states:StartExecution", f"{states}stateMachine:{name}")},
            "undelivered": {_right("sqs:SendMessage", queue)},
        }
    return rights


def _expected() -> Rights:
    names = _SETTINGS.firehose
    sinks = (names.delivery.name, names.facility.name, names.alarms.name, names.quarantine.name)
    table = f"arn:aws:dynamodb:{_HERE}:table/{_SETTINGS.live.table}"
    queue = f"arn:aws:sqs:{_HERE}:{_SETTINGS.scoring.failure_queue}"
    parquet = {
        names.delivery.name: "scored_readings",
        names.facility.name: "facility_readings",
        names.alarms.name: "alarms",
    }
    return {
        SCORING: {
            "logs": _function_log(_SETTINGS.scoring.function),
            "stream": {_READ_STREAM},
            "delivery": {_right("firehose:PutRecordBatch", *map(firehose, sinks))},
            "state": {_right("dynamodb:BatchGetItem DeleteItem GetItem PutItem Query UpdateItem", table)},
            "alerts": {_right("sns:Publish", TOPIC)},
            "models": {
                _right("s3:GetObject", f"{bucket('artifacts')}/models/*"),
                _right("s3:ListBucket", bucket("artifacts")),
            },
            "failures": {_right("sqs:SendMessage", queue)},
        },
        TRANSFORM: {"logs": _function_log(_SETTINGS.firehose_transform.function)},
        RAW_COPY: {
            "logs": _function_log(_SETTINGS.raw_copy.function),
            "stream": {_READ_STREAM},
            "delivery": {_right("firehose:PutRecordBatch", firehose(names.raw.name))},
        },
        RAW: _delivery(names.raw.name, "raw", "ingest"),
        f"{names.quarantine.name}-{REGION}": _delivery(names.quarantine.name, "quarantine", "quarantine"),
        **{f"{name}-{REGION}": _parquet(name, rows) for name, rows in parquet.items()},
        **_batch(),
    }


EXPECTED: Rights = _expected()

PIPELINE: frozenset[Statement] = frozenset(
    {
        (SCORING, "delivery", "firehose:PutRecordBatch"),
        (SCORING, "state", "dynamodb:BatchGetItem"),
        (SCORING, "models", "s3:GetObject"),
        (SCORING, "alerts", "sns:Publish"),
    }
)
"""Statements without which the pipeline stops, or falls silent, on the twin."""

ONLY_PINNED: dict[str, str] = {
    "logs": (
        "The emulator keeps the functions' and Firehoses' logs itself, and weighs a call on a log stream by "
        "the ARN of the group without `:*`, which no such statement of AWS covers."
    ),
    **dict.fromkeys(
        ("catalogue", "partitions", "views", "query"),
        "A rehearsal would change the partitions and views that other tests read at the same time.",
    ),
    **dict.fromkeys(
        ("function", "topic", "days", "start", "undelivered"),
        "The role trusts its service on behalf of this account only, so that nobody else can try it.",
    ),
}
"""Policies whose statements nothing but `EXPECTED` holds, with the reason."""

NOT_REHEARSED: dict[str, str] = {
    "kinesis:GetRecords": "The emulator weighs it without the stream's ARN: only a right on * would pass.",
    "glue:GetTableVersion": "The emulator's Glue lacks it.",
    "glue:GetTableVersions": "The emulator's Glue lacks it.",
}
"""Single actions of rehearsed statements that the emulator can't try, with the reason."""


def every_statement(rights: Rights = EXPECTED) -> Iterator[tuple[Statement, Right]]:
    """All statements with their identity, in order."""
    for role, policies in sorted(rights.items()):
        for policy, found in sorted(policies.items()):
            for right in sorted(found, key=lambda right: min(right[0])):
                yield (role, policy, min(right[0])), right


REHEARSED: dict[Statement, Right] = {
    statement: right
    for statement, right in every_statement()
    if statement not in PIPELINE and statement[1] not in ONLY_PINNED
}
"""Statements that AWS itself uses on behalf of the role, which the emulator does not check."""


def rights_of(templates: Mapping[str, Mapping[str, Any]]) -> Rights:
    """The rights that templates give, by the names the resources will have."""
    facts = parity_cdk.facts(templates)
    return {
        name.replace("${AWS::Region}", REGION): {
            policy: {
                (actions, resources)
                for effect, _, actions, resources, condition in found
                if effect == "Allow" and condition == "null"
            }
            for policy, found in values["rights"].items()
        }
        for (kind, name), values in facts.items()
        if kind == "role"
    }


def differences(found: Rights, expected: Rights = EXPECTED) -> list[str]:
    """What is missing from, or too much in, the rights found; one line for each, naming role and policy."""
    lines = []
    for role in sorted(found.keys() | expected.keys()):
        ours, theirs = found.get(role, {}), expected.get(role, {})
        for policy in sorted(ours.keys() | theirs.keys()):
            rows, wanted = ours.get(policy, set()), theirs.get(policy, set())
            lines += [f"{role} {policy}: lacks {_words(right)}" for right in wanted - rows]
            lines += [f"{role} {policy}: has besides {_words(right)}" for right in rows - wanted]
    return lines


def _words(right: Right) -> str:
    actions, resources = right
    return f"{', '.join(sorted(actions))} on {', '.join(sorted(resources))}"


def without(document: Mapping[str, Any], actions: frozenset[str], resource: str = "") -> dict[str, Any]:
    """A policy without the statement of these actions, or without one resource of it."""
    rest = copy.deepcopy(dict(document))
    rest["Statement"] = [
        row if frozenset(_listed(row["Action"])) != actions else row | {"Resource": _but(row, resource)}
        for row in rest["Statement"]
        if resource or frozenset(_listed(row["Action"])) != actions
    ]
    assert rest != document, f"no statement of {sorted(actions)} {resource}"
    return rest


def _but(row: Mapping[str, Any], resource: str) -> list[str]:
    return [name for name in _listed(row["Resource"]) if name != resource]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
