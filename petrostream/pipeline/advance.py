"""Moves one facility's memory over its records of a batch: skip what is done, validate, score, write rows.

Used for records to deliver, and with muted sinks for records that another process has delivered
(`petrostream.pipeline.takeover`): both must reach the same memory.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from petrostream.detection import ModelSet
from petrostream.errors import ModelsMissing
from petrostream.lake import quarantine_line
from petrostream.minutes import Window
from petrostream.pipeline.batch import StreamRecord, Tally
from petrostream.pipeline.memory import Memory
from petrostream.pipeline.portions import portions
from petrostream.pipeline.ports import Outputs, Sink
from petrostream.pipeline.stages import ChunkTimes, run_stages
from petrostream.readings import Block, Rejected, ValidatedBlocks, validate_blocks

CHUNK_BYTES = 2 * 1024 * 1024
"""Most stream bytes validated at once: some 10,000 readings. Scoring them is cut to portions of like cost."""

KPL_MAGIC = b"\xf3\x89\x9a\xc2"
"""First bytes of a record aggregated by the Kinesis Producer Library (its aggregation format)."""


@dataclass(slots=True)
class FacilityBatch:
    """One facility's records of the batch, and how far they are processed.

    Attributes:
        facility_id: the facility.
        records: its records, in shard order.
        memory: after the records processed so far, None before the first.
        version: of the snapshot that the memory was loaded from.
        closed: windows that the processed records closed.
        done: how many records are completely processed.
        first: the first record processed, be it in part; None if nothing new is processed.
        urgent: whether an alarm, a period of ALERT or an unpublished alert came or went.
        failure: why the others are not, None if nothing failed.
        tally: counts of the processed records.
    """

    facility_id: str
    records: list[StreamRecord]
    memory: Memory | None = None
    version: int = 0
    closed: list[Window] = field(default_factory=list)
    done: int = 0
    first: str | None = None
    urgent: bool = False
    failure: Exception | None = None
    tally: Tally = field(default_factory=Tally)

    @property
    def advanced(self) -> bool:
        """Whether anything new is processed, be it part of a record."""
        return self.first is not None

    def chunks(self) -> Iterable[list[StreamRecord]]:
        """The records not yet processed, in order, in chunks of at most `CHUNK_BYTES`."""
        chunk: list[StreamRecord] = []
        size = 0
        for record in self.records[self.done :]:
            if chunk and size + len(record.data) > CHUNK_BYTES:
                yield chunk
                chunk, size = [], 0
            chunk.append(record)
            size += len(record.data)
        if chunk:
            yield chunk

    def reset(self) -> None:
        """Forget everything processed."""
        self.memory, self.version, self.closed = None, 0, []
        self.done, self.first, self.urgent, self.tally = 0, None, False, Tally()


def by_facility(records: Iterable[StreamRecord]) -> list[FacilityBatch]:
    """Records grouped by facility, each group in the given order."""
    batches: dict[str, FacilityBatch] = {}
    for record in records:
        batch = batches.setdefault(record.partition_key, FacilityBatch(record.partition_key, []))
        batch.records.append(record)
    return list(batches.values())


def advance(
    batch: FacilityBatch, chunk: list[StreamRecord], outputs: Outputs, models: ModelSet | None
) -> Iterator[None]:
    """Validate and score one chunk in portions; yields before each portion.

    If the caller stops at one, the batch is advanced as far as the portions before it: the sinks have their
    rows.

    Args:
        batch: the batch, its memory loaded.
        chunk: the next of `batch.chunks()`.
        outputs: where rows go.
        models: the models to score with.

    Raises:
        ModelsMissing: the facility was scored with a model, and there is none now.
    """
    if batch.memory is None:
        raise ValueError(f"facility {batch.facility_id}: load its memory before its records are processed")
    places = after(chunk, batch.memory.scoring.last_sequence)
    new = [chunk[place] for place in places]
    if new and models is None and batch.memory.live.scored_by_a_model:
        raise ModelsMissing(batch.facility_id)
    if not new:
        _pass(batch, batch.done + len(chunk), 0)
        return
    validated = _validate(new, tanks=outputs.join != "off")
    before, complete = batch.done, 0
    for number, portion in enumerate(portions(new, validated, batch.memory.scoring)):
        if number:
            yield
        times, tally = ChunkTimes(outputs.now_ms(), chunk[-1].arrival_ms), Tally()
        memory, closed = run_stages(batch.memory, portion.content, outputs, models, times, tally)
        for place in range(complete, complete + portion.records):
            rejected = validated.rejected[place]
            tally.quarantined += _quarantine(new[place], rejected, outputs.quarantine, times.now_ms)
        batch.first = batch.first or new[complete].sequence
        complete += portion.records
        batch.urgent = batch.urgent or _differ(batch.memory, memory)
        batch.memory = replace(memory, scoring=portion.advanced(memory.scoring))
        batch.closed += closed
        batch.tally.add(tally)
        _pass(
            batch, before + places[complete] if complete < len(new) else before + len(chunk), portion.records
        )


def run_again(
    memory: Memory, records: Sequence[StreamRecord], outputs: Outputs, models: ModelSet | None
) -> Memory:
    """Move a facility's memory over records, and write the rows that the stream's consumer wrote.

    Args:
        memory: the facility's memory before the records.
        records: records of that facility, in the order of their sequence numbers. Those that the memory has
            seen are skipped.
        outputs: where rows go.
        models: the models to score with.

    Returns:
        The memory after them, without alerts: nothing is published of what is run again.
    """
    batch = FacilityBatch(memory.scoring.facility_id, list(records), memory)
    for chunk in batch.chunks():
        for _ in advance(batch, chunk, outputs, models):
            pass
        moved = batch.memory or memory
        batch.memory = replace(moved, live=replace(moved.live, unpublished=()))
        batch.closed = []
    return batch.memory or memory


def after(chunk: Iterable[StreamRecord], last_sequence: str | None) -> list[int]:
    """Places of the records after `last_sequence`, each sequence number once. They compare as integers."""
    last = int(last_sequence) if last_sequence else -1
    new: list[int] = []
    for place, record in enumerate(chunk):
        number = int(record.sequence)
        if number > last:
            new.append(place)
            last = number
    return new


def _differ(before: Memory, now: Memory) -> bool:
    """Whether what an operator must not wait for is another."""
    one, other = before.live, now.live
    return (
        one.alarms != other.alarms
        or one.returned != other.returned
        or one.periods.keys() != other.periods.keys()
        or one.unpublished != other.unpublished
    )


def _pass(batch: FacilityBatch, done: int, processed: int) -> None:
    """Count the records up to `done` as completely processed; those not just processed were skipped."""
    passed = done - batch.done
    batch.tally.add(Tally(records=passed, records_skipped=passed - processed))
    batch.done = done


def _quarantine(record: StreamRecord, lines: Sequence[Rejected], sink: Sink, now_ms: int) -> int:
    """Write a record's rejected lines to the quarantine; returns how many there are."""
    for rejected in lines:
        row = quarantine_line(
            rejected,
            partition_key=record.partition_key,
            sequence=record.sequence,
            quarantined_at=now_ms,
        )
        sink.write(row)
    return len(lines)


def _validate(records: Sequence[StreamRecord], *, tanks: bool) -> ValidatedBlocks:
    """The content of one facility's records; nothing of one that is not what was put on the stream."""
    broken = [_broken(record) for record in records]
    blocks = [
        Block(record.data if reason is None else b"", record.sequence, record.arrival_ms)
        for record, reason in zip(records, broken, strict=True)
    ]
    validated = validate_blocks(blocks, partition_key=records[0].partition_key, tanks=tanks)
    for record, reason, rejected in zip(records, broken, validated.rejected, strict=True):
        if reason is not None:
            rejected.append(Rejected.of(0, record.data, (reason,)))
    return validated


def _broken(record: StreamRecord) -> str | None:
    """The reason why a record's data cannot be read as lines, None if it can."""
    if record.broken is None and record.data.startswith(KPL_MAGIC):
        # Its parts are framed in binary, which may contain line feeds: read as lines, some would pass.
        return "aggregated_record:data"
    return record.broken
