"""One batch of stream records: read, score, deliver, commit. The same for every kind of consumer.

The order of steps is what keeps the promises of docs/reference/delivery.md. For each facility, in shard
order: load its memory, skip the records already processed, validate, score, write the rows to the sinks. Once
all facilities are scored the sinks are flushed; only when they have accepted everything are closed windows
written and the memories saved. A failure anywhere leaves the memories of the facilities concerned as they
were, and reports their first uncommitted record. Alerts are published last, for committed changes only.

`petrostream.pipeline.stages` has the processing of valid readings.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from petrostream.backoff import NO_DEADLINE, Deadline
from petrostream.detection import ModelSet
from petrostream.errors import ModelsMissing, PetroStreamError, StateConflict, TimeShort
from petrostream.lake import quarantine_line
from petrostream.minutes import Window
from petrostream.pipeline.batch import Outcome, StreamRecord, Tally
from petrostream.pipeline.memory import Memory
from petrostream.pipeline.portions import portions
from petrostream.pipeline.ports import Ports, Sink
from petrostream.pipeline.stages import ChunkTimes, run_stages
from petrostream.readings import Readings, Rejected, Validated, validate_block

CHUNK_BYTES = 2 * 1024 * 1024
"""Most stream bytes validated at once: some 10,000 readings. Scoring them is cut to portions of like cost."""

KPL_MAGIC = b"\xf3\x89\x9a\xc2"
"""First bytes of a record aggregated by the Kinesis Producer Library (its aggregation format)."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _FacilityBatch:
    """One facility's records of the batch, and how far they are processed.

    Attributes:
        facility_id: the facility.
        records: its records, in shard order.
        memory: after the records processed so far, None before the first.
        version: of the memory that was loaded, then of the one saved.
        closed: windows that the processed records closed.
        done: how many records are completely processed.
        advanced: whether anything new is processed, be it part of a record.
        failure: why the others are not, None if nothing failed.
        tally: counts of the processed records.
    """

    facility_id: str
    records: list[StreamRecord]
    memory: Memory | None = None
    version: int = 0
    closed: list[Window] = field(default_factory=list)
    done: int = 0
    advanced: bool = False
    failure: Exception | None = None
    tally: Tally = field(default_factory=Tally)

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


def process_batch(
    records: Sequence[StreamRecord], ports: Ports, deadline: Deadline = NO_DEADLINE, reserve: float = 0.0
) -> Outcome:
    """Process a batch. Bad data never fails it; a service that fails may fail part of it.

    Args:
        records: records of one shard, in shard order.
        ports: the services that the batch needs.
        deadline: when the call must have returned.
        reserve: seconds before the deadline that are kept for delivery and commit: no further portion of
            records is started in them. The first portion is always tried.

    Returns:
        What was committed and what was not. Every record not reported as failed is in the lake or in the
        quarantine.
    """
    outcome = Outcome()
    batches = _by_facility(records)
    try:
        models = ports.models.current()
    except PetroStreamError as error:
        for batch in batches:
            batch.failure = error
    else:
        outcome.model_version = models.version if models else None
        _score_all(batches, ports, models, deadline, reserve)
        _commit(batches, ports, models)
        _publish(batches, ports)
    for batch in batches:
        if batch.failure is not None:
            outcome.failed.append(batch.records[batch.done].sequence)
            outcome.errors.append(batch.failure)
        outcome.tally.add(batch.tally)
    return outcome


def _by_facility(records: Iterable[StreamRecord]) -> list[_FacilityBatch]:
    batches: dict[str, _FacilityBatch] = {}
    for record in records:
        batch = batches.setdefault(record.partition_key, _FacilityBatch(record.partition_key, []))
        batch.records.append(record)
    return list(batches.values())


def _score_all(
    batches: Sequence[_FacilityBatch],
    ports: Ports,
    models: ModelSet | None,
    deadline: Deadline,
    reserve: float,
) -> None:
    for batch in batches:
        try:
            for chunk in batch.chunks():
                for _ in _advance(batch, chunk, ports, models):
                    # Skipped records are not progress: a retried batch begins with them.
                    started = any(other.advanced for other in batches)
                    if started and deadline.remaining() <= reserve:
                        raise TimeShort(f"facility {batch.facility_id}", deadline.remaining())  # noqa: TRY301
        except Exception as error:
            # Whatever it is, it concerns this facility only: the others must not wait for it.
            _fail(batch, error)


def _advance(
    batch: _FacilityBatch, chunk: list[StreamRecord], ports: Ports, models: ModelSet | None
) -> Iterator[None]:
    """Validate and score one chunk in portions; yields before each portion.

    If the caller stops at one, the batch is advanced as far as the portions before it: the sinks have their
    rows.
    """
    yield
    if batch.memory is None:
        batch.memory, batch.version = ports.states.load(batch.facility_id)
        batch.memory = replace(batch.memory, live=batch.memory.live.without(ports.alerts.published_ids))
    places = _after(chunk, batch.memory.scoring.last_sequence)
    new = [chunk[place] for place in places]
    if new and models is None and batch.memory.live.scored_by_a_model:
        raise ModelsMissing(batch.facility_id)
    validated = [_validate(record, tanks=ports.join != "off") for record in new]
    before, complete = batch.done, 0
    for number, portion in enumerate(portions(new, validated, batch.memory.scoring)):
        if number:
            yield
        times, tally = ChunkTimes(ports.now_ms(), chunk[-1].arrival_ms), Tally()
        memory, closed = run_stages(batch.memory, portion.content, ports, models, times, tally)
        for place in range(complete, complete + portion.records):
            rejected = validated[place].rejected
            tally.quarantined += _quarantine(new[place], rejected, ports.quarantine, times.now_ms)
        complete += portion.records
        batch.memory = replace(memory, scoring=portion.advanced(memory.scoring))
        batch.closed += closed
        batch.advanced = True
        batch.tally.add(tally)
        _pass(
            batch, before + places[complete] if complete < len(new) else before + len(chunk), portion.records
        )
    if not new:
        _pass(batch, before + len(chunk), 0)


def _pass(batch: _FacilityBatch, done: int, processed: int) -> None:
    """Count the records up to `done` as completely processed; those not just processed were skipped."""
    passed = done - batch.done
    batch.tally.add(Tally(records=passed, records_skipped=passed - processed))
    batch.done = done


def _after(chunk: Iterable[StreamRecord], last_sequence: str | None) -> list[int]:
    """Places of the records after `last_sequence`, each sequence number once. They compare as integers."""
    last = int(last_sequence) if last_sequence else -1
    new: list[int] = []
    for place, record in enumerate(chunk):
        number = int(record.sequence)
        if number > last:
            new.append(place)
            last = number
    return new


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


def _validate(record: StreamRecord, *, tanks: bool) -> Validated:
    broken = record.broken
    if broken is None and record.data.startswith(KPL_MAGIC):
        # Its parts are framed in binary, which may contain line feeds: read as lines, some would pass.
        broken = "aggregated_record:data"
    if broken is not None:
        return Validated(Readings.empty(), [Rejected.of(0, record.data, (broken,))])
    return validate_block(
        record.data,
        sequence=record.sequence,
        now_ms=record.arrival_ms,
        partition_key=record.partition_key,
        tanks=tanks,
    )


def _commit(batches: list[_FacilityBatch], ports: Ports, models: ModelSet | None) -> None:
    """Flush the sinks, then save each facility that advanced; a conflict is processed again, once."""
    if not _flush(batches, ports):
        return
    conflicts = [batch for batch in batches if not _save(batch, ports)]
    for batch in conflicts:
        _reset(batch)
    if not conflicts:
        return
    _score_all(conflicts, ports, models, NO_DEADLINE, 0.0)
    if _flush(conflicts, ports):
        for batch in conflicts:
            if not _save(batch, ports):
                _discard(batch, StateConflict(batch.facility_id, batch.version))


def _flush(batches: Iterable[_FacilityBatch], ports: Ports) -> bool:
    try:
        for sink in ports.sinks:
            sink.flush()
    except Exception as error:
        for batch in batches:
            _discard(batch, error)
        return False
    return True


def _save(batch: _FacilityBatch, ports: Ports) -> bool:
    """Commit what the batch has processed; False on a conflict. Any other failure is kept in the batch."""
    if batch.memory is None or not batch.advanced:
        return True
    # A key that has only ever carried rejected lines is probably not a facility, and gets no item.
    if batch.version == 0 and not batch.memory.scoring.wells and not batch.memory.join.tanks_seen:
        return True
    try:
        if not batch.memory.live.listed:
            ports.live.list_facility(batch.facility_id)
            batch.memory = replace(batch.memory, live=replace(batch.memory.live, listed=True))
        # Before the memory: once that is saved, the closed windows are no longer in it.
        ports.live.put_windows(batch.facility_id, batch.closed, batch.version + 1, ports.now_ms())
        batch.version = ports.states.save(batch.memory, batch.version)
    except StateConflict:
        return False
    except Exception as error:
        _discard(batch, error)
    return True


def _publish(batches: Iterable[_FacilityBatch], ports: Ports) -> None:
    """Publish alerts of committed changes, also those that an earlier batch committed but did not publish."""
    for batch in batches:
        if batch.memory is not None and batch.memory.live.unpublished:
            ports.alerts.publish(batch.memory.live.unpublished)


def _reset(batch: _FacilityBatch) -> None:
    batch.memory, batch.version, batch.closed = None, 0, []
    batch.done, batch.advanced, batch.failure, batch.tally = 0, False, None, Tally()


def _discard(batch: _FacilityBatch, error: Exception) -> None:
    """Discard everything processed: nothing of the batch is committed."""
    _reset(batch)
    _fail(batch, error)


def _fail(batch: _FacilityBatch, error: Exception) -> None:
    batch.failure = error
    expected = isinstance(error, PetroStreamError)
    logger.warning(
        "facility %s not committed: %s", batch.facility_id, error, exc_info=None if expected else error
    )
