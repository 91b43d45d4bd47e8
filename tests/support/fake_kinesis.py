"""An in-memory stream that enforces the limits of PutRecords, and fails on request."""
# ruff: noqa: N803 - the parameters are named as the service names them

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from botocore.exceptions import ClientError, ReadTimeoutError

THROTTLED = "ProvisionedThroughputExceededException"


def client_error(code, status=400):
    return ClientError(
        {"Error": {"Code": code, "Message": "made up"}, "ResponseMetadata": {"HTTPStatusCode": status}},
        "PutRecords",
    )


@dataclass(frozen=True)
class Stored:
    """The records are on the stream, and then this is raised: the process dies before it has the answer."""

    error: BaseException


@dataclass
class FakeKinesis:
    """`refuse(key, data)` says whether a record is throttled, `disturb(call)` what happens to a whole call.

    A disturbance is None, an error to raise before anything is stored, `Stored` with one to raise after that,
    or "lost" (stored, answer lost).
    """

    refuse: Callable[[str, bytes], bool] = lambda key, data: False
    disturb: Callable[[int], object] = lambda call: None
    records: list[tuple[str, bytes]] = field(default_factory=list)
    calls: list[list[str]] = field(default_factory=list)
    on_store: Callable[[str, bytes], None] = lambda key, data: None
    exists: bool = True

    def describe_stream_summary(self, *, StreamName):
        if not self.exists:
            raise client_error("ResourceNotFoundException")
        return {"StreamDescriptionSummary": {"StreamName": StreamName, "StreamStatus": "ACTIVE"}}

    def put_records(self, *, Records: Sequence[dict], StreamName: str):
        if not self.exists:
            raise client_error("ResourceNotFoundException")
        sizes = [len(entry["Data"]) + len(entry["PartitionKey"].encode()) for entry in Records]
        assert 1 <= len(Records) <= 500
        assert max(sizes) <= 1024 * 1024
        assert sum(sizes) <= 5 * 1024 * 1024
        self.calls.append([entry["PartitionKey"] for entry in Records])
        disturbance = self.disturb(len(self.calls))
        if isinstance(disturbance, BaseException):
            raise disturbance
        answers = [self._put(entry["PartitionKey"], entry["Data"]) for entry in Records]
        if isinstance(disturbance, Stored):
            raise disturbance.error
        if disturbance == "lost":
            raise ReadTimeoutError(endpoint_url="http://stream")
        return {"FailedRecordCount": sum("ErrorCode" in answer for answer in answers), "Records": answers}

    def of(self, key):
        return [data for at, data in self.records if at == key]

    def _put(self, key, data):
        if self.refuse(key, data):
            return {"ErrorCode": THROTTLED, "ErrorMessage": "Rate exceeded for shard"}
        self.on_store(key, data)
        self.records.append((key, data))
        return {"SequenceNumber": str(len(self.records)), "ShardId": "shardId-000000000000"}


class FakeTime:
    """A clock that only sleeping, and the little time every look takes, moves."""

    def __init__(self, now_ms=1_790_000_000_000):
        self.start_ms = now_ms
        self.elapsed = 0.0

    def seconds(self):
        self.elapsed += 0.0005
        return self.elapsed

    def now_ms(self):
        return self.start_ms + int(self.elapsed * 1000)

    def sleep(self, seconds):
        assert seconds >= 0
        self.elapsed += seconds
