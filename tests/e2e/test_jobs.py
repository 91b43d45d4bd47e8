"""The nightly run on the twin: days go to gold and are reported on; one that fails is published by name."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
import pytest

from batch.compact import settled
from infra.settings import load_settings
from tests.e2e.lakes import lake_fixtures
from tests.support.depth import deep_only
from tests.support.lake import Lake, wait_for
from toolchain.twin import ACCOUNT, REGION

lake, _, _ = lake_fixtures("module")

SETTINGS = load_settings()
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:{SETTINGS.ops.topic}"
TODAY = datetime.now(UTC).date()
GOOD = TODAY - timedelta(days=3)
DAYS = [GOOD + timedelta(days=number) for number in range(4)]
READINGS = 300


@dataclass
class Subscriber:
    """What is published to the operations topic."""

    queue: str

    def messages(self) -> list[dict[str, Any]]:
        answer = boto3.client("sqs").receive_message(
            QueueUrl=self.queue, MaxNumberOfMessages=10, WaitTimeSeconds=1
        )
        found = answer.get("Messages", [])
        for one in found:
            boto3.client("sqs").delete_message(QueueUrl=self.queue, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(one["Body"]) for one in found]


@pytest.fixture(scope="module")
def subscriber(lake: Lake) -> Subscriber:
    sqs = boto3.client("sqs")
    queue = sqs.create_queue(QueueName="duty")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    boto3.client("sns").subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=arn)
    return Subscriber(queue)


def send(lake: Lake, day: date) -> None:
    """Five minutes of a well on a past day, as a replay with original times sends them."""
    start = datetime(day.year, day.month, day.day, 3, tzinfo=UTC)
    lines = []
    for number in range(READINGS):
        ts = (start + timedelta(seconds=number)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        reading = {"kind": "well", "well_id": "WELL-70001", "facility_id": "FAC-70", "source": f"0/{day}"}
        lines.append(json.dumps(reading | {"ts": ts, "source_ts": ts, "p_tpt": 2e7 + number, "t_tpt": 80.0}))
    boto3.client("kinesis").put_record(
        StreamName=SETTINGS.stream.name, PartitionKey="FAC-70", Data="\n".join(lines).encode()
    )
    count = f"SELECT COUNT(*) AS n FROM well_data WHERE date = DATE '{day}'"
    wait_for(lambda: int(lake.value(count)) == READINGS, f"the readings of {day}")


def nightly(given: dict[str, Any]) -> dict[str, Any]:
    """The nightly run to its end."""
    states = boto3.client("stepfunctions")
    machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{SETTINGS.batch.nightly}"
    execution = states.start_execution(stateMachineArn=machine, input=json.dumps(given))["executionArn"]

    def ended() -> bool:
        return bool(states.describe_execution(executionArn=execution)["status"] != "RUNNING")

    wait_for(ended, "the nightly run")
    return dict(states.describe_execution(executionArn=execution))


@pytest.fixture(scope="module")
def first_night(lake: Lake, subscriber: Subscriber) -> dict[str, Any]:
    send(lake, GOOD)
    return nightly({"from": str(GOOD), "to": str(GOOD)})


def test_a_day_goes_to_gold_and_gets_its_report(lake: Lake, first_night: dict[str, Any], subscriber):
    assert first_night["status"] == "SUCCEEDED", first_night
    summary = json.loads(first_night["output"])["summary"]
    assert f"{GOOD}" in summary["text"]
    assert int(lake.value(f"SELECT COUNT(*) AS n FROM well_data_gold WHERE date = DATE '{GOOD}'")) == READINGS
    report = lake.sql(
        f"SELECT measure, value FROM gold_quality WHERE date = DATE '{GOOD}' AND well_id IS NULL"
    )
    measured = {row["measure"]: row["value"] for row in report}
    assert float(measured["readings"]) == READINGS
    assert float(measured["missing_share"]) == 0
    assert subscriber.messages() == []


@deep_only
@pytest.mark.usefixtures("first_night")
def test_a_day_that_fails_is_published_and_leaves_the_others_alone(subscriber):
    """Today is not over, and can't be taken to gold; nor can yesterday in the first hours of a day."""
    hours = SETTINGS.gold.settle_hours
    open_days = [day for day in DAYS if not settled(day, datetime.now(UTC), hours)]
    night = nightly({"from": str(GOOD), "to": str(TODAY)})
    assert (night["status"], night["error"]) == ("FAILED", "NightlyFailed")
    (message,) = subscriber.messages()
    assert message["Subject"].startswith(f"PetroStream nightly: {len(open_days)} ERROR")
    lines = message["Message"].splitlines()[1 : len(DAYS) + 1]
    failed, others = lines[: len(open_days)], lines[len(open_days) :]
    assert sorted(line.split()[:2] for line in failed) == [[str(day), "ERROR"] for day in open_days]
    assert all("not over (UTC)" in line for line in failed)
    assert TODAY in open_days
    assert not any("ERROR" in line for line in others)
    assert any(line.startswith(f"{GOOD}  ") and f"{READINGS} readings of 1 wells" in line for line in others)


@deep_only
@pytest.mark.usefixtures("first_night")
def test_a_run_that_cannot_begin_is_published_too(subscriber):
    night = nightly({"from": str(GOOD)})
    assert night["status"] == "FAILED"
    (message,) = subscriber.messages()
    assert message["Subject"] == "PetroStream: the nightly run has failed"
    assert "name both ends of the range" in message["Message"]
