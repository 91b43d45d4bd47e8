"""The pipeline under the roles as defined, with the emulator's access control on, and without each statement.

A lake of its own: what these tests take away must not be missing elsewhere.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest

from infra.settings import load_settings
from local import service
from petrostream.live.items import facility_key
from tests.support.depth import deep_only
from tests.support.iam import assumed, calls, denied, lacking
from tests.support.lake import Lake, free_port, of_the_function, wait_for
from tests.support.paths import ROOT
from tests.support.rights import PIPELINE, REHEARSED, SCORING, TOPIC, Statement, firehose
from toolchain.twin import ACCOUNT, IAM_VARIABLE, REGION

pytestmark = of_the_function("the rights tried are those of the function's role")

SETTINGS = load_settings()
FIREHOSES = SETTINGS.firehose
SECONDS = 20
TABLES = {
    "well_data": "facility_id",
    "facility_data": "facility_id",
    "alarm_history": "facility_id",
    "quarantine_lines": "partition_key",
}
WHOLE = {"well_data": SECONDS, "facility_data": SECONDS, "alarm_history": 1, "quarantine_lines": 1}
"""What one block leaves in the lake: readings, their pairs with a tank, an alarm, a broken line."""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, deployed: Path | None) -> Iterator[Lake]:
    """A lake that holds its functions to their roles; the caller who deploys may do everything."""
    lake = Lake.at(tmp_path_factory.mktemp("guarded") / "home", deployed)
    lake = replace(lake, environment=lake.environment | {IAM_VARIABLE: "enforce"})
    with lake.on():
        yield lake


def _send(facility: str, seconds: int = SECONDS) -> None:
    """One block: readings with gas over the limit, a tank's beside them, and a broken line."""
    start = datetime.now(UTC) - timedelta(seconds=60)
    lines = [b"{broken"]
    for second in range(seconds):
        ts = (start + timedelta(seconds=second)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        place = {"facility_id": facility, "ts": ts}
        tank = {"kind": "tank", "tank_id": f"TANK-{facility}", "vapor_concentration_ppm": 900.0}
        well = {"kind": "well", "well_id": f"WELL-{facility}", "source": "test/iam", "p_tpt": 1.2e7}
        lines += [json.dumps(row | place).encode() for row in (tank, well | {"methane_ppm": 900.0})]
    boto3.client("kinesis").put_record(
        StreamName=SETTINGS.stream.name, Data=b"\n".join(lines), PartitionKey=facility
    )


def _landed(lake: Lake, facility: str) -> dict[str, int]:
    return {
        table: int(lake.value(f"SELECT COUNT(*) AS n FROM {table} WHERE {key} = '{facility}'"))
        for table, key in TABLES.items()
    }


def _committed(facility: str) -> bool:
    key = facility_key(facility)
    answer = boto3.client("dynamodb").get_item(TableName=SETTINGS.live.table, Key=key, ConsistentRead=True)
    return "Item" in answer


@contextmanager
def _expecting_denial(lake: Lake, action: str) -> Iterator[None]:
    """Wait at the end until a function's log says that the scoring role lacked the action."""
    begin = lake.twin.log.stat().st_size
    yield
    words = f"assumed-role/{SCORING}/".encode(), f"not authorized to perform: {action}".encode()

    def said() -> bool:
        with lake.twin.log.open("rb") as log:
            log.seek(begin)
            return any(all(word in line for word in words) for line in log)

    wait_for(said, f"{action} to be denied", 60)


@pytest.fixture(scope="module", autouse=True)
def _under_the_roles_as_defined(guarded: Lake) -> None:
    """Nothing can be said about a missing statement unless everything works with all of them."""
    _send("FAC-IAM")
    wait_for(lambda: _landed(guarded, "FAC-IAM") == WHOLE, "a block to land under the roles as defined", 60)
    assert _committed("FAC-IAM")


def test_the_raw_copy_lands_as_well() -> None:
    bucket = f"petrostream-raw-{ACCOUNT}-{REGION}"
    wait_for(
        lambda: bool(boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix="ingest/").get("KeyCount")),
        "the raw copy to land",
    )


DELIVERY = (SCORING, "delivery", "firehose:PutRecordBatch")
HELD = {
    "state": ((SCORING, "state", "dynamodb:BatchGetItem"), "", "dynamodb:GetItem", set(TABLES)),
    "models": ((SCORING, "models", "s3:GetObject"), "", "s3:GetObject", set(TABLES)),
    "delivery": (DELIVERY, "", "firehose:PutRecordBatch", set(TABLES)),
    **{
        name: (DELIVERY, firehose(name), "firehose:PutRecordBatch", {table})
        for name, table in {
            FIREHOSES.delivery.name: "well_data",
            FIREHOSES.facility.name: "facility_data",
            FIREHOSES.alarms.name: "alarm_history",
            FIREHOSES.quarantine.name: "quarantine_lines",
        }.items()
    },
}
"""Statement, the one resource taken away (or all), the action then denied, the tables that stay empty."""


REPEATED = {FIREHOSES.facility.name, FIREHOSES.alarms.name, FIREHOSES.quarantine.name}
"""The same as the first Firehose, for another table."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=deep_only) if name in REPEATED else name for name in HELD]
)
def test_without_a_statement_the_batch_is_held_and_with_it_lands_whole(guarded: Lake, name: str) -> None:
    statement, resource, action, silent = HELD[name]
    facility = f"FAC-IAM-{list(HELD).index(name)}"
    with lacking(statement, resource):
        with _expecting_denial(guarded, action):
            _send(facility)
        held = _landed(guarded, facility)
        assert {table for table in silent if held[table]} == set()
        assert not _committed(facility)
    wait_for(lambda: _landed(guarded, facility) == WHOLE, f"the batch held without {name} to land", 60)
    assert _committed(facility)


@pytest.fixture
def inbox() -> Iterator[str]:
    """A queue that hears what the topic says.

    A new topic's own policy lets the whole account publish. On AWS the policy that refuses plain HTTP takes
    its place, and the role needs its statement; here one that names only somebody else does.
    """
    sqs, sns = boto3.client("sqs"), boto3.client("sns")
    url = sqs.create_queue(QueueName="inbox")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:inbox"

    def allow(principal: dict[str, str], action: str, resource: str) -> str:
        row = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource}
        return json.dumps({"Version": "2012-10-17", "Statement": [row]})

    policy = allow({"Service": "sns.amazonaws.com"}, "sqs:SendMessage", arn)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    before = sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["Policy"]
    other = allow({"Service": "cloudwatch.amazonaws.com"}, "sns:Publish", TOPIC)
    sns.set_topic_attributes(TopicArn=TOPIC, AttributeName="Policy", AttributeValue=other)
    subscription = sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]
    yield url
    sns.unsubscribe(SubscriptionArn=subscription)
    sns.set_topic_attributes(TopicArn=TOPIC, AttributeName="Policy", AttributeValue=before)
    sqs.delete_queue(QueueUrl=url)


def test_without_the_right_to_publish_readings_land_and_alerts_wait(guarded: Lake, inbox: str) -> None:
    sqs = boto3.client("sqs")
    heard: list[str] = []

    def hears(facility: str) -> bool:
        answer = sqs.receive_message(QueueUrl=inbox, MaxNumberOfMessages=10)
        heard.extend(message["Body"] for message in answer.get("Messages", []))
        return any(facility in body for body in heard)

    facility = "FAC-IAM-ALERT"
    with lacking((SCORING, "alerts", "sns:Publish")):
        with _expecting_denial(guarded, "sns:Publish"):
            _send(facility)
        wait_for(lambda: _landed(guarded, facility) == WHOLE, "readings to land without alerts", 60)
        assert not hears(facility)
    # Told with the facility's next readings.
    _send(facility, seconds=1)
    wait_for(lambda: hears(facility), "the alert to be published", 60)


@contextmanager
def _service_under(lake: Lake, role: str) -> Iterator[None]:
    """The service in the function's place, with the credentials of a role."""
    given = assumed(role).get_credentials().get_frozen_credentials()
    variables = service.environment(lake.twin, free_port()) | {
        "AWS_ACCESS_KEY_ID": given.access_key,
        "AWS_SECRET_ACCESS_KEY": given.secret_key,
        "AWS_SESSION_TOKEN": given.token,
    }
    with service.instead_of_the_function():
        process = subprocess.Popen([sys.executable, "-m", service.MODULE], cwd=ROOT, env=variables)
        try:
            yield
        finally:
            service.stop(process)
    assert process.returncode == 0


@contextmanager
def _get_records(role: str) -> Iterator[None]:
    """The emulator weighs GetRecords without the stream's ARN: no statement about a stream covers it."""
    iam = boto3.client("iam")
    row = {"Effect": "Allow", "Action": "kinesis:GetRecords", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [row]})
    iam.put_role_policy(RoleName=role, PolicyName="emulator", PolicyDocument=document)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="emulator")


def test_the_service_needs_no_more_than_its_role_has(guarded: Lake) -> None:
    """On ECS its role has the function's statements, but for these two (tests/infra/test_services.py)."""
    logs, failures = (SCORING, "logs", "logs:CreateLogStream"), (SCORING, "failures", "sqs:SendMessage")
    facility = "FAC-IAM-SERVICE"
    with lacking(logs), lacking(failures), _get_records(SCORING), _service_under(guarded, SCORING):
        _send(facility)
        wait_for(lambda: _landed(guarded, facility) == WHOLE, "a block to land through the service", 60)
        assert _committed(facility)


def test_every_statement_of_the_pipeline_has_been_taken_away_above() -> None:
    assert {statement for statement, *_ in HELD.values()} | {(SCORING, "alerts", "sns:Publish")} == PIPELINE


@pytest.mark.parametrize("statement", REHEARSED, ids=" ".join)
def test_what_aws_does_in_the_name_of_a_role_needs_its_statement(statement: Statement) -> None:
    right = REHEARSED[statement]
    session = assumed(statement[0])
    assert denied(session, right) == set()
    with lacking(statement):
        assert denied(session, right) == calls(right)
    assert denied(session, right) == set()


def test_a_role_reaches_nothing_beside_its_prefix() -> None:
    role = f"{FIREHOSES.delivery.name}-{REGION}"
    elsewhere = frozenset(
        {f"arn:aws:s3:::petrostream-{zone}-{ACCOUNT}-{REGION}/x/*" for zone in ("curated", "artifacts")}
    )
    right = (frozenset({"s3:PutObject", "s3:GetObject"}), elsewhere)
    assert denied(assumed(role), right) == calls(right)
