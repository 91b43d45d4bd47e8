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
from functools import lru_cache

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray, anywhere, everywhere
from petrostream.gauges.features import DEAD_AT_ZERO, GAP_MS
from petrostream.gauges.memory import NEVER, GaugeMemory, GaugeTable
from petrostream.gauges.status import FROZEN, IMPLAUSIBLE, MISSING_GAUGE, ZEROED, StatusArray
from petrostream.gauges.undisturbed import PATIENCE_FACTOR, REFILL_MS, STEPS, STEPS_JUDGED, undisturbed
from petrostream.readings import is_undecided
from petrostream.records import record
from petrostream.schema import SENSOR_INDEX, SENSORS

MISSING_AFTER_MS = GAP_MS
MOVING_MS = 60_000
"""A gauge can only be frozen if another gauge of the well changed this recently."""

RATE = {"pressure": 1e5, "temperature": 0.2}
"""Added to `STEP` for every second between the two values, Pa/s and degC/s."""

LATCH_MS = 30 * 60_000
"""A gauge that stays at its new level this long is trusted again: a wrong verdict must not last for ever."""

_QUANTITIES = [str(sensor.quantity) for sensor in SENSORS]
_RATE: FloatArray = np.array([RATE.get(quantity, 0.0) / 1000.0 for quantity in _QUANTITIES])
_CONDEMNED = ("out_of_range:", "non_finite:")

NOTHING_CONDEMNED: IntArray = np.empty((0, 3), np.int64)


@record(frozen=True, slots=True)
class Judged:
    """The health of 27 gauges at n readings each of w wells.

    Attributes:
        status: int8, shape (n, w, 27), codes of `petrostream.gauges.status.STATUSES`.
        values: shape (n, w, 27), sensor units, NaN where missing or from a bad gauge.
        excluded: shape (n, w, 27), gauges whose windows must not be used: bad now or within `REFILL_MS`.
        memories: for the next readings of each well.
    """

    status: StatusArray
    values: FloatArray
    excluded: BoolArray
    memories: list[GaugeMemory]


def judge(
    memories: Sequence[GaugeMemory | None],
    ts_ms: IntArray,
    values: FloatArray,
    condemned: IntArray = NOTHING_CONDEMNED,
    expected: BoolArray | None = None,
) -> Judged:
    """Judge the gauges of w wells, each by itself.

    Args:
        memories: from the previous readings of each well, None at the beginning of a feed.
        ts_ms: shape (n, w), n >= 1, strictly increasing and after the memory's last reading, epoch ms.
        values: shape (n, w, 27), sensor units, NaN where missing or condemned; not modified.
        condemned: shape (k, 3), the reading, well and sensor of each value that validation condemned, as
            returned by `condemned_values`.
        expected: shape (n, w, 27), or (1, w, 27) for all readings: the sensors each well should have, such as
            those of its model.
    """
    if not len(condemned):
        after = undisturbed(memories, ts_ms, values, expected)
        if after is not None:
            return Judged(np.zeros(values.shape, np.int8), values, np.zeros(values.shape, np.bool_), after)
    known = np.asarray(~np.isnan(values).all(axis=0))
    for well, memory in enumerate(memories):
        if memory is not None:
            known[well, memory.sensors] = True
    known[condemned[:, 1], condemned[:, 2]] = True
    if expected is not None:
        known |= expected.any(axis=0)
    sensors = np.flatnonzero(known.any(axis=0))
    if len(condemned):
        # A value in an unknown unit is still there, and must not be compared with others.
        values = values.copy()
        values[tuple(condemned.T)] = np.nan
    batch = _Batch(GaugeTable.of(memories, sensors, ts_ms[0]), ts_ms, values[..., sensors], condemned)
    if expected is not None:
        batch.expected = expected[..., sensors]
    status = np.zeros(values.shape, np.int8)
    found = batch.judge()
    if anywhere(found != 0):
        status[..., sensors] = found
        # Values of missing gauges are NaN already.
        values = np.where(status > MISSING_GAUGE, np.nan, values)
    excluded = np.zeros(values.shape, np.bool_)
    excluded[..., sensors] = batch.excluded
    return Judged(status, values, excluded, batch.after.split(known[:, sensors]))


def condemned_values(reasons: Sequence[tuple[str, ...]], wells: int = 1) -> IntArray:
    """Return the reading, well and sensor index of every value that validation condemned: shape (k, 3).

    Args:
        reasons: validation reasons, such as `out_of_range:p_pdg` or `unit:p_pdg:bar?`, of each well's first
            reading, then of each one's second, and so on.
        wells: how many wells there are.
    """
    if not any(reasons):
        return NOTHING_CONDEMNED
    found = [
        (*divmod(place, wells), sensor)
        for place, tags in enumerate(reasons)
        if tags
        for sensor in _condemned_sensors(tags)
    ]
    return np.array(found, np.int64).reshape(-1, 3)


@lru_cache(maxsize=1024)
def _condemned_sensors(tags: tuple[str, ...]) -> tuple[int, ...]:
    names = [tag.split(":")[1] for tag in tags if tag.startswith(_CONDEMNED) or is_undecided(tag)]
    return tuple(SENSOR_INDEX[name] for name in names if name in SENSOR_INDEX)


class _Batch:
    """The working arrays of one batch: n readings of w wells with s gauges, shape (n, w, s)."""

    after: GaugeTable
    excluded: BoolArray

    def __init__(self, before: GaugeTable, ts_ms: IntArray, x: FloatArray, condemned: IntArray) -> None:
        self.before = before
        self.ts = ts_ms[..., None]
        self.x = x
        self.judged = STEPS_JUDGED[before.sensors]
        self.expected = np.zeros((1, 1, len(before.sensors)), np.bool_)
        self.given = ~np.isnan(x)
        self.zeroed = (x == 0.0) & DEAD_AT_ZERO[before.sensors]
        self.good = self.given & ~self.zeroed
        self.condemned = np.zeros(x.shape, np.bool_)
        if len(condemned):
            row, well, sensor = condemned.T
            self.condemned[row, well, np.searchsorted(before.sensors, sensor)] = True
        after_gap = ts_ms - np.concatenate([before.last_ms[None], ts_ms[:-1]]) > GAP_MS
        # First time of the run, uninterrupted by a gap, that each reading belongs to.
        self.run = np.maximum.accumulate(np.where(after_gap, ts_ms, before.run_ms), axis=0)[..., None]

    def judge(self) -> StatusArray:
        """Return the statuses, shape (n, w, s); sets `after` and `excluded`."""
        value, value_ms = self._previous()
        fresh = value_ms < self.run
        same = self.good & ~fresh & (self.x == value)
        changed_ms = self._latest(self.good & ~same, self.before.changed_ms)
        patience = self._patience(self.good & ~same & ~fresh, changed_ms)
        frozen = self._frozen(changed_ms, patience)
        with np.errstate(invalid="ignore"):
            allowed = STEPS[self.before.sensors] + _RATE[self.before.sensors] * (self.ts - value_ms)
            steps = self.good & ~fresh & (np.abs(self.x - value) > allowed)
        implausible, level, stepped_ms = self._implausible(steps, value)
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
        self.after = GaugeTable(
            sensors=self.before.sensors,
            value=last[0],
            value_ms=last[1],
            seen_ms=seen_ms[-1],
            changed_ms=changed_ms[-1],
            patience_ms=patience[-1],
            frozen=frozen[-1],
            level=level,
            stepped_ms=stepped_ms,
            bad_ms=bad_ms[-1],
            run_ms=self.run[-1, :, 0],
            last_ms=self.ts[-1, :, 0],
        )
        return status

    def _previous(self) -> tuple[FloatArray, IntArray]:
        """The last good value before each reading, and its time."""
        value, value_ms = np.empty(self.x.shape), np.empty(self.x.shape, np.int64)
        value[0], value_ms[0] = self.before.value, self.before.value_ms
        if everywhere(self.good):
            value[1:], value_ms[1:] = self.x[:-1], self.ts[:-1]
            return value, value_ms
        places = np.arange(len(self.x))[:, None, None]
        at = np.maximum.accumulate(np.where(self.good, places, -1), axis=0)[:-1]
        held = at >= 0
        value[1:] = np.where(held, np.take_along_axis(self.x, at, axis=0), self.before.value)
        value_ms[1:] = np.where(held, np.take_along_axis(self.ts, at, axis=0), self.before.value_ms)
        return value, value_ms

    def _last(self, value: FloatArray, value_ms: IntArray) -> tuple[FloatArray, IntArray]:
        good = self.good[-1]
        return np.where(good, self.x[-1], value[-1]), np.where(good, self.ts[-1], value_ms[-1])

    def _latest(self, happened: BoolArray, before: IntArray) -> IntArray:
        """Time at which something last happened, up to and including each reading: shape (n, w, s)."""
        times = np.where(happened, self.ts, NEVER)
        times[0] = np.maximum(times[0], before)
        return np.maximum.accumulate(times, axis=0)

    def _patience(self, ended: BoolArray, changed_ms: IntArray) -> IntArray:
        """Patience of each gauge: it grows with constant stretches that ended before it ran out."""
        since = np.concatenate([self.before.changed_ms[None], changed_ms[:-1]])
        patience = np.broadcast_to(self.before.patience_ms, self.x.shape)
        long = ended & self.judged & (PATIENCE_FACTOR * (self.ts - since) > self.before.patience_ms)
        if not anywhere(long):
            return patience
        patience = patience.copy()
        for row, well, column in np.argwhere(long).tolist():
            held = int(self.ts[row, well, 0] - since[row, well, column])
            if held < patience[row, well, column] < PATIENCE_FACTOR * held:
                patience[row:, well, column] = PATIENCE_FACTOR * held
        return patience

    def _frozen(self, changed_ms: IntArray, patience: IntArray) -> BoolArray:
        started = np.where(self.before.frozen, self.before.changed_ms, NEVER)
        if not anywhere(self.judged):
            return np.zeros(self.x.shape, np.bool_)
        newest = changed_ms[..., self.judged].max(axis=-1, keepdims=True)
        known = changed_ms > NEVER
        ran_out = self.judged & known & (self.ts - changed_ms >= patience) & (self.ts - newest <= MOVING_MS)
        if not anywhere(ran_out) and not anywhere(self.before.frozen):
            return np.zeros(self.x.shape, np.bool_)
        # Frozen from the first time patience ran out after the last change.
        when = np.where(ran_out, self.ts, NEVER)
        when[0] = np.maximum(when[0], started)
        frozen: BoolArray = known & (np.maximum.accumulate(when, axis=0) >= changed_ms)
        return frozen

    def _implausible(self, steps: BoolArray, value: FloatArray) -> tuple[BoolArray, FloatArray, IntArray]:
        """Where gauges have stepped and not returned; and the new `level` and `stepped_ms`."""
        out = np.zeros(self.x.shape, np.bool_)
        level, stepped_ms = self.before.level.copy(), self.before.stepped_ms.copy()
        wells, columns = np.nonzero(steps.any(axis=0) | ~np.isnan(level))
        for gauge in zip(wells.tolist(), columns.tolist(), strict=True):
            well, column = gauge
            for row in np.flatnonzero(self.good[:, well, column]).tolist():
                now = int(self.ts[row, well, 0])
                if not np.isnan(level[gauge]):
                    near = abs(self.x[row, well, column] - level[gauge]) <= STEPS[self.before.sensors[column]]
                    over = now - stepped_ms[gauge] > LATCH_MS or stepped_ms[gauge] < self.run[row, well, 0]
                    if near or over:
                        level[gauge], stepped_ms[gauge] = np.nan, NEVER
                        continue
                    out[row, well, column] = True
                elif steps[row, well, column]:
                    level[gauge], stepped_ms[gauge] = value[row, well, column], now
                    out[row, well, column] = True
        return out, level, stepped_ms
