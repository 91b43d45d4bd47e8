"""Measures the gold zone on a running lake: what a month of readings is before and after it is compacted.

    python bench/gold.py --readings 1000000 --json build/bench-gold.json

It needs a local lake with nothing in its past: `./project_up.sh` after a purge. Lines of wells are validated,
scored without a model, and encoded by the code of the stream; some are broken, some are sent twice. What
Firehose would write of them is written to the raw, curated and quarantine zones. Then `compact` runs, and
Athena's SQL counts. Files are counted by DuckDB's own plan over the files that the catalogue names.
"""

import argparse
import gzip
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pyarrow as pa
import pyarrow.json
import pyarrow.parquet as pq

from batch.__main__ import start
from batch.columns import arrow_schema, conform
from petrostream.aws.athena import run_sql
from petrostream.aws.clients import client
from petrostream.lake.quarantine import quarantine_line
from petrostream.lake.scored_readings import rows_to_blocks
from petrostream.readings.validation import validate_block
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from petrostream.times import to_iso
from tests.support.gold_lake import GoldLake
from toolchain.twin import ACCOUNT, REGION, point_at_twin
from toolchain.version_option import add_version

WELLS = 10
SENT_TWICE_EVERY = 100
BROKEN_EVERY = 1000
LINES_A_BLOCK = 250


@dataclass
class Sent:
    """What went in.

    Attributes:
        lines: lines of the raw zone.
        twice: of them, lines that repeat a good one.
        broken: of them, lines that are rejected.
        objects: files of the curated zone.
    """

    lines: int = 0
    twice: int = 0
    broken: int = 0
    objects: int = 0


@dataclass
class FacilityStream:
    """Makes blocks of one facility, and treats them as the stream does."""

    state: FacilityState = field(default_factory=lambda: FacilityState("FAC-01"))
    sequence: int = 10**20
    made: int = 0
    sent: Sent = field(default_factory=Sent)

    def blocks(self, day: date, lines: int) -> Iterator[tuple[bytes, int]]:
        """Blocks of a day in the order of the stream, each with how many of its lines repeat good ones."""
        step_ms = 86_400_000 // max(1, lines // WELLS + 1)
        start_ms = round(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
        for first in range(0, lines, LINES_A_BLOCK):
            numbers = range(first, min(first + LINES_A_BLOCK, lines))
            block = [self._line(n, start_ms + step_ms * (n // WELLS)) for n in numbers]
            good = [line for line in block if line.startswith(b"{")]
            again = [line for place, line in enumerate(good) if place % SENT_TWICE_EVERY == 0]
            yield b"".join(block), 0
            if again:
                yield b"".join(again), len(again)

    def _line(self, number: int, ts_ms: int) -> bytes:
        self.made += 1
        if self.made % BROKEN_EVERY == 0:
            return b"pressure=12;temperature=100\n"
        return (
            b'{"kind":"well","well_id":"WELL-%05d","facility_id":"FAC-01","ts":"%b","source":"0/bench",'
            b'"p_pdg":%d.5,"p_tpt":%d.25,"t_tpt":%d.125}\n'
            % (
                number % WELLS,
                to_iso(ts_ms).encode(),
                21_000_000 + number % 997,
                14_000_000 - number % 991,
                90 + number % 7,
            )
        )

    def treat(self, block: bytes, arrival_ms: int) -> tuple[list[Any], list[bytes]]:
        """Rows of the curated zone by date, and lines of the quarantine."""
        self.sequence += 1
        sequence = str(self.sequence)
        valid = validate_block(block, sequence=sequence, now_ms=arrival_ms)
        scored = score_batch(self.state, valid.readings, None, scored_at_ms=arrival_ms)
        self.state = scored.state
        rejected = [
            quarantine_line(one, partition_key="FAC-01", sequence=sequence, quarantined_at=arrival_ms)
            for one in valid.rejected
        ]
        return rows_to_blocks(scored.rows), rejected


def fill(days: list[date], readings: int, files_a_day: int) -> Sent:
    """Write the zones; `files_a_day` objects of the curated zone for each day, and what is sent twice."""
    stream, s3 = FacilityStream(), client("s3")
    arrival_ms = round(time.time() * 1000)
    per_day = readings // len(days)
    blocks_a_file = max(1, 2 * per_day // LINES_A_BLOCK // files_a_day)
    for day in days:
        waiting: list[Any] = []
        raw, rejected, number = [], [], 0
        blocks = list(stream.blocks(day, per_day))
        for place, (block, twice) in enumerate(blocks, 1):
            rows, bad = stream.treat(block, arrival_ms)
            raw.append(block)
            rejected += bad
            waiting += rows
            stream.sent.lines += block.count(b"\n")
            stream.sent.twice += twice
            stream.sent.broken += len(bad)
            if waiting and (place % blocks_a_file == 0 or place == len(blocks)):
                key = f"scored_readings/date={day}/petrostream-delivery-{number:05d}.parquet"
                s3.put_object(Bucket=bucket("curated"), Key=key, Body=_parquet(waiting))
                waiting, number = [], number + 1
        stream.sent.objects += number
        s3.put_object(
            Bucket=bucket("raw"),
            Key=f"ingest/{day:%Y/%m/%d}/00/bench.gz",
            Body=gzip.compress(b"".join(raw), 1),
        )
        arrived = datetime.fromtimestamp(arrival_ms / 1000, UTC).date()
        key = f"quarantine/date={arrived}/bench-{day}.gz"
        s3.put_object(Bucket=bucket("quarantine"), Key=key, Body=gzip.compress(b"".join(rejected), 1))
    return stream.sent


def bucket(zone: str) -> str:
    """Name of a zone's bucket on the twin."""
    return f"petrostream-{zone}-{ACCOUNT}-{REGION}"


def _parquet(blocks: list[Any]) -> pa.Buffer:
    """A file of the curated zone, as Firehose makes one of blocks of rows."""
    kind = arrow_schema("scored_readings")
    text = pa.schema(
        [pa.field(one.name, pa.string() if pa.types.is_timestamp(one.type) else one.type) for one in kind]
    )
    rows = pa.json.read_json(
        pa.py_buffer(b"".join(block.data for block in blocks)),
        parse_options=pa.json.ParseOptions(explicit_schema=text),
    )
    sink = pa.BufferOutputStream()
    pq.write_table(conform(rows, "scored_readings", "bench"), sink, use_deprecated_int96_timestamps=True)
    return sink.getvalue().to_pybytes()


def count(sql: str) -> int:
    """The one number of a query, through Athena's API."""
    return int(run_sql(sql).rows[0][0])


def measure(readings: int, days: int, files_a_day: int) -> dict[str, Any]:
    """Fill the lake, compact it, and count."""
    point_at_twin()
    last = datetime.now(UTC).date() - timedelta(days=2)
    dates = [last - timedelta(days=n) for n in reversed(range(days))]
    begun = time.monotonic()
    sent = fill(dates, readings, files_a_day)
    filled = time.monotonic()
    one_day = f"SELECT COUNT(*) AS n FROM well_data WHERE \"date\" = DATE '{dates[len(dates) // 2]}'"
    with tempfile.TemporaryDirectory() as name:
        before = _asked(Path(name) / "before", one_day)
        compacted = time.monotonic()
        result = start("compact", {}, aws=False)
        took = time.monotonic() - compacted
        after = _asked(Path(name) / "after", one_day)
    counts = {
        "raw_lines": sent.lines,
        "sent_twice": sent.twice,
        "quarantined": count("SELECT COUNT(*) AS n FROM quarantine_lines"),
        "gold": count("SELECT COUNT(*) AS n FROM well_data_gold"),
        "gold_identities": count("SELECT COUNT(DISTINCT event_id) AS n FROM well_data_gold"),
        "well_data": count("SELECT COUNT(*) AS n FROM well_data"),
        "days": count('SELECT COUNT(DISTINCT "date") AS n FROM well_data_gold'),
        "hours_sum": count("SELECT SUM(readings) AS n FROM gold_hours"),
        "days_sum": count("SELECT SUM(readings) AS n FROM gold_days"),
    }
    return {
        **counts,
        "expected": counts["raw_lines"] - counts["sent_twice"] - counts["quarantined"],
        "files_a_day_in_gold": sorted({done["files"] for done in result.days.values()}),
        "curated_files": sent.objects,
        "files_of_a_days_query": {"before": before[1], "after": after[1]},
        "rows_of_that_day": {"before": before[0], "after": after[0]},
        "seconds": {"fill": round(filled - begun, 1), "compact": round(took, 1)},
    }


def _asked(folder: Path, sql: str) -> tuple[int, int]:
    """What the query answers on the twin, and how many files it reads."""
    folder.mkdir()
    lake = GoldLake(folder, bucket=bucket("curated"), clients={name: client(name) for name in ("s3", "glue")})
    lake.read_views()
    return count(sql), lake.files_read(sql)


def main() -> int:
    """Measure, print, and say whether gold is what it must be."""
    parser = argparse.ArgumentParser(description=str(__doc__).split("\n", 1)[0])
    parser.add_argument("--readings", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--files", type=int, default=48, help="files a day in the curated zone")
    parser.add_argument("--json", type=Path)
    add_version(parser)
    options = parser.parse_args()
    found = measure(options.readings, options.days, options.files)
    text = json.dumps(found, indent=2)
    sys.stdout.write(text + "\n")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(text + "\n", encoding="utf-8")
    files = found["files_of_a_days_query"]
    each_once = found["gold"] == found["gold_identities"] == found["well_data"] == found["expected"]
    return (
        0
        if each_once and found["files_a_day_in_gold"] == [1] and files["before"] >= 10 * files["after"]
        else 1
    )


if __name__ == "__main__":
    sys.exit(main())
