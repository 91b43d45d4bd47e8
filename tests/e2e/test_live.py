"""The present on a running lake: minutes as the lake has them, and a leak that a subscriber hears of once."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from examples.alert_subscriber import subscribe
from ops.alarms import _desk, _facts
from petrostream.alarms import OperatorRequest
from petrostream.aws.live_reader import LiveTable
from petrostream.live.items import Minute
from petrostream.readings.wells import encode_block
from petrostream.times import to_iso
from tests.support.lake import Lake, wait_for

FACILITY, WELL = "FAC-LIVE", "WELL-90001"
SECONDS = 240
LEAK = range(100, 120)
TABLE = "petrostream-live"


@pytest.fixture(scope="module")
def queue(lake: Lake) -> Iterator[str]:
    """A queue that hears of everything."""
    sqs, sns = boto3.client("sqs"), boto3.client("sns")
    url = sqs.create_queue(QueueName="petrostream-e2e-alerts")["QueueUrl"]
    topics = [topic["TopicArn"] for topic in sns.list_topics()["Topics"]]
    (topic,) = [arn for arn in topics if arn.endswith(":petrostream-alerts")]
    subscription = subscribe(sqs, sns, url, topic, None)
    yield url
    sns.unsubscribe(SubscriptionArn=subscription)
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture(scope="module")
def begun_ms(lake: Lake, queue: str) -> int:
    """When the readings begin; they were all sent, and the functions killed on the way."""
    start_ms = (time.time_ns() // 1_000_000 - 1000 * (SECONDS + 30)) // 60_000 * 60_000
    kinesis = boto3.client("kinesis")
    for first in range(0, SECONDS, 20):
        rows = [_reading(start_ms, second) for second in range(first, first + 20)]
        kinesis.put_record(StreamName="petrostream-ingest", PartitionKey=FACILITY, Data=encode_block(rows))
        if first == 100:
            wait_for(lambda: bool(_fleet(lake)), "the facility to show")
            lake.kill_consumer()
    end_ms = start_ms + 1000 * (SECONDS - 1)
    wait_for(lambda: bool(_fleet(lake)) and _fleet(lake)[0].newest_ms == end_ms, "the last reading to show")
    return start_ms


def _reading(start_ms: int, second: int) -> dict[str, Any]:
    return {
        "kind": "well", "well_id": WELL, "facility_id": FACILITY, "source": "0/e2e-live",
        "ts": to_iso(start_ms + 1000 * second), "p_tpt": 1.4e7 + 1e3 * second, "t_tpt": 90.0 + second / 60,
        "methane_ppm": 900.0 if second in LEAK else 5.0,
    }  # fmt: skip


def _live() -> LiveTable:
    return LiveTable(TABLE, boto3.client("dynamodb"))


def _fleet(lake: Lake) -> list[Any]:
    assert lake.environment
    return _live().fleet([FACILITY])


def _minutes(begun_ms: int) -> list[Minute]:
    start = datetime.fromtimestamp(begun_ms / 1000, UTC)
    return _live().minutes(WELL, start, start + timedelta(hours=1))


def test_the_lakes_minutes_equal_the_live_ones(lake: Lake, begun_ms: int) -> None:
    landed = f"SELECT COUNT(*) AS n FROM well_data WHERE well_id = '{WELL}'"
    wait_for(lambda: int(lake.value(landed)) == SECONDS, "every reading to land")
    found = lake.sql(f"SELECT * FROM well_minutes WHERE well_id = '{WELL}' ORDER BY window_start")
    minutes = _minutes(begun_ms)
    (facility,) = _fleet(lake)
    both = [*minutes, *facility.wells[0].minutes]
    assert [minute.readings for minute in both] == [60] * (SECONDS // 60)
    assert len(minutes) == SECONDS // 60 - 1
    for row, minute in zip(found, both, strict=True):
        assert int(row["readings"]) == minute.readings
        assert int(row["anomalies"]) == minute.anomalies
        assert int(row["max_risk"]) == minute.max_risk
        for name in ("pressure_mean", "pressure_min", "pressure_max", "temperature_mean"):
            assert float(row[name]) == pytest.approx(getattr(minute, name), rel=1e-12)


def test_the_fleets_list_has_the_facility(lake: Lake, begun_ms: int) -> None:
    assert begun_ms
    assert FACILITY in [facility.facility_id for facility in _live().fleet()]


def test_a_leak_is_heard_of_once_each_way(lake: Lake, queue: str, begun_ms: int) -> None:
    heard: list[dict[str, Any]] = []
    end = time.monotonic() + 60
    while len(heard) < 4 and time.monotonic() < end:
        answer = boto3.client("sqs").receive_message(
            QueueUrl=queue, WaitTimeSeconds=2, MaxNumberOfMessages=10
        )
        for message in answer.get("Messages", []):
            event = json.loads(message["Body"])
            if event["detail"]["well_id"] == WELL:
                heard.append(event)
            boto3.client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    what = sorted(event["detail"].get("event") or event["detail"]["status"] for event in heard)
    assert what == ["ALERT", "NORMAL", "activated", "returned"]
    assert {event["resources"][0] for event in heard} == {f"facility/{FACILITY}"}
    history = lake.sql(f"SELECT transition_id FROM alarm_history WHERE well_id = '{WELL}'")
    told = {event["detail"]["transition_id"] for event in heard}
    assert {row["transition_id"] for row in history} <= told


def test_an_operator_acknowledges_a_leak_that_is_over(lake: Lake, begun_ms: int) -> None:
    assert begun_ms
    (leak,) = [row for row in _alarms_of_the_well() if row["alarm_type"] == "methane_high"]
    assert leak["state"] == "returned_unacknowledged"
    desk = _desk(aws=True)
    done = desk.act(WELL, "methane_high", OperatorRequest("acknowledge", "ana", "valve tightened"))
    assert done.delivered
    assert not [row for row in _alarms_of_the_well() if row["alarm_type"] == "methane_high"]
    wanted = f"""
        SELECT alarm_id, actor, "comment", state FROM alarm_history
        WHERE well_id = '{WELL}' AND event = 'acknowledged'
    """
    wait_for(lambda: len(lake.sql(wanted)) == 1, "the action to land")
    (row,) = lake.sql(wanted)
    assert (row["actor"], row["comment"], row["state"]) == ("ana", "valve tightened", "normal")
    assert row["alarm_id"] == done.record.alarm_id


def _alarms_of_the_well() -> list[dict[str, Any]]:
    now_ms = time.time_ns() // 1_000_000
    facts = [_facts(view, now_ms) for view in _desk(aws=True).tags()]
    return [row for row in facts if row["well_id"] == WELL]
