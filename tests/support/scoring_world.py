"""The scoring function with fake services around it, and shards to feed it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lambdas.scoring import handler
from petrostream.aws.backoff import Backoff
from petrostream.aws.settings import ScoringSettings
from petrostream.readings import encode_block
from tests.support.event_source import Context, StreamRecord
from tests.support.fakes import Crash, FakeBucket, FakeFirehose, FakeTable

START_MS = 1_760_000_000_000
NO_WAIT = Backoff(limit=2, sleep=lambda _: None)


@dataclass
class World:
    """Services, and the function as an event source calls it.

    The function runs in one or more processes, each with its own warm memory, which a crash wipes. `serving`
    says which process takes the next invocation.
    """

    firehose: FakeFirehose = field(default_factory=FakeFirehose)
    table: FakeTable = field(default_factory=FakeTable)
    bucket: FakeBucket = field(default_factory=FakeBucket)
    partial: bool = True
    serving: Callable[[], int] = lambda: 0
    processes: dict[int, handler.Worker] = field(default_factory=dict)

    def function(self, event: dict[str, Any], context: Context) -> dict[str, Any]:
        held = handler._worker
        process = self.serving()
        handler._worker = lambda: self._process(process)
        try:
            return handler.handler(event, context)
        except Crash:
            del self.processes[process]
            raise
        finally:
            handler._worker = held

    def _process(self, process: int) -> handler.Worker:
        if process not in self.processes:
            settings = ScoringSettings(
                live_table="live",
                delivery_stream="delivery",
                quarantine_stream="quarantine",
                artifacts_bucket="artifacts",
                partial_batch_response=self.partial,
            )
            clients = {"firehose": self.firehose, "dynamodb": self.table, "s3": self.bucket}
            self.processes[process] = handler.Worker(settings, clients.__getitem__, NO_WAIT)
        return self.processes[process]

    def scored(self) -> list[dict[str, Any]]:
        return self.firehose.rows("delivery")

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
        "p_pdg": 2.1e7 + 100 * second,
        "p_tpt": 1.5e7 - 10 * second,
        "t_tpt": 80.0,
        "class": 0,
    }
    return {**row, **changes}


def shard(blocks: Iterable[tuple[str, bytes]]) -> list[StreamRecord]:
    """Blocks of facilities as the records of a shard; sequence numbers gain a digit on the way."""
    return [
        StreamRecord(str(96 + number), facility, data, START_MS + 60_000 + number)
        for number, (facility, data) in enumerate(blocks)
    ]


def block(*rows: dict[str, Any] | bytes) -> bytes:
    """Readings and raw lines as one block."""
    return b"".join(row + b"\n" if isinstance(row, bytes) else encode_block([row]) for row in rows)
