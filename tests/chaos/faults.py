"""The faults: one row each. `python -m tests.chaos --list` prints them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.chaos import fleet as fleets
from tests.chaos import moves
from tests.chaos.services import DAMAGED, GONE
from tests.chaos.trial import Trial
from tests.support.fakes import CRASH_AFTER, CRASH_BEFORE, LOST, OK, OVERTAKEN, PARTIAL, THROTTLED

SNAPSHOTS_READ, SNAPSHOTS_WRITTEN, MINUTES, PLACES = (frozenset({kind}) for kind in range(4))
WRITES = SNAPSHOTS_WRITTEN | PLACES

Prepare = Callable[[Trial], None]


@dataclass(frozen=True)
class Row:
    """A fault.

    Attributes:
        name: as the command line and the page know it.
        what: what happens.
        prepare: sets a trial up for it.
    """

    name: str
    what: str
    prepare: Prepare

    def apply(self, trial: Trial) -> None:
        """Prepare the fault."""
        self.prepare(trial)


def _for(seconds: float, service: str, outcome: str, **more: Any) -> Prepare:
    """A fault that lasts from a random moment on."""

    def prepare(trial: Trial) -> None:
        trial.some_time(seconds, service, outcome, **more)

    return prepare


def _share(chance: float, service: str, outcome: str, **more: Any) -> Prepare:
    """A fault that strikes a share of the calls, all the time."""

    def prepare(trial: Trial) -> None:
        trial.now_and_then(service, outcome, chance, **more)

    return prepare


def _sends(change: Callable[..., int], *arguments: object) -> Prepare:
    """A fault of what is sent; `change` returns how many records it concerns."""

    def prepare(trial: Trial) -> None:
        for _ in range(change(trial.sent, trial.rng, *arguments)):
            trial.weather.note("producer", change.__name__)

    return prepare


def _all(*prepares: Prepare) -> Prepare:
    def prepare(trial: Trial) -> None:
        for one in prepares:
            one(trial)

    return prepare


def _at_once(service: str, **more: Any) -> Prepare:
    """Another process gets the batch that this one is working on."""

    def prepare(trial: Trial) -> None:
        rule = trial.now_and_then(service, OK, 0.1, **more)
        rule.meanwhile = partial(_second_process, trial)

    return prepare


def _second_process(trial: Trial) -> None:
    # Looked up when it strikes: the world is made after the faults are prepared.
    trial.world.second_process()


ROWS: tuple[Row, ...] = (
    Row(
        "producer-killed",
        "Producer killed after a write whose answer it never saw; resumed",
        _share(0.02, "put", CRASH_AFTER),
    ),
    Row(
        "producer-disk-full",
        "The producer's disk is full: it ends, and is resumed from its last whole file of progress",
        moves.full_disk,
    ),
    Row("put-records-throttled", "PutRecords refused as a whole for 8 s", _for(8, "put", THROTTLED)),
    Row(
        "put-records-partial",
        "PutRecords accepts some records, refuses others",
        _share(0.2, "put one", THROTTLED),
    ),
    Row("put-records-lost", "PutRecords succeeds, its answer is lost", _share(0.05, "put", LOST)),
    Row("records-doubled", "One record in ten sent again, up to 10 s later", _sends(fleets.repeated)),
    Row("records-swapped", "Neighbouring records of a facility exchanged", _sends(fleets.swapped)),
    Row("records-late", "One record in twelve comes 30 s late", _sends(fleets.delayed)),
    Row("producer-clock", "A facility's clock is 20 minutes ahead for 30 s", _sends(fleets.wrong_clock, 20)),
    Row(
        "producer-clock-far",
        "A facility's clock is two hours ahead for 30 s",
        _sends(fleets.wrong_clock, 120),
    ),
    Row("poison-kpl", "Records aggregated by the Kinesis Producer Library", _sends(fleets.spoiled, "kpl")),
    Row("poison-gzip", "Records compressed by gzip", _sends(fleets.spoiled, "gzip")),
    Row("poison-long", "Lines of 1 MiB", _sends(fleets.spoiled, "long")),
    Row("poison-utf8", "Lines that are not UTF-8", _sends(fleets.spoiled, "utf8")),
    Row("fleet-of-200", "200 wells at ten facilities", moves.large_fleet),
    Row("reshard", "Shards 1 to 2 to 4 to 2 to 1 with readings in flight", moves.resharded),
    Row(
        "worker-killed-before",
        "Scoring process killed before a call",
        _all(
            _share(0.01, "firehose", CRASH_BEFORE),
            _share(0.01, "dynamodb", CRASH_BEFORE),
            _share(0.05, "sns", CRASH_BEFORE),
        ),
    ),
    Row(
        "worker-killed-after",
        "Scoring process killed after a call",
        _all(
            _share(0.01, "firehose", CRASH_AFTER),
            _share(0.01, "dynamodb", CRASH_AFTER),
            _share(0.05, "sns", CRASH_AFTER),
        ),
    ),
    Row("worker-out-of-memory", "Scoring runs out of memory in mid-batch", moves.out_of_memory),
    Row("worker-out-of-time", "Invocations without time left", moves.out_of_time),
    Row("worker-recycled", "A new process for one invocation in five", moves.recycled),
    Row("consumer-clock-ahead", "The consumer's clock an hour ahead", moves.consumer_clock(3_600_000)),
    Row("consumer-clock-behind", "The consumer's clock an hour behind", moves.consumer_clock(-3_600_000)),
    Row("turns", "Three processes take turns on a shard", moves.turns),
    Row("at-once-flush", "Two processes work on one batch while it is delivered", _at_once("firehose")),
    Row(
        "at-once-commit",
        "Two processes work on one batch while it is committed",
        _at_once("dynamodb", kinds=WRITES),
    ),
    Row("put-batch-throttled", "PutRecordBatch refused for 8 s", _for(8, "firehose", THROTTLED)),
    Row(
        "put-batch-partial",
        "PutRecordBatch accepts some entries, refuses others",
        _share(0.3, "firehose", PARTIAL),
    ),
    Row("put-batch-lost", "PutRecordBatch succeeds, its answer is lost", _share(0.1, "firehose", LOST)),
    Row("firehose-down", "Firehose down for three minutes", _for(180, "firehose", THROTTLED)),
    Row("firehose-repeats", "Firehose delivers entries twice", _share(0.2, "delivery", LOST)),
    Row(
        "transform-killed",
        "Transform killed; Firehose invokes it again",
        _share(0.3, "transform", CRASH_BEFORE),
    ),
    Row(
        "transform-lost",
        "The transform's answer is lost; Firehose invokes it again",
        _share(0.3, "transform", LOST),
    ),
    Row(
        "transform-down",
        "Firehose gives up on the transform; what it set aside is redelivered",
        _share(0.8, "transform", CRASH_BEFORE),
    ),
    Row(
        "catalogue-dropped",
        "Tables dropped from the catalogue while Firehose converts; restored, and redelivered",
        _share(0.5, "catalogue", GONE),
    ),
    Row("table-down", "DynamoDB down for a minute", _for(60, "dynamodb", THROTTLED)),
    Row("table-throttled", "DynamoDB refuses one call in five", _share(0.2, "dynamodb", THROTTLED)),
    Row(
        "table-conflict",
        "A write is done, its own repeat meets its condition",
        _share(0.1, "dynamodb", OVERTAKEN, kinds=WRITES),
    ),
    Row("table-lost", "DynamoDB writes, its answer is lost", _share(0.1, "dynamodb", LOST, kinds=WRITES)),
    Row(
        "minutes-refused",
        "Minutes and markers of alerts refused",
        _share(0.2, "dynamodb", THROTTLED, kinds=MINUTES),
    ),
    Row("state-too-large", "Memories over the limit of an item", moves.small_items),
    Row(
        "bucket-slow",
        "S3 does not answer in time, and processes are new",
        _all(_for(20, "s3", LOST), moves.recycled),
    ),
    Row(
        "bucket-503", "S3 answers 503, and processes are new", _all(_for(20, "s3", THROTTLED), moves.recycled)
    ),
    Row(
        "pointer-missing",
        "The pointer to the models is gone, and processes are new",
        _all(_for(20, "s3 content", GONE), moves.recycled),
    ),
    Row(
        "pointer-damaged",
        "The pointer to the models is damaged, and processes are new",
        _all(_for(20, "s3 content", DAMAGED), moves.recycled),
    ),
    Row("digest-wrong", "A published model is not the file of its manifest", moves.altered_model),
    Row("model-changes", "Another version is published between batches", moves.another_version),
    Row(
        "model-changes-mid-batch",
        "Another version is published while a batch is in work",
        moves.version_in_mid_batch,
    ),
    Row("topic-refuses", "SNS refuses messages for 20 s", _for(20, "sns", THROTTLED)),
    Row("topic-partial", "SNS accepts some messages, refuses others", _share(0.5, "sns", PARTIAL)),
    Row("topic-silent", "SNS accepts messages, its answers are lost", _share(0.5, "sns", LOST)),
    Row("whole-batches", "No partial responses: the event source repeats whole batches", moves.whole_batches),
    Row("bisect", "The event source bisects failing batches", moves.bisected),
    Row("redrive", "Batches given up on, and redriven hours later", moves.redriven),
    Row(
        "reads-throttled",
        "GetRecords refused while a process takes over",
        _all(_share(0.3, "kinesis", THROTTLED), moves.recycled),
    ),
    Row("parallel", "Parallelisation factor 3, memories stored with each batch", moves.parallel),
)
"""All faults."""
