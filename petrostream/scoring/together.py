"""Computes the window statistics of many wells at once: a well with a few readings costs mostly calls.

Histories of wells with the same gauges are laid one after another, further apart in time than any window
reaches. Sums are of integers, and every window lies within one well, so the results are those of each well
alone, bit for bit.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from petrostream.arrays import BoolArray, IntArray
from petrostream.detection import WellModel
from petrostream.gauges import (
    HISTORY_MS,
    Levels,
    SlowTrend,
    Trend,
    WindowStats,
    window_stats,
    window_stats_at,
)
from petrostream.readings import Readings
from petrostream.risk import PROCESS_RULES, RULE_SENSORS, RuleColumns, fired
from petrostream.schema import SENSOR_NAMES
from petrostream.scoring.feeds import Feed
from petrostream.scoring.history import WellState
from petrostream.scoring.memory import exclude

SMALL = 512
"""Feeds with more readings in a batch are computed alone: their arrays are long enough."""

ENOUGH = 8_192
"""Readings at which a group is closed: longer arrays are no quicker, and take memory."""

_APART_MS = 2 * HISTORY_MS


@dataclass(frozen=True, slots=True)
class Step:
    """n readings of one feed that enter its windows, before anything is computed from those.

    Attributes:
        well_id: the well.
        at: shape (n,), their positions in the batch.
        history: the well's readings up to and including these.
        start: position in `history` of the first of them.
        kept: mask over the gauges of `history`: those that rules and models use.
        trend: the slow memory as they see it.
        slow: the slowest memory as they see it.
        levels: the levels of the well's gauges as they see them.
        begins: whether the first one begins a feed.
        ended: the feed that it ends, None if it ends none.
    """

    well_id: str
    at: IntArray
    history: WellState
    start: int
    kept: BoolArray
    trend: Trend
    slow: SlowTrend
    levels: Levels
    begins: bool
    ended: Feed | None

    @property
    def gauges(self) -> IntArray:
        """Shape (s,), the gauges that rules and models use."""
        return self.history.sensors[self.kept]


@dataclass(frozen=True, slots=True)
class Look:
    """What the readings of a step show.

    Attributes:
        stats: their window statistics.
        seen: what rules see.
        held: shape (process rules, n), which rules hold.
    """

    stats: WindowStats
    seen: RuleColumns
    held: BoolArray


def look(steps: Sequence[Step], readings: Readings, excluded: BoolArray) -> list[Look]:
    """Compute statistics and rules of all steps, those of wells with the same gauges at once.

    Args:
        steps: any number.
        readings: the batch.
        excluded: shape (batch, 27), gauges whose window statistics must not be used.

    Returns:
        What each of them shows, in their order.
    """
    found: dict[int, Look] = {}
    for places in _groups(steps):
        chosen = [steps[place] for place in places]
        found |= zip(places, _look(chosen, readings, excluded), strict=True)
    return [found[place] for place in range(len(steps))]


def _groups(steps: Sequence[Step]) -> Iterator[list[int]]:
    """Places of the steps that are computed at once."""
    waiting: dict[bytes, list[int]] = defaultdict(list)
    sizes: dict[bytes, int] = defaultdict(int)
    for place, step in enumerate(steps):
        size = len(step.at)
        if size > SMALL:
            yield [place]
            continue
        key = step.gauges.tobytes()
        waiting[key].append(place)
        sizes[key] += size
        if sizes[key] >= ENOUGH:
            yield waiting.pop(key)
            del sizes[key]
    yield from waiting.values()


def _look(steps: Sequence[Step], readings: Readings, excluded: BoolArray) -> Iterator[Look]:
    if len(steps) == 1:
        (step,) = steps
        stats = window_stats(step.history.ts_ms, step.history.counts[:, step.kept], step.gauges, step.start)
        exclude(stats, excluded[step.at])
        seen = RuleColumns(stats, readings.methane_ppm[step.at], trend=step.trend, slow=step.slow)
        yield Look(stats, seen, fired(PROCESS_RULES, seen))
        return
    stats = _stats(steps)
    at = np.concatenate([step.at for step in steps])
    exclude(stats, excluded[at])
    methane_ppm = readings.methane_ppm[at]
    trend, slow = (
        Trend.concat([step.trend for step in steps]),
        SlowTrend.concat([step.slow for step in steps]),
    )
    held = fired(PROCESS_RULES, RuleColumns(stats, methane_ppm, trend=trend, slow=slow))
    first = 0
    for step in steps:
        own = slice(first, first + len(step.at))
        part = stats.part(own)
        yield Look(part, RuleColumns(part, methane_ppm[own], trend=step.trend, slow=step.slow), held[:, own])
        first = own.stop


def _stats(steps: Sequence[Step]) -> WindowStats:
    """The window statistics of steps with the same gauges, one after another."""
    times, rows = [], []
    shift = length = 0
    for step in steps:
        ts_ms = step.history.ts_ms
        times.append(ts_ms - ts_ms[0] + shift)
        rows.append(np.arange(length + step.start, length + len(ts_ms)))
        shift += int(ts_ms[-1] - ts_ms[0]) + _APART_MS
        length += len(ts_ms)
    counts = np.concatenate([step.history.counts[:, step.kept] for step in steps])
    return window_stats_at(np.concatenate(times), counts, steps[0].gauges, np.concatenate(rows))


def by_well(well_id: Sequence[str]) -> list[tuple[str, IntArray]]:
    """Return the positions of each well's readings, in stream order; wells by last appearance."""
    names = list(dict.fromkeys(reversed(well_id)))[::-1]
    if len(names) <= 1:
        return [(name, np.arange(len(well_id))) for name in names]
    code_of = {name: code for code, name in enumerate(names)}
    codes = np.fromiter(map(code_of.__getitem__, well_id), np.int64, len(well_id))
    order = np.argsort(codes, kind="stable")
    edges = np.searchsorted(codes[order], np.arange(1, len(names)))
    return list(zip(names, np.split(order, edges), strict=True))


def newest_sequence(last: str | None, sequences: Sequence[str]) -> str | None:
    """Return the highest sequence number; they are decimal numbers of any length and compare as integers."""
    seen = {sequence for sequence in sequences if sequence}
    if last is not None:
        seen.add(last)
    return max(seen, key=int, default=None)


def sensors_in_use(models: list[WellModel]) -> BoolArray:
    """Return a mask over the 27 sensors: those that the rules and the well's models use."""
    used = np.zeros(len(SENSOR_NAMES), np.bool_)
    used[RULE_SENSORS] = True
    for model in models:
        used[model.extractor.sensors] = True
    return used
