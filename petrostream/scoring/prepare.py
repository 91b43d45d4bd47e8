"""Extends the histories and memories of wells: those with as many readings each are taken at once.

For each well a batch is a sequence of parts of feeds. The first parts of all wells come first, then the
second ones, and so on: a part is judged by the memory that the one before it has left. Within such a round,
parts with the same number of readings form a cohort, whose arrays have an axis of wells.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from petrostream.arrays import BoolArray, IntArray
from petrostream.detection import WellModel
from petrostream.gauges import MISSING, CountArray, Levels, Moves, quantise
from petrostream.readings import Readings
from petrostream.scoring.columns import Columns
from petrostream.scoring.feeds import ON_TIME, Feed, FeedPart
from petrostream.scoring.history import WellState, extend, trim
from petrostream.scoring.levels import Taken, follow
from petrostream.scoring.memory import NO_MEMORY, Observed, WellMemory, observe, operated, remember
from petrostream.scoring.together import ENOUGH, Step


@dataclass(slots=True)
class WellParts:
    """A well while its parts are prepared, one after another.

    Attributes:
        well_id: the well.
        state: its history so far, None before its first reading.
        parts: the parts that are left, the next one last.
        used: mask over the 27 sensors, those that rules and the well's models use.
    """

    well_id: str
    state: WellState | None
    parts: list[FeedPart]
    used: BoolArray


@dataclass(frozen=True, slots=True)
class _Entry:
    """The readings of a part that enter windows.

    Attributes:
        well: whose they are.
        before: history of the same feed before them, None at its beginning.
        part: the part.
        at: shape (n,), positions of the readings in the batch.
        ended: the feed that the part ends, None if it ends none.
    """

    well: WellParts
    before: WellState | None
    part: FeedPart
    at: IntArray
    ended: Feed | None

    @property
    def memory(self) -> WellMemory:
        """Memory of the feed before the readings."""
        return NO_MEMORY if self.before is None else self.before.memory


def prepare(columns: Columns, wells: list[WellParts], readings: Readings) -> list[Step]:
    """Extend the histories of wells, in place, by all their parts.

    Returns:
        What is still to be computed; the steps of one well in their order.
    """
    steps: list[Step] = []
    while wells:
        entries = [entry for well in wells if (entry := _enter(columns, well)) is not None]
        for cohort in _cohorts(entries):
            steps += _advance(columns, cohort, readings)
        wells = [well for well in wells if well.parts]
    return steps


def _enter(columns: Columns, well: WellParts) -> _Entry | None:
    """Note what the feed's clock says of the next part's readings; returns those that are on time, if any."""
    part, state = well.parts.pop(), well.state
    columns.begins[part.at[0]] = part.begins
    at = part.at
    if part.verdict.any():
        columns.verdict[at] = part.verdict
        at = at[part.verdict == ON_TIME]
    if len(at):
        ended = state.feed if part.begins and state is not None else None
        return _Entry(well, None if part.begins else state, part, at, ended)
    # The first reading of a feed is on time, so there is a history.
    assert state is not None
    well.state = replace(state, feed=part.feed, clock=part.clock)
    return None


def _cohorts(entries: Iterable[_Entry]) -> Iterator[list[_Entry]]:
    """Entries with the same number of readings, few enough that their arrays stay small."""
    waiting: dict[int, list[_Entry]] = defaultdict(list)
    for entry in entries:
        size = len(entry.at)
        waiting[size].append(entry)
        if size * (len(waiting[size]) + 1) > ENOUGH:
            yield waiting.pop(size)
    yield from waiting.values()


def _advance(columns: Columns, cohort: list[_Entry], readings: Readings) -> Iterator[Step]:
    """Extend the histories of a cohort's wells."""
    at = cohort[0].at[:, None] if len(cohort) == 1 else np.stack([entry.at for entry in cohort], axis=1)
    memories = [entry.memory for entry in cohort]
    observed = observe(memories, readings, at, columns.expected(at))
    columns.health[at], columns.excluded[at] = observed.status, observed.excluded
    columns.governs[at], columns.moves[at] = observed.governs, observed.moves.codes
    present: BoolArray = np.asarray(~np.isnan(observed.values).all(axis=0))
    sensors = np.flatnonzero(present.any(axis=0))
    counts = quantise(observed.values[..., sensors], sensors)
    ts_ms = readings.ts_ms[at]
    for well, entry in enumerate(cohort):
        own = present[well, sensors]
        values = counts[:, well] if own.all() else counts[:, well, own]
        history, start = extend(entry.before, ts_ms[:, well], values, sensors[own])
        yield _step(columns, readings, entry, observed.of_well(well), (history, start))


def _step(
    columns: Columns, readings: Readings, entry: _Entry, observed: Observed, extended: tuple[WellState, int]
) -> Step:
    """Update what is remembered of one well; returns what is still to be computed of it."""
    history, start = extended
    ts_ms, counts = history.ts_ms[start:], history.counts[start:]
    (memory,), moves = observed.memories, Moves(observed.moves.codes[:, 0])
    by_hand = operated(observed.governs[:, 0])
    trend, slow, memory = remember(memory, by_hand, moves, ts_ms, counts, history.sensors)
    excluded = observed.excluded[:, 0, history.sensors]
    if excluded.any():
        counts = np.where(excluded, np.int32(MISSING), counts)
    by_hand = by_hand | moves.in_transition
    levels, memory = _follow_levels(columns, readings, entry.at, memory, counts, history.sensors, by_hand)
    after = replace(trim(history), memory=memory, feed=entry.part.feed, clock=entry.part.clock)
    entry.well.state = after
    kept = entry.well.used[history.sensors]
    return Step(
        *(entry.well.well_id, entry.at, history, start, kept, trend, slow, levels),
        *(entry.part.begins, entry.ended),
    )


def _follow_levels(
    columns: Columns,
    readings: Readings,
    at: IntArray,
    memory: WellMemory,
    counts: CountArray,
    sensors: IntArray,
    by_hand: BoolArray,
) -> tuple[Levels, WellMemory]:
    """Follow the levels of a well's gauges; returns them, and the memory with them."""

    def model_of(row: int) -> WellModel | None:
        return columns.model_of(int(at[row]))

    levels, after = follow(
        *(memory.levels, readings.ts_ms[at], counts, sensors, by_hand, model_of),
        Taken(readings.source[int(at[0])], readings.measured_ms(at)),
    )
    return levels, replace(memory, levels=after)
