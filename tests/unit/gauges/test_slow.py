"""Steady drifts over hours: found where they are steady, and only there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petrostream.alarms.types import ALARM_TYPES
from petrostream.gauges.features import MISSING, quantise
from petrostream.gauges.slow import (
    SLOW_BIN_MS,
    SLOW_BINS,
    SLOW_INDICES,
    SLOW_QUANTA,
    SLOW_SENSORS,
    SlowMemory,
    follow_slowly,
)
from petrostream.gauges.steady import SPANS, byte_steps, in_a_byte, steady_rises
from petrostream.risk.rules import SLOW_RULES

START = 1_700_000_000_000 // SLOW_BIN_MS * SLOW_BIN_MS
SENSORS = np.sort(SLOW_INDICES)
PER_HOUR = 360


def series(hours, seed=0):
    """Readings every ten seconds of a calm well: 0.03 bar and 0.02 degC of noise."""
    rng = np.random.default_rng(seed)
    n = int(hours * PER_HOUR)
    values = np.empty((n, len(SENSORS)))
    for column, sensor in enumerate(SENSORS.tolist()):
        at = SLOW_INDICES.tolist().index(sensor)
        noise = 3e3 if SLOW_SENSORS[at].startswith("p_") else 0.02
        values[:, column] = [3e7, 1.5e7, 4e6, 1e6, 95.0, 60.0][at] + noise * rng.normal(size=n)
    return values


def column(sensor):
    return SENSORS.tolist().index(SLOW_INDICES[SLOW_SENSORS.index(sensor)])


def followed(values, cuts=(), operated=None, ts_ms=None):
    """Drifts at each reading of a series that is cut into batches, and the memory after it."""
    n = len(values)
    ts_ms = START + 10_000 * np.arange(n) if ts_ms is None else ts_ms
    counts = quantise(values, SENSORS)
    operated = np.zeros(n, np.bool_) if operated is None else operated
    memory, found = None, []
    for first, end in zip([0, *cuts], [*cuts, n], strict=True):
        part = slice(first, end)
        (trend,), (memory,) = follow_slowly(
            [memory], ts_ms[part, None], counts[part, None], SENSORS, operated[part, None]
        )
        found.append(np.stack([trend.rise(sensor) for sensor in SLOW_SENSORS]))
    return np.concatenate(found, axis=2), memory


def test_a_steady_drift_is_found_after_three_hours_and_measured():
    values = series(7)
    values[:, column("p_pdg")] += 0.1e5 * np.arange(len(values)) / PER_HOUR
    found, _ = followed(values)
    of_gauge = found[SLOW_SENSORS.index("p_pdg")]
    assert not of_gauge[:, : 3 * PER_HOUR].any()
    assert of_gauge[0, 3 * PER_HOUR] == pytest.approx(0.27e5, rel=0.1)
    assert not of_gauge[1, : 6 * PER_HOUR].any()
    assert of_gauge[1, -1] == pytest.approx(0.57e5, rel=0.1)
    assert not np.delete(found, SLOW_SENSORS.index("p_pdg"), axis=0).any()


@pytest.mark.parametrize(
    "shape",
    [
        np.zeros_like,
        lambda t: (t > 2.0).astype(float),
        lambda t: np.sin(2 * np.pi * t / 0.9),
        lambda t: np.sin(2 * np.pi * t / 2.5),
    ],
    ids=["calm", "step", "slugs", "slow swings"],
)
def test_what_is_not_steady_is_no_drift(shape):
    values = series(12)
    hours = np.arange(len(values)) / PER_HOUR
    values[:, column("p_tpt")] += 3e5 * shape(hours)
    found, _ = followed(values)
    assert not found.any()


def test_what_settles_within_the_half_hour_after_a_step_is_no_drift():
    for start in np.arange(1.0, 2.0, 0.1):
        values = series(8)
        hours = np.arange(len(values)) / PER_HOUR
        values[:, column("p_tpt")] += 3e5 * (1.0 - np.exp(-np.maximum(hours - start, 0.0) / 0.3))
        found, _ = followed(values)
        assert not found.any()


def test_alarms_wait_for_two_intervals():
    assert all(ALARM_TYPES[rule].on_delay_s > SLOW_BIN_MS / 1000 for rule in SLOW_RULES)


def test_a_drift_is_not_sought_across_an_operation_or_an_interruption():
    values = series(8)
    values[:, column("p_tpt")] -= 0.3e5 * np.arange(len(values)) / PER_HOUR
    found, _ = followed(values)
    assert found[SLOW_SENSORS.index("p_tpt")][:, 4 * PER_HOUR].any()
    operated = np.zeros(len(values), np.bool_)
    operated[2 * PER_HOUR + 30] = True
    found, memory = followed(values, operated=operated)
    # The interval of the operation ends 20 minutes after it began; three hours later a drift is seen again.
    again = 2 * PER_HOUR + 120 + 3 * PER_HOUR
    assert not found[:, :, :again].any()
    assert found[SLOW_SENSORS.index("p_tpt")][0, again] < 0
    ts_ms = START + 10_000 * np.arange(len(values))
    ts_ms[2 * PER_HOUR :] += 4 * SLOW_BIN_MS
    found, memory = followed(values, ts_ms=ts_ms)
    assert len(memory.bins) == 17
    assert not found[:, :, : 5 * PER_HOUR].any()


def test_a_gauge_that_is_missing_for_too_long_does_not_drift():
    values = series(4)
    values[:, column("p_tpt")] -= 0.3e5 * np.arange(len(values)) / PER_HOUR
    values[PER_HOUR : 2 * PER_HOUR, column("p_tpt")] = np.nan
    assert not followed(values)[0][:, :, : 3 * PER_HOUR + 1].any()


@settings(max_examples=25, deadline=None)
@given(st.sets(st.integers(1, 3 * PER_HOUR - 1), max_size=8), st.integers(0, 10**6))
def test_results_do_not_depend_on_how_the_stream_is_cut(cuts, seed):
    rng = np.random.default_rng(seed)
    values = series(3, seed)
    values[:, column("p_tpt")] -= 0.3e5 * np.arange(len(values)) / PER_HOUR
    values[rng.random(values.shape) < 0.1] = np.nan
    ts_ms = START + np.cumsum(rng.choice([10_000, 20_000, SLOW_BIN_MS], len(values), p=[0.6, 0.395, 0.005]))
    operated = rng.random(len(values)) < 0.001
    whole, memory = followed(values, operated=operated, ts_ms=ts_ms)
    parts, same = followed(values, sorted(cuts), operated, ts_ms)
    np.testing.assert_array_equal(parts, whole)
    assert (same.bin, same.disturbed, same.rises) == (memory.bin, memory.disturbed, memory.rises)
    for name in ("total", "number", "bins"):
        np.testing.assert_array_equal(getattr(same, name), getattr(memory, name))


@given(st.lists(st.integers(-1000, 1000) | st.just(MISSING), min_size=1, max_size=SLOW_BINS))
def test_a_mirrored_series_drifts_the_other_way(counts):
    bins = np.full((len(counts), len(SLOW_SENSORS)), MISSING, np.int32)
    bins[:, 1] = counts
    mirrored = np.where(bins == MISSING, MISSING, -bins)
    assert steady_rises(mirrored) == tuple((span, at, -by) for span, at, by in steady_rises(bins))


STEPS = st.lists(
    st.lists(st.integers(-(2**20), 2**20) | st.just(MISSING), min_size=6, max_size=6),
    min_size=1,
    max_size=SLOW_BINS,
)


@given(STEPS)
def test_rounded_means_fit_a_byte_each_and_are_off_by_half_a_step_at_most(rows):
    bins = np.array(rows, np.int32)
    rounded = in_a_byte(bins)
    known = bins != MISSING
    np.testing.assert_array_equal(rounded != MISSING, known)
    _, step = byte_steps(bins)
    off = np.abs(np.where(known, rounded - bins.astype(np.int64), 0))
    assert (2 * off <= 1 << step).all()
    low, shift = byte_steps(rounded)
    steps = np.where(known, (rounded - low) >> shift, 0)
    np.testing.assert_array_equal(np.where(known, low + (steps << shift), MISSING), rounded)
    assert steps.min() >= 0
    assert steps.max() <= 254


def test_six_hours_are_kept_and_no_more():
    _, memory = followed(series(9))
    assert memory.bins.shape == (max(SPANS), len(SLOW_SENSORS))
    assert SlowMemory.start(3).bins.shape == (0, len(SLOW_SENSORS))
    assert (memory.bins[-1] * SLOW_QUANTA)[0] == pytest.approx(3e7, rel=1e-4)
