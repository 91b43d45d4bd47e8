"""A gauge that fails in normal operation must not look like a well in trouble."""

from dataclasses import replace

import numpy as np
import pytest

from ml.data.dataset import find_instances, read_instance
from ml.evaluation.models import LeftOut
from ml.evaluation.stream import stream
from ml.training.baseline import instance_baseline
from petrostream.lake.scored_readings import rows_to_blocks
from petrostream.schema.sensors import SENSOR_INDEX
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from tests.support.depth import DEEP, deep_only
from tests.support.paths import REAL_3W
from tests.support.wells import FACILITY, SENSORS, models, normal_values, readings

FAULTS = ("missing", "zeroed", "impossible", "jump", "freeze", "line_to_zero")


def broken(values, name, fault, start, end):
    """The values with a gauge that fails from `start` on and is back at `end`."""
    values, at = values.copy(), SENSOR_INDEX[name]
    pressure = name.startswith("p_")
    column = values[start:end, at]
    if fault == "missing":
        column[:] = np.nan
    elif fault == "zeroed":
        column[:] = 0.0
    elif fault == "impossible":
        column[:] = -1.180116e42 if pressure else -999.0
    elif fault == "jump":
        column += 80e5 if pressure else 20.0
    elif fault == "freeze":
        column[:] = column[0]
    else:
        column[:] = np.concatenate([np.linspace(column[0], 0.0, 8), np.zeros(len(column) - 8)])
    return values


def scored(values, states=None, block=1000):
    """Rows and alarms of a commissioned well, as the stream would have them."""
    low_enough = (values >= -1e9) | np.isnan(values)
    batch = readings(np.where(low_enough, values, np.nan))
    for row, at in np.argwhere(~low_enough).tolist():
        batch.reasons[row] = (f"out_of_range:{list(SENSOR_INDEX)[at]}",)
    if states is not None:
        batch.state[:] = states
    state, rows = FacilityState(FACILITY), []
    for at in range(0, len(values), block):
        result = score_batch(
            state, batch.take(np.arange(at, min(at + block, len(values)))), models(), scored_at_ms=0
        )
        state = result.state
        rows.append(result.rows)
    return rows


def joined(rows, name):
    return [value for part in rows for value in getattr(part, name)]


@pytest.mark.parametrize("name", SENSORS)
@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_follows_from_a_failing_gauge_alone(name, fault):
    values = broken(normal_values(2200, seed=4), name, fault, 400, 1900)
    rows = scored(values)
    assert joined(rows, "alarms") == []
    # A historian's line down to zero looks like a fall while it lasts: too short for an alarm.
    seconds = np.delete(np.arange(2200), np.s_[400:408] if fault == "line_to_zero" else [])
    assert set(np.array(joined(rows, "well_status"))[seconds]) == {"NORMAL"}
    assert joined(rows, "sensor_health")[1850] != () or (fault, name) == ("freeze", "t_tpt")
    assert joined(rows, "sensor_health")[-1] == ()


def test_a_bad_gauge_is_left_out_at_once_and_counts_again_when_its_windows_are_refilled():
    values = broken(normal_values(1000, seed=4), "p_pdg", "zeroed", 400, 500)
    values[520:, SENSOR_INDEX["p_pdg"]] += 40e4
    flags = np.array(joined(scored(values), "anomaly_flag"))
    assert not flags[400:560].any()
    assert flags[580:].all()


def test_the_other_gauges_still_see_the_event():
    values = broken(normal_values(1000, seed=4), "p_pdg", "zeroed", 100, 1000)
    values[600:, SENSOR_INDEX["p_tpt"]] -= 3e5
    assert np.array(joined(scored(values), "anomaly_flag"))[630:].all()


def test_health_lands_in_the_row_and_not_in_the_values():
    rows = scored(broken(normal_values(300), "p_pdg", "zeroed", 100, 300))
    last = rows_to_blocks(rows[0])[0].data.splitlines()[-1]
    assert b'"sensor_health":["p_pdg:zeroed"]' in last
    assert b'"p_pdg":0.0' in last


def test_what_is_suppressed_by_the_operating_state_counts_no_points_and_is_named():
    values = normal_values(800, seed=4)
    fall = np.maximum(np.arange(800) - 400, 0)
    values[:, SENSOR_INDEX["p_tpt"]] -= 0.1e5 * fall
    values[:, SENSOR_INDEX["t_tpt"]] -= 0.08 * fall
    flowing, shut = scored(values, [0] * 800), scored(values, [0] * 390 + [1] * 410)
    assert joined(flowing, "well_status")[500] == "ALERT"
    assert joined(flowing, "suppressed") == [()] * 800
    assert set(joined(shut, "well_status")) == {"NORMAL"}
    assert joined(shut, "suppressed")[500] == ("dhsv_closure", "forest")
    assert joined(shut, "rule_ids")[500] == ("dhsv_closure",)
    assert joined(shut, "anomaly_flag")[500] == 1


def test_rows_do_not_depend_on_the_cut_into_batches():
    values = broken(normal_values(700, seed=4), "p_pdg", "zeroed", 200, 300)
    values = broken(values, "t_tpt", "jump", 350, 400)
    values[500:, SENSOR_INDEX["p_mon_ckp"]] = np.nan
    states = [None] * 400 + [7] * 50 + [0] * 250
    whole, parts = scored(values, states), scored(values, states, block=13)
    for name in ("sensor_health", "suppressed", "rule_ids", "risk_score", "anomaly_flag", "top_sensors"):
        assert joined(whole, name) == joined(parts, name), name


@pytest.fixture(scope="module")
def real_wells():
    """Real instances with a baseline of five minutes or more, and forests that don't know their wells."""
    left_out, found = LeftOut(7), []
    for file in find_instances(REAL_3W, classes=[2, 6]):
        if file.is_real:
            period = left_out.learn(read_instance(file))
            if period.split - period.start >= 300:
                found.append((period, instance_baseline(period, 120)))
    return left_out, found


@pytest.mark.real3w
@pytest.mark.skipif(not REAL_3W.is_dir(), reason=f"no real 3W instances at {REAL_3W} (set PETROSTREAM_3W)")
@pytest.mark.parametrize(
    "fault", ["freeze", *(pytest.param(one, marks=deep_only) for one in FAULTS[:-1] if one != "freeze")]
)
def test_nothing_follows_from_a_failing_gauge_of_a_real_well(real_wells, fault):
    """Each gauge of each well fails in one way or two; in a deep run of the tests, in all of them."""
    left_out, wells = real_wells
    assert wells
    for number, (period, baseline) in enumerate(wells):
        one, rows = period.instance, slice(period.start, period.end)
        start = period.split - period.start
        end = start + int(0.6 * (period.end - period.split))
        for at, name in enumerate(baseline.sensors):
            if not DEEP and (number + at + FAULTS.index(fault)) % 4:
                continue
            values = broken(one.values[rows], name, fault, start, end)
            cut = replace(
                one, ts_ms=one.ts_ms[rows], values=values, label=one.label[rows], state=one.state[rows]
            )
            raised = stream(cut, left_out.commissioned(baseline, baseline.from_ms)).alarms
            assert raised == [], (one.source, name)
