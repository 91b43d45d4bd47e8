"""The level that a well keeps by itself: centre and spread of each gauge, followed minute by minute.

A baseline's levels are right for hours; a well's wander by bars from week to week. So each pressure and
temperature is also measured against its own last half hour. Every full minute of a gauge,
counted from the first reading, is one step:

* A minute within `away` spreads of the centre is learned, with weight `1 / window_min` and never more than
  `drift_per_h` scales in an hour.
* Any other minute is not: the gauge is away, and its centre and spread stay as they are until three minutes
  in a row are back. A deviation can therefore not be learned, neither as it grows nor while its alarm stands.
* A gauge that stays away for `settle_min` minutes, and keeps still there, is on a new level: the centre moves
  to it. Until it is commissioned again, such a gauge is followed three times as fast.
* Readings under an operator's hand are not learned, and after them the level is found again from nothing.

A gauge without `KNOWN_MIN` minutes of its own, one right after an operator's move, and one that has been
silent for `FORGET_MIN` have no known level. What they are measured against meanwhile is decided by who calls.

Results depend on the stream alone, not on how it is cut into batches: readings see what was known when their
minute began, sums are sums of integers, and what is kept from minute to minute is rounded to integers.
"""

from collections.abc import Callable

import numpy as np

from petrostream.arrays import BoolArray, IntArray
from petrostream.gauges.features import DEAD_AT_ZERO, MISSING, CountArray
from petrostream.gauges.level_memory import LevelMemory, Levels
from petrostream.gauges.level_steps import (
    AWAY,
    BLANK,
    KNOWN,
    KNOWN_MIN,
    LEVEL_FIELDS,
    LEVEL_SEEN,
    MOVED,
    Anchor,
    learn,
    moments,
    start,
)
from petrostream.gauges.trend import BIN_MS

FORGET_MIN = 24 * 60


def follow_levels(
    memory: LevelMemory | None,
    ts_ms: IntArray,
    counts: CountArray,
    sensors: IntArray,
    operated: BoolArray,
    anchor_of: Callable[[int], Anchor | None],
) -> tuple[Levels, LevelMemory]:
    """Follow the levels of a well over its next readings.

    Args:
        memory: from the previous readings, None at the beginning of a feed.
        ts_ms: shape (n,), n >= 1, strictly increasing and after the previous readings, epoch ms.
        counts: shape (n, c), from `quantise`; `MISSING` where there is no value or it is not to be trusted.
        sensors: shape (c,), ascending, the sensor index of each column.
        operated: shape (n,), readings while an operator changes the well.
        anchor_of: returns the baseline in force at a reading, given its position; None without one.

    Returns:
        The levels as each reading sees them, and the memory for the next readings.
    """
    used = DEAD_AT_ZERO[sensors]
    if not used.all():
        sensors, counts = sensors[used], counts[:, used]
    before = LevelMemory.start(int(ts_ms[0])) if memory is None else memory
    if len(sensors) and sensors.tobytes() != before.sensors.tobytes():
        before = before.widened(np.union1d(before.sensors, sensors))
    if int(ts_ms[-1] - before.begin_ms) // BIN_MS == before.minute:
        return _within_minute(before, counts, sensors, operated)
    minutes = (ts_ms - before.begin_ms) // BIN_MS
    first = np.concatenate([[0], np.flatnonzero(minutes[1:] != minutes[:-1]) + 1])
    sums = _sums(counts, np.searchsorted(before.sensors, sensors), first, len(before.sensors))
    state = _Following(before)
    hands = np.logical_or.reduceat(operated, first).tolist(), operated[np.append(first[1:], len(ts_ms)) - 1]
    lost = np.zeros(len(ts_ms), np.bool_)
    baselines: list[int] = []
    for j, (minute, at) in enumerate(zip(minutes[first].tolist(), first.tolist(), strict=True)):
        if minute != state.minute:
            state.close(minute, anchor_of(at))
        baselines.append(state.baseline)
        state.seen.append([gauge.copy() for gauge in state.gauges])
        if state.operated or hands[0][j]:
            rows = slice(at, first[j + 1] if j + 1 < len(first) else len(ts_ms))
            lost[rows] = (np.logical_or.accumulate(operated[rows]) | state.operated) & ~operated[rows]
        state.add(sums[j], hands[0][j], bool(hands[1][j]))
    rows_of = np.repeat(np.arange(len(first)), np.diff(first, append=len(ts_ms)))
    return Levels(
        before.sensors,
        rows_of,
        np.array(state.seen, np.int64).reshape(len(first), len(before.sensors), len(LEVEL_FIELDS)),
        lost,
        np.array(baselines, np.int64),
    ), state.memory()


def _within_minute(
    before: LevelMemory, counts: CountArray, sensors: IntArray, operated: BoolArray
) -> tuple[Levels, LevelMemory]:
    """The same for readings that are all in the open minute: nothing is learned, so the table stays."""
    n = len(counts)
    columns = np.searchsorted(before.sensors, sensors)
    first = np.zeros(1, np.int64)
    ((*sums,),) = _sums(counts, columns, first, len(before.sensors))
    total, square, number = np.array(sums, np.int64).reshape(-1, 3).T
    moved = before.operated or bool(operated.any())
    lost = np.zeros(n, np.bool_)
    if moved:
        lost = (np.logical_or.accumulate(operated) | before.operated) & ~operated
    levels = Levels(
        before.sensors, np.zeros(n, np.int64), before.table[None], lost, np.array([before.baseline], np.int64)
    )
    after = LevelMemory(
        before.sensors,
        before.begin_ms,
        before.minute,
        before.total + total,
        before.square + square,
        before.number + number,
        before.table,
        moved,
        bool(operated[-1]),
        before.baseline,
    )
    return levels, after


def _sums(counts: CountArray, columns: IntArray, first: IntArray, width: int) -> list[list[list[int]]]:
    """Sum, sum of squares and number of each gauge's values, for each minute."""
    sums = np.zeros((len(first), width, 3), np.int64)
    if len(columns):
        known: BoolArray = counts != MISSING
        q = counts.astype(np.int64)
        if known.all():
            sums[:, columns, 2] = (np.append(first[1:], len(counts)) - first)[:, None]
        else:
            q[~known] = 0
            sums[:, columns, 2] = np.add.reduceat(known, first, axis=0, dtype=np.int64)
        sums[:, columns, 0] = np.add.reduceat(q, first, axis=0)
        sums[:, columns, 1] = np.add.reduceat(q * q, first, axis=0)
    listed: list[list[list[int]]] = sums.tolist()
    return listed


class _Following:
    """The memory while a batch is added, minute by minute.

    Gauges are few and minutes are rare: plain numbers are faster here than arrays of five.
    """

    def __init__(self, before: LevelMemory) -> None:
        self.seen: list[list[list[int]]] = []
        self.operated = before.operated
        self.minute = before.minute
        self._before = before
        self._operating, self.baseline = before.operating, before.baseline
        self._sums: list[list[int]] = np.column_stack([before.total, before.square, before.number]).tolist()
        self.gauges: list[list[int]] = before.table.tolist()
        self._sensors: list[int] = before.sensors.tolist()

    def close(self, following: int, anchor: Anchor | None) -> None:
        """Learn from the open minute, and move on to another one."""
        if anchor is not None and anchor.identity != self.baseline:
            self._commission(anchor)
        self._learn(anchor)
        self.minute = following
        for gauge in self.gauges:
            if gauge[KNOWN] and following - gauge[LEVEL_SEEN] > FORGET_MIN:
                gauge[:] = BLANK

    def add(self, sums: list[list[int]], operated: bool, operating: bool) -> None:
        """Add readings to the open minute."""
        self._sums = [
            [t + dt, s + ds, n + dn] for (t, s, n), (dt, ds, dn) in zip(self._sums, sums, strict=True)
        ]
        self.operated |= operated
        self._operating = operating

    def _commission(self, anchor: Anchor) -> None:
        """Take the well's next baseline: its levels if trusted, else what moved is found anew."""
        if self.baseline:
            for gauge, sensor in zip(self.gauges, self._sensors, strict=True):
                if anchor.trusted and gauge[KNOWN] >= 0:
                    start(gauge, sensor, anchor)
                elif gauge[AWAY] or gauge[MOVED]:
                    gauge[:] = BLANK
        self.baseline = anchor.identity

    def _learn(self, anchor: Anchor | None) -> None:
        if self.operated:
            if not self._operating:
                self.operated = False
                for gauge in self.gauges:
                    gauge[:] = BLANK
                    gauge[KNOWN] = -KNOWN_MIN
                    gauge[LEVEL_SEEN] = self.minute
        else:
            for at, (total, square, number) in enumerate(self._sums):
                if number:
                    learn(self.gauges[at], *moments(total, square, number), self._sensors[at], anchor)
                    self.gauges[at][LEVEL_SEEN] = self.minute
        self._sums = [[0, 0, 0] for _ in self._sums]

    def memory(self) -> LevelMemory:
        """Return the memory after the batch."""
        total, square, number = np.array(self._sums, np.int64).reshape(-1, 3).T
        table = np.array(self.gauges, np.int64).reshape(len(self._sensors), len(LEVEL_FIELDS))
        return LevelMemory(
            self._before.sensors,
            self._before.begin_ms,
            self.minute,
            total,
            square,
            number,
            table,
            self.operated,
            self._operating,
            self.baseline,
        )
