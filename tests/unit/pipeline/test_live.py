"""What a batch writes to the live table, which alerts it publishes, and that failures change neither."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from petrostream.aws.live_writer import LiveWriter
from petrostream.errors import RangeInvalid, Throttled
from petrostream.live.codec import decode
from petrostream.live.items import minutes_of_item
from petrostream.minutes.windows import WindowState, update_windows
from petrostream.readings.validation import validate_block
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from tests.support.event_source import EventSource, Mapping
from tests.support.fakes import CRASH_AFTER, CRASH_BEFORE, LOST, OK, THROTTLED, FakeTable, FakeTopic
from tests.support.live_table import ReadableTable
from tests.support.scoring_world import START_MS, World, block, reading, shard, tank_reading

A, B = "FAC-01", "FAC-02"
START = datetime.fromtimestamp(START_MS / 1000, UTC)
NO_METRICS = pytest.mark.filterwarnings("ignore:No application metrics")


def run(world, records, batch_size=1):
    mapping = Mapping(batch_size=batch_size, report_item_failures=world.partial)
    EventSource(world.function, mapping, now_ms=START_MS + 3_600_000).run(records)


def blocks(rows, size=10, facility=A):
    return [(facility, block(*rows[i : i + size])) for i in range(0, len(rows), size)]


def readings(seconds, well=1, facility=A, **changes):
    return [reading(well, second, facility, **changes) for second in seconds]


def leak(on=12, off=65):
    """A leak that ends: one alarm and one ALERT, both of which return to normal."""
    gas = [900.0] * on + [5.0] * off
    return [reading(1, second, methane_ppm=ppm) for second, ppm in enumerate(gas)]


def live_of(world):
    return ReadableTable(world.table).live()


def minutes(world, well="WELL-00001"):
    return live_of(world).minutes(well, START - timedelta(minutes=1), START + timedelta(hours=1))


def published(world):
    return [(message["detail-type"], *_summary(message["detail"])) for message in world.topic.messages]


def _summary(detail):
    return (
        (detail["scope"], detail["status"]) if "status" in detail else (detail["alarm_type"], detail["event"])
    )


def test_the_fleet_shows_the_latest_reading_of_each_well():
    world = World()
    rows = [*readings(range(20)), *readings(range(15), well=2, methane_ppm=300.0)]
    run(world, shard([*blocks(rows), (B, block(reading(3, 4, B)))]))
    first, second = live_of(world).fleet()
    assert [(w.well_id, w.status.ts_ms) for w in first.wells] == [
        ("WELL-00001", START_MS + 19_000),
        ("WELL-00002", START_MS + 14_000),
    ]
    assert (first.facility_id, first.status, first.newest_ms) == (A, "NORMAL", START_MS + 19_000)
    status = first.wells[1].status
    assert (status.temperature, status.methane_ppm, status.emission_category) == (95.0, 300.0, "MEDIUM")
    assert status.risk_score == 20
    assert second.wells[0].facility_id == B
    assert live_of(world).fleet([B, "FAC-99"]) == [second]


def test_the_fleet_shows_values_that_no_snapshot_has_yet():
    world = World(commit_seconds=1e9)
    rows = [reading(1, second, methane_ppm=ppm) for second, ppm in enumerate([5.0] * 20 + [300.0] * 20)]
    run(world, shard([*blocks(rows), (B, block(reading(3, 4, B)))]))
    assert world.table.items["FACILITY#FAC-01"]["version"] == {"N": "1"}
    first, second = live_of(world).fleet()
    assert [(w.well_id, w.status.ts_ms, w.status.methane_ppm) for w in first.wells] == [
        ("WELL-00001", START_MS + 39_000, 300.0)
    ]
    assert live_of(world).fleet([A]) == [first]
    assert live_of(world).facilities() == [A, B]
    assert second.wells[0].status.ts_ms == START_MS + 4_000


def test_an_alarm_shows_in_the_batch_that_saw_it():
    world = World(commit_seconds=1e9)
    seen = []
    for record in shard(blocks(leak(), size=1)):
        run(world, [record])
        seen.append((len(live_of(world).open_alarms()), len(published(world))))
    # On-delay 10 s: the eleventh reading activates it; the first one made the well's status ALERT.
    assert seen[:12] == [(0, 1)] * 10 + [(1, 2)] * 2
    assert seen[-1] == (0, 4)


def test_a_late_reading_does_not_replace_the_latest_status():
    world = World()
    run(world, shard(blocks([*readings(range(20)), reading(1, 5, methane_ppm=900.0)])))
    (facility,) = live_of(world).fleet()
    assert facility.wells[0].status.ts_ms == START_MS + 19_000
    assert published(world) == []


def test_closed_minutes_are_items_and_the_open_one_is_in_the_fleet():
    world = World()
    run(world, shard(blocks(readings(range(130)))))
    # START_MS is 20 s after a full minute.
    closed = minutes(world)
    assert [(m.start_ms - START_MS, m.readings, m.closed) for m in closed] == [
        (-20_000, 40, True),
        (40_000, 60, True),
    ]
    (facility,) = live_of(world).fleet()
    (now,) = facility.wells[0].minutes
    assert (now.start_ms - START_MS, now.readings, now.closed) == (100_000, 30, False)
    items = world.table.under("WELL#")
    assert {int(item["expires_at"]["N"]) > START_MS // 1000 for item in items} == {True}
    assert closed[0].temperature_mean == closed[0].temperature_max == 95.0


def test_an_older_memory_version_cannot_overwrite_a_minute():
    world = World()
    run(world, shard(blocks(readings(range(130)))))
    whole = minutes(world)
    half = _windows(range(5, 130))
    writer = LiveWriter("live", world.table, 200_000)
    writer.put_windows(A, half.closed, 3, START_MS)
    assert minutes(world) == whole
    writer.put_windows(A, half.closed, 99, START_MS)
    assert [minute.readings for minute in minutes(world)] == [35, 60]


def test_expired_minutes_are_not_written_and_none_at_zero_window_hours():
    closed = _windows(range(130)).closed
    for hours, now_ms, kept in ((24, START_MS, 2), (24, START_MS + 25 * 3_600_000, 0), (0, START_MS, 0)):
        table = FakeTable()
        LiveWriter("live", table, hours).put_windows(A, closed, 1, now_ms + 130_000)
        assert len([m for item in table.under("WELL#") for m in minutes_of_item(item)]) == kept


def _windows(seconds):
    valid = validate_block(block(*readings(seconds)), sequence="1", now_ms=2**50).readings
    return update_windows(WindowState(), score_batch(FacilityState(A), valid, None, scored_at_ms=0).rows)


def test_a_flickering_status_is_published_once_in_each_direction():
    world = World()
    gas = [900.0, 5.0] * 20 + [5.0] * 70
    rows = [reading(1, second, methane_ppm=ppm) for second, ppm in enumerate(gas)]
    run(world, shard(blocks(rows)))
    changes = [change for change in published(world) if change[0] == "Well Status Change"]
    assert changes == [
        ("Well Status Change", "well", "ALERT"),
        ("Well Status Change", "well", "NORMAL"),
    ]


def test_a_leak_is_published_as_an_eventbridge_event_with_filter_attributes():
    world = World()
    run(world, shard(blocks(leak())))
    assert sorted(published(world)) == [
        ("Alarm Transition", "methane_high", "activated"),
        ("Alarm Transition", "methane_high", "returned"),
        ("Well Status Change", "well", "ALERT"),
        ("Well Status Change", "well", "NORMAL"),
    ]
    alarm = next(m for m in world.topic.messages if m["detail"].get("event") == "activated")
    assert set(alarm) == {
        "version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail",
    }  # fmt: skip
    assert (alarm["source"], alarm["account"], alarm["region"]) == (
        "petrostream",
        "123456789012",
        "eu-north-1",
    )
    assert alarm["resources"] == ["facility/FAC-01", "well/WELL-00001"]
    assert alarm["detail"]["priority"] == "high"
    assert alarm["detail"]["sentence"].startswith("Methane is 900 ppm")
    assert {"kind": "Alarm Transition", "priority": "high", "event": "activated"}.items() <= (
        world.topic.attributes[world.topic.messages.index(alarm)].items()
    )
    landed = {row["transition_id"] for row in world.alarms()}
    assert alarm["detail"]["transition_id"] in landed


def test_vapor_of_a_tank_is_published_with_scope_tank():
    world = World()
    rows = [tank_reading(0, vapor_concentration_ppm=12_000.0), reading(1, 1, methane_ppm=1.0)]
    run(world, shard([(A, block(*rows))]))
    assert published(world) == [("Well Status Change", "tank", "ALERT")]
    (facility,) = live_of(world).fleet()
    status = facility.wells[0].status
    assert (status.well_status, status.joined_status, status.vapor_ppm) == ("NORMAL", "ALERT", 12_000.0)
    assert facility.status == "ALERT"


def test_open_alarms_are_listed_until_they_return_to_normal():
    world = World()
    run(world, shard(blocks(leak()[:30])))
    (alarm,) = live_of(world).open_alarms()
    assert (alarm.alarm_type, alarm.priority, alarm.well_id) == ("methane_high", "high", "WELL-00001")
    run(world, shard(blocks(leak())))
    assert live_of(world).open_alarms() == []


def test_a_backfill_publishes_no_alerts():
    world = World()
    old = [reading(1, second - 86_400, methane_ppm=900.0) for second in range(30)]
    run(world, shard(blocks(old)))
    assert len(world.alarms()) == 1
    assert world.topic.messages == []


def test_without_a_topic_no_alert_stays_unpublished():
    world = World(alert_topic="")
    run(world, shard(blocks(leak())))
    run(world, shard(blocks([*leak(), *readings(range(77, 90), methane_ppm=5.0)])))
    state = decode(world.table.items["FACILITY#FAC-01"]["live"]["B"])
    assert state.unpublished == ()
    assert world.table.under("ALERT#") == []


@NO_METRICS
@pytest.mark.parametrize("fault", [CRASH_AFTER, LOST])
def test_a_message_without_an_answer_is_not_sent_again(fault):
    world = World(topic=FakeTopic([fault]))
    run(world, shard(blocks(leak())))
    assert len({message["id"] for message in world.topic.messages}) == len(world.topic.messages) == 4


@NO_METRICS
def test_a_refused_message_does_not_hold_up_readings():
    world = World(topic=FakeTopic([THROTTLED] * 4))
    run(world, shard(blocks(leak())))
    assert len(world.scored()) == 77
    assert len(published(world)) == 4


@NO_METRICS
def test_the_next_process_publishes_after_a_crash_between_commit_and_publish():
    # The first write beside states lists the facility, the second marks the first message.
    world = World(table=FakeTable(live_writes=[OK, CRASH_BEFORE]))
    run(world, shard(blocks(leak())))
    assert len(published(world)) == 4


refusals = st.lists(st.sampled_from([OK, THROTTLED]), max_size=3)
faults = st.lists(st.sampled_from([OK, OK, THROTTLED, LOST, CRASH_BEFORE, CRASH_AFTER]), max_size=8)


@NO_METRICS
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    faults, faults, st.lists(st.sampled_from([OK, THROTTLED]), max_size=3), st.integers(1, 4), st.booleans()
)
def test_minutes_and_messages_are_the_same_with_and_without_faults(writes, live, topic, size, partial):
    records = shard(blocks([*leak(), *readings(range(77, 156), methane_ppm=5.0)], size=26))
    faultless = World()
    run(faultless, records)
    world = World(table=FakeTable(None, writes, live), topic=FakeTopic(topic), partial=partial)
    run(world, records[:-1], size)
    # What could not be published goes out with the facility's next batch, once the faults are over.
    world.table.scripts, world.topic.scripts = [[], [], [], []], [[]]
    run(world, records[-1:])
    assert minutes(world) == minutes(faultless)
    ids = [message["id"] for message in world.topic.messages]
    assert len(ids) == len(set(ids))
    assert set(ids) <= {message["id"] for message in faultless.topic.messages}
    if CRASH_AFTER not in live and LOST not in live:
        assert len(ids) == len(faultless.topic.messages)
    shown = [_without_clock(one) for one in (live_of(world), live_of(faultless))]
    assert shown[0] == shown[1]


def _without_clock(live):
    return json.dumps(
        [
            [w.well_id, w.status.ts_ms, w.status.risk_score, [a.alarm_id for a in w.alarms]]
            for facility in live.fleet()
            for w in facility.wells
        ]
    )


def test_ranges_are_bounded_and_all_pages_are_read():
    world = World()
    run(world, shard(blocks(readings(range(400)), size=50)))
    live = ReadableTable(world.table, page=2).live()
    whole = live.minutes("WELL-00001", START - timedelta(minutes=1), START + timedelta(minutes=10))
    assert len(whole) == 6
    begin = datetime.fromtimestamp(whole[1].start_ms / 1000, UTC)
    assert live.minutes("WELL-00001", begin, begin + timedelta(minutes=2)) == whole[1:3]
    assert live.last("WELL-00001", "1h", now=START + timedelta(hours=1)) == whole[1:]
    assert live.minutes("WELL-00009", begin, begin + timedelta(hours=1)) == []
    with pytest.raises(RangeInvalid, match="at most 2 days"):
        live.minutes("WELL-00001", begin, begin + timedelta(days=3))
    with pytest.raises(RangeInvalid, match="zone"):
        live.minutes("WELL-00001", datetime(2026, 1, 1), datetime(2026, 1, 2))
    with pytest.raises(RangeInvalid, match="1h, 6h, 24h"):
        live.last("WELL-00001", "2h")


def test_unprocessed_keys_are_requested_again_a_limited_number_of_times():
    world = World()
    run(world, shard([(f, block(reading(1, 1, f))) for f in ("FAC-01", "FAC-02", "FAC-03")]))
    assert len(ReadableTable(world.table, unread=2).live().fleet()) == 3
    with pytest.raises(Throttled, match="left unprocessed"):
        ReadableTable(world.table, unread=99).live().fleet()


def test_an_item_of_another_release_is_listed_as_unreadable():
    world = World()
    run(world, shard(blocks(readings(range(3)))))
    world.table.items["FACILITY#FAC-01"]["live"] = {"B": b"PSL\xff????"}
    (facility,) = live_of(world).fleet()
    assert (facility.facility_id, facility.readable, facility.wells) == (A, False, ())
