"""The simulation: nothing appears or disappears, more shards are never worse, and cases theory knows."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scale.rates import Rate
from scale.shards import facilities_of_shards, names, shard_of
from scale.simulation import TICKS, ShardConsumer, ShardQuotas, Shared, Simulation, Traffic
from scale.speed import Speed
from scale.waiting import Queue, SentStretch

CALLS = {"get_item": 0.5, "put_item": 0.5, "put_record_batch": 1.0, "update_item": 0.5}
SPEED = Speed(1.0, 0.1, 2.0, 0.5, 0.0, 0.05, 0.5, 0.1, CALLS)
TRAFFIC = Traffic(
    wells=10,
    hz=1.0,
    reading_bytes=300.0,
    records=1.0,
    row_bytes=180.0,
    place_bytes=350.0,
    place_well_bytes=60.0,
    snapshot_units=10,
)
CONSUMER = ShardConsumer(
    batch_records=1000,
    batch_bytes=6 << 20,
    window_s=0.0,
    vcpus=1.0,
    waits_s=0.045,
    write_s=0.006,
    commit_s=300.0,
    commit_bytes=2**40,
)
QUOTAS = ShardQuotas(write_bytes=1 << 20, write_records=1000.0, read_bytes=2 << 20)


def shared(firehose=5 << 20, lambdas=1000):
    return Shared(Rate(firehose), Rate(2000), Rate(40_000), Rate(1000), lambdas)


def simulated(facilities, seconds=60.0, *, traffic=TRAFFIC, consumer=CONSUMER, quotas=QUOTAS, **changes):
    outage = changes.pop("outage", (0.0, 0.0))
    sim = Simulation(SPEED, traffic, consumer, quotas, shared(**changes), facilities, outage)
    sim.run(seconds)
    return sim


def totals(sim):
    return tuple(sum(getattr(one, name) for one in sim.shards) for name in ("offered", "scored", "backlog"))


@settings(max_examples=25, deadline=None)
@given(
    facilities=st.lists(st.integers(0, 500), min_size=1, max_size=5),
    window=st.integers(0, 20),
    vcpus=st.floats(0.05, 1),
    firehose=st.integers(1000, 5 << 20),
    lambdas=st.integers(1, 5),
    seconds=st.integers(2, 90),
)
def test_what_was_offered_is_scored_or_waits(facilities, window, vcpus, firehose, lambdas, seconds):
    consumer = replace(CONSUMER, window_s=float(window), vcpus=vcpus)
    sim = simulated(facilities, float(seconds), consumer=consumer, firehose=firehose, lambdas=lambdas)
    offered, scored, backlog = totals(sim)
    assert scored + backlog == pytest.approx(offered, rel=1e-9, abs=1e-6)
    assert offered == pytest.approx(sum(facilities) * 10 * (seconds - 1 / TICKS))
    counted = sum(readings for shard in sim.shards for _, readings in shard.lags)
    assert counted == pytest.approx(scored, rel=1e-9, abs=1e-6)
    assert all(lag >= 0 for shard in sim.shards for lag, _ in shard.lags)


def mean_lag(sim):
    table = np.array([lag for shard in sim.shards for lag in shard.lags])
    return float(np.average(table[:, 0], weights=table[:, 1]))


@pytest.mark.parametrize("facilities", [40, 200, 400])
def test_more_shards_never_lag_more(facilities):
    lags = [mean_lag(simulated([facilities // shards] * shards)) for shards in (1, 2, 4, 8)]
    # A read may fall earlier or later in its second, by each shard's phase.
    assert all(later <= sooner + 0.5 for sooner, later in itertools.pairwise(lags))
    assert lags[-1] < lags[0] + 0.1


def test_an_overloaded_shard_falls_behind_by_what_it_cannot_score():
    slow = replace(CONSUMER, vcpus=0.1)
    sim = simulated([100], 200.0, consumer=slow)
    offered, scored, backlog = totals(sim)
    assert backlog > 0.3 * offered
    # It is at work all the time.
    assert sim.shards[0].busy_s > 0.95 * (200 - 2 - 45)
    assert sim.shards[0].cpu_s == pytest.approx(0.1 * sim.shards[0].busy_s, rel=0.25)
    assert scored < offered


def test_a_shard_over_its_quota_refuses_what_is_too_much():
    # 500 facilities send 5,000 readings of 300 bytes a second: 1.43 of a shard's MiB.
    sim = simulated([500], 100.0 + 1 / TICKS)
    shard = sim.shards[0]
    assert shard.throttled > 0
    assert shard.waiting.readings == pytest.approx(100 * (5000 - (1 << 20) / 300), rel=0.01)


def test_a_batch_a_second_that_takes_no_time_has_the_lag_of_the_read():
    """Deterministic: a reading waits half its block's second, then for the read, then for the service."""
    sim = simulated([1], 100.0)
    service = 0.045 + sim.shards[0].cpu_s / sim.shards[0].batches
    phase = float(np.random.default_rng(20).uniform(0, 1))
    wait = np.mean([(phase - at / TICKS) % 1 for at in range(TICKS)])
    assert mean_lag(sim) == pytest.approx(0.5 + wait + service, abs=0.02)


def test_a_quota_is_a_queue_with_constant_service():
    """M/D/1: at half load the mean wait is half a service time (Pollaczek-Khinchine, rho / 2(1 - rho))."""
    draw, now, waits = np.random.default_rng(5), 0.0, []
    rate = Rate(1.0)
    for _ in range(40_000):
        now += float(draw.exponential(2.0))
        # The burst of a second is the call's own service: what is left is the wait for those before it.
        waits.append(rate.wait(now, 1.0))
    assert np.mean(waits) == pytest.approx(0.5, rel=0.05)


def test_a_full_shard_stores_its_memories_before_their_time():
    rare, often = (replace(CONSUMER, commit_bytes=size) for size in (2**40, 2**20))
    units = [simulated([20], consumer=one).shards[0].cpu_s for one in (rare, often)]

    assert units[1] > 1.01 * units[0]


def test_after_an_outage_everything_is_scored():
    sim = simulated([20], 900.0, outage=(60.0, 360.0))
    offered, scored, backlog = totals(sim)
    assert scored + backlog == pytest.approx(offered)
    assert backlog <= 2 * 200
    assert sim.shards[0].caught_up is not None
    assert 360 < sim.shards[0].caught_up < 500
    assert max(lag for lag, _ in sim.shards[0].lags) > 299


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=10), st.floats(0, 500))
def test_a_queue_gives_back_what_was_put_in_in_order(amounts, most):
    queue = Queue()
    for at, amount in enumerate(amounts):
        queue.add(SentStretch(float(at), at + 1.0, amount))
    taken = queue.take(most)
    assert sum(one.readings for one in taken) == pytest.approx(min(most, sum(amounts)))
    assert sum(one.readings for one in (*taken, *queue.stretches)) == pytest.approx(sum(amounts))
    assert queue.readings == pytest.approx(sum(one.readings for one in queue.stretches), abs=1e-6)
    edges = [edge for one in (*taken, *queue.stretches) for edge in (one.begin, one.end)]
    assert edges == sorted(edges)


@given(st.integers(1, 300), st.integers(1, 50))
def test_each_facility_has_one_shard(facilities, shards):
    counts = facilities_of_shards(names(facilities), shards)
    assert len(counts) == shards
    assert counts.sum() == facilities


def test_hash_ranges_split_as_kinesis_splits_them():
    # A split in the middle puts a key on one of the two halves of its shard.
    for name in names(200):
        assert shard_of(name, 8) // 2 == shard_of(name, 4)
    assert math.isclose(np.mean([shard_of(name, 2) for name in names(2000)]), 0.5, abs_tol=0.05)
