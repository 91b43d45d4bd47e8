"""What DynamoDB does with memories, closed minutes and markers of alerts, and SNS with alerts."""

from datetime import datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from petrostream.aws.alerts import AlertTopic
from petrostream.aws.live_reader import LiveTable
from petrostream.aws.live_writer import LiveWriter
from petrostream.aws.state import NEW, StateStore
from petrostream.backoff import Backoff
from petrostream.errors import ServiceUnavailable, StateConflict
from petrostream.live import facility_key
from petrostream.live.alerts import ALARM_TRANSITION, Alert
from petrostream.live.state import LiveState, WellStatus
from petrostream.minutes.windows import WindowState, update_windows
from petrostream.pipeline.memory import Memory, encode_parts
from petrostream.readings.validation import validate_block
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from petrostream.times import to_iso
from tests.support.emulators import code_of
from tests.support.fakes import MISSING
from tests.support.scoring_world import START_MS, block, reading

NO_WAIT = Backoff(limit=2, sleep=lambda _: None)
YEARS = 200_000.0
"""Hours for which minutes are kept: those of these tests are of a fixed time."""


def memory(last, facility="FAC-01", wells=1):
    statuses = {f"WELL-{number}": WellStatus(START_MS, START_MS, "0/source") for number in range(wells)}
    return Memory(FacilityState(facility, last), live=LiveState(wells=statuses, listed=True))


@pytest.fixture
def table(services):
    return services.table()


@pytest.fixture
def dynamodb(services):
    return services.client("dynamodb")


def test_a_memory_comes_back_as_it_was_saved(table, dynamodb):
    assert StateStore(table, dynamodb).load("FAC-01")[1] == NEW
    assert StateStore(table, dynamodb).save(memory("7"), NEW)[1] == 1
    found, version = StateStore(table, dynamodb).load("FAC-01")
    assert (found.scoring.last_sequence, version) == ("7", 1)
    assert encode_parts(found) == encode_parts(memory("7"))


@pytest.mark.parametrize("stale", [NEW, 1, 3])
def test_a_writer_with_another_version_is_refused_and_nothing_is_overwritten(table, dynamodb, stale):
    StateStore(table, dynamodb).save(memory("7"), NEW)
    StateStore(table, dynamodb).save(memory("8"), 1)
    with pytest.raises(StateConflict) as conflict:
        StateStore(table, dynamodb).save(memory("9"), stale)
    assert code_of(conflict.value.__cause__) == "ConditionalCheckFailedException"
    found, version = StateStore(table, dynamodb).load("FAC-01")
    assert (found.scoring.last_sequence, version) == ("8", 2)


@pytest.mark.parametrize("facility", ["x", "\U0001f6e2" * 200, "a b/#\u00e4", "x" * 256])
def test_any_partition_key_of_the_stream_names_a_memory(table, dynamodb, facility):
    StateStore(table, dynamodb).save(memory("7", facility), NEW)
    assert StateStore(table, dynamodb).load(facility)[0].scoring.last_sequence == "7"


def test_a_table_that_does_not_exist_is_an_outage_that_says_so(dynamodb):
    store = StateStore(f"{MISSING}-table", dynamodb)
    with pytest.raises(ServiceUnavailable, match=r"GetItem.*ResourceNotFoundException"):
        store.load("FAC-01")
    with pytest.raises(ServiceUnavailable, match=r"PutItem.*ResourceNotFoundException"):
        store.save(memory("7"), NEW)
    with pytest.raises(ServiceUnavailable, match=r"PutItem.*ResourceNotFoundException"):
        LiveWriter(f"{MISSING}-table", dynamodb, YEARS).list_facility("FAC-01")


@pytest.mark.parametrize(
    "item",
    [
        {**facility_key("x"), "state": {"B": b"x" * 410_000}},
        {**facility_key("x" * 2_050)},
        {"pk": {"S": ""}, "sk": {"S": "STATE"}},
        {"pk": {"S": "x"}, "sk": {"S": "x" * 1_025}},
    ],
    ids=["large item", "long partition key", "no partition key", "long sort key"],
)
def test_what_no_item_can_hold_is_refused(table, dynamodb, item):
    with pytest.raises(ClientError) as refused:
        dynamodb.put_item(TableName=table, Item=item)
    assert code_of(refused.value) == "ValidationException"


def windows(seconds):
    rows = block(*(reading(1, second) for second in seconds))
    valid = validate_block(rows, sequence="1", now_ms=2**50).readings
    return update_windows(
        WindowState(), score_batch(FacilityState("FAC-01"), valid, None, scored_at_ms=0).rows
    )


def minutes(table, dynamodb):
    start = datetime.fromisoformat(to_iso(START_MS)) - timedelta(hours=1)
    found = LiveTable(table, dynamodb, NO_WAIT).minutes("WELL-00001", start, start + timedelta(hours=4))
    return [(minute.start_ms - START_MS, minute.readings) for minute in found]


def test_closed_minutes_come_back_in_order_and_again_changes_nothing(table, dynamodb):
    closed = windows(range(800)).closed
    for _ in range(2):
        LiveWriter(table, dynamodb, YEARS).put_windows("FAC-01", closed, 1, START_MS)
        found = minutes(table, dynamodb)
        assert found == [(-20_000, 40), *((-20_000 + 60_000 * n, 60) for n in range(1, len(found)))]
    assert len(found) == len(closed) > 10


def test_a_writer_with_an_older_memory_cannot_overwrite_a_minute(table, dynamodb):
    writer = LiveWriter(table, dynamodb, YEARS)
    writer.put_windows("FAC-01", windows(range(130)).closed, 4, START_MS)
    half = windows(range(5, 130)).closed
    writer.put_windows("FAC-01", half, 3, START_MS)
    assert minutes(table, dynamodb) == [(-20_000, 40), (40_000, 60)]
    writer.put_windows("FAC-01", half, 5, START_MS)
    assert minutes(table, dynamodb) == [(-20_000, 35), (40_000, 60)]


def test_a_fleet_of_more_facilities_than_one_read_takes_is_shown_whole(table, dynamodb):
    names = [f"FAC-{number:03d}" for number in range(130)]
    writer, store = LiveWriter(table, dynamodb, YEARS), StateStore(table, dynamodb)
    for name in names:
        for _ in range(2):
            writer.list_facility(name)
        store.save(memory("1", name, wells=2), NEW)
    live = LiveTable(table, dynamodb, NO_WAIT)
    assert sorted(live.facilities()) == names
    fleet = live.fleet()
    assert [facility.facility_id for facility in fleet] == names
    assert {len(facility.wells) for facility in fleet} == {2}
    assert {facility.readable for facility in fleet} == {True}
    assert [one.facility_id for one in live.fleet(["FAC-999", "FAC-007"])] == ["FAC-007"]


def alert(number):
    detail = {
        "facility_id": "FAC-01",
        "well_id": "W\u00e9ll 1",
        "alarm_type": "methane_high",
        "priority": "high",
        "event": "activated",
        "sentence": "Methane is 900 ppm, above 500 ppm: a methane leak",
        "cause": None,
    }
    return Alert(f"{number:032x}", ALARM_TRANSITION, START_MS, detail)


def topic_of(services, table, arn):
    sns, dynamodb = services.client("sns"), services.client("dynamodb")
    return AlertTopic(arn, table, sns, dynamodb, lambda: START_MS, NO_WAIT)


def test_an_alert_is_published_once_by_however_many_processes(services, table):
    arn = services.topic()
    for _ in range(2):
        topic_of(services, table, arn).publish([alert(1), alert(2)])
    found = services.published(arn, 2)
    assert sorted(event["id"][-1] for event, _ in found) == ["1", "2"]
    event, attributes = found[0]
    assert event["detail"]["sentence"] == alert(1).detail["sentence"]
    assert event["detail"]["well_id"] == attributes["well_id"] == "W\u00e9ll 1"
    assert (attributes["kind"], attributes["priority"]) == (ALARM_TRANSITION, "high")


def test_an_alert_that_the_topic_refuses_is_published_later(services, table):
    arn = services.topic()
    gone = topic_of(services, table, f"arn:aws:sns:us-east-1:{arn.split(':')[4]}:{MISSING}")
    gone.publish([alert(3)])
    assert gone.published_ids == frozenset()
    again = topic_of(services, table, arn)
    again.publish([alert(3)])
    assert again.published_ids == {alert(3).alert_id}
    assert len(services.published(arn, 1)) == 1
