"""A choke that is moved: what it explains raises no alarm, what it does not explain does."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petrostream.gauges.moves import SETTLE_MS
from petrostream.schema.sensors import SENSOR_INDEX
from petrostream.scoring.codec import decode, encode
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from tests.support.wells import FACILITY, SCALE, SENSORS, models, normal_values, readings

MOVED, N = 400, 900


def moved(directions, *, opening=5.0, report=True, n=N):
    """Gauges that move by 40 units of their noise after the choke was moved, in the given directions."""
    values = normal_values(n, 3)
    if report:
        values[:, SENSOR_INDEX["aber_ckp"]] = np.where(np.arange(n) >= MOVED, 50.0 + opening, 50.0)
    follow = 1 - np.exp(-np.maximum(np.arange(n) - MOVED, 0) / 60)
    for sensor, scale in zip(SENSORS, SCALE, strict=True):
        values[:, SENSOR_INDEX[sensor]] += directions.get(sensor, 0) * 40 * scale * follow
    return values


def scored(values, cuts=()):
    batch = readings(values)
    state, rows = FacilityState(FACILITY), []
    for part in np.split(np.arange(len(values)), list(cuts)):
        one = score_batch(decode(encode(state)), batch.take(part.tolist()), models(), scored_at_ms=0)
        state = one.state
        rows.append(one.rows)
    return state, rows


def alarms(values):
    return [
        event.change.alarm_type
        for rows in scored(values)[1]
        for event in rows.alarms
        if event.change.event == "activated"
    ]


OPENED = {"p_pdg": -1, "p_tpt": -1, "p_mon_ckp": -1, "t_tpt": 1}


def test_what_a_reported_move_explains_raises_no_alarm_and_is_listed_as_suppressed():
    assert alarms(moved(OPENED)) == []
    (rows,) = scored(moved(OPENED))[1]
    assert rows.anomaly_flag[600] == 1
    assert rows.suppressed[600] == ("forest",)
    assert rows.process_risk[600] == 0


def test_the_same_without_a_report_is_an_alarm():
    assert "forest" in alarms(moved(OPENED, report=False))


@pytest.mark.parametrize("sensor", SENSORS)
def test_one_gauge_in_the_other_direction_is_an_alarm(sensor):
    assert "forest" in alarms(moved({**OPENED, sensor: -OPENED[sensor]}))


def test_closing_is_the_opposite():
    closed = {sensor: -direction for sensor, direction in OPENED.items()}
    assert alarms(moved(closed, opening=-5.0)) == []
    assert "forest" in alarms(moved(closed, opening=5.0))


def test_the_new_level_is_the_wells_own_when_the_transition_has_ended_and_what_follows_is_found():
    event = MOVED + SETTLE_MS // 1000 + 600
    values = moved(OPENED, n=event + 120)
    assert alarms(values) == []
    # Back by half of what the choke had moved it.
    values[event:, SENSOR_INDEX["p_mon_ckp"]] += 20 * SCALE[SENSORS.index("p_mon_ckp")]
    assert alarms(values) == ["forest"]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, N - 1), max_size=5, unique=True))
def test_cuts_into_batches_change_nothing(cuts):
    values = moved({**OPENED, "t_tpt": -1})
    whole, (rows,) = scored(values)
    parts, cut = scored(values, sorted(cuts))
    assert encode(whole) == encode(parts)
    joined = [name for one in cut for name in one.suppressed]
    assert joined == rows.suppressed
    np.testing.assert_array_equal(np.concatenate([one.process_risk for one in cut]), rows.process_risk)
