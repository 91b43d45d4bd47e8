"""What readings are measured against: as baselines age, processes start, and older states arrive."""

from dataclasses import replace

import numpy as np
import pytest

from ml.data.dataset import find_instances, read_instance
from ml.evaluation.models import LeftOut
from ml.evaluation.stream import stream
from ml.evaluation.verdicts import judge_alarms
from ml.training.baseline import instance_baseline, normal_period
from petrostream.alarms import FOREST
from petrostream.detection import ModelSet, load_models
from petrostream.schema import SENSOR_INDEX
from petrostream.scoring import codec as state_codec
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from petrostream.times import DAY_MS, to_iso
from tests.support.paths import REAL_3W
from tests.support.wells import FACILITY, SCALE, SENSORS, START, WELL, entry, model, normal_values, readings

COLUMNS = [SENSOR_INDEX[name] for name in SENSORS]


def of_age(days, source="2/test", **level):
    """The baseline of a recording, made so many days before the stream begins."""
    changes = {"source": source, "to": to_iso(START - round(days * DAY_MS)), "level": level}
    return ModelSet("v1", {WELL: load_models(entry(changes=changes), model().forest)})


def run(values, models, state=None, first=0):
    ts_ms = START + 1000 * np.arange(first, first + len(values))
    return score_batch(state or FacilityState(FACILITY), readings(values, ts_ms), models, scored_at_ms=START)


def off(seconds, scales=30.0):
    """Readings of a well that keeps still, but far from its baseline."""
    values = normal_values(seconds)
    values[:, COLUMNS] += scales * SCALE
    return values


def alarms(result):
    return [event.change.event for event in result.rows.alarms if event.change.alarm_type == FOREST]


@pytest.mark.parametrize(
    ("days", "source", "alarmed"), [(0.5, "2/test", True), (2, "2/test", False), (0.5, "2/other", False)]
)
def test_a_cold_start_trusts_a_baseline_of_the_same_recording_for_a_day(days, source, alarmed):
    result = run(off(900), of_age(days, source))
    assert bool(alarms(result)) == alarmed
    assert not np.isnan(result.rows.anomaly_score[60:]).any()


def test_an_event_is_found_on_an_old_baseline_once_the_level_is_known():
    values = np.concatenate([off(600), off(300, 60.0)])
    result = run(values, of_age(6))
    assert alarms(result) == ["activated"]
    assert 600 < (result.rows.alarms[0].change.ts_ms - START) / 1000 < 630


def test_a_manifest_without_rules_has_the_defaults_and_null_keeps_the_baseline():
    assert model().level == of_age(1).wells[WELL][0].level
    fixed = load_models(entry(changes={"level": None, "source": "2/old"}), model().forest)
    assert alarms(run(off(900), ModelSet("v1", {WELL: fixed}))) == ["activated"]


@pytest.mark.parametrize("level", [{"window_min": 0}, {"narrowing": 2}, {"drift_per_h": -1}, {"speed": 1}])
def test_rules_that_cannot_be_followed_are_refused_by_name(level):
    with pytest.raises(ValueError, match=next(iter(level))):
        load_models(entry(changes={"level": level}), model().forest)


def test_a_state_of_an_older_release_starts_cold_and_says_nothing_about_it():
    models = of_age(6)
    state = run(off(600), models).state
    well = state.wells[WELL]
    old = replace(well, memory=replace(well.memory, levels=None))
    restored = state_codec.decode(state_codec.encode(replace(state, wells={WELL: old})))
    assert restored.wells[WELL].memory.levels is None
    result = run(off(900), models, restored, first=600)
    assert alarms(result) == []
    assert result.state.wells[WELL].memory.levels is not None


def test_levels_cost_a_well_less_than_200_bytes():
    state = run(normal_values(1800), of_age(0.5)).state
    well = state.wells[WELL]
    without = replace(state, wells={WELL: replace(well, memory=replace(well.memory, levels=None))})
    assert len(state_codec.encode(state)) - len(state_codec.encode(without)) < 200


def stepping(*levels, minutes=40):
    """Normal operation, then P-TPT at each of these many bar above it for some minutes."""
    values = normal_values(60 * minutes * (1 + len(levels)))
    values[:, SENSOR_INDEX["p_tpt"]] += np.repeat([0, *levels], 60 * minutes) * 1e5
    return values


def history(result):
    return [
        (event.change.event, event.change.cause, round((event.change.ts_ms - START) / 60_000))
        for event in result.rows.alarms
        if event.change.alarm_type == FOREST
    ]


class TestNewLevel:
    def test_is_annunciated_once_and_suppressed_half_an_hour_later_with_what_to_do(self):
        result = run(stepping(5), of_age(0.5))
        assert history(result) == [("activated", None, 40), ("suppressed", "new_level", 71)]
        last = result.rows.alarms[-1]
        assert last.change.state == "suppressed_by_design"
        assert last.sentence == "P-TPT has settled on a new level: commission the well again"
        assert result.rows.alarm_active[[60 * 69, -1]].tolist() == [1, 0]

    def test_does_not_hide_a_further_step(self):
        result = run(stepping(5, 8), of_age(0.5))
        assert history(result) == [
            ("activated", None, 40),
            ("suppressed", "new_level", 71),
            ("returned", "superseded", 80),
            ("activated", None, 80),
            ("suppressed", "new_level", 111),
        ]
        assert len({event.change.alarm_id for event in result.rows.alarms}) == 2

    def test_before_it_is_one_a_further_step_is_annunciated_too(self):
        values = stepping(5)
        values[60 * 55 :, SENSOR_INDEX["p_tpt"]] += 4e5
        assert history(run(values, of_age(0.5)))[:3] == [
            ("activated", None, 40),
            ("returned", "superseded", 55),
            ("activated", None, 55),
        ]

    def test_and_so_is_another_gauge(self):
        values = stepping(5)
        values[60 * 55 :, SENSOR_INDEX["t_tpt"]] += 3.0
        assert history(run(values, of_age(0.5)))[1:3] == [
            ("returned", "superseded", 55),
            ("activated", None, 55),
        ]

    def test_what_follows_within_minutes_belongs_to_the_same_alarm(self):
        values = stepping(5)
        values[60 * 43 :, SENSOR_INDEX["t_tpt"]] += 3.0
        assert [event for event, _, _ in history(run(values, of_age(0.5)))].count("activated") == 1

    def test_ends_when_the_well_is_back_at_its_baseline(self):
        result = run(stepping(5, 0), of_age(0.5))
        assert history(result)[2:] == [
            ("returned", "superseded", 80),
            ("activated", None, 80),
            ("returned", "cleared", 111),
        ]

    def test_ends_when_the_well_is_commissioned_again(self):
        state = run(stepping(5), of_age(0.5)).state
        values = stepping(5)[60 * 75 :]
        changes = {
            "source": "2/test",
            "valid_from": to_iso(START + 80 * 60_000),
            "to": to_iso(START + 79 * 60_000),
        }
        center = model().center + np.array([5e5 if name == "p_tpt" else 0.0 for name in SENSORS])
        again = load_models(entry(changes={**changes, "center": center.tolist()}), model().forest)
        result = run(values, ModelSet("v2", {WELL: again}), state, first=60 * 80)
        assert history(result) == [("returned", "cleared", 80)]
        assert not result.rows.anomaly_flag.any()

    @pytest.mark.parametrize("block", [1000, 3600])
    def test_does_not_depend_on_batches(self, block):
        values, models = stepping(5, 8), of_age(0.5)
        values[60 * 55 :, SENSOR_INDEX["t_tpt"]] += 3.0
        whole, state, events = run(values, models), None, []
        for first in range(0, len(values), block):
            part = run(values[first : first + block], models, state, first=first)
            state = state_codec.decode(state_codec.encode(part.state))
            events += history(part)
        assert events == history(whole)
        assert state_codec.encode(state) == state_codec.encode(whole.state)


@pytest.mark.skipif(not REAL_3W.is_dir(), reason=f"no real 3W instances at {REAL_3W} (set PETROSTREAM_3W)")
def test_a_real_well_on_the_baseline_of_a_month_before_is_quiet_and_its_event_is_found():
    files = {file.source[-14:]: file for file in find_instances(REAL_3W) if file.well_id == "WELL-00011"}
    before, now = (read_instance(files[name]) for name in ("20140606230115", "20140720120102"))
    left_out = LeftOut(1)
    models = left_out.commissioned(instance_baseline(normal_period(before)), int(now.ts_ms[0]))
    rows = slice(0, 8800)
    now = replace(
        now, ts_ms=now.ts_ms[rows], values=now.values[rows], label=now.label[rows], state=now.state[rows]
    )
    found = [one for one in stream(now, models).alarms if one.alarm_type == FOREST]
    verdict = judge_alarms(now.ts_ms, now.label, found)
    assert (verdict.false_alarms, verdict.missed) == (0, False)
    assert verdict.delay_s < 20


@pytest.mark.parametrize("seconds", [1, 2, 90])
def test_a_well_whose_gauges_say_nothing_has_no_level_and_no_score(seconds):
    silent = np.full((seconds, normal_values(1).shape[1]), np.nan)
    found = run(silent, of_age(1))
    assert np.isnan(found.rows.anomaly_score).all()
    again = run(normal_values(400), of_age(1), found.state, first=seconds)
    assert not np.isnan(again.rows.anomaly_score[-1])
