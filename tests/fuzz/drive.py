"""Drives stream records through the pipeline and its adapters, and holds the result to every promise."""

import base64
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import orjson

from lambdas.firehose_transform import handler as transform
from lambdas.scoring import handler as scoring
from petrostream.aws.models import ModelStore
from petrostream.aws.state import MAX_STATE_BYTES, SCORING
from petrostream.backoff import NO_DEADLINE
from petrostream.lake import MAX_BLOCK_BYTES
from petrostream.live import EPOCH, owner_key, place_key
from petrostream.pipeline import PARTS, Outcome, StreamRecord, own, process_batch
from petrostream.pipeline.ports import Ports
from petrostream.scoring import codec
from tests.fuzz.inputs import Record
from tests.fuzz.reconcile import Broken, check_types, demand, lines_of, reconcile
from tests.support.event_source import STREAM_ARN, event_of
from tests.support.fakes import FakeBucket
from tests.support.scoring_world import START_MS, World, published

TABLES = {"delivery": "scored_readings", "facility": "facility_readings", "alarms": "alarms"}
"""Tables behind the transform, by delivery stream."""

SLOW_SECONDS = 60.0
"""CPU seconds after which a batch would endanger the function's time-out of 120 s."""

SHARD_ID = "shardId-000000000000"
SHARD = f"{STREAM_ARN.rpartition('/')[2]}/{SHARD_ID}"
"""The shard that every batch comes from, as the stream and the live table name it."""

NEVER = 1e9
"""Seconds between snapshots so long that only what is urgent or new is stored."""

_NOW_MS = START_MS + 10**9


@cache
def _models() -> ModelStore:
    return ModelStore("artifacts", FakeBucket(published()), refresh_seconds=1e12)  # type: ignore[arg-type]


@dataclass(slots=True)
class Measured:
    """What was seen so far.

    Attributes:
        counts: lines, rows, records, batches, and reasons as `reason:<code>`.
        seconds: CPU seconds of each batch.
        state_bytes: largest state of a facility.
        slowest: lines and bytes of the slowest batch.
    """

    counts: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    state_bytes: int = 0
    slowest: tuple[int, int] = (0, 0)


class Lake:
    """The pipeline over empty services, or over the states of another lake.

    Args:
        states: of the other lake.
        commit_seconds: between two snapshots; with 0 each batch writes one.
    """

    def __init__(self, states: dict[str, dict[str, Any]] | None = None, commit_seconds: float = 0) -> None:
        self.world = World(join="all", commit_seconds=commit_seconds)
        self.world.table.items.update(states or {})

    def process(self, records: Sequence[StreamRecord]) -> Outcome:
        """Process a batch as the function's handler does."""
        self.world.stream.put(event_of(records, SHARD_ID))
        return process_batch(records, self._ports(), shard_id=SHARD)

    def settle(self) -> None:
        """Let a new process take the shard over, so that every snapshot lacks nothing."""
        self.forget()
        own(SHARD, self._ports(), _models().current(), NO_DEADLINE, 0.0)

    def _ports(self) -> Ports:
        ports = self.world.worker().ports(NO_DEADLINE)
        return replace(ports, models=_models(), now_ms=lambda: _NOW_MS)

    def forget(self) -> None:
        """End the process: its warm memory is gone."""
        self.world.processes.clear()

    def taken(self) -> dict[str, list[bytes]]:
        """The Firehose entries since the last call."""
        entries = {name: list(content) for name, content in self.world.firehose.entries.items()}
        self.world.firehose.entries.clear()
        return entries

    def states(self) -> dict[str, dict[str, Any]]:
        """The facilities' items as they are stored."""
        return dict(self.world.table.items)


def to_batch(records: Iterable[Record]) -> list[StreamRecord]:
    """The records as the function reads them from its event."""
    return [
        scoring.to_record(
            {
                "kinesis": {
                    "partitionKey": record.partition_key,
                    "sequenceNumber": record.sequence,
                    "data": record.text,
                    "approximateArrivalTimestamp": record.arrival_ms / 1000,
                }
            }
        )
        for record in records
    ]


def deliver(lake: Lake, batch: Sequence[StreamRecord], measured: Measured, *, twice: bool = False) -> None:
    """Process a batch and check everything that must hold afterwards.

    Args:
        lake: where to.
        batch: records of one shard, in order.
        measured: the batch's counts are added to it.
        twice: whether to process it again from the states before it, in other batches and other processes,
            with snapshots of each batch and with hardly any.

    Raises:
        Broken: a promise does not hold.
    """
    before = lake.states()
    entries = _processed(lake, batch, measured)
    rows = {name: rows_of(content) for name, content in entries.items()}
    _check_rows(lake, batch, entries, rows, measured)
    _check_states(lake, measured)
    _check_nothing_changes(lake, batch, rows)
    # Which wells a full state drops, and when, depends on what is committed at once.
    full = any(_size(item) > MAX_STATE_BYTES // 2 for item in (*before.values(), *lake.states().values()))
    if twice and not full:
        _check_same_again(Lake(before), batch, rows, lake.states())
        # What is no base64 cannot be on a stream, so nobody could read it there again.
        if not any(record.broken for record in batch):
            _check_same_again(Lake(before, NEVER), batch, rows, lake.states(), turns=True)


def _processed(lake: Lake, batch: Sequence[StreamRecord], measured: Measured) -> dict[str, list[bytes]]:
    started = time.process_time()
    try:
        outcome = lake.process(batch)
    except Exception as error:
        raise Broken("the pipeline raises", repr(error)) from error
    seconds = time.process_time() - started
    if outcome.failed:
        raise Broken("a batch fails", repr(outcome.errors[0])) from outcome.errors[0]
    size = sum(len(record.data) for record in batch)
    if seconds >= max(measured.seconds, default=0):
        measured.slowest = (sum(len(lines_of(record)) for record in batch), size)
    measured.seconds.append(seconds)
    demand(seconds < SLOW_SECONDS, "a batch is slow", f"{seconds:.1f} CPU seconds for {size} bytes")
    tally = outcome.tally
    measured.counts.update(
        batches=1, records=len(batch), anomalies=tally.anomalies, tanks_counted=tally.tanks
    )
    return lake.taken()


def rows_of(entries: Iterable[bytes]) -> list[dict[str, Any]]:
    """The rows of Firehose entries."""
    return [orjson.loads(line) for entry in entries for line in entry.splitlines()]


def _check_rows(
    lake: Lake,
    batch: Sequence[StreamRecord],
    entries: dict[str, list[bytes]],
    rows: dict[str, list[dict[str, Any]]],
    measured: Measured,
) -> None:
    quarantined = rows.get("quarantine", [])
    counts = reconcile(batch, rows.get("delivery", []), quarantined)
    check_types("quarantine", quarantined)
    for name, table in TABLES.items():
        check_types(table, rows.get(name, []))
        _check_transform(entries.get(name, []))
    for name, content in entries.items():
        demand(all(entry.endswith(b"\n") for entry in content), "an entry does not end its last line", name)
        demand(max(map(len, content)) <= MAX_BLOCK_BYTES, "an entry is too large", name)
    tanks = measured.counts["tanks_counted"]
    measured.counts += counts
    demand(measured.counts["tanks"] == tanks, "a tank reading is lost", (measured.counts["tanks"], tanks))
    measured.counts.update(f"reason:{code(reason)}" for row in quarantined for reason in row["reasons"])
    measured.counts.update(
        f"reason:{code(reason)}"
        for row in rows.get("delivery", [])
        for reason in row.get("validation_reasons") or ()
    )
    measured.counts.update(joined=len(rows.get("facility", [])), alarms=len(rows.get("alarms", [])))


def code(reason: str) -> str:
    """The code of a reason, without its field."""
    return reason.partition(":")[0]


def _check_transform(entries: list[bytes]) -> None:
    """Hold entries to the transform, 2 MiB a call as its buffer has it."""
    call: list[dict[str, str]] = []
    size = 0
    for number, entry in enumerate(entries):
        call.append({"recordId": str(number), "data": base64.b64encode(entry).decode()})
        size += len(entry)
        if size >= 2 * 1024 * 1024 or number == len(entries) - 1:
            answers = transform.transform(call)
            demand(
                [a["recordId"] for a in answers] == [r["recordId"] for r in call], "the transform reorders"
            )
            for answer, record in zip(answers, call, strict=True):
                _check_answer(answer, base64.b64decode(record["data"]))
            call, size = [], 0


def _check_answer(answer: dict[str, Any], entry: bytes) -> None:
    if answer["result"] != "Ok":
        try:
            reason = transform.date_of(entry)
        except ValueError as error:
            reason = str(error)
        raise Broken("the transform refuses a block", reason)
    demand(base64.b64decode(answer["data"]) == entry, "the transform changes a block")
    date = answer["metadata"]["partitionKeys"]["date"]
    days = {row["ts"][:10] for row in rows_of([entry])}
    demand(days == {date}, "a block is of another date", (days, date))


def _parts(item: dict[str, Any]) -> dict[str, bytes]:
    return {name: bytes(item[name]["B"]) for name in (SCORING, *PARTS)}


def _size(item: dict[str, Any]) -> int:
    return sum(map(len, _parts(item).values()))


def _check_states(lake: Lake, measured: Measured) -> None:
    """Every part of every state reads back as what was written, and all of it fits."""
    for item in lake.states().values():
        parts = _parts(item)
        size = _size(item)
        demand(size <= MAX_STATE_BYTES, "a state is too large", size)
        measured.state_bytes = max(measured.state_bytes, size)
        codecs = {SCORING: codec, **PARTS}
        for name, content in parts.items():
            again = codecs[name].encode(codecs[name].decode(content))  # type: ignore[attr-defined]
            demand(again == content, "a state does not survive its encoding", name)


def _identities(rows: dict[str, list[dict[str, Any]]]) -> dict[str, set[str]]:
    keys = ("quarantine_id", "transition_id", "event_id")
    return {
        name: {next(row[key] for key in keys if key in row) for row in content}
        for name, content in rows.items()
    }


def _stored(lake: Lake, *, claims: bool) -> tuple[dict[str, Any], dict[tuple[str, str], Any], int]:
    """States; minutes, lists and the shard's place; how many messages were published.

    Args:
        lake: where.
        claims: with the shard's owner and the epoch of its claim, which another process changes.
    """
    table = lake.world.table
    others = {key: dict(item) for key, item in table.others.items()}
    if not claims:
        owner, place = (_both(key(SHARD)) for key in (owner_key, place_key))
        others.pop(owner, None)
        others.get(place, {}).pop(EPOCH, None)
    return lake.states(), others, len(lake.world.topic.messages)


def _both(key: dict[str, Any]) -> tuple[str, str]:
    return key["pk"]["S"], key["sk"]["S"]


def _check_nothing_changes(
    lake: Lake, batch: Sequence[StreamRecord], rows: dict[str, list[dict[str, Any]]]
) -> None:
    """The same records once more: no new identity, and neither states, minutes, place nor messages move."""
    another = bool(len(batch) % 2)
    before = _stored(lake, claims=not another)
    if another:
        lake.forget()
    outcome = lake.process(batch)
    demand(not outcome.failed, "a repeated batch fails", outcome.errors)
    again = _identities({name: rows_of(content) for name, content in lake.taken().items()})
    known = _identities(rows)
    for name, found in again.items():
        demand(found <= known.get(name, set()), "a repeated batch adds rows", name)
    demand(not again.get("delivery"), "a repeated batch scores again")
    demand(_stored(lake, claims=not another) == before, "a repeated batch changes what is stored")


def _check_same_again(
    other: Lake,
    batch: Sequence[StreamRecord],
    rows: dict[str, list[dict[str, Any]]],
    after: dict[str, dict[str, Any]],
    *,
    turns: bool = False,
) -> None:
    """From the same states, a record at a time: the same rows, and the same memory of the wells.

    Args:
        other: a lake with the states before the batch.
        batch: the records.
        rows: what the batch delivered as a whole.
        after: the states after it.
        turns: whether every second record meets a new process, which takes over what no snapshot has.
    """
    way = "taking over" if turns else "another batching"
    for number, record in enumerate(batch):
        demand(not other.process([record]).failed, "a record of its own fails", record.sequence)
        if turns and number % 2 == 0:
            other.forget()
    if turns:
        other.settle()
    again = {name: rows_of(content) for name, content in other.taken().items()}
    demand(set(again) == set(rows), f"{way} makes other rows", (set(again), set(rows)))
    for name, content in rows.items():
        demand(_comparable(again[name]) == _comparable(content), f"{way} makes other rows", name)
    for key, item in after.items():
        for part in (SCORING, "join", "windows"):
            same = other.states()[key][part] == item[part]
            demand(same, f"{way} makes another state", (key, part))


def _comparable(rows: list[dict[str, Any]]) -> list[bytes]:
    """Rows without nulls, which depend on the batch, in an order that does not."""
    plain = [{name: value for name, value in row.items() if value is not None} for row in rows]
    return sorted(orjson.dumps(row, option=orjson.OPT_SORT_KEYS) for row in plain)
