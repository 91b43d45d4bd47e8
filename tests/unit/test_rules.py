"""The rule table: emission limits, and physics signatures on invented and on real events."""

import os
from pathlib import Path

import numpy as np
import pytest

from petrostream.features import quantise, window_stats
from petrostream.rules import (
    EMISSION_RULES,
    PROCESS_RULES,
    RULE_SENSORS,
    RULES,
    RuleColumns,
    fired,
    points,
)
from petrostream.sensors import NAME_OF_THREE_W, SENSOR_INDEX, bounds
from tests.support.wells import START, normal_values

REAL = Path(os.environ.get("PETROSTREAM_3W", Path(__file__).parents[3] / "shared" / "3w"))


def held(values, ts_ms=None):
    """Truth per reading of each process rule, by rule id."""
    ts_ms = START + 1000 * np.arange(len(values)) if ts_ms is None else ts_ms
    stats = window_stats(ts_ms, quantise(values[:, RULE_SENSORS], RULE_SENSORS), RULE_SENSORS)
    truth = fired(PROCESS_RULES, RuleColumns(stats, np.full(len(values), np.nan)))
    return {rule.id: row for rule, row in zip(PROCESS_RULES, truth, strict=True)}


def after(n, at, per_second):
    return per_second * np.maximum(np.arange(n) - at, 0)


def closing(n=600, at=300):
    """P-PDG rises, P-TPT and T-TPT fall."""
    values = normal_values(n)
    values[:, SENSOR_INDEX["p_tpt"]] -= after(n, at, 0.1e5)
    values[:, SENSOR_INDEX["t_tpt"]] -= after(n, at, 0.08)
    values[:, SENSOR_INDEX["p_pdg"]] += after(n, at, 0.02e5)
    return values


class TestDhsvClosure:
    def test_fires_within_a_minute(self):
        rule = held(closing())["dhsv_closure"]
        assert not rule[:300].any()
        assert rule[340:].all()

    def test_needs_no_downhole_gauge(self):
        values = closing()
        values[:, SENSOR_INDEX["p_pdg"]] = np.nan
        assert held(values)["dhsv_closure"][340:].all()

    def test_takes_a_downhole_gauge_stuck_at_zero_for_a_missing_one(self):
        values = closing()
        values[:, SENSOR_INDEX["p_pdg"]] = 0.0
        assert held(values)["dhsv_closure"][340:].all()

    def test_is_quiet_when_the_reservoir_falls_as_well(self):
        values = closing()
        values[:, SENSOR_INDEX["p_pdg"]] -= after(600, 300, 0.05e5)
        assert not held(values)["dhsv_closure"].any()

    def test_is_quiet_without_cooling(self):
        values = closing()
        values[:, SENSOR_INDEX["t_tpt"]] = 95.0
        assert not held(values)["dhsv_closure"].any()


class TestChokeRestriction:
    def restricted(self):
        values = normal_values(600)
        values[:, SENSOR_INDEX["p_mon_ckp"]] += np.minimum(after(600, 300, 0.1e5), 8e5)
        return values

    def test_fires_within_half_a_minute_of_a_step_and_falls_silent_at_the_new_level(self):
        rule = held(self.restricted())["choke_restriction"]
        assert not rule[:300].any()
        assert rule[330]
        assert not rule[540:].any()

    def test_is_quiet_when_the_whole_well_rises(self):
        values = self.restricted()
        values[:, SENSOR_INDEX["p_tpt"]] += np.minimum(after(600, 300, 0.1e5), 8e5)
        assert not held(values)["choke_restriction"].any()

    def test_is_quiet_when_the_well_is_opened_up_and_warms(self):
        values = self.restricted()
        values[:, SENSOR_INDEX["t_tpt"]] += after(600, 250, 0.02)
        assert not held(values)["choke_restriction"].any()

    @pytest.mark.parametrize("period_s", [30, 90, 150])
    def test_is_quiet_on_an_oscillation_that_fits_the_window(self, period_s):
        values = normal_values(900)
        wave = 4e5 * np.sin(2 * np.pi * np.arange(900) / period_s)
        values[:, SENSOR_INDEX["p_mon_ckp"]] += wave
        assert held(values)["choke_restriction"][180:].mean() < 0.02


def test_no_rule_fires_on_normal_noise_or_on_nothing():
    for values in (normal_values(2000, seed=9), np.full((300, 27), np.nan)):
        assert not any(rule.any() for rule in held(values).values())


class TestEmission:
    def category(self, ppm):
        truth = fired(EMISSION_RULES, RuleColumns(None, np.array([ppm])))
        return [rule.category for rule, row in zip(EMISSION_RULES, truth, strict=True) if row[0]]

    @pytest.mark.parametrize(
        ("ppm", "expected"),
        [(0.0, []), (250.0, []), (250.1, ["MEDIUM"]), (500.0, ["MEDIUM"]), (500.1, ["HIGH"]), (np.nan, [])],
    )
    def test_limits_are_exclusive(self, ppm, expected):
        assert self.category(ppm) == expected

    def test_points_are_those_of_the_reference_table(self):
        truth = fired(EMISSION_RULES, RuleColumns(None, np.array([125.5, 385.5, 650.2])))
        assert points(EMISSION_RULES, truth).tolist() == [0, 20, 40]


def test_points_are_capped_at_forty():
    assert points(PROCESS_RULES, np.ones((len(PROCESS_RULES), 1), np.bool_)).tolist() == [40]


def test_the_table_is_complete_and_says_all_it_reads():
    class Recorder(RuleColumns):
        def _get(self, sensor, stat, window_s):
            read.add(sensor)
            return np.zeros(1)

    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        read = set()
        rule.condition(Recorder(None, np.zeros(1), np.zeros(1)))
        assert read == {*rule.sensors, *rule.vetoes}
        assert 0 < rule.points <= 40
        assert rule.source
        assert rule.description


def real_instances(folder):
    return sorted((REAL / folder).glob("*.parquet")) if REAL.is_dir() else []


def real_readings(path):
    """Times, values and classes of a real instance, without impossible values."""
    frame = pytest.importorskip("pandas").read_parquet(path)
    values = np.full((len(frame), 27), np.nan)
    for three_w, name in NAME_OF_THREE_W.items():
        values[:, SENSOR_INDEX[name]] = frame[three_w].to_numpy("float64")
    low, high = bounds()
    values[(values < low) | (values > high)] = np.nan
    ts_ms = frame.index.to_numpy("datetime64[ms]").astype(np.int64)
    return ts_ms, values, frame["class"].to_numpy("float64", na_value=np.nan)


@pytest.mark.real3w
@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real 3W instances at {REAL} (set PETROSTREAM_3W)")
@pytest.mark.parametrize(("folder", "rule"), [("2", "dhsv_closure"), ("6", "choke_restriction")])
def test_a_signature_fires_on_every_instance_of_its_event_and_never_before(folder, rule):
    late_s = 900
    for path in real_instances(folder):
        ts_ms, values, label = real_readings(path)
        onset = ts_ms[np.flatnonzero(label > 0)[0]]
        by_rule = held(values, ts_ms)
        event = by_rule[rule] & (label > 0)
        assert event.any(), path.name
        assert ts_ms[event][0] - onset < 1000 * late_s, path.name
        for name, truth in by_rule.items():
            assert not (truth & (label == 0)).any(), (path.name, name)
