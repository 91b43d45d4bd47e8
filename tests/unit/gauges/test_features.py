"""Window statistics: the right numbers, and the same ones however the series is cut."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petrostream.detection.extraction import FeatureExtractor, FeatureNameError, feature_names, series_rows
from petrostream.gauges.features import (
    COUNT_LIMIT,
    MAX_WINDOW_READINGS,
    MISSING,
    QUANTA,
    STATS,
    WINDOWS_S,
    quantise,
    window_stats,
)
from petrostream.gauges.floors import scale_floors
from petrostream.schema.sensors import SENSOR_INDEX, bounds

P = SENSOR_INDEX["p_tpt"]
T = SENSOR_INDEX["t_tpt"]
PAIR = np.array(sorted([P, T]))
START = 1_700_000_000_000


def stats_of(ts_s, values, sensors=(P,), start=0):
    sensors = np.asarray(sensors)
    values = np.asarray(values, np.float64).reshape(len(ts_s), len(sensors))
    ts_ms = START + np.rint(1000 * np.asarray(ts_s)).astype(np.int64)
    return window_stats(ts_ms, quantise(values, sensors), sensors, start)


def plain_window(ts_s, values, end, window_s):
    """The definition, reading by reading."""
    inside = [i for i in range(end + 1) if ts_s[end] - window_s < ts_s[i]]
    x, y = np.array([ts_s[i] for i in inside]), np.array([values[i] for i in inside])
    slope = np.polyfit(x - x[-1], y - y[-1], 1)[0]
    return y.mean(), y.std(), slope


@pytest.mark.parametrize("window_s", WINDOWS_S)
def test_mean_deviation_and_slope_are_the_textbook_ones(window_s):
    rng = np.random.default_rng(5)
    ts_s = np.cumsum(rng.uniform(0.5, 3.0, size=300)).round(3)
    values = 1.5e7 + 3e4 * np.sin(ts_s / 40) + rng.normal(0, 5e3, size=300)
    stats = stats_of(ts_s, values)
    for end in (150, 222, 299):
        expected = plain_window(ts_s, values, end, window_s)
        found = [stats.get(P, stat, window_s)[end] for stat in STATS]
        assert found == pytest.approx(expected, rel=1e-3, abs=1.0)


def test_a_window_excludes_its_far_end_and_includes_its_near_one():
    values = np.full(61, 1e6)
    values[30] += 3.0e5
    mean = stats_of(np.arange(61), values).get(P, "mean", 30)
    assert mean[29] == 1e6
    assert mean[30:60] == pytest.approx(np.full(30, 1.01e6))
    assert mean[60] == 1e6


def test_a_flat_gauge_has_no_deviation_and_no_slope_at_all():
    stats = stats_of(np.arange(400), np.full(400, 1.23456789e7))
    for window_s in WINDOWS_S:
        assert (stats.get(P, "std", window_s)[200:] == 0).all()
        assert (stats.get(P, "slope", window_s)[200:] == 0).all()


def test_a_window_is_silent_until_half_of_it_was_seen():
    stats = stats_of(np.arange(200), 1e6 + np.arange(200.0))
    for window_s in WINDOWS_S:
        known = ~np.isnan(stats.get(P, "mean", window_s))
        assert not known[: window_s // 2].any()
        assert known[window_s // 2 :].all()


@pytest.mark.parametrize(("gap_s", "resets"), [(60, False), (60.001, True), (3600, True)])
def test_a_gap_of_more_than_a_minute_starts_afresh(gap_s, resets):
    ts_s = np.concatenate([np.arange(300), 299 + gap_s + np.arange(60)])
    values = np.where(np.arange(360) < 300, 1e6, 2e6)
    mean = stats_of(ts_s, values).get(P, "mean", 180)
    assert np.isnan(mean[300]) == resets
    after = stats_of(ts_s, values).get(P, "mean", 30)
    assert after[320] == 2e6


def test_a_missing_gauge_does_not_silence_the_others():
    values = np.column_stack([np.full(300, 1e7), np.full(300, 90.0)])[:, [0, 1] if P < T else [1, 0]]
    values[100:, list(PAIR).index(T)] = np.nan
    stats = stats_of(np.arange(300), values, PAIR)
    assert (stats.get(P, "mean", 180)[95:] == 1e7).all()
    temperature = stats.get(T, "mean", 30)
    assert (temperature[50:115] == 90.0).all()
    assert np.isnan(temperature[116:]).all()


def test_a_sensor_that_is_absent_is_all_missing():
    assert np.isnan(stats_of(np.arange(5), np.zeros(5)).get(T, "mean", 30)).all()


def test_a_fast_gauge_is_measured_over_its_newest_readings():
    n = 2 * MAX_WINDOW_READINGS
    values = np.where(np.arange(n) < n - MAX_WINDOW_READINGS, 5e5, 1e6)
    mean = stats_of(np.arange(n) / 6.0, values).get(P, "mean", 180)
    assert mean[-1] == 1e6
    assert mean[-2] < 1e6


class TestQuantise:
    def test_spans_every_possible_value_finely(self):
        low, high = bounds()
        sensors = np.arange(len(QUANTA))
        counts = quantise(np.stack([low, high])[:, sensors], sensors)
        known = counts != MISSING
        assert (np.abs(counts[known]) <= COUNT_LIMIT).all()
        assert np.abs(counts * QUANTA - np.stack([low, high]))[known].max() <= 1.0
        assert (1e-3 * scale_floors(sensors) > QUANTA).all()

    def test_keeps_what_is_missing_missing(self):
        assert quantise(np.array([[np.nan]]), np.array([P])).tolist() == [[MISSING]]

    def test_takes_a_pressure_or_temperature_of_exactly_zero_for_a_dead_gauge(self):
        sensors = np.array([P, T, SENSOR_INDEX["qgl"], SENSOR_INDEX["aber_ckp"], SENSOR_INDEX["estado_m1"]])
        assert quantise(np.zeros((1, 5)), sensors).tolist() == [[MISSING, MISSING, 0, 0, 0]]

    def test_survives_any_number(self):
        wild = np.array([[1e300], [-1e300], [np.inf], [-np.inf]])
        assert quantise(wild, np.array([P]))[:, 0].tolist() == [COUNT_LIMIT, -COUNT_LIMIT] * 2


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), start=st.integers(0, 250), first=st.integers(0, 100))
def test_history_beyond_the_window_changes_no_bit(seed, start, first):
    rng = np.random.default_rng(seed)
    ts_s = np.cumsum(rng.choice([0.4, 1.0, 1.0, 1.0, 7.0, 75.0], size=400))
    values = 1e7 + rng.normal(0, 1e5, size=400)
    values[rng.random(400) < 0.1] = np.nan
    whole = stats_of(ts_s, values)
    reach = np.searchsorted(ts_s, ts_s[start] - 180.0, side="right")
    begin = max(0, reach - first)
    part = stats_of(ts_s[begin:], values[begin:], start=start - begin)
    for field in ("table", "number", "warm"):
        np.testing.assert_array_equal(getattr(part, field), getattr(whole, field)[..., start:])


class TestYoungWindows:
    def test_hold_what_they_have_seen_and_say_how_much(self):
        values = 1e6 + 100.0 * np.arange(200)
        values[20:25] = np.nan
        stats = stats_of(np.arange(200), values)
        at = WINDOWS_S.index(60)
        assert stats.number[at, 0, [0, 1, 19, 24, 59, 65, 199]].tolist() == [1, 2, 20, 20, 55, 55, 60]
        mean = stats.table[STATS.index("mean"), at, 0]
        assert np.isnan(mean[0])
        assert mean[9] == pytest.approx(1e6 + 450.0)
        assert np.isnan(stats.get(P, "mean", 60)[9])

    def test_some_of_the_readings_are_taken_with_all_that_is_known_of_them(self):
        values = np.column_stack([1e7 + np.arange(100.0), 90 + np.arange(100.0)])
        stats = stats_of(np.arange(100), values, PAIR)
        part = stats.take(np.array([70, 20]))
        assert len(part) == 2
        for stat in STATS:
            np.testing.assert_array_equal(part.get(P, stat, 60), stats.get(P, stat, 60)[[70, 20]])


class TestFeatureExtractor:
    SENSORS = ("p_tpt", "t_tpt")
    CENTER, SCALE = np.array([1.4e7, 95.0]), np.array([2e4, 0.1])

    def series(self):
        rng = np.random.default_rng(2)
        values = np.full((400, 27), np.nan)
        values[:, P] = 1.4e7 + rng.normal(0, 2e4, 400)
        values[:, T] = 95 + rng.normal(0, 0.1, 400)
        return START + 1000 * np.arange(400), values

    def extractor(self, kind, level=1.4e7):
        return FeatureExtractor.build(feature_names(kind), self.SENSORS, np.array([level, 95.0]), self.SCALE)

    def test_every_sensor_is_a_row_in_units_of_its_own_noise(self):
        extractor = self.extractor("commissioned")
        rows, whole = series_rows(*self.series(), extractor)
        assert rows.shape == (2, 400, 6)
        assert not whole[:, :9].any()
        assert whole[:, 9:].all()
        mean, deviation = extractor.names.index("mean_60"), extractor.names.index("std_60")
        assert np.abs(rows[:, 60:, mean]).max() < 1
        assert rows[:, 60:, deviation].mean() == pytest.approx(1.0, abs=0.15)

    def test_a_change_is_the_rise_over_the_window_however_often_the_gauge_reports(self):
        for step_ms in (1000, 500):
            ts_ms = START + step_ms * np.arange(400)
            values = np.full((400, 27), np.nan)
            values[:, P] = 1.4e7 + 2e4 * np.arange(400) * step_ms / 60_000
            extractor = self.extractor("commissioned")
            rows, _ = series_rows(ts_ms, values, extractor)
            assert rows[0, 300, extractor.names.index("change_60")] == pytest.approx(1.0, rel=1e-3)
            assert rows[0, 300, extractor.names.index("change_30")] == pytest.approx(0.5, rel=1e-3)

    def test_a_missing_sensor_has_no_whole_row_and_takes_nothing_from_the_others(self):
        ts_ms, values = self.series()
        values[100:, T] = np.nan
        _, whole = series_rows(ts_ms, values, self.extractor("commissioned"))
        assert whole[0, 9:].all()
        assert whole[1, 9:120].all()
        assert not whole[1, 130:].any()
        _, without = series_rows(ts_ms, np.full_like(values, np.nan), self.extractor("commissioned"))
        assert not without.any()

    def test_fleet_features_ignore_the_level(self):
        ts_ms, values = self.series()
        here, whole = series_rows(ts_ms, values, self.extractor("fleet"))
        values[:, P] += 3e6
        there, _ = series_rows(ts_ms, values, self.extractor("fleet", level=0.0))
        np.testing.assert_allclose(here[whole], there[whole], atol=1e-6)
        assert whole[:, 59:].all()
        assert not whole[:, :59].any()

    def test_a_difference_is_that_of_the_window_means(self):
        ts_ms, values = self.series()
        names = ("diff_30_180", "mean_30", "mean_180")
        rows, _ = series_rows(
            ts_ms, values, FeatureExtractor.build(names, self.SENSORS, self.CENTER, self.SCALE)
        )
        np.testing.assert_allclose(rows[:, 60:, 0], rows[:, 60:, 1] - rows[:, 60:, 2], atol=1e-5)

    @pytest.mark.parametrize(
        "name", ["mean", "median_30", "mean_31", "diff_180_30", "p_tpt:mean_30", "mean_"]
    )
    def test_an_unknown_name_is_refused_by_name(self, name):
        with pytest.raises(FeatureNameError, match=name):
            FeatureExtractor.build([name], self.SENSORS, np.zeros(2), np.ones(2))

    def test_an_unknown_sensor_or_kind_is_refused_by_name(self):
        with pytest.raises(FeatureNameError, match="p_new"):
            FeatureExtractor.build(["mean_30"], ["p_new"], np.zeros(1), np.ones(1))
        with pytest.raises(FeatureNameError, match="guess"):
            feature_names("guess")
