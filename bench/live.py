"""Measures latencies on a running twin, reads of its live table, and a minute of load.

    ./project_up.sh && python bench/live.py --json build/bench-live.json
    python bench/live.py --wells 1000 --seconds 120 --rate 0        # the latencies alone, of a thousand wells

`--wells` wells (42) in the facilities where the fleet places them, under invented names, so that other
readings in the lake are left alone. Latency is from a reading's event time, which is the moment it is sent,
to the first read of the fleet that shows it (`live`), to the object of the curated zone with its row
(`lake`), and to the queue of a subscriber (`alert`). The fleet is read ten times a second. Every well leaks
gas for 20 s of every 120 s, so that there are alerts, as in `bench/latency.py`. Figures depend on what else
the machine does.
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench.parts.figures import save
from local import deployment
from petrostream.arrays import FloatArray
from petrostream.aws.clients import client
from petrostream.aws.live_reader import LiveTable
from petrostream.aws.live_writer import LiveWriter
from petrostream.fleet import facility_of
from petrostream.minutes.windows import WINDOW_MS, Window
from petrostream.times import to_iso
from tests.support.ends import inbox, landed
from tests.support.paced import Paced
from toolchain.twin import Twin, point_at_twin, twin
from toolchain.version_option import add_version

FACILITY_PREFIX = "BENCH-"
PERIOD, LEAK = 120, 20
"""Seconds between the beginnings of two leaks of a well, and the length of one."""

SETTLE_SECONDS = 120
"""How long readings are waited for, at most, after the last one was sent."""

BUCKETS_MS = (100, 250, 500, 750, 1000, 1250, 1500, 1750, 2000, 2500, 3000, 5000, 10_000, 30_000)
DAY = f"BENCH-DAY-{time.time_ns()}"
"""A well of this run's own: one with exactly a day of minutes."""


def main() -> None:
    """Run all three and print them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="length of each run")
    parser.add_argument("--wells", type=int, default=42)
    parser.add_argument("--rate", type=int, default=1000, help="readings a second under load; 0 for none")
    parser.add_argument("--json", type=Path)
    add_version(parser)
    arguments = parser.parse_args()
    target = twin()
    point_at_twin(target=target)
    live = LiveTable(deployment.output(target, "LiveTableName"), client("dynamodb"))
    stream = deployment.output(target, "StreamName")
    places = _names(arguments.wells)
    found: dict[str, Any] = {
        "wells": arguments.wells,
        "load_average": round(os.getloadavg()[0], 1),
        "at_1_hz": one_hz(live, stream, arguments.seconds, places, target),
    }
    if arguments.rate:
        found["reads_ms"] = reads(live, deployment.output(target, "LiveTableName"), list(places))
        each = arguments.rate / arguments.wells
        name = f"at_{arguments.rate}_readings_a_second"
        found[name] = watched(live, stream, arguments.seconds, places, each)
    print(json.dumps(found, indent=2))
    save(found, arguments.json)


def _names(wells: int) -> dict[str, list[str]]:
    places: dict[str, list[str]] = {}
    for number in range(1, wells + 1):
        places.setdefault(FACILITY_PREFIX + facility_of(f"WELL-{number:05d}"), []).append(
            f"BENCH-{number:05d}"
        )
    return places


def one_hz(
    live: LiveTable, stream: str, seconds: int, places: dict[str, list[str]], target: Twin
) -> dict[str, Any]:
    """Send a reading of each well a second, some of them leaking, and follow it to all three ends."""
    since = datetime.now(UTC)
    facilities = set(places)
    with inbox(deployment.output(target, "AlertTopicArn")) as alerts:
        found = watched(live, stream, seconds, places, 1, leaks=True)
        rows = landed(deployment.output(target, "CuratedBucket"), since, facilities)
        return {**found, "lake": summary(rows), "alert": summary(alerts.latencies(facilities))}


def watched(
    live: LiveTable,
    stream: str,
    seconds: int,
    places: dict[str, list[str]],
    each: float,
    *,
    leaks: bool = False,
) -> dict[str, Any]:
    """Send `each` readings of each well a second, in one block of each facility, and watch them arrive.

    Returns:
        Latency in ms of each second's last reading of each well, and its median in thirds of the run: where
        the last is not above the first, lag does not grow.
    """

    def row(well: str, place: str, ts_ms: int, second: int) -> dict[str, Any]:
        return _reading(well, place, ts_ms, leaking=leaks and _leaks(well, second))

    paced = Paced(live, stream, places, max(1, math.ceil(each)), row)
    begun = time.time()
    for second in range(seconds + SETTLE_SECONDS):
        paced.watch(begun + second)
        if second < seconds:
            paced.send(begun + second, second)
        elif not paced.waiting:
            break
    lags = np.array([lag for _, lag in paced.arrived])
    thirds = (np.array([due for due, _ in paced.arrived]) - begun) * 3 // seconds
    return {
        "readings": paced.sent,
        "seen": len(lags),
        "not_seen": paced.waiting,
        "live": summary(lags),
        "first_third_ms": round(float(np.median(lags[thirds == 0]))),
        "last_third_ms": round(float(np.median(lags[thirds >= 2]))),
    }


def summary(lags: FloatArray | Sequence[float]) -> dict[str, Any]:
    """Number, median, 95th and 99th percentile, and histogram by upper edges of latencies in ms."""
    if not len(lags):
        return {"count": 0}
    points = np.percentile(lags, (50, 95, 99)).round().astype(int).tolist()
    counts = np.histogram(lags, (-np.inf, *BUCKETS_MS, np.inf))[0].tolist()
    edges = (*map(str, BUCKETS_MS), "more")
    return {
        "count": len(lags),
        **dict(zip(("p50_ms", "p95_ms", "p99_ms"), points, strict=True)),
        "histogram": {edge: count for edge, count in zip(edges, counts, strict=True) if count},
    }


def _reading(well: str, place: str, ts_ms: int, *, leaking: bool) -> dict[str, Any]:
    return {
        "kind": "well", "well_id": well, "facility_id": place, "ts": to_iso(ts_ms),
        "source": "0/bench", "p_tpt": 1.4e7 + 1e4 * math.sin(ts_ms / 9e3), "t_tpt": 95.0,
        "p_pdg": 2.1e7 + 1e4 * math.cos(ts_ms / 7e3),
        "methane_ppm": 900.0 if leaking else 5.0,
    }  # fmt: skip


def _leaks(well: str, second: int) -> bool:
    """Whether a well leaks gas in that second of the run."""
    return (second + 7 * int(well.rpartition("-")[2])) % PERIOD >= PERIOD - LEAK


def reads(live: LiveTable, table: str, places: list[str]) -> dict[str, float]:
    """p95 in ms of each read, the fleet's wells in it, over a well with a whole day of minutes."""
    now_ms = round(time.time() * 1000)
    last = now_ms // WINDOW_MS * WINDOW_MS
    day = [_minute(last - WINDOW_MS * ago) for ago in range(1, 1441)]
    LiveWriter(table, client("dynamodb"), 24).put_windows(FACILITY_PREFIX + "FAC-01", day, 1, now_ms)
    return {
        "fleet_p95": _p95(lambda: live.fleet(places)),
        "fleet_with_list_p95": _p95(live.fleet),
        "open_alarms_p95": _p95(live.open_alarms),
        "well_1h_p95": _p95(lambda: live.last(DAY, "1h")),
        "well_6h_p95": _p95(lambda: live.last(DAY, "6h")),
        "well_24h_p95": _p95(lambda: live.last(DAY, "24h")),
    }


def _minute(start_ms: int) -> Window:
    two = np.array([1.4e7, 95.0])
    ts = start_ms + 1000 * np.arange(60)
    return Window(DAY, start_ms, ts, np.array([60, 60]), 60 * two, two, two, 0, 0)


def _p95(read: Callable[[], object], rounds: int = 60) -> float:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        read()
        times.append(1000 * (time.perf_counter() - began))
    return round(float(np.percentile(times, 95)), 1)


if __name__ == "__main__":
    main()
