"""The columns that conditions of risk rules may use."""

from collections.abc import Callable
from dataclasses import field

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray, filled
from petrostream.gauges import SlowTrend, Trend, WindowStats
from petrostream.records import record
from petrostream.schema import SENSOR_INDEX

MIN_BEFORE = 30
"""Readings that a standard deviation needs, at least, to say what is usual."""


@record(frozen=True, slots=True)
class RuleColumns:
    """n readings of wells with the same gauges. Unknown values are NaN, for which every comparison is false.

    Attributes:
        stats: window statistics.
        methane_ppm: shape (n,), NaN without a gas detector.
        vapor_ppm: shape (n,), vapor in the tank each reading is paired with, NaN without one; empty before
            wells and tanks are joined, when vapor rules are not evaluated.
        trend: the slow memory; without one, turns are 0 and its other columns NaN.
        slow: the slowest memory; without one, nothing drifts steadily.
    """

    stats: WindowStats
    methane_ppm: FloatArray
    vapor_ppm: FloatArray = field(default_factory=lambda: np.empty(0))
    trend: Trend | None = None
    slow: SlowTrend | None = None
    _memo: dict[tuple[str, str, int], FloatArray] = field(default_factory=dict, init=False, repr=False)
    _shared: dict[str, BoolArray] = field(default_factory=dict, init=False, repr=False)

    def rise(self, sensor: str, short_s: int = 30, long_s: int = 180) -> FloatArray:
        """Return the mean of the short window less that of the long one, in the sensor's unit: shape (n,)."""
        long = self._get(sensor, "mean", long_s)
        return self._get(sensor, "mean", short_s) - long

    def change(self, sensor: str, window_s: int) -> FloatArray:
        """Return the least-squares slope over a window times its length, in the sensor's unit: shape (n,)."""
        slope: FloatArray = window_s * self._get(sensor, "slope", window_s)
        return slope

    def deviation(self, sensor: str, window_s: int) -> FloatArray:
        """Return the standard deviation over a window, in the sensor's unit: shape (n,)."""
        return self._get(sensor, "std", window_s)

    def unrest(self, sensor: str, short_s: int = 60, long_s: int = 180) -> FloatArray:
        """Return the standard deviation of the long window without the short one, in the sensor's unit.

        Shape (n,), NaN where the long window holds fewer than `MIN_BEFORE` readings besides the short one's.
        """
        of = SENSOR_INDEX[sensor]
        short, long = self.stats.number_of(of, short_s), self.stats.number_of(of, long_s)
        before = long - short
        shift = self._get(sensor, "mean", short_s) - self._get(sensor, "mean", long_s)
        # All about the long window's mean, so that no digits are lost to the level.
        total = long * self._get(sensor, "std", long_s) ** 2
        total -= short * (self._get(sensor, "std", short_s) ** 2 + shift**2)
        number = np.maximum(before, 1)
        deviation = np.sqrt(np.maximum(total / number - (short * shift / number) ** 2, 0.0))
        return np.where(before >= MIN_BEFORE, deviation, np.nan)

    def turned(self, sensor: str, hours: int) -> IntArray | FloatArray:
        """Return how often a pressure turned in the last 1 or 2 hours (see `Trend.turned`): shape (n,)."""
        return self._nothing(0) if self.trend is None else self.trend.turned(sensor, hours)

    def oscillates(self, sensor: str) -> BoolArray:
        """Return whether a pressure's oscillation goes on (see `Trend.oscillates`): shape (n,)."""
        return self._nothing(0) > 0 if self.trend is None else self.trend.oscillates(sensor)

    def activity(self, sensor: str) -> FloatArray:
        """Return the well's usual activity in the last hour, in the sensor's unit: shape (n,)."""
        return self._nothing(np.nan) if self.trend is None else self.trend.activity(sensor)

    def drift(self, sensor: str) -> FloatArray:
        """Return the steady change over the last hour, in the sensor's unit: shape (n,)."""
        key = (sensor, "drift", 3600)
        if key not in self._memo:
            self._memo[key] = self._nothing(np.nan) if self.trend is None else self.trend.drift(sensor)
        return self._memo[key]

    def span(self, sensor: str) -> FloatArray:
        """Return highest less lowest minute mean of the last hour, in the sensor's unit: shape (n,)."""
        return self._nothing(np.nan) if self.trend is None else self.trend.span(sensor)

    @property
    def drifts(self) -> bool:
        """Whether any gauge drifts steadily at any reading."""
        return self.slow is not None and self.slow.any

    def steady(self, sensor: str) -> FloatArray:
        """Return the steady change over three and six hours: shape (2, n), in the sensor's unit, or 0."""
        return np.zeros((2, len(self.methane_ppm))) if self.slow is None else self.slow.rise(sensor)

    def shared(self, name: str, condition: Callable[["RuleColumns"], BoolArray]) -> BoolArray:
        """Return a condition that several rules share, computed once: shape (n,)."""
        if name not in self._shared:
            self._shared[name] = condition(self)
        return self._shared[name]

    def part(self, rows: slice) -> "RuleColumns":
        """Return the columns of at least one consecutive readings of one well."""
        trend = None if self.trend is None else self.trend.part(rows)
        vapor = self.vapor_ppm[rows] if len(self.vapor_ppm) else self.vapor_ppm
        slow = None if self.slow is None else self.slow.part(rows)
        return RuleColumns(self.stats.part(rows), self.methane_ppm[rows], vapor, trend, slow)

    def _nothing(self, value: float) -> FloatArray:
        return filled(len(self.methane_ppm), value)

    def _get(self, sensor: str, stat: str, window_s: int) -> FloatArray:
        # Conditions use the same few statistics repeatedly.
        key = (sensor, stat, window_s)
        if key not in self._memo:
            self._memo[key] = self.stats.get(SENSOR_INDEX[sensor], stat, window_s)
        return self._memo[key]
