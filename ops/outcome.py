"""What became of the readings that were sent: landed, late, unscored, quarantined, or not delivered."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from string import Template
from typing import TYPE_CHECKING, Any

from ops.redeliver import firehose_names
from petrostream.aws.undelivered import undelivered
from toolchain.paths import ROOT

if TYPE_CHECKING:
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_s3 import S3Client

SQL = ROOT / "sql" / "reports"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MAX_SOURCES = 1000
"""Instances in one query: Athena takes 256 KiB of SQL."""

SqlQuery = Callable[[str], Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class ReadingCounts:
    """Well readings by what became of them, one for each `event_id`.

    Attributes:
        landed: rows of `well_data`, those of the next two included.
        late: stored without a score, since they came after newer ones of their feed.
        unscored: others without a score.
        quarantined: rejected lines of wells.
        objects: objects under the error prefixes of all Firehoses, of any run: blocks that are in no table.
    """

    landed: int
    late: int
    unscored: int
    quarantined: int
    objects: int


@dataclass(frozen=True, slots=True)
class Run:
    """What identifies the readings of one replay.

    Attributes:
        readings: well readings that the stream has acknowledged.
        shift_ms: of each instance, event time minus recorded time in milliseconds.
        facilities: partition keys of its records.
        since_ms: when the run began, epoch milliseconds.
        first_ms: event time of its first reading.
        last_ms: event time of its last one.
    """

    readings: int
    shift_ms: Mapping[str, int]
    facilities: Collection[str]
    since_ms: int
    first_ms: int
    last_ms: int


def outcome_of_lake(query: SqlQuery, objects: int) -> ReadingCounts:
    """Count everything that the lake holds.

    Args:
        query: runs Athena SQL.
        objects: what `objects_under_errors` has counted.
    """
    (row,) = query(_sql("lake_outcome"))
    return _outcome([row], _quarantined(query, EPOCH, ()), objects)


def outcome_of_run(query: SqlQuery, run: Run, objects: int) -> ReadingCounts:
    """Count what the lake holds of one replay so far; on AWS, Firehose delivers minutes later.

    Args:
        query: runs Athena SQL.
        run: the replay.
        objects: what `objects_under_errors` has counted.
    """
    rows: list[Mapping[str, Any]] = []
    instances = sorted(run.shift_ms)
    for at in range(0, len(instances), MAX_SOURCES):
        sources = instances[at : at + MAX_SOURCES]
        sent = ", ".join(f"({_text(source)}, {run.shift_ms[source]})" for source in sources)
        first, last = (f"{_moment(ms):%Y-%m-%d}" for ms in (run.first_ms, run.last_ms))
        rows += query(_sql("run_outcome", sent=sent, first=first, last=last))
    return _outcome(rows, _quarantined(query, _moment(run.since_ms), sorted(run.facilities)), objects)


def objects_under_errors(firehose: "FirehoseClient", s3: "S3Client") -> int:
    """Number of objects that could not be delivered, of all Firehoses in `infra/settings.json`.

    Raises:
        botocore.exceptions.ClientError: a Firehose or bucket is not there, or must not be read.
    """
    return sum(len(found.keys) for found in undelivered(firehose_names(), firehose, s3))


def lines(outcome: ReadingCounts, sent: int | None = None) -> Iterator[str]:
    """The counts for people; each that needs a look names what lists it.

    Args:
        outcome: the counts.
        sent: readings of the run, where the counts are those of a run.
    """
    whole = f" of {sent:,} readings" if sent is not None else ""
    yield f"landed        {outcome.landed:,}{whole}"
    sql = "python -m local sql --file sql/queries"
    listed = (
        ("late", outcome.late, "", f"{sql}/late_readings.sql"),
        ("unscored", outcome.unscored, "", f"{sql}/unscored_readings.sql"),
        ("quarantined", outcome.quarantined, "", f"{sql}/quarantine_by_reason.sql"),
        ("undelivered", outcome.objects, " objects of all runs", "python -m ops redeliver"),
    )
    for name, count, unit, command in listed:
        yield f"{name:<13} {count:,}" + (f"{unit}   {command}" if count else "")
    if sent is not None and (left := sent - outcome.landed - outcome.quarantined) > 0:
        yield f"not there yet {left:,}   count again: the same command with --resume; it sends nothing twice"


def _quarantined(query: SqlQuery, since: datetime, facilities: Sequence[str]) -> int:
    (row,) = query(
        _sql(
            "outcome_quarantined",
            since=f"{since:%Y-%m-%d %H:%M:%S}",
            every="FALSE" if facilities else "TRUE",
            facilities=", ".join(_text(facility) for facility in facilities) or "''",
        )
    )
    return int(row["quarantined"])


def _outcome(rows: Sequence[Mapping[str, Any]], quarantined: int, objects: int) -> ReadingCounts:
    landed, late, unscored = (sum(int(row[name]) for row in rows) for name in ("landed", "late", "unscored"))
    return ReadingCounts(landed, late, unscored, quarantined, objects)


def _sql(name: str, **values: str) -> str:
    return Template((SQL / f"{name}.sql").read_text(encoding="utf-8")).substitute(values)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _moment(ms: int) -> datetime:
    return EPOCH + timedelta(milliseconds=ms)
