"""Hours of a real well's normal operation, from minutes of it: the normal period mirrored in time.

A normal period of 3W is minutes long, and what a well's engineer does to a well takes hours to judge. Played
forwards, backwards, forwards and so on, a period lasts as long as needed, and no step is made at the joints,
as a repetition would make. The last pass runs forwards and ends where the real period ends; the instance's
own event follows, as recorded.

Mirroring alone makes swings of what happened once: a well that settles by 1.4 bar in a quarter of an hour
would rise and fall by 1.4 bar every half hour, which no well did, and which is what slugging looks like. So a
gauge's slow part is taken out first: a line and the half cosines of fewer than `CYCLES` cycles in the period,
by least squares. A period does not show whether these ever recur. The gauge stays at the level where they
end; noise, and every swing that the period shows twice, are as recorded. What that leaves out: courses are
steadier than a well is over hours.
"""

from dataclasses import dataclass, replace

import numpy as np

from ml.data.dataset import Instance
from ml.training.baseline import Baseline, NormalPeriod
from petrostream.arrays import FloatArray, IntArray
from petrostream.gauges import scale_floors
from petrostream.schema import SENSORS

HOURS = 2.5
"""Length of the normal part."""

SETTLE_S = 3600.0
"""Undisturbed operation before anything is changed."""

EVENT_S = 1800.0
"""What is kept of the event, from its first labelled second."""

CYCLES = 2
"""A variation with fewer cycles in the period belongs to its slow part."""

_LEAST_VALUES = 60
_SLOW_GAUGES = [at for at, sensor in enumerate(SENSORS) if sensor.quantity in ("pressure", "temperature")]


@dataclass(frozen=True, slots=True, eq=False)
class WellCourse:
    """A course of operation: mirrored normal, then the instance's own event.

    Attributes:
        instance: n observations.
        baseline: what the well is judged by.
        begin: row from which something is changed.
        order: rows in the order in which they are sent, some of them twice; None as they are.
    """

    instance: Instance
    baseline: Baseline
    begin: int
    order: IntArray | None = None

    @property
    def since(self) -> FloatArray:
        """Seconds since the change, negative before: shape (n,)."""
        ts_ms = self.instance.ts_ms
        seconds: FloatArray = (ts_ms - ts_ms[self.begin]) / 1000.0
        return seconds

    def with_values(self, values: FloatArray) -> "WellCourse":
        """The same with other values, shape (n, 27)."""
        return replace(self, instance=replace(self.instance, values=values))


def make_course(
    period: NormalPeriod, baseline: Baseline, hours: float = HOURS, *, keep_slow: bool = False
) -> WellCourse:
    """The course of an instance.

    Args:
        period: its normal period, at least two rows.
        baseline: what it is judged by.
        hours: length of the normal part, at least; at least `SETTLE_S`.
        keep_slow: whether the slow part is kept, and becomes a swing.
    """
    one = period.instance
    values = one.values.copy()
    if not keep_slow:
        rows = slice(period.start, period.end)
        values[rows] -= slow_part(period.values[rows])
    normal = period.start + mirrored(period.end - period.start, _rows(period, hours))
    order = np.concatenate([normal, np.arange(period.end, _event_end(one, period.end))])
    steps = np.abs(np.diff(one.ts_ms[order]))
    ts_ms = one.ts_ms[order[-1]] - np.concatenate([np.cumsum(steps[::-1])[::-1], [0]])
    course = replace(one, ts_ms=ts_ms, values=values[order], label=one.label[order], state=one.state[order])
    begin = int(np.searchsorted(ts_ms, ts_ms[0] + int(1000 * SETTLE_S)))
    return WellCourse(course, baseline, begin)


def mirrored(rows: int, length: int) -> IntArray:
    """Rows of a period played forwards and backwards in turn, the last pass forwards: shape (length,).

    Args:
        rows: of the period, at least two.
        length: of the result.
    """
    last = rows - 1
    before_end = np.arange(length)[::-1] % (2 * last)
    return np.abs(last - before_end)


def slow_part(values: FloatArray) -> FloatArray:
    """What varies with fewer than `CYCLES` cycles, less its value at the end: shape (n, 27).

    0 for a gauge whose slow part spans no more than a healthy gauge varies, so that its readings stay bit for
    bit as they are, and where a dead gauge reports zero.

    Args:
        values: shape (n, 27), sensor units, NaN where missing.
    """
    slow = np.zeros_like(values)
    place = (np.arange(len(values)) + 0.5) / max(len(values), 1)
    waves = [np.cos(np.pi * half * place) for half in range(1, 2 * CYCLES)]
    basis = np.column_stack([np.ones_like(place), place, *waves])
    for at in _SLOW_GAUGES:
        known = np.isfinite(values[:, at]) & (values[:, at] != 0.0)
        if known.sum() < _LEAST_VALUES:
            continue
        weights, *_ = np.linalg.lstsq(basis[known], values[known, at], rcond=None)
        course = basis @ weights
        if np.ptp(course) > scale_floors([at])[0]:
            slow[known, at] = (course - course[-1])[known]
    return slow


def _rows(period: NormalPeriod, hours: float) -> int:
    """How many rows last some hours, at the period's own rate."""
    ts_ms = period.instance.ts_ms
    step_ms = (int(ts_ms[period.end - 1]) - int(ts_ms[period.start])) / (period.end - 1 - period.start)
    return int(np.ceil(3_600_000 * hours / step_ms)) + 1


def _event_end(instance: Instance, after: int) -> int:
    """End of what is kept: some time after the first labelled row of the event."""
    labelled = np.flatnonzero(instance.label[after:] > 0)
    if not len(labelled):
        return after
    ends_ms = instance.ts_ms[after + int(labelled[0])] + int(1000 * EVENT_S)
    return int(np.searchsorted(instance.ts_ms, ends_ms))
