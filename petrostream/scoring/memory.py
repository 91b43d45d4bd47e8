"""A well's memory besides its history: health of its gauges, trends over an hour, operating state, moves."""

from collections.abc import Callable, Sequence

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray, anywhere
from petrostream.gauges import (
    AT_REST,
    MISSING,
    Anchor,
    CountArray,
    GaugeMemory,
    GaugeSums,
    LevelMemory,
    Levels,
    MoveMemory,
    Moves,
    SlowMemory,
    SlowTrend,
    StatusArray,
    Trend,
    TrendMemory,
    WindowStats,
    condemned_values,
    follow,
    follow_levels,
    follow_moves,
    follow_slowly,
    judge,
)
from petrostream.readings import Readings, converted
from petrostream.records import record
from petrostream.risk import FOREST, NO_STATE, PROCESS_RULES, StateMemory, codes_of, governing, suppression
from petrostream.schema import SENSOR_NAMES

SUPPRESSIBLE = (*(rule.id for rule in PROCESS_RULES), FOREST)
"""What an operating state can suppress: the process rules in their order, then the forest."""

_SUPPRESSED: BoolArray = suppression(SUPPRESSIBLE)
_ALL: IntArray = np.arange(len(SENSOR_NAMES))
_OPERATED: BoolArray = np.asarray(_SUPPRESSED.any(axis=0))


@record(frozen=True, slots=True)
class WellMemory:
    """Memory of a feed's readings besides its history.

    Attributes:
        gauges: memory of its gauges' health, None before the first reading.
        trend: memory of its trends, None before the first reading.
        operating: memory of its operating state.
        moves: memory of the moves of its chokes and valves.
        slow: memory of its drifts over hours, None before the first reading.
        levels: memory of its gauges' levels, None before the first reading.
    """

    gauges: GaugeMemory | None = None
    trend: TrendMemory | None = None
    operating: StateMemory = NO_STATE
    moves: MoveMemory = AT_REST
    slow: SlowMemory | None = None
    levels: LevelMemory | None = None


NO_MEMORY = WellMemory()


@record(frozen=True, slots=True)
class Observed:
    """n readings of one feed of each of w wells, before anything is computed from them.

    Attributes:
        status: shape (n, w, 27), codes of `petrostream.gauges.status.STATUSES`.
        values: shape (n, w, 27), sensor units, NaN where missing or of a bad gauge.
        excluded: shape (n, w, 27), gauges whose window statistics must not be used.
        governs: shape (n, w), codes of the operating states that suppress, see `governing`.
        moves: transitions that moves of chokes and valves have opened, shape (n, w).
        memories: of each well for the next readings, except that its trends and levels are not updated yet.
    """

    status: StatusArray
    values: FloatArray
    excluded: BoolArray
    governs: IntArray
    moves: Moves
    memories: list[WellMemory]


def observe(
    memories: Sequence[WellMemory], readings: Readings, at: IntArray, expected: BoolArray | None = None
) -> Observed:
    """Determine gauge health, suppression and transitions of the next readings of w wells.

    Args:
        memories: of each well's feed before these readings.
        readings: a batch.
        at: shape (n, w), n >= 1, positions of each well's readings in it, none late.
        expected: shape (n, w, 27), or (1, w, 27) if the same for all readings: the sensors each well should
            have.
    """
    ts_ms, order = readings.ts_ms[at], at.ravel().tolist()
    reasons = [readings.reasons[i] for i in order]
    condemned = condemned_values(reasons, len(memories))
    gauges = [memory.gauges for memory in memories]
    values = readings.values[at]
    values = converted(values.reshape(len(order), -1), reasons).reshape(values.shape)
    judged = judge(gauges, ts_ms, values, condemned, expected)
    codes = codes_of([readings.state[i] for i in order]).reshape(at.shape)
    governs, operating = governing([memory.operating for memory in memories], ts_ms, codes)
    moves, moved = follow_moves([memory.moves for memory in memories], ts_ms, judged.values)
    after = [
        WellMemory(gauges, known.trend, state, moves_of, known.slow, known.levels)
        for known, gauges, state, moves_of in zip(memories, judged.memories, operating, moved, strict=True)
    ]
    return Observed(judged.status, judged.values, judged.excluded, governs, moves, after)


def suppressed(governs: IntArray) -> BoolArray:
    """Return which of `SUPPRESSIBLE` operating states suppress: shape (len(SUPPRESSIBLE), *governs.shape)."""
    table: BoolArray = _SUPPRESSED[:, governs]
    return table


def exclude(stats: WindowStats, excluded: BoolArray) -> None:
    """Remove the windows of excluded gauges from the statistics, in place.

    Args:
        stats: window statistics of n readings.
        excluded: shape (n, 27), True where a gauge is excluded.
    """
    hidden = excluded[:, stats.sensors].T
    if anywhere(hidden):
        stats.table[:, :, hidden] = np.nan
        stats.number[:, hidden] = 0
        stats.warm[:, hidden] = False


@record(frozen=True, slots=True)
class Remembered:
    """What n readings of one feed of each of w wells see of the past.

    Attributes:
        trends: over an hour, one for each well.
        slow: over hours, one for each well.
        levels: one for each well.
        memories: of each well for the next readings.
    """

    trends: list[Trend]
    slow: list[SlowTrend]
    levels: list[Levels]
    memories: list[WellMemory]


def remember(
    observed: Observed,
    ts_ms: IntArray,
    counts: CountArray,
    known: BoolArray,
    anchor_of: Callable[[int, int], Anchor | None],
) -> Remembered:
    """Update the trends and levels of w wells with their next readings.

    Readings under suppression are left out of trends: what an operator does to a well is not a drift. Over
    hours, nothing from before a suppression or a move is compared with what follows. No level is learned
    under a suppression or during a move, nor from a gauge that is bad or was a moment ago.

    Args:
        observed: the readings.
        ts_ms: shape (n, w), their times, epoch ms.
        counts: shape (n, w, 27), their values as counts, from `petrostream.gauges.features.quantise`.
        known: shape (w, 27), the gauges of each well's history.
        anchor_of: returns the baseline in force at a reading, given the well's and the reading's position.
    """
    memories, by_state = observed.memories, _OPERATED[observed.governs]
    kept = counts
    if anywhere(by_state):
        kept = np.where(by_state[..., None], np.int32(MISSING), counts)
    sums = GaugeSums(kept)
    trends, after = follow([memory.trend for memory in memories], ts_ms, kept, _ALL, sums)
    operated = by_state | observed.moves.in_transition
    before = [memory.slow for memory in memories]
    slow, slowest = follow_slowly(before, ts_ms, kept, _ALL, operated, sums)
    if anywhere(observed.excluded):
        counts = np.where(observed.excluded, np.int32(MISSING), counts)
    of_levels = [memory.levels for memory in memories]
    sums = sums if counts is kept else GaugeSums(counts)
    levels, learned = follow_levels(of_levels, ts_ms, counts, known, operated, anchor_of, sums)
    following = [
        WellMemory(memory.gauges, trend, memory.operating, memory.moves, slow_of, level)
        for memory, trend, slow_of, level in zip(memories, after, slowest, learned, strict=True)
    ]
    return Remembered(trends, slow, levels, following)
