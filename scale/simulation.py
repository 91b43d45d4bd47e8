"""A discrete simulation of the path: shards, their consumers, and the quotas they share.

Time is simulated by SimPy. A shard's facilities send their blocks at moments spread over the second; it takes
what its quotas allow, and what is over them waits at the producer, as `KinesisWriter` holds back a key whose
record was refused. Each shard has
one consumer at a time: it is read once a second, a batch closes when it is full or its window is over, one
function scores it, sends its rows to Firehose, writes to the table, and only then comes the next batch.
Readings are in order, and counted, not made. A lag is from sending a reading to the end of its batch.
"""

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import simpy

from scale.rates import Rate
from scale.speed import Speed
from scale.waiting import Queue, SentStretch

READ_S = 1.0
"""Lambda reads each shard once a second (developer guide, "Using Lambda with Kinesis")."""

TICKS = 4
"""Moments of a second at which blocks arrive, each with as many."""

Process = Generator[simpy.Event, Any, None]


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a facility sends, and what a batch is made of.

    Attributes:
        wells: of a facility.
        hz: readings a second of each well.
        reading_bytes: in the stream.
        records: stream records a second of a facility.
        event_share: bytes of an event for each byte of its records: base64.
        row_bytes: of a scored row as Firehose takes it.
        place_bytes, place_well_bytes: of a shard's place, and of each of its wells in it.
        snapshot_units: write units of a facility's snapshot.
    """

    wells: int
    hz: float
    reading_bytes: float
    records: float
    row_bytes: float
    place_bytes: float
    place_well_bytes: float
    snapshot_units: int
    event_share: float = 4 / 3

    @property
    def readings(self) -> float:
        """Readings a second of a facility."""
        return self.wells * self.hz


@dataclass(frozen=True, slots=True)
class ShardConsumer:
    """How a shard is read and scored.

    Attributes:
        batch_records, batch_bytes: most of a batch, as the event source counts them.
        window_s: the batching window.
        vcpus: share of a core that comes with the function's memory.
        waits_s: time of an invocation in which nothing is computed, without what quotas add.
        write_s: of that, what one more write to the table takes.
        commit_s, commit_bytes: time, and bytes of a shard's stream, between two snapshots of a facility.
        minutes: whether closed minutes are written.
    """

    batch_records: int
    batch_bytes: int
    window_s: float
    vcpus: float
    waits_s: float
    write_s: float
    commit_s: float
    commit_bytes: int
    minutes: bool = True


@dataclass
class Shared:
    """The quotas that all shards share; `lambdas` is how many invocations there may be at once."""

    firehose_bytes: Rate
    firehose_requests: Rate
    table_units: Rate
    partition_units: Rate
    lambdas: int


@dataclass(frozen=True, slots=True)
class ShardQuotas:
    """The quotas of a shard: bytes and records in, and bytes out for scoring, a second."""

    write_bytes: float
    write_records: float
    read_bytes: float


@dataclass
class ModelledShard:
    """A shard: what waits before it, what is in it, and what was scored of it.

    Attributes:
        facilities: how many send to it.
        offered, scored: readings so far.
        throttled: records that were refused at first.
        lags: (seconds, readings): a point for each half of each stretch that a batch held.
        busy_s, cpu_s: time in the function, and processor time of it.
        batches: invocations.
        read_to: time of the last read.
        caught_up: when the backlog was first below two seconds of readings after an outage.
    """

    facilities: int
    waiting: Queue = field(default_factory=Queue)
    stored: Queue = field(default_factory=Queue)
    offered: float = 0.0
    scored: float = 0.0
    in_function: float = 0.0
    throttled: float = 0.0
    lags: list[tuple[float, float]] = field(default_factory=list)
    busy_s: float = 0.0
    cpu_s: float = 0.0
    batches: int = 0
    read_to: float = -1.0
    caught_up: float | None = None

    @property
    def backlog(self) -> float:
        """Readings that were sent and are not scored."""
        return self.waiting.readings + self.stored.readings + self.in_function


@dataclass
class Simulation:
    """A stream and its consumers.

    Attributes:
        speed: the measured processor times.
        traffic, consumer, quotas, shared: what runs under which quotas.
        facilities: how many each shard has.
        outage: from when to when nothing is scored, seconds.
    """

    speed: Speed
    traffic: Traffic
    consumer: ShardConsumer
    quotas: ShardQuotas
    shared: Shared
    facilities: list[int]
    outage: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self) -> None:
        self.env = simpy.Environment()
        self.shards = [ModelledShard(count) for count in self.facilities]
        self.lambdas = simpy.Resource(self.env, self.shared.lambdas)
        draw = np.random.default_rng(20)
        for shard in self.shards:
            if shard.facilities:
                self.env.process(self._produce(shard))
                self.env.process(self._consume(shard, float(draw.uniform(0, READ_S))))

    def run(self, seconds: float) -> None:
        """Run until that time."""
        self.env.run(until=seconds)

    def _produce(self, shard: ModelledShard) -> Process:
        traffic = self.traffic
        readings = shard.facilities * traffic.readings / TICKS
        each = traffic.readings / traffic.records
        most = min(self.quotas.write_bytes / traffic.reading_bytes, self.quotas.write_records * each) / TICKS
        while True:
            yield self.env.timeout(1 / TICKS)
            shard.offered += readings
            shard.waiting.add(SentStretch(self.env.now - 1 / traffic.records, self.env.now, readings))
            shard.throttled += max(0.0, shard.waiting.readings - most) / each
            for sent in shard.waiting.take(most):
                shard.stored.add(sent)

    def _consume(self, shard: ModelledShard, phase: float) -> Process:
        reads = Rate(self.quotas.read_bytes / self.traffic.reading_bytes)
        while True:
            yield from self._read(shard, phase)
            taken = shard.stored.take(self._most)
            readings = sum(one.readings for one in taken)
            shard.in_function = readings
            yield self.env.timeout(reads.wait(self.env.now, readings))
            with self.lambdas.request() as place:
                yield place
                began = self.env.now
                yield from self._invoke(shard, readings)
                shard.busy_s += self.env.now - began
            shard.in_function = 0.0
            shard.scored += readings
            shard.batches += 1
            for one in taken:
                # Two halves, each by its middle.
                for share in (0.25, 0.75):
                    sent = one.begin + share * (one.end - one.begin)
                    shard.lags.append((self.env.now - sent, one.readings / 2))
            if shard.caught_up is None and self.env.now > self.outage[1] and self._is_current(shard):
                shard.caught_up = self.env.now

    def _is_current(self, shard: ModelledShard) -> bool:
        usual = 2.0 + self.consumer.window_s + READ_S
        return shard.backlog <= usual * shard.facilities * self.traffic.readings

    def _read(self, shard: ModelledShard, phase: float) -> Process:
        """Wait for the read that closes a batch; what is left of the last read is there at once."""
        begin, end = self.outage
        if begin <= self.env.now < end:
            yield self.env.timeout(end - self.env.now)
        if not shard.stored.readings or shard.stored.stretches[0].end > shard.read_to:
            since = (self.env.now - phase) % READ_S
            yield self.env.timeout(READ_S - since if since else 0.0)
        while not shard.stored.readings:
            yield self.env.timeout(READ_S)
        closes = self.env.now + self.consumer.window_s
        while self.env.now < closes and shard.stored.readings < self._most:
            yield self.env.timeout(READ_S)
        shard.read_to = self.env.now

    @property
    def _most(self) -> float:
        """Most readings of a batch: of its records or of its event's bytes, whichever is less."""
        traffic = self.traffic
        each = traffic.readings / traffic.records
        by_bytes = self.consumer.batch_bytes / (traffic.event_share * traffic.reading_bytes)
        return min(self.consumer.batch_records * each, by_bytes)

    def _commit_s(self, shard: ModelledShard) -> float:
        """Time between two snapshots of a shard's facilities."""
        traffic = self.traffic
        rate = shard.facilities * traffic.readings * traffic.reading_bytes
        return min(self.consumer.commit_s, self.consumer.commit_bytes / rate)

    def _invoke(self, shard: ModelledShard, readings: float) -> Process:
        traffic, consumer, shared = self.traffic, self.consumer, self.shared
        spans = readings / (shard.facilities * traffic.readings)
        records = readings / (traffic.readings / traffic.records)
        facilities = min(shard.facilities, records)
        wells = min(shard.facilities * traffic.wells, readings)
        minutes = shard.facilities * traffic.wells * spans / 60 if consumer.minutes else 0.0
        snapshots = float(facilities)
        if consumer.commit_s:
            snapshots = shard.facilities * spans / self._commit_s(shard)
        work = self.speed.batch_ms(records, facilities, wells, readings, traffic.hz)
        work += (self.speed.minute + self.speed.call["update_item"]) * minutes
        work += self.speed.snapshot_ms(traffic.wells) * snapshots
        shard.cpu_s += work / 1000
        # Minutes are written eight at once, snapshots one after the other.
        waits = consumer.waits_s + consumer.write_s * (minutes / 8 + snapshots)
        yield self.env.timeout(work / 1000 / consumer.vcpus + waits)
        now = self.env.now
        sent = readings * traffic.row_bytes
        late = shared.firehose_bytes.wait(now, sent)
        late = max(late, shared.firehose_requests.wait(now, max(1.0, sent / (4 << 20))))
        yield self.env.timeout(late)
        wells_kept = shard.facilities * traffic.wells
        place = np.ceil((traffic.place_bytes + wells_kept * traffic.place_well_bytes) / 1024)
        late = shared.partition_units.wait(self.env.now, float(place))
        units = float(place) + minutes + snapshots * traffic.snapshot_units
        yield self.env.timeout(max(late, shared.table_units.wait(self.env.now, units)))
