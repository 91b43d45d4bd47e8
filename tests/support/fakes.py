"""Firehose, DynamoDB and S3 as far as scoring uses them, in memory, with faults on demand.

A fake takes a script of faults, one for each call to come; a call beyond the script goes well. Limits of the
services are enforced, so that code that would be refused there is refused here.
"""

import io
from collections import defaultdict
from typing import Any

import orjson
from botocore.exceptions import ClientError, ReadTimeoutError

OK = "ok"
THROTTLED = "throttled"
"""Refused, nothing done."""
PARTIAL = "partial"
"""Firehose: every second entry refused."""
LOST = "lost"
"""Done, but the answer never comes."""
CRASH_BEFORE = "crash before"
CRASH_AFTER = "crash after"
"""The function's process dies before, or after, the service acts."""
OVERTAKEN = "overtaken"
"""DynamoDB: the write is done, but an automatic repeat of it meets its own condition."""

FAULTS = [OK, THROTTLED, LOST, CRASH_BEFORE, CRASH_AFTER]
FIREHOSE_FAULTS = [*FAULTS, PARTIAL]
PUT_FAULTS = [*FAULTS, OVERTAKEN]


class Crash(BaseException):
    """The process is killed: no `except Exception` of the code under test may hold it."""


def refusal(code: str, operation: str) -> ClientError:
    """What boto3 raises when a service refuses a call."""
    return ClientError({"Error": {"Code": code, "Message": f"{code} by test"}}, operation)


class _Faulty:
    def __init__(self, *scripts: list[str]) -> None:
        self.scripts = [list(script) for script in scripts]
        self.calls = 0

    def _next(self, script: int = 0) -> str:
        self.calls += 1
        return self.scripts[script].pop(0) if self.scripts[script] else OK

    def _before(self, fault: str, operation: str) -> None:
        if fault == CRASH_BEFORE:
            raise Crash(operation)
        if fault == THROTTLED:
            raise refusal("ThrottlingException", operation)

    def _after(self, fault: str, operation: str) -> None:
        if fault == CRASH_AFTER:
            raise Crash(operation)
        if fault == LOST:
            raise ReadTimeoutError(endpoint_url=operation)


class FakeFirehose(_Faulty):
    """Delivery streams that keep what they accept."""

    def __init__(self, faults: list[str] | None = None) -> None:
        super().__init__(faults or [])
        self.entries: dict[str, list[bytes]] = defaultdict(list)
        self.call_sizes: list[int] = []

    def put_record_batch(self, *, DeliveryStreamName: str, Records: list[dict[str, bytes]]) -> dict[str, Any]:  # noqa: N803
        fault = self._next()
        self._before(fault, "PutRecordBatch")
        entries = [record["Data"] for record in Records]
        if not 1 <= len(entries) <= 500 or sum(map(len, entries)) > 4 * 1024 * 1024:
            raise refusal("InvalidArgumentException", "PutRecordBatch")
        if any(not 1 <= len(entry) <= 1000 * 1024 for entry in entries):
            raise refusal("InvalidArgumentException", "PutRecordBatch")
        self.call_sizes.append(len(entries))
        answers: list[dict[str, str]] = []
        for index, entry in enumerate(entries):
            if fault == PARTIAL and index % 2 == 0:
                answers.append({"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "by test"})
            else:
                self.entries[DeliveryStreamName].append(entry)
                answers.append({"RecordId": str(len(self.entries[DeliveryStreamName]))})
        self._after(fault, "PutRecordBatch")
        return {"FailedPutCount": sum("ErrorCode" in a for a in answers), "RequestResponses": answers}

    def rows(self, stream: str) -> list[dict[str, Any]]:
        """Every row delivered, in order of arrival, repeats included."""
        return [orjson.loads(line) for entry in self.entries[stream] for line in entry.splitlines()]


class FakeTable(_Faulty):
    """One DynamoDB table; takes a script for reads and one for writes."""

    def __init__(self, reads: list[str] | None = None, writes: list[str] | None = None) -> None:
        super().__init__(reads or [], writes or [])
        self.items: dict[str, dict[str, Any]] = {}

    def get_item(self, *, TableName: str, Key: dict[str, Any], ConsistentRead: bool) -> dict[str, Any]:  # noqa: N803
        assert ConsistentRead
        fault = self._next(0)
        self._before(fault, "GetItem")
        self._after(fault, "GetItem")
        item = self.items.get(Key["pk"]["S"])
        return {} if item is None else {"Item": item}

    def put_item(self, **put: Any) -> dict[str, Any]:
        fault = self._next(1)
        self._before(fault, "PutItem")
        key = put["Item"]["pk"]["S"]
        held = self.items.get(key)
        if put["ConditionExpression"] == "attribute_not_exists(pk)":
            holds = held is None
        else:
            assert put["ConditionExpression"] == "#version = :version"
            holds = held is not None and held["version"] == put["ExpressionAttributeValues"][":version"]
        if not holds:
            raise refusal("ConditionalCheckFailedException", "PutItem")
        self.items[key] = put["Item"]
        if fault == OVERTAKEN:
            raise refusal("ConditionalCheckFailedException", "PutItem")
        self._after(fault, "PutItem")
        return {}


class FakeBucket(_Faulty):
    """One S3 bucket."""

    def __init__(self, objects: dict[str, bytes] | None = None, faults: list[str] | None = None) -> None:
        super().__init__(faults or [])
        self.objects = objects or {}
        self.keys_read: list[str] = []

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        fault = self._next()
        self._before(fault, "GetObject")
        self._after(fault, "GetObject")
        self.keys_read.append(Key)
        if Key not in self.objects:
            raise refusal("NoSuchKey", "GetObject")
        return {"Body": io.BytesIO(self.objects[Key]), "ContentLength": len(self.objects[Key])}
