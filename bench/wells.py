"""Measures what a record costs by the number of its wells: the same readings of one well, or of thousands.

    python bench/wells.py --readings 9000

CPU seconds of one core from the bytes of the records to encoded rows and the encoded memory, without a model
and without services; then the largest portion, which is what one invocation does at least. `WELL_COST` in
petrostream/pipeline/portions.py follows from the last column: the cost of a well in readings of one well.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from petrostream.pipeline import Memory, StreamRecord, fitted  # noqa: E402  (after the thread limits)
from petrostream.pipeline.batch import Tally  # noqa: E402
from petrostream.pipeline.portions import portions  # noqa: E402
from petrostream.pipeline.stages import ChunkTimes, run_stages  # noqa: E402
from petrostream.readings import encode_block, validate_block  # noqa: E402
from petrostream.scoring.history import FacilityState  # noqa: E402
from petrostream.times import to_iso  # noqa: E402
from toolchain.version_option import add_version  # noqa: E402

START_MS = 1_760_000_000_000
RECORD_BYTES = 1_000_000
WELLS = (1, 10, 100, 1_000, 9_000)
ROUNDS = 2


class NullSink:
    """Takes blocks and forgets them."""

    def write(self, block: bytes, group: str = "") -> None:
        """Take a block."""

    def flush(self) -> None:
        """Do nothing."""


def records(wells: int, readings: int) -> list[StreamRecord]:
    """Readings of so many wells in turn, one a second each, in records of up to a megabyte."""
    made: list[StreamRecord] = []
    block: list[bytes] = []
    for i in range(readings):
        row = {
            "kind": "well", "well_id": f"WELL-{i % wells:05d}", "facility_id": "FAC-01",
            "ts": to_iso(START_MS + 1000 * (i // wells)), "source": "bench",
            "p_pdg": 2.1e7 + i % 7, "p_tpt": 1.4e7 - i % 5, "t_tpt": 95.0,
        }  # fmt: skip
        block.append(encode_block([row]))
        if i + 1 == readings or sum(map(len, block)) > RECORD_BYTES:
            made.append(StreamRecord(str(len(made) + 1), "FAC-01", b"".join(block), START_MS + 10**9))
            block = []
    return made


def measure(wells: int, readings: int) -> tuple[float, float, int]:
    """CPU seconds of all records and of the longest portion, and how many portions there are."""
    ports: Any = SimpleNamespace(delivery=NullSink(), facility=NullSink(), alarms=NullSink(), join="tanks")
    memory = Memory(FacilityState("FAC-01"))
    content = records(wells, readings)
    begin = time.process_time()
    validated = [
        validate_block(record.data, sequence=record.sequence, now_ms=record.arrival_ms, tanks=True)
        for record in content
    ]
    longest, count = 0.0, 0
    for portion in portions(content, validated, memory.scoring):
        started = time.process_time()
        memory, _ = run_stages(memory, portion.content, ports, None, ChunkTimes(START_MS, START_MS), Tally())
        longest, count = max(longest, time.process_time() - started), count + 1
    fitted(memory, 380_000)
    return time.process_time() - begin, longest, count


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--readings", type=int, default=9_000, help="how many in all (default: 9000)")
    add_version(parser)
    readings = parser.parse_args().readings
    print(f"{'wells':>6}  {'CPU s':>7}  {'portions':>8}  {'longest s':>9}  {'ms a well':>9}  {'readings':>8}")
    alone = 0.0
    for wells in WELLS:
        if wells > readings:
            continue
        seconds, longest, count = min(measure(wells, readings) for _ in range(ROUNDS))
        alone = alone or seconds
        each = (seconds - alone) / max(wells - 1, 1)
        print(
            f"{wells:>6}  {seconds:>7.2f}  {count:>8}  {longest:>9.2f}  {1000 * each:>9.2f}  "
            f"{each / (alone / readings):>8.0f}"
        )


if __name__ == "__main__":
    main()
