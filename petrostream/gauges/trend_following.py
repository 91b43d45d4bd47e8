"""Adds readings of wells to their slow memories (`petrostream.gauges.trend`)."""

from collections.abc import Sequence
from functools import lru_cache, partial

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray, anywhere
from petrostream.gauges.features import MISSING, CountArray
from petrostream.gauges.sums import GaugeSums
from petrostream.gauges.swing import Swing
from petrostream.gauges.trend import (
    BIN_MS,
    BINS,
    RESET_BINS,
    SWING_SENSORS,
    TREND_INDICES,
    TREND_QUANTA,
    TREND_SENSORS,
    TREND_SHIFT,
    Trend,
    TrendMemory,
)

SWING_PA = (2e5, 1.5e5)
"""Least by which each of `SWING_SENSORS` must come back to have turned.

In the 7.8 h of normal operation of 3W's real instances of classes 2 and 6 both vary by up to 0.9 bar, within
minutes. Twice that is no turn at the tree, whose swings in slugging (class 3) span 2.6 to 40 bar. Those of
the choke in unstable flow (class 4) span 1.9 to 15 bar.
"""

SWING_SHARES = (0.0, 1 / 3)
"""Share of its span in the last hour by which each must come back to have turned. Slugs that blow out raise
the choke by 60 bar, with ripples of up to 20 that are not its cycles; the tree moves smoothly."""

_SWINGING = [TREND_SENSORS.index(name) for name in SWING_SENSORS]
_SWING_COUNTS: list[int] = np.rint(np.array(SWING_PA) / TREND_QUANTA[_SWINGING]).astype(int).tolist()


def follow(
    memories: Sequence[TrendMemory | None],
    ts_ms: IntArray,
    counts: CountArray,
    sensors: IntArray,
    sums: GaugeSums | None = None,
) -> tuple[list[Trend], list[TrendMemory]]:
    """Add readings to the slow memories of w wells.

    Args:
        memories: from the previous readings of each well, None at the beginning of a feed.
        ts_ms: shape (n, w), n >= 1, strictly increasing and after the previous readings, epoch ms.
        counts: shape (n, w, s), from `petrostream.gauges.features.quantise`.
        sensors: shape (s,), the sensor index of each column.
        sums: of these counts, where the caller has them.

    Returns:
        The memory as each reading sees it, and the memory for the next readings, for each well.
    """
    trends: dict[int, Trend] = {}
    after: dict[int, TrendMemory] = {}
    first, last = (ts_ms[0] // BIN_MS).tolist(), (ts_ms[-1] // BIN_MS).tolist()
    within = []
    for well, minute in enumerate(first):
        if minute == last[well]:
            within.append(well)
        else:
            minutes = ts_ms[:, well] // BIN_MS
            trends[well], after[well] = _of_well(memories[well], minutes, counts[:, well], sensors)
    if within:
        before = [_opened(memories[well], first[well]) for well in within]
        if len(within) < len(memories):
            sums = GaugeSums(counts[:, within])
        found = _within_minute(before, *_of_trend(sums or GaugeSums(counts), sensors), len(counts))
        trends |= zip(within, found[0], strict=True)
        after |= zip(within, found[1], strict=True)
    order = range(len(memories))
    return [trends[well] for well in order], [after[well] for well in order]


@lru_cache(maxsize=64)
def _columns(sensors: bytes) -> tuple[list[int], IntArray]:
    """Which of `TREND_SENSORS` are among some sensors, and their places there; given as bytes of an array."""
    places, wanted = np.frombuffer(sensors, np.int64).tolist(), TREND_INDICES.tolist()
    columns = [at for at, sensor in enumerate(wanted) if sensor in places]
    return columns, np.array([places.index(wanted[at]) for at in columns], np.int64)


def _of_trend(sums: GaugeSums, sensors: IntArray) -> tuple[IntArray, IntArray]:
    """Sum and number of the values of each of `TREND_SENSORS`: shape (w, trend sensors) each."""
    columns, places = _columns(sensors.tobytes())
    totals, numbers = sums.total.take(places, axis=1), sums.number.take(places, axis=1)
    if len(columns) == len(TREND_SENSORS):
        return totals, numbers
    table = np.zeros((2, len(totals), len(TREND_SENSORS)), np.int64)
    table[0][:, columns], table[1][:, columns] = totals, numbers
    return table[0], table[1]


def _opened(memory: TrendMemory | None, minute: int) -> TrendMemory:
    """The memory once a minute has begun."""
    if memory is None:
        return TrendMemory.start(minute)
    if memory.minute == minute:
        return memory
    state = _Following(memory)
    state.close(minute)
    return state.memory()


def _within_minute(
    before: Sequence[TrendMemory], totals: IntArray, numbers: IntArray, n: int
) -> tuple[list[Trend], list[TrendMemory]]:
    """The same for wells whose n readings are all in the open minute; sums have shape (w, trend sensors)."""
    bins = [memory.bins for memory in before]
    windows = _past(bins) if len(bins) > 1 else _past_of_one(bins[0].tobytes())
    rows = np.zeros(n, np.int64)
    trends = [
        Trend(rows, windows[well : well + 1], *_turns(memory.swings, memory.minute))
        for well, memory in enumerate(before)
    ]
    sums = zip(before, totals, numbers, strict=True)
    return trends, [
        TrendMemory(memory.minute, memory.total + total, memory.number + number, memory.bins, memory.swings)
        for memory, total, number in sums
    ]


def _past(bins: Sequence[CountArray]) -> FloatArray:
    """The past of each of some minutes: shape (minutes, sensors, BINS), from at most `BINS` means each."""
    table = np.full((len(bins), BINS, len(TREND_SENSORS)), MISSING, np.int32)
    for place, means in enumerate(bins):
        if len(means):
            table[place, -len(means) :] = means
    # Minutes outermost: sums of floats depend on the layout.
    return np.where(table == MISSING, np.nan, table * TREND_QUANTA).transpose(0, 2, 1)


@lru_cache(maxsize=256)
def _past_of_one(bins: bytes) -> FloatArray:
    """The same of one minute, usually that of the previous batch: means are given as bytes of their array."""
    past = _past([np.frombuffer(bins, np.int32).reshape(-1, len(TREND_SENSORS))])
    past.flags.writeable = False
    return past


@lru_cache(maxsize=1024)
def _turns(swings: tuple[Swing, ...], minute: int) -> tuple[IntArray, BoolArray]:
    """`turns` and `ended` of a `Trend` of one minute."""
    turns = np.array([[[swing.count(minute, hours * 60) for hours in (1, 2)] for swing in swings]])
    ended = np.array([[swing.ended(minute) for swing in swings]])
    # Shared by every reading of the minute.
    turns.setflags(write=False)
    ended.setflags(write=False)
    return turns, ended


def _of_well(
    memory: TrendMemory | None, minutes: IntArray, counts: CountArray, sensors: IntArray
) -> tuple[Trend, TrendMemory]:
    """The same for one well's readings in any number of minutes."""
    first = np.concatenate([[0], np.flatnonzero(minutes[1:] != minutes[:-1]) + 1])
    state = _Following(TrendMemory.start(int(minutes[0])) if memory is None else memory)
    totals, numbers = _sums(counts, sensors, first)
    for minute, total, number in zip(minutes[first].tolist(), totals, numbers, strict=True):
        state.enter(minute)
        state.total, state.number = state.total + total, state.number + number
    rows = np.repeat(np.arange(len(first)), np.append(first[1:], len(minutes)) - first)
    turns, ended = (np.concatenate(each) for each in zip(*state.turns, strict=True))
    return Trend(rows, state.windows(), turns, ended), state.memory()


def _sums(counts: CountArray, sensors: IntArray, first: IntArray) -> tuple[IntArray, IntArray]:
    """Sum and number of the values of each minute: shape (minutes, ..., trend sensors) each.

    Args:
        counts: shape (n, ..., s).
        sensors: shape (s,).
        first: position of each minute's first reading.
    """
    totals = np.zeros((len(first), *counts.shape[1:-1], len(TREND_SENSORS)), np.int64)
    numbers = np.zeros_like(totals)
    columns, places = _columns(sensors.tobytes())
    if not columns:
        return totals, numbers
    chosen = counts[..., places]
    known: BoolArray = chosen != MISSING
    totals[..., columns] = np.add.reduceat(np.where(known, chosen, 0), first, axis=0, dtype=np.int64)
    numbers[..., columns] = np.add.reduceat(known, first, axis=0, dtype=np.int64)
    return totals, numbers


class _Following:
    """The memory while a batch is added, minute by minute."""

    def __init__(self, before: TrendMemory) -> None:
        self.minute, self.total, self.number = before.minute, before.total, before.number
        self.swings = before.swings
        self.turns: list[tuple[IntArray, BoolArray]] = []
        self._bins = [before.bins]
        self._length = len(before.bins)
        self._seen: list[int] = []

    def enter(self, minute: int) -> None:
        """Move on to a minute, and record what its readings see."""
        if minute != self.minute:
            self.close(minute)
        self._seen.append(self._length)
        self.turns.append(_turns(self.swings, minute))

    def close(self, following: int) -> None:
        """Close the open minute, as another one begins."""
        mean = (2 * self.total + self.number) // np.maximum(2 * self.number, 1)
        coarse = (mean + (1 << (TREND_SHIFT - 1))) >> TREND_SHIFT
        closed = np.where(self.number > 0, coarse, MISSING).astype(np.int32)
        skipped = following - self.minute - 1
        if skipped > RESET_BINS:
            self._append(np.full((BINS, len(TREND_SENSORS)), MISSING, np.int32))
            self.swings = (Swing(),) * len(SWING_SENSORS)
        else:
            self._append(closed[None])
            means = closed[_SWINGING].tolist()
            self.swings = tuple(
                swing if mean == MISSING else swing.moved(self.minute, mean, size, partial(self._least, i))
                for i, (swing, mean, size) in enumerate(zip(self.swings, means, _SWING_COUNTS, strict=True))
            )
            self._append(np.full((skipped, len(TREND_SENSORS)), MISSING, np.int32))
        self.minute = following
        self.total = self.number = np.zeros(len(TREND_SENSORS), np.int64)

    def _least(self, swinging: int) -> float:
        """A sensor's share of its span in the hour up to the last closed minute, in trend counts."""
        if not SWING_SHARES[swinging]:
            return 0.0
        column = _SWINGING[swinging]
        hour = np.concatenate([bins[-BINS:, column] for bins in self._bins[-BINS - 1 :]])[-BINS:]
        known = hour[hour != MISSING]
        return SWING_SHARES[swinging] * float(known.max() - known.min())

    def _append(self, bins: CountArray) -> None:
        if len(bins):
            self._bins.append(bins)
            self._length += len(bins)

    def windows(self) -> FloatArray:
        """Return the past as seen in each minute: shape (minutes, sensors, BINS), NaN where unknown."""
        padding = np.full((BINS, len(TREND_SENSORS)), MISSING, np.int32)
        table = np.concatenate([padding, *self._bins])
        values = np.where(table == MISSING, np.nan, table * TREND_QUANTA)
        if len(self._seen) == 1:
            # Much cheaper than sliding views in the common case of a single minute.
            return values[self._seen[0] : self._seen[0] + BINS].T[None]
        views = np.lib.stride_tricks.sliding_window_view(values, BINS, axis=0)
        chosen: FloatArray = views[self._seen]
        return chosen

    def memory(self) -> TrendMemory:
        """Return the memory after the batch."""
        bins = np.concatenate(self._bins)[-BINS:].copy()
        known = (bins != MISSING).any(axis=1)
        start = int(known.argmax()) if anywhere(known) else len(bins)
        return TrendMemory(self.minute, self.total, self.number, bins[start:], self.swings)
