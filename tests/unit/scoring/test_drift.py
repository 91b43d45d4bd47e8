"""A well's drift from its baseline: figures by the minute, and the alarm that proposes recommissioning."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("duckdb")

from petrostream.detection.detector import ModelSet
from petrostream.lake.scored_readings import rows_to_blocks
from petrostream.schema.sensors import SENSOR_INDEX
from petrostream.scoring.drift import OUTDATED_SCALES
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from petrostream.times import DAY_MS
from tests.support.duck_lake import DuckLake
from tests.support.paths import ROOT
from tests.support.wells import FACILITY, SCALE, SENSORS, START, WELL, model, normal_values, readings

HOUR = 3600
P_TPT = SENSOR_INDEX["p_tpt"]
TPT_SCALE = SCALE[SENSORS.index("p_tpt")]


def own(**changes):
    changes = {"valid_from_ms": START - 3 * DAY_MS, **changes}
    return ModelSet("v1", {WELL: (replace(model(), **changes),)}, model("fleet"))


def shifted(n, first, last=None, scales=8.0):
    values = normal_values(n)
    values[first:last, P_TPT] += scales * TPT_SCALE
    return values


def score(values, models, *, parts=1, states=None):
    batch = readings(values)
    if states is not None:
        batch.state[:] = states
    state, found = FacilityState(FACILITY), []
    for rows in np.array_split(np.arange(len(values)), parts):
        scored = score_batch(state, batch.take(rows), models, scored_at_ms=START)
        state = scored.state
        found.append(scored.rows)
    return found


def proposals(found):
    return [event for rows in found for event in rows.alarms if event.change.alarm_type == "recommission"]


def test_the_first_reading_of_each_minute_has_the_figures_and_no_other():
    (rows,) = score(shifted(600, 200), own())
    minute = rows.readings.ts_ms // 60_000
    first = np.diff(minute, prepend=-1) != 0

    assert (np.isfinite(rows.baseline_age_days) == first).all()
    assert np.isfinite(rows.level_shift[first][1:]).all()
    assert np.isnan(rows.level_shift[~first]).all()
    np.testing.assert_allclose(rows.baseline_age_days[first], 3.0, atol=0.01)
    late = first & (rows.readings.ts_ms >= START + 300_000)
    np.testing.assert_allclose(rows.level_shift[late], 8.0, atol=0.7)
    assert {rows.level_shift_sensor[i] for i in np.flatnonzero(late)} == {"p_tpt"}


def test_the_figures_do_not_depend_on_how_the_stream_is_cut():
    whole, parts = score(shifted(400, 200), own()), score(shifted(400, 200), own(), parts=37)

    for name in ("level_shift", "baseline_age_days"):
        joined = np.concatenate([getattr(rows, name) for rows in parts])
        np.testing.assert_array_equal(getattr(whole[0], name), joined)


def test_a_well_without_a_baseline_has_no_drift():
    (rows,) = score(normal_values(200), ModelSet("v1", {}, model("fleet")))

    assert np.isnan(rows.level_shift).all()
    assert set(rows.level_shift_sensor) == {None}


def test_a_baseline_without_a_start_has_no_age():
    (rows,) = score(normal_values(200), ModelSet("v1", {WELL: (model(),)}))

    assert np.isnan(rows.baseline_age_days).all()
    assert np.isfinite(rows.level_shift).any()


def test_a_shift_that_stays_for_six_hours_proposes_recommissioning_once():
    (one,) = proposals(score(shifted(8 * HOUR, HOUR), own(), parts=8))

    assert one.change.event == "activated"
    assert one.change.priority == "low"
    assert (one.change.ts_ms - START) / 1000 == pytest.approx(7 * HOUR, abs=120)
    assert (
        one.sentence
        == "P-TPT has stood 8 usual variations above its baseline for hours: commission the well again"
    )
    assert one.likely.event_class is None


def test_a_shift_of_some_hours_proposes_nothing():
    assert proposals(score(shifted(8 * HOUR, HOUR, 6 * HOUR), own(), parts=8)) == []


def test_a_small_shift_proposes_nothing():
    assert proposals(score(shifted(8 * HOUR, HOUR, scales=4.0), own(), parts=8)) == []


def test_a_well_that_is_shut_in_is_not_compared_with_its_baseline():
    states = np.full(8 * HOUR, 1)

    found = score(shifted(8 * HOUR, HOUR), own(), parts=8, states=states.tolist())
    assert proposals(found) == []
    assert all(np.isnan(rows.level_shift[rows.readings.ts_ms > START + 60_000]).all() for rows in found)


def test_a_baseline_past_its_validity_is_proposed_to_be_made_again():
    models = own(valid_until_ms=START - DAY_MS)
    (one,) = proposals(score(normal_values(7 * HOUR), models, parts=7))

    assert one.sentence == "No baseline of the well is valid any more: commission it again"


@pytest.mark.parametrize(("at_days", "expired"), [(-4, False), (-2, False), (0, True), (3, False), (6, True)])
def test_a_well_is_expired_between_and_after_its_baselines_but_not_before(at_days, expired):
    spans = ((-3, -1), (2, 5))
    held = tuple(
        replace(model(), valid_from_ms=START + first * DAY_MS, valid_until_ms=START + last * DAY_MS)
        for first, last in spans
    )
    at_ms = np.array([START + at_days * DAY_MS])

    assert ModelSet("v1", {WELL: held}).expired(WELL, at_ms).tolist() == [expired]
    assert ModelSet("v1", {}).expired(WELL, at_ms).tolist() == [False]


def test_the_view_makes_a_figure_a_day_of_it():
    blocks = [block for rows in score(shifted(5400, 2700), own()) for block in rows_to_blocks(rows)]
    (day,) = DuckLake({"scored_readings": blocks}).ask("SELECT * FROM well_drift")

    assert (day["well_id"], day["readings"]) == (WELL, 5400)
    assert day["baseline_age_days"] == pytest.approx(3.06, abs=0.01)
    assert day["largest_level_shift"] == pytest.approx(8, abs=1)
    assert day["level_shift_sensor"] == "p_tpt"
    assert day["outdated_hours"] == pytest.approx(0.75, abs=0.05)
    assert 0.3 < day["median_score"] < day["p99_score"] <= 1
    assert day["without_baseline_share"] == 0


def test_days_before_the_columns_existed_show_scores_alone():
    (rows,) = score(normal_values(300), own())
    unknown = np.full(len(rows), np.nan)
    old = replace(rows, level_shift=unknown, baseline_age_days=unknown, level_shift_sensor=[None] * len(rows))
    (day,) = DuckLake({"scored_readings": rows_to_blocks(old)}).ask("SELECT * FROM well_drift")

    assert day["readings"] == 300
    assert day["median_score"] is not None
    assert (day["level_shift"], day["baseline_age_days"], day["outdated_hours"]) == (None, None, 0)


def test_the_view_counts_from_the_limit_of_the_alarm():
    text = (ROOT / "sql" / "views" / "well_drift.sql").read_text(encoding="utf-8")

    assert f"ABS(level_shift) >= {OUTDATED_SCALES:g}e0" in text
