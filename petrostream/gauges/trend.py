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
from functools import cached_property, lru_cache

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray, anywhere
from petrostream.gauges.features import QUANTA, CountArray
from petrostream.gauges.swing import Swing
from petrostream.records import record
from petrostream.schema import SENSOR_INDEX, SENSORS

BIN_MS = 60_000
BINS = 60
RESET_BINS = 10
TREND_SENSORS = ("p_tpt", "p_mon_ckp", "p_jus_ckp", "t_tpt", "t_jus_ckp", "aber_ckp")
TREND_INDICES: IntArray = np.array([SENSOR_INDEX[name] for name in TREND_SENSORS], np.int64)

SWING_SENSORS = ("p_tpt", "p_mon_ckp")
TREND_SHIFT: IntArray = np.array([9 if s.quantity == "pressure" else 12 for s in SENSORS])[TREND_INDICES]
TREND_QUANTA: FloatArray = QUANTA[TREND_INDICES] * 2.0**TREND_SHIFT
"""Resolution of minute means: 0.01 bar, 1/64 degC and 1/128 %, about a byte a minute in the state."""

_CHOKE = TREND_SENSORS.index("aber_ckp")
CHOKE_STEP = 1.0
"""Percent of opening: a larger change is an operator's move, as in `petrostream.gauges.moves`."""

_ACTIVITY_SETTLE = 15
_ACTIVITY_LAG, _ACTIVITY_UNTIL, _ACTIVITY_LEAST = 3, 4, 10
_DRIFT_LEAST = 45
_STEADY = 4.0


@record(frozen=True, slots=True)
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


@record(frozen=True)
class Trend:
    """The slow memory as seen by n readings in m minutes; readings of one minute see the same.

    Attributes:
        rows: shape (n,), each reading's minute, as a position among the m minutes.
        windows: shape (m, sensors, BINS), means of the minutes before, in sensor units, NaN where unknown.
        turns: shape (m, swing sensors, 2), number of turns in the last hour and in the last two.
        ended: shape (m, swing sensors), whether the oscillation that they are of is over.
    """

    rows: IntArray
    windows: FloatArray
    turns: IntArray
    ended: BoolArray

    @staticmethod
    def concat(parts: Sequence["Trend"]) -> "Trend":
        """Return what the readings of all parts see, in their order."""
        before = np.cumsum([0, *(len(part.windows) for part in parts)])
        rows = [part.rows + start for part, start in zip(parts, before, strict=False)]
        # Minutes outermost, as in each part: sums of floats depend on the layout.
        windows = np.concatenate([part.windows.transpose(0, 2, 1) for part in parts]).transpose(0, 2, 1)
        turns, ended = (
            np.concatenate(of) for of in zip(*((one.turns, one.ended) for one in parts), strict=True)
        )
        return Trend(np.concatenate(rows), windows, turns, ended)

    def take(self, rows: IntArray) -> "Trend":
        """Return what the readings at these positions see."""
        return Trend(self.rows[rows], self.windows, self.turns, self.ended)

    def part(self, rows: slice) -> "Trend":
        """Return what consecutive readings see, without the minutes of others."""
        own = self.rows[rows]
        first, last = int(own.min()), int(own.max())
        minutes = slice(first, last + 1)
        return Trend(own - first, self.windows[minutes], self.turns[minutes], self.ended[minutes])

    def turned(self, sensor: str, hours: int) -> IntArray:
        """Return how often a pressure turned (see `Swing.moved`) in the last 1 or 2 hours: shape (n,)."""
        counts: IntArray = self.turns[:, SWING_SENSORS.index(sensor), hours - 1][self.rows]
        return counts

    def oscillates(self, sensor: str) -> BoolArray:
        """Return whether the oscillation of a pressure goes on (see `Swing.ended`): shape (n,)."""
        ended: BoolArray = self.ended[:, SWING_SENSORS.index(sensor)][self.rows]
        return ~ended

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
    def _activity(self) -> FloatArray:
        past = self.windows[:, :, : BINS - _ACTIVITY_UNTIL]
        change = np.abs(past[:, :, _ACTIVITY_LAG:] - past[:, :, :-_ACTIVITY_LAG])
        operated = change[:, _CHOKE] > CHOKE_STEP
        if anywhere(operated):
            # What follows an operator's move is not the well's own activity.
            number: IntArray = np.cumsum(operated, axis=1, dtype=np.int64)
            number[:, _ACTIVITY_SETTLE:] -= number[:, :-_ACTIVITY_SETTLE].copy()
            change = np.where((number > 0)[:, None, :], np.nan, change)
        largest = np.fmax.reduce(change, axis=2)
        enough = np.isfinite(change).sum(axis=2) >= _ACTIVITY_LEAST
        return np.where(enough, largest, np.nan)

    @cached_property
    def _drift(self) -> FloatArray:
        if len(self.windows) > 1:
            return _drifts(self.windows)
        return _drifts_of_one(self.windows.transpose(0, 2, 1).tobytes())

    @cached_property
    def _span(self) -> FloatArray:
        span: FloatArray = np.fmax.reduce(self.windows, axis=2) - np.fmin.reduce(self.windows, axis=2)
        return span


def _drifts(windows: FloatArray) -> FloatArray:
    """The steady change of each sensor as each minute sees it: shape (m, sensors)."""
    known: BoolArray = ~np.isnan(windows)
    count = known.sum(axis=2)
    enough = count >= _DRIFT_LEAST
    if not anywhere(enough):
        return np.full(enough.shape, np.nan)
    number = np.maximum(count, 1)[:, :, None]
    filled = np.where(known, windows, 0.0)
    at = np.arange(BINS) * known
    # Centred on the means: products of large levels and small drifts would lose digits.
    x = (at - at.sum(axis=2, keepdims=True) / number) * known
    y = (filled - filled.sum(axis=2, keepdims=True) / number) * known
    slope = (x * y).sum(axis=2) / np.maximum((x * x).sum(axis=2), 1.0)
    rest = np.sqrt(((y - slope[:, :, None] * x) ** 2).sum(axis=2) / number[:, :, 0])
    rise = slope * (BINS - 1)
    steady = np.where(np.abs(rise) >= _STEADY * rest, rise, 0.0)
    return np.where(enough, steady, np.nan)


@lru_cache(maxsize=256)
def _drifts_of_one(windows: bytes) -> FloatArray:
    """The same for one minute, usually that of the previous batch; given as the bytes of its means."""
    table = np.frombuffer(windows).reshape(1, BINS, len(TREND_SENSORS))
    # Minutes outermost, as in the trend: sums of floats depend on the layout.
    drifts = _drifts(table.transpose(0, 2, 1))
    drifts.setflags(write=False)
    return drifts
