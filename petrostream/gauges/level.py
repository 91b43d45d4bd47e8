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

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from petrostream.arrays import BoolArray, IntArray, anywhere
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
from petrostream.gauges.sums import FEW, GaugeSums
from petrostream.gauges.trend import BIN_MS

FORGET_MIN = 24 * 60


def follow_levels(
    memories: Sequence[LevelMemory | None],
    ts_ms: IntArray,
    counts: CountArray,
    known: BoolArray,
    operated: BoolArray,
    anchor_of: Callable[[int, int], Anchor | None],
    sums: GaugeSums | None = None,
) -> tuple[list[Levels], list[LevelMemory]]:
    """Follow the levels of w wells over their next readings.

    Args:
        memories: from the previous readings of each well, None at the beginning of a feed.
        ts_ms: shape (n, w), n >= 1, strictly increasing and after the previous readings, epoch ms.
        counts: shape (n, w, 27), from `quantise`; `MISSING` where there is no value or it is not to be
            trusted.
        known: shape (w, 27), the gauges that each well has.
        operated: shape (n, w), readings while an operator changes the well.
        anchor_of: returns the baseline in force at a reading, given the well's and the reading's position;
            None without one.
        sums: of these counts, where the caller has them.

    Returns:
        The levels as each reading sees them, and the memory for the next readings, for each well.
    """
    before = _widened(memories, ts_ms[0], known & DEAD_AT_ZERO)
    found: dict[int, tuple[Levels, LevelMemory]] = {}
    alike: dict[bytes, list[int]] = defaultdict(list)
    last = ts_ms[-1].tolist()
    for well, memory in enumerate(before):
        if (last[well] - memory.begin_ms) // BIN_MS == memory.minute:
            alike[memory.sensors.tobytes()].append(well)
        else:
            values = counts[:, well, memory.sensors]
            anchor = partial(anchor_of, well)
            found[well] = _of_well(memory, ts_ms[:, well], values, operated[:, well], anchor)
    for wells in alike.values():
        chosen = [before[well] for well in wells]
        if sums is None or len(counts) > FEW or len(wells) < len(before):
            of_wells, sensors = GaugeSums(counts[:, wells][..., chosen[0].sensors]), slice(None)
            following = _within_minute(chosen, of_wells, sensors, operated[:, wells])
        else:
            following = _within_minute(chosen, sums, chosen[0].sensors, operated)
        found |= zip(wells, following, strict=True)
    order = range(len(before))
    return [found[well][0] for well in order], [found[well][1] for well in order]


def _widened(
    memories: Sequence[LevelMemory | None], first_ms: IntArray, known: BoolArray
) -> list[LevelMemory]:
    """The memories, each with all gauges that its well has."""
    widened = []
    for memory, begin_ms, own in zip(memories, first_ms.tolist(), known, strict=True):
        before = LevelMemory.start(begin_ms) if memory is None else memory
        missing = own.copy()
        missing[before.sensors] = False
        if anywhere(missing):
            missing[before.sensors] = True
            before = before.widened(np.flatnonzero(missing))
        widened.append(before)
    return widened


def _of_well(
    before: LevelMemory,
    ts_ms: IntArray,
    counts: CountArray,
    operated: BoolArray,
    anchor_of: Callable[[int], Anchor | None],
) -> tuple[Levels, LevelMemory]:
    """Follow one well over any number of minutes; counts have the columns of its memory."""
    minutes = (ts_ms - before.begin_ms) // BIN_MS
    first = np.concatenate([[0], np.flatnonzero(minutes[1:] != minutes[:-1]) + 1])
    sums: list[list[list[int]]] = _sums(counts, first).tolist()
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
    before: Sequence[LevelMemory], sums: GaugeSums, gauges: IntArray | slice, operated: BoolArray
) -> Iterator[tuple[Levels, LevelMemory]]:
    """Follow wells with the same gauges within their open minutes: nothing is learned, so tables stay.

    Args:
        before: the memories.
        sums: of the readings.
        gauges: columns of the sums that belong to the memories' gauges.
        operated: as above.
    """
    of_gauges = sums.total[:, gauges], sums.square()[:, gauges], sums.number[:, gauges]
    # One for all of them: they are not written to.
    rows = np.zeros(len(operated), np.int64)
    moved, lost = operated, operated
    if anywhere(operated) or any(memory.operated for memory in before):
        until_now = np.array([memory.operated for memory in before])
        moved = np.logical_or.accumulate(operated, axis=0) | until_now
        lost = moved & ~operated
    last = zip(before, *of_gauges, moved[-1].tolist(), operated[-1].tolist(), strict=True)
    for well, (memory, total, square, number, has_moved, operating) in enumerate(last):
        baseline = np.array([memory.baseline], np.int64)
        yield (
            Levels(memory.sensors, rows, memory.table[None], lost[:, well], baseline),
            LevelMemory(
                memory.sensors,
                memory.begin_ms,
                memory.minute,
                memory.total + total,
                memory.square + square,
                memory.number + number,
                memory.table,
                has_moved,
                operating,
                memory.baseline,
            ),
        )


def _sums(counts: CountArray, first: IntArray) -> IntArray:
    """Sum, sum of squares and number of each gauge's values, for each minute.

    Args:
        counts: shape (n, ..., s).
        first: shape (m,), position of each minute's first reading.

    Returns:
        Shape (m, ..., s, 3).
    """
    known: BoolArray = counts != MISSING
    q = np.where(known, counts, 0).astype(np.int64)
    sums = [np.add.reduceat(values, first, axis=0, dtype=np.int64) for values in (q, q * q, known)]
    return np.stack(sums, axis=-1)


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
