"""Measures joining, rating, encoding and windowing of a facility's readings on one core.

    python bench/facility.py --json build/bench-facility.json

Wells at one reading a second, a tank reading every two, in batches of some seconds. Figures are seconds of
the one core's own time, the best of several rounds, so that other work on the machine counts as little as
possible.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import numpy as np  # noqa: E402  (after the thread limits)

from bench.parts.figures import save  # noqa: E402
from petrostream.facility import codec as join_codec  # noqa: E402
from petrostream.facility.events import WellEvents  # noqa: E402
from petrostream.facility.join import join  # noqa: E402
from petrostream.facility.risk import assess  # noqa: E402
from petrostream.facility.state import JoinState  # noqa: E402
from petrostream.lake.facility_readings import facility_rows_to_blocks  # noqa: E402
from petrostream.minutes import codec as windows_codec  # noqa: E402
from petrostream.minutes.windows import WindowState, update_windows  # noqa: E402
from petrostream.readings.validation import Validated, validate_block  # noqa: E402
from petrostream.readings.wells import encode_block  # noqa: E402
from petrostream.scoring.history import FacilityState  # noqa: E402
from petrostream.scoring.score import score_batch  # noqa: E402
from petrostream.scoring.scored import Scored  # noqa: E402
from petrostream.times import to_iso  # noqa: E402
from producer.facility import GasDetector, Tank, enrich  # noqa: E402
from toolchain.version_option import add_version  # noqa: E402

START_MS = 1_700_000_000_000
FACILITY = "FAC-01"
BATCHES = 8
ROUNDS = 5
CASES = ((6, 20), (42, 2), (42, 24), (42, 240))
"""Wells of the facility, seconds of a batch."""


def block(wells: int, start_ms: int, seconds: int) -> bytes:
    """A stretch of the facility's stream."""
    ts = start_ms + 1000 * np.arange(seconds)
    lines: list[tuple[int, bytes]] = []
    for well in range(wells):
        name = f"WELL-{well:05d}"
        rows = [
            b'{"kind":"well","well_id":"%b","facility_id":"%b","ts":"%b","source":"0/x","p_tpt":1e7,"t_tpt":90.0}\n'
            % (name.encode(), FACILITY.encode(), to_iso(one).encode())
            for one in ts.tolist()
        ]
        gas = GasDetector(1, name, FACILITY, []).read("0/x", ts)
        lines += zip(ts.tolist(), enrich(rows, gas), strict=True)
    tank = Tank(1, "TANK-01A", FACILITY, [])
    lines += [(int(one), encode_block(tank.rows(np.array([one])))) for one in ts[::2]]
    return b"".join(line for _, line in sorted(lines, key=lambda pair: pair[0]))


def prepared(wells: int, seconds: int) -> list[tuple[Validated, Scored]]:
    """Validated and scored batches."""
    state, batches = FacilityState(FACILITY), []
    for number in range(BATCHES):
        data = block(wells, START_MS + 1000 * seconds * number, seconds)
        found = validate_block(data, sequence=str(number), now_ms=START_MS + 10**9, tanks=True)
        done = score_batch(state, found.readings, None, scored_at_ms=START_MS)
        state = done.state
        batches.append((found, done.rows))
    return batches


def measure(batches: list[tuple[Validated, Scored]]) -> dict[str, float]:
    """One pass over all batches: microseconds a well reading of each stage, and bytes of state."""
    joined, windowed = JoinState(), WindowState()
    spent = dict.fromkeys(("join", "rows", "windows"), 0.0)
    for found, scored in batches:
        begin = time.process_time()
        done = join(joined, WellEvents.of(scored), found.tanks, found.tank_at)
        joined, now = done.state, time.process_time()
        spent["join"] += now - begin
        facility_rows_to_blocks(assess(FACILITY, done.pairs), joined_at_ms=START_MS)
        begin = time.process_time()
        spent["rows"] += begin - now
        windowed = update_windows(windowed, scored).state
        spent["windows"] += time.process_time() - begin
    readings = sum(len(scored) for _, scored in batches)
    figures = {f"{stage}_us": round(1e6 * seconds / readings, 2) for stage, seconds in spent.items()}
    figures["join_state_bytes"] = len(join_codec.encode(joined))
    figures["window_state_bytes"] = len(windows_codec.encode(windowed))
    return figures


def main() -> None:
    """Measure every case and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    add_version(parser)
    options = parser.parse_args()
    report = []
    for wells, seconds in CASES:
        batches = prepared(wells, seconds)
        rounds = [measure(batches) for _ in range(ROUNDS)]
        figures = {name: min(one[name] for one in rounds) for name in rounds[0]}
        report.append({"wells": wells, "batch_seconds": seconds, **figures})
        print(json.dumps(report[-1]))
    save(report, options.json)


if __name__ == "__main__":
    main()
