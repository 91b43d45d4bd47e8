"""One trial: a fleet, faults, and the reckoning."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Protocol
from unittest.mock import patch

from tests.chaos import lake
from tests.chaos.consumer import ChaosWorld, Consumer
from tests.chaos.fleet import FACILITIES, SECONDS, TAIL, Fleet, fleet
from tests.chaos.played import Played, real_wells
from tests.chaos.reckoning import Reckoning
from tests.chaos.services import (
    Intake,
    ReadStream,
    StormyBucket,
    StormyFirehose,
    StormyTable,
    StormyTopic,
    records_of,
)
from tests.chaos.weather import FOREVER_MS, Clock, Rule, Weather
from tests.support.event_source import Mapping, StreamRecord
from tests.support.live_table import ReadableTable
from tests.support.scoring_world import START_MS, published
from tests.support.sharded_stream import ShardedStream

MAPPING = {"batch_size": 500, "window_ms": 1000, "report_item_failures": True}
CALM_WINDOW_MS = 10_000
"""A run without faults has larger batches: its rows do not depend on them, and it takes less time."""

COMMIT_SECONDS = 15.0
"""Seconds between two snapshots: as far apart, for the two minutes of a trial, as in production."""


class Fault(Protocol):
    """A row of the table of faults."""

    name: str

    def apply(self, trial: "Trial") -> None:
        """Prepare the fault."""


@dataclass
class Trial:
    """A trial while it is prepared and run; faults change what they need.

    Attributes:
        seed: everything random follows from it.
        real: folder of real instances whose values the wells have; None for synthetic ones.
        rng: source of all that.
        clock, weather: of the trial.
        sent: what the producer sends.
        intake: the producer's side.
        world: the function and its services.
        mapping: settings of the event source mapping.
        lanes: the parallelisation factor.
        commit_seconds: seconds between two snapshots.
        exact: whether rows and memories must equal an undisturbed run's, not only their identities.
        after: done when all shards are delivered; what it returns is delivered next.
        before: done when the services are there, with the shards to deliver.
        remaining_ms: what an invocation has left.
        patches: held while the consumer runs.
    """

    seed: int
    real: Path | None = None
    rng: random.Random = field(init=False)
    clock: Clock = field(default_factory=lambda: Clock(START_MS))
    weather: Weather = field(init=False)
    sent: Fleet = field(init=False)
    intake: Intake = field(init=False)
    world: ChaosWorld = field(init=False)
    mapping: dict[str, Any] = field(default_factory=lambda: dict(MAPPING))
    lanes: int = 1
    commit_seconds: float = COMMIT_SECONDS
    exact: bool = True
    before: list[Callable[["Trial", dict[str, list[StreamRecord]]], None]] = field(default_factory=list)
    after: list[Callable[["Trial", Consumer], dict[str, list[StreamRecord]]]] = field(default_factory=list)
    remaining_ms: Callable[[], int] = lambda: 120_000
    patches: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.weather = Weather(self.clock, self.rng, calm_ms=START_MS + 1000 * TAIL.start)
        self.sent = fleet(self.rng, played=self._played())
        self.intake = Intake(self.clock, self.weather, self.rng)

    def _played(self) -> list[Played]:
        if self.real is None:
            return []
        return real_wells(self.real, self.rng, 2 * FACILITIES, SECONDS)

    def some_time(self, seconds: float, service: str, outcome: str, **more: Any) -> Rule:
        """A rule that holds for some seconds, from a random moment on."""
        first = START_MS + self.rng.randrange(10_000, 75_000)
        rule = Rule(service, outcome, first_ms=first, last_ms=first + round(1000 * seconds), **more)
        self.weather.rules.append(rule)
        return rule

    def now_and_then(self, service: str, outcome: str, chance: float, **more: Any) -> Rule:
        """A rule that strikes a share of all calls."""
        rule = Rule(service, outcome, chance=chance, **more)
        self.weather.rules.append(rule)
        return rule


def run(faults: Sequence[Fault], seed: int, real: Path | None = None) -> Reckoning:
    """Run a trial with these faults, on wells of the folder `real` if it is named."""
    trial = Trial(seed, real)
    for fault in faults:
        fault.apply(trial)
    trial.intake.send(trial.sent)
    shards = records_of(trial.intake.stream)
    # The function's metrics go to standard output.
    with redirect_stdout(StringIO()):
        calm = _calm(trial.intake.stream, shards)
        disturbed, consumer = _disturbed(trial, shards)
        return _reckon(trial, tuple(fault.name for fault in faults), disturbed, calm, consumer)


def _disturbed(trial: Trial, shards: dict[str, list[StreamRecord]]) -> tuple[ChaosWorld, Consumer]:
    weather = trial.weather
    trial.clock.now_ms = START_MS
    world = trial.world = _world(weather, trial.intake.stream, trial.commit_seconds)
    consumer = Consumer(
        world, trial.clock, weather, Mapping(**trial.mapping), trial.rng, trial.lanes, trial.remaining_ms
    )
    for prepare in trial.before:
        prepare(trial, shards)
    with ExitStack() as changed:
        for change in trial.patches:
            changed.enter_context(change)
        consumer.run(shards)
        for proceed in trial.after:
            consumer.run(proceed(trial, consumer))
    return world, consumer


def _calm(sent: ShardedStream, shards: dict[str, list[StreamRecord]]) -> ChaosWorld:
    clock = Clock(START_MS)
    weather = Weather(clock, random.Random(0))
    world = _world(weather, sent, 0)
    mapping = Mapping(**MAPPING | {"window_ms": CALM_WINDOW_MS})
    Consumer(world, clock, weather, mapping, random.Random(0)).run(shards)
    return world


def _world(weather: Weather, sent: ShardedStream, commit_seconds: float) -> ChaosWorld:
    return ChaosWorld(
        clock=weather.clock,
        firehose=StormyFirehose(weather),
        table=StormyTable(weather),
        topic=StormyTopic(weather),
        bucket=StormyBucket(weather, dict(published())),
        stream=ReadStream(weather, sent),
        join="all",
        commit_seconds=commit_seconds,
    )


def _reckon(
    trial: Trial, names: tuple[str, ...], world: ChaosWorld, calm: ChaosWorld, consumer: Consumer
) -> Reckoning:
    # Delivery follows the run here, so its faults do too.
    trial.weather.calm_ms = FOREVER_MS
    found = lake.seen(world.firehose, trial.weather)
    trial.weather.shelter = True
    expected = lake.seen(calm.firehose, Weather(Clock(0), random.Random(0)))
    wanted = trial.sent.identities()
    landed = found.rows["well_data"].keys()
    told = [message["id"] for message in world.topic.messages]
    interrupted = world.interrupted
    heard = {message["id"] for message in calm.topic.messages}
    unrejected = _rejected(expected) - _rejected(found)
    exact = trial.exact
    return Reckoning(
        faults=names,
        seed=trial.seed,
        wells="synthetic" if trial.real is None else "real",
        strikes=len(trial.weather.struck),
        sent=len(wanted | trial.sent.rejected),
        landed=len(wanted & landed),
        rejected=found.counts["quarantine_lines"],
        lost=len(wanted - landed) + unrejected.total(),
        doubled=sum(found.counts[view] - len(found.rows[view]) for view in lake.VIEWS),
        stored_twice=found.stored - sum(found.counts.values()),
        differing=_differing(found, expected) if exact else None,
        minutes=_minutes(world) == _minutes(calm) if exact else None,
        memories=_memories(trial, world) == _memories(trial, calm) if exact else None,
        live=_live(world) == _live(calm) if exact else None,
        alerts_missing=len(heard - set(told)) if exact else 0,
        alerts_doubled=sum(count > 1 for one, count in Counter(told).items() if one not in interrupted),
        recovery_s=_recovery(trial.weather, consumer),
    )


def _rejected(seen: lake.Seen) -> Counter[str]:
    """What is in the quarantine, by content: a line of a redriven batch is one of another record."""
    return Counter(row["raw_sha256"] for row in seen.rows["quarantine_lines"].values())


def _differing(found: lake.Seen, expected: lake.Seen) -> int:
    different = 0
    for view in lake.VIEWS:
        one, other = found.rows[view], expected.rows[view]
        different += sum(one.get(key) != other.get(key) for key in one.keys() | other.keys())
    return different


def _minutes(world: ChaosWorld) -> dict[tuple[str, str], dict[str, Any]]:
    """Closed minutes of all wells, without the number of the snapshot that wrote them."""
    return {
        key: {name: value for name, value in item.items() if name.startswith("m")}
        for key, item in world.table.others.items()
        if key[0].startswith("WELL#")
    }


def _live(world: ChaosWorld) -> list[Any]:
    fleet_now = ReadableTable(world.table).live().fleet()
    return [
        (
            well.well_id,
            well.status.ts_ms,
            well.status.risk_score,
            sorted(alarm.alarm_id for alarm in well.alarms),
        )
        for facility in fleet_now
        for well in facility.wells
    ]


def _memories(trial: Trial, world: ChaosWorld) -> dict[str, tuple[bytes, bytes]]:
    """Snapshots, after a new process has brought them up to the shards' places."""
    world.table._weather.shelter = True
    with patch("petrostream.aws.worker.now_ms", trial.clock.of_consumer):
        world.settle()
    return {key: (item["state"]["B"], item["join"]["B"]) for key, item in world.table.items.items()}


def _recovery(weather: Weather, consumer: Consumer) -> float:
    """Seconds from the first strike until no later batch was slower than ten seconds."""
    slow = [at for at, delay in consumer.delays if delay > 10_000]
    first = min((at for at, *_ in weather.struck), default=0)
    return round((max(slow) - first) / 1000, 1) if slow and max(slow) > first else 0.0
