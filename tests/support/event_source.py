"""A Kinesis event source mapping as AWS Lambda runs one, in memory and on a simulated clock.

Follows the AWS Lambda developer guide ("Using Lambda with Kinesis"; "Configuring partial batch response";
"Retain discarded batch records"; Invoke quota of 6 MB):

- a batch closes at `batch_size` records, before its event would pass 6 MB, or when the window is over;
- a shard's batches run one after another; nothing behind a failing batch is delivered before it is done with;
- an error, a time-out, or an answer that can't be understood fails the whole batch; with bisect it is split
  in two, which costs no retry, else it is repeated, which does;
- with `ReportBatchItemFailures` an answer names records: delivery starts again at the lowest one named. No
  answer or an empty list is success; an empty, missing or unknown identifier fails the whole batch;
- a batch out of retries, or a record older than the maximum age, is dropped with a notice to the on-failure
  destination that says where on the shard it lay, not what it held.

AWS does not say whether progress inside a batch gives it new retries. Here it does not, which is the harder
case.
"""

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

MAX_EVENT_BYTES = 6 * 1024 * 1024
STREAM_ARN = "arn:aws:kinesis:us-east-1:000000000000:stream/petrostream-ingest"
FUNCTION_ARN = "arn:aws:lambda:us-east-1:000000000000:function:petrostream-scoring"

Function = Callable[[dict[str, Any], "Context"], Any]


@dataclass(frozen=True)
class StreamRecord:
    """One record of a shard."""

    sequence: str
    partition_key: str
    data: bytes
    arrival_ms: int


@dataclass
class Context:
    """The Lambda context of an invocation; `remaining_ms` is what it reports as remaining time."""

    aws_request_id: str = "00000000-0000-4000-8000-000000000000"
    function_name: str = "petrostream-scoring"
    function_version: str = "$LATEST"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = FUNCTION_ARN
    remaining_ms: int = 120_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


@dataclass(frozen=True)
class Mapping:
    """Settings of the event source mapping, with AWS's own defaults."""

    batch_size: int = 100
    window_ms: int = 0
    report_item_failures: bool = False
    bisect: bool = False
    retry_attempts: int = -1
    maximum_record_age_ms: int = -1
    retry_delay_ms: int = 1000
    shard_id: str = "shardId-000000000000"


@dataclass
class EventSource:
    """Delivers a shard to a function until its end.

    Attributes:
        function: the handler.
        mapping: settings.
        on_failure: takes each notice of dropped records.
        context: makes the context of an invocation.
        now_ms: the simulated clock; moves with arrivals, windows and retries.
        batches: sequence numbers of every invocation, in order.
        notices: every notice given to `on_failure`.
    """

    function: Function
    mapping: Mapping = field(default_factory=Mapping)
    on_failure: Callable[[dict[str, Any]], None] = lambda _: None
    context: Callable[[], Context] = Context
    now_ms: int = 0
    batches: list[list[str]] = field(default_factory=list)
    notices: list[dict[str, Any]] = field(default_factory=list)

    def run(self, shard: Sequence[StreamRecord]) -> None:
        """Deliver every record, in order."""
        position = 0
        while position < len(shard):
            batch = self._gather(shard, position)
            position += len(batch)
            self._deliver(batch)

    def _gather(self, shard: Sequence[StreamRecord], position: int) -> list[StreamRecord]:
        self.now_ms = max(self.now_ms, shard[position].arrival_ms)
        closes = self.now_ms + self.mapping.window_ms
        batch: list[StreamRecord] = []
        size = len('{"Records":[]}')
        for record in shard[position : position + self.mapping.batch_size]:
            size += len(json.dumps(event_record(record, self.mapping.shard_id))) + 1
            if batch and (record.arrival_ms > closes or size > MAX_EVENT_BYTES):
                break
            batch.append(record)
        full = len(batch) == self.mapping.batch_size or size > MAX_EVENT_BYTES
        self.now_ms = max(self.now_ms, batch[-1].arrival_ms) if full else closes
        return batch

    def _deliver(self, batch: list[StreamRecord]) -> None:
        waiting = [(batch, 0)]
        while waiting:
            records, retries = waiting.pop()
            records = self._drop_expired(records)
            if not records:
                continue
            first_failed, error = self._invoke(records, retries)
            if first_failed is None:
                continue
            if error and self.mapping.bisect and len(records) > 1:
                middle = len(records) // 2
                waiting += [(records[middle:], retries), (records[:middle], retries)]
            elif retries == self.mapping.retry_attempts:
                self._drop(records[first_failed:], "RetryAttemptsExhausted", retries + 1)
            else:
                waiting.append((records[first_failed:], retries + 1))
            self.now_ms += self.mapping.retry_delay_ms

    def _invoke(self, records: list[StreamRecord], retries: int) -> tuple[int | None, bool]:
        """Index of the first record to deliver again, None if there is none; and whether all of it failed."""
        self.batches.append([record.sequence for record in records])
        try:
            answer = self.function(event_of(records, self.mapping.shard_id), self.context())
            # AWS sees what the runtime could serialise, nothing else.
            answer = json.loads(json.dumps(answer))
        except BaseException as crash:
            if isinstance(crash, KeyboardInterrupt | SystemExit):
                raise
            return 0, True
        if not self.mapping.report_item_failures:
            return None, False
        return failed_from(answer, [record.sequence for record in records])

    def _drop_expired(self, records: list[StreamRecord]) -> list[StreamRecord]:
        limit = self.mapping.maximum_record_age_ms
        if limit < 0:
            return records
        expired = [record for record in records if self.now_ms - record.arrival_ms > limit]
        if expired:
            self._drop(expired, "RecordAgeExceeded", 0)
        return [record for record in records if self.now_ms - record.arrival_ms <= limit]

    def _drop(self, records: list[StreamRecord], condition: str, invocations: int) -> None:
        notice = {
            "requestContext": {
                "requestId": "00000000-0000-4000-8000-000000000000",
                "functionArn": FUNCTION_ARN,
                "condition": condition,
                "approximateInvokeCount": invocations,
            },
            "responseContext": {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": "Unhandled",
            },
            "version": "1.0",
            "timestamp": _iso(self.now_ms),
            "KinesisBatchInfo": {
                "shardId": self.mapping.shard_id,
                "startSequenceNumber": records[0].sequence,
                "endSequenceNumber": records[-1].sequence,
                "approximateArrivalOfFirstRecord": _iso(records[0].arrival_ms),
                "approximateArrivalOfLastRecord": _iso(records[-1].arrival_ms),
                "batchSize": len(records),
                "streamArn": STREAM_ARN,
            },
        }
        self.notices.append(notice)
        self.on_failure(notice)


def failed_from(answer: Any, sequences: Sequence[str]) -> tuple[int | None, bool]:
    """Index where delivery starts again, None for nowhere; and whether the whole batch failed."""
    if answer in (None, {}):
        return None, False
    if not isinstance(answer, dict) or "batchItemFailures" not in answer:
        return 0, True
    failures = answer["batchItemFailures"]
    if failures in (None, []):
        return None, False
    if not isinstance(failures, list):
        return 0, True
    positions = []
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if not identifier or identifier not in sequences:
            return 0, True
        positions.append(sequences.index(identifier))
    return min(positions), False


def event_of(records: Sequence[StreamRecord], shard_id: str = "shardId-000000000000") -> dict[str, Any]:
    """The event a function receives."""
    return {"Records": [event_record(record, shard_id) for record in records]}


def event_record(record: StreamRecord, shard_id: str) -> dict[str, Any]:
    """One element of the event's `Records`."""
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record.partition_key,
            "sequenceNumber": record.sequence,
            "data": base64.b64encode(record.data).decode(),
            "approximateArrivalTimestamp": record.arrival_ms / 1000,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard_id}:{record.sequence}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::000000000000:role/petrostream-scoring",
        "awsRegion": "us-east-1",
        "eventSourceARN": STREAM_ARN,
    }


def _iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
