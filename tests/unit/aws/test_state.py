import boto3
import numpy as np
import pytest
from botocore.exceptions import ClientError

from petrostream.aws.limits import DYNAMODB_ITEM_BYTES
from petrostream.aws.state import MAX_STATE_BYTES, NEW, StateStore
from petrostream.errors import ServiceUnavailable, StateConflict, StateUnreadable, Throttled
from petrostream.facility.state import JoinState
from petrostream.gauges.features import COUNT_LIMIT
from petrostream.pipeline.memory import Memory, encode_parts
from petrostream.scoring.codec import encode
from petrostream.scoring.history import FacilityState, WellState
from tests.support.fakes import CRASH_AFTER, LOST, OK, OVERTAKEN, THROTTLED, Crash, FakeTable
from tests.support.mocked import mock_aws


def state(last="7", wells=1, rows=3, facility="FAC-01", sensors=2, newest_ms=1_760_000_000_000):
    random = np.random.default_rng(1)
    histories = {
        f"WELL-{i:05d}": WellState(
            1_760_000_000_000 + 60_000 * i + 1000 * np.arange(rows, dtype=np.int64),
            np.arange(sensors, dtype=np.int64),
            random.integers(-COUNT_LIMIT, COUNT_LIMIT, (rows, sensors)).astype(np.int32),
        )
        for i in range(wells)
    }
    return Memory(FacilityState(facility, last, histories), JoinState(newest_ms=newest_ms, tanks_seen=2))


def test_a_facility_never_seen_has_an_empty_state():
    found, version = StateStore("t", FakeTable()).load("FAC-01")
    assert (found.scoring, version) == (FacilityState("FAC-01", None, {}), NEW)
    assert not found.join.tanks_seen


def test_a_process_loads_what_another_saved():
    table = FakeTable()
    assert StateStore("t", table).save(state(), NEW)[1] == 1
    found, version = StateStore("t", table).load("FAC-01")
    assert (encode(found.scoring), version) == (encode(state().scoring), 1)
    assert encode_parts(found) == encode_parts(state())
    assert table.items["FACILITY#FAC-01"]["last_sequence"] == {"S": "7"}


def test_a_write_is_recognised_that_was_repeated_after_its_answer_was_lost():
    table = FakeTable(writes=[OVERTAKEN, OVERTAKEN])
    store = StateStore("t", table)
    assert store.save(state("7"), NEW)[1] == 1
    assert store.save(state("8"), 1)[1] == 2
    assert store.load("FAC-01")[0].scoring.last_sequence == "8"


def test_two_writers_can_not_overwrite_each_other():
    table = FakeTable()
    ours, theirs = StateStore("t", table), StateStore("t", table)
    theirs.save(state("7"), NEW)
    for version in (NEW, 5):
        with pytest.raises(StateConflict, match=r"FAC-01.*no longer at version"):
            ours.save(state("8"), version)
    assert ours.load("FAC-01")[0].scoring.last_sequence == "7"


@pytest.mark.parametrize(("fault", "error"), [(THROTTLED, Throttled), (LOST, ServiceUnavailable)])
def test_failures_of_the_table_have_their_own_errors(fault, error):
    with pytest.raises(error, match="DynamoDB GetItem"):
        StateStore("t", FakeTable(reads=[fault])).load("FAC-01")
    with pytest.raises(error, match="DynamoDB PutItem"):
        StateStore("t", FakeTable(writes=[fault])).save(state(), NEW)


@pytest.mark.parametrize("fault", [LOST, CRASH_AFTER])
def test_after_a_failed_write_the_table_shows_whether_it_succeeded(fault):
    table = FakeTable(writes=[OK, fault])
    store = StateStore("t", table)
    store.save(state("7"), NEW)
    with pytest.raises((ServiceUnavailable, Crash)):
        store.save(state("8"), 1)
    found, version = store.load("FAC-01")
    assert (found.scoring.last_sequence, version) == ("8", 2)


@pytest.mark.parametrize("content", [b"", b"garbage", encode(state().scoring)[:-3]])
def test_a_damaged_state_loses_its_windows_but_not_its_position(content, caplog):
    table = FakeTable()
    StateStore("t", table).save(state("7"), NEW)
    table.items["FACILITY#FAC-01"]["state"] = {"B": content}
    store = StateStore("t", table)
    found, version = store.load("FAC-01")
    assert (found.scoring, version) == (FacilityState("FAC-01", "7", {}), 1)
    assert found.join.tanks_seen == 2
    assert "FAC-01" in caplog.text
    assert store.save(state("8"), version)[1] == 2


@pytest.mark.parametrize("content", [None, b"", b"garbage", encode_parts(state())["join"][:-3]])
def test_a_missing_or_damaged_join_state_is_reset_alone(content, caplog):
    table = FakeTable()
    StateStore("t", table).save(state("7"), NEW)
    item = table.items["FACILITY#FAC-01"]
    del item["join"]
    if content is not None:
        item["join"] = {"B": content}
    found, version = StateStore("t", table).load("FAC-01")
    assert encode_parts(found) == encode_parts(Memory(found.scoring))
    assert (encode(found.scoring), version) == (encode(state("7").scoring), 1)
    assert ("FAC-01: its join state is reset" in caplog.text) is (content is not None)


def test_an_unreadable_item_is_named_with_what_to_do():
    table = FakeTable()
    table.items["FACILITY#FAC-01"] = {"pk": {"S": "FACILITY#FAC-01"}}
    with pytest.raises(StateUnreadable, match="pk=FACILITY#FAC-01"):
        StateStore("t", table).load("FAC-01")


def test_a_state_too_large_for_an_item_is_written_without_the_wells_silent_for_longest():
    large = state(wells=20, rows=400, sensors=20)
    assert len(encode(large.scoring)) > MAX_STATE_BYTES
    table = FakeTable()
    store = StateStore("t", table)
    warm, _ = store.save(large, NEW)
    sizes = [len(value["B"]) for value in table.items["FACILITY#FAC-01"].values() if "B" in value]
    assert sum(sizes) <= MAX_STATE_BYTES < DYNAMODB_ITEM_BYTES
    cold, _ = store.load("FAC-01")
    assert (
        list(warm.scoring.wells)
        == list(cold.scoring.wells)
        == sorted(large.scoring.wells)[-len(warm.scoring.wells) :]
    )
    assert len(warm.scoring.wells) > 5


@mock_aws
def test_the_condition_holds_on_the_real_client(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    dynamodb = boto3.client("dynamodb", region_name="us-east-1")
    keys = [("pk", "HASH"), ("sk", "RANGE")]
    dynamodb.create_table(
        TableName="live",
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys],
        BillingMode="PAY_PER_REQUEST",
    )
    store = StateStore("live", dynamodb)
    assert store.save(state("7"), NEW)[1] == 1
    assert store.save(state("8"), 1)[1] == 2
    for version in (NEW, 1, 3):
        with pytest.raises(StateConflict) as conflict:
            StateStore("live", dynamodb).save(state("9"), version)
        assert isinstance(conflict.value.__cause__, ClientError)
    found, version = StateStore("live", dynamodb).load("FAC-01")
    assert (found.scoring.last_sequence, version) == ("8", 2)
    with pytest.raises(ServiceUnavailable, match="ResourceNotFoundException"):
        StateStore("no-such-table", dynamodb).load("FAC-01")
