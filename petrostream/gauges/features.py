"""Rolling features of one well: mean, standard deviation and slope over 30, 60 and 180 s.

A window of length W at a reading of time t holds the readings of `(t - W, t]`, at most
`MAX_WINDOW_READINGS` of them, none from before a gap longer than `GAP_MS`.

The results are bit for bit independent of how the stream is cut into batches. A sum of floats depends on
where the running sum starts, so values are first rounded to integer counts of a power of two in the sensor's
unit (2 Pa, 2**-18 degC: far below any gauge's resolution) and summed as int64. Integer sums are exact in any
order, even where a prefix sum wraps around, because differences of 64-bit integers are taken modulo 2**64 and
every window's own sum fits. Floats appear only in the last step, one window at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from petrostream.arrays import BoolArray, FloatArray, IntArray
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
    scaled = values / QUANTA[sensors]
    missing = np.isnan(scaled)
    scaled[missing] = 0.0
    counts = np.clip(np.rint(scaled), -COUNT_LIMIT, COUNT_LIMIT).astype(np.int32)
    counts[missing | (DEAD_AT_ZERO[sensors] & (counts == 0))] = MISSING
    return counts


STATS = ("mean", "std", "slope")


def _no_numbers() -> CountArray:
    return np.empty((len(WINDOWS_S), 0, 0), np.int32)


def _no_warmth() -> BoolArray:
    return np.empty((len(WINDOWS_S), 0, 0), np.bool_)


@dataclass(frozen=True, slots=True)
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
        held = self.sensors.tolist()
        if sensor not in held:
            return np.full(len(self), np.nan)
        window, at = WINDOWS_S.index(window_s), held.index(sensor)
        values: FloatArray = self.table[STATS.index(stat), window, at].copy()
        warm = self.warm[window, at]
        if not warm.all():
            values[~warm] = np.nan
        return values

    def number_of(self, sensor: int, window_s: int) -> CountArray:
        """Return the number of one sensor's values in a window: shape (n,), 0 if it is not in the table."""
        held = self.sensors.tolist()
        if sensor not in held:
            return np.zeros(len(self), np.int32)
        number: CountArray = self.number[WINDOWS_S.index(window_s), held.index(sensor)]
        return number

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
    stats = WindowStats(
        sensors, np.full((len(STATS), *shape), np.nan), np.zeros(shape, np.int32), np.zeros(shape, np.bool_)
    )
    if stats.table.size == 0:
        return stats
    t = ts_ms - ts_ms[0]
    sums, per_sensor = _prefix_sums(t, counts)
    run_start = _run_starts(ts_ms)[rows]
    quantum = QUANTA[sensors][:, None]
    upper = np.take(sums, rows + 1, axis=1)
    for w, window_s in enumerate(WINDOWS_S):
        first = np.searchsorted(ts_ms, ts_ms[rows] - 1000 * window_s, side="right")
        first = np.maximum(np.maximum(first, run_start), rows + 1 - MAX_WINDOW_READINGS)
        moments, number = _moments(upper - np.take(sums, first, axis=1), per_sensor, t[rows])
        stats.table[:, w] = np.where(number >= 2, moments * quantum, np.nan)
        stats.number[w] = number
        stats.warm[w] = (t[rows] - t[first] >= 500 * window_s) & (2 * number >= rows + 1 - first)
        stats.warm[w] &= number >= 2
    return stats


def _run_starts(ts_ms: IntArray) -> IntArray:
    """Index of the first reading of each reading's run; a gap ends a run."""
    index = np.arange(len(ts_ms))
    index[1:][np.diff(ts_ms) <= GAP_MS] = 0
    return np.maximum.accumulate(index)


def _prefix_sums(t: IntArray, counts: CountArray) -> tuple[IntArray, int]:
    """Prefix sums of q, q*q, t*q (one row per sensor) and 1, t, t*t, with a leading zero column.

    If no value is missing, the last three are the same for every sensor and are stored once.

    Returns:
        The sums, shape (3 * s + 3 * c, h + 1), and c: s or 1.
    """
    columns = counts.T
    present: BoolArray = columns != MISSING
    q = columns.astype(np.int64)
    if present.all():
        weight = np.ones((1, len(t)), np.int64)
    else:
        q[~present] = 0
        weight = present.astype(np.int64)
    parts = np.concatenate([q, q * q, t * q, weight, t * weight, (t * t) * weight])
    sums = np.zeros((len(parts), len(t) + 1), np.int64)
    np.cumsum(parts, axis=1, out=sums[:, 1:])
    return sums, len(weight)


def _moments(window: IntArray, per_sensor: int, end: IntArray) -> tuple[FloatArray, IntArray]:
    """Mean, standard deviation and slope in counts (per second) from one window's sums.

    Sums are shifted to the rounded mean and to the window's end while still integers: nothing is lost to
    cancellation, and a flat window has a deviation and slope of exactly zero.

    Returns:
        The statistics, shape (3, s, n), meaningless for fewer than two values; and the number of values,
        shape (c, n).
    """
    sensors = (len(window) - 3 * per_sensor) // 3
    q, qq, tq = window[: 3 * sensors].reshape(3, sensors, -1)
    number, t, tt = window[3 * sensors :].reshape(3, per_sensor, -1)
    n = np.maximum(number, 1).astype(np.float64)
    centre = np.rint(q / n).astype(np.int64)
    rest = (q - number * centre).astype(np.float64)
    squares = (qq - 2 * centre * q + number * centre * centre).astype(np.float64)
    lag = t - number * end
    lags = (tt - 2 * end * t + number * end * end).astype(np.float64)
    products = (tq - end * q - centre * lag).astype(np.float64)
    lag_f = lag.astype(np.float64)
    spread = lags - lag_f * lag_f / n
    stats = np.empty((3, sensors, window.shape[1]))
    stats[0] = centre + rest / n
    stats[1] = np.sqrt(np.maximum(squares - rest * rest / n, 0.0) / n)
    stats[2] = 1000.0 * (products - lag_f * rest / n) / np.where(spread > 0, spread, 1.0)
    return stats, number


def scale_floors(sensors: Sequence[int]) -> FloatArray:
    """Return the smallest allowed scale of each sensor's baseline: the variation of a healthy gauge.

    Args:
        sensors: sensor indices.

    Returns:
        Shape (s,), in sensor units: 0.1 bar, 0.05 degC, 0.5 % of opening, 0.05 of a valve's travel,
        0.001 m3/s. They apply to a gauge that hardly moved in its baseline.
    """
    return np.array([_FLOORS[str(SENSORS[sensor].quantity)] for sensor in sensors])


_FLOORS = {"pressure": 1e4, "temperature": 0.05, "opening": 0.5, "valve_state": 0.05, "flow": 1e-3}
