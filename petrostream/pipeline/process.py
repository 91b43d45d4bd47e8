"""One batch of stream records: read, score, deliver, commit. The same for every kind of consumer.

The order of steps is what keeps the promises of docs/reference/delivery.md. For each facility, in shard
order: load its state, pass over the records the state says are done, validate, score, hand the rows to the
sinks. When all are scored the sinks are flushed; only when all have accepted everything are closed minutes
written and the states saved. A failure anywhere leaves the states of the facilities it touched as they were,
and names the first record not done. Notifications go out last, for committed changes only.

What is made of the valid readings of a unit is in `petrostream.pipeline.stages`.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from petrostream.backoff import NO_DEADLINE, Deadline
from petrostream.detection import ModelSet
from petrostream.errors import PetroStreamError, StateConflict, TimeShort
from petrostream.lake import quarantine_line
from petrostream.minutes import Window
from petrostream.pipeline.batch import Outcome, StreamRecord, Tally
from petrostream.pipeline.memory import Memory
from petrostream.pipeline.ports import Ports
from petrostream.pipeline.stages import Moment, take
from petrostream.readings import Readings, Rejected, Validated, validate_block

UNIT_BYTES = 2 * 1024 * 1024
"""Most stream bytes validated and scored at once: some 10,000 readings, well under a second of work."""

KPL_MAGIC = b"\xf3\x89\x9a\xc2"
"""How a record aggregated by the Kinesis Producer Library begins (its aggregation format)."""

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Run:
    """One facility's part of the batch: what is done, and how far."""

    facility_id: str
    records: list[StreamRecord]
    memory: Memory | None = None
    version: int = 0
    closed: list[Window] = field(default_factory=list)
    done: int = 0
    trouble: Exception | None = None
    tally: Tally = field(default_factory=Tally)

    def units(self) -> Iterable[list[StreamRecord]]:
        """The records not yet done, in order, cut to `UNIT_BYTES`."""
        unit: list[StreamRecord] = []
        size = 0
        for record in self.records[self.done :]:
            if unit and size + len(record.data) > UNIT_BYTES:
                yield unit
                unit, size = [], 0
            unit.append(record)
            size += len(record.data)
        if unit:
            yield unit


def process_batch(
    records: Sequence[StreamRecord], ports: Ports, deadline: Deadline = NO_DEADLINE, reserve: float = 0.0
) -> Outcome:
    """Take a batch through the pipeline. Bad data never fails it; trouble with a service may, in part.

    Args:
        records: records of one shard, in shard order.
        ports: the outside.
        deadline: when the caller must have its answer.
        reserve: seconds before the deadline at which no further records are begun, kept for delivery and
            commit. The first records are always tried.

    Returns:
        What was committed and what was not. Everything not named failed is in the lake or the quarantine.
    """
    outcome = Outcome()
    runs = _by_facility(records)
    try:
        models = ports.models.current()
    except PetroStreamError as trouble:
        for run in runs:
            run.trouble = trouble
    else:
        outcome.model_version = models.version if models else None
        _score_all(runs, ports, models, deadline, reserve)
        _commit(runs, ports, models)
        _publish(runs, ports)
    for run in runs:
        if run.trouble is not None:
            outcome.failed.append(run.records[run.done].sequence)
            outcome.troubles.append(run.trouble)
        outcome.tally.add(run.tally)
    return outcome


def _by_facility(records: Iterable[StreamRecord]) -> list[_Run]:
    runs: dict[str, _Run] = {}
    for record in records:
        run = runs.setdefault(record.partition_key, _Run(record.partition_key, []))
        run.records.append(record)
    return list(runs.values())


def _score_all(
    runs: Iterable[_Run], ports: Ports, models: ModelSet | None, deadline: Deadline, reserve: float
) -> None:
    begun = False
    for run in runs:
        try:
            for unit in run.units():
                if begun and deadline.remaining() <= reserve:
                    raise TimeShort(f"facility {run.facility_id}", deadline.remaining())  # noqa: TRY301
                # Records passed over are no progress: where whole batches come again, they come first.
                begun = _advance(run, unit, ports, models) or begun
        except Exception as trouble:
            # Whatever it is, it is this facility's: the others must not wait for it.
            _note(run, trouble)


def _advance(run: _Run, unit: list[StreamRecord], ports: Ports, models: ModelSet | None) -> bool:
    """Validate and score one unit, and move the run past it once its rows are with the sinks.

    Returns:
        Whether any of its records was new.
    """
    if run.memory is None:
        run.memory, run.version = ports.states.load(run.facility_id)
        run.memory = replace(run.memory, live=run.memory.live.without(ports.alerts.published_ids))
    fresh = _not_done(unit, run.memory.scoring.last_sequence)
    tally = Tally(records=len(unit), records_skipped=len(unit) - len(fresh))
    now_ms = ports.now_ms()
    checked = [(record, _validate(record, tanks=ports.join != "off")) for record in fresh]
    whole = Validated.concat([found for _, found in checked])
    moment = Moment(now_ms, unit[-1].arrival_ms)
    memory, closed = take(run.memory, whole, ports, models, moment, tally)
    for record, found in checked:
        for rejected in found.rejected:
            row = quarantine_line(
                rejected,
                partition_key=record.partition_key,
                sequence=record.sequence,
                quarantined_at=now_ms,
            )
            ports.quarantine.write(row)
            tally.quarantined += 1
    if fresh:
        memory = replace(memory, scoring=replace(memory.scoring, last_sequence=fresh[-1].sequence))
    run.memory = memory
    run.closed += closed
    run.done += len(unit)
    run.tally.add(tally)
    return bool(fresh)


def _not_done(unit: Iterable[StreamRecord], last_sequence: str | None) -> list[StreamRecord]:
    """The records after `last_sequence`, each sequence number once. They compare as integers."""
    last = int(last_sequence) if last_sequence else -1
    fresh: list[StreamRecord] = []
    for record in unit:
        number = int(record.sequence)
        if number > last:
            fresh.append(record)
            last = number
    return fresh


def _validate(record: StreamRecord, *, tanks: bool) -> Validated:
    broken = record.broken
    if broken is None and record.data.startswith(KPL_MAGIC):
        # Its parts lie between binary framing, which may hold line feeds: read as lines, some would pass.
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


def _commit(runs: list[_Run], ports: Ports, models: ModelSet | None) -> None:
    """Flush, then save each facility that moved; one that met a conflict is run again, once."""
    if not _flush(runs, ports):
        return
    conflicts = [run for run in runs if not _save(run, ports)]
    for run in conflicts:
        _restart(run)
    if not conflicts:
        return
    _score_all(conflicts, ports, models, NO_DEADLINE, 0.0)
    if _flush(conflicts, ports):
        for run in conflicts:
            if not _save(run, ports):
                _undo(run, StateConflict(run.facility_id, run.version))


def _flush(runs: Iterable[_Run], ports: Ports) -> bool:
    try:
        for sink in ports.sinks:
            sink.flush()
    except Exception as trouble:
        for run in runs:
            _undo(run, trouble)
        return False
    return True


def _save(run: _Run, ports: Ports) -> bool:
    """Commit a run as far as it came; False on a conflict. Other trouble is noted in the run."""
    # A key that has only ever carried rejected lines is likely not a facility, and gets no item.
    if run.memory is None or run.done == 0 or run.tally.records == run.tally.records_skipped:
        return True
    if run.version == 0 and not run.memory.scoring.wells and not run.memory.join.tanks_seen:
        return True
    try:
        if not run.memory.live.listed:
            ports.live.list_facility(run.facility_id)
            run.memory = replace(run.memory, live=replace(run.memory.live, listed=True))
        # Before the state: once that is saved, nobody would know of them any more.
        ports.live.put_windows(run.facility_id, run.closed, run.version + 1, ports.now_ms())
        run.version = ports.states.save(run.memory, run.version)
    except StateConflict:
        return False
    except Exception as trouble:
        _undo(run, trouble)
    return True


def _publish(runs: Iterable[_Run], ports: Ports) -> None:
    """Publish alerts of committed changes, also those that an earlier batch committed but did not publish."""
    for run in runs:
        if run.memory is not None and run.memory.live.waiting:
            ports.alerts.publish(run.memory.live.waiting)


def _restart(run: _Run) -> None:
    run.memory, run.version, run.closed, run.done, run.trouble, run.tally = None, 0, [], 0, None, Tally()


def _undo(run: _Run, trouble: Exception) -> None:
    """Nothing of the run is committed."""
    _restart(run)
    _note(run, trouble)


def _note(run: _Run, trouble: Exception) -> None:
    run.trouble = trouble
    known = isinstance(trouble, PetroStreamError)
    logger.warning(
        "facility %s not committed: %s", run.facility_id, trouble, exc_info=None if known else trouble
    )
