"""The stages that a chunk of valid readings passes: scoring and alarms, one-minute windows, join.

Each stage takes the memory and the results of the stages before it, writes rows to a sink, and returns the
next memory. Nothing is committed here: the pipeline flushes the sinks and saves the memory.
"""

from dataclasses import dataclass, replace

from petrostream.alarms import ANNUNCIATIONS
from petrostream.detection import ModelSet
from petrostream.facility import WellEvents, pair
from petrostream.lake import alarm_rows_to_blocks, facility_rows_to_blocks, rows_to_blocks
from petrostream.live import note_joined, note_scored
from petrostream.minutes import Window, update_windows
from petrostream.pipeline.batch import Tally
from petrostream.pipeline.memory import Memory
from petrostream.pipeline.ports import Outputs
from petrostream.readings import Readings, Validated
from petrostream.scoring import Scored, score_batch


@dataclass(frozen=True, slots=True)
class ChunkTimes:
    """When a chunk arrived and when it is processed, epoch ms.

    Attributes:
        now_ms: the time to write into the rows.
        arrived_ms: when the chunk's last record arrived in the stream.
    """

    now_ms: int
    arrived_ms: int


def run_stages(
    memory: Memory,
    chunk: Validated,
    outputs: Outputs,
    models: ModelSet | None,
    times: ChunkTimes,
    tally: Tally,
) -> tuple[Memory, list[Window]]:
    """Pass a chunk of one facility's readings through all stages.

    Args:
        memory: the facility's memory.
        chunk: its well and tank readings, in stream order.
        outputs: where rows go.
        models: the models to score with.
        times: when the chunk arrived and when it is processed.
        tally: the counts of this chunk are written into it.

    Returns:
        The memory after the chunk, and the one-minute windows that it closed.
    """
    memory, rows = _score(memory, chunk.readings, outputs, models, times, tally)
    closed: list[Window] = []
    if rows is not None:
        windowed = update_windows(memory.windows, rows)
        memory, closed = replace(memory, windows=windowed.state), windowed.closed
    return _join(memory, rows, chunk, outputs, times, tally), closed


def _score(
    memory: Memory,
    readings: Readings,
    outputs: Outputs,
    models: ModelSet | None,
    times: ChunkTimes,
    tally: Tally,
) -> tuple[Memory, Scored | None]:
    """Score well readings and raise alarms; None instead of rows if there are no readings."""
    if not len(readings):
        return memory, None
    scored = score_batch(memory.scoring, readings, models, scored_at_ms=times.now_ms)
    for block in rows_to_blocks(scored.rows):
        outputs.delivery.write(block.data, group=block.date)
    for block in alarm_rows_to_blocks(scored.rows.alarms, recorded_at_ms=times.now_ms):
        outputs.alarms.write(block.data, group=block.date)
    tally.readings = len(readings)
    tally.alarms = sum(event.change.event in ANNUNCIATIONS for event in scored.rows.alarms)
    tally.anomalies = int(scored.rows.anomaly_flag.sum())
    live = note_scored(memory.live, memory.scoring.facility_id, scored.rows, times.arrived_ms)
    return replace(memory, scoring=scored.state, live=live), scored.rows


def _join(
    memory: Memory, rows: Scored | None, chunk: Validated, outputs: Outputs, times: ChunkTimes, tally: Tally
) -> Memory:
    """Pair scored readings with tank readings."""
    if outputs.join == "off" or (rows is None and not len(chunk.tanks)):
        return memory
    paired = pair(
        memory.scoring.facility_id,
        memory.join,
        WellEvents.empty() if rows is None else WellEvents.of(rows),
        chunk.tanks,
        chunk.tank_at,
        every_facility=outputs.join == "all",
    )
    for block in facility_rows_to_blocks(paired.rows, joined_at_ms=times.now_ms):
        outputs.facility.write(block.data, group=block.date)
    tally.tanks = len(chunk.tanks)
    tally.matched = paired.rows.matched
    tally.unmatched = len(paired.rows) - paired.rows.matched
    tally.late = paired.late
    tally.duplicates, tally.duplicate_tanks = paired.duplicates, paired.duplicate_tanks
    tally.without_tanks = paired.without_tanks
    tally.join_wait_ms = paired.waited_ms
    live = note_joined(memory.live, paired.rows, times.arrived_ms)
    return replace(memory, join=paired.state, live=live)
