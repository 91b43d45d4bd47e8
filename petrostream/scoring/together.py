"""Computes the window statistics of many wells at once: a well with a few readings costs mostly calls.

Histories of wells are laid one after another, further apart in time than any window reaches, those of wells
with the same gauges or with rare ones. A gauge that a well lacks is missing there. Sums are of integers, and
every window lies within one well, so the results are those of each well alone, bit for bit.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate

import numpy as np

from petrostream.arrays import BoolArray, IntArray
from petrostream.detection import WellModel
from petrostream.gauges import (
    HISTORY_MS,
    MISSING,
    CountArray,
    Levels,
    SlowTrend,
    Trend,
    WindowStats,
    window_stats,
    window_stats_at,
)
from petrostream.readings import Readings
from petrostream.records import record
from petrostream.risk import PROCESS_RULES, RULE_SENSORS, RuleColumns, fired
from petrostream.schema import SENSOR_NAMES
from petrostream.scoring.feeds import Feed
from petrostream.scoring.history import WellState
from petrostream.scoring.memory import exclude

SMALL = 512
"""Feeds with more readings in a batch are computed alone: their arrays are long enough."""

ENOUGH = 8_192
"""Readings at which a group is closed: longer arrays are no quicker, and take memory."""

ENOUGH_VALUES = 1 << 18
"""Values in the histories of a group at which it is closed: their sums take 13 MB."""

RARE = 16
"""Gauges of fewer wells than this are not worth a computation of their own."""

_APART_MS = 2 * HISTORY_MS


@record(frozen=True, slots=True)
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


@record(frozen=True, slots=True)
class Look:
    """What the N readings of steps show that are computed at once, step by step.

    Attributes:
        places: positions of the steps among all.
        steps: the steps.
        at: shape (N,), positions of their readings in the batch.
        starts: positions of the first reading of each step among the N, and N.
        seen: what rules see.
        held: shape (process rules, N), which rules hold.
    """

    places: list[int]
    steps: list[Step]
    at: IntArray
    starts: list[int]
    seen: RuleColumns
    held: BoolArray

    @property
    def rows(self) -> list[slice]:
        """The readings of each step among the N."""
        return list(map(slice, self.starts, self.starts[1:]))


def look(steps: Sequence[Step], readings: Readings, excluded: BoolArray) -> Iterator[Look]:
    """Compute statistics and rules of all steps, those of many wells at once.

    Args:
        steps: any number.
        readings: the batch.
        excluded: shape (batch, 27), gauges whose window statistics must not be used.
    """
    for places in _groups(steps):
        chosen = [steps[place] for place in places]
        alone = len(chosen) == 1
        at = chosen[0].at if alone else np.concatenate([step.at for step in chosen])
        stats = _stats(chosen)
        exclude(stats, excluded[at])
        trend = chosen[0].trend if alone else Trend.concat([step.trend for step in chosen])
        slow = chosen[0].slow if alone else SlowTrend.concat([step.slow for step in chosen])
        seen = RuleColumns(stats, readings.methane_ppm[at], trend=trend, slow=slow)
        starts = [0, *accumulate(len(step.at) for step in chosen)]
        yield Look(places, chosen, at, starts, seen, fired(PROCESS_RULES, seen))


def _groups(steps: Sequence[Step]) -> Iterator[list[int]]:
    """Places of the steps that are computed at once."""
    if len(steps) == 1:
        yield [0]
        return
    alike: dict[tuple[bytes, bytes], list[int]] = defaultdict(list)
    for place, step in enumerate(steps):
        if len(step.at) > SMALL:
            yield [place]
        else:
            alike[step.history.sensors.tobytes(), step.kept.tobytes()].append(place)
    # Wells with rare gauges are computed together: gauges that one of them lacks are missing there.
    rare = sorted(place for places in alike.values() if len(places) < RARE for place in places)
    for places in (*(places for places in alike.values() if len(places) >= RARE), rare):
        yield from _bounded(steps, places)


def _bounded(steps: Sequence[Step], places: Sequence[int]) -> Iterator[list[int]]:
    """Places in groups of as many readings, and values in their histories, as are quick together."""
    gauges = len(_union([steps[place] for place in places]))
    group: list[int] = []
    readings = values = 0
    for place in places:
        group.append(place)
        readings += len(steps[place].at)
        values += gauges * len(steps[place].history.ts_ms)
        if readings >= ENOUGH or values >= ENOUGH_VALUES:
            yield group
            group, readings, values = [], 0, 0
    if group:
        yield group


def _union(steps: Sequence[Step]) -> IntArray:
    """The gauges of any of the steps that rules and models use."""
    used = np.zeros(len(SENSOR_NAMES), np.bool_)
    for step in steps:
        used[step.gauges] = True
    return np.flatnonzero(used)


def _stats(steps: Sequence[Step]) -> WindowStats:
    """The window statistics of steps, one after another."""
    first = steps[0]
    if len(steps) == 1:
        history, start = first.history, first.start
        return window_stats(history.ts_ms, history.counts[:, first.kept], first.gauges, start)
    ts_ms = np.concatenate([step.history.ts_ms for step in steps])
    lengths = np.array([len(step.history.ts_ms) for step in steps])
    ends = np.cumsum(lengths)
    gauges, counts = _counts(steps, ends.tolist())
    # Each well begins so far after the one before it that no window reaches back to that.
    begin_ms, end_ms = ts_ms[ends - lengths], ts_ms[ends - 1]
    shift = np.concatenate([[0], np.cumsum(end_ms - begin_ms + _APART_MS)[:-1]])
    ts_ms += np.repeat(shift - begin_ms, lengths)
    is_new = np.arange(len(ts_ms)) >= np.repeat(ends - [len(step.at) for step in steps], lengths)
    return window_stats_at(ts_ms, counts, gauges, np.flatnonzero(is_new))


def _counts(steps: Sequence[Step], ends: list[int]) -> tuple[IntArray, CountArray]:
    """The gauges of any of the steps, and the counts of their histories, which end at `ends`."""
    gauges = _union(steps)
    table = np.full((ends[-1], len(gauges)), MISSING, np.int32)
    for step, begin, end in zip(steps, [0, *ends], ends, strict=False):
        held = step.history.counts[:, step.kept]
        if held.shape[1] == len(gauges):
            table[begin:end] = held
        else:
            table[begin:end, np.searchsorted(gauges, step.gauges)] = held
    return gauges, table


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
    return _in_use(tuple(model.extractor.sensors.tobytes() for model in models))


@lru_cache(maxsize=256)
def _in_use(of_models: tuple[bytes, ...]) -> BoolArray:
    """The same; models are given by the bytes of their sensors."""
    used = np.zeros(len(SENSOR_NAMES), np.bool_)
    used[RULE_SENSORS] = True
    for sensors in of_models:
        used[np.frombuffer(sensors, np.int64)] = True
    used.setflags(write=False)
    return used
