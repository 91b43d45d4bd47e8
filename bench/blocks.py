"""A trial of compact blocks: bytes and processor time of a block by its format, and what each would cost.

    python bench/blocks.py --json build/scale/blocks.json

The block is the producer's: readings of a facility's wells in turn, a line each. Lines compressed as a whole
(gzip, zstd) can be scored as lines again. `columns` are an Arrow record batch without its schema, which both
sides know, compressed column by column; writing one includes parsing the lines. Wells are simulated ones with
four noisy gauges and, where there are any, real ones of 3W (PETROSTREAM_3W). Processor time is the best of
the rounds, beside that of what follows: `validate_block` of the same lines. The bill of each step is that of
the cost model, with the fewest shards on which the step runs.

Rows are tried too: as scoring sends them to Firehose, and with names of two letters, which Firehose can map
to columns (`ColumnToJsonKeyMappings` of its OpenX JSON SerDe).
"""

import argparse
import gzip
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench.parts.figures import save

os.environ.setdefault("POWERTOOLS_METRICS_DISABLED", "true")

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa

from cost.bill import bill
from petrostream.aws.firehose import compressed
from petrostream.readings import Origin, Rows, encode_lines, validate_block
from petrostream.schema import SENSOR_INDEX, SENSOR_NAMES
from scale.fewest import fewest_shards
from scale.model import basis_of
from scale.speed import load_measurements
from scale.steps import STEPS, settings_of
from tests.support.event_source import StreamRecord
from tests.support.metered_world import Function, values
from tests.support.paths import REAL_3W
from tests.support.scoring_world import START_MS
from tests.support.wells import SENSORS
from toolchain.version_option import add_version

WELLS = 25
BLOCKS = (1, 25, 250, 1000)
SECONDS = 200
ROUNDS = 4
NOW_MS = START_MS + 10**9
OF_A_STEP = {"1k": 25, "10k": 25, "100k": 25, "1m": 250}
"""Readings of a block of each step: a second of 25 wells."""


def simulated() -> list[bytes]:
    """Lines of a facility of simulated wells, in turn."""
    rng = np.random.default_rng(20)
    tables = []
    for _ in range(WELLS):
        table = np.full((SECONDS, len(SENSOR_NAMES)), np.nan)
        table[:, [SENSOR_INDEX[name] for name in SENSORS]] = values(rng, SECONDS)
        tables.append(table)
    return lines_of(tables)


def real() -> list[bytes]:
    """Lines of a facility of real wells, the longest instance of each, in turn."""
    found: dict[str, Path] = {}
    for path in sorted(REAL_3W.glob("*/WELL-*.parquet"), key=lambda path: path.stat().st_size):
        found[path.name[:10]] = path
    tables = []
    for path in found.values():
        table = pd.read_parquet(path).rename(columns=lambda name: name.lower().replace("-", "_"))
        table = table.reindex(columns=list(SENSOR_NAMES)).iloc[:SECONDS].astype(float)
        tables.append(table.to_numpy())
    return lines_of(tables)


def lines_of(tables: list[np.ndarray]) -> list[bytes]:
    """The producer's lines of wells in turn, one a second each."""
    ts_ms = START_MS + 1000 * np.arange(SECONDS)
    wells = []
    for number, table in enumerate(tables):
        n = len(table)
        rows = Rows(ts_ms[:n], table, np.zeros(n, np.int64), np.full(n, -1))
        origin = Origin(f"WELL-{number:05d}", "FAC-01", f"0/WELL-{number:05d}_20140515110134")
        wells.append(encode_lines(rows, origin, 0))
    return [line for second in zip(*wells, strict=False) for line in second]


_TEXTS = ("kind", "well_id", "facility_id", "ts", "source", "source_ts")
SCHEMA = pa.schema(
    [
        *((name, pa.string() if not name.endswith("ts") else pa.timestamp("ms")) for name in _TEXTS),
        *((name, pa.float64()) for name in SENSOR_NAMES),
        ("class", pa.int8()),
        ("state", pa.int8()),
    ]
)


def to_columns(block: bytes, codec: str) -> bytes:
    """A block as an Arrow record batch."""
    rows = [orjson.loads(line) for line in block.splitlines()]
    columns = []
    for field in SCHEMA:
        found = [row.get(field.name) for row in rows]
        if pa.types.is_timestamp(field.type):
            found = np.array([text.rstrip("Z") for text in found], "datetime64[ms]")
        columns.append(pa.array(found, field.type))
    options = pa.ipc.IpcWriteOptions(compression=codec)
    batch = pa.record_batch(columns, schema=SCHEMA)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, SCHEMA, options=options) as writer:
        # The schema goes with the first batch, which is empty.
        writer.write_batch(batch[:0])
        before = sink.tell()
        writer.write_batch(batch)
        after = sink.tell()
    return sink.getvalue().to_pybytes()[before:after]


def from_columns(data: bytes) -> list[Any]:
    """Its columns, as the path would take them: numbers as arrays, texts as lists."""
    batch = pa.ipc.read_record_batch(pa.py_buffer(data), SCHEMA)
    return [
        column.to_pylist() if pa.types.is_string(column.type) else column.to_numpy(zero_copy_only=False)
        for column in batch.columns
    ]


@dataclass(frozen=True)
class BlockFormat:
    """How a block is written and read."""

    name: str
    write: Callable[[bytes], bytes]
    read: Callable[[bytes], object]


def formats() -> Iterator[BlockFormat]:
    """Every format that is tried."""
    yield BlockFormat("lines", bytes, bytes)
    for level in (1, 6):
        yield BlockFormat(f"gzip {level}", partial(gzip.compress, compresslevel=level), gzip.decompress)
    zstd = pa.Codec("zstd", compression_level=3)
    # Its size is in front: the decoder must know it.
    yield BlockFormat(
        "zstd 3",
        lambda block: len(block).to_bytes(4, "big") + zstd.compress(block, asbytes=True),
        lambda data: zstd.decompress(data[4:], int.from_bytes(data[:4], "big"), asbytes=True),
    )
    for codec in ("zstd", "lz4"):
        yield BlockFormat(f"columns {codec}", partial(to_columns, codec=codec), from_columns)


def least_us(call: Callable[[Any], object], blocks: list[Any], readings: int) -> float:
    """Processor microseconds of a reading, the best of the rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        begin = time.process_time()
        for one in blocks:
            call(one)
        best = min(best, time.process_time() - begin)
    return round(1e6 * best / readings, 3)


def trial(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    """Every format at every size of block."""
    for size in BLOCKS:
        count = max(1, min(40, 2000 // size))
        blocks = [b"".join(lines[at * size : (at + 1) * size]) for at in range(count)]
        readings = sum(block.count(b"\n") for block in blocks)
        validate = partial(validate_block, sequence="1", now_ms=NOW_MS)
        validated = least_us(validate, blocks, readings)
        for one in formats():
            written = [one.write(block) for block in blocks]
            yield {
                "block": size,
                "format": one.name,
                "bytes": round(sum(map(len, written)) / readings, 1),
                "write_us": least_us(one.write, blocks, readings),
                "read_us": least_us(one.read, written, readings),
                "validate_us": validated,
            }


def bills(found: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each step by format: the fewest shards, and the bill; what is read more is added to each reading."""
    measured = load_measurements()
    for name, size in OF_A_STEP.items():
        step, settings = STEPS[name], settings_of(name)
        sized = [one for one in found if one["block"] == size]
        for one in sized:
            reading_bytes = Fraction(str(one["bytes"]))
            shards = fewest_shards(step, settings, measured.speed, reading_bytes)
            stream = settings.stream.model_copy(update={"shards": shards})
            built = settings.model_copy(update={"stream": stream})
            basis = basis_of(step, built, measured.speed, reading_bytes)
            total = bill(step.workload(built), built, basis=basis)
            yield {
                "step": name,
                "format": one["format"],
                "shards": shards,
                "usd_kinesis": round(float(total.by_service()["Kinesis"])),
                "usd": round(float(total.total)),
            }


def rows(lines: list[bytes]) -> dict[str, float]:
    """Bytes of a scored row, as a line and compressed for Firehose: as it is, and with short names."""
    ids = sorted({orjson.loads(line)["well_id"] for line in lines})
    function = Function(ids)
    size = len(ids) * 10
    for at in range(0, len(lines) - size, size):
        block = b"".join(lines[at : at + size])
        arrives = START_MS + 1000 * (at // len(ids) + 10) + 300
        function.run([StreamRecord(str(10**6 + at), "FAC-01", block, arrives)], size)
    world = function.world
    sent = b"".join(world.firehose.entries["delivery"][-5:]).splitlines()
    short = [
        orjson.dumps({f"{place:02d}": value for place, value in enumerate(orjson.loads(row).values())})
        for row in sent
    ]
    found = {}
    for name, texts in (("as_they_are", sent), ("short_names", short)):
        whole = b"\n".join(texts) + b"\n"
        found[f"{name}_bytes"] = round(len(whole) / len(sent), 1)
        found[f"{name}_compressed_bytes"] = round(len(compressed(whole)) / len(sent), 1)
    return found


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures here as well")
    add_version(parser)
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    result: dict[str, Any] = {"load_average": round(os.getloadavg()[0], 1), "wells": {}}
    for kind, make in (("simulated", simulated), ("real", real)):
        if kind == "real" and not any(REAL_3W.glob("*/WELL-*.parquet")):
            print(f"no real 3W instances at {REAL_3W} (set PETROSTREAM_3W)", file=sys.stderr)
            continue
        lines = make()
        found = list(trial(lines))
        result["wells"][kind] = {"formats": found, "bills": list(bills(found)), "rows": rows(lines)}
        print(f"{kind} wells, rows: {result['wells'][kind]['rows']}")
        print(f"{kind} wells\nblock  format         bytes   write us    read us  validate us")
        for one in found:
            print(
                f"{one['block']:>5}  {one['format']:<12} {one['bytes']:>7}  {one['write_us']:>9}  "
                f"{one['read_us']:>9}  {one['validate_us']:>11}"
            )
        for one in result["wells"][kind]["bills"]:
            print(
                f"{one['step']:>5}  {one['format']:<12} {one['shards']:>5} shards  ${one['usd']:>9,} a month"
            )
    save(result, arguments.json)


if __name__ == "__main__":
    main()
