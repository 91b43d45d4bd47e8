"""What a run with readings of its own left behind on the twin: rows in the lake, and alerts in a queue.

Both carry the event time of the reading that they come from, which is the moment it was sent, and the time
of their arrival: an object of the lake when it was written, a message when the topic handed it on. So neither
is watched for while the run goes on.
"""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyarrow.parquet as pq

from examples.alert_subscriber import subscribe
from petrostream.aws.clients import client
from petrostream.times import parse_ms

QUEUE = "petrostream-bench-alerts"
PREFIX = "scored_readings/"


@dataclass(frozen=True)
class Inbox:
    """A queue that gets every alert."""

    url: str

    def latencies(self, facilities: set[str]) -> list[float]:
        """Ms from each alert's reading to the queue, of the alerts of these facilities; empties the queue."""
        return [
            sent_ms - parse_ms(event["time"])
            for sent_ms, event in self.events()
            if event["detail"]["facility_id"] in facilities
        ]

    def events(self) -> Iterator[tuple[float, dict[str, Any]]]:
        """Time in the queue, epoch ms, and content of each alert; empties the queue."""
        sqs = client("sqs")
        while messages := sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=1, AttributeNames=["SentTimestamp"]
        ).get("Messages", []):
            for message in messages:
                yield float(message["Attributes"]["SentTimestamp"]), json.loads(message["Body"])
                sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])


@contextmanager
def inbox(topic: str) -> Iterator[Inbox]:
    """A queue on the alert topic, removed at the end."""
    sqs, sns = client("sqs"), client("sns")
    url = sqs.create_queue(QueueName=QUEUE)["QueueUrl"]
    subscription = subscribe(sqs, sns, url, topic, None)
    try:
        yield Inbox(url)
    finally:
        sns.unsubscribe(SubscriptionArn=subscription)
        sqs.delete_queue(QueueUrl=url)


def landed(bucket: str, since: datetime, facilities: set[str]) -> list[float]:
    """Ms from each reading of these facilities to the object of the curated zone that has its row.

    Args:
        bucket: the curated zone.
        since: when the run began; older objects and readings are left out.
        facilities: whose readings count.
    """
    found: list[float] = []
    for written, rows in _objects(bucket, since):
        for facility, ts in zip(rows["facility_id"], rows["ts"], strict=True):
            at = ts.replace(tzinfo=UTC) if ts.tzinfo is None else ts
            if facility in facilities and at >= since:
                found.append((written - at).total_seconds() * 1000)
    return found


def _objects(bucket: str, since: datetime) -> Iterator[tuple[datetime, dict[str, list[Any]]]]:
    """When each object since then was written, and facility and time of its rows."""
    s3 = client("s3")
    days = {f"{day:%Y-%m-%d}" for day in (since, datetime.now(UTC))}
    pages = s3.get_paginator("list_objects_v2")
    for day in sorted(days):
        listed = pages.paginate(Bucket=bucket, Prefix=f"{PREFIX}date={day}/")
        for item in (item for page in listed for item in page.get("Contents", [])):
            if item["LastModified"] >= since:
                body = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
                rows = pq.read_table(io.BytesIO(body), columns=["facility_id", "ts"])
                yield item["LastModified"], rows.to_pydict()
