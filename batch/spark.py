"""Scores months of the raw zone on Spark: the rows that the stream's consumer wrote, byte for byte.

    spark-submit batch/spark.py --raw s3://BUCKET/ingest/ --models s3://BUCKET --model VERSION \
        --from 2026-01-01 --to 2026-06-30 --out s3://BUCKET/backfills/RUN/

The core is that of `batch.recompute`. Raw objects are read side by side, and each facility's records of an
object go, compressed as they were, to the task that scores the facility: `groupBy(facility).applyInArrow`.
The result is Parquet by `date`, with the columns of `scored_readings`; a reading that was sent twice is there
twice, as in the curated zone.

A facility is one task for the whole range, so that its memory carries on from day to day. `--days-per-task`
cuts the range into stretches, each with days before it that only warm the memory up: more tasks than
facilities, and less memory for each (docs/guides/backfill.md).
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from batch.columns import arrow_schema
from batch.raw_objects import open_raw
from batch.recompute import TABLE, WARM_UP_DAYS, Recomputation
from batch.stream_order import Files, StreamOrder, blocks_of
from batch.versions import chosen_version, models_of
from ml.registry import open_registry
from petrostream.detection import ModelSet
from petrostream.lake import RawFile, RawRecord, members, read_members
from petrostream.schema import schema

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

AROUND = timedelta(days=1)
"""A reading may be an hour ahead of its arrival, and may land in the raw zone a day after it."""

OBJECTS = "stretch int, date string, number int, written_ms long, key string"
"""Columns of the list of raw objects; `number` is an object's place in its date."""

PACKED = "facility string, stretch int, date string, number int, written_ms long, body binary"
"""Columns of the records of one facility in one raw object, packed as in the raw zone."""

_PACKED = pa.schema(
    [
        ("facility", pa.string()),
        ("stretch", pa.int32()),
        ("date", pa.string()),
        ("number", pa.int32()),
        ("written_ms", pa.int64()),
        ("body", pa.binary()),
    ]
)


@dataclass(frozen=True, slots=True)
class DateStretch:
    """Dates of arrival that are scored one after another.

    Attributes:
        own: those whose rows are wanted.
        warm_up: those before them, whose rows are not.
        ahead: the date after them, None if there is none.
    """

    own: tuple[date, ...]
    warm_up: tuple[date, ...]
    ahead: date | None

    @property
    def dates(self) -> tuple[date, ...]:
        """All dates, oldest first."""
        return (*self.warm_up, *self.own, *((self.ahead,) if self.ahead else ()))


@dataclass(frozen=True, slots=True)
class SparkRun:
    """What a run reads and writes.

    Attributes:
        raw: the raw zone: `s3://bucket/prefix/`, or a folder.
        models: the registry: `s3://bucket`, or a folder.
        version: the version to score with.
        first, last: UTC dates of `ts` whose rows are wanted, both included.
        stretches: dates of arrival, see `DateStretch`.
        now_ms: the time to write into the rows, epoch ms.
    """

    raw: str
    models: str
    version: str
    first: date
    last: date
    stretches: tuple[DateStretch, ...]
    now_ms: int


def stretches_of(
    known: Sequence[date],
    first: date,
    last: date,
    *,
    warm_up_days: int = WARM_UP_DAYS,
    days_per_task: int = 0,
) -> tuple[DateStretch, ...]:
    """Cut dates of arrival into stretches.

    Args:
        known: dates of arrival that the raw zone has, oldest first.
        first: first date of arrival whose rows are wanted.
        last: the last one, included.
        warm_up_days: days before a stretch that warm memories up; all that there are if negative.
        days_per_task: days of a stretch; 0 for one stretch.
    """
    wanted = [day for day in known if first <= day <= last]
    size = days_per_task or len(wanted) or 1
    found = []
    for start in range(0, len(wanted), size):
        own = tuple(wanted[start : start + size])
        begin = known[0] if warm_up_days < 0 else own[0] - timedelta(days=warm_up_days)
        warm_up = tuple(day for day in known if begin <= day < own[0])
        found.append(DateStretch(own, warm_up, next((day for day in known if day > own[-1]), None)))
    return tuple(found)


def scored(spark: "SparkSession", run: SparkRun) -> "DataFrame":
    """Rows of a run: the columns of `scored_readings`, and `date`."""
    raw = open_raw(run.raw)
    listed = {day: raw.objects(day) for day in sorted({day for one in run.stretches for day in one.dates})}
    objects = [
        (place, str(day), number, item.written_ms, item.key)
        for place, stretch in enumerate(run.stretches)
        for day in stretch.dates
        for number, item in enumerate(listed[day])
    ]
    # Small batches: an object is megabytes.
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", "64")
    frame = spark.createDataFrame(objects, OBJECTS).repartition(_tasks(spark, len(objects)))
    packed = frame.mapInArrow(packer(run.raw), PACKED)
    return packed.groupBy("facility", "stretch").applyInArrow(scorer(run), _columns())


def _tasks(spark: "SparkSession", objects: int) -> int:
    # Typed by pyspark where it is installed, by nothing where it is not.
    cores: int = spark.sparkContext.defaultParallelism
    return max(1, min(objects, 4 * cores))


def _columns() -> str:
    """The result's columns, as Spark writes a schema."""
    kinds = {"timestamp": "timestamp_ntz"}
    fields = (*schema(TABLE).fields, *schema(TABLE).partitions)
    return ", ".join(f"`{field.name}` {kinds.get(field.type, field.type)}" for field in fields)


def packer(place: str) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    """Reads raw objects and packs each facility's records: from `OBJECTS` to `PACKED`."""

    def pack(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        raw = open_raw(place)
        for batch in batches:
            for row in batch.to_pylist():
                key = row.pop("key")
                rows = [
                    {**row, "facility": facility, "body": body}
                    for facility, body in packed_by_facility(raw.read(key))
                ]
                yield pa.RecordBatch.from_pylist(rows, schema=_PACKED)

    return pack


def packed_by_facility(file: RawFile) -> Iterator[tuple[str, bytes]]:
    """Each facility's records of an object, packed as in the raw zone."""
    found: dict[str, list[RawRecord]] = defaultdict(list)
    for record in file.records:
        if record.placed:
            found[record.partition_key].append(record)
        else:
            for facility, block in blocks_of(record.data):
                found[facility].append(RawRecord(block))
    for facility, records in found.items():
        yield facility, b"".join(members(records))


def scorer(run: SparkRun) -> Callable[[tuple[Any, ...], pa.Table], pa.Table]:
    """Scores a facility's records of a stretch: from `PACKED` to rows."""

    def score(key: tuple[Any, ...], packed: pa.Table) -> pa.Table:
        stretch = run.stretches[key[1].as_py()]
        return score_stretch(run, stretch, packed, models_on_worker(run.models, run.version))

    return score


def score_stretch(run: SparkRun, stretch: DateStretch, packed: pa.Table, models: ModelSet) -> pa.Table:
    """Rows of one facility of the own dates of a stretch."""
    files = _files(packed)
    wanted = {run.first + timedelta(days=n) for n in range((run.last - run.first).days + 1)}
    recomputation, order = Recomputation(models, lambda: run.now_ms, wanted), StreamOrder()
    kind = arrow_schema(TABLE).append(pa.field("date", pa.date32()))
    tables = [kind.empty_table()]
    every = stretch.dates
    for place, arrival in enumerate(every):
        if arrival == stretch.ahead:
            break
        ahead = files.get(every[place + 1], ()) if place + 1 < len(every) else ()
        for day, rows in recomputation.rows(order.take(files.get(arrival, ()), ahead)):
            if arrival in stretch.own:
                dates = pa.repeat(pa.scalar(day, pa.date32()), rows.num_rows)
                tables.append(rows.append_column(kind.field("date"), dates))
    return pa.concat_tables(tables)


def _files(packed: pa.Table) -> dict[date, Files]:
    """Objects by date of arrival, in the order in which they arrived."""
    ordered = packed.select(["date", "number", "written_ms", "body"]).sort_by(
        [("date", "ascending"), ("number", "ascending")]
    )
    found: dict[date, list[tuple[int, RawFile]]] = defaultdict(list)
    for batch in ordered.to_batches(max_chunksize=1):
        (row,) = batch.to_pylist()
        where = f"object {row['number']} of {row['date']}"
        found[date.fromisoformat(row["date"])].append((row["written_ms"], read_members(where, row["body"])))
    return dict(found)


@cache
def models_on_worker(place: str, version: str) -> ModelSet:
    """A version's models, loaded once in each Python process of Spark."""
    return models_of(open_registry(place), version)


def run_of(arguments: Sequence[str]) -> tuple[SparkRun, argparse.Namespace]:
    """The run that a command line names."""
    parser = argparse.ArgumentParser(description="Score days of the raw zone again, on Spark.")
    parser.add_argument("--raw", required=True, help="the raw zone: s3://bucket/ingest/, or a folder")
    parser.add_argument("--models", required=True, help="the model registry: s3://bucket, or a folder")
    parser.add_argument("--model", help="version to score with; else the live one")
    parser.add_argument("--from", dest="first", required=True, type=date.fromisoformat, help="first UTC date")
    parser.add_argument("--to", dest="last", required=True, type=date.fromisoformat, help="last UTC date")
    parser.add_argument(
        "--arrived-from", type=date.fromisoformat, help="first date of arrival; else the day before"
    )
    parser.add_argument(
        "--arrived-to", type=date.fromisoformat, help="last date of arrival; else the day after"
    )
    parser.add_argument("--warm-up-days", type=int, default=WARM_UP_DAYS, help="-1 for all that there are")
    parser.add_argument("--days-per-task", type=int, default=0, help="0 for the whole range")
    parser.add_argument("--out", required=True, help="a folder that is not there yet")
    parser.add_argument("--replace", action="store_true", help="replace the folder if it is there")
    options = parser.parse_args(arguments)
    if options.last < options.first:
        parser.error(f"--to {options.last} is before --from {options.first}")
    stretches = stretches_of(
        open_raw(options.raw).dates(),
        options.arrived_from or options.first - AROUND,
        options.arrived_to or options.last + AROUND,
        warm_up_days=options.warm_up_days,
        days_per_task=options.days_per_task,
    )
    if not stretches:
        parser.error(f"{options.raw} has no object of the dates on which those readings arrived")
    version = chosen_version({"model": options.model}, open_registry(options.models))
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    places = (options.raw, options.models, version)
    return SparkRun(*places, options.first, options.last, stretches, now_ms), options


def main(arguments: Sequence[str]) -> None:
    """Run the job, and print how many rows each date has."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - the rest of this module needs no Spark

    run, options = run_of(arguments)
    spark = SparkSession.builder.appName("petrostream-backfill").getOrCreate()
    mode = "overwrite" if options.replace else "errorifexists"
    scored(spark, run).write.partitionBy("date").mode(mode).parquet(options.out)
    for row in spark.read.parquet(options.out).groupBy("date").count().orderBy("date").collect():
        sys.stdout.write(f"{row['date']}  rows {row['count']}  model {run.version}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
