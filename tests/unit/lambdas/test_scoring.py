"""What a batch becomes, and that no failure between its steps loses or doubles a reading."""

import base64
import json
import os
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lambdas.scoring import handler
from petrostream.aws.settings import COMMIT_BYTES, ConsumerSettings
from petrostream.errors import BatchIncomplete, SettingInvalid
from petrostream.scoring.codec import decode
from tests.support.depth import examples
from tests.support.event_source import Context, EventSource, Mapping, event_of
from tests.support.fake_stream import FakeStream
from tests.support.fakes import (
    CRASH_AFTER,
    FAULTS,
    FIREHOSE_FAULTS,
    LOST,
    OK,
    OVERTAKEN,
    PUT_FAULTS,
    THROTTLED,
    FakeBucket,
    FakeFirehose,
    FakeTable,
)
from tests.support.paths import ROOT
from tests.support.scoring_world import START_MS, World, block, reading, shard, tank_reading

LATER_MS = START_MS + 3_600_000
NEVER = 1e9
"""Seconds between two snapshots: only what is urgent writes one."""
A, B, C = "FAC-01", "FAC-02", "FAC-03"
POISON = {
    "not UTF-8": b"\xff\xfe\x00well",
    "not JSON": b"{'kind': well",
    "bare NaN": b'{"kind":"well","p_pdg":NaN}',
    "300 KiB": b'{"kind":"well","source":"' + b"x" * 300 * 1024 + b'"}',
    "unknown kind": b'{"kind":"flare","facility_id":"FAC-01"}',
    "control characters": b"\x01" * 200_000,
    "quotes": b'"' * 250_000,
    "many unknown fields": b'{"kind":"flare",' + b",".join(b'"%x":0' % i for i in range(25_000)) + b"}",
}


def backlog(world, mapping, **more):
    """An event source that finds the whole shard waiting, so that batches are cut by size alone."""
    return EventSource(world.function, mapping, now_ms=LATER_MS, **more)


def run(world, records, **mapping):
    source = backlog(world, Mapping(report_item_failures=world.partial, **mapping))
    source.run(records)
    return source


def handle(world, records):
    """One invocation."""
    return world.function(event_of(records), Context())


def plain(rows):
    """Rows by identity, without what depends on the moment or on the batch: the clock and absent nulls.

    Of several copies the one delivered last counts, as in the view.
    """
    moment = {"scored_at", "quarantined_at", "joined_at", "recorded_at"}
    return {
        row.get("event_id") or row.get("transition_id") or row["quarantine_id"]: {
            name: value for name, value in row.items() if value is not None and name not in moment
        }
        for row in rows
    }


def states(world):
    return {key: (item["state"]["B"], item["join"]["B"]) for key, item in world.table.items.items()}


def test_readings_are_scored_and_the_state_advances():
    world = World()
    run(world, shard([(A, block(reading(1, 0), reading(1, 1))), (A, block(reading(1, 2)))]))
    rows = world.scored()
    assert [row["kinesis_sequence"] for row in rows] == ["96", "96", "97"]
    assert {row["validation_status"] for row in rows} == {"SUCCESS"}
    assert len({row["event_id"] for row in rows}) == 3
    state = decode(world.table.items["FACILITY#FAC-01"]["state"]["B"])
    assert state.last_sequence == "97"
    assert len(state.wells["WELL-00001"].ts_ms) == 3


def test_a_leak_delivers_one_alarm_and_one_return():
    world = World()
    gas = [900.0] * 12 + [5.0] * 65
    rows = [reading(1, second, methane_ppm=ppm) for second, ppm in enumerate(gas)]
    run(world, shard([(A, block(*rows[:8])), (A, block(*rows[8:40])), (A, block(*rows[40:]))]))
    raised, returned = world.alarms()
    assert (raised["event"], raised["alarm_type"], raised["priority"]) == (
        "activated",
        "methane_high",
        "high",
    )
    assert raised["sentence"] == "Methane is 900 ppm, above 500 ppm: a methane leak"
    assert (returned["event"], returned["cause"], returned["alarm_id"]) == (
        "returned",
        "cleared",
        raised["alarm_id"],
    )
    assert [row.get("alarm_active", 0) for row in world.scored()] == [0] * 10 + [1] * 62 + [0] * 5


def test_processed_records_are_skipped_also_by_a_new_process():
    world = World()
    records = shard([(A, block(reading(1, 0))), (A, block(reading(1, 1)))] * 3)
    run(world, records[:4])
    before = len(world.scored())
    world.processes.clear()
    run(world, records[:4])
    assert len(world.scored()) == before
    run(world, records)
    assert len(world.scored()) == before + 2


def test_sequence_numbers_compare_as_numbers():
    world = World()
    records = shard([(A, block(reading(1, i))) for i in range(6)])
    assert [r.sequence for r in records][3:5] == ["99", "100"]
    run(world, records, batch_size=1)
    assert len(world.scored()) == 6


@pytest.mark.parametrize("name", POISON)
def test_poison_is_quarantined_and_does_not_block_the_shard(name):
    world = World()
    source = run(world, shard([(A, block(reading(1, 0), POISON[name], reading(1, 1)))]))
    assert len(source.batches) == 1
    assert len(world.scored()) == 2
    (row,) = world.quarantined()
    assert row["reasons"]
    assert (row["kinesis_sequence"], row["line"], row["partition_key"]) == ("96", 1, A)
    assert row["raw_bytes"] == len(POISON[name])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"p_pdg": "2.1e7"}, "wrong_type:p_pdg"),
        ({"ts": "2099-01-01T00:00:00Z"}, "time_in_future:ts"),
        ({"well_id": None}, "missing:well_id"),
        ({"facility_id": B}, "facility_mismatch"),
    ],
)
def test_a_reading_that_can_not_be_used_is_quarantined_with_its_reason(changes, reason):
    world = World()
    run(world, shard([(A, block(reading(1, 0, **changes)))]))
    assert reason in world.quarantined()[0]["reasons"]
    assert not world.scored()


def test_a_key_that_never_carried_a_reading_gets_no_state():
    world = World()
    run(world, shard([("no facility", b"garbage")]))
    assert len(world.quarantined()) == 1
    assert not world.table.items


def test_a_future_time_is_checked_against_the_arrival_of_the_record():
    world = World()
    run(world, shard([(A, block(reading(1, 7200)))]))
    assert world.quarantined()[0]["reasons"] == ["time_in_future:ts"]


def test_a_record_whose_base64_is_broken_is_quarantined_whole():
    world = World()
    event = event_of(shard([(A, b""), (A, block(reading(1, 1)))]))
    event["Records"][0]["kinesis"]["data"] = "@@@ not base64"
    assert world.function(event, Context()) == {"batchItemFailures": []}
    assert world.quarantined()[0]["reasons"] == ["undecodable_base64:data"]
    assert world.quarantined()[0]["raw"] == "@@@ not base64"
    assert len(world.scored()) == 1


def test_an_aggregated_record_is_quarantined_whole_even_if_some_lines_are_valid():
    world = World()
    data = b"\xf3\x89\x9a\xc2\x0a\x06FAC-01\x1a" + b"\n" + block(reading(1, 0))
    run(world, shard([(A, data)]))
    (row,) = world.quarantined()
    assert row["reasons"] == ["aggregated_record:data"]
    assert base64.b64decode(row["raw"]) == data
    assert not world.scored()


def test_rows_of_one_date_from_several_facilities_share_an_entry():
    world = World()
    blocks = [(A, block(reading(1, 0))), (B, block(reading(2, 0, B))), (C, block(reading(3, -86_400, C)))]
    run(world, shard(blocks))
    first, second = world.firehose.entries["delivery"]
    assert {json.loads(line)["facility_id"] for line in first.splitlines()} == {A, B}
    assert {json.loads(line)["ts"][:10] for line in first.splitlines()} == {"2025-10-09"}
    assert json.loads(second)["ts"][:10] == "2025-10-08"


def test_a_failure_of_one_facility_does_not_affect_the_others():
    world = World(table=FakeTable(reads=[THROTTLED]))
    event = event_of(shard([(A, block(reading(1, 0))), (B, block(reading(2, 0, B)))]))
    assert world.function(event, Context()) == {"batchItemFailures": [{"itemIdentifier": "96"}]}
    assert [row["facility_id"] for row in world.scored()] == [B]
    assert set(world.table.items) == {"FACILITY#FAC-02"}


@pytest.mark.parametrize("fault", [THROTTLED, LOST])
def test_a_snapshot_that_can_not_be_written_fails_its_shards_batch_and_costs_only_repeated_rows(fault):
    world, calm = World(table=FakeTable(writes=[OK, fault])), World()
    records = shard([(A, block(reading(1, 0))), (B, block(reading(2, 0, B)))])
    assert world.function(event_of(records), Context()) == {"batchItemFailures": [{"itemIdentifier": "96"}]}
    assert "done" not in world.table.others["FLEET", f"SHARD#{world.stream.shards()[0]}"]
    assert "FACILITY#FAC-01" in world.table.items
    assert world.function(event_of(records), Context()) == {"batchItemFailures": []}
    run(calm, records)
    assert plain(world.scored()) == plain(calm.scored())
    # Each stored snapshot keeps its facility from being delivered again.
    delivered = [row["facility_id"] for row in world.scored()]
    assert delivered == ([A, B, B] if fault == THROTTLED else [A, B])
    assert states(world) == states(calm)


def test_nothing_is_committed_for_what_firehose_does_not_accept():
    world = World(firehose=FakeFirehose([THROTTLED, THROTTLED]))
    event = event_of(shard([(A, block(reading(1, 0)))]))
    assert world.function(event, Context()) == {"batchItemFailures": [{"itemIdentifier": "96"}]}
    assert not world.table.items


def test_an_event_source_without_partial_responses_gets_an_error():
    world = World(partial=False, firehose=FakeFirehose([THROTTLED, THROTTLED]))
    event = event_of(shard([(A, block(reading(1, 0)))]))
    with pytest.raises(BatchIncomplete, match="96"):
        world.function(event, Context())


def test_a_failure_without_words_is_told_by_its_type(monkeypatch):
    def exhausted(*_):
        raise MemoryError

    monkeypatch.setattr("petrostream.pipeline.advance.run_stages", exhausted)
    event = event_of(shard([(A, block(reading(1, 0)))]))
    with pytest.raises(BatchIncomplete, match=r"retried: MemoryError$"):
        World(partial=False).function(event, Context())


def test_a_facility_with_a_conflict_is_read_and_processed_again():
    world = World()
    records = shard([(A, block(reading(1, i))) for i in range(3)])
    other = World(table=world.table, firehose=world.firehose)
    run(world, records[:1])
    run(other, records[:2])
    assert run(world, records).batches == [["96", "97", "98"]]
    state = decode(world.table.items["FACILITY#FAC-01"]["state"]["B"])
    assert state.last_sequence == "98"
    assert len(plain(world.scored())) == 3


def test_a_process_with_an_outdated_memory_delivers_nothing_from_it():
    world, calm = World(commit_seconds=NEVER), World()
    records = shard([(A, block(*(reading(1, 10 * i + s) for s in range(10)))) for i in range(16)])
    turns = [0] * 10 + [1] * 4 + [0] * 2
    world.serving = lambda: turns.pop(0)
    run(world, records, batch_size=1)
    run(calm, records)
    assert plain(world.scored()) == plain(reversed(world.scored())) == plain(calm.scored())
    assert len(world.scored()) == 160
    world.settle()
    assert states(world) == states(calm)


def test_a_repeated_write_whose_first_response_was_lost_is_recognised():
    world = World(table=FakeTable(writes=[OVERTAKEN]))
    source = run(world, shard([(A, block(reading(1, 0)))]))
    assert len(source.batches) == 1
    assert len(world.scored()) == 1


def test_with_no_time_left_one_facility_is_processed_and_the_rest_reported():
    world = World()
    records = shard([(f, block(reading(1, 0, f))) for f in (A, B, C)])
    assert world.function(event_of(records), Context(remaining_ms=0)) == {
        "batchItemFailures": [{"itemIdentifier": "97"}]
    }
    assert set(world.table.items) == {"FACILITY#FAC-01"}


@pytest.mark.parametrize("partial", [True, False])
def test_invocations_without_time_still_make_progress(partial):
    world = World(partial=partial)
    records = shard([(f, block(reading(int(f[-1]), i, f))) for i in range(3) for f in (A, B, C)])
    mapping = Mapping(report_item_failures=partial)
    backlog(world, mapping, context=lambda: Context(remaining_ms=0)).run(records)
    assert len(plain(world.scored())) == 9


def test_unreachable_models_fail_the_batch_and_missing_ones_do_not():
    world = World(bucket=FakeBucket({}, [THROTTLED]))
    source = run(world, shard([(A, block(reading(1, 0)))]))
    assert len(source.batches) == 2
    (row,) = world.scored()
    assert row.get("anomaly_score") is None


def spoil(bucket):
    bucket.objects["models/current.json"] = b"{"


def remove(bucket):
    del bucket.objects["models/current.json"]


@pytest.mark.parametrize("damage", [spoil, remove])
def test_a_cold_start_without_a_usable_pointer_commits_nothing_without_a_score(damage):
    """The second record waits, and is scored as soon as the pointer is put right."""
    world = World()
    first, second, third = (block(*(reading(1, s) for s in range(60 * i, 60 * i + 60))) for i in range(3))
    records = shard([(A, first), (A, second), (A, third)])
    assert handle(world, records[:1]) == {"batchItemFailures": []}
    before = states(world)
    world.processes.clear()
    pointer = world.bucket.objects["models/current.json"]
    damage(world.bucket)
    for _ in range(3):
        assert handle(world, records[1:2])["batchItemFailures"] == [{"itemIdentifier": records[1].sequence}]
    assert states(world) == before
    assert len(world.scored()) == 60
    world.bucket.objects["models/current.json"] = pointer
    assert handle(world, records[1:]) == {"batchItemFailures": []}
    assert len(plain(world.scored())) == 180
    assert all(row["anomaly_score"] is not None for row in world.scored()[60:])


def test_a_version_that_can_not_be_used_holds_up_the_first_readings_too():
    world = World()
    pointer = world.bucket.objects["models/current.json"]
    spoil(world.bucket)
    records = shard([(A, block(reading(1, 0)))])
    assert handle(world, records)["batchItemFailures"]
    assert not world.scored()
    world.bucket.objects["models/current.json"] = pointer
    assert handle(world, records) == {"batchItemFailures": []}
    assert [row["model_version"] for row in world.scored()] == ["v1"]


def test_before_the_first_publication_readings_are_stored_without_a_score():
    bucket = FakeBucket({})
    world = World(bucket=bucket)
    records = shard([(A, block(reading(1, second))) for second in range(3)])
    assert handle(world, records[:1]) == {"batchItemFailures": []}
    bucket.objects.update(World().bucket.objects)
    assert handle(world, records[1:]) == {"batchItemFailures": []}
    assert [row.get("model_version") for row in world.scored()] == [None, "v1", "v1"]


def test_metrics_count_the_batch(capsys):
    world = World()
    capsys.readouterr()
    run(world, shard([(A, block(reading(1, 0), b"garbage"))]))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (emf,) = [line for line in lines if "_aws" in line]
    assert emf["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "PetroStream"
    assert (emf["ReadingsScored"], emf["ReadingsQuarantined"], emf["Anomalies"]) == ([1.0], [1.0], [0.0])
    assert not {"RecordsSkipped", "FacilitiesFailed"} & set(emf)  # each costs where it gets a value
    assert emf["model_version"] == "v1"


def test_settings_are_read_from_the_environment_and_named_if_invalid():
    environment = {
        "LIVE_TABLE": "t",
        "DELIVERY_STREAM": "d",
        "QUARANTINE_STREAM": "q",
        "FACILITY_STREAM": "f",
        "ALARM_STREAM": "a",
        "ARTIFACTS_BUCKET": "b",
    }
    assert ConsumerSettings.from_environment(environment).partial_batch_response is True
    with pytest.raises(SettingInvalid, match="PARTIAL_BATCH_RESPONSE is 'maybe'"):
        ConsumerSettings.from_environment({**environment, "PARTIAL_BATCH_RESPONSE": "maybe"})
    assert ConsumerSettings.from_environment(environment).facility_join == "tanks"
    with pytest.raises(SettingInvalid, match="FACILITY_JOIN is 'some'; set it to tanks, all or off"):
        ConsumerSettings.from_environment({**environment, "FACILITY_JOIN": "some"})
    with pytest.raises(SettingInvalid, match="LIVE_WINDOW_HOURS is '-1'; set it to hours, 0 or more"):
        ConsumerSettings.from_environment({**environment, "LIVE_WINDOW_HOURS": "-1"})
    with pytest.raises(SettingInvalid, match="ALERT_TOPIC is 'alerts'; set it to the ARN of an SNS topic"):
        ConsumerSettings.from_environment({**environment, "ALERT_TOPIC": "alerts"})
    with pytest.raises(SettingInvalid, match="LIVE_TABLE is not set"):
        ConsumerSettings.from_environment({})


@st.composite
def shards(draw):
    """Blocks of three facilities in event-time order, with poison among them, and what they must become."""
    seconds, leaks = {A: 0, B: 0, C: 0}, set()
    blocks, valid, invalid, leaked = [], 0, 0, False
    for facility in draw(st.lists(st.sampled_from([A, B, C]), min_size=1, max_size=8)):
        rows = []
        for kind in draw(
            st.lists(st.sampled_from(["good", "good", "poison", "gap", "tank", "leak"]), max_size=4)
        ):
            if kind == "poison":
                rows.append(b'{"kind":"well"}')
                invalid += 1
                continue
            if kind == "tank":
                rows.append(tank_reading(seconds[facility] + draw(st.integers(-6, 6)), facility))
                continue
            if kind == "leak":
                leaks ^= {facility}
                leaked = leaked or facility in leaks
            well = int(facility[-1])
            gas = {"methane_ppm": 900.0 if facility in leaks else 5.0}
            # A leak begins or ends with readings that outlast the alarm's on-delay of 10 s.
            for step in {"gap": [90], "leak": [8, 8, 8]}.get(kind, [8]):
                seconds[facility] += step
                rows += [reading(number, seconds[facility], facility, **gas) for number in (well, 50 + well)]
                valid += 2
        blocks.append((facility, block(*rows)))
    return shard(blocks), valid, invalid, leaked


@pytest.mark.filterwarnings("ignore:No application metrics")
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    what=shards(),
    firehose=st.lists(st.sampled_from(FIREHOSE_FAULTS), max_size=8),
    reads=st.lists(st.sampled_from(FAULTS), max_size=4),
    writes=st.lists(st.sampled_from(PUT_FAULTS), max_size=6),
    minutes=st.lists(st.sampled_from(FAULTS), max_size=4),
    places=st.lists(st.sampled_from(PUT_FAULTS), max_size=8),
    again=st.lists(st.sampled_from(FAULTS), max_size=4),
    times=st.lists(st.sampled_from([0, 120_000]), max_size=6),
    serving=st.lists(st.sampled_from([0, 1, 2]), max_size=12),
    batch_size=st.integers(1, 6),
    partial=st.booleans(),
    bisect=st.booleans(),
    commit=st.sampled_from([(0, COMMIT_BYTES), (NEVER, COMMIT_BYTES), (NEVER, 1500)]),
)
def test_every_reading_is_there_once_whatever_fails(
    what,
    firehose,
    reads,
    writes,
    minutes,
    places,
    again,
    times,
    serving,
    batch_size,
    partial,
    bisect,
    commit,
):
    records, valid, invalid, leaked = what
    calm = World(join="all")
    run(calm, records, batch_size=1)
    world = World(
        FakeFirehose(firehose),
        FakeTable(reads, writes, minutes, places),
        partial=partial,
        join="all",
        stream=FakeStream(again, page=2),
        commit_seconds=commit[0],
        commit_bytes=commit[1],
    )
    world.serving = lambda: serving.pop() if serving else 0
    source = backlog(
        world,
        Mapping(batch_size=batch_size, report_item_failures=partial, bisect=bisect),
        context=lambda: Context(remaining_ms=times.pop() if times else 120_000),
    )
    source.run(records)
    assert not source.notices
    assert len(calm.scored()) == len(plain(calm.scored())) == valid
    assert plain(world.scored()) == plain(calm.scored())
    assert len(calm.joined()) == len(plain(calm.joined()))
    assert plain(world.joined()) == plain(calm.joined())
    assert bool(calm.alarms()) == leaked
    assert len(calm.alarms()) == len(plain(calm.alarms()))
    assert plain(world.alarms()) == plain(calm.alarms())
    assert len(plain(calm.quarantined())) == invalid
    assert plain(world.quarantined()) == plain(calm.quarantined())
    world.table.scripts, world.stream.scripts = [[], [], [], []], [[]]
    world.settle()
    assert states(world) == states(calm)


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_a_crash_between_delivery_and_commit_repeats_rows_but_not_identities():
    world = World(firehose=FakeFirehose([CRASH_AFTER]))
    run(world, shard([(A, block(reading(1, 0), reading(1, 1)))]))
    assert len(world.scored()) == 4
    assert len(plain(world.scored())) == 2


def test_the_handler_needs_only_event_fields_that_kinesis_sets():
    record = handler.to_record(event_of(shard([(A, b"x")]))["Records"][0])
    assert (record.sequence, record.partition_key, record.data, record.broken) == ("96", A, b"x", None)


@pytest.mark.parametrize("consumer", ["", "/consumer/petrostream-scoring:1764253980"])
def test_a_shard_has_one_name_with_and_without_enhanced_fan_out(consumer):
    (record,) = event_of(shard([(A, b"x")]), "shardId-000000000007")["Records"]
    record["eventSourceARN"] += consumer
    assert handler.shard_of(record) == "petrostream-ingest/shardId-000000000007"


def test_a_function_that_turns_to_enhanced_fan_out_goes_on_where_it_was():
    # Another process, whose memory the first has not stored: it reads the rest from the stream.
    world = World(serving=iter((0, 1)).__next__, commit_seconds=60)
    records = shard([(A, block(reading(1, second))) for second in range(4)])
    polled, pushed = event_of(records[:2]), event_of(records)
    for record in pushed["Records"]:
        record["eventSourceARN"] += "/consumer/petrostream-scoring:1764253980"
    world.function(polled, Context(60_000))
    # The new event source begins with the oldest record of the stream.
    world.function(pushed, Context(60_000))
    identities = [row["event_id"] for row in world.scored()]
    assert len(identities) == len(set(identities)) == 4


def test_models_are_loaded_while_the_function_is_initialised(monkeypatch):
    world = World()
    monkeypatch.setattr(handler, "_worker", world.worker)
    handler.prepare()
    world.bucket.objects.clear()
    assert world.worker().models.current() is not None


def test_a_function_that_cannot_be_prepared_starts_and_says_so_with_its_first_batch():
    # Without its settings, in a process of its own, as Lambda starts one.
    probe = (
        "from lambdas.scoring import handler; from tests.support.event_source import Context;"
        "handler.handler({'Records': []}, Context())"
    )
    environment = {"PATH": os.environ["PATH"], "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}
    done = subprocess.run(
        [sys.executable, "-c", probe],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "not prepared: the first batch will be slower" in done.stdout
    assert "SettingInvalid" in done.stderr.splitlines()[-1]
