"""Sends what is in no table to the stream again: `python -m ops resend`, by default a dry run.

Lines are sent as the raw zone has them, so that every reading keeps its `event_id`. Only `feed_id` is
replaced: to scoring, what is sent again is a feed of its own, and not late to the readings that came since.
"""

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from infra.settings import load_settings
from ops.missing import LostLine, Missing, find_missing
from ops.outcome import SqlQuery
from ops.raw_zone import Contents, RawZone, read, texts
from petrostream.aws.athena import run_sql
from petrostream.aws.clients import client
from petrostream.aws.kinesis import KinesisWriter, Record
from petrostream.errors import PetroStreamError
from petrostream.names import shown
from petrostream.readings import validate_block

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

QUIET_SECONDS = 60
"""Scoring counts a run that was replaced as late until the other one has been silent for this long."""

MOST_LISTED = 20

ExecuteOption = Annotated[bool, typer.Option("--execute", help="Make the changes. By default, only report.")]
HoursOption = Annotated[
    float | None,
    typer.Option(min=0.01, help="How much of the raw zone to look at. Default: the stream's retention."),
]
NowOption = Annotated[
    bool, typer.Option("--now", help="Send although readings of the same facilities are still arriving.")
]

_FEED_ID = re.compile(rb'"feed_id"\s*:\s*"(?:[^"\\]|\\.)*"')


def identities_on(stream: str, kinesis: "KinesisClient", since: datetime) -> set[str]:
    """Identities of the well readings on a stream, of records that arrived since an instant.

    Raises:
        botocore.exceptions.ClientError: the stream is not there, or must not be read.
    """
    found: set[str] = set()
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="AT_TIMESTAMP", Timestamp=since
        )["ShardIterator"]
        while iterator:
            answer = kinesis.get_records(ShardIterator=iterator, Limit=1000)
            for record in answer["Records"]:
                arrived_ms = int(record["ApproximateArrivalTimestamp"].timestamp() * 1000)
                block = validate_block(record["Data"], sequence="", now_ms=arrived_ms, tanks=True)
                found.update(block.readings.event_id)
            iterator = answer.get("NextShardIterator", "")
            if not answer["Records"] and not answer.get("MillisBehindLatest"):
                break
    return found


class StillArriving(PetroStreamError):  # noqa: N818 - says what happens
    """Readings of the facilities concerned are still arriving."""

    def __init__(self, facilities: Sequence[str]) -> None:
        names = ", ".join(shown(name) for name in facilities[:MOST_LISTED])
        super().__init__(
            f"nothing was sent: readings of {names} arrived in the last {QUIET_SECONDS} s, and scoring would "
            "take what their wells send meanwhile for late. Wait until they are silent, or add --now"
        )


@dataclass(frozen=True, slots=True)
class Found:
    """What a look at the lake has found.

    Attributes:
        missing: what is in no table, by facility.
        arriving: facilities among them of which readings arrived just now.
    """

    missing: list[Missing]
    arriving: list[str]


def look(hours: float | None = None, query: SqlQuery = lambda sql: run_sql(sql).dicts()) -> Found:
    """Compare the raw zone with the tables and the stream; changes nothing.

    Args:
        hours: how much of the raw zone, counted back from its newest object. Default: the stream's retention.
        query: runs Athena SQL.

    Raises:
        PetroStreamError: the lake cannot be queried.
        botocore.exceptions.ClientError: raw zone or stream is not there, or must not be read.
    """
    settings = load_settings()
    zone = RawZone.of(settings.firehose.raw.name, client("firehose"), client("s3"))
    contents = read(zone, zone.objects(hours or settings.stream.retention_hours))
    missing = find_missing(
        contents,
        query,
        lambda since: identities_on(settings.stream.name, client("kinesis"), since),
        lambda places: texts(zone, contents, places),
    )
    return Found(missing, _arriving(missing, contents, datetime.now(UTC)))


def _arriving(missing: Iterable[Missing], contents: Contents, now: datetime) -> list[str]:
    quiet = now - timedelta(seconds=QUIET_SECONDS)
    newest = {name: contents.objects[parts[-1].at].arrived for name, parts in contents.parts.items()}
    return [one.facility_id for one in missing if newest.get(one.facility_id, quiet) > quiet]


def bring_back(say: Callable[[str], None], *, execute: bool, hours: float | None, now: bool) -> None:
    """The command: say what is missing, and send it again if asked to.

    Args:
        say: prints a line.
        execute: whether to send; otherwise it only says what is missing.
        hours: as for `look`.
        now: whether to send although readings of the same facilities are still arriving.

    Raises:
        StillArriving: readings of the facilities are still arriving.
        PetroStreamError: the lake cannot be queried, or the stream cannot be written.
        botocore.exceptions.ClientError: raw zone or stream is not there, or must not be read.
    """
    found = look(hours)
    for line in summary(found.missing):
        say(line)
    if not found.missing:
        return
    if not execute:
        say("Nothing was changed. Add --execute to do it.")
        return
    if found.arriving and not now:
        raise StillArriving(found.arriving)
    stream = load_settings().stream
    records = resend(found.missing, stream.name, client("kinesis"), stream.max_block_bytes)
    lines = sum(len(one.lines) for one in found.missing)
    tanks = sum(one.tanks for one in found.missing)
    say(f"Sent again: {lines:,} lines in {records:,} records, {tanks:,} of them tank readings for the pairs.")


def resend(missing: Sequence[Missing], stream: str, kinesis: "KinesisClient", max_bytes: int) -> int:
    """Put the missing lines on the stream, each facility's in order.

    Args:
        missing: what to send.
        stream: name of the stream.
        kinesis: writes to it.
        max_bytes: largest record.

    Returns:
        How many records were acknowledged.

    Raises:
        PetroStreamError: the stream cannot be written. A second run sends what is then still missing.
    """
    feed_id = f"resent-{uuid.uuid4().hex[:12]}"
    writer: KinesisWriter[None] = KinesisWriter(stream, kinesis)
    writer.check()
    for one in missing:
        for data in _blocks([_line(line, feed_id) for line in one.lines], max_bytes):
            writer.put(Record(one.facility_id, data, None))
    while writer.pending():
        writer.pump()
    return writer.totals.records


def _line(line: LostLine, feed_id: str) -> bytes:
    """A line as it is sent: that of a well with another `feed_id`, everything else as it arrived."""
    if not line.well:
        return line.data + b"\n"
    named = b'"feed_id":' + orjson.dumps(feed_id)
    data, found = _FEED_ID.subn(lambda _: named, line.data, count=1)
    if not found:
        data = line.data.rstrip().removesuffix(b"}") + b"," + named + b"}"
    return data + b"\n"


def _blocks(lines: Sequence[bytes], max_bytes: int) -> Iterator[bytes]:
    block: list[bytes] = []
    size = 0
    for line in lines:
        if block and size + len(line) > max_bytes:
            yield b"".join(block)
            block, size = [], 0
        block.append(line)
        size += len(line)
    if block:
        yield b"".join(block)


def summary(missing: Sequence[Missing]) -> Iterator[str]:
    """What is missing, for people: a line for each source of each well, the longest lists cut."""
    if not missing:
        yield "Nothing is missing: what arrived is in the lake, or still on the stream."
        return
    rows = [
        (one.facility_id, well, source, count, what)
        for one in missing
        for counts, what in ((one.readings, "readings"), (one.pairs, "pairs with a tank"))
        for (well, source), count in sorted(counts.items())
    ]
    for facility, well, source, count, what in rows[:MOST_LISTED]:
        yield f"  {shown(facility)}  {shown(well)}  {shown(source)}: {count:,} {what}"
    if len(rows) > MOST_LISTED:
        rest = sum(row[3] for row in rows[MOST_LISTED:])
        yield f"  and {rest:,} of {len(rows) - MOST_LISTED:,} more"
    for one in missing:
        if one.rejected:
            yield f"  {shown(one.facility_id)}: {one.rejected:,} lines for quarantine"
    readings, pairs = (sum(getattr(one, name).total() for one in missing) for name in ("readings", "pairs"))
    yield (
        f"Missing: {readings:,} readings, {pairs:,} pairs of readings that are in well_data, and "
        f"{sum(one.rejected for one in missing):,} lines for quarantine, of {len(missing):,} facilities."
    )
