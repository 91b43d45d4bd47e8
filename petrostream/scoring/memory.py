"""What surrounds a well's windows: the health of its gauges, its slow memory, and its operating state."""

from dataclasses import dataclass, replace

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.gauges import (
    MISSING,
    CountArray,
    GaugeMemory,
    StatusArray,
    Trend,
    TrendMemory,
    WindowStats,
    follow,
    judge,
)
from petrostream.readings import Readings
from petrostream.risk import FOREST, NO_STATE, PROCESS_RULES, StateMemory, codes_of, governing, suppression

SUPPRESSIBLE = (*(rule.id for rule in PROCESS_RULES), FOREST)
"""What an operating state can suppress: the process rules in their order, then the forest."""

_SUPPRESSED: BoolArray = suppression(SUPPRESSIBLE)


@dataclass(frozen=True, slots=True)
class WellMemory:
    """What is remembered of a feed's readings beside its windows.

    Attributes:
        gauges: of its gauges, None before the first reading.
        trend: the slow memory, None before the first reading.
        operating: of its operating state.
    """

    gauges: GaugeMemory | None = None
    trend: TrendMemory | None = None
    operating: StateMemory = NO_STATE


NO_MEMORY = WellMemory()


@dataclass(frozen=True, slots=True)
class Observed:
    """n readings of one feed, before anything is computed from them.

    Attributes:
        status: shape (n, 27), codes of `petrostream.gauges.status.STATUSES`.
        values: shape (n, 27), without those of bad gauges.
        excluded: shape (n, 27), gauges whose windows must not be looked at.
        suppressed: shape (len(SUPPRESSIBLE), n), what the operating state makes meaningless.
        memory: for the next readings; its slow memory is still the old one.
    """

    status: StatusArray
    values: FloatArray
    excluded: BoolArray
    suppressed: BoolArray
    memory: WellMemory


def observe(memory: WellMemory, readings: Readings, at: IntArray, expected: BoolArray) -> Observed:
    """Look at a feed's next readings.

    Args:
        memory: of the feed's readings before these.
        readings: a batch.
        at: shape (n,), n >= 1, positions of the feed's readings in it, none late.
        expected: shape (n, 27), or (1, 27) for all alike: the sensors the well should have.
    """
    ts_ms = readings.ts_ms[at]
    reasons = [readings.reasons[i] for i in at.tolist()]
    judged = judge(memory.gauges, ts_ms, readings.values[at], reasons, expected)
    codes = codes_of([readings.state[i] for i in at.tolist()])
    governs, operating = governing(memory.operating, ts_ms, codes)
    after = WellMemory(judged.memory, memory.trend, operating)
    return Observed(judged.status, judged.values, judged.excluded, _SUPPRESSED[:, governs], after)


def leave_out(stats: WindowStats, excluded: BoolArray) -> None:
    """Takes the windows of excluded gauges out of the statistics, in place.

    Args:
        stats: window statistics of n readings.
        excluded: shape (n, 27).
    """
    hidden = excluded[:, stats.sensors].T
    if hidden.any():
        stats.table[:, :, hidden] = np.nan
        stats.number[:, hidden] = 0
        stats.warm[:, hidden] = False


def remember(
    observed: Observed, ts_ms: IntArray, counts: CountArray, sensors: IntArray
) -> tuple[Trend, WellMemory]:
    """Take the readings into the slow memory.

    Readings under suppression leave no trace there: what an operator does with a well is no drift.

    Args:
        observed: the readings.
        ts_ms: shape (n,), their times.
        counts: shape (n, s), their values, from `petrostream.gauges.features.quantise`.
        sensors: shape (s,), ascending, the sensor index of each column.

    Returns:
        What each reading sees of it, and the memory for the next readings.
    """
    moved_by_hand: BoolArray = np.logical_or.reduce(observed.suppressed)
    if moved_by_hand.any():
        counts = np.where(moved_by_hand[:, None], np.int32(MISSING), counts)
    trend, after = follow(observed.memory.trend, ts_ms, counts, sensors)
    return trend, replace(observed.memory, trend=after)
