"""Alarm records: the states of ISA-18.2, and what operators may do in each."""

from dataclasses import replace

import numpy as np
import pytest

from petrostream.alarms import actions
from petrostream.alarms.engine import Signals, run_alarms
from petrostream.alarms.records import AlarmRecord, apply

START = 1_700_000_000_000
HOUR = 3_600_000


def changes(score, state=None):
    n = len(score)
    signals = Signals(
        well_id="WELL-00011",
        source="2/test",
        ts_ms=START + 1000 * np.arange(n),
        score=np.asarray(score, float),
        threshold=np.full(n, 0.56),
        rules={},
        methane_ppm=np.full(n, np.nan),
        operating_state=np.full(n, -1) if state is None else np.asarray(state),
    )
    return run_alarms(None, signals).transitions


def active():
    (activated,) = changes(np.full(20, 0.6))
    return apply(None, activated, "P-TPT fell 3 bar in 60 s: like a spurious DHSV closure")


def returned():
    record = None
    for change in changes(np.concatenate([np.full(20, 0.6), np.full(80, 0.4)])):
        record = apply(record, change)
    return record


NOW = START + HOUR


def test_an_alarm_is_acknowledged_and_returns_to_normal():
    record = active()
    assert record.state(NOW) == "active_unacknowledged"
    record, action = actions.acknowledge(record, actor="ana", now_ms=NOW, comment="looking")
    assert record.state(NOW) == "active_acknowledged"
    assert (action.event, action.actor, action.comment, action.ts_ms) == (
        "acknowledged",
        "ana",
        "looking",
        NOW,
    )
    record = apply(record, changes(np.concatenate([np.full(20, 0.6), np.full(80, 0.4)]))[1])
    assert record.state(NOW) == "normal"


def test_an_alarm_that_returned_before_anybody_saw_it_stays_until_it_is_acknowledged():
    record = returned()
    assert record.state(NOW) == "returned_unacknowledged"
    record, _ = actions.acknowledge(record, actor="ana", now_ms=NOW)
    assert record.state(NOW) == "normal"


def test_a_transition_that_is_delivered_again_changes_nothing():
    record = active()
    seen, _ = actions.acknowledge(record, actor="ana", now_ms=NOW)
    assert apply(seen, changes(np.full(20, 0.6))[0]) == seen


def test_a_suppressed_alarm_is_shown_as_such_and_asks_for_nothing():
    (suppressed,) = changes(np.full(20, 0.6), np.full(20, 1))
    record = apply(None, suppressed)
    assert record.state(NOW) == "suppressed_by_design"
    with pytest.raises(actions.ActionRefusedError, match="unacknowledged"):
        actions.acknowledge(record, actor="ana", now_ms=NOW)


def test_a_shelf_hides_an_alarm_for_a_limited_time_only():
    record, action = actions.shelve(
        active(), actor="ana", now_ms=NOW, until_ms=NOW + 2 * HOUR, comment="gauge being calibrated"
    )
    assert action.shelved_until_ms == NOW + 2 * HOUR
    assert record.state(NOW + HOUR) == "shelved"
    assert record.state(NOW + 2 * HOUR) == "active_unacknowledged"
    record, _ = actions.unshelve(record, actor="ben", now_ms=NOW + HOUR)
    assert record.state(NOW + HOUR) == "active_unacknowledged"


@pytest.mark.parametrize(("hours", "comment"), [(0, "why"), (13, "why"), (1, " ")])
def test_a_shelf_without_limit_or_reason_is_refused(hours, comment):
    with pytest.raises(actions.ActionRefusedError, match="WELL-00011/forest"):
        actions.shelve(active(), actor="ana", now_ms=NOW, until_ms=NOW + hours * HOUR, comment=comment)


def test_out_of_service_lasts_until_somebody_ends_it():
    record, _ = actions.remove_from_service(active(), actor="ana", now_ms=NOW, comment="workover")
    assert record.state(NOW + 1000 * HOUR) == "out_of_service"
    with pytest.raises(actions.ActionRefusedError, match="out_of_service"):
        actions.shelve(record, actor="ana", now_ms=NOW, until_ms=NOW + HOUR, comment="why")
    record, action = actions.return_to_service(record, actor="ben", now_ms=NOW)
    assert (action.event, record.state(NOW)) == ("returned_to_service", "active_unacknowledged")


def test_actions_need_a_name_and_an_alarm_in_the_right_state():
    with pytest.raises(actions.ActionRefusedError, match="who"):
        actions.acknowledge(active(), actor="", now_ms=NOW)
    with pytest.raises(actions.ActionRefusedError, match="shelved"):
        actions.unshelve(active(), actor="ana", now_ms=NOW)
    with pytest.raises(actions.ActionRefusedError, match="out of service"):
        actions.return_to_service(active(), actor="ana", now_ms=NOW)


def test_an_action_has_the_same_identity_when_it_is_sent_again():
    one = actions.acknowledge(active(), actor="ana", now_ms=NOW)[1]
    again = actions.acknowledge(active(), actor="ana", now_ms=NOW)[1]
    other = actions.acknowledge(active(), actor="ben", now_ms=NOW)[1]
    assert one.transition_id == again.transition_id != other.transition_id


def test_chattering_and_stale_alarms_are_recognised():
    record = AlarmRecord("WELL-00011", "forest", "low", active=True, active_ms=START)
    assert not record.stale(START + 24 * HOUR)
    assert record.stale(START + 24 * HOUR + 1)
    assert replace(record, activations=(START, START + 30_000, START + 60_000)).chattering()
    assert not replace(record, activations=(START, START + 30_000, START + 61_000)).chattering()
    assert not replace(record, activations=(START, START + 1000)).chattering()
