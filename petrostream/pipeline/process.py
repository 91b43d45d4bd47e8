"""One batch of stream records: read, score, deliver, note. The same for every kind of consumer.

The order of steps is what keeps the promises of docs/reference/delivery.md. The process makes sure that it
owns the shard (`petrostream.pipeline.takeover`). For each facility, in shard order: take its memory, skip the
records already processed, validate, score, write the rows to the sinks. Once all facilities are scored the
sinks are flushed; only when they have accepted everything are closed windows written, snapshots of memories
saved where they are due, and the shard's place noted. A failure anywhere leaves the place where it was, and
reports the first record that is not done. Alerts are published last, for committed changes only.

`petrostream.pipeline.advance` has the processing of one facility's records.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

from petrostream.backoff import NO_DEADLINE, Deadline
from petrostream.detection import ModelSet
from petrostream.errors import PetroStreamError, TimeShort, cause_of, traceback_of
from petrostream.pipeline.advance import FacilityBatch, advance, by_facility
from petrostream.pipeline.batch import Outcome, StreamRecord
from petrostream.pipeline.memories import Held, ShardMemory
from petrostream.pipeline.ports import Ports
from petrostream.pipeline.takeover import own, settle, storable

ONE_SHARD = "shard"
"""The shard of a consumer whose records have only one order."""

logger = logging.getLogger(__name__)


def process_batch(
    records: Sequence[StreamRecord],
    ports: Ports,
    deadline: Deadline = NO_DEADLINE,
    reserve: float = 0.0,
    shard_id: str = ONE_SHARD,
) -> Outcome:
    """Process a batch. Bad data never fails it; a service that fails may fail part of it.

    Args:
        records: records of one shard, in shard order.
        ports: the services that the batch needs.
        deadline: when the call must have returned.
        reserve: seconds before the deadline that are kept for delivery and commit: no further portion of
            records is started in them. The first portion is always tried.
        shard_id: the shard.

    Returns:
        What was done and what was not. Every record not reported as failed is in the lake or in the
        quarantine.
    """
    outcome = Outcome()
    batches = by_facility(records)
    try:
        models = ports.models.current()
        shard = own(shard_id, ports, models, deadline, reserve)
    except PetroStreamError as error:
        logger.warning("shard %s not processed: %s", shard_id, error)
        for batch in batches:
            batch.failure = error
    else:
        outcome.model_version = models.version if models else None
        _score_all(batches, shard, ports, models, deadline, reserve)
        _finish(records, batches, shard, ports)
    for batch in batches:
        if batch.failure is not None:
            outcome.failed.append(batch.records[batch.done].sequence)
            outcome.errors.append(batch.failure)
        outcome.tally.add(batch.tally)
    return outcome


def _score_all(
    batches: Sequence[FacilityBatch],
    shard: ShardMemory,
    ports: Ports,
    models: ModelSet | None,
    deadline: Deadline,
    reserve: float,
) -> None:
    for batch in batches:
        try:
            for chunk in batch.chunks():
                # Skipped records are not progress: a retried batch begins with them.
                _in_time(batch, batches, deadline, reserve)
                _load(batch, shard, ports, models, deadline)
                for _ in advance(batch, chunk, ports, models):
                    _in_time(batch, batches, deadline, reserve)
        except Exception as error:
            # Whatever it is, it concerns this facility only: the others must not wait for it.
            _fail(batch, error)


def _in_time(
    batch: FacilityBatch, batches: Iterable[FacilityBatch], deadline: Deadline, reserve: float
) -> None:
    if any(other.advanced for other in batches) and deadline.remaining() <= reserve:
        raise TimeShort(f"facility {batch.facility_id}", deadline.remaining())


def _load(
    batch: FacilityBatch, shard: ShardMemory, ports: Ports, models: ModelSet | None, deadline: Deadline
) -> None:
    if batch.memory is None:
        settle(shard.unsettled, batch.facility_id, ports, models, deadline)
        held = ports.memories.load(shard, batch.facility_id)
        live = held.memory.live.without(ports.alerts.published_ids)
        batch.memory, batch.version = replace(held.memory, live=live), held.version


def _finish(
    records: Sequence[StreamRecord], batches: Sequence[FacilityBatch], shard: ShardMemory, ports: Ports
) -> None:
    """Flush the sinks, store what follows from that, and publish alerts."""
    try:
        for sink in ports.sinks:
            sink.flush()
    except Exception as error:
        _discard(batches, error)
    try:
        _store(records, batches, shard, ports)
    except Exception as error:
        # What is stored is uncertain now; the next attempt takes the shard over from what it finds.
        ports.memories.forget(shard.shard_id)
        _discard(batches, error)
        return
    for batch in batches:
        # Also those that an earlier batch stored and did not publish.
        if batch.memory is not None and batch.memory.live.unpublished:
            ports.alerts.publish(batch.memory.live.unpublished)


def _store(
    records: Sequence[StreamRecord], batches: Sequence[FacilityBatch], shard: ShardMemory, ports: Ports
) -> None:
    """Write closed windows, the snapshots that are due, and the shard's place."""
    memories, now_ms = ports.memories, ports.now_ms()
    urgent = []
    for batch in batches:
        if batch.memory is None or not batch.advanced or not storable(batch):
            continue
        if not batch.memory.live.listed:
            ports.live.list_facility(batch.facility_id)
            batch.memory = replace(batch.memory, live=replace(batch.memory.live, listed=True))
        # Before the place: in front of it nothing is written again.
        ports.live.put_windows(batch.facility_id, batch.closed, batch.version + 1, now_ms)
        memories.hold(shard, batch.facility_id, Held(batch.memory, batch.version, batch.first))
        if batch.urgent or not batch.version:
            urgent.append(batch.facility_id)
    shard.bytes_since += sum(len(record.data) for record in records)
    incomplete = any(batch.failure is not None for batch in batches)
    # The event source may give up on what is not done. Snapshots in front of it keep it out of a takeover.
    everything = incomplete or memories.due(shard, now_ms)
    memories.commit(shard, shard.behind() if everything else urgent, now_ms)
    done = _last_done(records, batches)
    if done is not None:
        memories.note(shard, done)


def _last_done(records: Sequence[StreamRecord], batches: Iterable[FacilityBatch]) -> str | None:
    """The last record before the first one that is not done; None if the batch begins with that."""
    failed = [int(batch.records[batch.done].sequence) for batch in batches if batch.failure is not None]
    lowest = min(failed, default=None)
    done = [record.sequence for record in records if lowest is None or int(record.sequence) < lowest]
    return done[-1] if done else None


def _discard(batches: Iterable[FacilityBatch], error: Exception) -> None:
    """Forget everything processed: nothing of the batch counts as done."""
    for batch in batches:
        batch.reset()
        _fail(batch, error)


def _fail(batch: FacilityBatch, error: Exception) -> None:
    batch.failure = error
    cause = cause_of(error)
    logger.warning("facility %s not committed: %s", batch.facility_id, cause, exc_info=traceback_of(error))
