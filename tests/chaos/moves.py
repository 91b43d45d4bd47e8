"""Faults that need more than a refused call: of processes, shards, models and the event source."""

import json
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from ops.redrive import Redrive
from petrostream.backoff import Backoff
from petrostream.pipeline import advance
from tests.chaos.checkpoint import Checkpoint
from tests.chaos.consumer import Consumer
from tests.chaos.fleet import fleet
from tests.chaos.services import STREAM, Reread, records_of
from tests.chaos.trial import Trial
from tests.support.event_source import StreamRecord
from tests.support.fakes import OK, PARTIAL, THROTTLED

FIRST = b'{"version": "v1"}'
"""The pointer to the first version."""

Shards = dict[str, list[StreamRecord]]


def large_fleet(trial: Trial) -> None:
    """200 wells, 20 at each facility."""
    trial.sent = fleet(trial.rng, seconds=40, facilities=10, wells=20)
    trial.weather.note("producer", "200 wells")


def full_disk(trial: Trial) -> None:
    """The producer cannot write what is acknowledged, and ends; it begins again with what it wrote before."""
    trial.intake.checkpoint = Checkpoint(trial.weather)
    trial.now_and_then("disk", THROTTLED, 0.05)


def resharded(trial: Trial) -> None:
    """One shard becomes two, four, two and one again."""
    steps = (("double", 20), ("double", 45), ("halve", 70), ("halve", 90))
    for name, second in steps:
        at = second + trial.rng.randrange(10)
        trial.intake.reshards[at] = lambda stream, name=name: getattr(stream, name)()


def out_of_memory(trial: Trial) -> None:
    """Scoring raises MemoryError for a share of portions."""

    def prepare(trial: Trial, _shards: Shards) -> None:
        whole = advance.run_stages

        def failing(*arguments: Any) -> Any:
            if trial.weather.strike("memory") != "ok":
                raise MemoryError
            return whole(*arguments)

        trial.patches.append(patch.object(advance, "run_stages", failing))

    trial.now_and_then("memory", THROTTLED, 0.03)
    trial.before.append(prepare)


def out_of_time(trial: Trial) -> None:
    """A third of the invocations begin with no time left."""

    def remaining() -> int:
        if trial.weather.shelter or trial.rng.random() > 1 / 3:
            return 120_000
        trial.weather.note("lambda", "out of time")
        return 0

    trial.remaining_ms = remaining


def recycled(trial: Trial) -> None:
    """One invocation in five finds a process that knows nothing."""

    def prepare(trial: Trial, _shards: Shards) -> None:
        serving = trial.world.serving

        def switch() -> int:
            process = serving()
            if trial.rng.random() < 1 / 5 and trial.world.processes.pop(process, None):
                trial.weather.note("lambda", "recycled")
            return process

        trial.world.serving = switch

    trial.before.append(prepare)


def turns(trial: Trial) -> None:
    """Each invocation goes to one of three processes."""

    def prepare(trial: Trial, _shards: Shards) -> None:
        def switch() -> int:
            trial.weather.note("lambda", "turn")
            return trial.rng.randrange(3)

        trial.world.serving = switch

    trial.before.insert(0, prepare)


def consumer_clock(skew_ms: int) -> Callable[[Trial], None]:
    """The clock of all the consumer's processes is wrong."""

    def prepare(trial: Trial) -> None:
        trial.clock.skew_ms = skew_ms
        trial.weather.note("lambda", f"clock {skew_ms} ms off")

    return prepare


def small_items(trial: Trial) -> None:
    """An item holds a fraction of a facility's memory, so parts of it are cut: rows stay, memories do not."""
    trial.exact = False
    trial.patches.append(patch("petrostream.aws.state.MAX_STATE_BYTES", 1_500))
    trial.weather.note("dynamodb", "small items")
    recycled(trial)


def altered_model(trial: Trial) -> None:
    """A version is published whose file is not the one that its manifest describes; then it is withdrawn."""
    _publish(trial, lambda onnx: onnx + b"x", seconds=30)


def another_version(trial: Trial) -> None:
    """A second version is published, whose rows say so."""
    trial.exact = False
    _publish(trial, lambda onnx: onnx)


def version_in_mid_batch(trial: Trial) -> None:
    """A second version is published while a batch is in work: its rows are the first version's to the end."""
    trial.exact = False
    rule = trial.now_and_then("firehose", OK, 0.1, left=1)
    rule.meanwhile = lambda: _second_version(trial.world.bucket.objects, lambda onnx: onnx)


def _publish(trial: Trial, change: Callable[[bytes], bytes], seconds: int | None = None) -> None:
    """Publish a second version at a random moment, and point to the first again after some seconds."""
    second = trial.rng.randrange(20, 60)

    def prepare(trial: Trial, _shards: Shards) -> None:
        objects = trial.world.bucket.objects
        whole = trial.world.serving
        begin = trial.clock.now_ms + 1000 * second

        def serving() -> int:
            if trial.clock.now_ms >= begin and "models/v2/manifest.json" not in objects:
                _second_version(objects, change)
                trial.weather.note("s3", "version 2 published")
            if seconds is not None and trial.clock.now_ms >= begin + 1000 * seconds:
                objects["models/current.json"] = FIRST
            return whole()

        trial.world.serving = serving

    trial.before.append(prepare)


def _second_version(objects: dict[str, bytes], change: Callable[[bytes], bytes]) -> None:
    manifest = json.loads(objects["models/v1/manifest.json"]) | {"version": "v2"}
    manifest["fleet"]["version"] = "v2"
    objects["models/v2/manifest.json"] = json.dumps(manifest).encode()
    objects["models/v2/model.onnx"] = change(objects["models/v1/model.onnx"])
    objects["models/current.json"] = b'{"version": "v2"}'


def whole_batches(trial: Trial) -> None:
    """The event source does not know partial responses, and Firehose refuses entries."""
    trial.mapping["report_item_failures"] = False
    trial.now_and_then("firehose", PARTIAL, 0.2)
    trial.before.append(lambda trial, _shards: setattr(trial.world, "partial", False))


def bisected(trial: Trial) -> None:
    """Batches are bisected on errors, of which there are some, and small."""
    trial.mapping |= {"bisect": True, "report_item_failures": False, "batch_size": 8}
    trial.now_and_then("firehose", PARTIAL, 0.2)
    trial.before.append(lambda trial, _shards: setattr(trial.world, "partial", False))


def redriven(trial: Trial) -> None:
    """Firehose is down until the event source gives up; hours later the batches are redriven."""
    trial.exact = False
    trial.mapping["retry_attempts"] = 3
    trial.some_time(20, "firehose", THROTTLED)
    trial.after.append(_redrive)


def _redrive(trial: Trial, consumer: Consumer) -> Shards:
    trial.clock.now_ms += 3 * 3_600_000
    known = {name: len(shard.records) for name, shard in trial.intake.stream.shards.items()}
    stream, queue = Reread(trial.intake, trial.world.stream), Queue(consumer.notices)
    command = Redrive(queue, stream, "queue", STREAM, backoff=Backoff(limit=3, sleep=lambda _: None))  # type: ignore[arg-type]
    for result in command.run(execute=True):
        trial.weather.note("ops", f"redriven {result.sent} {result.trouble}")
    return {name: records[known[name] :] for name, records in records_of(trial.intake.stream).items()}


class Queue:
    """The failure queue, with the notices of the event source."""

    def __init__(self, notices: list[dict[str, Any]]) -> None:
        self._waiting = [
            {"MessageId": str(place), "ReceiptHandle": str(place), "Body": json.dumps(notice)}
            for place, notice in enumerate(notices)
        ]

    def receive_message(self, *, MaxNumberOfMessages: int, **_: Any) -> dict[str, Any]:  # noqa: N803
        taken = self._waiting[:MaxNumberOfMessages]
        self._waiting = self._waiting[MaxNumberOfMessages:]
        return {"Messages": taken}

    def delete_message(self, **_: Any) -> None:
        """Nothing: a message that was received does not come again here."""

    def change_message_visibility(self, **_: Any) -> None:
        """Nothing, likewise."""


def parallel(trial: Trial) -> None:
    """Three batches of a shard in work at once, of different facilities, on as many processes."""
    trial.lanes = 3
    trial.commit_seconds = 0
    turns(trial)
