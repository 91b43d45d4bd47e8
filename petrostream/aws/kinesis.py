"""Writes to a Kinesis stream, keeping the order of each partition key's records.

PutRecords may accept some records of a call and refuse others, and guarantees no order within a call. A key
therefore has at most one record in flight: its next one is sent when this one is acknowledged. Keys do not
wait for each other.
"""

import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as BotoConnectionError

from petrostream.aws.limits import KINESIS_CALL_BYTES, KINESIS_CALL_RECORDS, KINESIS_RECORD_BYTES
from petrostream.aws.stream_errors import EndpointUnreachable, StreamMissing, StreamStalled, WriteRefused
from petrostream.errors import EntryTooLarge

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_kinesis.type_defs import PutRecordsRequestEntryTypeDef, PutRecordsResultEntryTypeDef

T = TypeVar("T")

LONGEST_WAIT_S = 0.2
"""`KinesisWriter.pump` never waits longer than this, so that its caller can show progress and stop."""

# Connections refused or timed out; connections broken or timed out while reading.
_UNREACHABLE = (BotoConnectionError, HTTPClientError)

_TRANSIENT = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "KMSThrottlingException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestTimeout",
        "ResourceInUseException",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
    }
)


@dataclass(frozen=True, slots=True)
class Record(Generic[T]):
    """One stream record, and a tag that is returned to its sender with the acknowledgement."""

    key: str
    data: bytes
    tag: T

    @property
    def size(self) -> int:
        """Size that Kinesis counts: bytes of data and key."""
        return len(self.data) + len(self.key.encode())


@dataclass(slots=True)
class WriterTotals:
    """Counts of a writer's work so far."""

    calls: int = 0
    records: int = 0
    bytes: int = 0
    retries: int = 0
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class RetryLimits:
    """When to retry a refused record and when to give up.

    Attributes:
        limit_s: seconds one record may be refused before `StreamStalled`.
        base_s: ceiling of the first wait; it doubles with every refusal of the record.
        cap_s: highest ceiling of a wait.
        clock: monotonic seconds.
        sleep: waits a number of seconds.
        draw: returns a number between its two arguments; full jitter spreads producers refused together.
    """

    limit_s: float = 120.0
    base_s: float = 0.1
    cap_s: float = 5.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[float, float], float] = random.uniform

    def wait(self, refusals: int) -> float:
        """Seconds to wait after a number of refusals in a row."""
        ceiling = min(self.cap_s, self.base_s * 2.0 ** min(refusals - 1, 30))
        return self.draw(0.0, ceiling)


@dataclass(slots=True)
class _Lane(Generic[T]):
    """The records of one key that are not yet acknowledged; only the first is ever sent."""

    queue: deque[Record[T]] = field(default_factory=deque)
    refusals: int = 0
    refused_since: float = 0.0
    not_before: float = 0.0


class KinesisWriter(Generic[T]):
    """Sends records in the order of each partition key and retries those that are refused.

    A record is delivered at least once: if its acknowledgement is lost, it is sent again, before any later
    record of its key. Not thread-safe.

    Args:
        stream: name of the stream.
        client: Kinesis client with time-outs of its own.
        limits: when to retry and when to give up.
    """

    def __init__(self, stream: str, client: "KinesisClient", limits: RetryLimits | None = None) -> None:
        self.stream = stream
        self.totals = WriterTotals()
        self._client = client
        self._limits = limits or RetryLimits()
        self._lanes: dict[str, _Lane[T]] = {}
        self._reached = False

    def check(self) -> None:
        """Check that the stream exists, before any work is done. From then on a lost answer is retried.

        Raises:
            StreamMissing: it does not exist.
            EndpointUnreachable: the endpoint does not respond.
            WriteRefused: there are no usable credentials.
        """
        try:
            self._client.describe_stream_summary(StreamName=self.stream)
            self._reached = True
        except ClientError as error:
            # A producer may have permission to write but not to describe; then the first write shows it.
            if _code(error) == "ResourceNotFoundException":
                raise StreamMissing(self.stream) from error
        except _UNREACHABLE as error:
            raise EndpointUnreachable(self.stream, str(error)) from error
        except BotoCoreError as error:
            raise WriteRefused(self.stream, str(error)) from error

    def put(self, record: Record[T]) -> None:
        """Append a record to the queue of its key. Nothing is sent yet.

        Raises:
            EntryTooLarge: the record exceeds `KINESIS_RECORD_BYTES`.
        """
        if record.size > KINESIS_RECORD_BYTES:
            raise EntryTooLarge(self.stream, record.size, KINESIS_RECORD_BYTES)
        self._lanes.setdefault(record.key, _Lane()).queue.append(record)

    def pending(self, key: str | None = None) -> int:
        """Number of records not yet acknowledged, of one key or of all."""
        if key is not None:
            lane = self._lanes.get(key)
            return len(lane.queue) if lane else 0
        return sum(len(lane.queue) for lane in self._lanes.values())

    def oldest(self, key: str) -> Record[T] | None:
        """The oldest unacknowledged record of a key, None if there is none."""
        lane = self._lanes.get(key)
        return lane.queue[0] if lane and lane.queue else None

    def pump(self) -> list[Record[T]]:
        """Make one PutRecords call with the next record of every key that is due; return those accepted.

        If every key has to wait after a refusal, waits at most `LONGEST_WAIT_S` and returns nothing.

        Raises:
            StreamMissing: the stream does not exist.
            EndpointUnreachable: the endpoint has not responded since the writer was created.
            WriteRefused: no retry can succeed.
            StreamStalled: a record was refused for longer than `RetryLimits.limit_s`. It is still queued.
        """
        self._check_patience()
        lanes = self._ready()
        if not lanes:
            self._wait()
            return []
        errors = self._call([lane.queue[0] for lane in lanes])
        accepted = [self._settle(lane, error) for lane, error in zip(lanes, errors, strict=True)]
        return [record for record in accepted if record is not None]

    def _ready(self) -> list[_Lane[T]]:
        now = self._limits.clock()
        lanes = [lane for lane in self._lanes.values() if lane.queue and lane.not_before <= now]
        lanes.sort(key=lambda lane: lane.not_before)  # those due longest go first if a call is full
        chosen: list[_Lane[T]] = []
        size = 0
        for lane in lanes[:KINESIS_CALL_RECORDS]:
            size += lane.queue[0].size
            if size > KINESIS_CALL_BYTES:
                break
            chosen.append(lane)
        return chosen

    def _check_patience(self) -> None:
        """Raise for a record refused for too long: before a call, so that no acceptance goes unreported."""
        now = self._limits.clock()
        for key, lane in self._lanes.items():
            seconds = now - lane.refused_since
            if lane.refusals and seconds > self._limits.limit_s:
                raise StreamStalled(self.stream, key, seconds, lane.refusals, self.totals.last_error)

    def _wait(self) -> None:
        due = [lane.not_before for lane in self._lanes.values() if lane.queue]
        if due:
            left = min(due) - self._limits.clock()
            self._limits.sleep(min(max(left, 0.0), LONGEST_WAIT_S))

    def _call(self, records: Sequence[Record[T]]) -> list[str]:
        """The error of each record, "" if accepted."""
        self.totals.calls += 1
        entries: list[PutRecordsRequestEntryTypeDef] = [
            {"Data": record.data, "PartitionKey": record.key} for record in records
        ]
        try:
            response = self._client.put_records(Records=entries, StreamName=self.stream)
        except ClientError as error:
            return [self._refusal_of(error)] * len(records)
        except _UNREACHABLE as error:
            if not self._reached:
                raise EndpointUnreachable(self.stream, str(error)) from error
            return [str(error)] * len(records)
        except BotoCoreError as error:
            raise WriteRefused(self.stream, str(error)) from error
        self._reached = True
        return [_error_of(result) for result in response["Records"]]

    def _refusal_of(self, error: ClientError) -> str:
        """The code of a call refused as a whole; raises if no retry can succeed."""
        code = _code(error)
        if code == "ResourceNotFoundException" and not self._reached:
            raise StreamMissing(self.stream) from error
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        # A stream that was reached before may be missing while an emulator restarts: a retry may succeed.
        if code in _TRANSIENT or code == "ResourceNotFoundException" or status >= 500:
            return code
        raise WriteRefused(self.stream, str(error)) from error

    def _settle(self, lane: _Lane[T], error: str) -> Record[T] | None:
        if not error:
            lane.refusals = 0
            record = lane.queue.popleft()
            self.totals.records += 1
            self.totals.bytes += len(record.data)
            return record
        now = self._limits.clock()
        if not lane.refusals:
            lane.refused_since = now
        lane.refusals += 1
        self.totals.retries += 1
        self.totals.last_error = error
        lane.not_before = now + self._limits.wait(lane.refusals)
        return None


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def _error_of(result: "PutRecordsResultEntryTypeDef") -> str:
    """The error of one record of a call, "" if it was accepted."""
    code = result.get("ErrorCode")
    return f"{code}: {result.get('ErrorMessage', '')}".rstrip(": ") if code else ""
