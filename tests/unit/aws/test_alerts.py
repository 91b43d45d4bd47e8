"""Alerts in batches: whole calls within SNS's limits, each message once, none given up before it is tried."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petrostream.aws.alert_markers import STALE_MS
from petrostream.aws.alerts import AlertTopic
from petrostream.aws.limits import SNS_BATCH_BYTES
from petrostream.backoff import Backoff, Deadline
from petrostream.live import marker_item
from petrostream.live.alerts import Alert
from petrostream.live.codec import decode
from petrostream.pipeline import fitting
from tests.support.event_source import EventSource, Mapping
from tests.support.fakes import (
    CRASH_AFTER,
    CRASH_BEFORE,
    LOST,
    OK,
    OVERTAKEN,
    PARTIAL,
    THROTTLED,
    Crash,
    FakeTable,
    FakeTopic,
)
from tests.support.scoring_world import START_MS, World, block, reading, shard

ARN = "arn:aws:sns:eu-north-1:123456789012:petrostream-alerts"


def alert(number, sentence="leak"):
    detail = {"facility_id": "FAC-01", "well_id": f"WELL-{number:05d}", "alarm_type": "methane_high"}
    detail |= {"event": "activated", "priority": "high", "sentence": sentence}
    return Alert(f"{number:032x}", "Alarm Transition", START_MS, detail)


def alerts(count):
    return [alert(number) for number in range(count)]


def topic_with(sns, table=None, deadline=None, limit=4, now_ms=START_MS):
    backoff = Backoff(limit=limit, sleep=lambda _: None)
    topic = AlertTopic(ARN, "live", sns, table or FakeTable(), lambda: now_ms, backoff)
    return topic.with_deadline(deadline) if deadline else topic


def published(sns):
    return [int(message["detail"]["well_id"].removeprefix("WELL-")) for message in sns.messages]


def marked(table):
    return {int(item["pk"]["S"].removeprefix("ALERT#"), 16) for item in table.under("ALERT#")}


def test_alerts_go_out_ten_a_call_in_order_with_a_marker_each():
    sns, table = FakeTopic(), FakeTable()
    topic = topic_with(sns, table)
    topic.publish(alerts(23))
    assert sns.call_sizes == [10, 10, 3]
    assert published(sns) == list(range(23))
    assert marked(table) == set(range(23))
    assert len(topic.published_ids) == 23


def test_a_call_stays_under_sns_s_bytes():
    sns = FakeTopic()
    topic_with(sns).publish([alert(number, "x" * (SNS_BATCH_BYTES // 3)) for number in range(5)])
    assert sns.call_sizes == [2, 2, 1]
    assert published(sns) == list(range(5))


def test_only_refused_messages_are_repeated():
    sns = FakeTopic([PARTIAL])
    topic_with(sns).publish(alerts(10))
    assert sns.call_sizes == [10, 5]
    assert sorted(published(sns)) == list(range(10))


def test_what_stays_refused_loses_its_marker_and_is_published_later():
    sns, table = FakeTopic([PARTIAL, PARTIAL]), FakeTable()
    topic = topic_with(sns, table, limit=2)
    topic.publish(alerts(12))
    # Of ten messages five were accepted at first, of those left two; the next call was not made.
    assert len(published(sns)) == 7
    assert marked(table) == set(published(sns))
    topic.publish(alerts(12))
    assert sorted(published(sns)) == list(range(12))


def test_a_message_that_is_never_accepted_holds_up_no_other(caplog):
    sns = FakeTopic(poison="cursed")
    topic = topic_with(sns)
    every = [*alerts(4), alert(4, "cursed"), *(alert(number) for number in range(5, 15))]
    topic.publish(every)
    assert published(sns) == [number for number in range(15) if number != 4]
    assert "InvalidParameter" in caplog.text
    assert "cursed" in caplog.text
    assert len(topic.published_ids) == 15


def test_a_lost_answer_is_not_repeated_and_the_log_has_every_message(caplog):
    sns = FakeTopic([LOST])
    topic_with(sns).publish(alerts(11))
    assert published(sns) == list(range(11))
    assert caplog.text.count("may not have been published") == 10


def test_a_failed_marker_takes_back_the_others_and_nothing_of_the_call_is_sent():
    sns, table = FakeTopic(), FakeTable(live_writes=[OK, THROTTLED])
    topic = topic_with(sns, table)
    topic.publish(alerts(3))
    assert (published(sns), marked(table)) == ([], set())
    topic.publish(alerts(3))
    assert published(sns) == [0, 1, 2]


def test_what_another_process_published_is_left_out_of_the_call():
    sns, table = FakeTopic(), FakeTable()
    topic_with(sns, table).publish(alerts(5))
    topic = topic_with(sns, table)
    topic.publish(alerts(8))
    assert published(sns) == list(range(8))
    assert sns.call_sizes == [5, 3]


def test_what_a_process_claimed_before_it_died_is_published_when_its_claim_is_stale():
    sns, table = FakeTopic([CRASH_BEFORE]), FakeTable()
    with pytest.raises(Crash):
        topic_with(sns, table).publish(alerts(3))
    assert published(sns) == []
    soon = topic_with(sns, table, now_ms=START_MS + STALE_MS)
    soon.publish(alerts(5))
    assert published(sns) == [3, 4]
    assert len(soon.published_ids) == 2
    topic_with(sns, table, now_ms=START_MS + STALE_MS + 1).publish(alerts(5))
    assert published(sns) == [3, 4, 0, 1, 2]
    topic_with(sns, table, now_ms=START_MS + 10 * STALE_MS).publish(alerts(5))
    assert len(published(sns)) == 5


def test_a_process_that_dies_before_it_has_marked_what_was_sent_is_told_again_with_the_same_id():
    sns, table = FakeTopic([CRASH_AFTER]), FakeTable()
    with pytest.raises(Crash):
        topic_with(sns, table).publish(alerts(2))
    topic_with(sns, table, now_ms=START_MS + STALE_MS + 1).publish(alerts(2))
    assert published(sns) == [0, 1, 0, 1]
    assert len({message["id"] for message in sns.messages}) == 2


@pytest.mark.parametrize("fault", [LOST, OVERTAKEN])
def test_a_claim_whose_answer_was_lost_is_this_process_s_own(fault):
    sns, table = FakeTopic(), FakeTable(live_writes=[fault])
    topic = topic_with(sns, table)
    for _ in range(2):
        topic.publish(alerts(1))
    assert published(sns) == [0]


def test_a_marker_of_an_earlier_release_says_that_an_alert_is_published():
    sns, table = FakeTopic(), FakeTable()
    table.put_item(TableName="live", Item=marker_item(alert(0).alert_id, START_MS))
    topic = topic_with(sns, table, now_ms=START_MS + 10 * STALE_MS)
    topic.publish(alerts(1))
    assert published(sns) == []
    assert topic.published_ids == {alert(0).alert_id}


def test_a_marker_that_can_not_be_written_sends_nothing_again():
    # The claim is taken; that the message was sent is not written down.
    sns, table = FakeTopic(), FakeTable(live_writes=[OK, THROTTLED])
    topic = topic_with(sns, table)
    for _ in range(3):
        topic.publish(alerts(1))
    assert published(sns) == [0]


def test_no_call_is_begun_after_the_deadline():
    clock = iter([0.0, 9.0])
    sns = FakeTopic()
    topic_with(sns, deadline=Deadline(5.0, lambda: next(clock))).publish(alerts(30))
    assert sns.call_sizes == [10]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([OK, THROTTLED, PARTIAL]), max_size=12),
    st.lists(st.sampled_from([OK, OK, THROTTLED]), max_size=30),
    st.lists(st.integers(0, 39), max_size=6),
)
def test_whatever_is_refused_every_message_is_sent_once(faults, writes, batches):
    sns, table = FakeTopic(faults), FakeTable(live_writes=writes)
    topic = topic_with(sns, table, limit=2)
    for count in batches:
        topic.publish(alerts(count))
    sns.scripts, table.scripts = [[]], [[], [], []]
    topic.publish(alerts(40))
    assert sorted(published(sns)) == list(range(40))


def leaking(wells):
    """One record: a first reading of each well, every one with a leak, so a status change each."""
    return shard([("FAC-01", block(*(reading(well, 0, methane_ppm=900.0) for well in range(wells))))])


def run(world, records):
    EventSource(world.function, Mapping(batch_size=1), now_ms=START_MS + 3_600_000).run(records)


@pytest.mark.parametrize("wells", [201, 450])
def test_every_alert_of_one_batch_is_published_however_many(wells):
    world = World()
    run(world, leaking(wells))
    assert sorted(published(world.topic)) == list(range(wells))
    assert max(world.topic.call_sizes) == 10


def test_a_topic_that_is_away_leaves_the_newest_alerts_in_the_state(monkeypatch, caplog):
    monkeypatch.setattr(fitting, "MAX_UNPUBLISHED", 40)
    world = World(topic=FakeTopic([THROTTLED] * 2))
    run(world, leaking(45))
    assert world.topic.messages == []
    stored = decode(world.table.items["FACILITY#FAC-01"]["live"]["B"]).unpublished
    assert [one.detail["well_id"] for one in stored] == [f"WELL-{well:05d}" for well in range(5, 45)]
    assert "for the 5 oldest" in caplog.text
    run(world, shard([("FAC-01", block(reading(0, second))) for second in range(2)]))
    assert sorted(published(world.topic)) == list(range(5, 45))


def subject_of(well_id, **changes):
    sns = FakeTopic()
    one = alert(1)
    topic_with(sns).publish(
        [Alert(one.alert_id, one.kind, one.ts_ms, one.detail | {"well_id": well_id} | changes)]
    )
    (entry,) = sns.entries
    return entry


@pytest.mark.parametrize("well_id", ["W" * 200, "  W", "W\x1b]0;owned\x07", "W\n1", "Å\u202e"])
def test_a_subject_is_one_that_sns_takes_and_says_what_happened(well_id):
    subject = subject_of(well_id)["Subject"]
    assert len(subject) < 100
    assert subject.isascii()
    assert subject.isprintable()
    assert subject[0] != " "
    assert subject.endswith(": methane_high activated (high)")


def test_attributes_hold_no_control_characters():
    attributes = subject_of("W\x1b\x00")["MessageAttributes"]
    assert attributes["well_id"]["StringValue"] == r"W\x1b\x00"
