"""The slow memory: minute means, swings, drifts, and their independence of batches."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrostream.gauges.features import quantise
from petrostream.gauges.swing import LEAST_PAUSE, SWING_BINS, Swing
from petrostream.gauges.trend import BINS, TREND_INDICES, TREND_SENSORS
from petrostream.gauges.trend_following import follow
from petrostream.schema.sensors import SENSOR_INDEX
from tests.support.wells import normal_values

SENSORS = np.sort(TREND_INDICES)
START = 1_700_000_040_000
"""On a full minute."""


def followed(values, ts_ms=None, cuts=()):
    ts_ms = START + 1000 * np.arange(len(values)) if ts_ms is None else ts_ms
    counts = quantise(values[:, SENSORS], SENSORS)
    memory, trends = None, []
    for at in np.split(np.arange(len(values)), sorted(set(cuts))):
        if len(at):
            (trend,), (memory,) = follow([memory], ts_ms[at, None], counts[at, None], SENSORS)
            trends.append(trend)
    return trends, memory


def with_tree(pressure):
    values = normal_values(len(pressure))
    values[:, SENSOR_INDEX["p_tpt"]] = pressure
    return values


def test_a_reading_sees_the_minutes_before_its_own():
    (trend,), memory = followed(with_tree(np.repeat([1e7, 2e7, 3e7], 60)))
    tree = trend.windows[trend.rows][:, TREND_SENSORS.index("p_tpt")]
    assert np.isnan(tree[59]).all()
    np.testing.assert_allclose(tree[60, -1], 1e7, atol=1024)
    np.testing.assert_allclose(tree[179, -2:], [1e7, 2e7], atol=1024)
    assert memory.bins.shape == (2, len(TREND_SENSORS))


def test_drift_is_the_steady_change_within_the_hour():
    hours = np.arange(5400) / 3600
    (trend,), _ = followed(with_tree(1e7 + 3e5 * hours))
    drift = trend.drift("p_tpt")
    assert np.isnan(drift[: 45 * 60]).all()
    np.testing.assert_allclose(drift[3700:], 3e5 * 59 / 60, rtol=0.02)
    assert np.isnan(trend.drift("p_jus_ckp")).all()


def test_a_drift_that_is_lost_in_the_noise_is_none():
    noise = np.repeat(np.random.default_rng(3).normal(size=90), 60)
    (trend,), _ = followed(with_tree(1e7 + 5e4 * noise))
    assert (trend.drift("p_tpt")[3600:] == 0).all()


@pytest.mark.parametrize(("period_s", "turns"), [(600, 11), (3000, 2)])
def test_turns_are_those_of_the_oscillation(period_s, turns):
    wave = 3e5 * np.sin(2 * np.pi * np.arange(9000) / period_s)
    (trend,), _ = followed(with_tree(1e7 + wave))
    assert abs(trend.turned("p_tpt", 1)[-1] - turns) <= 1
    assert trend.turned("p_mon_ckp", 1)[-1] == 0


def test_swings_below_two_bar_at_the_tree_are_none():
    (trend,), _ = followed(with_tree(1e7 + 0.9e5 * np.sin(np.arange(9000) / 100)))
    assert trend.turned("p_tpt", 2)[-1] == 0


@pytest.mark.parametrize(("period_s", "pause_min"), [(600, 30), (3600, 60)])
def test_an_oscillation_has_ended_once_a_cycle_is_missing(period_s, pause_min):
    n = np.arange(4 * 3600)
    cycles = np.where(n < 2 * 3600, 3e5 * np.sin(2 * np.pi * n / period_s), 0.0)
    (trend,), _ = followed(with_tree(1e7 + cycles))
    goes_on = trend.oscillates("p_tpt")
    turns = np.flatnonzero(np.diff(trend.turned("p_tpt", 2)) > 0)
    assert not goes_on[: turns[0]].any()
    assert goes_on[turns[0] + 1 : turns[-1]].all()
    ended = int(np.flatnonzero(~goes_on[turns[-1] + 1 :])[0])
    assert abs(ended / 60 - pause_min) <= 2
    assert not goes_on[turns[-1] + 1 + ended :].any()


@given(st.lists(st.integers(0, 500), min_size=1, max_size=20, unique=True), st.integers(0, 700))
def test_an_oscillation_ends_after_twice_its_slowest_half_cycle_and_stays_ended(minutes, later):
    turns = tuple(sorted(minutes))
    swing, now = Swing(1, 0, 10, turns), turns[-1] + 1
    slowest = max([after - turn for turn, after in pairwise(turns) if turn >= now - SWING_BINS], default=0)
    pause = max(2 * slowest, LEAST_PAUSE)
    assert not swing.ended(now)
    if later < LEAST_PAUSE:
        assert not swing.ended(turns[-1] + later + 1)
    if later > min(pause, SWING_BINS):
        assert swing.ended(turns[-1] + later)


def test_activity_leaves_out_the_last_minutes():
    pressure = np.full(3600, 1e7)
    pressure[3540:] += 5e5
    (trend,), _ = followed(with_tree(pressure))
    assert trend.activity("p_tpt")[-1] == 0.0
    assert np.isnan(trend.activity("p_tpt")[600])


def test_activity_leaves_out_what_an_operators_move_did():
    pressure = np.where(np.arange(3600) < 1200, 1e7, 1.03e7)
    values = with_tree(pressure)
    (trend,), _ = followed(values)
    np.testing.assert_allclose(trend.activity("p_tpt")[-1], 3e5, atol=2048)
    values[:, SENSOR_INDEX["aber_ckp"]] = np.where(np.arange(3600) < 1195, 50.0, 45.0)
    (trend,), _ = followed(values)
    assert trend.activity("p_tpt")[-1] == 0.0


def test_ripples_on_a_large_swing_turn_the_tree_but_not_the_choke():
    n = np.arange(7200)
    wave = 30e5 * np.sin(2 * np.pi * n / 3600) + 4e5 * np.sin(2 * np.pi * n / 300)
    values = with_tree(5e7 + wave)
    values[:, SENSOR_INDEX["p_mon_ckp"]] = 2e7 + wave
    (trend,), _ = followed(values)
    assert trend.turned("p_mon_ckp", 2)[-1] <= 4 < trend.turned("p_tpt", 2)[-1]


def test_span_is_that_of_the_minutes():
    (trend,), _ = followed(with_tree(1e7 + np.repeat([0.0, 4e5, -2e5], 60)))
    assert np.isnan(trend.span("p_tpt")[0])
    np.testing.assert_allclose(trend.span("p_tpt")[-1], 4e5, atol=2048)


def test_a_long_interruption_starts_over_and_a_short_one_leaves_a_hole():
    wave = with_tree(1e7 + 3e5 * np.sin(np.arange(7200) / 100))
    for pause_s, turned in ((540, True), (900, False)):
        ts_ms = START + 1000 * np.arange(7200) + 1000 * pause_s * (np.arange(7200) >= 7190)
        (trend,), memory = followed(wave, ts_ms)
        assert bool(trend.turned("p_tpt", 2)[-1]) == turned
        assert (len(memory.bins) == BINS) == turned


@given(
    st.integers(0, 10**6),
    st.lists(st.integers(1, 3999), max_size=10),
    st.sampled_from([1, 20]),
    st.lists(st.integers(0, 3999), max_size=3),
)
def test_the_memory_does_not_depend_on_the_cut_into_batches(seed, cuts, step_s, gaps):
    rng = np.random.default_rng(seed)
    values = normal_values(4000, seed)
    values[:, SENSOR_INDEX["p_tpt"]] += 4e5 * np.sin(np.arange(4000) * step_s / 150)
    values[rng.random(values.shape) < 0.1] = np.nan
    steps = np.full(4000, 1000 * step_s)
    steps[gaps] += rng.integers(60_000, 1_500_000, len(gaps))
    ts_ms = START + np.cumsum(steps)
    (whole,), memory = followed(values, ts_ms)
    parts, memory_of_parts = followed(values, ts_ms, cuts)
    for ask in (
        lambda trend: trend.turned("p_tpt", 1),
        lambda trend: trend.turned("p_tpt", 2),
        lambda trend: trend.oscillates("p_tpt"),
        lambda trend: trend.drift("t_tpt"),
        lambda trend: trend.activity("p_mon_ckp"),
        lambda trend: trend.span("p_tpt"),
    ):
        np.testing.assert_array_equal(ask(whole), np.concatenate([ask(part) for part in parts]))
    assert memory.swings == memory_of_parts.swings
    np.testing.assert_array_equal(memory.bins, memory_of_parts.bins)
