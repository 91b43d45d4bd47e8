"""Extends the histories and memories of wells: those with as many readings each are taken at once.

For each well a batch is a sequence of parts of feeds. The first parts of all wells come first, then the
second ones, and so on: a part is judged by the memory that the one before it has left. Within such a round,
parts with the same number of readings form a cohort, whose arrays have an axis of wells.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray, anywhere, everywhere
from petrostream.gauges import MISSING, CountArray, quantise
from petrostream.readings import Readings
from petrostream.records import record
from petrostream.scoring.columns import Columns
from petrostream.scoring.feeds import ON_TIME, Feed, FeedPart
from petrostream.scoring.history import WellState, extend, trim
from petrostream.scoring.levels import Anchors
from petrostream.scoring.memory import NO_MEMORY, WellMemory, observe, remember
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


@record(frozen=True, slots=True)
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
    if anywhere(part.verdict != 0):
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
    observed = observe([entry.memory for entry in cohort], readings, at, columns.expected(at))
    columns.health[at], columns.excluded[at] = observed.status, observed.excluded
    columns.governs[at], columns.moves[at] = observed.governs, observed.moves.codes
    ts_ms, counts, histories = _extended(cohort, readings.ts_ms[at], observed.values)
    known = np.zeros(counts.shape[1:], np.bool_)
    for row, (history, _) in enumerate(histories):
        known[row, history.sensors] = True
    seen = remember(observed, ts_ms, counts, known, Anchors(readings, at, columns.model_of))
    for place, (entry, (history, start)) in enumerate(zip(cohort, histories, strict=True)):
        well, part = entry.well, entry.part
        well.state = trim(history, start, feed=part.feed, clock=part.clock, memory=seen.memories[place])
        yield Step(
            well.well_id,
            entry.at,
            history,
            start,
            well.used[history.sensors],
            seen.trends[place],
            seen.slow[place],
            seen.levels[place],
            part.begins,
            entry.ended,
        )


def _extended(
    cohort: list[_Entry], ts_ms: IntArray, values: FloatArray
) -> tuple[IntArray, CountArray, list[tuple[WellState, int]]]:
    """Values as counts, shape (n, w, 27), and each well's history with them and where they begin in it."""
    present: BoolArray = np.logical_or.reduce(~np.isnan(values), axis=0)
    sensors: IntArray = np.logical_or.reduce(present, axis=0).nonzero()[0]
    chosen = quantise(values[..., sensors], sensors)
    counts = np.empty(values.shape, np.int32)
    counts.fill(MISSING)
    counts[..., sensors] = chosen
    histories = []
    for well, entry in enumerate(cohort):
        own, of_well = present[well, sensors], chosen[:, well]
        if everywhere(own):
            histories.append(extend(entry.before, ts_ms[:, well], of_well, sensors))
        else:
            histories.append(extend(entry.before, ts_ms[:, well], of_well[:, own], sensors[own]))
    return ts_ms, counts, histories
