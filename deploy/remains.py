"""What is left of a lake in an account, and what it costs: found by tag, and by the names it would have.

Neither is proof by itself. The tagging API still lists what was deleted hours ago, and does not list what
cannot carry a tag (a log group that a function wrote to after its removal); a name finds only what has it. A
check that is refused is an error, never an absence.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cost.figures import GB, MONTH_HOURS
from cost.prices import load_prices
from deploy import buckets, remains_services, spark
from deploy.names import Names
from petrostream.aws.clients import client
from toolchain.errors import ToolError

FREE = Fraction(0)

_ABSENT = frozenset(
    {
        "404",
        "AWS.SimpleQueueService.NonExistentQueue",
        "ClusterNotFoundException",
        "EntityNotFoundException",
        "LoadBalancerNotFound",
        "NoSuchBucket",
        "NotFoundException",
        "QueueDoesNotExist",
        "RepositoryNotFoundException",
        "ResourceNotFound",
        "ResourceNotFoundException",
        "StateMachineDoesNotExist",
    }
)
# Athena and CloudFormation answer a missing name with their general error.
_ABSENT_TEXTS = ("not found", "does not exist")


@dataclass(frozen=True, slots=True)
class Remain:
    """A resource that is left.

    Attributes:
        arn: its identity.
        what: its kind, for people.
        monthly: dollars a month when idle; None if unknown.
        shared: whether it belongs to the bootstrap, which other projects or the next deployment use.
    """

    arn: str
    what: str
    monthly: Fraction | None = FREE
    shared: bool = False


class Unseen(ToolError):  # noqa: N818  says what happened
    """A check was refused, so what is left is unknown."""


@dataclass(frozen=True, slots=True)
class Check:
    """A call that shows whether one resource exists."""

    service: str
    operation: str
    arguments: Mapping[str, Any]
    arn: str
    what: str
    monthly: Callable[[Mapping[str, Any]], Fraction] = lambda answer: FREE


def checks(names: Names) -> list[Check]:
    """One check for each resource with a known name; buckets, log groups and alarms are listed instead."""
    settings, arn = names.settings, names.arn
    stream, table, queue = settings.stream.name, settings.live.table, settings.scoring.failure_queue
    group, base = settings.lake.workgroup, settings.lake.database
    rows = [
        Check("kinesis", "describe_stream_summary", {"StreamName": stream},
              arn("kinesis", f"stream/{stream}"), "stream",
              lambda answer: _stream(answer["StreamDescriptionSummary"])),
        Check("dynamodb", "describe_table", {"TableName": table},
              arn("dynamodb", f"table/{table}"), "table", lambda answer: _table(answer["Table"])),
        Check("sqs", "get_queue_url", {"QueueName": queue}, arn("sqs", queue), "queue"),
        Check("athena", "get_work_group", {"WorkGroup": group},
              arn("athena", f"workgroup/{group}"), "work group"),
        Check("glue", "get_database", {"Name": base}, arn("glue", f"database/{base}"), "catalogue"),
    ]  # fmt: skip
    rows += _jobs(names)
    for hose in names.deliveries:
        place = arn("firehose", f"deliverystream/{hose}")
        rows.append(
            Check("firehose", "describe_delivery_stream", {"DeliveryStreamName": hose}, place, "Firehose")
        )
    for function in names.functions.values():
        place = arn("lambda", f"function:{function}")
        rows.append(
            Check("lambda", "get_function_configuration", {"FunctionName": function}, place, "function")
        )
    return rows


def _jobs(names: Names) -> list[Check]:
    """Checks for what starts the jobs; none of it costs anything when idle."""
    batch, arn = names.settings.batch, names.arn
    rows = [
        Check("sqs", "get_queue_url", {"QueueName": batch.undelivered_queue},
              arn("sqs", batch.undelivered_queue), "queue"),
        Check("scheduler", "get_schedule_group", {"Name": batch.schedule_group},
              arn("scheduler", f"schedule-group/{batch.schedule_group}"), "schedules"),
    ]  # fmt: skip
    for machine in (batch.nightly, batch.weekly, batch.backfill):
        place = arn("states", f"stateMachine:{machine}")
        rows.append(
            Check(
                "stepfunctions", "describe_state_machine", {"stateMachineArn": place}, place, "state machine"
            )
        )
    return rows


def by_name(names: Names) -> list[Remain]:
    """Resources with a name of the lake.

    Raises:
        Unseen: a service refuses to answer.
    """
    held = [one for bucket in names.buckets.values() for one in _bucket(names, bucket)]
    containers = [Remain(*found) for found in remains_services.services(names, _ask)]
    applications = [Remain(*found) for found in spark.applications(names, _ask)]
    return [*held, *present(names), *_logs(names), *_watching(names), *containers, *applications]


def present(names: Names) -> list[Remain]:
    """Resources that one of the `checks` finds.

    Raises:
        Unseen: a service refuses to answer.
    """
    found = []
    for check in checks(names):
        answer = _ask(check.service, check.operation, check.arguments)
        if answer is not None:
            found.append(Remain(check.arn, check.what, check.monthly(answer)))
    return found


def named(names: Names, arn: str) -> bool:
    """Whether `by_name` would find the resource of this ARN if it existed."""
    listed = (
        *(names.arn("s3", bucket) for bucket in names.buckets.values()),
        *(check.arn for check in checks(names)),
    )
    prefixes = (
        *(names.arn("logs", f"log-group:{prefix}") for prefix in names.log_prefixes),
        names.arn("cloudwatch", f"alarm:{names.settings.project}"),
        *remains_services.prefixes(names),
        *spark.prefix(names),
    )
    return arn in listed or arn.startswith(prefixes)


def shared(names: Names) -> list[Remain]:
    """Resources of the bootstrap, which stay: the next deployment and other CDK apps use them.

    Raises:
        Unseen: a service refuses to answer.
    """
    found = [one for bucket in (names.state_bucket, names.assets_bucket) for one in _bucket(names, bucket)]
    return [Remain(one.arn, f"{one.what} of the bootstrap", one.monthly, shared=True) for one in found]


def by_tag(names: Names) -> list[str]:
    """ARNs with the project's tag, as far as the tagging API knows.

    Raises:
        Unseen: it refuses to answer.
    """
    tag = {"Key": "project", "Values": [names.settings.tags["project"]]}
    try:
        pages = client("resourcegroupstaggingapi").get_paginator("get_resources").paginate(TagFilters=[tag])
        return [row["ResourceARN"] for page in pages for row in page["ResourceTagMappingList"]]
    except (BotoCoreError, ClientError) as error:
        raise Unseen(f"The tagging API refuses to list what is left: {error}", _ALLOW) from error


_ALLOW = "Allow the caller to read it, then run: python -m deploy receipt"


def _ask(service: str, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """A service's answer; None if the resource does not exist."""
    try:
        answer: Mapping[str, Any] = getattr(client(service), operation)(**arguments)
    except ClientError as error:
        details = error.response["Error"]
        if details["Code"] in _ABSENT or details.get("Message", "").lower().rstrip(".").endswith(
            _ABSENT_TEXTS
        ):
            return None
        raise Unseen(f"{service} refuses {operation}, so what is left is unknown: {error}", _ALLOW) from error
    except BotoCoreError as error:
        raise Unseen(f"{service} does not answer ({operation}): {error}", "Check the network.") from error
    return answer


def _bucket(names: Names, bucket: str) -> Iterator[Remain]:
    held = buckets.content(bucket)
    if held is None:
        return
    # Priced as standard storage: an upper bound, since some of it may be in a cheaper class.
    cost = load_prices()["s3.standard_gb"].of(Fraction(held.size) / GB)
    more = "" if held.complete else "more than "
    what = f"bucket, {more}{held.versions:,} objects and versions, {held.size / 1e6:,.1f} MB"
    yield Remain(names.arn("s3", bucket), what, cost if held.complete else None)


def _stream(summary: Mapping[str, Any]) -> Fraction:
    prices = load_prices()
    if summary.get("StreamModeDetails", {}).get("StreamMode") == "ON_DEMAND":
        return prices["kinesis.stream_hour"].of(Fraction(MONTH_HOURS))
    return prices["kinesis.shard_hour"].of(Fraction(int(summary.get("OpenShardCount", 1)) * MONTH_HOURS))


def _table(table: Mapping[str, Any]) -> Fraction:
    size = Fraction(int(table.get("TableSizeBytes", 0))) / GB
    prices = load_prices()
    return prices["dynamodb.gb"].of(size) + prices["dynamodb.pitr_gb"].of(size)


def _logs(names: Names) -> Iterator[Remain]:
    price = load_prices()["logs.gb"]
    for prefix in names.log_prefixes:
        answer = _ask("logs", "describe_log_groups", {"logGroupNamePrefix": prefix}) or {}
        for group in answer.get("logGroups", []):
            cost = price.of(Fraction(int(group.get("storedBytes", 0))) / GB)
            yield Remain(names.arn("logs", f"log-group:{group['logGroupName']}"), "log group", cost)


def _watching(names: Names) -> Iterator[Remain]:
    prices, project = load_prices(), names.settings.project
    answer = _ask("cloudwatch", "describe_alarms", {"AlarmNamePrefix": project}) or {}
    for alarm in answer.get("MetricAlarms", []):
        arn = names.arn("cloudwatch", f"alarm:{alarm['AlarmName']}")
        yield Remain(arn, "alarm", prices["cloudwatch.alarm"].of(Fraction(1)))
    answer = _ask("cloudwatch", "list_dashboards", {"DashboardNamePrefix": project}) or {}
    for board in answer.get("DashboardEntries", []):
        place = names.place
        arn = f"arn:{place.partition}:cloudwatch::{place.account}:dashboard/{board['DashboardName']}"
        yield Remain(arn, "dashboard", prices["cloudwatch.dashboard"].of(Fraction(1)))
