"""A process that takes over a shard knows what was delivered, repeats none of it, and misses nothing."""

import json
import logging
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from petrostream.errors import ShardClaimed
from petrostream.pipeline import takeover
from tests.support.depth import DEEP, examples
from tests.support.event_source import Context, EventSource, Mapping, event_of
from tests.support.fake_stream import FakeStream
from tests.support.fakes import (
    CRASH_AFTER,
    CRASH_BEFORE,
    LOST,
    OK,
    OVERTAKEN,
    THROTTLED,
    FakeFirehose,
    FakeTable,
    refusal,
)
from tests.support.scoring_world import World, block, reading, shard, tank_reading
from tests.unit.lambdas.test_scoring import LATER_MS, NEVER, plain, states

A, B = "FAC-01", "FAC-02"
SHARDS = [f"shardId-00000000000{number}" for number in range(4)]
NO_METRICS = pytest.mark.filterwarnings("ignore:No application metrics")


def behind(**more):
    """A world whose snapshots are written only where something urgent happens."""
    return World(join="all", commit_seconds=NEVER, **more)


def run(world, records, shard_id=SHARDS[0], **mapping):
    mapping = {"batch_size": 1} | mapping
    settings = Mapping(report_item_failures=world.partial, shard_id=shard_id, **mapping)
    source = EventSource(world.function, settings, now_ms=LATER_MS)
    source.run(records)
    return source


def mixed(count=24, start=0):
    """Records of two facilities with tanks, eight seconds each, and a leak in the second."""
    blocks = []
    for number in range(start, start + count):
        facility, well = (A, 1) if number % 3 else (B, 2)
        seconds = range(8 * number, 8 * number + 8)
        gas = {"methane_ppm": 900.0 if facility == B and 6 <= number < 12 else 5.0}
        rows = [reading(well, second, facility, **gas) for second in seconds]
        blocks.append((facility, block(tank_reading(8 * number + 1, facility), *rows)))
    return shard(blocks)


def everything(world):
    return [plain(rows) for rows in (world.scored(), world.joined(), world.alarms(), world.quarantined())]


def undisturbed(records):
    return _undisturbed(tuple(records))


@cache
def _undisturbed(records):
    calm = World(join="all")
    run(calm, records)
    return calm


def assert_same(world, calm, *, once=False):
    assert everything(world) == everything(calm)
    if once:
        assert len(world.scored()) == len(calm.scored())
        assert len(world.joined()) == len(calm.joined())
    world.table.scripts, world.stream.scripts = [[], [], [], []], [[]]
    world.settle()
    assert states(world) == states(calm)


def test_a_new_process_delivers_nothing_twice_and_continues_exactly():
    records, world = mixed(), behind()
    for first, last in pairwise([0, 5, 6, 13, 20, 24]):
        run(world, records[first:last])
        world.processes.clear()
    assert_same(world, undisturbed(records), once=True)


def test_processes_that_take_turns_deliver_nothing_twice():
    records, world = mixed(), behind()
    turns = iter([0, 1, 1, 0, 2, 0, 1] * 10)
    world.serving = lambda: next(turns)
    run(world, records)
    assert_same(world, undisturbed(records), once=True)


def test_snapshots_are_written_for_what_is_urgent_and_what_is_new_only():
    records, world = mixed(), behind()
    run(world, records[:3])
    written = {key: int(item["version"]["N"]) for key, item in world.table.items.items()}
    assert set(written.values()) == {1}
    run(world, records)
    versions = {key: int(item["version"]["N"]) for key, item in world.table.items.items()}
    assert versions[f"FACILITY#{A}"] == 1
    # The leak: ALERT, alarm, return, NORMAL, some of them in one batch.
    assert 3 <= versions[f"FACILITY#{B}"] <= 5
    assert {row["event"] for row in world.alarms()} == {"activated", "returned"}


def test_snapshots_are_written_when_it_is_time():
    records = mixed()
    often, seldom = World(commit_seconds=0), World(commit_seconds=NEVER)
    for world in (often, seldom):
        run(world, records)
    count = [sum(int(item["version"]["N"]) for item in w.table.items.values()) for w in (often, seldom)]
    assert count[0] == len(records)
    assert count[1] < 10


def test_an_answer_that_was_lost_after_delivery_repeats_nothing():
    records, world = mixed(6), behind()
    run(world, records[:5])
    # The answer never arrived: the event source delivers the batch again, to another process.
    world.processes.clear()
    run(world, records[4:])
    assert_same(world, undisturbed(records), once=True)


@NO_METRICS
@pytest.mark.parametrize("fault", [THROTTLED, LOST, CRASH_BEFORE, CRASH_AFTER])
@pytest.mark.parametrize("call", range(4))
def test_a_disturbed_takeover_is_repeated(fault, call):
    records = mixed(12)
    world = behind(stream=FakeStream(page=3))
    run(world, records[:10])
    world.processes.clear()
    # Limits of a read are two refusals in these tests.
    world.stream.scripts = [[OK] * call + [fault] * 2]
    run(world, records[10:])
    assert_same(world, undisturbed(records), once=True)


@NO_METRICS
@pytest.mark.parametrize(
    ("script", "fault"),
    [
        (script, fault)
        for script in (0, 1, 3)
        for fault in (THROTTLED, LOST, CRASH_BEFORE, CRASH_AFTER, OVERTAKEN)
        # Only writes have a condition.
        if (script, fault) != (0, OVERTAKEN)
    ],
)
@pytest.mark.parametrize("call", range(5))
def test_a_crash_before_and_after_each_step_changes_nothing(fault, script, call):
    records, world = mixed(12), behind()
    run(world, records[:10])
    world.processes.clear()
    world.table.scripts[script] = [OK] * call + [fault]
    run(world, records[10:])
    assert_same(world, undisturbed(records))


def test_thousands_of_records_behind_are_caught_up_by_a_new_process():
    many = 10_200 if DEEP else 2_200
    rows = [block(reading(1, second)) for second in range(many + 200)]
    records = shard([(A, data) for data in rows])
    world, calm = behind(), World(join="all")
    run(world, records[:many], batch_size=1000)
    world.processes.clear()
    run(world, records[many:], batch_size=100)
    run(calm, records, batch_size=1000)
    assert_same(world, calm, once=True)


def test_without_time_a_takeover_goes_on_facility_by_facility():
    records, world = mixed(), behind()
    run(world, records[:20])
    world.processes.clear()
    settings = Mapping(batch_size=4, report_item_failures=True)
    left = [0, 0, 0]
    source = EventSource(
        world.function,
        settings,
        context=lambda: Context(remaining_ms=left.pop() if left else 120_000),
        now_ms=LATER_MS,
    )
    source.run(records[20:])
    assert_same(world, undisturbed(records))


def test_a_snapshot_older_than_the_streams_retention_costs_memory_but_no_reading(caplog):
    records, world = mixed(), behind()
    run(world, records[:20])
    world.processes.clear()
    world.stream.expire(before=int(records[14].sequence))
    with caplog.at_level(logging.ERROR, "petrostream"):
        run(world, records[20:])
    assert "have left the stream before they were in a snapshot" in caplog.text
    calm = undisturbed(records)
    assert plain(world.scored()).keys() == plain(calm.scored()).keys()
    assert len(world.scored()) == len(calm.scored())
    assert plain(world.joined()).keys() <= plain(calm.joined()).keys()


def test_a_snapshot_that_is_missing_is_rebuilt_from_what_the_stream_has():
    records, world = mixed(), behind(table=FakeTable(writes=[OK, OK]))
    run(world, records[:20])
    world.processes.clear()
    place = world.table.others["FLEET", f"SHARD#petrostream-ingest/{SHARDS[0]}"]
    world.table.items.clear()
    # As if neither facility had ever had a snapshot.
    place["since"] = {"S": records[0].sequence}
    run(world, records[20:])
    assert_same(world, undisturbed(records), once=True)


def test_a_snapshot_that_somebody_deleted_loses_no_reading():
    records, world = mixed(), behind()
    run(world, records[:20])
    world.processes.clear()
    world.table.items.clear()
    run(world, records[20:])
    calm = undisturbed(records)
    assert plain(world.scored()).keys() == plain(calm.scored()).keys()


def test_a_snapshot_that_no_release_wrote_holds_up_its_facility_until_it_is_deleted(caplog):
    records, world = mixed(), behind()
    run(world, records[:20])
    world.processes.clear()
    damaged = world.table.items[f"FACILITY#{A}"]
    world.table.items[f"FACILITY#{A}"] = {name: damaged[name] for name in damaged if name != "version"}
    answer = world.function(event_of(records[20:]), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": records[20].sequence}]}
    assert f"delete item pk=FACILITY#{A} sk=STATE" in caplog.text
    assert delivered(world) == [*records[:20], records[21]]
    world.processes.clear()
    del world.table.items[f"FACILITY#{A}"]
    run(world, records[20:])
    assert unsettled(world) == {}
    calm = undisturbed(records)
    assert plain(world.scored()).keys() == plain(calm.scored()).keys()
    assert len(world.scored()) == len(calm.scored())


def delivered(world):
    """The records of `mixed` whose readings are in the lake."""
    sequences = {row["kinesis_sequence"] for row in world.scored()}
    return [record for record in mixed() if record.sequence in sequences]


def unsettled(world, name=SHARDS[0]):
    """What a shard's place says that snapshots lack besides: first and last record by facility."""
    place = world.table.others["FLEET", f"SHARD#petrostream-ingest/{name}"]
    stretches = place.get("unsettled", {}).get("M", {})
    return {facility: tuple(one["S"] for one in stretch["L"][1:]) for facility, stretch in stretches.items()}


@contextmanager
def failing(world, operation):
    """Refuse an operation on the snapshot of facility A."""
    original = getattr(world.table, operation)

    def refused(**call):
        if call.get("Key", call.get("Item"))["pk"]["S"] == f"FACILITY#{A}":
            raise refusal("ThrottlingException", operation)
        return original(**call)

    setattr(world.table, operation, refused)
    yield
    setattr(world.table, operation, original)


@NO_METRICS
@pytest.mark.parametrize("operation", ["get_item", "put_item"])
@pytest.mark.parametrize("again", [False, True])
def test_a_facility_whose_snapshot_fails_does_not_hold_up_the_others(operation, again):
    records, world = mixed(), behind()
    run(world, records[:20])
    world.processes.clear()
    with failing(world, operation):
        for _ in range(1 + again):
            answer = world.function(event_of(records[20:]), Context())
            assert answer == {"batchItemFailures": [{"itemIdentifier": records[20].sequence}]}
            assert delivered(world) == [*records[:20], records[21]]
            # A's records after its first snapshot, up to the last that was delivered.
            assert unsettled(world) == {A: (records[2].sequence, records[19].sequence)}
            world.processes.clear()
    run(world, records[20:])
    assert unsettled(world) == {}
    assert_same(world, undisturbed(records), once=True)


def test_a_facility_that_cannot_be_scored_any_more_holds_up_itself_alone(monkeypatch):
    records, world = mixed(), behind()
    run(world, records[:20])
    world.processes.clear()
    original = takeover.advance

    def broken(batch, *others):
        if batch.facility_id == A:
            raise RuntimeError("a fault of this release")
        return original(batch, *others)

    with monkeypatch.context() as patch:
        patch.setattr(takeover, "advance", broken)
        answer = world.function(event_of(records[20:]), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": records[20].sequence}]}
    assert delivered(world) == [*records[:20], records[21]]
    world.processes.clear()
    run(world, records[20:])
    assert_same(world, undisturbed(records), once=True)


@NO_METRICS
def test_what_was_given_up_on_while_its_facility_was_unsettled_is_in_no_memory():
    records, world = mixed(), behind()
    run(world, records[:12])
    world.processes.clear()
    with failing(world, "get_item"):
        source = run(world, records[12:18], retry_attempts=2)
        assert len(source.notices) == 4
        world.processes.clear()
        run(world, records[18:19])
    assert delivered(world) == [*records[:12], records[12], records[15], records[18]]
    assert unsettled(world) == {A: (records[2].sequence, records[11].sequence)}
    world.processes.clear()
    run(world, records[19:])
    lost = (13, 14, 16, 17)
    kept = [record for number, record in enumerate(records) if number not in lost]
    assert_same(world, undisturbed(kept), once=True)


@NO_METRICS
def test_a_facility_unsettled_on_a_shard_that_was_split_is_settled_on_its_new_one(caplog):
    records, world = mixed(), behind()
    world.stream.parents = {SHARDS[1]: [SHARDS[0]], SHARDS[2]: [SHARDS[0]]}
    run(world, records[:12])
    world.processes.clear()
    own_of = {name: [one for one in records[12:] if one.partition_key == name] for name in (A, B)}
    with failing(world, "get_item"):
        world.function(event_of(own_of[B][:1], shard_id=SHARDS[2]), Context())
        assert unsettled(world, SHARDS[2]).keys() == {A}
    world.processes.clear()
    run(world, own_of[A], SHARDS[1])
    # The other child's place has the facility too; there is nothing to read again.
    world.stream.expire(before=int(records[12].sequence))
    run(world, own_of[B], SHARDS[2])
    assert_same(world, undisturbed(records), once=True)
    assert unsettled(world, SHARDS[1]) == unsettled(world, SHARDS[2]) == {}
    assert "have left the stream" not in caplog.text


@pytest.mark.parametrize("fresh", [False, True])
def test_after_a_split_facilities_continue_on_their_new_shards(fresh):
    records, world = mixed(), behind()
    world.stream.parents = {SHARDS[1]: [SHARDS[0]], SHARDS[2]: [SHARDS[0]]}
    run(world, records[:12])
    if fresh:
        world.processes.clear()
    for facility, name in ((A, SHARDS[1]), (B, SHARDS[2])):
        run(world, [record for record in records[12:] if record.partition_key == facility], name)
    assert_same(world, undisturbed(records), once=True)


def test_after_a_merge_facilities_continue_on_one_shard():
    records, world = mixed(), behind()
    world.stream.parents = {SHARDS[2]: [SHARDS[0], SHARDS[1]]}
    for facility, name in ((A, SHARDS[0]), (B, SHARDS[1])):
        run(world, [record for record in records[:12] if record.partition_key == facility], name)
    run(world, records[12:], SHARDS[2])
    assert_same(world, undisturbed(records), once=True)


def test_after_two_splits_in_a_row_the_grandparent_is_settled_too():
    records, world = mixed(), behind()
    world.stream.parents = {SHARDS[1]: [SHARDS[0]], SHARDS[2]: [SHARDS[1]]}
    run(world, records[:12])
    # No record came to the shard between them.
    run(world, records[12:], SHARDS[2])
    assert_same(world, undisturbed(records), once=True)


@pytest.mark.parametrize("crash", [False, True])
def test_what_the_event_source_gave_up_on_is_in_no_memory(crash):
    """Firehose is down for the second batch until it is dropped; a redrive sends its records again later."""
    records, world = mixed(), behind()
    run(world, records[:9])
    firehose = world.firehose
    world.firehose = FakeFirehose([THROTTLED] * 100)
    world.processes[0]._clients = lambda name, old=world.processes[0]._clients: (
        world.firehose if name == "firehose" else old(name)
    )
    source = run(world, records[9:12], batch_size=3, retry_attempts=3)
    assert len(source.notices) == 1
    world.firehose = firehose
    if crash:
        world.processes.clear()
    run(world, records[12:16])
    world.processes.clear()
    run(world, records[16:])
    assert_same(world, undisturbed([*records[:9], *records[12:]]), once=True)


def test_an_owner_that_is_overtaken_in_a_batch_reports_it_as_failed():
    records, world = mixed(8), behind()
    run(world, records[:4])
    other = behind(table=world.table, firehose=world.firehose, stream=world.stream)
    original = world.firehose.put_record_batch

    def overtaken(**call):
        world.firehose.put_record_batch = original
        run(other, records[4:6])
        return original(**call)

    world.firehose.put_record_batch = overtaken
    answer = world.function(event_of(records[4:5]), Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": records[4].sequence}]}
    run(other, records[6:])
    assert_same(world, undisturbed(records))


def test_an_earlier_owner_can_note_nothing_after_a_claim():
    world = World()
    run(world, mixed(2))
    first, second = world.worker(0).memories.shards, world.worker(1).memories.shards
    (shard_id,) = world.stream.shards()
    mine = first.claim(shard_id)
    theirs = second.claim(shard_id)
    assert theirs == replace(mine, epoch=theirs.epoch)
    assert second.owned(shard_id, theirs.epoch)
    assert not first.owned(shard_id, mine.epoch)
    with pytest.raises(ShardClaimed):
        first.note(shard_id, replace(mine, done="999"), {})


def test_another_version_of_the_models_scores_only_after_a_snapshot():
    records, world = mixed(8), behind()
    run(world, records[:6])
    objects = world.bucket.objects
    manifest = json.loads(objects["models/v1/manifest.json"]) | {"version": "v2"}
    manifest["fleet"]["version"] = "v2"
    objects["models/v2/manifest.json"] = json.dumps(manifest).encode()
    objects["models/v2/model.onnx"] = objects["models/v1/model.onnx"]
    objects["models/current.json"] = b'{"version": "v2"}'
    # The process reads the pointer once a minute.
    world.processes[0].models = world._new().models
    run(world, records[6:7])
    assert world.scored()[-1]["model_version"] == "v2"
    last = {item["last_sequence"]["S"] for item in world.table.items.values()}
    assert records[5].sequence in last


@pytest.mark.filterwarnings("ignore:No application metrics")
@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    turns=st.lists(st.integers(0, 2), max_size=20),
    moves=st.sets(st.integers(1, 23), max_size=3),
    places=st.lists(
        st.sampled_from([OK, OK, THROTTLED, LOST, CRASH_BEFORE, CRASH_AFTER, OVERTAKEN]), max_size=12
    ),
    again=st.lists(st.sampled_from([OK, OK, THROTTLED, CRASH_AFTER]), max_size=8),
    loads=st.lists(st.sampled_from([OK, OK, THROTTLED, LOST, CRASH_AFTER]), max_size=12),
    batch_size=st.integers(1, 4),
)
def test_any_turns_and_reshardings_leave_the_rows_of_an_undisturbed_run(
    turns, moves, places, again, loads, batch_size
):
    records = mixed()
    world = behind(table=FakeTable(loads, shards=places), stream=FakeStream(again, page=3))
    world.serving = lambda: turns.pop() if turns else 0
    world.stream.parents = {child: [parent] for parent, child in pairwise(SHARDS)}
    for name, (first, last) in zip(SHARDS, pairwise([0, *sorted(moves), 24]), strict=False):
        run(world, records[first:last], name, batch_size=batch_size)
    assert_same(world, undisturbed(records))
