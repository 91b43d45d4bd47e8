"""Services in memory whose calls go through the weather, and the stream's two sides."""

import io
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from petrostream.aws.kinesis import KinesisWriter, Record, RetryLimits
from tests.chaos.checkpoint import Checkpoint
from tests.chaos.fleet import Fleet, Put
from tests.chaos.weather import Clock, Weather
from tests.support.event_source import StreamRecord
from tests.support.fake_kinesis import FakeKinesis, Stored
from tests.support.fake_stream import FakeStream
from tests.support.fakes import (
    CRASH_AFTER,
    LOST,
    OK,
    THROTTLED,
    Crash,
    FakeBucket,
    FakeFirehose,
    FakeTable,
    FakeTopic,
    _script,
    refusal,
)
from tests.support.scoring_world import START_MS
from tests.support.sharded_stream import ShardedStream

TRANSIT_MS = 200
"""From the moment of a reading to its arrival in the stream."""

STREAM = "petrostream-ingest"
GONE, DAMAGED = "gone", "damaged"
"""What can be wrong with the pointer to the models."""


class StormyFirehose(FakeFirehose):
    """Firehose in the weather."""

    def __init__(self, weather: Weather) -> None:
        super().__init__()
        self._weather = weather

    def _next(self, script: int = 0) -> str:
        return self._weather.strike("firehose", script)


class StormyTable(FakeTable):
    """DynamoDB in the weather."""

    def __init__(self, weather: Weather) -> None:
        super().__init__()
        self._weather = weather
        self._outcome = threading.local()

    def put_item(self, **put: Any) -> dict[str, Any]:
        """Write an item. Faults strike before the table is locked: another process may write then."""
        self._outcome.next = self._weather.strike("dynamodb", _script(put["Item"], state=1))
        return super().put_item(**put)

    def update_item(self, **update: Any) -> dict[str, Any]:
        """Change an item, likewise."""
        self._outcome.next = self._weather.strike("dynamodb", _script(update["Key"], state=1))
        return super().update_item(**update)

    def _next(self, script: int = 0) -> str:
        outcome: str | None = vars(self._outcome).pop("next", None)
        return self._weather.strike("dynamodb", script) if outcome is None else outcome


class StormyTopic(FakeTopic):
    """SNS in the weather."""

    def __init__(self, weather: Weather) -> None:
        super().__init__()
        self._weather = weather

    def _next(self, script: int = 0) -> str:
        return self._weather.strike("sns", script)


class StormyBucket(FakeBucket):
    """S3 in the weather, which may also change what an object holds: "s3 content" strikes."""

    def __init__(self, weather: Weather, objects: dict[str, bytes]) -> None:
        super().__init__(objects)
        self._weather = weather

    def _next(self, script: int = 0) -> str:
        return self._weather.strike("s3", script)

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        """An object, missing or spoiled as the weather has it."""
        answer = super().get_object(Bucket=Bucket, Key=Key)
        outcome = self._weather.strike("s3 content")
        if outcome == GONE and Key.endswith("current.json"):
            raise refusal("NoSuchKey", "GetObject")
        if outcome == DAMAGED and Key.endswith("current.json"):
            return answer | {"Body": io.BytesIO(b'{"version": '), "ContentLength": 12}
        return answer


class ReadStream(FakeStream):
    """The stream as the consumer reads it again: all that was sent is on it from the start."""

    def __init__(self, weather: Weather, sent: ShardedStream) -> None:
        super().__init__(page=50)
        self._weather = weather
        self.parents = {name: list(shard.parents) for name, shard in sent.shards.items() if shard.parents}
        for name, shard in sent.shards.items():
            for record in shard.records:
                self._records[name][int(record["SequenceNumber"])] = record

    def put(self, event: dict[str, Any]) -> None:
        """Nothing: what an event source delivers is here already."""

    def _next(self, script: int = 0) -> str:
        return self._weather.strike("kinesis", script)


@dataclass
class Intake:
    """The producer's side: its writer, and PutRecords with its limits in front of shards.

    Attributes:
        clock: the trial's clock; the producer moves it.
        weather: strikes at "put" for whole calls and at "put one" for single records.
        reshards: what happens to the shards, by second.
        stream: the shards.
        checkpoint: its file of progress; without one it remembers what was acknowledged before it died.
        acknowledged: records that the writer knows to be on the stream.
    """

    clock: Clock
    weather: Weather
    rng: random.Random
    shards: int = 1
    reshards: dict[int, Callable[[ShardedStream], None]] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    stream: ShardedStream = field(init=False)
    acknowledged: int = 0
    killed: int = 0

    def __post_init__(self) -> None:
        self.stream = ShardedStream(self.shards, self.clock.now_ms)

    def send(self, sent: Fleet) -> None:
        """Send everything; a producer that dies goes on with what it does not know to be acknowledged."""
        client = FakeKinesis(refuse=self._refuse, disturb=self._disturb, on_store=self._store)
        waiting = [Record(put.facility, put.data, (place, put)) for place, put in enumerate(sent.puts)]
        begun: dict[int, Record[tuple[int, Put]]] = {}
        done: set[int] = set()
        writer = self._writer(client)
        while waiting or len(done) < len(begun):
            second = waiting[0].tag[1].second if waiting else (self.clock.now_ms - START_MS) // 1000
            self._second(second)
            while waiting and waiting[0].tag[1].second <= second:
                record = waiting.pop(0)
                begun[record.tag[0]] = record
                writer.put(record)
            try:
                self._pump(writer, done)
            except (Crash, OSError):
                self.killed += 1
                if self.checkpoint:
                    done = self.checkpoint.load()
                writer = self._writer(client)
                for place, record in begun.items():
                    if place not in done:
                        writer.put(record)
        self.acknowledged = len(done)
        if self.checkpoint:
            self.checkpoint.close()

    def _pump(self, writer: KinesisWriter[tuple[int, Put]], done: set[int]) -> None:
        while writer.pending():
            done |= {record.tag[0] for record in writer.pump()}
            if self.checkpoint:
                self.checkpoint.save(done)

    def _second(self, second: int) -> None:
        self.clock.now_ms = max(self.clock.now_ms, START_MS + 1000 * second + TRANSIT_MS)
        for at in [at for at in self.reshards if at <= second]:
            self.reshards.pop(at)(self.stream)
            self.weather.note("kinesis", "resharded")

    def _writer(self, client: FakeKinesis) -> KinesisWriter[tuple[int, Put]]:
        limits = RetryLimits(
            clock=lambda: self.clock.now_ms / 1000, sleep=self._sleep, draw=self.rng.uniform, cap_s=2.0
        )
        writer: KinesisWriter[tuple[int, Put]] = KinesisWriter(STREAM, client, limits)  # type: ignore[arg-type]
        writer.check()
        return writer

    def _sleep(self, seconds: float) -> None:
        self.clock.now_ms += max(1, round(1000 * seconds))

    def _refuse(self, _key: str, _data: bytes) -> bool:
        return self.weather.strike("put one") != OK

    def _disturb(self, _call: int) -> object:
        outcome = self.weather.strike("put")
        if outcome == THROTTLED:
            return refusal("ProvisionedThroughputExceededException", "PutRecords")
        if outcome == CRASH_AFTER:
            return Stored(Crash("the producer is killed"))
        return "lost" if outcome == LOST else None

    def _store(self, key: str, data: bytes) -> None:
        self.stream._now_ms = self.clock.now_ms
        self.stream.put(key, data)


class Reread:
    """The stream for a redrive: read as it is, and written at its end, where the consumer finds it too."""

    def __init__(self, intake: Intake, consumer: FakeStream) -> None:
        self._intake, self._consumer = intake, consumer
        self.get_records = intake.stream.get_records
        self.get_shard_iterator = intake.stream.get_shard_iterator

    def put_records(self, *, Records: Sequence[dict[str, Any]], StreamName: str) -> dict[str, Any]:  # noqa: N803
        """Put records on the shards that are open now."""
        assert StreamName == STREAM
        shards = self._intake.stream
        shards._now_ms = self._intake.clock.now_ms
        for entry in Records:
            number = shards.put(entry["PartitionKey"], entry["Data"])
            (name,) = [name for name, shard in shards.shards.items() if _ends_with(shard.records, number)]
            self._consumer._records[name][int(number)] = shards.shards[name].records[-1]
        return {"FailedRecordCount": 0, "Records": [{"SequenceNumber": "1", "ShardId": "s"} for _ in Records]}


def _ends_with(records: Sequence[dict[str, Any]], number: str) -> bool:
    return bool(records) and records[-1]["SequenceNumber"] == number


def records_of(stream: ShardedStream) -> dict[str, list[StreamRecord]]:
    """The records of every shard, parents before children, as an event source delivers them."""
    return {
        name: [
            StreamRecord(
                record["SequenceNumber"],
                record["PartitionKey"],
                record["Data"],
                round(record["ApproximateArrivalTimestamp"].timestamp() * 1000),
            )
            for record in shard.records
        ]
        for name, shard in stream.shards.items()
    }
