"""Firehose, DynamoDB, SNS and S3 as far as scoring uses them, in memory, with faults on demand.

A fake takes a script of faults, one for each call to come; a call beyond the script goes well. Limits of the
services are enforced, so that code that would be refused there is refused here.
"""

import io
import string
from collections import defaultdict
from threading import Lock
from typing import Any

import orjson
from botocore.exceptions import ClientError, ReadTimeoutError

from lambdas.firehose_transform.handler import plain
from tests.support.live_table import ReadableTable

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


MISSING = "missing"
"""Begins the name of what does not exist: a stream, a table, a bucket; it ends the ARN of a topic."""

MAX_ITEM_BYTES, MAX_PK_BYTES, MAX_SK_BYTES = 400 * 1024, 2048, 1024
"""Limits of DynamoDB: of an item, names of attributes included, and of its two keys."""


ZLIB = (b"\x78\x01", b"\x78\x5e")
"""How entries for a transform begin that are compressed, by the level that their header names."""


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
    """Delivery streams that keep what they accept.

    `entries` are as a transform leaves them, `sizes` those of the entries as they came.
    """

    def __init__(self, faults: list[str] | None = None) -> None:
        super().__init__(faults or [])
        self.entries: dict[str, list[bytes]] = defaultdict(list)
        self.sizes: dict[str, list[int]] = defaultdict(list)
        self.call_sizes: list[int] = []

    def put_record_batch(self, *, DeliveryStreamName: str, Records: list[dict[str, bytes]]) -> dict[str, Any]:  # noqa: N803
        if DeliveryStreamName.startswith(MISSING):
            raise refusal("ResourceNotFoundException", "PutRecordBatch")
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
                self.entries[DeliveryStreamName].append(plain(entry) if entry.startswith(ZLIB) else entry)
                self.sizes[DeliveryStreamName].append(len(entry))
                answers.append({"RecordId": str(len(self.entries[DeliveryStreamName]))})
        self._after(fault, "PutRecordBatch")
        return {"FailedPutCount": sum("ErrorCode" in a for a in answers), "RequestResponses": answers}

    def rows(self, stream: str) -> list[dict[str, Any]]:
        """Every row delivered, in order of arrival, repeats included."""
        return [orjson.loads(line) for entry in self.entries[stream] for line in entry.splitlines()]


class FakeTable(_Faulty):
    """One DynamoDB table; takes scripts of faults for reads of states, their writes, writes of minutes, the
    fleet's list and markers, and for all operations on owners and places of shards.

    `items` are the facilities' states by partition key, `others` all else by both keys.
    """

    def __init__(
        self,
        reads: list[str] | None = None,
        writes: list[str] | None = None,
        live_writes: list[str] | None = None,
        shards: list[str] | None = None,
    ) -> None:
        super().__init__(reads or [], writes or [], live_writes or [], shards or [])
        self.items: dict[str, dict[str, Any]] = {}
        self.others: dict[tuple[str, str], dict[str, Any]] = {}
        self._lock = Lock()

    def get_item(self, *, TableName: str, Key: dict[str, Any], ConsistentRead: bool) -> dict[str, Any]:  # noqa: N803
        _check_table(TableName, "GetItem")
        script = _script(Key, state=0)
        if script == 2:
            other = self.others.get((Key["pk"]["S"], Key["sk"]["S"]))
            return {} if other is None else {"Item": other}
        assert ConsistentRead
        fault = self._next(script)
        self._before(fault, "GetItem")
        self._after(fault, "GetItem")
        key = (Key["pk"]["S"], Key["sk"]["S"])
        item = self.items.get(key[0]) if script == 0 else self.others.get(key)
        return {} if item is None else {"Item": item}

    def query(self, **asked: Any) -> dict[str, Any]:
        _check_table(asked["TableName"], "Query")
        return ReadableTable(self).query(**asked)

    def put_item(self, **put: Any) -> dict[str, Any]:
        with self._lock:
            return self._put(put)

    def _put(self, put: dict[str, Any]) -> dict[str, Any]:
        _check_table(put["TableName"], "PutItem")
        _check_item(put["Item"], "PutItem")
        state = put["Item"]["sk"]["S"] == "STATE"
        fault = self._next(_script(put["Item"], state=1))
        self._before(fault, "PutItem")
        items: dict[Any, dict[str, Any]] = self.items if state else self.others
        key = put["Item"]["pk"]["S"] if state else (put["Item"]["pk"]["S"], put["Item"]["sk"]["S"])
        if not _holds(put, items.get(key)):
            raise refusal("ConditionalCheckFailedException", "PutItem")
        items[key] = put["Item"]
        if fault == OVERTAKEN:
            raise refusal("ConditionalCheckFailedException", "PutItem")
        self._after(fault, "PutItem")
        return {}

    def update_item(self, **update: Any) -> dict[str, Any]:
        with self._lock:
            fault = self._next(_script(update["Key"], state=1))
            self._before(fault, "UpdateItem")
            key = (update["Key"]["pk"]["S"], update["Key"]["sk"]["S"])
            if not _holds(update, self.others.get(key)):
                raise refusal("ConditionalCheckFailedException", "UpdateItem")
            _check_table(update["TableName"], "UpdateItem")
            item = dict(self.others.get(key, update["Key"]))
            for part in update["UpdateExpression"].removeprefix("SET ").split(", "):
                name, value = part.split(" = ")
                name = update["ExpressionAttributeNames"].get(name, name)
                item[name] = update["ExpressionAttributeValues"][value]
            _check_item(item, "UpdateItem")
            self.others[key] = item
            if fault == OVERTAKEN:
                raise refusal("ConditionalCheckFailedException", "UpdateItem")
            self._after(fault, "UpdateItem")
            return {"Attributes": item} if update.get("ReturnValues") == "ALL_NEW" else {}

    def delete_item(self, *, TableName: str, Key: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        self.others.pop((Key["pk"]["S"], Key["sk"]["S"]), None)
        return {}

    def under(self, prefix: str) -> list[dict[str, Any]]:
        """Items that are no states, by the beginning of their partition key, in order of keys."""
        return [item for key, item in sorted(self.others.items()) if key[0].startswith(prefix)]


def _script(key: dict[str, Any], state: int) -> int:
    """The script for an operation on an item; `state` is the one for facilities' states."""
    pk, sk = key["pk"]["S"], key["sk"]["S"]
    if sk == "STATE":
        return state
    return 3 if pk.startswith("SHARD#") or sk.startswith("SHARD#") else 2


def _check_table(name: str, operation: str) -> None:
    if name.startswith(MISSING):
        raise refusal("ResourceNotFoundException", operation)


def _check_item(item: dict[str, Any], operation: str) -> None:
    keys = [len(item[name]["S"].encode()) for name in ("pk", "sk")]
    size = sum(len(name.encode()) + _size(value) for name, value in item.items())
    fits = 0 < keys[0] <= MAX_PK_BYTES and 0 < keys[1] <= MAX_SK_BYTES and size <= MAX_ITEM_BYTES
    if not fits:
        raise refusal("ValidationException", operation)


def _size(value: dict[str, Any]) -> int:
    """Bytes of an attribute's value; every number counts as the longest."""
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content.encode())
    if kind == "L":
        return 3 + sum(1 + _size(one) for one in content)
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _size(one) for name, one in content.items())
    return {"B": lambda: len(content), "N": lambda: 21, "BOOL": lambda: 1}[kind]()


def _holds(put: dict[str, Any], held: dict[str, Any] | None) -> bool:
    """Whether a put's condition does: those that the code uses."""
    condition, values = put.get("ConditionExpression"), put.get("ExpressionAttributeValues", {})
    if condition is None:
        return True
    if condition == "attribute_not_exists(pk)":
        return held is None
    if condition == "attribute_not_exists(pk) OR #version <= :version":
        return held is None or int(held["version"]["N"]) <= int(values[":version"]["N"])
    if condition == "attribute_not_exists(pk) OR #epoch <= :epoch":
        return held is None or int(held["epoch"]["N"]) <= int(values[":epoch"]["N"])
    if condition == "attribute_not_exists(pk) OR claimed_ms < :stale OR claimed_by = :process":
        stale = held is not None and "claimed_ms" in held
        stale = stale and int(held["claimed_ms"]["N"]) < int(values[":stale"]["N"])
        return held is None or stale or held.get("claimed_by") == values[":process"]
    if condition == "#epoch = :seen":
        return held is not None and held["epoch"] == values[":seen"]
    assert condition == "#version = :version"
    return held is not None and held["version"] == values[":version"]


class FakeTopic(_Faulty):
    """SNS: one topic that keeps what it accepts. A message whose body contains `poison` is never accepted."""

    def __init__(self, faults: list[str] | None = None, poison: str | None = None) -> None:
        super().__init__(faults or [])
        self.messages: list[dict[str, Any]] = []
        self.attributes: list[dict[str, str]] = []
        self.entries: list[dict[str, Any]] = []
        self.call_sizes: list[int] = []
        self.poison = poison

    def publish_batch(
        self,
        *,
        TopicArn: str,  # noqa: N803
        PublishBatchRequestEntries: list[dict[str, Any]],  # noqa: N803
    ) -> dict[str, Any]:
        fault = self._next()
        self._before(fault, "PublishBatch")
        assert TopicArn.startswith("arn:aws:sns:")
        if TopicArn.endswith(MISSING):
            raise refusal("NotFound", "PublishBatch")
        entries = PublishBatchRequestEntries
        self.call_sizes.append(len(entries))
        if not 1 <= len(entries) <= 10 or len({entry["Id"] for entry in entries}) < len(entries):
            raise refusal("TooManyEntriesInBatchRequest", "PublishBatch")
        if sum(map(_message_bytes, entries)) > 256 * 1024:
            raise refusal("BatchRequestTooLong", "PublishBatch")
        failed = []
        for index, entry in enumerate(entries):
            if fault == PARTIAL and index % 2 == 0:
                failed.append({"Id": entry["Id"], "Code": "InternalError", "SenderFault": False})
            elif self.poison is not None and self.poison in entry["Message"]:
                failed.append({"Id": entry["Id"], "Code": "InvalidParameter", "SenderFault": True})
            else:
                self._accept(entry)
        self._after(fault, "PublishBatch")
        return {"Successful": [], "Failed": failed}

    def _accept(self, entry: dict[str, Any]) -> None:
        self.entries.append(entry)
        subject = entry["Subject"]
        assert subject[0].isalnum() or subject[0] in string.punctuation
        assert len(subject) < 100
        assert subject.isascii()
        self.messages.append(orjson.loads(entry["Message"]))
        attributes = entry["MessageAttributes"]
        self.attributes.append({name: value["StringValue"] for name, value in attributes.items()})


def _message_bytes(entry: dict[str, Any]) -> int:
    """What SNS counts of a message: its body, and names, types and values of its attributes."""
    attributes = [[name, *value.values()] for name, value in entry["MessageAttributes"].items()]
    return sum(len(text.encode()) for text in [entry["Message"], *(t for one in attributes for t in one)])


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
        if Bucket.startswith(MISSING):
            raise refusal("NoSuchBucket", "GetObject")
        if Key not in self.objects:
            raise refusal("NoSuchKey", "GetObject")
        return {"Body": io.BytesIO(self.objects[Key]), "ContentLength": len(self.objects[Key])}
