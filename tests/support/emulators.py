"""AWS three times over: moto and the local twin through real clients, and this project's fakes.

A contract test runs on each, with the same assertions: what a fake or the twin lets pass and moto refuses (or
the other way round) shows here, and not on the first day in an account.
"""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from botocore.exceptions import ClientError

from petrostream.aws.clients import client
from tests.support.fake_kinesis import FakeKinesis
from tests.support.fakes import FakeBucket, FakeFirehose, FakeTable, FakeTopic
from tests.support.lake import free_port, wait_for
from tests.support.live_table import ReadableTable
from tests.support.mocked import mock_aws
from tests.support.paths import ROOT
from toolchain.twin import Twin, subprocess_environment

REGION = "us-east-1"
ARRIVAL_SECONDS = 20.0
KEYS = [("pk", "HASH"), ("sk", "RANGE")]


class Services(Protocol):
    """One implementation of the services: how a test prepares it, and sees what has arrived."""

    name: str

    def client(self, service: str) -> Any:
        """The client that an adapter is given."""

    def stream(self) -> str:
        """Name of a new Kinesis stream of one shard."""

    def hose(self) -> str:
        """Name of a new Firehose stream."""

    def table(self) -> str:
        """Name of a new table with the keys of the live table."""

    def bucket(self, objects: Mapping[str, bytes]) -> str:
        """Name of a new bucket that holds the objects."""

    def topic(self) -> str:
        """ARN of a new topic."""

    def streamed(self, stream: str) -> list[tuple[str, bytes]]:
        """Partition key and data of every record on a stream, in order."""

    def delivered(self, hose: str, lines: int) -> list[bytes]:
        """The lines that a Firehose stream has delivered, sorted, once there are that many."""

    def published(self, topic: str, messages: int) -> list[tuple[dict[str, Any], dict[str, str]]]:
        """Messages of a topic with their attributes, once there are that many."""


class Emulated:
    """Services behind an AWS API."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._hoses: dict[str, str] = {}
        self._queues: dict[str, str] = {}

    def client(self, service: str) -> Any:
        return client(service)

    def stream(self) -> str:
        name = _new("stream")
        self.client("kinesis").create_stream(StreamName=name, ShardCount=1)
        self.client("kinesis").get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
        return name

    def hose(self) -> str:
        name, bucket = _new("hose"), self.bucket({})
        destination = {
            "RoleARN": f"arn:aws:iam::{self._account()}:role/hose",
            "BucketARN": f"arn:aws:s3:::{bucket}",
        }
        self.client("firehose").create_delivery_stream(
            DeliveryStreamName=name, ExtendedS3DestinationConfiguration=destination
        )
        self._hoses[name] = bucket
        return name

    def table(self) -> str:
        name = _new("table")
        self.client("dynamodb").create_table(
            TableName=name,
            KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in KEYS],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key, _ in KEYS],
            BillingMode="PAY_PER_REQUEST",
        )
        return name

    def bucket(self, objects: Mapping[str, bytes]) -> str:
        name = _new("bucket")
        self.client("s3").create_bucket(Bucket=name)
        for key, body in objects.items():
            self.client("s3").put_object(Bucket=name, Key=key, Body=body)
        return name

    def topic(self) -> str:
        """A topic with a queue that takes its messages."""
        arn = str(self.client("sns").create_topic(Name=_new("topic"))["TopicArn"])
        queue = self.client("sqs").create_queue(QueueName=_new("queue"))["QueueUrl"]
        attributes = self.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        self.client("sns").subscribe(
            TopicArn=arn, Protocol="sqs", Endpoint=attributes["Attributes"]["QueueArn"]
        )
        self._queues[arn] = queue
        return arn

    def streamed(self, stream: str) -> list[tuple[str, bytes]]:
        kinesis = self.client("kinesis")
        (shard,) = kinesis.list_shards(StreamName=stream)["Shards"]
        start = {"StreamName": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = kinesis.get_shard_iterator(**start)["ShardIterator"]
        found: list[tuple[str, bytes]] = []
        while True:
            answer = kinesis.get_records(ShardIterator=iterator, Limit=1000)
            if not answer["Records"]:
                return found
            found += [(record["PartitionKey"], record["Data"]) for record in answer["Records"]]
            iterator = answer["NextShardIterator"]

    def delivered(self, hose: str, lines: int) -> list[bytes]:
        bucket, s3 = self._hoses[hose], self.client("s3")

        def content() -> list[bytes]:
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
            keys = [row["Key"] for page in pages for row in page.get("Contents", [])]
            bodies = [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys]
            return sorted(line for body in bodies for line in body.splitlines())

        wait_for(lambda: len(content()) >= lines, f"{lines} lines of {hose}", ARRIVAL_SECONDS)
        return content()

    def published(self, topic: str, messages: int) -> list[tuple[dict[str, Any], dict[str, str]]]:
        found: list[tuple[dict[str, Any], dict[str, str]]] = []

        def receive() -> bool:
            answer = self.client("sqs").receive_message(
                QueueUrl=self._queues[topic], MaxNumberOfMessages=10, WaitTimeSeconds=0
            )
            for message in answer.get("Messages", []):
                body = json.loads(message["Body"])
                attributes = {name: one["Value"] for name, one in body.get("MessageAttributes", {}).items()}
                found.append((json.loads(body["Message"]), attributes))
            return len(found) >= messages

        wait_for(receive, f"{messages} messages of {topic}", ARRIVAL_SECONDS)
        receive()
        return found

    def _account(self) -> str:
        return str(self.client("sts").get_caller_identity()["Account"])


class Faked:
    """The fakes of these tests. Each knows one stream, table, bucket and topic, by any name but `MISSING`."""

    name = "fakes"

    def __init__(self) -> None:
        self._table = FakeTable()
        readable = ReadableTable(self._table)
        self._bucket = FakeBucket()
        self._clients: dict[str, Any] = {
            "kinesis": FakeKinesis(),
            "firehose": FakeFirehose(),
            "dynamodb": _Both(self._table, readable),
            "s3": self._bucket,
            "sns": FakeTopic(),
        }

    def client(self, service: str) -> Any:
        return self._clients[service]

    def stream(self) -> str:
        return _new("stream")

    def hose(self) -> str:
        return _new("hose")

    def table(self) -> str:
        return _new("table")

    def bucket(self, objects: Mapping[str, bytes]) -> str:
        self._bucket.objects.update(objects)
        return _new("bucket")

    def topic(self) -> str:
        return f"arn:aws:sns:{REGION}:123456789012:{_new('topic')}"

    def streamed(self, stream: str) -> list[tuple[str, bytes]]:
        return list(self._clients["kinesis"].records)

    def delivered(self, hose: str, lines: int) -> list[bytes]:
        return sorted(
            line for entry in self._clients["firehose"].entries[hose] for line in entry.splitlines()
        )

    def published(self, topic: str, messages: int) -> list[tuple[dict[str, Any], dict[str, str]]]:
        return list(zip(self._clients["sns"].messages, self._clients["sns"].attributes, strict=True))


class _Both:
    """A table's writing and reading side as one client."""

    def __init__(self, table: FakeTable, readable: ReadableTable) -> None:
        self._sides = readable, table

    def __getattr__(self, operation: str) -> Any:
        return next(getattr(side, operation) for side in self._sides if hasattr(side, operation))


def _new(what: str) -> str:
    return f"{what}-{uuid.uuid4().hex[:12]}"


@contextmanager
def moto_services(environment: Callable[[str, str | None], None]) -> Iterator[Emulated]:
    """Moto, in this process.

    Args:
        environment: sets or removes an environment variable for the time of a test.
    """
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        environment(name, None)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": REGION,
    }.items():
        environment(name, value)
    with mock_aws():
        yield Emulated("moto")


@contextmanager
def running_twin(home: Path) -> Iterator[dict[str, str]]:
    """An emulator of the local twin without a lake on it; the environment that points clients at it."""
    target = Twin(port=free_port(), home=home)
    environment = subprocess_environment(
        target, os.environ | {"PETROSTREAM_PORT": str(target.port), "PETROSTREAM_HOME": str(home)}
    )
    home.mkdir(parents=True)
    with (home / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "local.emulator"], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
    try:
        wait_for(lambda: _answers(target.port, process), f"the emulator ({home / 'log'})", 120)
        yield environment
    finally:
        process.terminate()
        process.wait(timeout=60)


def _answers(port: int, process: "subprocess.Popen[bytes]") -> bool:
    import urllib.error
    import urllib.request

    assert process.poll() is None, "the emulator has ended"
    try:
        return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/_petrostream/health", timeout=2).read())
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        time.sleep(0.2)
        return False


def code_of(error: BaseException | None) -> str:
    """The error code that a service refused with."""
    assert isinstance(error, ClientError), error
    return str(error.response["Error"]["Code"])
