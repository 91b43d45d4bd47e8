"""Alarms of scored readings follow the threshold of the model that scored them."""

import numpy as np
import pytest

from petrostream.detection.detector import ModelSet, load_model
from petrostream.schema.sensors import SENSOR_INDEX
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from tests.support.wells import (
    FACILITY,
    START,
    WELL,
    entry,
    model,
    normal_values,
    readings,
)

ON_DELAY, OFF_DELAY, DEADBAND = 10, 60, 0.02


def scored(threshold, bar):
    """Ten minutes at 1 Hz under a manifest with this threshold; P-TPT leaves its baseline after 200 s.

    Levels are not followed: what is tested is what becomes of a given deviation.
    """
    values = normal_values(600)
    values[200:500, SENSOR_INDEX["p_tpt"]] += bar * 1e5
    own = load_model(entry(changes={"threshold": threshold, "level": None}), model().forest)
    models = ModelSet("v1", {WELL: (own,)})
    return score_batch(FacilityState(FACILITY), readings(values), models, scored_at_ms=START).rows


def forest_alarms(rows):
    return [
        (event.change.event, (event.change.ts_ms - START) // 1000)
        for event in rows.alarms
        if event.change.alarm_type == "forest"
    ]


def expected_alarms(scores, threshold):
    """The documented rule, reading by reading, for one reading a second without gaps."""
    found, on, off, active = [], 0, 0, False
    for second, value in enumerate(scores.tolist()):
        on = on + 1 if value > threshold else 0
        off = off + 1 if value < threshold - DEADBAND else 0
        if not active and on > ON_DELAY:
            active = True
            found.append(("activated", second))
        elif active and off > OFF_DELAY:
            active = False
            found.append(("returned", second))
    return found


def test_a_score_below_the_manifest_threshold_raises_no_alarm():
    rows = scored(0.60, bar=0.63)
    assert 0.57 < np.nanmax(rows.anomaly_score) < 0.60
    assert (rows.anomaly_score > 0.56).sum() > ON_DELAY
    assert not rows.anomaly_flag.any()
    assert forest_alarms(rows) == []
    assert forest_alarms(scored(0.56, bar=0.63)) != []


@pytest.mark.parametrize("threshold", [0.50, 0.56, 0.60, 0.65])
def test_alarms_come_and_go_at_the_manifest_threshold(threshold):
    rows = scored(threshold, bar=1.0)
    expected = expected_alarms(rows.anomaly_score, threshold)
    assert [event for event, _ in expected][:1] == ["activated"]
    # What comes back within the hour, no larger, is not annunciated again.
    assert forest_alarms(rows) == expected[:2]
    first = expected[0][1]
    assert rows.anomaly_flag[first - ON_DELAY : first + 1].all()
