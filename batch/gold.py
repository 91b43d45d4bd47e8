"""Writes a day of gold, and lets readers see it at once: `publish_day`, the one door to the gold zone.

A run writes whole files below a prefix of its own, then points the day's partition to it. A reader sees the
old run or the new one; a process that is killed before leaves files that nothing refers to, which `sweep`
deletes after the days of grace. Two runs of a day do not disturb each other: the last one to point wins, and
its files are complete. If that one knew less than the other, the next compaction notices by its sources.
"""

import secrets
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from batch.aggregates import days_of, hours_of
from batch.catalogue import Catalogue
from batch.columns import COMPRESSION, arrow_schema, conform
from batch.jobs import JobContext
from batch.objects import SOURCES_FILE, Bucket, Sources, place_of
from batch.spool import Spool
from batch.winners import READINGS, TRANSITIONS, CopyRule
from petrostream.schema import schema

MAX_FILE_BYTES = 512 * 1024 * 1024
"""A day is one file until it passes this."""

COMPACT = "compact"
"""Who wrote a day, where its rows are those of the curated zone."""


@dataclass(frozen=True, slots=True)
class Product:
    """A table of gold that holds rows of the curated zone, each once.

    Attributes:
        source: the curated table.
        table: the gold table.
        rule: which copy of a row counts.
        runs: the table of all runs that are kept; "" without one.
        aggregates: whether hours and days are made of it.
    """

    source: str
    table: str
    rule: CopyRule
    runs: str = ""
    aggregates: bool = False


WELL_DATA = Product("scored_readings", "well_data_gold", READINGS, "well_data_runs", aggregates=True)
ALARM_HISTORY = Product("alarms", "alarm_history_gold", TRANSITIONS)


@dataclass
class Gold:
    """The gold zone of a lake: its catalogue and its bucket.

    Attributes:
        context: the job's surroundings.
        step: called with a name before each step that others can see; tests stop there.
    """

    context: JobContext
    step: Callable[[str], None] = lambda _: None
    catalogue: Catalogue = field(init=False)
    bucket: Bucket = field(init=False)

    def __post_init__(self) -> None:
        self.catalogue = Catalogue(self.context.client("glue"), self.context.settings.database)
        self.bucket = Bucket(self.context.client("s3"), self.context.settings.curated_bucket)

    def sources(self, day: date, product: Product = WELL_DATA) -> Sources:
        """What the curated zone has of a day now."""
        return self.bucket.sources(str(schema(product.source).prefix), day)


def run_id(now: datetime) -> str:
    """Name of a new run: its time, by which runs sort, and a random part."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def publish_day(
    context: JobContext,
    day: date,
    rows: Iterable[pa.Table],
    run: str,
    *,
    sources: Sources | None = None,
    made_by: str = "backfill",
    facts: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Replace a day of well_data_gold, with its hours and days, by these rows.

    Args:
        context: the job's surroundings.
        day: the UTC date of every row's `ts`.
        rows: tables with the columns of scored_readings, in any order; of copies of a reading one counts.
        run: see `run_id`.
        sources: the curated objects that the rows account for, listed (`Gold.sources`) before the rows were
            read; those of now when left out. Objects that come later make compaction add their readings.
        made_by: what wrote the day. Unless it is `compact`, compaction keeps its rows, and only adds
            readings that it lacks.
        facts: what else to note, such as the model's version.

    Returns:
        Counts: rows in, duplicates, readings, files and bytes; and the run.
    """
    gold = Gold(context)
    known = gold.sources(day) if sources is None else sources
    noted = {"made_by": made_by, **(facts or {})}
    with tempfile.TemporaryDirectory() as folder:
        spool = Spool(WELL_DATA.source, WELL_DATA.rule, _made(Path(folder) / "spool"))
        for table in rows:
            spool.add(conform(table, WELL_DATA.source, f"rows of {day} by {run}"))
        return publish(gold, WELL_DATA, day, spool, run, known, noted)


def publish(
    gold: Gold,
    product: Product,
    day: date,
    spool: Spool,
    run: str,
    sources: Sources,
    facts: Mapping[str, str],
) -> dict[str, Any]:
    """Write the spooled rows of a day as a run, and point the day's partitions to it."""
    folder = spool.folder.parent
    writer = DayWriter(product.source, _made(folder / "written"))
    hours = []
    for group in spool.groups():
        writer.write(group)
        if product.aggregates:
            hours.append(hours_of(group))
    files = writer.close()
    whole = {
        product.table: files,
        **(_aggregates(hours, folder) if product.aggregates else {}),
    }
    for table, paths in whole.items():
        gold.step(f"upload {table}")
        _upload(gold, table, day, run, paths, sources)
    counts = {
        "rows": spool.rows,
        "duplicates": spool.rows - writer.rows,
        "readings" if product is WELL_DATA else "transitions": writer.rows,
        "files": len(files),
        "bytes": sum(path.stat().st_size for path in files),
    }
    noted = {
        **facts,
        **{name: str(value) for name, value in counts.items()},
        "run": run,
        "sources": sources.digest,
        "published_at": gold.context.clock().isoformat(timespec="seconds"),
    }
    # The rows last: a day whose rows have this digest of their sources has hours and days of the same run.
    for table in reversed(whole):
        gold.step(f"point {table}")
        gold.catalogue.point(table, [str(day)], prefix_of(gold, table, day, run), noted)
    if product.runs:
        gold.step(f"point {product.runs}")
        gold.catalogue.point(product.runs, [str(day), run], prefix_of(gold, product.table, day, run), noted)
    return counts | {"run": run}


def prefix_of(gold: Gold, table: str, day: date, run: str) -> str:
    """Location of a run's files of a day: `s3://bucket/gold/well_data/date=…/run=…/`."""
    return f"{gold.catalogue.location(table).rstrip('/')}/date={day}/run={run}/"


class DayWriter:
    """Writes sorted rows to Parquet files, a new one whenever one has grown over `MAX_FILE_BYTES`."""

    def __init__(self, table: str, folder: Path, max_bytes: int = MAX_FILE_BYTES) -> None:
        self._schema = arrow_schema(table)
        self._folder = folder
        self._max_bytes = max_bytes
        self._paths: list[Path] = []
        self._writer: pq.ParquetWriter | None = None
        self.rows = 0

    def write(self, rows: pa.Table) -> None:
        """Append rows, as a row group of their own."""
        if self._writer is None:
            self._paths.append(self._folder / f"part-{len(self._paths):04d}.parquet")
            self._writer = pq.ParquetWriter(self._paths[-1], self._schema, compression=COMPRESSION)
        self._writer.write_table(rows.select(self._schema.names))
        self.rows += rows.num_rows
        if self._paths[-1].stat().st_size > self._max_bytes:
            self._finish()

    def close(self) -> list[Path]:
        """Finish, and return the files; one at least, which is empty where no row was written."""
        if not self._paths:
            self.write(self._schema.empty_table())
        self._finish()
        return self._paths

    def _finish(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def _aggregates(hours: list[pa.Table], folder: Path) -> dict[str, list[Path]]:
    rows = pa.concat_tables(hours) if hours else arrow_schema("gold_hours").empty_table()
    made = {"gold_hours": rows, "gold_days": days_of(rows)}
    return {table: [write_table(found, table, folder)] for table, found in made.items()}


def write_table(rows: pa.Table, table: str, folder: Path) -> Path:
    """Write a small table to a file of its own."""
    path = _made(folder / table) / "part-0000.parquet"
    pq.write_table(rows.select(arrow_schema(table).names), path, compression=COMPRESSION)
    return path


def _upload(gold: Gold, table: str, day: date, run: str, paths: Iterable[Path], sources: Sources) -> None:
    _, prefix = place_of(prefix_of(gold, table, day, run))
    gold.bucket.put(f"{prefix}{SOURCES_FILE}", sources.to_json())
    for path in paths:
        gold.bucket.upload(path, f"{prefix}{path.name}")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
