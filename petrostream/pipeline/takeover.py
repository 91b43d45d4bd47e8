"""Takes over a shard: brings all snapshots up to the shard's place, without delivering anything again.

What lies between the snapshots and the place was delivered, or it would not be in front of the place: the
event source moves on only after an answer, and the place is noted before that. So its rows, minutes and
alerts exist, and only the memories lack it. They are moved over those records, read from the stream itself,
with muted sinks. What is not proven delivered lies behind the place: the event source delivers it, or has
given up on it.

Alarm transitions are not muted. A batch with one writes its facility's snapshot, so none is to be found here;
if another version of the models finds one, it becomes a row, or the alarm would end without having begun.

A facility whose snapshot cannot be read, moved or written does not hold up the others: the place notes the
stretch that it lacks, and the facility's records fail until it is settled.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from petrostream.backoff import Deadline
from petrostream.detection import ModelSet
from petrostream.errors import (
    DeliveryFailed,
    ShardClaimed,
    StateConflict,
    TimeShort,
    cause_of,
    traceback_of,
)
from petrostream.pipeline.advance import FacilityBatch, advance, by_facility
from petrostream.pipeline.batch import StreamRecord
from petrostream.pipeline.memories import Held, ShardMemory
from petrostream.pipeline.places import ShardPlace, Stretch
from petrostream.pipeline.ports import Ports

_OF_THE_SHARD = (DeliveryFailed, ShardClaimed, StateConflict, TimeShort)
"""What concerns all facilities: a sink that refuses, another process on the shard, no time left."""

logger = logging.getLogger(__name__)


class Muted:
    """A sink for rows that have been delivered."""

    def write(self, block: bytes, group: str = "") -> None:
        """Do nothing."""

    def flush(self) -> None:
        """Do nothing."""


def own(
    shard_id: str, ports: Ports, models: ModelSet | None, deadline: Deadline, reserve: float
) -> ShardMemory:
    """The shard's memories, exact up to its place. Takes the shard over if this process does not own it.

    Args:
        shard_id: the shard.
        ports: the services.
        models: the models to score with.
        deadline: when the invocation must have returned.
        reserve: seconds before it in which no further facility is begun, once one is done.

    Raises:
        ShardClaimed, StateConflict: another process takes it over at this moment.
        TimeShort: the snapshots of some facilities are brought up to the place, not all: try again.
        ServiceUnavailable: the table or the stream did not respond in time.
    """
    memories = ports.memories
    shard = memories.owned(shard_id)
    if shard is None:
        place = _settle(shard_id, ports, models, deadline, reserve)
        shard = ShardMemory(
            shard_id, place.epoch, place.done, ports.now_ms(), unsettled=dict(place.unsettled)
        )
        memories.keep(shard)
    version = models.version if models else None
    if shard.model_version != version and shard.since is not None:
        # Only then are the records after a snapshot scored by the same models as they were at first.
        memories.commit(shard, shard.behind(), ports.now_ms())
    shard.model_version = version
    return shard


def settle(
    unsettled: dict[str, Stretch],
    facility_id: str,
    ports: Ports,
    models: ModelSet | None,
    deadline: Deadline,
) -> None:
    """Bring a facility's snapshot up to its shard's place, if an earlier takeover could not.

    Args:
        unsettled: what a shard's place has under this name; the facility is removed from it.
        facility_id: the facility.
        ports: the services.
        models: the models to score with.
        deadline: when the invocation must have returned.

    Raises:
        StateUnreadable, StateConflict, TimeShort, ServiceUnavailable, ModelsMissing: why it could not.
    """
    stretch = unsettled.get(facility_id)
    if stretch is None:
        return
    last = ports.memories.states.load(facility_id)[0].scoring.last_sequence
    # The process of another shard may have done it: after a split, the places of both children have it.
    if not last or int(last) < int(stretch.last):
        records = _missing(stretch.shard_id, stretch.first, stretch.last, ports, deadline)
        mine = [record for record in records if record.partition_key == facility_id]
        if mine:
            _catch_up(FacilityBatch(facility_id, mine), ports, models)
    del unsettled[facility_id]
    logger.info("facility %s is settled", facility_id)


def _settle(
    shard_id: str, ports: Ports, models: ModelSet | None, deadline: Deadline, reserve: float
) -> ShardPlace:
    """Claim a shard and write snapshots that lack nothing in front of its place, but for its unsettled."""
    memories = ports.memories
    place = memories.shards.claim(shard_id)
    if place.done is None:
        # Its facilities may come from shards that were split or merged, and are read to their end by now.
        unsettled = dict(place.unsettled)
        for parent in memories.stream.parents(shard_id):
            unsettled |= _settle(parent, ports, models, deadline, reserve).unsettled
        return replace(place, unsettled=unsettled)
    if not place.unsettled and (place.since is None or int(place.since) > int(place.done)):
        return place
    settled = _bring_up(shard_id, place, ports, models, deadline, reserve)
    memories.shards.note(shard_id, settled, {})
    return settled


def _bring_up(
    shard_id: str,
    place: ShardPlace,
    ports: Ports,
    models: ModelSet | None,
    deadline: Deadline,
    reserve: float,
) -> ShardPlace:
    """Bring the snapshots that lack something up to a place; the place after that."""
    unsettled = dict(place.unsettled)
    for facility_id in place.unsettled:
        _alone(facility_id, partial(settle, unsettled, facility_id, ports, models, deadline))
    records: Sequence[StreamRecord] = ()
    if place.since is not None and place.done is not None and int(place.since) <= int(place.done):
        records = _missing(shard_id, place.since, place.done, ports, deadline)
    for number, batch in enumerate(by_facility(records)):
        if number and deadline.remaining() <= reserve:
            raise TimeShort(f"taking over facility {batch.facility_id}", deadline.remaining())
        if not _alone(batch.facility_id, partial(_catch_up, batch, ports, models)):
            first, last = batch.records[0].sequence, batch.records[-1].sequence
            unsettled[batch.facility_id] = Stretch(shard_id, first, last)
    logger.info("shard %s taken over: %d records read again", shard_id, len(records))
    return replace(place, since=None, unsettled=unsettled)


def _alone(facility_id: str, work: Callable[[], None]) -> bool:
    """Do what concerns one facility; whether it succeeded. The others must not wait for it."""
    try:
        work()
    except _OF_THE_SHARD:
        raise
    except Exception as error:
        cause = cause_of(error)
        logger.warning("facility %s is not settled: %s", facility_id, cause, exc_info=traceback_of(error))
        return False
    return True


def _missing(
    shard_id: str, since: str, done: str, ports: Ports, deadline: Deadline
) -> Sequence[StreamRecord]:
    records = list(ports.memories.stream.read(shard_id, since, done, deadline))
    if not records or int(records[0].sequence) != int(since):
        logger.error(
            "shard %s: records from %s on have left the stream before they were in a snapshot. All of them "
            "were delivered; the memories of their facilities continue without them",
            *(shard_id, since),
        )
    return records


def _catch_up(batch: FacilityBatch, ports: Ports, models: ModelSet | None) -> None:
    """Move a facility's memory over records that were delivered, and write its snapshot."""
    held = Held(*ports.memories.states.load(batch.facility_id))
    batch.memory, batch.version = held.memory, held.version
    muted = Muted()
    quiet = replace(ports, delivery=muted, quarantine=muted, facility=muted)
    for chunk in batch.chunks():
        for _ in advance(batch, chunk, quiet, models):
            pass
    ports.alarms.flush()
    if batch.advanced and storable(batch):
        ports.memories.states.save(batch.memory, batch.version)


def storable(batch: FacilityBatch) -> bool:
    """Whether the batch's facility gets a snapshot.

    A key that has only ever carried rejected lines is probably not a facility, and gets none.
    """
    memory = batch.memory
    return memory is not None and bool(batch.version or memory.scoring.wells or memory.join.tanks_seen)
