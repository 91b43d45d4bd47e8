"""Gauge health: faults of a gauge, as distinct from compression and from a well in trouble."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrostream.gauges import health
from petrostream.gauges.features import MISSING, quantise
from petrostream.gauges.health import condemned_values, judge
from petrostream.gauges.memory import PER_GAUGE, GaugeMemory
from petrostream.gauges.status import STATUSES, health_names
from petrostream.gauges.undisturbed import undisturbed
from petrostream.schema.sensors import SENSOR_INDEX, SENSOR_NAMES
from tests.support.wells import START, normal_values, table

PDG, TPT, T_TPT, MON = (SENSOR_INDEX[name] for name in ("p_pdg", "p_tpt", "t_tpt", "p_mon_ckp"))


def judged(values, reasons=None, ts_ms=None, cuts=(), expected=None):
    """Statuses of a series by name, judged in one batch or cut into several."""
    n = len(values)
    ts_ms = START + 1000 * np.arange(n) if ts_ms is None else np.asarray(ts_ms)
    reasons = [()] * n if reasons is None else reasons
    memory, parts, kept = None, [], []
    for at in np.split(np.arange(n), sorted(set(cuts) - {0})):
        if len(at):
            condemned = condemned_values([reasons[i] for i in at])
            wanted = None if expected is None else expected[:, None]
            found = judge([memory], ts_ms[at, None], values[at, None], condemned, wanted)
            (memory,) = found.memories
            parts.append(found.status[:, 0])
            kept.append(found.values[:, 0])
    return np.vstack(parts), np.vstack(kept)


def names(status, sensor):
    return [STATUSES[code] for code in status[:, sensor].tolist()]


def test_a_healthy_well_is_ok_and_its_values_are_untouched():
    values = normal_values(3000)
    status, kept = judged(values)
    assert not status.any()
    np.testing.assert_array_equal(kept, values)
    assert health_names(status[:2]) == [(), ()]


def test_gauges_a_well_never_had_are_not_missed_unless_its_model_has_them():
    values = normal_values(200)
    values[:, PDG] = np.nan
    assert not judged(values)[0].any()
    status, _ = judged(values, expected=np.arange(27)[None] == PDG)
    assert names(status, PDG) == ["ok"] * 61 + ["missing"] * 139


def test_a_gauge_is_missing_after_a_minute_of_silence_and_ok_with_its_next_value():
    values = normal_values(400)
    values[100:300, PDG] = np.nan
    status, _ = judged(values)
    assert names(status, PDG) == ["ok"] * 160 + ["missing"] * 140 + ["ok"] * 100


def test_a_slow_gauge_is_not_missing_between_its_values():
    values = normal_values(400)
    values[np.arange(400) % 30 > 0, PDG] = np.nan
    assert not judged(values)[0].any()


@pytest.mark.parametrize("sensor", [PDG, T_TPT])
def test_zero_is_a_dead_gauge_and_no_value(sensor):
    values = normal_values(50)
    values[20:30, sensor] = 0.0
    status, kept = judged(values)
    assert names(status, sensor) == ["ok"] * 20 + ["zeroed"] * 10 + ["ok"] * 20
    assert np.isnan(kept[20:30, sensor]).all()
    assert not np.isnan(kept[30:, sensor]).any()


def test_no_gas_lift_is_not_a_dead_gauge():
    values = normal_values(4000)
    values[:, SENSOR_INDEX["qgl"]] = 0.0
    values[:, SENSOR_INDEX["estado_m1"]] = 1.0
    values[:, SENSOR_INDEX["aber_ckp"]] = 55.0
    assert not judged(values)[0].any()


def test_condemned_values_are_implausible():
    values = normal_values(5)
    values[2, PDG] = np.nan
    reasons = [(), (), ("out_of_range:p_pdg", "unknown_field:x"), ("out_of_range:methane_ppm",), ()]
    status, _ = judged(values, reasons)
    assert health_names(status) == [(), (), ("p_pdg:implausible",), (), ()]


class TestSteps:
    def test_a_gauge_that_jumps_alone_is_implausible_until_it_is_back(self):
        values = normal_values(300)
        values[100:200, PDG] = 2.1e6
        status, kept = judged(values)
        assert names(status, PDG) == ["ok"] * 100 + ["implausible"] * 100 + ["ok"] * 100
        assert np.isnan(kept[100:200, PDG]).all()

    def test_a_single_spike_costs_one_value(self):
        values = normal_values(300)
        values[100, T_TPT] = 150.0
        status, _ = judged(values)
        assert np.flatnonzero(status[:, T_TPT]).tolist() == [100]

    def test_a_level_that_stays_is_believed_after_half_an_hour(self):
        values = normal_values(2400)
        values[100:, PDG] += 100e5
        status, _ = judged(values)
        assert names(status, PDG)[100:] == ["implausible"] * 1801 + ["ok"] * 499

    def test_the_largest_steps_of_real_events_are_believed(self):
        values = normal_values(100)
        values[50:, PDG] += 17.5e5
        values[50:, T_TPT] -= 0.6
        assert not judged(values)[0].any()

    def test_a_gauge_may_be_elsewhere_after_an_interruption(self):
        values = normal_values(100)
        values[50:, PDG] += 100e5
        ts_ms = START + 1000 * np.arange(100) + 61_000 * (np.arange(100) >= 50)
        assert not judged(values, ts_ms=ts_ms)[0].any()


class TestFrozen:
    def test_a_pressure_that_stands_still_for_a_quarter_of_an_hour_is_frozen_until_it_moves(self):
        values = normal_values(2000)
        values[100:1500, PDG] = values[100, PDG]
        status, kept = judged(values)
        assert names(status, PDG) == ["ok"] * 1000 + ["frozen"] * 500 + ["ok"] * 500
        assert np.isnan(kept[1000:1500, PDG]).all()

    def test_the_longest_flat_stretches_of_real_compression_are_not_frozen(self):
        values = normal_values(4000)
        values[300:901, TPT] = values[300, TPT]
        values[500:2900, T_TPT] = values[500, T_TPT]
        assert not judged(values)[0].any()

    def test_linear_stretches_are_not_frozen(self):
        values = normal_values(4000)
        values[:, PDG] = np.interp(
            np.arange(4000), [0, 1300, 2600, 4000], [2.1e7, 2.10005e7, 2.1e7, 2.1e7 + 20]
        )
        assert not judged(values)[0].any()

    def test_a_gauge_that_has_been_held_for_long_before_is_given_longer(self):
        values = normal_values(4000)
        values[100:900, PDG] = values[100, PDG]
        # A stretch of 800 s that ended: three times that is its patience now.
        values[1000:3600, PDG] = values[1000, PDG]
        status, _ = judged(values)
        assert np.flatnonzero(status[:, PDG]).tolist() == list(range(1000 + 2400, 3600))

    def test_nothing_is_frozen_where_nothing_moves(self):
        assert not judged(np.repeat(normal_values(1), 8000, axis=0))[0].any()

    def test_the_gauge_stays_frozen_while_the_others_rest(self):
        values = normal_values(3000)
        values[:, PDG] = 2.1e7
        values[1500:, [TPT, T_TPT, MON]] = values[1500, [TPT, T_TPT, MON]]
        status, _ = judged(values)
        assert (status[900:, PDG] == STATUSES.index("frozen")).all()

    def test_progress_restarts_the_patience(self):
        values = normal_values(1700)
        values[:, PDG] = 2.1e7
        ts_ms = START + 1000 * np.arange(1700) + 61_000 * (np.arange(1700) >= 850)
        assert not judged(values, ts_ms=ts_ms)[0].any()


def corrupted(rng):
    """A series with every fault, at random times, and a gap."""
    n = 1500
    values = normal_values(n, seed=int(rng.integers(1000)))
    values[rng.integers(0, n, 40), TPT] = np.nan
    for sensor, value in ((PDG, 0.0), (MON, 9e7), (T_TPT, np.nan), (PDG, 2.05e7), (TPT, 1.39e7)):
        start = int(rng.integers(0, n))
        values[start : start + int(rng.integers(1, 1300)), sensor] = value
    ts_ms = START + np.cumsum(rng.integers(500, 1500, n)) + 90_000 * (np.arange(n) > rng.integers(0, n))
    reasons = [("out_of_range:p_jus_ckp",) if rng.random() < 0.01 else () for _ in range(n)]
    return values, reasons, ts_ms


@given(st.integers(0, 10**6), st.lists(st.integers(1, 1499), max_size=12))
def test_the_verdict_does_not_depend_on_the_cut_into_batches(seed, cuts):
    values, reasons, ts_ms = corrupted(np.random.default_rng(seed))
    whole, kept = judged(values, reasons, ts_ms)
    parts, kept_parts = judged(values, reasons, ts_ms, cuts)
    np.testing.assert_array_equal(whole, parts)
    np.testing.assert_array_equal(kept, kept_parts)


def test_names_of_every_gauge_and_status():
    status = np.zeros((3, len(SENSOR_NAMES)), np.int8)
    status[0] = 4
    status[1, [0, 26]] = 1, 2
    first, second, third = health_names(status)
    assert first == tuple(f"{name}:implausible" for name in SENSOR_NAMES)
    assert second == (f"{SENSOR_NAMES[0]}:missing", f"{SENSOR_NAMES[26]}:frozen")
    assert third == ()


def test_a_bad_gauge_does_not_enter_windows():
    values = table({"p_pdg": np.full(3, 2e7), "p_tpt": [1e7, 0.0, 1e7]})
    _, kept = judged(values)
    assert (quantise(kept, np.arange(27))[:, TPT] == MISSING).tolist() == [False, True, False]


@st.composite
def disturbed_series(draw):
    """A series with a few disturbances, and where it is cut into batches."""
    n = draw(st.integers(2, 40))
    values = normal_values(n)
    steps = np.ones(n, np.int64)
    for _ in range(draw(st.integers(0, 3))):
        row, sensor = draw(st.integers(0, n - 1)), draw(st.sampled_from([PDG, TPT, T_TPT, MON]))
        kind = draw(st.sampled_from(["missing", "zero", "constant", "step", "gap", "new"]))
        if kind == "missing":
            values[row : row + draw(st.integers(1, 9)), sensor] = np.nan
        elif kind == "zero":
            values[row, sensor] = 0.0
        elif kind == "constant":
            values[row:, sensor] = values[row, sensor]
        elif kind == "step":
            values[row : row + draw(st.integers(1, 9)), sensor] += 80e5
        elif kind == "gap":
            steps[row] = draw(st.sampled_from([50, 60, 61, 400, 1000, 4000]))
        else:
            values[:row, sensor] = np.nan
    ts_ms = START + 1000 * np.cumsum(steps)
    return ts_ms, values, draw(st.sets(st.integers(1, n - 1), max_size=6))


@given(st.lists(disturbed_series(), min_size=1, max_size=3), st.booleans())
def test_what_is_seen_at_once_to_be_undisturbed_is_what_judging_finds(each, wanted):
    n = min(len(values) for _, values, _ in each)
    ts_ms = np.stack([ts_ms[:n] for ts_ms, _, _ in each], axis=1)
    values = np.stack([values[:n] for _, values, _ in each], axis=1)
    expected = np.arange(27)[None, None] == PDG if wanted else None
    memories = [None] * len(each)
    for at in np.split(np.arange(n), sorted(cut for cut in each[0][2] if cut < n)):
        found = judge(memories, ts_ms[at], values[at], expected=expected)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(health, "undisturbed", lambda *_: None)
            slowly = judge(memories, ts_ms[at], values[at], expected=expected)
        for name in ("status", "values", "excluded"):
            np.testing.assert_array_equal(getattr(found, name), getattr(slowly, name))
        memories = found.memories
        for memory, other in zip(memories, slowly.memories, strict=True):
            for name in (field.name for field in dataclasses.fields(GaugeMemory)):
                one, two = getattr(memory, name), getattr(other, name)
                np.testing.assert_array_equal(one, two, err_msg=name, strict=isinstance(one, np.ndarray))


def test_healthy_wells_are_seen_to_be_undisturbed():
    values = np.stack([normal_values(100, seed=well) for well in range(3)], axis=1)
    ts_ms = np.tile(START + 1000 * np.arange(100)[:, None], (1, 3))
    for wells in (slice(0, 1), slice(0, 3)):
        first = judge([None] * wells.stop, ts_ms[:1, wells], values[:1, wells]).memories
        assert undisturbed(first, ts_ms[1:, wells], values[1:, wells], None) is not None
        assert undisturbed(first, ts_ms[1:, wells], values[1:, wells], np.ones((1, 1, 27), np.bool_)) is None


@given(st.integers(0, 10**6), st.lists(st.integers(1, 299), max_size=4))
def test_wells_side_by_side_are_what_each_is_alone(seed, cuts):
    rng = np.random.default_rng(seed)
    n, wells = 300, 5
    ts_ms = START + np.cumsum(rng.choice([1000, 20_000, 70_000], (n, wells), p=[0.9, 0.05, 0.05]), axis=0)
    values = np.stack([normal_values(n, seed=well) for well in range(wells)], axis=1)
    values[rng.random(values.shape) < 0.05] = np.nan
    values[:, 1, PDG] = np.nan
    values[100:, 2, TPT] += 80e5
    values[50:, 3, MON] = values[50, 3, MON]
    values[200:, 4, T_TPT] = 0.0
    reasons = np.where(rng.random((n, wells)) < 0.01, "unit:p_pdg:bar?", "")
    expected = np.zeros((1, wells, 27), np.bool_)
    expected[:, 1, PDG] = True
    tags = [(tag,) if tag else () for tag in reasons.ravel().tolist()]
    memories = [None] * wells
    parts = []
    for at in np.split(np.arange(n), sorted(set(cuts))):
        condemned = condemned_values(tags[at[0] * wells : (at[-1] + 1) * wells], wells)
        found = judge(memories, ts_ms[at], values[at], condemned, expected)
        memories = found.memories
        parts.append(found)
    for well in range(wells):
        alone = judge(
            [None],
            ts_ms[:, [well]],
            values[:, [well]],
            condemned_values(tags[well::wells]),
            expected[:, [well]],
        )
        for name in ("status", "values", "excluded"):
            at_once = np.concatenate([getattr(part, name)[:, well] for part in parts])
            np.testing.assert_array_equal(at_once, getattr(alone, name)[:, 0])
        for name in ("sensors", *PER_GAUGE, "run_ms", "last_ms"):
            np.testing.assert_array_equal(getattr(memories[well], name), getattr(alone.memories[0], name))
