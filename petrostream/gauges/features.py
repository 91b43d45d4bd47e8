"""Rolling features of one well: mean, standard deviation and slope over 30, 60 and 180 s.

A window of length W at a reading of time t holds the readings of `(t - W, t]`, at most
`MAX_WINDOW_READINGS` of them, none from before a gap longer than `GAP_MS`.

The results are bit for bit independent of how the stream is cut into batches. A sum of floats depends on
where the running sum starts, so values are first rounded to integer counts of a power of two in the sensor's
unit (2 Pa, 2**-18 degC: far below any gauge's resolution) and summed as int64. Integer sums are exact in any
order, even where a prefix sum wraps around, because differences of 64-bit integers are taken modulo 2**64 and
every window's own sum fits. Floats appear only in the last step, one window at a time.
"""

from dataclasses import field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from petrostream.arrays import BoolArray, FloatArray, IntArray, anywhere, everywhere, filled
from petrostream.records import record
from petrostream.schema import SENSORS, bounds

CountArray = npt.NDArray[np.int32]
"""Sensor values as integer multiples of the sensor's quantum; `MISSING` where missing."""

WINDOWS_S: tuple[int, ...] = (30, 60, 180)
GAP_MS = 60_000
HISTORY_MS = 1000 * max(WINDOWS_S)
MAX_WINDOW_READINGS = 600
"""Bounds the state of a well that reports faster than 3 Hz: its windows hold the newest 600 readings."""

MISSING = -(1 << 30)
COUNT_LIMIT = 1 << 26
"""Counts stay within +-2**26, so that 600 squared ones sum to less than 2**62."""


def _quanta() -> FloatArray:
    low, high = bounds()
    largest = np.maximum(np.abs(low), np.abs(high))
    exponent: FloatArray = np.ceil(np.log2(largest / COUNT_LIMIT))
    return np.exp2(exponent)


QUANTA: FloatArray = _quanta()
"""Quantum of each of the 27 sensors, in its unit: the smallest power of two that spans its bounds."""

DEAD_AT_ZERO: BoolArray = np.array([sensor.quantity in ("pressure", "temperature") for sensor in SENSORS])
"""Which of the 27 sensors are dead at exactly zero: 3W's historian writes zero for a dead gauge."""


def quantise(values: FloatArray, sensors: IntArray) -> CountArray:
    """Round values to counts of their sensor's quantum.

    Args:
        values: shape (n, s), in sensor units, NaN where missing; within the schema's bounds.
        sensors: shape (s,), the sensor index of each column.

    Returns:
        Counts, int32, shape (n, s), `MISSING` where missing. Values beyond the bounds are clipped, so that no
        input can overflow a window sum. A pressure or temperature of exactly zero counts as missing: 3W's
        historian writes zero for a dead gauge.
    """
    scaled = np.rint(values / QUANTA[sensors])
    missing = np.isnan(scaled) | ((scaled == 0.0) & DEAD_AT_ZERO[sensors])
    clipped = np.minimum(np.maximum(scaled, -COUNT_LIMIT), COUNT_LIMIT)
    if anywhere(missing):
        clipped[missing] = MISSING
    return clipped.astype(np.int32)


STATS = ("mean", "std", "slope")


@lru_cache(maxsize=256)
def _places(sensors: bytes) -> dict[int, int]:
    """Position of each of some sensor indices, given as the bytes of their array."""
    return {sensor: at for at, sensor in enumerate(np.frombuffer(sensors, np.int64).tolist())}


def _no_numbers() -> CountArray:
    return np.empty((len(WINDOWS_S), 0, 0), np.int32)


def _no_warmth() -> BoolArray:
    return np.empty((len(WINDOWS_S), 0, 0), np.bool_)


@record(frozen=True, slots=True)
class WindowStats:
    """Window statistics of n readings.

    `table` holds whatever can be computed. Use `get` for windows that are long enough to trust; callers that
    accept young windows check `number` themselves.

    Attributes:
        sensors: shape (s,), sensor indices.
        table: shape (len(STATS), len(WINDOWS_S), s, n): mean, population standard deviation, least-squares
            slope per second; in sensor units; NaN where the window holds fewer than two values.
        number: shape (len(WINDOWS_S), s, n), number of values in the window.
        warm: shape (len(WINDOWS_S), s, n), whether the window covers at least half its length, and at least
            half of its readings carry the sensor.
    """

    sensors: IntArray
    table: FloatArray
    number: CountArray = field(default_factory=_no_numbers)
    warm: BoolArray = field(default_factory=_no_warmth)

    def __len__(self) -> int:
        return int(self.table.shape[3])

    def get(self, sensor: int, stat: str, window_s: int) -> FloatArray:
        """Return one statistic of one sensor.

        Args:
            sensor: sensor index.
            stat: one of `STATS`.
            window_s: one of `WINDOWS_S`.

        Returns:
            Shape (n,), in sensor units (per second for a slope); NaN where the window is not warm or the
            sensor is not in the table.
        """
        at = _places(self.sensors.tobytes()).get(sensor)
        if at is None:
            return filled(len(self), np.nan)
        window = WINDOWS_S.index(window_s)
        values: FloatArray = self.table[STATS.index(stat), window, at].copy()
        warm = self.warm[window, at]
        if not everywhere(warm):
            values[~warm] = np.nan
        return values

    def number_of(self, sensor: int, window_s: int) -> CountArray:
        """Return the number of one sensor's values in a window: shape (n,), 0 if it is not in the table."""
        at = _places(self.sensors.tobytes()).get(sensor)
        if at is None:
            return np.zeros(len(self), np.int32)
        number: CountArray = self.number[WINDOWS_S.index(window_s), at]
        return number

    def get_all(self, sensors: IntArray, stat: str, window_s: int) -> FloatArray:
        """Return one statistic of several sensors, as `get` of each: shape (len(sensors), n).

        Args:
            sensors: sensor indices.
            stat: one of `STATS`.
            window_s: one of `WINDOWS_S`.
        """
        places = _places(self.sensors.tobytes())
        chosen = [places.get(sensor, -1) for sensor in sensors.tolist()]
        if -1 in chosen:
            each = [self.get(sensor, stat, window_s) for sensor in sensors.tolist()]
            return np.array(each).reshape(len(each), len(self))
        values: FloatArray = self.table[STATS.index(stat), WINDOWS_S.index(window_s)].take(chosen, axis=0)
        warm = self.warm[WINDOWS_S.index(window_s)].take(chosen, axis=0)
        if not everywhere(warm):
            values[~warm] = np.nan
        return values

    def take(self, rows: IntArray) -> "WindowStats":
        """Return the statistics of the readings at these positions."""
        return WindowStats(self.sensors, self.table[..., rows], self.number[..., rows], self.warm[..., rows])

    def part(self, rows: slice) -> "WindowStats":
        """Return the statistics of consecutive readings, without copying them."""
        return WindowStats(self.sensors, self.table[..., rows], self.number[..., rows], self.warm[..., rows])


def window_stats(ts_ms: IntArray, counts: CountArray, sensors: IntArray, start: int = 0) -> WindowStats:
    """Compute mean, standard deviation and slope over every window, for the readings from `start` on.

    Args:
        ts_ms: shape (h,), strictly increasing, epoch ms.
        counts: shape (h, s), from `quantise`.
        sensors: shape (s,), the sensor index of each column.
        start: index of the first reading to compute; those before it are history.

    Returns:
        Statistics of the readings `start` to `h - 1`.
    """
    return window_stats_at(ts_ms, counts, sensors, np.arange(start, len(ts_ms)))


def window_stats_at(ts_ms: IntArray, counts: CountArray, sensors: IntArray, rows: IntArray) -> WindowStats:
    """Compute mean, standard deviation and slope over every window, for some of the readings.

    Args:
        ts_ms: shape (h,), strictly increasing, epoch ms.
        counts: shape (h, s), from `quantise`.
        sensors: shape (s,), the sensor index of each column.
        rows: shape (n,), positions of the readings to compute; the others are history.

    Returns:
        Statistics of those n readings.
    """
    shape = (len(WINDOWS_S), len(sensors), len(rows))
    table = np.empty((len(STATS), *shape))
    if table.size == 0:
        return WindowStats(sensors, table, np.zeros(shape, np.int32), np.zeros(shape, np.bool_))
    t = ts_ms - ts_ms[rows[-1]]
    sums, per_sensor = _prefix_sums(t, counts)
    first = ts_ms.searchsorted(ts_ms[rows] - _LENGTHS_MS, side="right")
    least = rows + 1 - MAX_WINDOW_READINGS
    run_start = _run_starts(ts_ms)
    first = np.maximum(first, least if run_start is None else np.maximum(least, run_start[rows]))
    # All windows at once: for a single reading the number of calls is what costs.
    window = sums.take(rows + 1, axis=1)[:, None] - sums.take(first, axis=1)
    moments, number = _moments(window, per_sensor, t[rows] if len(rows) > 1 else None)
    np.multiply(moments, QUANTA[sensors][:, None, None], out=table.transpose(0, 2, 1, 3))
    number = number.transpose(1, 0, 2)
    some = number >= 2
    warm = np.empty(shape, np.bool_)
    warm[:] = (t[rows] - t[first] >= _LENGTHS_MS // 2)[:, None] & (2 * number >= (rows + 1 - first)[:, None])
    if not everywhere(some):
        warm &= some
        table[:, ~np.broadcast_to(some, shape)] = np.nan
    stored = np.empty(shape, np.int32)
    stored[:] = number
    return WindowStats(sensors, table, stored, warm)


_LENGTHS_MS: IntArray = 1000 * np.array(WINDOWS_S, np.int64)[:, None]


def _run_starts(ts_ms: IntArray) -> IntArray | None:
    """Index of the first reading of each reading's run; a gap ends a run. None if there is no gap."""
    close: BoolArray = ts_ms[1:] - ts_ms[:-1] <= GAP_MS
    if everywhere(close):
        return None
    index = np.arange(len(ts_ms))
    index[1:][close] = 0
    return np.maximum.accumulate(index)


def _prefix_sums(t: IntArray, counts: CountArray) -> tuple[IntArray, int]:
    """Prefix sums of q, q*q, t*q (one row per sensor) and 1, t, t*t, with a leading zero column.

    If no value is missing, the last three are the same for every sensor and are stored once.

    Returns:
        The sums, shape (3 * s + 3 * c, h + 1), and c: s or 1.
    """
    columns = counts.T
    s = len(columns)
    present: BoolArray = columns != MISSING
    complete = everywhere(present)
    c = 1 if complete else s
    sums = np.empty((3 * s + 3 * c, len(t) + 1), np.int64)
    sums[:, 0] = 0
    parts = sums[:, 1:]
    q = parts[:s]
    q[:] = columns
    if complete:
        parts[3 * s] = 1
    else:
        q[~present] = 0
        parts[3 * s : 3 * s + c] = present
    weight = parts[3 * s : 3 * s + c]
    np.multiply(q, q, out=parts[s : 2 * s])
    np.multiply(q, t, out=parts[2 * s : 3 * s])
    np.multiply(weight, t, out=parts[3 * s + c : 3 * s + 2 * c])
    np.multiply(weight, t * t, out=parts[3 * s + 2 * c :])
    np.add.accumulate(parts, axis=1, out=parts)
    return sums, c


def _moments(window: IntArray, per_sensor: int, end: IntArray | None) -> tuple[FloatArray, IntArray]:
    """Mean, standard deviation and slope in counts (per second) from the sums over windows.

    Sums are shifted to the rounded mean and to the window's end while still integers: nothing is lost to
    cancellation, and a flat window has a deviation and slope of exactly zero.

    Args:
        window: shape (3 * s + 3 * c, w, n), from `_prefix_sums`.
        per_sensor: c.
        end: shape (n,), the end of each window; None if all are 0.

    Returns:
        The statistics, shape (3, s, w, n), meaningless for fewer than two values; and the number of values,
        shape (c, w, n).
    """
    shape, sensors = window.shape[1:], (len(window) - 3 * per_sensor) // 3
    q, qq, tq = window[: 3 * sensors].reshape(3, sensors, *shape)
    number, t, tt = window[3 * sensors :].reshape(3, per_sensor, *shape)
    n = np.maximum(number, 1).astype(np.float64)
    centre = np.rint(q / n).astype(np.int64)
    whole = number * centre
    rest = (q - whole).astype(np.float64)
    squares = (qq - centre * (2 * q - whole)).astype(np.float64)
    if end is not None:
        tt, tq, t = tt - 2 * end * t + number * end * end, tq - end * q, t - number * end
    lags, lag_f = tt.astype(np.float64), t.astype(np.float64)
    products = (tq - centre * t).astype(np.float64)
    spread = lags - lag_f * lag_f / n
    stats = np.empty((3, sensors, *shape))
    stats[0] = centre + rest / n
    stats[1] = np.sqrt(np.maximum(squares - rest * rest / n, 0.0) / n)
    stats[2] = 1000.0 * (products - lag_f * rest / n) / np.where(spread > 0, spread, 1.0)
    return stats, number
