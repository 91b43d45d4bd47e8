"""What is made of a unit of valid readings, stage by stage: scored rows and alarms, minutes, joined rows.

A stage takes what is remembered and what the stages before it found, hands rows to a sink, and gives the
memory that follows. Nothing is committed here: the pipeline flushes the sinks and saves the memory.
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
from petrostream.pipeline.ports import Ports
from petrostream.readings import Readings, Validated
from petrostream.scoring import Scored, score_batch


@dataclass(frozen=True, slots=True)
class Moment:
    """When a unit is taken, in epoch ms.

    Attributes:
        now_ms: the time to write into the rows.
        arrived_ms: when the stream took in the unit's last record.
    """

    now_ms: int
    arrived_ms: int


def take(
    memory: Memory, unit: Validated, ports: Ports, models: ModelSet | None, moment: Moment, tally: Tally
) -> tuple[Memory, list[Window]]:
    """Take a unit of one facility's readings through all stages.

    Args:
        memory: what is remembered of the facility.
        unit: its well and tank readings, in stream order.
        ports: where rows go.
        models: what to score with.
        moment: when.
        tally: counted into.

    Returns:
        The memory after the unit, and the minutes of wells that it closed.
    """
    memory, rows = _score(memory, unit.readings, ports, models, moment, tally)
    closed: list[Window] = []
    if rows is not None:
        windowed = update_windows(memory.windows, rows)
        memory, closed = replace(memory, windows=windowed.state), windowed.closed
    return _join(memory, rows, unit, ports, moment, tally), closed


def _score(
    memory: Memory, readings: Readings, ports: Ports, models: ModelSet | None, moment: Moment, tally: Tally
) -> tuple[Memory, Scored | None]:
    """Score well readings and raise alarms; no rows where there are no readings."""
    if not len(readings):
        return memory, None
    scored = score_batch(memory.scoring, readings, models, scored_at_ms=moment.now_ms)
    for block in rows_to_blocks(scored.rows):
        ports.delivery.write(block.data, group=block.date)
    for block in alarm_rows_to_blocks(scored.rows.alarms, recorded_at_ms=moment.now_ms):
        ports.alarms.write(block.data, group=block.date)
    tally.readings = len(readings)
    tally.alarms = sum(event.change.event in ANNUNCIATIONS for event in scored.rows.alarms)
    tally.anomalies = int(scored.rows.anomaly_flag.sum())
    live = note_scored(memory.live, memory.scoring.facility_id, scored.rows, moment.arrived_ms)
    return replace(memory, scoring=scored.state, live=live), scored.rows


def _join(
    memory: Memory, rows: Scored | None, unit: Validated, ports: Ports, moment: Moment, tally: Tally
) -> Memory:
    """Pair scored readings with tank readings."""
    if ports.join == "off" or (rows is None and not len(unit.tanks)):
        return memory
    paired = pair(
        memory.scoring.facility_id,
        memory.join,
        WellEvents.empty() if rows is None else WellEvents.of(rows),
        unit.tanks,
        unit.tank_at,
        every_facility=ports.join == "all",
    )
    for block in facility_rows_to_blocks(paired.rows, joined_at_ms=moment.now_ms):
        ports.facility.write(block.data, group=block.date)
    tally.tanks = len(unit.tanks)
    tally.matched = paired.rows.matched
    tally.unmatched = len(paired.rows) - paired.rows.matched
    tally.late = paired.late
    tally.duplicates, tally.duplicate_tanks = paired.duplicates, paired.duplicate_tanks
    tally.without_tanks = paired.without_tanks
    live = note_joined(memory.live, paired.rows, moment.arrived_ms)
    return replace(memory, join=paired.state, live=live)
