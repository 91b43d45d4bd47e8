"""The rule table: emission limits, and physics signatures on invented and on real events."""

import numpy as np
import pytest

from ml.data.dataset import read_instance
from ml.data.physics import EVENTS
from ml.data.simulated_well import draw_well, operate
from ml.evaluation.stream import stream
from petrostream.detection import ModelSet
from petrostream.gauges.features import quantise, window_stats
from petrostream.gauges.health import judge
from petrostream.gauges.slow import follow_slowly
from petrostream.gauges.trend_following import follow
from petrostream.risk import conditions
from petrostream.risk.rules import (
    ALERT_ABOVE,
    EMISSION_RULES,
    PROCESS_RULES,
    RULE_SENSORS,
    RULES,
    SLOW_RULES,
    RuleColumns,
    fired,
    points,
)
from petrostream.schema.sensors import NAME_OF_THREE_W, SENSOR_INDEX, SENSORS, bounds
from tests.support.paths import REAL_3W, ROOT
from tests.support.wells import START, normal_values


def columns_of(values, ts_ms=None):
    """What the process rules see of a series whose gauges are all healthy."""
    ts_ms = START + 1000 * np.arange(len(values)) if ts_ms is None else ts_ms
    counts = quantise(values[:, RULE_SENSORS], RULE_SENSORS)
    (trend,), _ = follow([None], ts_ms[:, None], counts[:, None], RULE_SENSORS)
    stats = window_stats(ts_ms, counts, RULE_SENSORS)
    still = np.zeros((len(ts_ms), 1), np.bool_)
    (slow,), _ = follow_slowly([None], ts_ms[:, None], counts[:, None], RULE_SENSORS, still)
    return RuleColumns(stats, np.full(len(values), np.nan), trend=trend, slow=slow)


def held(values, ts_ms=None):
    """Truth per reading of each process rule, by rule id."""
    truth = fired(PROCESS_RULES, columns_of(values, ts_ms))
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
        assert rule[345:].all()

    def test_needs_no_downhole_gauge(self):
        values = closing()
        values[:, SENSOR_INDEX["p_pdg"]] = np.nan
        assert held(values)["dhsv_closure"][345:].all()

    def test_fires_on_the_jolt_before_anything_cools(self):
        values = normal_values(600)
        values[:, SENSOR_INDEX["p_tpt"]] += np.minimum(after(600, 300, 0.3e5), 8e5)
        values[:, SENSOR_INDEX["p_pdg"]] += np.minimum(after(600, 300, 0.05e5), 2e5)
        assert held(values)["dhsv_closure"][325]

    def test_is_quiet_without_build_up_and_cooling(self):
        values = closing()
        values[:, SENSOR_INDEX["t_tpt"]] = 95.0
        values[:, SENSOR_INDEX["p_pdg"]] = 2.1e7
        assert not held(values)["dhsv_closure"].any()

    def test_is_quiet_when_the_well_is_opened_up_and_warms(self):
        values = normal_values(600)
        for sensor, at, per_second in (("p_tpt", 300, 0.3e5), ("p_pdg", 300, 0.05e5), ("t_tpt", 270, 0.02)):
            values[:, SENSOR_INDEX[sensor]] += after(600, at, per_second)
        assert not held(values)["dhsv_closure"].any()

    def test_is_quiet_on_jolts_like_those_the_tree_shows_all_the_time(self, monkeypatch):
        values = normal_values(3600)
        # As in well 10 with its noise doubled: up and down within a minute, in a cooling well.
        values[:, SENSOR_INDEX["p_tpt"]] += 5e5 * np.sin(2 * np.pi * np.arange(3600) / 15)
        values[:, SENSOR_INDEX["t_tpt"]] -= after(3600, 0, 0.006)
        assert not held(values)["dhsv_closure"][200:].any()
        monkeypatch.setattr(conditions, "JOLT_UNRESTS", 0.0)
        assert held(values)["dhsv_closure"][200:].mean() > 0.1

    def test_is_quiet_on_a_step_at_one_gauge_while_the_tree_temperature_is_noisy(self, monkeypatch):
        values = normal_values(600)
        values[300:, SENSOR_INDEX["p_tpt"]] += 5e5
        # Cools by 0.7 degC in the minute of the step, as it does all the time.
        values[:, SENSOR_INDEX["t_tpt"]] -= 0.5 * np.sin(2 * np.pi * (np.arange(600) - 300) / 55)
        assert not held(values)["dhsv_closure"].any()
        monkeypatch.setattr(conditions, "JOLT_UNRESTS", 0.0)
        assert held(values)["dhsv_closure"][300:330].any()

    def test_is_quiet_on_falls_that_are_noise(self, monkeypatch):
        values = normal_values(3600)
        # Up and down twice a minute, in a cooling well: over some minutes its line falls by 4 bar.
        values[:, SENSOR_INDEX["p_tpt"]] += 4e5 * np.sin(2 * np.pi * np.arange(3600) / 30)
        values[:, SENSOR_INDEX["t_tpt"]] -= after(3600, 0, 0.02)
        monkeypatch.setattr(conditions, "JOLT_UNRESTS", 100.0)
        assert not held(values)["dhsv_closure"][200:].any()
        monkeypatch.setattr(conditions, "FALL_DEVIATIONS", 0.0)
        assert held(values)["dhsv_closure"][200:].any()

    def test_is_quiet_while_the_bottom_falls_with_the_tree(self):
        values = closing()
        values[:, SENSOR_INDEX["p_pdg"]] = 2.1e7 - after(600, 300, 0.05e5)
        assert not held(values)["dhsv_closure"].any()

    @pytest.mark.parametrize("downhole", [True, False])
    def test_in_a_swinging_well_a_blow_out_is_none_and_a_closure_is_one(self, downhole):
        n, at = 9000, 8400
        values = normal_values(n)
        cycle = 12e5 * np.sin(2 * np.pi * np.arange(n) / 3000)
        values[:, SENSOR_INDEX["p_tpt"]] += cycle
        values[:, SENSOR_INDEX["p_pdg"]] += cycle / 4
        blown = values.copy()
        blown[:, SENSOR_INDEX["p_tpt"]] -= np.minimum(after(n, at, 0.06e5), 5e5)
        blown[:, SENSOR_INDEX["t_tpt"]] -= np.minimum(after(n, at, 0.02), 2.0)
        closed = values.copy()
        closed[:, SENSOR_INDEX["p_tpt"]] -= np.minimum(after(n, at, 0.3e5), 60e5)
        closed[:, SENSOR_INDEX["t_tpt"]] -= after(n, at, 0.03)
        closed[:, SENSOR_INDEX["p_pdg"]] += np.minimum(after(n, at, 0.05e5), 8e5)
        for one in (blown, closed):
            if not downhole:
                one[:, SENSOR_INDEX["p_pdg"]] = np.nan
        assert not held(blown)["dhsv_closure"].any()
        assert held(closed)["dhsv_closure"][at : at + 60].any()
        assert not held(closed)["dhsv_closure"][:at].any()


class TestChokeRestriction:
    def restricted(self, n=1800, at=1500):
        values = normal_values(n)
        values[:, SENSOR_INDEX["p_mon_ckp"]] += np.minimum(after(n, at, 0.1e5), 8e5)
        return values

    def test_fires_within_half_a_minute_of_a_step_and_falls_silent_at_the_new_level(self):
        rule = held(self.restricted())["choke_restriction"]
        assert not rule[:1500].any()
        assert rule[1530]
        assert not rule[1740:].any()

    def test_says_less_of_a_well_that_it_has_not_known_for_a_quarter_of_an_hour(self):
        by_rule = held(self.restricted(n=600, at=300))
        assert by_rule["choke_climb"][330]
        assert not by_rule["choke_restriction"].any()

    def test_is_quiet_when_the_whole_well_rises(self):
        values = self.restricted()
        values[:, SENSOR_INDEX["p_tpt"]] += np.minimum(after(1800, 1500, 0.1e5), 8e5)
        assert not held(values)["choke_restriction"].any()

    def test_is_quiet_when_the_well_is_opened_up_and_warms(self):
        values = self.restricted()
        values[:, SENSOR_INDEX["t_tpt"]] += after(1800, 1450, 0.02)
        assert not held(values)["choke_restriction"].any()

    def test_is_quiet_while_the_tree_empties(self):
        values = self.restricted()
        values[:, SENSOR_INDEX["p_tpt"]] -= after(1800, 1400, 0.003e5)
        assert not held(values)["choke_restriction"].any()

    def test_is_quiet_when_the_operator_closes_the_choke(self):
        values = self.restricted()
        values[:, SENSOR_INDEX["aber_ckp"]] = 60.0 - np.minimum(after(1800, 1495, 0.5), 5.0)
        assert not held(values)["choke_restriction"].any()

    def test_fires_where_the_operator_opens_the_choke_and_it_climbs_all_the_same(self):
        values = self.restricted()
        values[:, SENSOR_INDEX["aber_ckp"]] = 60.0 + np.minimum(after(1800, 1495, 0.5), 5.0)
        assert held(values)["choke_restriction"][1530]

    def test_is_quiet_in_a_well_whose_choke_pressure_moves_like_that_anyway(self):
        values = normal_values(5400)
        saw = np.abs((np.arange(5400) / 450) % 2 - 1)
        values[:, SENSOR_INDEX["p_mon_ckp"]] += 5e5 * saw
        by_rule = held(values)
        assert not by_rule["choke_restriction"].any()
        assert by_rule["flow_instability"][-1]

    @pytest.mark.parametrize("period_s", [30, 90, 150])
    def test_is_quiet_on_an_oscillation_that_fits_the_window(self, period_s):
        values = normal_values(1800)
        values[:, SENSOR_INDEX["p_mon_ckp"]] += 4e5 * np.sin(2 * np.pi * np.arange(1800) / period_s)
        by_rule = held(values)
        assert (by_rule["choke_restriction"] | by_rule["choke_climb"])[180:].mean() < 0.02


def simulated(event_class, seed, hours=5.0, onset_h=2.0):
    """A simulated event: values without gauge faults, and the row of its onset."""
    rng = np.random.default_rng([seed, event_class])
    well = draw_well(rng)
    n, onset = int(3600 * hours), int(3600 * onset_h)
    return operate(well, EVENTS[event_class](well, np.arange(n) - float(onset), rng), n, rng), onset


@pytest.mark.parametrize(
    ("event_class", "rule", "within_h"),
    [(2, "dhsv_closure", 0.1), (6, "choke_restriction", 0.1), (7, "scaling", 2.5), (8, "hydrate", 2.0)],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_signature_fires_on_its_simulated_event_and_not_before(event_class, rule, within_h, seed):
    values, onset = simulated(event_class, seed)
    by_rule = held(values)
    assert by_rule[rule][onset : onset + int(3600 * within_h)].any()
    assert not any(truth[:onset].any() for truth in by_rule.values())


@pytest.mark.parametrize(
    ("event_class", "rule"),
    [(1, "bsw_rise"), (5, "productivity_loss"), (7, "slow_scaling"), (8, "slow_hydrate")],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_slow_signature_fires_within_three_hours_and_is_the_only_slow_one(event_class, rule, seed):
    values, onset = simulated(event_class, seed, hours=9.0, onset_h=5.0)
    by_rule = held(values)
    assert by_rule[rule][onset : onset + 3 * 3600 + 1200].any()
    assert not any(by_rule[other][:onset].any() for other in SLOW_RULES)
    assert [other for other in SLOW_RULES if by_rule[other].any()] == [rule]


@pytest.mark.parametrize("factor", [0.999, 1.001])
def test_a_drift_of_every_gauge_by_a_thousandth_an_hour_is_no_event(factor):
    values, _ = simulated(7, 1, hours=10.0, onset_h=11.0)
    values *= np.power(factor, np.arange(len(values)) / 3600)[:, None]
    by_rule = held(values)
    assert not any(by_rule[rule].any() for rule in SLOW_RULES)


def test_a_day_and_night_of_temperatures_topside_is_no_event():
    values, _ = simulated(7, 2, hours=24.0, onset_h=25.0)
    day = 2 * np.pi * np.arange(len(values)) / 86_400
    values[:, SENSOR_INDEX["t_jus_ckp"]] += 4.0 * np.sin(day)
    values[:, SENSOR_INDEX["p_jus_ckp"]] += 0.3e5 * np.sin(day + 1)
    values[:, SENSOR_INDEX["p_mon_ckp"]] += 1.0e5 * np.sin(day + 1)
    by_rule = held(values)
    assert not any(by_rule[rule].any() for rule in SLOW_RULES)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_slugging_is_recognised_by_its_swings(seed):
    values, onset = simulated(3, seed)
    by_rule = held(values)
    assert by_rule["severe_slugging"][onset + 3600 :].all()
    assert not any(truth[:onset].any() for truth in by_rule.values())
    # An oscillation is not taken for something that grows.
    assert not (by_rule["hydrate"] | by_rule["scaling"]).any()


class TestFirstName:
    """Slugging and instability are told apart by period, amplitude and whether the tree takes part."""

    def named(self, tree, choke):
        values = normal_values(len(tree))
        values[:, SENSOR_INDEX["p_tpt"]] += 1e5 * tree
        values[:, SENSOR_INDEX["p_mon_ckp"]] += 1e5 * choke
        by_rule = held(values)
        first = {rule: np.flatnonzero(by_rule[rule])[:1] for rule in ("severe_slugging", "flow_instability")}
        return [rule for rule, at in sorted(first.items(), key=lambda item: item[1].tolist()) if len(at)]

    def cycles(self, period_min, bar, hours=5):
        return bar * np.sin(2 * np.pi * np.arange(3600 * hours) / (60 * period_min))

    def test_fast_swings_at_the_choke_alone_are_instability(self):
        assert self.named(self.cycles(8, 0.2), self.cycles(8, 3)) == ["flow_instability"]

    def test_slow_swings_of_the_whole_line_are_slugging_whatever_ripples_on_them(self):
        ripples = self.cycles(6, 1.5) * (self.cycles(60, 1) > 0.5)
        assert self.named(self.cycles(60, 12), self.cycles(60, 15) + ripples) == ["severe_slugging"]
        assert self.named(self.cycles(50, 3), self.cycles(50, 4)) == ["severe_slugging"]

    def test_large_cycles_of_nearly_two_hours_are_slugging(self):
        assert self.named(self.cycles(105, 12, 7), self.cycles(105, 30, 7)) == ["severe_slugging"]

    def test_a_bouncing_tree_is_no_slugging(self):
        bounce = np.concatenate([np.zeros(7200), 20 * np.exp(-np.arange(10800) / 120) * self.cycles(5, 1, 3)])
        assert "severe_slugging" not in self.named(bounce, np.zeros(18000))

    def test_normal_variation_doubled_is_neither(self):
        # The largest of 3W's real normal periods: well 3, while it starts up.
        swings = self.cycles(5, 0.87)
        assert self.named(swings, swings) == []


@pytest.mark.parametrize(("period_min", "bar"), [(6, 4), (20, 6), (50, 10)])
def test_slugging_has_ended_once_a_cycle_or_half_an_hour_passes_without_a_turn(period_min, bar):
    n, end = np.arange(6 * 3600), 3 * 3600
    values = normal_values(len(n))
    values[:, SENSOR_INDEX["p_tpt"]] += np.where(
        n < end, bar * 1e5 * np.sin(2 * np.pi * n / (60 * period_min)), 0
    )
    slugging = held(values)["severe_slugging"]
    assert slugging[end - 1]
    assert not slugging[end + 60 * (max(period_min, 30) + 3) :].any()


def test_instability_has_ended_once_half_an_hour_passes_without_a_turn():
    n, end = np.arange(6 * 3600), 3 * 3600
    values = normal_values(len(n))
    values[:, SENSOR_INDEX["p_mon_ckp"]] += np.where(n < end, 4e5 * np.sin(2 * np.pi * n / 480), 0)
    unstable = held(values)["flow_instability"]
    assert unstable[end - 1]
    assert not unstable[end + 33 * 60 :].any()


def test_a_single_rise_and_fall_is_no_oscillation():
    values = normal_values(7200)
    hump = 8e5 * np.exp(-(((np.arange(7200) - 3600) / 900) ** 2))
    for sensor in ("p_tpt", "p_mon_ckp"):
        values[:, SENSOR_INDEX[sensor]] += hump
    by_rule = held(values)
    assert not (by_rule["severe_slugging"] | by_rule["flow_instability"]).any()


@pytest.mark.parametrize("rule", ["scaling", "hydrate"])
def test_slow_rules_are_silent_when_the_choke_was_moved(rule):
    values, onset = simulated({"scaling": 7, "hydrate": 8}[rule], 1)
    values[onset:, SENSOR_INDEX["aber_ckp"]] -= np.minimum(np.arange(len(values) - onset) / 600, 20.0)
    assert not held(values)[rule].any()


def test_rules_that_were_not_measured_never_alert_alone():
    alone = {rule.id for rule in PROCESS_RULES if rule.points > ALERT_ABOVE}
    assert alone == {"dhsv_closure", "choke_restriction"}


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
    class Suspect(np.ndarray):
        def any(self, *_args, **_kwargs):
            return np.True_

        def tobytes(self, *_args, **_kwargs):
            # A condition reads the rest only where its first part holds: let it read everything.
            return b"\1"

    class Recorder(RuleColumns):
        def _get(self, sensor, stat, window_s):
            read.add(sensor)
            return np.zeros(1).view(Suspect)

        def turned(self, sensor, hours):
            # Whether a well oscillates is asked of every rule's own sensors.
            return np.zeros(1).view(Suspect)

        def activity(self, sensor):
            return self._get(sensor, "", 0)

        drift = span = unrest = activity
        drifts = True

        def steady(self, sensor):
            read.add(sensor)
            return np.zeros((2, 1))

    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        read = set() if rule.id not in ("severe_slugging", "flow_instability") else set(rule.sensors)
        rule.condition(Recorder(None, np.zeros(1), np.zeros(1)))
        assert read == {*rule.sensors, *rule.further}
        assert 0 < rule.points <= 40
        assert rule.source
        assert rule.description


def real_instances(folder):
    return sorted((REAL_3W / folder).glob("*.parquet")) if REAL_3W.is_dir() else []


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


def test_the_page_about_rules_has_every_one():
    page = (ROOT / "docs" / "reference" / "rules.md").read_text()
    assert [rule.id for rule in RULES if f"| `{rule.id}` |" not in page] == []


needs_real = pytest.mark.skipif(not REAL_3W.is_dir(), reason=f"no real 3W instances at {REAL_3W}")


def real_rules(path):
    """Rules and labels of a real instance, bad gauges taken out."""
    ts_ms, values, label = real_readings(path)
    judged = judge([None], ts_ms[:, None], values[:, None])
    return ts_ms, held(judged.values[:, 0], ts_ms), label


@pytest.mark.real3w
@needs_real
@pytest.mark.parametrize(
    ("folder", "rules"), [("2", ("dhsv_closure",)), ("6", ("choke_restriction", "choke_climb"))]
)
def test_a_signature_fires_on_every_real_instance_of_its_event_and_nothing_before(folder, rules):
    late_s = 900
    instances = real_instances(folder)
    assert instances
    for path in instances:
        ts_ms, by_rule, label = real_rules(path)
        onset = ts_ms[np.flatnonzero(label > 0)[0]]
        event = np.logical_or.reduce([by_rule[rule] for rule in rules]) & (label > 0)
        assert event.any(), path.name
        assert ts_ms[event][0] - onset < 1000 * late_s, path.name
        for name, truth in by_rule.items():
            assert not (truth & (label == 0)).any(), (path.name, name)


@pytest.mark.real3w
@needs_real
def test_the_first_alarm_of_slugging_and_instability_names_it():
    first = {"3": [], "4": []}
    for folder, names in first.items():
        for path in real_instances(folder):
            alarms = stream(read_instance(path), ModelSet("none", {}, None), block_s=1200).alarms
            names.append(alarms[0].alarm_type if alarms else None)
    assert first["3"].count("severe_slugging") >= 10
    assert first["4"].count("flow_instability") >= 20
    assert first["4"].count("severe_slugging") == 0


@pytest.mark.real3w
@needs_real
def test_real_slugging_and_instability_are_found_and_not_taken_for_a_restriction():
    found, restricted = {"3": [], "4": []}, 0
    for folder, hits in found.items():
        for path in real_instances(folder):
            if not path.name.startswith("WELL"):
                continue
            _, by_rule, _ = real_rules(path)
            hits.append((by_rule["severe_slugging"] | by_rule["flow_instability"]).any())
            restricted += bool(by_rule["choke_restriction"].any())
    assert np.mean(found["3"]) >= 0.8
    assert np.mean(found["4"]) >= 0.8
    assert restricted <= 0.05 * sum(map(len, found.values()))


@pytest.mark.real3w
@needs_real
def test_a_rise_of_bsw_is_found_in_every_drawn_instance_and_no_slow_event_in_slugging():
    """The drawn instances have their pressures in bar."""
    pressures = [s for s, sensor in enumerate(SENSORS) if sensor.quantity == "pressure"]
    drawn = real_instances("1")
    assert drawn
    for path in drawn:
        instance = read_instance(path)
        values = instance.values.copy()
        values[:, pressures] *= 1e5
        rule = held(values, instance.ts_ms)["bsw_rise"]
        onset = int(np.flatnonzero(instance.label > 0)[0])
        assert not rule[:onset].any()
        first = int(np.flatnonzero(rule)[0])
        assert instance.ts_ms[first] - instance.ts_ms[onset] < 3 * 3_600_000, path.name
    for path in real_instances("3"):
        _, by_rule, _ = real_rules(path)
        assert not any(by_rule[rule].any() for rule in SLOW_RULES), path.name
