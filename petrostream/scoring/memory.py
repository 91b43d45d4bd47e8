"""A well's memory besides its history: health of its gauges, trends over an hour, operating state, moves."""

from dataclasses import dataclass

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.gauges import (
    AT_REST,
    MISSING,
    CountArray,
    GaugeMemory,
    LevelMemory,
    MoveMemory,
    Moves,
    SlowMemory,
    SlowTrend,
    StatusArray,
    Trend,
    TrendMemory,
    WindowStats,
    follow,
    follow_moves,
    follow_slowly,
    judge,
)
from petrostream.readings import Readings
from petrostream.risk import FOREST, NO_STATE, PROCESS_RULES, StateMemory, codes_of, governing, suppression

SUPPRESSIBLE = (*(rule.id for rule in PROCESS_RULES), FOREST)
"""What an operating state can suppress: the process rules in their order, then the forest."""

_SUPPRESSED: BoolArray = suppression(SUPPRESSIBLE)


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Observed:
    """n readings of one feed, before anything is computed from them.

    Attributes:
        status: shape (n, 27), codes of `petrostream.gauges.status.STATUSES`.
        values: shape (n, 27), sensor units, NaN where missing or of a bad gauge.
        excluded: shape (n, 27), gauges whose window statistics must not be used.
        suppressed: shape (len(SUPPRESSIBLE), n), rules and forest that are suppressed by the operating state.
        moves: transitions that moves of chokes and valves have opened.
        memory: for the next readings, except that its trends are not updated yet.
    """

    status: StatusArray
    values: FloatArray
    excluded: BoolArray
    suppressed: BoolArray
    moves: Moves
    memory: WellMemory


def observe(memory: WellMemory, readings: Readings, at: IntArray, expected: BoolArray) -> Observed:
    """Determine gauge health, suppression and transitions of a feed's next readings.

    Args:
        memory: of the feed's readings before these.
        readings: a batch.
        at: shape (n,), n >= 1, positions of the feed's readings in it, none late.
        expected: shape (n, 27), or (1, 27) if the same for all readings: the sensors the well should have.
    """
    ts_ms = readings.ts_ms[at]
    reasons = [readings.reasons[i] for i in at.tolist()]
    judged = judge(memory.gauges, ts_ms, readings.values[at], reasons, expected)
    codes = codes_of([readings.state[i] for i in at.tolist()])
    governs, operating = governing(memory.operating, ts_ms, codes)
    moves, moved = follow_moves(memory.moves, ts_ms, judged.values)
    after = WellMemory(judged.memory, memory.trend, operating, moved, memory.slow, memory.levels)
    return Observed(judged.status, judged.values, judged.excluded, _SUPPRESSED[:, governs], moves, after)


def exclude(stats: WindowStats, excluded: BoolArray) -> None:
    """Remove the windows of excluded gauges from the statistics, in place.

    Args:
        stats: window statistics of n readings.
        excluded: shape (n, 27), True where a gauge is excluded.
    """
    hidden = excluded[:, stats.sensors].T
    if hidden.any():
        stats.table[:, :, hidden] = np.nan
        stats.number[:, hidden] = 0
        stats.warm[:, hidden] = False


def remember(
    observed: Observed, ts_ms: IntArray, counts: CountArray, sensors: IntArray
) -> tuple[Trend, SlowTrend, WellMemory]:
    """Update the trends with the readings.

    Readings under suppression are left out: what an operator does to a well is not a drift. Over hours,
    nothing from before a suppression or a move is compared with what follows.

    Args:
        observed: the readings.
        ts_ms: shape (n,), their times, epoch ms.
        counts: shape (n, s), their values as counts, from `petrostream.gauges.features.quantise`.
        sensors: shape (s,), ascending, the sensor index of each column.

    Returns:
        The trends at each reading, over an hour and over hours, and the memory for the next readings.
    """
    operated: BoolArray = np.logical_or.reduce(observed.suppressed)
    if operated.any():
        counts = np.where(operated[:, None], np.int32(MISSING), counts)
    trend, after = follow(observed.memory.trend, ts_ms, counts, sensors)
    operated = operated | observed.moves.in_transition
    slow, slowest = follow_slowly(observed.memory.slow, ts_ms, counts, sensors, operated)
    known = observed.memory
    return (
        trend,
        slow,
        WellMemory(known.gauges, after, known.operating, known.moves, slowest, known.levels),
    )
