"""A step in each region: its needs, normal operation and an outage of an hour, simulated, and the bill."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

import numpy as np

from cost import figures as f
from cost.basis import Basis
from cost.bill import Bill, bill
from cost.flow import Flow
from cost.sizes import vcpus
from infra.settings import Settings
from petrostream.arrays import FloatArray
from scale.hops import Hop, hops
from scale.needs import Need, flow_of, granted, needs
from scale.quotas import REGIONS
from scale.rates import Rate
from scale.shards import facilities_of_shards, names
from scale.simulation import ModelledShard, ShardConsumer, ShardQuotas, Shared, Simulation, Traffic
from scale.speed import Speed
from scale.steps import ScaleStep

OUTAGE_S = 3600.0
WARM_S = 60.0
SAMPLE = 12
"""Shards of the simulated outage; the quotas that all share are scaled down with them."""

SIMULATED = (
    "firehose_bytes",
    "firehose_requests",
    "lambda_concurrency",
    "partition_write_units",
    "shard_read_bytes",
    "shard_write_bytes",
    "shard_write_records",
    "table_write_units",
)
"""Quotas that the simulation runs under."""


@dataclass(frozen=True, slots=True)
class Steady:
    """A stretch of normal operation, simulated.

    Attributes:
        lag_p50, lag_p95, lag_max: seconds from sending a reading to the end of its batch.
        scored, offered, backlog: readings.
        throttled_records: stream records that a shard refused at first.
        firehose_waits, table_waits: calls that waited for a quota, as a share of all batches.
        vcpus: processor time of scoring a second.
        hottest_busy: part of the time that the function of the busiest shard runs.
        hottest, mean: facilities of the fullest shard, and of the average one.
    """

    lag_p50: float
    lag_p95: float
    lag_max: float
    scored: float
    offered: float
    backlog: float
    throttled_records: float
    firehose_waits: float
    table_waits: float
    vcpus: float
    hottest_busy: float
    hottest: int
    mean: float


@dataclass(frozen=True, slots=True)
class CatchUp:
    """After an hour in which nothing is scored, simulated on a sample of shards.

    Attributes:
        median_s, last_s: until a shard has caught up, and until the last of the sample has; None: not within
            `watched_s`.
        watched_s: how long was simulated after the outage.
        shards: shards of the sample, the fullest among them.
    """

    median_s: float | None
    last_s: float | None
    watched_s: float
    shards: int


@dataclass(frozen=True, slots=True)
class Modelled:
    """Everything about a step in a region."""

    region: str
    step: ScaleStep
    needs: list[Need]
    steady: Steady
    recovery: CatchUp | None
    bill: Bill
    shards: int
    hops: tuple[Hop, ...]

    @property
    def fits(self) -> bool:
        """Whether every quota is enough, by default or raised on request."""
        return all(one.verdict != "over" for one in self.needs)

    @property
    def within(self) -> str:
        """In a few words, under which quotas it runs."""
        over = sorted({one.quota.name for one in self.needs if one.verdict == "over"})
        raised = sorted({one.quota.name for one in self.needs if one.verdict == "raised"})
        if over:
            return f"over {', '.join(over)}"
        return f"raised: {', '.join(raised)}" if raised else "all default"

    @property
    def usd_per_million(self) -> Fraction:
        """Dollars for a million readings."""
        return self.bill.total * 1_000_000 / (self.step.readings * f.MONTH_HOURS * 3600)


def basis_of(
    step: ScaleStep, settings: Settings, speed: Speed, reading_bytes: Fraction | None = None
) -> Basis:
    """The measured basis of a step's bill."""
    rough = flow_of(step, settings, speed.basis(step.hz, 1.0, step.of_a_facility, reading_bytes))
    records = max(Fraction(1), rough.facilities[0].blocks * rough.batch_seconds)
    return speed.basis(step.hz, float(records), step.of_a_facility, reading_bytes)


def simulation(
    flow: Flow,
    step: ScaleStep,
    speed: Speed,
    quota: dict[str, float],
    facilities: Sequence[int],
    outage: tuple[float, float] = (0.0, 0.0),
) -> Simulation:
    """A simulation of some of a step's shards; what all share is theirs in proportion to their facilities."""
    settings, share = flow.settings, sum(facilities) / step.facilities
    first = flow.facilities[0]
    traffic = Traffic(
        wells=step.of_a_facility,
        hz=step.hz,
        reading_bytes=float(flow.basis.reading_bytes),
        records=float(first.blocks) * ceil(first.block_bytes / settings.stream.max_block_bytes),
        row_bytes=float(flow.entries(lambda size: size) / flow.readings),
        place_bytes=f.PLACE_BYTES,
        place_well_bytes=f.LATEST_WELL_BYTES,
        snapshot_units=ceil(flow.state_bytes(first) / f.WRITE_UNIT_BYTES),
    )
    consumer = ShardConsumer(
        batch_records=settings.scoring.batch_size,
        batch_bytes=f.EVENT_BYTES,
        window_s=settings.scoring.batching_window_seconds,
        vcpus=float(vcpus(settings.scoring.memory_mb)),
        waits_s=float(f.TABLE_READ_MS + f.FIREHOSE_WRITE_MS + f.TABLE_WRITE_MS) / 1000,
        write_s=float(f.TABLE_WRITE_MS) / 1000,
        commit_s=settings.scoring.commit_seconds,
        commit_bytes=settings.scoring.commit_bytes,
        minutes=settings.live.window_hours > 0,
    )
    shared = Shared(
        firehose_bytes=Rate(quota["firehose_bytes"] * share),
        firehose_requests=Rate(quota["firehose_requests"] * share),
        table_units=Rate(quota["table_write_units"] * share),
        partition_units=Rate(quota["partition_write_units"] * share),
        lambdas=max(1, int(quota["lambda_concurrency"] * share)),
    )
    # The raw copy reads what is written, at its own pace: scoring has the rest of what a shard hands out.
    mean = float(flow.stream_bytes) / max(1, flow.active_shards)
    limits = ShardQuotas(
        quota["shard_write_bytes"], quota["shard_write_records"], quota["shard_read_bytes"] - mean
    )
    return Simulation(speed, traffic, consumer, limits, shared, list(facilities), outage)


def steady(sim: Simulation, seconds: float) -> Steady:
    """Run a simulation without an outage for that long; lags count after the first minute."""
    sim.run(WARM_S)
    for shard in sim.shards:
        shard.lags.clear()
    before = sum(shard.cpu_s for shard in sim.shards), [shard.busy_s for shard in sim.shards]
    sim.run(WARM_S + seconds)
    lags = [lag for shard in sim.shards for lag in shard.lags]
    p50, p95, most = _quantiles(lags)
    batches = max(1, sum(shard.batches for shard in sim.shards))
    waits = sim.shared
    busy = [shard.busy_s - was for shard, was in zip(sim.shards, before[1], strict=True)]
    return Steady(
        lag_p50=p50,
        lag_p95=p95,
        lag_max=most,
        scored=_total(sim.shards, "scored"),
        offered=_total(sim.shards, "offered"),
        backlog=_total(sim.shards, "backlog"),
        throttled_records=_total(sim.shards, "throttled"),
        firehose_waits=(waits.firehose_bytes.waits + waits.firehose_requests.waits) / batches,
        table_waits=(waits.table_units.waits + waits.partition_units.waits) / batches,
        vcpus=(sum(shard.cpu_s for shard in sim.shards) - before[0]) / seconds,
        hottest_busy=max(busy) / seconds,
        hottest=max(sim.facilities),
        mean=sum(sim.facilities) / len(sim.facilities),
    )


def recovery(sim: Simulation, watched_s: float) -> CatchUp:
    """Run a simulation through its outage, and until every shard has caught up or the time is over."""
    end = sim.outage[1]
    active = [shard for shard in sim.shards if shard.facilities]
    while any(shard.caught_up is None for shard in active) and sim.env.now < end + watched_s:
        sim.run(sim.env.now + 60)
    taken = [None if one.caught_up is None else one.caught_up - end for one in active]
    known = sorted(one for one in taken if one is not None)
    half = len(active) // 2
    return CatchUp(
        median_s=known[half] if len(known) > half else None,
        last_s=known[-1] if len(known) == len(active) else None,
        watched_s=watched_s,
        shards=len(active),
    )


def sample(facilities: Sequence[int], most: int = SAMPLE) -> list[int]:
    """Facilities of some shards: the fullest, and evenly spaced ones of the rest by how full they are."""
    ordered = sorted((one for one in facilities if one), reverse=True)
    if len(ordered) <= most:
        return ordered
    places = np.linspace(0, len(ordered) - 1, most).round().astype(int)
    return [ordered[place] for place in places.tolist()]


def modelled(
    step: ScaleStep,
    settings: Settings,
    speed: Speed,
    *,
    reading_bytes: Fraction | None = None,
    seconds: float = 60.0,
    watched_s: float = 4 * 3600.0,
) -> Iterator[Modelled]:
    """Model a step in each region. Regions with the same quotas share a simulation.

    Args:
        step: the load.
        settings: what it runs with.
        speed: the measured speed.
        reading_bytes: a reading in the stream; that of the cost model if None.
        seconds: normal operation to simulate.
        watched_s: time after the outage to simulate; none, and no outage, if 0.
    """
    basis = basis_of(step, settings, speed, reading_bytes)
    flow = flow_of(step, settings, basis)
    charged = bill(step.workload(settings), settings, basis=basis)
    placed = facilities_of_shards(names(step.facilities), settings.stream.shards).tolist()
    outage = (WARM_S, WARM_S + OUTAGE_S)
    known: dict[tuple[float, ...], tuple[Steady, CatchUp | None]] = {}
    for region in REGIONS:
        found = needs(region, step, flow)
        quota = dict(granted(found))
        key = tuple(quota[name] for name in SIMULATED)
        if key not in known:
            usual = steady(simulation(flow, step, speed, quota, placed), seconds)
            after = None
            if watched_s:
                after = recovery(simulation(flow, step, speed, quota, sample(placed), outage), watched_s)
            known[key] = usual, after
        yield Modelled(region, step, found, *known[key], charged, settings.stream.shards, tuple(hops(flow)))


def _total(shards: Sequence[ModelledShard], name: str) -> float:
    return float(sum(getattr(shard, name) for shard in shards))


def _quantiles(lags: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """The median, the 95th percentile and the largest of weighted lags; NaN without any."""
    if not lags:
        return (float("nan"),) * 3
    table: FloatArray = np.array(lags)
    order = np.argsort(table[:, 0])
    values, weights = table[order, 0], np.cumsum(table[order, 1])
    at = [values[np.searchsorted(weights, share * weights[-1])] for share in (0.5, 0.95)]
    return float(at[0]), float(at[1]), float(values[-1])
