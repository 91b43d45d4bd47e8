"""Event sources with the timings of AWS Lambda: the shard is read once a second, or pushes its records."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.support.event_source import EventSource, StreamRecord

READ_MS = 1000
"""Lambda reads each shard once a second (developer guide, "Using Lambda with Kinesis")."""

PUSH_MS = 70
"""Delay of a record with enhanced fan-out, on average (developer guide of Kinesis Data Streams)."""


@dataclass
class Polled(EventSource):
    """An event source that reads the shard once a second."""

    taken_ms: Callable[[], float] = lambda: 0.0
    begin: Callable[[float], None] = lambda _: None
    latencies: Callable[[list[StreamRecord]], None] = lambda _: None
    read_to_ms: int = 0

    def _gather(self, shard: Sequence[StreamRecord], position: int) -> list[StreamRecord]:
        first = shard[position].arrival_ms
        # What is left of the last read is there; else the next read is on the second.
        at = self.now_ms if first <= self.read_to_ms else _on_the_second(max(self.now_ms, first))
        closes = at + math.ceil(self.mapping.window_ms / READ_MS) * READ_MS
        while True:
            batch = [
                record
                for record in shard[position : position + self.mapping.batch_size]
                if record.arrival_ms <= at
            ]
            if at >= closes or len(batch) == self.mapping.batch_size:
                break
            at += READ_MS
        self.now_ms, self.read_to_ms = at, max(at, self.read_to_ms)
        return batch

    def _invoke(self, records: list[StreamRecord], retries: int) -> tuple[int | None, bool]:
        self.begin(self.now_ms)
        outcome = super()._invoke(records, retries)
        self.now_ms = round(self.taken_ms())
        self.latencies(records)
        return outcome


@dataclass
class Pushed(Polled):
    """An event source that enhanced fan-out sends the records of the shard as they arrive."""

    def _gather(self, shard: Sequence[StreamRecord], position: int) -> list[StreamRecord]:
        # Nothing is read: a batch is what has arrived when the window that its first record opened is over.
        waiting = shard[position : position + self.mapping.batch_size]
        closes = max(self.now_ms, waiting[0].arrival_ms + PUSH_MS) + self.mapping.window_ms
        batch = [record for record in waiting if record.arrival_ms + PUSH_MS <= closes]
        full = len(batch) == self.mapping.batch_size
        self.now_ms = max(self.now_ms, batch[-1].arrival_ms + PUSH_MS) if full else closes
        return batch


def _on_the_second(at_ms: int) -> int:
    return math.ceil(at_ms / READ_MS) * READ_MS
