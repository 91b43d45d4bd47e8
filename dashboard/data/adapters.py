"""The ports on AWS, or on the twin: the environment's endpoint and credentials decide."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from dashboard.data.frames import frame_of
from dashboard.data.ports import Answer, Ports, Spend
from dashboard.settings import DashboardSettings
from petrostream.aws.alarm_desk import AlarmDesk
from petrostream.aws.athena import run_sql
from petrostream.aws.calls import error_code
from petrostream.aws.clients import client
from petrostream.aws.firehose import FirehoseSink
from petrostream.aws.live_reader import LiveTable
from petrostream.aws.operator_tags import OperatorTags
from petrostream.aws.undelivered import Undelivered, undelivered
from petrostream.backoff import Deadline
from petrostream.errors import ServiceUnavailable

QUERY_SECONDS = 60.0
"""A page whose query takes longer says so: nobody waits for a chart for five minutes."""

MOST_ROWS = 5000
DELIVERY_SECONDS = 20.0


class AthenaLake:
    """The lake behind Athena.

    Args:
        settings: database and work group.
        clock: returns the present, epoch ms.
    """

    def __init__(self, settings: DashboardSettings, clock: Callable[[], int]) -> None:
        self._settings = settings
        self._clock = clock

    def run(self, sql: str) -> Answer:
        """Run one statement; at most `MOST_ROWS` rows are fetched.

        Raises:
            QueryFailed: Athena rejects or fails the statement.
            QueryTimedOut: it takes longer than `QUERY_SECONDS`.
            ServiceUnavailable: Athena does not respond, or refuses the credentials.
        """
        asked_ms = self._clock()
        result = run_sql(
            sql,
            database=self._settings.database,
            workgroup=self._settings.workgroup,
            max_rows=MOST_ROWS,
            timeout_seconds=QUERY_SECONDS,
        )
        return Answer(frame_of(result), sql, result.scanned_bytes, asked_ms, result.truncated)


class AwsPipeline:
    """Firehose's error prefixes, and the budget that watches the lake.

    Args:
        settings: names of the Firehoses and of the budget.
    """

    def __init__(self, settings: DashboardSettings) -> None:
        self._settings = settings

    def undelivered(self) -> list[Undelivered]:
        """What lies under the error prefix of each Firehose.

        Raises:
            ServiceUnavailable: Firehose or S3 does not respond, or refuses the credentials.
        """
        with _translated("Firehose", "DescribeDeliveryStream, ListObjectsV2"):
            return undelivered(self._settings.firehoses, client("firehose"), client("s3"))

    def spend(self) -> Spend | None:
        """The bill so far; None without a budget.

        Raises:
            ServiceUnavailable: AWS Budgets does not respond, or refuses the credentials.
        """
        if not self._settings.budget:
            return None
        with _translated("Budgets", "DescribeBudget"):
            account = client("sts").get_caller_identity()["Account"]
            found = client("budgets").describe_budget(AccountId=account, BudgetName=self._settings.budget)
        budget = found["Budget"]
        figures = budget.get("CalculatedSpend", {})
        forecast = figures.get("ForecastedSpend", {}).get("Amount")
        return Spend(
            float(figures.get("ActualSpend", {}).get("Amount", 0.0)),
            None if forecast is None else float(forecast),
            float(budget["BudgetLimit"]["Amount"]),
        )


@contextmanager
def _translated(service: str, operation: str) -> Iterator[None]:
    """Raise what botocore raises as an error of a service, which pages explain."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise ServiceUnavailable(service, operation, f"{error_code(error)}: {error}") from error


def open_ports(environment: Mapping[str, str] = os.environ) -> Ports:
    """The ports as the environment describes them; nothing is called yet.

    Raises:
        SettingInvalid: a setting is missing or wrong.
    """
    settings = DashboardSettings.from_environment(environment)
    dynamodb = client("dynamodb")
    live = LiveTable(settings.live_table, dynamodb)

    def sink() -> FirehoseSink:
        return FirehoseSink(settings.alarm_stream, client("firehose"), Deadline.after(DELIVERY_SECONDS))

    desk = AlarmDesk(live, OperatorTags(settings.live_table, dynamodb), sink, now_ms)
    return Ports(settings, live, desk, AthenaLake(settings, now_ms), AwsPipeline(settings), now_ms)


def now_ms() -> int:
    """The present, epoch ms."""
    return time.time_ns() // 1_000_000
