"""Measures the time from arrival in the stream to Firehose, live table and alert, on AWS's timings.

    python bench/latency.py --json build/bench-latency.json

The scoring function runs against the fakes of the tests, behind an event source with Lambda's timings on a
simulated clock: the shard is read once a second; the batching window begins with the read that brings the
first record, and the batch goes with the read that falls on its end. With enhanced fan-out records are there
70 ms after their arrival, and the window begins with the first of them. Time in the function is its CPU time,
measured here, divided by the share of a vCPU that comes with its memory, and the waits below for each call.
The waits are assumptions, those of the cost model where it has them.

Records go to the shard whose hash range holds the MD5 of their facility, as in Kinesis; each shard has a
process of its own. Every facility sends a block a second, at a moment of its own. Every well leaks gas for
20 s of every 120 s, so that each of its changes of status and alarm transitions is an alert. Latency of an
alert counts from the arrival of the reading that made it due: on-delays of the detection count apart.
"""

import argparse
import hashlib
import json
import logging
import os
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("POWERTOOLS_METRICS_DISABLED", "true")

from cost import figures
from infra.settings import load_settings
from petrostream.fleet import facility_of
from tests.support.event_source import Mapping, StreamRecord
from tests.support.scoring_world import START_MS, World, block, reading
from tests.support.timed_event_source import READ_MS, Polled, Pushed
from toolchain.version_option import add_version

INVOKE_MS = 15.0
WAITS_MS = {
    "get_item": float(figures.TABLE_READ_MS),
    "put_item": float(figures.TABLE_WRITE_MS),
    # Eight at once.
    "update_item": float(figures.TABLE_WRITE_MS) / 8,
    "put_record_batch": float(figures.FIREHOSE_WRITE_MS),
    "publish_batch": 25.0,
}
PERIOD, LEAK = 120, 20
BUCKETS_MS = (250, 500, 750, 1000, 1250, 1500, 1750, 2000, 2500, 3000, 5000, 10_000, 30_000, 10**9)


@dataclass
class Invocation:
    """The simulated time inside one invocation."""

    share: float
    begun_ms: float = 0.0
    waited_ms: float = 0.0
    cpu_s: float = 0.0
    marks: dict[str, float] = field(default_factory=dict)

    def begin(self, at_ms: float) -> None:
        """Begin an invocation."""
        self.begun_ms, self.waited_ms, self.cpu_s, self.marks = at_ms, INVOKE_MS, time.process_time(), {}

    def now_ms(self) -> float:
        """The simulated time."""
        return self.begun_ms + self.waited_ms + (time.process_time() - self.cpu_s) * 1000 / self.share


class Timed:
    """A fake client whose calls take time; `mark` gets the name and the arguments of each when it returns."""

    def __init__(self, client: object, at: Invocation, mark: Callable[[str, dict[str, Any]], None]) -> None:
        self._client, self._at, self._mark = client, at, mark

    def __getattr__(self, name: str) -> Callable[..., object]:
        call = getattr(self._client, name)

        def timed(**arguments: Any) -> object:  # noqa: ANN401 - of every call
            response = call(**arguments)
            self._at.waited_ms += WAITS_MS.get(name, 0.0)
            self._mark(name, arguments)
            return response

        return timed


def records_of(wells: int, seconds: int, seed: int, facilities: int | None = None) -> list[StreamRecord]:
    """A stream on which every facility sends a block a second."""
    draw = random.Random(seed)
    places: dict[str, list[int]] = {}
    for number in range(1, wells + 1):
        own = f"FAC-{number % facilities + 1:02d}" if facilities else facility_of(f"WELL-{number:05d}")
        places.setdefault(own, []).append(number)
    sent = []
    for facility, numbers in places.items():
        phase = draw.randrange(READ_MS)
        for second in range(seconds):
            rows = [
                reading(
                    number,
                    second,
                    facility,
                    methane_ppm=900.0 if (second + 7 * number) % PERIOD >= PERIOD - LEAK else 5.0,
                )
                for number in numbers
            ]
            sent.append((START_MS + second * READ_MS + phase + draw.randrange(50), facility, block(*rows)))
    return [
        StreamRecord(str(1000 + place), facility, data, at)
        for place, (at, facility, data) in enumerate(sorted(sent, key=lambda one: one[0]))
    ]


def _arrivals(records: Sequence[StreamRecord]) -> dict[tuple[str, int], int]:
    """Arrival of each facility's block of each second, ms."""
    return {
        (record.partition_key, (record.arrival_ms - START_MS) // READ_MS): record.arrival_ms
        for record in records
    }


Latencies = dict[str, list[float]]
"""Latencies in ms by what was waited for."""


def shard_of(facility: str, shards: int) -> int:
    """The shard of a partition key, of shards with hash ranges of one size."""
    place = hashlib.md5(facility.encode(), usedforsecurity=False).digest()
    return int.from_bytes(place, "big") * shards >> 128


def measure(  # noqa: PLR0913 - a load and a size
    wells: int,
    seconds: int,
    memory_mb: int,
    window: int,
    *,
    shards: int = 1,
    facilities: int | None = None,
    pushed: bool = False,
    seed: int = 7,
) -> dict[str, Any]:
    """Latencies in ms, of shards that are read once a second or pushed by enhanced fan-out."""
    busy = os.getloadavg()[0]
    records = records_of(wells, seconds, seed, facilities)
    found: Latencies = {"firehose": [], "live": [], "alert": []}
    batches, hottest = 0, 0
    sent = len({record.partition_key for record in records})
    for shard in range(shards):
        own = [record for record in records if shard_of(record.partition_key, shards) == shard]
        if own:
            source = _source(own, f"shardId-{shard:012d}", memory_mb, window, pushed, found)
            source.run(own)
            batches = max(batches, len(source.batches))
            hottest = max(hottest, len({record.partition_key for record in own}))
    return {
        "wells": wells,
        "shards": shards,
        "facilities": sent,
        "facilities_of_the_hottest_shard": hottest,
        "memory_mb": memory_mb,
        "window_s": window,
        "enhanced_fan_out": pushed,
        "batches_of_a_shard": batches,
        "seconds_between_batches": round(seconds / batches, 2),
        "load_average": [round(busy, 1), round(os.getloadavg()[0], 1)],
        **{name: _summary(values) for name, values in found.items()},
    }


def _source(
    records: list[StreamRecord], shard_id: str, memory_mb: int, window: int, pushed: bool, found: Latencies
) -> Polled:
    """The event source of a shard; what it measures is added to `found`."""
    settings = load_settings().scoring
    inside = Invocation(min(1.0, memory_mb / figures.VCPU_MB))
    arrived = _arrivals(records)

    def mark(name: str, arguments: dict[str, Any]) -> None:
        if name == "put_record_batch" and arguments["DeliveryStreamName"] == "delivery":
            inside.marks["firehose"] = inside.now_ms()
        elif name == "put_item" and arguments["Item"]["sk"]["S"].startswith("SHARD#"):
            inside.marks["live"] = inside.now_ms()
        elif name == "publish_batch":
            found["alert"] += _alerts(arguments["PublishBatchRequestEntries"], arrived, inside.now_ms())

    def settle(batch: list[StreamRecord]) -> None:
        for name, at in inside.marks.items():
            found[name] += [at - record.arrival_ms for record in batch]

    world = World(commit_seconds=settings.commit_seconds)
    for name in ("firehose", "table", "topic"):
        setattr(world, name, Timed(getattr(world, name), inside, mark))
    # Memories are stored, and rows dated, by the simulated clock.
    worker = world.worker()
    original = worker.ports
    worker.ports = lambda deadline: replace(  # type: ignore[method-assign]
        original(deadline), now_ms=lambda: round(inside.now_ms())
    )
    mapping = Mapping(settings.batch_size, window * 1000, report_item_failures=True, shard_id=shard_id)
    return (Pushed if pushed else Polled)(
        world.function,
        mapping,
        now_ms=START_MS,
        taken_ms=inside.now_ms,
        begin=inside.begin,
        latencies=settle,
    )


def _alerts(
    entries: Sequence[dict[str, Any]], arrived: dict[tuple[str, int], int], now_ms: float
) -> Iterator[float]:
    """Latency of each alert that the topic took, from the arrival of the reading that made it due."""
    for entry in entries:
        message = json.loads(entry["Message"])
        due = np.datetime64(message["time"].rstrip("Z")).astype("datetime64[ms]").astype(int)
        at = arrived.get((message["detail"]["facility_id"], (int(due) - START_MS) // READ_MS))
        if at is not None:
            yield now_ms - at


def _summary(values: list[float]) -> dict[str, Any]:
    if not values:
        return {"count": 0}
    points = np.percentile(values, (50, 95, 99)).round().astype(int).tolist()
    counts = np.histogram(values, (0, *BUCKETS_MS))[0].tolist()
    histogram = {str(edge): count for edge, count in zip(BUCKETS_MS, counts, strict=True) if count}
    return {
        "count": len(values),
        **dict(zip(("p50", "p95", "p99"), points, strict=True)),
        "histogram": histogram,
    }


def main() -> None:
    """Run the loads and print their latencies."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_version(parser)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=int, default=600, help="stream of ten wells")
    parser.add_argument("--many-seconds", type=int, default=120, help="stream of a thousand wells")
    parser.add_argument("--shards", type=int, default=8, help="shards of a thousand wells")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    ten = [measure(10, arguments.seconds, 512, window) for window in (0, 1, 2)]
    ten += [measure(10, arguments.seconds, 512, window, pushed=True) for window in (0, 1)]
    many = [
        measure(1000, arguments.many_seconds, 1769, 0, shards=arguments.shards, facilities=facilities)
        for facilities in (None, 40)
    ]
    found = ten + many
    text = json.dumps(found, indent=2)
    if arguments.json:
        arguments.json.parent.mkdir(parents=True, exist_ok=True)
        arguments.json.write_text(text)
    print(text, file=sys.stderr)


if __name__ == "__main__":
    main()
