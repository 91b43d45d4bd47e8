"""The scoring function with fake services around it, and shards to feed it."""

import hashlib
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from lambdas.scoring import handler, telemetry
from ml.training.onnx_export import forest_to_onnx
from petrostream.aws.settings import COMMIT_BYTES, ConsumerSettings
from petrostream.aws.worker import Worker
from petrostream.backoff import NO_DEADLINE, Backoff
from petrostream.facility.pairing import JoinMode
from petrostream.pipeline.takeover import own
from petrostream.readings.wells import encode_block
from tests.support.event_source import Context, StreamRecord
from tests.support.fake_stream import FakeStream
from tests.support.fakes import Crash, FakeBucket, FakeFirehose, FakeTable, FakeTopic
from tests.support.wells import entry, training

START_MS = 1_760_000_000_000
ARRIVED_MS = START_MS + 1_800_000
"""When the records of a shard arrive: after the readings in them, as they do where no clock is wrong."""

NO_WAIT = Backoff(limit=2, sleep=lambda _: None)


@cache
def published() -> dict[str, bytes]:
    """A registry's objects: one forest, published for every well of these tests."""
    onnx = forest_to_onnx(training()[0])
    digest = hashlib.sha256(onnx).hexdigest()
    model = {**entry(), "onnx": {"path": "model.onnx", "sha256": digest, "bytes": len(onnx)}}
    manifest = {"format": 1, "version": "v1", "wells": {}, "fleet": model}
    return {
        "models/v1/model.onnx": onnx,
        "models/v1/manifest.json": json.dumps(manifest).encode(),
        "models/current.json": b'{"version": "v1"}',
    }


@dataclass
class World:
    """Services, and the function as an event source calls it.

    Records that an event source delivers are on the stream. The function runs in one or more processes, each
    with its own warm memory, which a crash wipes. `serving` says which process takes the next invocation.
    """

    firehose: FakeFirehose = field(default_factory=FakeFirehose)
    table: FakeTable = field(default_factory=FakeTable)
    topic: FakeTopic = field(default_factory=FakeTopic)
    bucket: FakeBucket = field(default_factory=lambda: FakeBucket(dict(published())))
    partial: bool = True
    join: JoinMode = "tanks"
    alert_topic: str = "arn:aws:sns:eu-north-1:123456789012:petrostream-alerts"
    serving: Callable[[], int] = lambda: 0
    stream: FakeStream = field(default_factory=FakeStream)
    commit_seconds: float = 0
    commit_bytes: int = COMMIT_BYTES
    processes: dict[int, Worker] = field(default_factory=dict)

    def function(self, event: dict[str, Any], context: Context) -> dict[str, Any]:
        held = handler._worker
        process = self.serving()
        self.stream.put(event)
        handler._worker = lambda: self.worker(process)
        try:
            return handler.handler(event, context)
        except Crash:
            self.processes.pop(process, None)
            raise
        finally:
            handler._worker = held

    def worker(self, process: int = 0) -> Worker:
        if process not in self.processes:
            self.processes[process] = self._new()
        return self.processes[process]

    def _new(self) -> Worker:
        settings = ConsumerSettings(
            live_table="live",
            delivery_stream="delivery",
            quarantine_stream="quarantine",
            facility_stream="facility",
            alarm_stream="alarms",
            artifacts_bucket="artifacts",
            partial_batch_response=self.partial,
            facility_join=self.join,
            # Readings of the tests are of a fixed time; their minutes must not have expired.
            live_window_hours=200_000,
            alert_topic=self.alert_topic,
            commit_seconds=self.commit_seconds,
            commit_bytes=self.commit_bytes,
        )
        clients = {
            "firehose": self.firehose,
            "dynamodb": self.table,
            "sns": self.topic,
            "s3": self.bucket,
            "kinesis": self.stream,
        }
        telemetry.summary = telemetry.Summary()
        return Worker(settings, clients.__getitem__, NO_WAIT, telemetry.report_rejected_model)

    def settle(self) -> None:
        """Let a new process take over every shard, so that every snapshot lacks nothing."""
        worker = self._new()
        ports = worker.ports(NO_DEADLINE)
        for shard_id in self.stream.shards():
            own(shard_id, ports, ports.models.current(), NO_DEADLINE, 0.0)

    def scored(self) -> list[dict[str, Any]]:
        return self.firehose.rows("delivery")

    def joined(self) -> list[dict[str, Any]]:
        return self.firehose.rows("facility")

    def alarms(self) -> list[dict[str, Any]]:
        return self.firehose.rows("alarms")

    def quarantined(self) -> list[dict[str, Any]]:
        return self.firehose.rows("quarantine")


def reading(well: int, second: int, facility: str = "FAC-01", **changes: Any) -> dict[str, Any]:
    """A valid reading, `second` seconds after the start."""
    ts = datetime.fromtimestamp(START_MS / 1000 + second, UTC).isoformat(timespec="milliseconds")
    row = {
        "kind": "well",
        "well_id": f"WELL-{well:05d}",
        "facility_id": facility,
        "ts": ts.replace("+00:00", "Z"),
        "source": "0/WELL-00001_20140515110134",
        "p_pdg": 2.1e7 + 1e4 * math.sin(second),
        "p_tpt": 1.4e7 - 1e4 * math.cos(1.7 * second),
        "t_tpt": 95.0,
        "class": 0,
    }
    return {**row, **changes}


def tank_reading(second: float, facility: str = "FAC-01", **changes: Any) -> dict[str, Any]:
    """A valid tank reading, `second` seconds after the start."""
    ts = datetime.fromtimestamp(START_MS / 1000 + second, UTC).isoformat(timespec="milliseconds")
    row = {
        "kind": "tank",
        "tank_id": f"TANK-{facility}",
        "facility_id": facility,
        "ts": ts.replace("+00:00", "Z"),
        "vapor_concentration_ppm": 2_000.0,
        "level_pct": 50.0,
    }
    return {**row, **changes}


def shard(blocks: Iterable[tuple[str, bytes]]) -> list[StreamRecord]:
    """Blocks of facilities as the records of a shard; sequence numbers gain a digit on the way."""
    return [
        StreamRecord(str(96 + number), facility, data, ARRIVED_MS + number)
        for number, (facility, data) in enumerate(blocks)
    ]


def block(*rows: dict[str, Any] | bytes) -> bytes:
    """Readings and raw lines as one block."""
    return b"".join(row + b"\n" if isinstance(row, bytes) else encode_block([row]) for row in rows)
