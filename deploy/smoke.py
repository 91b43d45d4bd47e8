"""Send a hundred readings through the whole lake: to the stream, scored, delivered, found by SQL.

The evidence is what the lake itself stores. The shard's place in the live table names the last record that
was scored, and is written after Firehose has accepted its rows; the rows appear in the table once Firehose's
buffering time is over. No metric is used: CloudWatch may be minutes late, and a metric does not prove a row.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deploy.names import Names
from petrostream.aws.athena import run_sql
from petrostream.aws.clients import client
from petrostream.errors import PetroStreamError
from petrostream.live import place_key
from petrostream.readings import encode_block
from toolchain.commands import Say
from toolchain.errors import ToolError

READINGS = 100
_ATTEMPTS = 5
FACILITY = "FAC-SMOKE"
WELL = "WELL-SMOKE"
"""Not a well of any fleet: `WHERE facility_id <> 'FAC-SMOKE'` leaves the test out of a report."""

SCORED_SECONDS = 300.0
"""A new event source mapping takes a minute or two to read its first record."""

DELIVERED_EXTRA_SECONDS = 300.0
"""Allowed beyond Firehose's buffering time: transform, conversion, first delivery of a new stream."""


@dataclass(frozen=True, slots=True)
class SmokeClock:
    """The clocks; a test replaces them so that it need not wait."""

    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


CLOCK = SmokeClock()


@dataclass(frozen=True, slots=True)
class SmokeResult:
    """Result of the smoke test.

    Attributes:
        source: `source` of its readings in the lake.
        readings: how many arrived in the lake.
        models: model versions that scored them; none before the first model.
        seconds: from sending the readings to finding the last one.
    """

    source: str
    readings: int
    models: tuple[str, ...]
    seconds: float


def smoke(names: Names, say: Say, clock: SmokeClock = CLOCK) -> SmokeResult:
    """Send a hundred readings and follow them to the table.

    Raises:
        ToolError: they did not arrive; says how far they got, and where to look.
    """
    began = clock.monotonic()
    sent = clock.now().replace(microsecond=0)
    source = f"smoke/{sent:%Y%m%dT%H%M%SZ}"
    shard_id, sequence = _send(names, source, sent, clock)
    say(f"Sent {READINGS} readings as {source}.")
    _until(clock, SCORED_SECONDS, lambda: _scored(names, shard_id, sequence), _not_scored(names))
    say("Scored, and accepted by Firehose.")
    buffer = names.settings.firehose.delivery.buffer_seconds
    say(f"Waiting for their delivery: Firehose buffers for up to {buffer} s …")
    _until(
        clock,
        buffer + DELIVERED_EXTRA_SECONDS,
        lambda: _landed(names, source, sent)[0] >= READINGS,
        _not_delivered(names, source),
    )
    count, models = _landed(names, source, sent)
    if count != READINGS:
        raise ToolError(f"{READINGS} readings were sent and {count} found in well_data: rows are doubled.")
    return SmokeResult(source, count, models, clock.monotonic() - began)


def block(source: str, sent: datetime) -> bytes:
    """A hundred readings of one well, one a second, the last at `sent`, as the lines of a stream record."""
    return encode_block(
        [
            {
                "kind": "well",
                "well_id": WELL,
                "facility_id": FACILITY,
                "ts": f"{sent - timedelta(seconds=READINGS - 1 - number):%Y-%m-%dT%H:%M:%S.000Z}",
                "source": source,
                "p_tpt": 1.2e7 + 1e3 * (number % 7),
                "t_tpt": 100.0 + 0.1 * (number % 5),
                "methane_ppm": 10.0,
            }
            for number in range(READINGS)
        ]
    )


def _send(names: Names, source: str, sent: datetime, clock: SmokeClock) -> tuple[str, int]:
    """The shard that took the readings, as the live table names it, and their sequence number."""
    stream = names.settings.stream.name
    entry: Any = {"Data": block(source, sent), "PartitionKey": FACILITY}
    hint = "Is the lake deployed? ./project_up.sh aws"
    for attempt in range(_ATTEMPTS):
        try:
            (record,) = client("kinesis").put_records(StreamName=stream, Records=[entry])["Records"]
        except (BotoCoreError, ClientError) as error:
            raise ToolError(f"The stream {stream} did not take the readings: {error}", hint) from error
        if "SequenceNumber" in record:
            return f"{stream}/{record['ShardId']}", int(record["SequenceNumber"])
        clock.sleep(2.0**attempt)
    raise ToolError(f"The stream {stream} refused the readings: {record.get('ErrorMessage')}", hint)


def _scored(names: Names, shard_id: str, sequence: int) -> bool:
    """Whether scoring has finished that record: Firehose has its rows before the shard's place shows it."""
    try:
        answer = client("dynamodb").get_item(
            TableName=names.settings.live.table, Key=place_key(shard_id), ConsistentRead=True
        )
    except (BotoCoreError, ClientError) as error:
        raise ToolError(f"The table {names.settings.live.table} could not be read: {error}") from error
    last = answer.get("Item", {}).get("done", {}).get("S", "")
    return bool(last) and int(last) >= sequence


def _landed(names: Names, source: str, sent: datetime) -> tuple[int, tuple[str, ...]]:
    """Number of the readings in the view, and the models that scored them."""
    # A hundred seconds may span two dates; naming them avoids a scan of all others.
    first, last = (sent - timedelta(seconds=READINGS)).date(), sent.date()
    sql = (
        "SELECT COUNT(*) AS n, ARRAY_JOIN(ARRAY_AGG(DISTINCT model_version), ',') AS models FROM well_data "  # noqa: S608
        f"WHERE date BETWEEN DATE '{first}' AND DATE '{last}' AND source = '{source}'"
    )
    lake = names.settings.lake
    try:
        (row,) = run_sql(sql, database=lake.database, workgroup=lake.workgroup).dicts()
    except PetroStreamError as error:
        raise ToolError(f"The view well_data could not be queried: {error}") from error
    return int(row["n"]), tuple(filter(None, str(row["models"] or "").split(",")))


def _until(clock: SmokeClock, seconds: float, ready: Callable[[], bool], error: ToolError) -> None:
    end = clock.monotonic() + seconds
    pause = 0.5
    while not ready():
        if clock.monotonic() > end:
            raise error
        clock.sleep(pause)
        pause = min(pause * 1.5, 10.0)


def _not_scored(names: Names) -> ToolError:
    function = names.functions["scoring"]
    return ToolError(
        f"The readings are on the stream, but {function} had not scored them after {SCORED_SECONDS:.0f} s.",
        f"Look at its log /aws/lambda/{function} and at the queue {names.settings.scoring.failure_queue}. "
        "To return to the last code that passed this test: python -m deploy rollback",
    )


def _not_delivered(names: Names, source: str) -> ToolError:
    delivery = names.settings.firehose.delivery.name
    transform = names.functions["firehose_transform"]
    return ToolError(
        f"The readings were scored, but did not reach the table (source = '{source}').",
        f"Look at the logs /aws/kinesisfirehose/{delivery} and /aws/lambda/{transform}, "
        f"and below errors/ in {names.bucket('curated')}.",
    )
