"""Operators' actions: one conditional write, one row of the alarm history each, apart from the stream."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petrostream.alarms import ActionRefusedError, OperatorRequest
from petrostream.aws import worker
from petrostream.aws.alarm_desk import UnknownTag
from petrostream.aws.operator_tags import TagChanged
from petrostream.errors import ServiceUnavailable
from petrostream.live import OPERATORS, tag_of_item
from tests.support.alarm_desk import desk_of, tags_of
from tests.support.depth import examples
from tests.support.fakes import LOST, OVERTAKEN, PUT_FAULTS, THROTTLED, Crash
from tests.support.live_table import ReadableTable
from tests.support.scoring_world import START_MS, World, shard
from tests.unit.pipeline.test_live import NO_METRICS, blocks, leak, published, readings, run

WELL, TYPE = "WELL-00001", "methane_high"
HOUR = 3_600_000
NOW = START_MS + HOUR
ACK = OperatorRequest("acknowledge", "ana")
pytestmark = NO_METRICS


def send(world, rows):
    """Send readings after those sent before."""
    new = blocks(rows)
    world.sent = [*getattr(world, "sent", []), *new]
    run(world, shard(world.sent)[-len(new) :])


def leaking():
    """A lake with one well that leaks and one that does not."""
    world = World()
    send(world, [*readings(range(20)), *readings(range(20), well=2)])
    send(world, readings(range(20, 40), methane_ppm=900.0))
    return world


def leaked():
    """A lake whose leak is over."""
    world = World()
    send(world, leak())
    return world


def states(desk):
    return {(view.record.well_id, view.record.alarm_type): view.record.state(NOW) for view in desk.tags()}


def history(world):
    """Rows by operators."""
    return [row for row in world.firehose.rows("alarms") if "actor" in row]


def items(world):
    return [tag_of_item(item) for item in world.table.under(OPERATORS)]


def test_an_alarm_is_acknowledged_and_the_history_has_who_when_and_why():
    world = leaking()
    desk = desk_of(world, lambda: NOW)
    assert states(desk) == {(WELL, TYPE): "active_unacknowledged"}
    done = desk.act(WELL, TYPE, OperatorRequest("acknowledge", "ana", "walking over"))
    assert (done.record.state(NOW), done.delivered) == ("active_acknowledged", True)
    assert states(desk) == {(WELL, TYPE): "active_acknowledged"}
    (row,) = history(world)
    assert (row["event"], row["state"]) == ("acknowledged", "active_acknowledged")
    assert (row["actor"], row["comment"], row["facility_id"]) == ("ana", "walking over", "FAC-01")
    assert row["alarm_id"] == done.record.alarm_id
    (tag,) = items(world)
    assert tag.undelivered == ()


def test_an_alarm_that_returned_stays_until_somebody_has_seen_it():
    world = leaked()
    desk = desk_of(world, lambda: NOW)
    assert states(desk) == {(WELL, TYPE): "returned_unacknowledged"}
    desk.act(WELL, TYPE, ACK)
    assert states(desk) == {}


def test_an_acknowledged_alarm_that_returns_is_normal_and_the_next_one_asks_again():
    world = World()
    rows = leak(on=40)
    send(world, rows[:30])
    desk = desk_of(world, lambda: NOW)
    desk.act(WELL, TYPE, ACK)
    send(world, rows[30:])
    assert states(desk) == {}
    send(world, readings(range(120, 140), methane_ppm=900.0))
    assert states(desk) == {(WELL, TYPE): "active_unacknowledged"}


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (OperatorRequest("acknowledge", " "), "who"),
        (OperatorRequest("unshelve", "ana"), "shelved"),
        (OperatorRequest("shelve", "ana", "why"), "how many hours"),
        (OperatorRequest("shelve", "ana", "why", 13), "13 h"),
        (OperatorRequest("shelve", "ana", "why", float("nan")), "how many hours"),
        (OperatorRequest("shelve", "ana", "", 1), "reason"),
        (OperatorRequest("remove", "ana"), "reason"),
        (OperatorRequest("return", "ana"), "out of service"),
        (OperatorRequest("comment", "ana", " "), "empty"),
        (OperatorRequest("acknowledge", "ana", hours=1), "hours"),
        (OperatorRequest("silence", "ana"), "choose one of"),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_no_trace(request_, told):
    world = leaking()
    desk = desk_of(world, lambda: NOW)
    with pytest.raises(ActionRefusedError, match=told):
        desk.act(WELL, TYPE, request_)
    assert items(world) == history(world) == []


def test_a_well_or_alarm_type_that_does_not_exist_is_named():
    desk = desk_of(leaking(), lambda: NOW)
    with pytest.raises(UnknownTag, match="WELL-99"):
        desk.act("WELL-99", TYPE, ACK)
    with pytest.raises(UnknownTag, match="methane_high"):
        desk.act(WELL, "methan", ACK)


def test_an_alarm_may_be_shelved_before_it_comes():
    world = leaking()
    desk = desk_of(world, lambda: NOW)
    desk.act("WELL-00002", TYPE, OperatorRequest("shelve", "ana", "calibration gas", 2))
    assert states(desk)["WELL-00002", TYPE] == "shelved"


def test_a_shelved_alarm_is_recorded_and_annunciated_to_nobody():
    world = World()
    send(world, readings(range(20)))
    desk_of(world, lambda: NOW).act(WELL, TYPE, OperatorRequest("remove", "ana", "sensor replaced"))
    send(world, readings(range(20, 40), methane_ppm=900.0))
    assert not [alert for alert in published(world) if alert[0] == "Alarm Transition"]
    events = [row["event"] for row in world.firehose.rows("alarms")]
    assert events == ["removed_from_service", "activated"]
    assert states(desk_of(world, lambda: NOW))[WELL, TYPE] == "out_of_service"


@pytest.mark.parametrize("over", [False, True])
def test_when_the_time_is_up_an_alarm_that_is_still_active_is_annunciated_again(over):
    world = leaked() if over else leaking()
    desk_of(world, lambda: NOW).act(WELL, TYPE, OperatorRequest("shelve", "ana", "calibration", 1))
    told = len(published(world))
    topic = world.worker()._alerts
    assert desk_of(world, lambda: NOW + HOUR - 1).settle(topic) == 0
    late = desk_of(world, lambda: NOW + 2 * HOUR)
    assert late.settle() == 0
    assert (late.settle(topic), late.settle(topic)) == (1, 0)
    unshelved = [] if over else [("Alarm Transition", TYPE, "unshelved")]
    assert published(world)[told:] == unshelved
    shelf, end = history(world)
    assert (end["event"], end["actor"], end["comment"]) == ("unshelved", "petrostream", "time is up")
    assert end["ts"] == shelf["shelved_until"]


def test_the_next_batch_of_any_well_ends_a_shelving_whose_time_is_up(monkeypatch):
    clock = [NOW]
    monkeypatch.setattr(worker, "now_ms", lambda: clock[0])
    world = leaking()
    readable = ReadableTable(world.table)
    world.table.query, world.table.batch_get_item = readable.query, readable.batch_get_item
    desk_of(world, lambda: NOW).act(WELL, TYPE, OperatorRequest("shelve", "ana", "calibration", 1))
    told = len(published(world))
    rung = [("Alarm Transition", TYPE, "unshelved")]
    for second, (minutes, heard) in enumerate([(59, []), (61, rung), (63, rung)], start=40):
        clock[0] = NOW + 60_000 * minutes
        send(world, readings([second], well=2))
        assert published(world)[told:] == heard
    assert states(desk_of(world, lambda: clock[0])) == {(WELL, TYPE): "active_unacknowledged"}
    assert [row["event"] for row in history(world)] == ["shelved", "unshelved"]


def test_a_row_that_firehose_refuses_is_owed_and_delivered_later():
    world = leaking()
    desk = desk_of(world, lambda: NOW)
    world.firehose.scripts[0] = [THROTTLED] * 20
    assert not desk.act(WELL, TYPE, ACK).delivered
    assert history(world) == []
    world.firehose.scripts[0] = []
    desk.settle()
    assert [row["event"] for row in history(world)] == ["acknowledged"]
    assert items(world)[0].undelivered == ()


def test_of_two_at_once_the_second_is_judged_afresh(monkeypatch):
    world = leaking()
    desk, other = desk_of(world, lambda: NOW), desk_of(world, lambda: NOW + 1)
    tags, get = desk._tags, desk._tags.get

    def overtaken(well, alarm_type):
        found = get(well, alarm_type)
        monkeypatch.setattr(tags, "get", get)
        other.act(WELL, TYPE, OperatorRequest("acknowledge", "ben"))
        return found

    monkeypatch.setattr(tags, "get", overtaken)
    with pytest.raises(ActionRefusedError, match="active_acknowledged"):
        desk.act(WELL, TYPE, ACK)
    assert [row["actor"] for row in history(world)] == ["ben"]


@pytest.mark.parametrize("fault", [LOST, OVERTAKEN, THROTTLED])
def test_an_answer_that_is_lost_leaves_one_action_and_one_row(fault):
    world = leaking()
    desk = desk_of(world, lambda: NOW)
    world.table.scripts[2] = [fault]
    try:
        desk.act(WELL, TYPE, ACK)
    except ServiceUnavailable:
        assert fault != OVERTAKEN
    desk.settle()
    taken = 0 if fault == THROTTLED else 1
    assert len({row["transition_id"] for row in history(world)}) == taken


@given(
    st.lists(st.sampled_from(PUT_FAULTS), max_size=8), st.lists(st.sampled_from(PUT_FAULTS[:-1]), max_size=4)
)
@settings(max_examples=examples(60), deadline=None)
def test_whatever_fails_the_history_has_each_action_taken_and_no_other(writes, deliveries):
    world = leaking()
    desk = desk_of(world, lambda: NOW)
    world.table.scripts[2], world.firehose.scripts[0] = list(writes), list(deliveries)
    for actor in ("ana", "ben"):
        try:
            desk.act(WELL, TYPE, OperatorRequest("comment", actor, "looking"))
        except (Crash, ServiceUnavailable, TagChanged):
            continue
    world.table.scripts[2], world.firehose.scripts[0] = [], []
    desk.settle()
    taken = {identity for tag in items(world) for identity in tag.recent}
    assert {row["transition_id"] for row in history(world)} == taken
    assert all(tag.undelivered == () for tag in items(world))


def test_no_replay_touches_what_operators_did():
    world = leaking()
    desk = desk_of(world, lambda: NOW)
    desk.act(WELL, TYPE, OperatorRequest("shelve", "ana", "calibration", 4))
    before = world.table.under(OPERATORS)
    send(world, readings(range(40, 60), methane_ppm=900.0))
    send(world, readings(range(-200, -100), methane_ppm=900.0, source="0/backfill"))
    assert world.table.under(OPERATORS) == before


def test_an_item_of_a_newer_release_can_be_read():
    world = leaking()
    desk_of(world, lambda: NOW).act(WELL, TYPE, ACK)
    (item,) = world.table.under(OPERATORS)
    item = {**item, "tag": {"S": item["tag"]["S"].replace('{"', '{"mood":"calm","', 1)}}
    assert tag_of_item(item) == tags_of(world).get(WELL, TYPE)
