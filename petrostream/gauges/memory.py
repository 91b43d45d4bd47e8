"""State of a well's gauges between batches."""

from dataclasses import dataclass

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.schema import SENSORS

LEAST_PATIENCE_MS = {"pressure": 15 * 60_000, "temperature": 60 * 60_000}
"""In 3W's real instances healthy pressures stay constant for up to 601 s, temperatures for up to 2400 s."""

NEVER = np.iinfo(np.int64).min // 4
_PATIENCE: IntArray = np.array([LEAST_PATIENCE_MS.get(str(sensor.quantity), 1 << 60) for sensor in SENSORS])


@dataclass(frozen=True, slots=True)
class GaugeMemory:
    """State of the s gauges of a well that have ever been seen. Times are epoch ms, `NEVER` if none.

    Attributes:
        sensors: shape (s,), ascending sensor indices.
        value: shape (s,), last value that was neither missing, zeroed nor condemned, in sensor units; NaN
            before the first.
        value_ms: shape (s,), its time.
        seen_ms: shape (s,), when the gauge last sent anything.
        changed_ms: shape (s,), since when `value` has been constant.
        patience_ms: shape (s,), how long it may stay constant, ms.
        frozen: shape (s,), whether it is frozen.
        level: shape (s,), last plausible value before an implausible step, in sensor units; NaN without one.
        stepped_ms: shape (s,), time of that step.
        bad_ms: shape (s,), when the gauge was last frozen, zeroed or implausible.
        run_ms: when the well's readings began, or resumed after a gap.
        last_ms: the well's last reading.
    """

    sensors: IntArray
    value: FloatArray
    value_ms: IntArray
    seen_ms: IntArray
    changed_ms: IntArray
    patience_ms: IntArray
    frozen: BoolArray
    level: FloatArray
    stepped_ms: IntArray
    bad_ms: IntArray
    run_ms: int
    last_ms: int

    @classmethod
    def start(cls, ts_ms: int) -> "GaugeMemory":
        """Return the memory of a well whose first reading is at `ts_ms`."""
        return cls._unknown(np.empty(0, np.int64), ts_ms, ts_ms)

    @classmethod
    def _unknown(cls, sensors: IntArray, run_ms: int, last_ms: int) -> "GaugeMemory":
        size = len(sensors)
        return cls(
            sensors=sensors,
            value=np.full(size, np.nan),
            value_ms=np.full(size, NEVER),
            seen_ms=np.full(size, NEVER),
            changed_ms=np.full(size, NEVER),
            patience_ms=_PATIENCE[sensors].copy(),
            frozen=np.zeros(size, np.bool_),
            level=np.full(size, np.nan),
            stepped_ms=np.full(size, NEVER),
            bad_ms=np.full(size, NEVER),
            run_ms=run_ms,
            last_ms=last_ms,
        )

    def widened(self, sensors: IntArray) -> "GaugeMemory":
        """Return a copy for more gauges, the new ones unknown.

        Args:
            sensors: ascending sensor indices that include those of this memory.
        """
        if len(sensors) == len(self.sensors):
            return self
        wide = self._unknown(sensors, self.run_ms, self.last_ms)
        at = np.searchsorted(sensors, self.sensors)
        for name in PER_GAUGE:
            getattr(wide, name)[at] = getattr(self, name)
        return wide


PER_GAUGE = (
    "value",
    "value_ms",
    "seen_ms",
    "changed_ms",
    "patience_ms",
    "frozen",
    "level",
    "stepped_ms",
    "bad_ms",
)
"""Names of the arrays with one entry per gauge, besides `sensors`."""
