"""The slow memory of a well: minute means of the last hour, and pressure swings of the last two hours.

Windows of 180 s show oscillations with periods of up to a minute and a half. A cycle of real slugging or flow
instability takes minutes to an hour (6 to 60 minutes in 3W), and a hydrate or scale takes hours to grow. So a
few gauges are averaged by full UTC minute and kept for an hour, and the turns of two pressures are counted
over two hours.

Results depend on the stream alone: a reading sees the minutes completed before its own, and sums are sums of
integers (`petrostream.gauges.features.quantise`). An interruption of more than `RESET_BINS` minutes clears
the memory; a shorter one leaves minutes without a value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.gauges.features import MISSING, QUANTA, CountArray
from petrostream.gauges.swing import SWING_PA, Swing
from petrostream.schema import SENSOR_INDEX, SENSORS

BIN_MS = 60_000
BINS = 60
RESET_BINS = 10
TREND_SENSORS = ("p_tpt", "p_mon_ckp", "p_jus_ckp", "t_tpt", "t_jus_ckp", "aber_ckp")
TREND_INDICES: IntArray = np.array([SENSOR_INDEX[name] for name in TREND_SENSORS], np.int64)

SWING_SENSORS = ("p_tpt", "p_mon_ckp")
SWING_SHARES = (0.0, 1 / 3)
"""Share of its span in the last hour by which each must come back to have turned. Slugs that blow out raise
the choke by 60 bar, with ripples of up to 20 that are not its cycles; the tree moves smoothly."""

_SHIFT: IntArray = np.array([9 if s.quantity == "pressure" else 12 for s in SENSORS])[TREND_INDICES]
TREND_QUANTA: FloatArray = QUANTA[TREND_INDICES] * 2.0**_SHIFT
"""Resolution of minute means: 0.01 bar, 1/64 degC and 1/128 %, about a byte a minute in the state."""

_TRENDING: list[int] = TREND_INDICES.tolist()
_SWINGING = [TREND_SENSORS.index(name) for name in SWING_SENSORS]
_SWING_COUNTS: list[int] = np.rint(SWING_PA / TREND_QUANTA[_SWINGING]).astype(int).tolist()

_CHOKE = TREND_SENSORS.index("aber_ckp")
CHOKE_STEP = 1.0
"""Percent of opening: a larger change is an operator's move, as in `petrostream.gauges.moves`."""

_ACTIVITY_SETTLE = 15
_ACTIVITY_LAG, _ACTIVITY_UNTIL, _ACTIVITY_LEAST = 3, 4, 10
_DRIFT_LEAST = 45
_STEADY = 4.0


@dataclass(frozen=True, slots=True)
class TrendMemory:
    """The slow memory of a well between batches; s is the number of `TREND_SENSORS`.

    Attributes:
        minute: the open minute, in minutes since the epoch.
        total, number: shape (s,), sum and number of the counts in it.
        bins: shape (b, s), means of the b <= `BINS` minutes before it in trend counts, `MISSING` where there
            was no value.
        swings: one for each of `SWING_SENSORS`.
    """

    minute: int
    total: IntArray
    number: IntArray
    bins: CountArray
    swings: tuple[Swing, ...]

    @classmethod
    def start(cls, minute: int) -> "TrendMemory":
        """Return an empty memory that begins with a minute since the epoch."""
        nothing = np.zeros(len(TREND_SENSORS), np.int64)
        bins = np.empty((0, len(TREND_SENSORS)), np.int32)
        return cls(minute, nothing, nothing, bins, (Swing(),) * len(SWING_SENSORS))


@dataclass(frozen=True)
class Trend:
    """The slow memory as seen by n readings in m minutes; readings of one minute see the same.

    Attributes:
        rows: shape (n,), each reading's minute, as a position among the m minutes.
        windows: shape (m, sensors, BINS), means of the minutes before, in sensor units, NaN where unknown.
        turns: shape (m, swing sensors, 2), number of turns in the last hour and in the last two.
    """

    rows: IntArray
    windows: FloatArray
    turns: IntArray

    @staticmethod
    def concat(parts: Sequence["Trend"]) -> "Trend":
        """Return what the readings of all parts see, in their order."""
        before = np.cumsum([0, *(len(part.windows) for part in parts)])
        rows = [part.rows + start for part, start in zip(parts, before, strict=False)]
        # Minutes outermost, as in each part: sums of floats depend on the layout.
        windows = np.concatenate([part.windows.transpose(0, 2, 1) for part in parts]).transpose(0, 2, 1)
        return Trend(np.concatenate(rows), windows, np.concatenate([part.turns for part in parts]))

    def take(self, rows: IntArray) -> "Trend":
        """Return what the readings at these positions see."""
        return Trend(self.rows[rows], self.windows, self.turns)

    def part(self, rows: slice) -> "Trend":
        """Return what consecutive readings see, without the minutes of others."""
        own = self.rows[rows]
        first, last = int(own.min()), int(own.max())
        return Trend(own - first, self.windows[first : last + 1], self.turns[first : last + 1])

    def turned(self, sensor: str, hours: int) -> IntArray:
        """Return how often a pressure turned by at least `SWING_PA` in the last 1 or 2 hours: shape (n,)."""
        counts: IntArray = self.turns[:, SWING_SENSORS.index(sensor), hours - 1][self.rows]
        return counts

    def activity(self, sensor: str) -> FloatArray:
        """Return the well's usual activity: largest change within 3 minutes, in the hour up to 4 minutes ago.

        Changes within a quarter of an hour of a move of the production choke do not count.

        Shape (n,), in the sensor's unit; NaN until about a quarter of an hour is known.
        """
        return self._of(self._activity, sensor)

    def drift(self, sensor: str) -> FloatArray:
        """Return the steady change over the last hour, by least squares: shape (n,), in the sensor's unit.

        0 where the line's rise over the hour is less than four standard deviations of the minutes from it;
        NaN where fewer than 45 of the 60 minutes are known.
        """
        return self._of(self._drift, sensor)

    def span(self, sensor: str) -> FloatArray:
        """Return highest less lowest minute mean of the last hour: shape (n,), in the sensor's unit.

        NaN where no minute is known.
        """
        return self._of(self._span, sensor)

    def _of(self, values: FloatArray, sensor: str) -> FloatArray:
        column: FloatArray = values[:, TREND_SENSORS.index(sensor)][self.rows]
        return column

    # Computed for all sensors on first use: for a single reading the number of calls is what costs.

    @cached_property
    def _known(self) -> BoolArray:
        known: BoolArray = ~np.isnan(self.windows)
        return known

    @cached_property
    def _activity(self) -> FloatArray:
        past = self.windows[:, :, : BINS - _ACTIVITY_UNTIL]
        change = np.abs(past[:, :, _ACTIVITY_LAG:] - past[:, :, :-_ACTIVITY_LAG])
        operated = change[:, _CHOKE] > CHOKE_STEP
        if operated.any():
            # What follows an operator's move is not the well's own activity.
            number: IntArray = np.cumsum(operated, axis=1, dtype=np.int64)
            number[:, _ACTIVITY_SETTLE:] -= number[:, :-_ACTIVITY_SETTLE].copy()
            change = np.where((number > 0)[:, None, :], np.nan, change)
        largest = np.fmax.reduce(change, axis=2)
        enough = np.isfinite(change).sum(axis=2) >= _ACTIVITY_LEAST
        return np.where(enough, largest, np.nan)

    @cached_property
    def _drift(self) -> FloatArray:
        count = self._known.sum(axis=2)
        enough = count >= _DRIFT_LEAST
        if not enough.any():
            return np.full(enough.shape, np.nan)
        number = np.maximum(count, 1)[:, :, None]
        filled = np.where(self._known, self.windows, 0.0)
        at = np.arange(BINS) * self._known
        # Centred on the means: products of large levels and small drifts would lose digits.
        x = (at - at.sum(axis=2, keepdims=True) / number) * self._known
        y = (filled - filled.sum(axis=2, keepdims=True) / number) * self._known
        slope = (x * y).sum(axis=2) / np.maximum((x * x).sum(axis=2), 1.0)
        rest = np.sqrt(((y - slope[:, :, None] * x) ** 2).sum(axis=2) / number[:, :, 0])
        rise = slope * (BINS - 1)
        steady = np.where(np.abs(rise) >= _STEADY * rest, rise, 0.0)
        return np.where(enough, steady, np.nan)

    @cached_property
    def _span(self) -> FloatArray:
        span: FloatArray = np.fmax.reduce(self.windows, axis=2) - np.fmin.reduce(self.windows, axis=2)
        return span


def follow(
    memory: TrendMemory | None, ts_ms: IntArray, counts: CountArray, sensors: IntArray
) -> tuple[Trend, TrendMemory]:
    """Add readings to the slow memory.

    Args:
        memory: from the previous readings, None at the beginning of a feed.
        ts_ms: shape (n,), n >= 1, strictly increasing and after the previous readings, epoch ms.
        counts: shape (n, s), from `petrostream.gauges.features.quantise`.
        sensors: shape (s,), ascending, the sensor index of each column.

    Returns:
        The memory as each reading sees it, and the memory for the next readings.
    """
    minutes = ts_ms // BIN_MS
    first = np.concatenate([[0], np.flatnonzero(minutes[1:] != minutes[:-1]) + 1])
    state = _Following(TrendMemory.start(int(minutes[0])) if memory is None else memory)
    totals, numbers = _sums(counts, sensors, first)
    for minute, total, number in zip(minutes[first].tolist(), totals, numbers, strict=True):
        state.enter(minute)
        state.total, state.number = state.total + total, state.number + number
    rows = np.repeat(np.arange(len(first)), np.append(first[1:], len(ts_ms)) - first)
    return Trend(rows, state.windows(), np.array(state.turns)), state.memory()


def _sums(counts: CountArray, sensors: IntArray, first: IntArray) -> tuple[IntArray, IntArray]:
    """Sum and number of the values of each minute: shape (minutes, trend sensors) each."""
    totals = np.zeros((len(first), len(TREND_SENSORS)), np.int64)
    numbers = np.zeros_like(totals)
    columns = sensors.tolist()
    held = [at for at, sensor in enumerate(_TRENDING) if sensor in columns]
    if not held:
        return totals, numbers
    chosen = counts[:, [columns.index(_TRENDING[at]) for at in held]]
    known: BoolArray = chosen != MISSING
    totals[:, held] = np.add.reduceat(np.where(known, chosen, 0), first, axis=0, dtype=np.int64)
    numbers[:, held] = np.add.reduceat(known, first, axis=0, dtype=np.int64)
    return totals, numbers


class _Following:
    """The memory while a batch is added, minute by minute."""

    def __init__(self, before: TrendMemory) -> None:
        self.minute, self.total, self.number = before.minute, before.total, before.number
        self.swings = before.swings
        self.turns: list[list[list[int]]] = []
        self._bins = [before.bins]
        self._length = len(before.bins)
        self._seen: list[int] = []

    def enter(self, minute: int) -> None:
        """Move on to a minute, and record what its readings see."""
        if minute != self.minute:
            self._close(minute)
        self._seen.append(self._length)
        self.turns.append([[swing.count(minute, hours * 60) for hours in (1, 2)] for swing in self.swings])

    def _close(self, following: int) -> None:
        mean = (2 * self.total + self.number) // np.maximum(2 * self.number, 1)
        coarse = (mean + (1 << (_SHIFT - 1))) >> _SHIFT
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
        start = int(known.argmax()) if known.any() else len(bins)
        return TrendMemory(self.minute, self.total, self.number, bins[start:], self.swings)
