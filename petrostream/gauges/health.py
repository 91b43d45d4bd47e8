"""Health of each gauge, judged before anything else, so that a bad gauge does not look like a bad well.

Statuses of a gauge at a reading:

* `missing`: the well has this gauge, but it has sent no value for more than a minute.
* `zeroed`: a pressure or temperature of exactly zero, which 3W's historian writes for a dead gauge.
* `implausible`: a value outside the schema's bounds, not finite or apparently in another unit; or, for
  pressures and temperatures, a step larger than any well makes (`STEP`), and every value after it until the
  gauge is back near its earlier level, half an hour has passed, or the well's stream was interrupted.
* `frozen`: a pressure or temperature that has not changed at all for longer than its patience, while some
  other gauge of the well has changed within the last minute. It stays frozen until its value changes.
* `ok`: none of these.

Patience distinguishes freezing from the historian's compression, which writes exactly constant and exactly
linear stretches of healthy gauges. It is three times the longest constant stretch after which the gauge
changed again, and at least `LEAST_PATIENCE_MS`. The gauge's usual interval between changes would not do: a
gauge that changes every second may still be constant for ten minutes within the historian's deadband.

Results depend only on the stream, not on how it is cut into batches. Values are compared unrounded, so
"constant" means bit for bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.gauges.features import DEAD_AT_ZERO, GAP_MS
from petrostream.gauges.memory import NEVER, GaugeMemory
from petrostream.gauges.status import FROZEN, IMPLAUSIBLE, MISSING_GAUGE, ZEROED, StatusArray
from petrostream.readings import UNIT
from petrostream.schema import SENSOR_INDEX, SENSORS

MISSING_AFTER_MS = GAP_MS
REFILL_MS = 60_000
"""A gauge that was bad is used again once the forest's windows have refilled: values just before it was found
bad, such as a historian's line from the last good value down to zero, are not trusted."""

MOVING_MS = 60_000
"""A gauge can only be frozen if another gauge of the well changed this recently."""

STEP = {"pressure": 50e5, "temperature": 10.0}
"""Largest plausible step between two values, Pa and degC. Working gauges in 3W's real instances step by up to
17.5 bar (P-PDG as the DHSV shuts) and 0.5 degC within a second."""

RATE = {"pressure": 1e5, "temperature": 0.2}
"""Added to `STEP` for every second between the two values, Pa/s and degC/s."""

LATCH_MS = 30 * 60_000
"""A gauge that stays at its new level this long is trusted again: a wrong verdict must not last for ever."""

PATIENCE_FACTOR = 3
_QUANTITIES = [str(sensor.quantity) for sensor in SENSORS]
_JUDGED: BoolArray = np.array([quantity in STEP for quantity in _QUANTITIES])
_STEP: FloatArray = np.array([STEP.get(quantity, np.inf) for quantity in _QUANTITIES])
_RATE: FloatArray = np.array([RATE.get(quantity, 0.0) / 1000.0 for quantity in _QUANTITIES])
_CONDEMNED = ("out_of_range:", "non_finite:", f"{UNIT}:")


@dataclass(frozen=True, slots=True)
class Judged:
    """The health of 27 gauges at n readings.

    Attributes:
        status: int8, shape (n, 27), codes of `petrostream.gauges.status.STATUSES`.
        values: shape (n, 27), sensor units, NaN where missing or from a bad gauge.
        excluded: shape (n, 27), gauges whose windows must not be used: bad now or within `REFILL_MS`.
        memory: for the next readings of the well.
    """

    status: StatusArray
    values: FloatArray
    excluded: BoolArray
    memory: GaugeMemory


def judge(
    memory: GaugeMemory | None,
    ts_ms: IntArray,
    values: FloatArray,
    reasons: Sequence[tuple[str, ...]],
    expected: BoolArray | None = None,
) -> Judged:
    """Judge the gauges of one well.

    Args:
        memory: from the previous readings, None at the beginning of a feed.
        ts_ms: shape (n,), n >= 1, strictly increasing and after the memory's last reading, epoch ms.
        values: shape (n, 27), sensor units, NaN where missing or condemned; not modified.
        reasons: n tuples of validation reasons, such as `out_of_range:p_pdg` or `unit:p_pdg:bar?`.
        expected: shape (n, 27), or (1, 27) for all readings: the sensors the well should have, such as those
            of its model.
    """
    before = GaugeMemory.start(int(ts_ms[0])) if memory is None else memory
    condemned = _condemned(reasons)
    known = np.asarray(~np.isnan(values).all(axis=0))
    known[before.sensors] = True
    known[sorted({sensor for _, sensor in condemned})] = True
    if expected is not None:
        known |= expected.any(axis=0)
    sensors = np.flatnonzero(known)
    if condemned:
        # A value in another unit is still there, and must not be compared with others.
        values = values.copy()
        values[tuple(np.array(condemned).T)] = np.nan
    batch = _Batch(before.widened(sensors), ts_ms, values[:, sensors], condemned)
    if expected is not None:
        batch.expected = expected[:, sensors]
    status = np.zeros(values.shape, np.int8)
    found = batch.judge()
    if found.any():
        status[:, sensors] = found
        # Values of missing gauges are NaN already.
        values = np.where(status > MISSING_GAUGE, np.nan, values)
    excluded = np.zeros(values.shape, np.bool_)
    excluded[:, sensors] = batch.excluded
    return Judged(status, values, excluded, batch.after)


def _condemned(reasons: Sequence[tuple[str, ...]]) -> list[tuple[int, int]]:
    """Row and sensor index of every value that validation condemned."""
    if not any(reasons):
        return []
    return [(row, sensor) for row, tags in enumerate(reasons) if tags for sensor in _condemned_sensors(tags)]


@lru_cache(maxsize=1024)
def _condemned_sensors(tags: tuple[str, ...]) -> tuple[int, ...]:
    names = [tag.split(":")[1] for tag in tags if tag.startswith(_CONDEMNED)]
    return tuple(SENSOR_INDEX[name] for name in names if name in SENSOR_INDEX)


class _Batch:
    """The working arrays of one batch: n readings of s gauges."""

    after: GaugeMemory
    excluded: BoolArray

    def __init__(
        self, before: GaugeMemory, ts_ms: IntArray, x: FloatArray, condemned: list[tuple[int, int]]
    ) -> None:
        self.before = before
        self.ts = ts_ms[:, None]
        self.x = x
        self.judged = _JUDGED[before.sensors]
        self.expected = np.zeros((1, len(before.sensors)), np.bool_)
        self.given = ~np.isnan(x)
        self.zeroed = (x == 0.0) & DEAD_AT_ZERO[before.sensors]
        self.good = self.given & ~self.zeroed
        self.condemned = np.zeros(x.shape, np.bool_)
        for row, sensor in condemned:
            self.condemned[row, np.searchsorted(before.sensors, sensor)] = True
        after_gap = ts_ms - np.concatenate([[before.last_ms], ts_ms[:-1]]) > GAP_MS
        # First time of the run, uninterrupted by a gap, that each reading belongs to.
        self.run = np.maximum.accumulate(np.where(after_gap, ts_ms, before.run_ms))[:, None]

    def judge(self) -> StatusArray:
        """Return the statuses, shape (n, s); sets `after` and `excluded`."""
        value, value_ms = self._previous()
        fresh = value_ms < self.run
        same = self.good & ~fresh & (self.x == value)
        changed_ms = self._latest(self.good & ~same, self.before.changed_ms)
        patience = self._patience(self.good & ~same & ~fresh, changed_ms)
        frozen = self._frozen(changed_ms, patience)
        with np.errstate(invalid="ignore"):
            allowed = _STEP[self.before.sensors] + _RATE[self.before.sensors] * (self.ts - value_ms)
            steps = self.good & ~fresh & (np.abs(self.x - value) > allowed)
        implausible, level, stepped_ms = self._implausible(steps, value, value_ms)
        seen_ms = self._latest(self.given | self.condemned, self.before.seen_ms)
        status = np.zeros(self.x.shape, np.int8)
        silent = ~self.given & (self.ts - np.maximum(seen_ms, self.run) > MISSING_AFTER_MS)
        # A gauge the well never had is not missing.
        silent &= self.expected | (seen_ms > NEVER)
        status[silent] = MISSING_GAUGE
        status[frozen & self.good] = FROZEN
        status[implausible | self.condemned] = IMPLAUSIBLE
        status[self.zeroed] = ZEROED
        bad_ms = self._latest(status > MISSING_GAUGE, self.before.bad_ms)
        self.excluded = self.ts - bad_ms <= REFILL_MS
        last = self._last(value, value_ms)
        self.after = GaugeMemory(
            sensors=self.before.sensors,
            value=last[0],
            value_ms=last[1],
            seen_ms=seen_ms[-1].copy(),
            changed_ms=changed_ms[-1].copy(),
            patience_ms=patience[-1].copy(),
            frozen=frozen[-1].copy(),
            level=level,
            stepped_ms=stepped_ms,
            bad_ms=bad_ms[-1].copy(),
            run_ms=int(self.run[-1, 0]),
            last_ms=int(self.ts[-1, 0]),
        )
        return status

    def _previous(self) -> tuple[FloatArray, IntArray]:
        """The last good value before each reading, and its time."""
        n, size = self.x.shape
        value, value_ms = np.empty((n, size)), np.empty((n, size), np.int64)
        value[0], value_ms[0] = self.before.value, self.before.value_ms
        if self.good.all():
            value[1:], value_ms[1:] = self.x[:-1], self.ts[:-1]
            return value, value_ms
        at = np.maximum.accumulate(np.where(self.good, np.arange(n)[:, None], -1), axis=0)[:-1]
        held = at >= 0
        value[1:] = np.where(held, np.take_along_axis(self.x, at, axis=0), self.before.value)
        value_ms[1:] = np.where(held, self.ts[at, 0], self.before.value_ms)
        return value, value_ms

    def _last(self, value: FloatArray, value_ms: IntArray) -> tuple[FloatArray, IntArray]:
        good = self.good[-1]
        return np.where(good, self.x[-1], value[-1]), np.where(good, self.ts[-1], value_ms[-1])

    def _latest(self, happened: BoolArray, before: IntArray) -> IntArray:
        """Time at which something last happened, up to and including each reading: shape (n, s)."""
        times = np.where(happened, self.ts, NEVER)
        times[0] = np.maximum(times[0], before)
        return np.maximum.accumulate(times, axis=0)

    def _patience(self, ended: BoolArray, changed_ms: IntArray) -> IntArray:
        """Patience of each gauge: it grows with constant stretches that ended before it ran out."""
        since = np.vstack([self.before.changed_ms, changed_ms[:-1]])
        patience = np.broadcast_to(self.before.patience_ms, self.x.shape)
        long = ended & self.judged & (PATIENCE_FACTOR * (self.ts - since) > self.before.patience_ms)
        if not long.any():
            return patience
        patience = patience.copy()
        for row, column in np.argwhere(long).tolist():
            held = int(self.ts[row, 0] - since[row, column])
            if held < patience[row, column] < PATIENCE_FACTOR * held:
                patience[row:, column] = PATIENCE_FACTOR * held
        return patience

    def _frozen(self, changed_ms: IntArray, patience: IntArray) -> BoolArray:
        started = np.where(self.before.frozen, self.before.changed_ms, NEVER)
        if not self.judged.any():
            return np.zeros(self.x.shape, np.bool_)
        newest = changed_ms[:, self.judged].max(axis=1, keepdims=True)
        known = changed_ms > NEVER
        ran_out = self.judged & known & (self.ts - changed_ms >= patience) & (self.ts - newest <= MOVING_MS)
        if not ran_out.any() and not self.before.frozen.any():
            return np.zeros(self.x.shape, np.bool_)
        # Frozen from the first time patience ran out after the last change.
        when = np.where(ran_out, self.ts, NEVER)
        when[0] = np.maximum(when[0], started)
        frozen: BoolArray = known & (np.maximum.accumulate(when, axis=0) >= changed_ms)
        return frozen

    def _implausible(
        self, steps: BoolArray, value: FloatArray, value_ms: IntArray
    ) -> tuple[BoolArray, FloatArray, IntArray]:
        """Where gauges have stepped and not returned; and the new `level` and `stepped_ms`."""
        out = np.zeros(self.x.shape, np.bool_)
        level, stepped_ms = self.before.level.copy(), self.before.stepped_ms.copy()
        for column in np.flatnonzero(steps.any(axis=0) | ~np.isnan(level)).tolist():
            for row in np.flatnonzero(self.good[:, column]).tolist():
                now = int(self.ts[row, 0])
                if not np.isnan(level[column]):
                    sensor = self.before.sensors[column]
                    near = abs(self.x[row, column] - level[column]) <= _STEP[sensor]
                    over = now - stepped_ms[column] > LATCH_MS or stepped_ms[column] < self.run[row, 0]
                    if near or over:
                        level[column], stepped_ms[column] = np.nan, NEVER
                        continue
                    out[row, column] = True
                elif steps[row, column]:
                    level[column], stepped_ms[column] = value[row, column], now
                    out[row, column] = True
        return out, level, stepped_ms
