"""The event that an alarm names: by rules and signs, `unknown` where they do not decide."""

import numpy as np
import pytest

from ml.data.dataset import EVENT_NAMES as NAMES_OF_3W
from ml.data.dataset import find_instances, read_instance
from ml.evaluation.stream import stream
from petrostream.alarms.types import meaning_of_event
from petrostream.detection.models import ModelSet
from petrostream.gauges.features import quantise, window_stats
from petrostream.gauges.trend_following import follow
from petrostream.risk.naming import _OF_RULE, EVENT_NAMES, SIGNS, likely_event
from petrostream.risk.rules import PROCESS_RULES, RULE_SENSORS, RuleColumns
from petrostream.schema.sensors import SENSOR_INDEX
from tests.support.depth import deep_only
from tests.support.paths import REAL_3W
from tests.support.wells import START, normal_values


def seen(values):
    """What an alarm at the last reading of a series sees."""
    ts_ms = START + 1000 * np.arange(len(values))
    counts = quantise(values[:, RULE_SENSORS], RULE_SENSORS)
    (trend,), _ = follow([None], ts_ms[:, None], counts[:, None], RULE_SENSORS)
    columns = RuleColumns(window_stats(ts_ms, counts, RULE_SENSORS), np.full(len(ts_ms), np.nan), trend=trend)
    return columns.part(slice(len(ts_ms) - 1, len(ts_ms)))


def moved(**bar_in_last_minute):
    values = normal_values(400)
    for sensor, by in bar_in_last_minute.items():
        unit = 1e5 if sensor.startswith("p_") else 1.0
        values[340:, SENSOR_INDEX[sensor]] += by * unit * np.linspace(0, 1, 60)
    return seen(values)


def test_every_rule_and_sign_speaks_for_an_event_of_3w():
    assert {event for event, _ in _OF_RULE.values()} | {sign.event_class for sign in SIGNS} <= set(
        EVENT_NAMES
    )
    assert set(_OF_RULE) <= {rule.id for rule in PROCESS_RULES}
    assert all(meaning_of_event(event) for event in EVENT_NAMES)
    assert {**EVENT_NAMES, 0: "normal operation"} == NAMES_OF_3W


@pytest.mark.parametrize(
    ("moves", "event"),
    [
        ({"p_tpt": 2.0, "p_pdg": 1.0}, 2),
        ({"p_tpt": -2.0, "t_tpt": -1.0}, 2),
        ({"p_mon_ckp": 2.0}, 6),
        # The tree moves along, so it is not the choke; nothing says what else it is.
        ({"p_mon_ckp": 2.0, "p_tpt": 2.0}, None),
        ({"p_tpt": 2.0}, None),
        ({}, None),
    ],
)
def test_signs_name_an_event_before_a_rule_holds(moves, event):
    found = likely_event(moved(**moves), ())
    assert found.event_class == event
    assert found.event == ("unknown" if event is None else EVENT_NAMES[event])
    assert found.evidence


def test_a_rule_outweighs_a_sign_of_another_event():
    found = likely_event(moved(p_mon_ckp=2.0), ("dhsv_closure",))
    assert (found.event_class, found.evidence) == (2, "rule dhsv_closure holds")


def test_two_rules_of_equal_weight_do_not_decide():
    found = likely_event(moved(), ("scaling", "hydrate"))
    assert (found.event_class, found.event) == (None, "unknown")
    assert "scaling in PCK" in found.evidence
    assert "hydrate in production line" in found.evidence


def test_slugging_swings_the_choke_too_and_is_not_named_instability():
    assert likely_event(moved(), ("flow_instability", "severe_slugging")).event_class == 3
    assert likely_event(moved(), ("flow_instability",)).event_class == 4


def test_a_jump_in_a_well_that_swings_is_no_closing_valve():
    values = normal_values(2 * 3600)
    values[:, SENSOR_INDEX["p_tpt"]] += 4e5 * np.sin(2 * np.pi * np.arange(7200) / 1200)
    values[-30:, SENSOR_INDEX["p_tpt"]] += np.linspace(0, 3e5, 30)
    values[-30:, SENSOR_INDEX["p_pdg"]] += np.linspace(0, 1e5, 30)
    found = likely_event(seen(values), ("severe_slugging",))
    assert found.event_class == 3


@pytest.mark.skipif(not REAL_3W.is_dir(), reason=f"no 3W instances under {REAL_3W}")
@pytest.mark.parametrize("event", [pytest.param(2, marks=deep_only), 6])
def test_no_alarm_of_a_real_instance_names_another_event(event):
    """Rules alone, as on a well without a baseline: the first named event is the labelled one."""
    found = []
    for file in find_instances(REAL_3W):
        if file.event_class != event or not file.well_id.startswith("WELL"):
            continue
        alarms = stream(read_instance(file), ModelSet("none")).alarms
        found += [one.likely.event_class for one in alarms if one.likely and one.likely.event_class][:1]
    assert found
    assert set(found) == {event}
