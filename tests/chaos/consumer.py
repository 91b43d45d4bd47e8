"""The consumer's side of a trial: event sources that deliver every shard to the function's processes."""

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

from petrostream.aws.models import ModelStore
from petrostream.aws.worker import Worker
from tests.chaos.weather import Clock, Weather
from tests.support.event_source import Context, EventSource, Mapping, StreamRecord
from tests.support.fakes import Crash
from tests.support.scoring_world import World

INVOCATION_MS = 40
"""How long an invocation takes on the simulated clock."""


@dataclass
class ChaosWorld(World):
    """The function among services in the weather, on the trial's clock.

    Attributes:
        clock: the clock.
        event: what the function processes at the moment.
        interrupted: ids of the messages that a process had sent in the invocation in which it died.
    """

    clock: Clock = field(default_factory=lambda: Clock(0))
    event: dict[str, Any] | None = None
    interrupted: set[str] = field(default_factory=set)
    _inside: bool = False

    def _new(self) -> Worker:
        worker = super()._new()
        # The pointer is read again by this clock.
        worker.models = ModelStore(
            "artifacts", self.bucket, worker.settings.model_refresh_seconds, clock=self._seconds
        )
        return worker

    def _seconds(self) -> float:
        return self.clock.now_ms / 1000

    def function(self, event: dict[str, Any], context: Context) -> dict[str, Any]:
        self.event = event
        return self._invoked(event, context)

    def _invoked(self, event: dict[str, Any], context: Context) -> dict[str, Any]:
        told = len(self.topic.messages)
        try:
            return super().function(event, context)
        except Crash:
            self.interrupted |= {message["id"] for message in self.topic.messages[told:]}
            raise

    def second_process(self) -> None:
        """Another process gets the batch while this one works on it, as after a time-out."""
        if self._inside or self.event is None:
            return
        self._inside = True
        first, held = self.serving, self.event
        self.serving = lambda: 7
        try:
            self._invoked(held, Context())
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
        finally:
            self.serving, self._inside = first, False


@dataclass
class Timed(EventSource):
    """An event source that moves the trial's clock, and keeps the delay of each batch."""

    clock: Clock = field(default_factory=lambda: Clock(0))
    delays: list[tuple[int, int]] = field(default_factory=list)

    def _invoke(self, records: list[StreamRecord], retries: int) -> tuple[int | None, bool]:
        self.clock.now_ms = self.now_ms
        outcome = super()._invoke(records, retries)
        self.now_ms += INVOCATION_MS
        if outcome[0] is None:
            self.delays.append((self.now_ms, self.now_ms - records[0].arrival_ms))
        return outcome


@dataclass
class Consumer:
    """Delivers shards until their end.

    Attributes:
        world: the function and its services.
        clock: the trial's clock.
        weather: suspended for the last records, so that what was put off has its chance.
        mapping: settings of the event source mapping.
        rng: decides which lane is next, where there are several.
        lanes: the parallelisation factor: batches of a shard in work at once, each key in one of them.
        remaining_ms: what an invocation has left.
    """

    world: World
    clock: Clock
    weather: Weather
    mapping: Mapping
    rng: random.Random
    lanes: int = 1
    remaining_ms: Callable[[], int] = lambda: 120_000
    delays: list[tuple[int, int]] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)

    def run(self, shards: dict[str, list[StreamRecord]]) -> None:
        """Deliver all shards; a shard's parents come before it."""
        with patch("petrostream.aws.worker.now_ms", self.clock.of_consumer):
            for name, records in shards.items():
                self._shard(name, records)

    def _shard(self, name: str, records: Sequence[StreamRecord]) -> None:
        lanes: list[list[StreamRecord]] = [[] for _ in range(self.lanes)]
        for record in records:
            lanes[_lane(record.partition_key, self.lanes)].append(record)
        sources = [self._source(name) for _ in lanes]
        for lane, part in self._turns(lanes):
            sources[lane].run(part)
        for source in sources:
            self.delays += source.delays
            self.notices += source.notices

    def _turns(self, lanes: list[list[StreamRecord]]) -> Iterator[tuple[int, list[StreamRecord]]]:
        if len(lanes) == 1:
            yield 0, lanes[0]
            return
        places = [0] * len(lanes)
        while waiting := [lane for lane, records in enumerate(lanes) if places[lane] < len(records)]:
            lane = self.rng.choice(waiting)
            step = self.rng.randrange(1, 12)
            yield lane, lanes[lane][places[lane] : places[lane] + step]
            places[lane] += step

    def _source(self, name: str) -> Timed:
        return Timed(
            self.world.function,
            replace(self.mapping, shard_id=name),
            context=lambda: Context(remaining_ms=self.remaining_ms()),
            clock=self.clock,
        )


def _lane(key: str, lanes: int) -> int:
    return hashlib.md5(key.encode(), usedforsecurity=False).digest()[0] % lanes
