"""Scoring: independence of batch boundaries, late readings, risk, wells without a baseline."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petrostream.detection.detector import ModelSet
from petrostream.lake.scored_readings import rows_to_blocks
from petrostream.readings.wells import Readings
from petrostream.schema.sensors import SENSOR_INDEX
from petrostream.scoring import codec as state_codec
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import Scored, score_batch
from petrostream.scoring.scored import NO_POINTS
from tests.support.wells import (
    FACILITY,
    SCALE,
    SENSORS,
    START,
    WELL,
    event_values,
    model,
    models,
    normal_values,
    readings,
    recommissioned,
)

NEW = FacilityState(FACILITY)
STEPS_MS = [1000] * 30 + [400, 2000, 17_000, 60_000, 61_000, 0, -1, -4000, -90_000]


def run(batch, *, state=NEW, models=None):
    return score_batch(state, batch, models, scored_at_ms=START)


def messy_stream(seed, n=700):
    """Two wells: gaps, holes, dead and frozen gauges, an event, late and repeated readings, new feeds.

    With the models of `twice`, a new baseline begins on the way as well.
    """
    rng = np.random.default_rng(seed)
    ts_ms = START + np.cumsum(rng.choice(STEPS_MS, size=n))
    values = event_values(n, at=n // 2, seed=seed)
    values[:, SENSOR_INDEX["t_jus_ckp"]] = 70.0
    values[rng.random(values.shape) < 0.03] = np.nan
    dies = int(rng.integers(0, n))
    values[dies:, SENSOR_INDEX["p_pdg"]] = np.nan
    values[rng.random(n) < 0.01] = np.nan
    methane = np.where(rng.random(n) < 0.5, np.nan, rng.uniform(0, 700, n))
    wells = rng.choice([WELL, "WELL-00099"], size=n, p=[0.8, 0.2]).tolist()
    sources = [f"2/instance-{number}" for number in np.cumsum(rng.random(n) < 0.002)]
    replays = np.cumsum(rng.random(n) < 0.002) * rng.choice([-3_600_000, 5, 90_000])
    return readings(values, ts_ms, well=wells, methane=methane, source=sources, offset_ms=replays)


def twice():
    return ModelSet("v1", {WELL: recommissioned()}, model("fleet"))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    cuts=st.lists(st.integers(0, 700), max_size=12),
    ones=st.integers(0, 690),
    models=st.sampled_from([models(), twice()]),
)
def test_rows_and_state_do_not_depend_on_batch_boundaries(seed, cuts, ones, models):
    stream = messy_stream(seed)
    whole = run(stream, models=models)
    edges = sorted({0, len(stream), *cuts, *range(ones, ones + 10)})
    state, parts = NEW, []
    for first, last in pairwise(edges):
        result = run(stream.take(range(first, last)), state=state, models=models)
        state = state_codec.decode(state_codec.encode(result.state))
        parts.append(result.rows)
    for name in Scored.__dataclass_fields__:
        if name in ("readings", "scored_at_ms", "alarms"):
            continue
        expected = getattr(whole.rows, name)
        if isinstance(expected, np.ndarray):
            np.testing.assert_array_equal(np.concatenate([getattr(part, name) for part in parts]), expected)
        else:
            assert [value for part in parts for value in getattr(part, name)] == expected
    starts = np.cumsum([0, *(len(part) for part in parts)]).tolist()
    alarms = [
        replace(event, change=replace(event.change, position=event.change.position + start))
        for part, start in zip(parts, starts, strict=False)
        for event in part.alarms
    ]
    assert alarms == whole.rows.alarms
    joined = Readings.concat([part.readings for part in parts])
    assert joined.reasons == whole.rows.readings.reasons
    assert state_codec.encode(state) == state_codec.encode(whole.state)


def test_the_messy_streams_cover_every_case():
    scored = [run(messy_stream(seed), models=models()).rows for seed in range(6)]
    assert any("late:ts" in reasons for rows in scored for reasons in rows.readings.reasons)
    assert any(rows.anomaly_flag.any() for rows in scored)
    assert {"activated", "returned"} <= {event.change.event for rows in scored for event in rows.alarms}
    assert 0 < np.mean([np.isnan(rows.anomaly_score).mean() for rows in scored]) < 1
    assert {kind for rows in scored for kind in rows.model_kind} == {"commissioned", "fleet"}
    assert any(len(set(rows.readings.source)) > 1 for rows in scored)


class TestLateReadings:
    def stream(self):
        values = normal_values(202)
        ts_ms = START + 1000 * np.arange(202)
        ts_ms[200:] = [START + 150_000, START + 199_000]
        return readings(values, ts_ms)

    def test_have_a_row_with_a_reason_and_no_score(self):
        rows = run(self.stream(), models=models()).rows
        assert len(rows) == 202
        assert rows.readings.reasons[200:] == [("late:ts",), ("late:ts",)]
        assert np.isnan(rows.anomaly_score[200:]).all()
        assert rows.process_risk[200:].tolist() == [NO_POINTS, NO_POINTS]
        assert rows.readings.reasons[:200] == [()] * 200

    def test_do_not_change_the_history(self):
        stream = self.stream()
        before = run(stream.take(range(200)), models=models()).state
        after = run(stream.take([200, 201]), state=before, models=models()).state
        assert after.wells == before.wells

    def test_do_not_change_the_callers_reasons(self):
        stream = self.stream()
        run(stream)
        assert stream.reasons == [()] * 202


class TestFeeds:
    """A second replay, a backfill or another instance is scored from its own beginning."""

    def first(self):
        return run(readings(normal_values(300), offset_ms=7_000_000), models=models())

    def test_a_second_replay_with_earlier_times_is_scored_like_the_first(self):
        earlier = START + 1000 * np.arange(300) - 120_000
        again = readings(normal_values(300), earlier, offset_ms=7_000_000 - 120_000)
        rows = run(again, state=self.first().state, models=models()).rows
        assert rows.readings.reasons == [()] * 300
        np.testing.assert_array_equal(rows.anomaly_score, self.first().rows.anomaly_score)

    def test_another_instance_does_not_see_the_windows_of_the_one_before(self):
        after = START + 1000 * np.arange(300, 600)
        rows = run(
            readings(normal_values(300), after, source="6/next", offset_ms=7_000_000),
            state=self.first().state,
            models=models(),
        ).rows
        np.testing.assert_array_equal(rows.anomaly_score, self.first().rows.anomaly_score)

    def test_a_source_whose_clock_jitters_is_still_one_feed(self):
        jitter = 7_000_000 + np.random.default_rng(3).integers(-400, 400, 300)
        rows = run(readings(normal_values(300), offset_ms=jitter), models=models()).rows
        np.testing.assert_array_equal(rows.anomaly_score, self.first().rows.anomaly_score)


def test_the_given_state_is_not_changed():
    stream = readings(normal_values(200))
    before = run(stream.take(range(100))).state
    kept = state_codec.encode(before)
    run(stream.take(range(100, 200)), state=before)
    assert state_codec.encode(before) == kept


def test_wells_do_not_mix():
    together = readings(np.repeat(normal_values(200), 2, axis=0), np.repeat(START + 1000 * np.arange(200), 2))
    together.well_id[1::2] = ["WELL-00099"] * 200
    rows = run(together, models=models()).rows
    alone = run(readings(normal_values(200)), models=models()).rows
    np.testing.assert_array_equal(rows.anomaly_score[::2], alone.anomaly_score)


def test_a_new_model_scores_the_very_next_reading():
    stream = readings(normal_values(300))
    state = run(stream.take(range(299))).state
    row = run(stream.take([299]), state=state, models=models()).rows
    assert not np.isnan(row.anomaly_score[0])
    assert row.model_version == ["v1"]


class TestRecommissionedWell:
    """A new baseline, 30 units higher, holds from 1,000 s on."""

    def stream(self, offset_ms=None, first=900):
        at = np.arange(first, first + 200)
        values = normal_values(len(at))
        values[np.ix_(at >= 1000, [SENSOR_INDEX[name] for name in SENSORS])] += 30 * SCALE
        return readings(values, START + 1000 * at, offset_ms=offset_ms)

    def test_is_measured_against_the_baseline_of_the_time(self):
        own = tuple(replace(one, source="2/test") for one in recommissioned())
        rows = run(self.stream(), models=ModelSet("v1", {WELL: own})).rows
        assert not rows.anomaly_flag[:100].any()
        assert not rows.anomaly_flag[165:].any()
        assert run(self.stream(), models=ModelSet("v1", {WELL: own[:1]})).rows.anomaly_flag[105:].all()

    def test_is_measured_against_itself_if_its_baseline_is_of_another_recording(self):
        rows = run(self.stream(first=1100), models=ModelSet("v1", {WELL: recommissioned()[:1]})).rows
        assert not np.isnan(rows.anomaly_score[60:]).any()
        assert not rows.anomaly_flag.any()

    def test_goes_by_the_time_at_the_source(self):
        replayed = self.stream()
        replayed.source_ts_ms = replayed.ts_ms.copy()
        replayed.ts_ms = replayed.ts_ms + 10**9
        rows = run(replayed, models=twice()).rows
        np.testing.assert_array_equal(
            rows.anomaly_score, run(self.stream(), models=twice()).rows.anomaly_score
        )

    def test_is_left_to_the_fleet_before_its_first_baseline(self):
        rows = run(self.stream(first=-100), models=twice()).rows
        assert rows.model_kind == ["fleet"] * 100 + ["commissioned"] * 100
        assert not np.isnan(rows.anomaly_score[60:]).any()


@pytest.mark.parametrize(
    ("last", "given", "expected"),
    [
        (None, ["9", "10"], "10"),
        ("10", ["9"], "10"),
        ("99", ["100"], "100"),
        (None, [], None),
        ("5", [], "5"),
    ],
)
def test_sequence_numbers_compare_as_numbers(last, given, expected):
    batch = Readings.concat(
        [readings(normal_values(1), [START + i], sequence=one) for i, one in enumerate(given)]
    )
    assert run(batch, state=FacilityState(FACILITY, last)).state.last_sequence == expected


class TestRisk:
    def test_a_commissioned_well_alerts_by_its_forest(self):
        rows = run(readings(event_values()), models=models()).rows
        assert not rows.anomaly_flag[:200].any()
        assert set(rows.well_status[:200]) == {"NORMAL"}
        assert rows.anomaly_flag[205:].all()
        assert "ALERT" in rows.well_status[200:]
        assert (rows.process_risk[rows.anomaly_flag == 1] >= 20).all()
        assert rows.process_risk.max() <= 40

    def test_a_well_without_a_baseline_is_marked_and_never_alerts_by_the_forest(self):
        rows = run(readings(event_values(), well="WELL-00099"), models=models()).rows
        assert set(rows.model_kind) == {"fleet"}
        assert rows.anomaly_flag[200:].any()
        assert rows.risk_score.max() == 0
        assert set(rows.well_status) == {"NORMAL"}

    def test_a_physics_rule_alerts_without_any_model(self):
        values = normal_values(400)
        falling = np.maximum(np.arange(400) - 200, 0)
        values[:, SENSOR_INDEX["p_tpt"]] -= 0.1e5 * falling
        values[:, SENSOR_INDEX["t_tpt"]] -= 0.08 * falling
        rows = run(readings(values)).rows
        assert rows.rule_ids[300] == ("dhsv_closure",)
        assert rows.process_risk[300] == 35
        assert rows.well_status[300] == "ALERT"
        assert rows.model_kind[300] is None

    def test_process_points_are_missing_without_sensors(self):
        rows = run(readings(normal_values(60))).rows
        assert (rows.process_risk[:30] == NO_POINTS).all()
        assert (rows.process_risk[30:] != NO_POINTS).all()

    def test_the_parts_add_up(self):
        rows = run(readings(normal_values(4), methane=[125.5, 385.5, 650.2, np.nan])).rows
        assert rows.emission_category == ["NORMAL", "MEDIUM", "HIGH", None]
        assert rows.emission_risk.tolist() == [0, 20, 40, NO_POINTS]
        assert rows.risk_score.tolist() == [0, 20, 40, 0]
        assert rows.well_status == ["NORMAL", "NORMAL", "ALERT", "NORMAL"]

    def test_only_anomalous_readings_name_sensors(self):
        rows = run(readings(event_values()), models=models()).rows
        named = np.array([bool(names) for names in rows.top_sensors])
        np.testing.assert_array_equal(named, rows.anomaly_flag == 1)
        assert {names[0] for names in rows.top_sensors[230:]} == {"p_tpt"}


def test_an_empty_batch_changes_nothing():
    result = run(Readings.empty(), models=models())
    assert len(result.rows) == 0
    assert result.state == NEW
    assert rows_to_blocks(result.rows) == []
