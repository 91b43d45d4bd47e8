"""Measures what `make scale` builds on: processor time and bytes of the path by the shape of the fleet.

    python bench/scale.py --json build/scale/measured.json          # about four minutes
    python bench/scale.py --full --json build/scale/measured.json

The real function runs from the event to its response over the fakes of the tests, in batches of 400 readings
or more (1,000 with --full): of one facility or of many, of wells that have one reading in the batch or many,
with its memories in the process (warm) or read from the live table by a new process (cold), which then stores
them again. Readings are encoded by the producer's code. Every size is that of what the code hands to its AWS
clients. Time is the processor's own, the least of the rounds of all passes, without that of the fakes; what
the real AWS client takes for a call is measured apart (`client_ms`). `machine.orjson_us`, what orjson alone
takes for a reading, tells how fast the core is. `speed` is fitted to all warm shapes: processor time of a
batch by what is in it.
"""

import argparse
import gzip
import io
import json
import logging
import os
import platform
import sys
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
os.environ.setdefault("POWERTOOLS_METRICS_DISABLED", "true")
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np  # noqa: E402  (after the thread limits)
import pyarrow.json as pj  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from batch.columns import arrow_schema  # noqa: E402
from bench.parts.yardstick import orjson_seconds  # noqa: E402
from petrostream.readings import Origin, Rows, encode_lines  # noqa: E402
from petrostream.schema import SENSOR_INDEX, SENSOR_NAMES  # noqa: E402
from scale.fit import fitted, least  # noqa: E402
from tests.support.event_source import StreamRecord  # noqa: E402
from tests.support.metered_world import Function, Measured, client_ms, values  # noqa: E402
from tests.support.scoring_world import START_MS  # noqa: E402
from tests.support.wells import SENSORS  # noqa: E402
from toolchain.version_option import add_version  # noqa: E402

WELLS_OF_A_FACILITY = (1, 8, 50, 200)
READINGS_OF_A_BLOCK = (1, 10, 100, 1000)
FAST_HZ, FAST_WELLS, FAST_BLOCKS = 10, 25, (25, 250, 2500)
"""A fleet of faster wells: those of a facility, and blocks of a tenth of a second, a second and ten."""
STEP_BLOCK, STEP_BATCH = 250, 12_000
"""Blocks and batches of the last step: twelve seconds of a shard with four such facilities."""
BATCH, QUICK_BATCH = 1000, 400
"""Readings of a batch, and wells of the fleet: at 1 Hz a second of it."""
PASSES = 3
"""How often every shape is measured."""
WARM_SECONDS = 200
"""Readings each well has before anything is measured: its three minutes are full then."""
ARRIVES_MS = 300


class WellsInTurn:
    """The endless stream of a facility's wells in turn, each once a second (or `hz` times)."""

    def __init__(self, name: str, wells: list[str], rng: np.random.Generator, hz: int = 1) -> None:
        self.name, self.wells = name, wells
        self._rng, self._step, self._next = rng, 1000 // hz, 0
        self._lines: deque[tuple[bytes, int]] = deque()

    def block(self, readings: int) -> tuple[bytes, int]:
        """A block of that many readings, and when it arrives, epoch ms."""
        while len(self._lines) < readings:
            self._more(max(10, readings // len(self.wells) + 1))
        taken = [self._lines.popleft() for _ in range(readings)]
        return b"".join(line for line, _ in taken), taken[-1][1] + ARRIVES_MS

    def _more(self, rounds: int) -> None:
        ts_ms = START_MS + self._step * np.arange(self._next, self._next + rounds)
        self._next += rounds
        columns = []
        for well in self.wells:
            table = np.full((rounds, len(SENSOR_NAMES)), np.nan)
            table[:, [SENSOR_INDEX[name] for name in SENSORS]] = values(self._rng, rounds)
            rows = Rows(ts_ms, table, np.zeros(rounds, np.int64), np.full(rounds, -1))
            columns.append(encode_lines(rows, Origin(well, self.name, f"0/{well}_20140515110134"), 0))
        for at, lines in zip(ts_ms.tolist(), zip(*columns, strict=True), strict=True):
            self._lines.extend((line, at) for line in lines)


class MeasuredFleet:
    """Wells in facilities of one size, and the function that scores them."""

    def __init__(self, wells: int, total: int, hz: int = 1) -> None:
        rng = np.random.default_rng(20)
        names = [f"WELL-{number:05d}" for number in range(1, total + 1)]
        self.wells, self.hz, self.sequence, self.turn = wells, hz, 10**6, 0
        self.facilities = [
            WellsInTurn(f"FAC-{at // wells:04d}", names[at : at + wells], rng, hz)
            for at in range(0, total, wells)
        ]
        self.function = Function(names)
        for facility in self.facilities:
            left = WARM_SECONDS * hz * wells
            while left:
                taken = min(left, 3000)
                self.function.run([self._block(facility, taken)], taken)
                left -= taken

    def _block(self, facility: WellsInTurn, readings: int) -> StreamRecord:
        data, arrival_ms = facility.block(readings)
        self.sequence += 1
        return StreamRecord(str(self.sequence), facility.name, data, arrival_ms)

    def batch(self, block: int, readings: int) -> tuple[Measured, list[StreamRecord]]:
        """A batch of blocks of that many readings; a facility's round of all its wells is not split."""
        records: list[StreamRecord] = []
        while len(records) * block < readings:
            facility = self.facilities[self.turn % len(self.facilities)]
            self.turn += 1
            records += [self._block(facility, block) for _ in range(-(-self.wells // block))]
        return self.function.run(records, len(records) * block), records


def shape(fleet: MeasuredFleet, block: int, batch: int, rounds: int) -> dict[str, Any]:
    """Figures of a fleet's blocks of one size, warm and cold."""
    warm = [fleet.batch(block, batch) for _ in range(rounds)]
    best, records = min(warm, key=lambda one: one[0].cpu_s / one[0].readings)
    data = [record.data for record in records]
    each_facility = {record.partition_key for record in records}
    # Every memory is stored, and a new process finds all of them.
    fleet.function.store(0)
    fleet.batch(block, batch)
    cold = []
    for _ in range(max(1, rounds // 2)):
        fleet.function.cold()
        cold.append(fleet.batch(block, batch)[0])
    # The batch after a cold one: it stores its memories as well, but has them in the process.
    storing = fleet.batch(block, batch)[0]
    fleet.function.store(1e9)
    fleet.batch(block, batch)
    coldest = min(cold, key=lambda one: one.cpu_s)
    return {
        "hz": fleet.hz,
        "wells": fleet.wells,
        "block": block,
        "readings": best.readings,
        "records": best.records,
        "facilities": len(each_facility),
        "well_visits": min(best.readings, len(each_facility) * fleet.wells),
        "cpu_ms": round(1000 * best.cpu_s, 3),
        "cold_cpu_ms": round(1000 * coldest.cpu_s, 3),
        "cold_readings": coldest.readings,
        "storing_cpu_ms": round(1000 * storing.cpu_s, 3),
        "calls": dict(best.meter.calls),
        "storing_calls": dict(storing.meter.calls),
        "cold_calls": dict(coldest.meter.calls),
        "stream_bytes": round(sum(map(len, data)) / best.readings, 1),
        "stream_gzip_bytes": round(sum(len(gzip.compress(one, 6)) for one in data) / best.readings, 1),
        "delivery_bytes": round(best.meter.bytes["delivery"] / best.readings, 1),
        "delivery_entries": best.meter.entries["delivery"],
        "place_bytes": best.meter.bytes["place"],
        "snapshot_bytes": round(coldest.meter.bytes["snapshot"] / max(1, coldest.meter.calls["snapshot"])),
        "snapshot_units": coldest.meter.units["snapshot"],
    }


def rows_of(fleet: MeasuredFleet, seconds: int) -> dict[str, float]:
    """Bytes of a row, and writes of closed minutes, over whole minutes of the whole fleet."""
    world = fleet.function.world
    before = len(world.firehose.entries["delivery"])
    units = readings = 0
    for _ in range(seconds // 10):
        got = fleet.batch(10 * fleet.wells, 10 * fleet.wells * len(fleet.facilities))[0]
        units += got.meter.units["minute"]
        readings += got.readings
    entries = world.firehose.entries["delivery"][before:]
    lines = b"".join(entries)
    options = pj.ParseOptions(
        explicit_schema=arrow_schema("scored_readings"), unexpected_field_behavior="ignore"
    )
    table = pj.read_json(
        io.BytesIO(lines), parse_options=options, read_options=pj.ReadOptions(block_size=1 << 26)
    )
    file = io.BytesIO()
    pq.write_table(table, file, compression="snappy")
    return {
        "readings": readings,
        "row_bytes": round(len(lines) / table.num_rows, 1),
        "parquet_bytes": round(file.tell() / table.num_rows, 1),
        "minute_units_per_well_minute": round(
            60 * units / (len(fleet.facilities) * fleet.wells * seconds), 3
        ),
    }


def measure(full: bool, passes: int) -> dict[str, Any]:
    """Everything; the shapes so many times, a whole pass after the other."""
    load = os.getloadavg()[0]
    began = time.perf_counter()
    runs, yardsticks = [], []
    for _ in range(passes):
        runs.append(list(grid(BATCH, 5) if full else grid(QUICK_BATCH, 3)))
        yardsticks.append(yardstick_us())
    shapes = [least(found) for found in zip(*runs, strict=True)]
    lake = rows_of(MeasuredFleet(50, BATCH if full else 200), 120)
    return {
        "as_of": datetime.now(UTC).date().isoformat(),
        "machine": {
            "processor": processor(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "orjson_us": round(min(yardsticks), 3),
        },
        "load_average": [round(load, 1), round(os.getloadavg()[0], 1)],
        "seconds": round(time.perf_counter() - began),
        "passes": passes,
        "shapes": shapes,
        "speed": fitted(shapes),
        "lake": lake,
        "client_ms": client_ms(),
    }


def grid(batch: int, rounds: int) -> Iterator[dict[str, Any]]:
    """Every shape of fleet and block, one fleet after the other."""
    fleets = [(wells, batch, 1, READINGS_OF_A_BLOCK) for wells in WELLS_OF_A_FACILITY]
    for wells, total, hz, blocks in [*fleets, (FAST_WELLS, 4 * FAST_WELLS, FAST_HZ, FAST_BLOCKS)]:
        fleet = MeasuredFleet(wells, total, hz)
        sizes = [(block, batch) for block in blocks]
        if hz > 1:
            sizes.append((STEP_BLOCK, STEP_BATCH))
        for block, size in sizes:
            got = shape(fleet, block, size, rounds)
            print(
                f"{wells:>4} wells a facility at {hz:>2} Hz, blocks of {block:>4}, batches of {size:>6}: "
                f"{1000 * got['readings'] / got['cpu_ms']:>8,.0f} readings/s warm, "
                f"{1000 * got['cold_readings'] / got['cold_cpu_ms']:>8,.0f} cold",
                file=sys.stderr,
            )
            yield got


def yardstick_us(rounds: int = 10) -> float:
    """Processor microseconds that orjson takes to parse and write a reading of the last step."""
    wells = [f"WELL-{number:05d}" for number in range(1, FAST_WELLS + 1)]
    facility = WellsInTurn("FAC-0000", wells, np.random.default_rng(20), FAST_HZ)
    blocks = [facility.block(STEP_BLOCK)[0] for _ in range(STEP_BATCH // STEP_BLOCK)]
    return 1e6 * min(orjson_seconds(blocks) for _ in range(rounds)) / STEP_BATCH


def processor() -> str:
    """What the machine calls its processor."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":")[1].strip()
    return platform.machine()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--full", action="store_true", help="larger batches, more rounds")
    passes = f"how often to measure every shape ({PASSES})"
    parser.add_argument("--passes", type=int, default=PASSES, help=passes)
    add_version(parser)
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    text = json.dumps(measure(arguments.full, max(1, arguments.passes)), indent=2)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(text + "\n")
    else:
        print(text)


if __name__ == "__main__":
    main()
