"""Hours of a real well's normal operation, from minutes of it: the normal period mirrored in time.

A normal period of 3W is minutes long, and what a well's engineer does to a well takes hours to judge. Played
forwards, backwards, forwards and so on, a period lasts as long as needed: every value is one that the well
had, its levels, noise and swings stay as they are, and no step is made at the joints, as a repetition would
make. What it changes: slopes occur with both signs, so a slow drift becomes a slow swing, and there is no
variation slower than twice the period. The last pass runs forwards and ends where the real period ends; the
instance's own event follows, as recorded.
"""

from dataclasses import dataclass, replace

import numpy as np

from ml.data.dataset import Instance
from ml.training.baseline import Baseline, NormalPeriod
from petrostream.arrays import FloatArray, IntArray

HOURS = 2.5
"""Length of the normal part."""

SETTLE_S = 3600.0
"""Undisturbed operation before anything is changed."""

EVENT_S = 1800.0
"""What is kept of the event, from its first labelled second."""


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


def make_course(period: NormalPeriod, baseline: Baseline, hours: float = HOURS) -> WellCourse:
    """The course of an instance.

    Args:
        period: its normal period, at least two rows.
        baseline: what it is judged by.
        hours: length of the normal part, at least; at least `SETTLE_S`.
    """
    one = period.instance
    normal = period.start + mirrored(period.end - period.start, _rows(period, hours))
    order = np.concatenate([normal, np.arange(period.end, _event_end(one, period.end))])
    steps = np.abs(np.diff(one.ts_ms[order]))
    ts_ms = one.ts_ms[order[-1]] - np.concatenate([np.cumsum(steps[::-1])[::-1], [0]])
    course = replace(
        one, ts_ms=ts_ms, values=one.values[order], label=one.label[order], state=one.state[order]
    )
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
