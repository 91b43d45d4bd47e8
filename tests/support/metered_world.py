"""The scoring function with metered services around it, for `bench/scale.py`.

The function is the real one, from the event to its response. The services are the fakes of the tests; the
processor time spent in a fake is not the function's and is taken off. What the AWS client itself costs,
serialising, signing and parsing, is measured apart on a real client whose requests never leave the process.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3
import numpy as np
from botocore.awsrequest import AWSResponse

from ml.training.pool import Pool
from petrostream.aws.clients import config_of
from petrostream.detection import COMMISSIONED
from tests.support.event_source import Context, StreamRecord, event_of
from tests.support.fakes import FakeBucket, _size
from tests.support.scoring_world import World
from tests.support.wells import CENTER, SCALE, SENSORS, entry

FACES = ("firehose", "table", "topic", "bucket", "stream")


@dataclass
class Meter:
    """Calls, bytes and write units by what was called; processor seconds spent inside the fakes."""

    calls: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    units: Counter[str] = field(default_factory=Counter)
    entries: Counter[str] = field(default_factory=Counter)
    inside_s: float = 0.0

    def note(self, name: str, arguments: dict[str, Any]) -> None:
        """Count one call."""
        kind = name
        if name == "put":
            # The test's own: it puts the records on the fake stream.
            return
        if name == "put_record_batch":
            kind = arguments["DeliveryStreamName"]
            sizes = [len(record["Data"]) for record in arguments["Records"]]
            self.bytes[kind] += sum(sizes)
            self.entries[kind] += len(sizes)
        elif name == "put_item":
            sort_key = arguments["Item"]["sk"]["S"]
            kind = "snapshot" if sort_key == "STATE" else "place" if sort_key.startswith("SHARD#") else "item"
            size = sum(len(key.encode()) + _size(value) for key, value in arguments["Item"].items())
            self.bytes[kind] += size
            self.units[kind] += -(-size // 1024)
        elif name == "update_item":
            kind = "minute"
            self.units[kind] += 1
        elif name == "publish_batch":
            kind = "alert"
            self.entries[kind] += len(arguments["PublishBatchRequestEntries"])
            self.bytes[kind] += sum(len(one["Message"]) for one in arguments["PublishBatchRequestEntries"])
        self.calls[kind] += 1


class Metered:
    """A fake client whose calls are counted and whose time is not the function's."""

    def __init__(self, client: object, meter: Meter) -> None:
        self._client, self._meter = client, meter

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if not callable(call):
            return call

        def metered(*values: Any, **arguments: Any) -> object:
            begin = time.process_time()
            try:
                self._meter.note(name, arguments)
                return call(*values, **arguments)
            finally:
                self._meter.inside_s += time.process_time() - begin

        return metered


@dataclass
class Measured:
    """A run of the function over batches.

    Attributes:
        cpu_s: processor seconds of the function, without the fakes and without the AWS client.
        readings, records, batches: what it took.
        meter: what it called.
    """

    cpu_s: float = 0.0
    readings: int = 0
    records: int = 0
    batches: int = 0
    meter: Meter = field(default_factory=Meter)


class Function:
    """The scoring function in a process of its own, with stores that stay when the process is replaced."""

    def __init__(self, wells: Iterable[str], commit_seconds: float = 1e9) -> None:
        self.meter = Meter()
        self.world = World(bucket=FakeBucket(registry(wells)), commit_seconds=commit_seconds)
        for face in FACES:
            setattr(self.world, face, Metered(getattr(self.world, face), self.meter))

    def cold(self) -> None:
        """Replace the process: the next batch reads owners, snapshots and models from the stores."""
        self.world.processes.clear()

    def store(self, commit_seconds: float) -> None:
        """From now on, store memories this often."""
        self.world.commit_seconds = commit_seconds
        self.world.processes.clear()

    def run(self, records: Sequence[StreamRecord], readings: int) -> Measured:
        """Invoke the function with one batch."""
        call = event_of(records)
        self.meter = meter = Meter()
        for face in FACES:
            getattr(self.world, face)._meter = meter
        begin = time.process_time()
        response = self.world.function(call, Context(remaining_ms=900_000))
        spent = time.process_time() - begin - meter.inside_s
        if response["batchItemFailures"]:
            raise SystemExit("a batch failed: its figures would mean nothing")
        return Measured(spent, readings, len(records), 1, meter)


def registry(wells: Iterable[str]) -> dict[str, bytes]:
    """A model registry: a baseline for each well, and the forest that training makes without wells."""
    onnx = Pool().fit(COMMISSIONED, 7).onnx
    file = {"path": "model.onnx", "sha256": hashlib.sha256(onnx).hexdigest(), "bytes": len(onnx)}
    entries = {well: {**entry(), "well_id": well, "onnx": file} for well in wells}
    manifest = {"format": 1, "version": "v1", "wells": entries, "fleet": None}
    return {
        "models/v1/model.onnx": onnx,
        "models/v1/manifest.json": json.dumps(manifest).encode(),
        "models/current.json": b'{"version": "v1"}',
    }


def values(rng: np.random.Generator, n: int) -> np.ndarray:
    """Healthy gauges with noise: n rows of the model's four, shape (n, 4)."""
    return CENTER + SCALE * rng.normal(size=(n, len(SENSORS)))


class _Body:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self, **_: object) -> Iterable[bytes]:
        return iter((self._data,))


def client_ms(rounds: int = 40) -> dict[str, float]:
    """Processor milliseconds of the real AWS client for a call of each kind, answered in the process."""
    session = boto3.Session("AKIAEXAMPLE", "example", region_name="us-east-1")
    firehose, table = (session.client(name, config=config_of(name)) for name in ("firehose", "dynamodb"))
    key = {"pk": {"S": "FLEET"}, "sk": {"S": "SHARD#shardId-000000000000"}}
    entry_bytes = np.random.default_rng(3).bytes(180_000)
    item = {**key, "state": {"B": entry_bytes[:20_000]}}
    accepted = json.dumps({"FailedPutCount": 0, "RequestResponses": [{"RecordId": "1"}]}).encode()
    calls: dict[str, tuple[Any, bytes, Callable[[], object]]] = {
        "put_record_batch": (
            firehose,
            accepted,
            lambda: firehose.put_record_batch(DeliveryStreamName="delivery", Records=[{"Data": entry_bytes}]),
        ),
        "get_item": (
            table,
            json.dumps({"Item": {**key, "epoch": {"N": "1"}}}).encode(),
            lambda: table.get_item(TableName="live", Key=key, ConsistentRead=True),
        ),
        "put_item": (table, b"{}", lambda: table.put_item(TableName="live", Item=item)),
        "update_item": (
            table,
            b"{}",
            lambda: table.update_item(
                TableName="live",
                Key=key,
                UpdateExpression="SET #m = :m",
                ExpressionAttributeNames={"#m": "m1"},
                ExpressionAttributeValues={":m": {"B": entry_bytes[:180]}},
            ),
        ),
    }
    return {name: _least_ms(*call, rounds) for name, call in calls.items()}


def _least_ms(client: Any, answer: bytes, call: Callable[[], object], rounds: int) -> float:
    def answered(request: Any, **_: object) -> AWSResponse:
        return AWSResponse(request.url, 200, {"content-type": "application/x-amz-json-1.0"}, _Body(answer))

    client.meta.events.register("before-send", answered)
    spent = []
    for _ in range(rounds):
        begin = time.process_time()
        call()
        spent.append(time.process_time() - begin)
    client.meta.events.unregister("before-send", answered)
    return round(1000 * float(np.median(spent)), 3)
