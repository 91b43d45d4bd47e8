"""The slowest memory of a well: means of 20 minutes over six hours, and which gauges drift steadily.

Water that breaks through, a reservoir that tires, scale and hydrates move gauges by tenths of a bar in hours.
An hour (`petrostream.gauges.trend`) does not show that, and a comparison with the commissioned baseline does
not either: levels wander by bars from day to day. So the reference is the well itself, three and six hours
ago, and what counts is not the size of a drift but how steady it is:

* Kendall's tau of the means against time is at least `TAU`, as in the Mann-Kendall test for trends (H. B.
  Mann 1945, doi 10.2307/1907187): nearly every mean is above nearly every earlier one, or below. Means of
  noise and of oscillations are not.
* No change between two means is larger than `STEP` of the rise: a step, such as a valve's, is not a drift.
* At least `LATE` of the change comes in the second half: what settles after a step is not a drift either.

What settles over half an hour or more after a step may still look steady for some intervals; the alarms
therefore wait for two in a row (`petrostream.alarms.types`).

A move of a choke or valve that the well reports, a suppressed operating state, and an interruption of more
than `RESET_BINS` clear the memory: what follows is compared with itself only.

Results depend on the stream alone: a reading sees the means completed before its own, and sums are sums of
integers (`petrostream.gauges.features.quantise`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.gauges.features import COUNT_LIMIT, MISSING, QUANTA, CountArray
from petrostream.schema import SENSOR_INDEX, SENSORS

SLOW_BIN_MS = 20 * 60_000
SPANS = (9, 18)
"""The two spans in which a drift is sought, in means: three hours and six."""

SPAN_HOURS = tuple(span * SLOW_BIN_MS / 3_600_000 for span in SPANS)
SLOW_BINS = max(SPANS)
RESET_BINS = 3
SLOW_SENSORS = ("p_pdg", "p_tpt", "p_mon_ckp", "p_jus_ckp", "t_tpt", "t_jus_ckp")
SLOW_INDICES: IntArray = np.array([SENSOR_INDEX[name] for name in SLOW_SENSORS], np.int64)

TAU, STEP, LATE = 0.8, 0.3, 0.2
LEVELS = 254
"""Most steps between a gauge's highest and lowest mean; the last value of a byte stands for missing."""

KNOWN = 0.75
"""Share of a span's means that must be known."""

_SHIFT: IntArray = np.array([7 if s.quantity == "pressure" else 10 for s in SENSORS])[SLOW_INDICES]
SLOW_QUANTA: FloatArray = QUANTA[SLOW_INDICES] * 2.0**_SHIFT
"""Finest resolution of the means, 256 Pa and 1/256 degC: a drift of 0.02 bar an hour can be followed."""

Rises = tuple[tuple[int, int, int], ...]
"""Steady drifts: positions among `SPANS` and `SLOW_SENSORS`, and the change over the span in slow counts."""


@dataclass(frozen=True, slots=True)
class SlowMemory:
    """The slowest memory of a well between batches; s is the number of `SLOW_SENSORS`.

    Attributes:
        bin: the open interval, in intervals of `SLOW_BIN_MS` since the epoch.
        total, number: shape (s,), sum and number of the counts in it.
        disturbed: whether the well was operated in it.
        bins: shape (b, s), means of the b <= `SLOW_BINS` intervals before it in slow counts, `MISSING` where
            there was no value.
        rises: the gauges that drift steadily, as of the last completed interval.
    """

    bin: int
    total: IntArray
    number: IntArray
    disturbed: bool
    bins: CountArray
    rises: Rises = ()

    @classmethod
    def start(cls, bin_: int) -> "SlowMemory":
        """Return an empty memory that begins with an interval since the epoch."""
        nothing = np.zeros(len(SLOW_SENSORS), np.int64)
        return cls(bin_, nothing, nothing, False, np.empty((0, len(SLOW_SENSORS)), np.int32))


@dataclass(frozen=True, slots=True)
class SlowTrend:
    """The steady drifts as seen by n readings in m intervals.

    Attributes:
        rows: shape (n,), each reading's interval, as a position among the m.
        rises: m sets of drifts.
    """

    rows: IntArray
    rises: tuple[Rises, ...]

    @property
    def any(self) -> bool:
        """Whether any gauge drifts steadily at any of the readings."""
        return any(self.rises)

    def rise(self, sensor: str) -> FloatArray:
        """Return the steady change over each of `SPANS`: shape (spans, n), in sensor units, 0 without one."""
        wanted = SLOW_SENSORS.index(sensor)
        table = np.zeros((len(SPANS), len(self.rises)))
        for column, rises in enumerate(self.rises):
            for span, at, change in rises:
                if at == wanted:
                    table[span, column] = change * SLOW_QUANTA[at]
        return table[:, self.rows]

    @staticmethod
    def concat(parts: Sequence["SlowTrend"]) -> "SlowTrend":
        """Return what the readings of all parts see, in their order."""
        before = np.cumsum([0, *(len(part.rises) for part in parts)])
        rows = [part.rows + start for part, start in zip(parts, before, strict=False)]
        return SlowTrend(np.concatenate(rows), tuple(rises for part in parts for rises in part.rises))

    def take(self, rows: IntArray) -> "SlowTrend":
        """Return what the readings at these positions see."""
        return SlowTrend(self.rows[rows], self.rises)

    def part(self, rows: slice) -> "SlowTrend":
        """Return what consecutive readings see, without the intervals of others."""
        own = self.rows[rows]
        first, last = int(own.min()), int(own.max())
        return SlowTrend(own - first, self.rises[first : last + 1])


def follow_slowly(
    memory: SlowMemory | None, ts_ms: IntArray, counts: CountArray, sensors: IntArray, operated: BoolArray
) -> tuple[SlowTrend, SlowMemory]:
    """Add readings to the slowest memory.

    Args:
        memory: from the previous readings, None at the beginning of a feed.
        ts_ms: shape (n,), n >= 1, strictly increasing and after the previous readings, epoch ms.
        counts: shape (n, s), from `quantise`.
        sensors: shape (s,), ascending, the sensor index of each column.
        operated: shape (n,), readings of a well that is being operated; their intervals clear the memory.

    Returns:
        The drifts as each reading sees them, and the memory for the next readings.
    """
    bins = ts_ms // SLOW_BIN_MS
    state = SlowMemory.start(int(bins[0])) if memory is None else memory
    columns, held = _columns(tuple(sensors.tolist()))
    inner = (np.flatnonzero(np.diff(bins)) + 1).tolist() if bins[0] != bins[-1] else ()
    edges = [0, *inner, len(bins)]
    rows, seen = np.zeros(len(bins), np.int64), []
    for place, (begin, end) in enumerate(pairwise(edges)):
        if bins[begin] != state.bin:
            state = _closed(state, int(bins[begin]))
        rows[begin:end] = place
        seen.append(state.rises)
        state = _added(state, counts[begin:end, held], columns, bool(operated[begin:end].any()))
    return SlowTrend(rows, tuple(seen)), state


@lru_cache(maxsize=64)
def _columns(sensors: tuple[int, ...]) -> tuple[list[int], list[int]]:
    """Which of `SLOW_SENSORS` are among some sensors, and their positions among those."""
    columns = [at for at, sensor in enumerate(SLOW_INDICES.tolist()) if sensor in sensors]
    return columns, [sensors.index(int(SLOW_INDICES[at])) for at in columns]


def _added(state: SlowMemory, counts: CountArray, columns: list[int], operated: bool) -> SlowMemory:
    """The memory with more readings in its open interval."""
    known: BoolArray = counts != MISSING
    total, number = state.total.copy(), state.number.copy()
    if known.all():
        total[columns] += counts.sum(axis=0, dtype=np.int64)
        number[columns] += len(counts)
    else:
        total[columns] += np.where(known, counts, 0).sum(axis=0, dtype=np.int64)
        number[columns] += known.sum(axis=0)
    return SlowMemory(state.bin, total, number, state.disturbed or operated, state.bins, state.rises)


def _closed(state: SlowMemory, following: int) -> SlowMemory:
    """The memory once its open interval is complete and another one begins."""
    skipped = following - state.bin - 1
    fresh = SlowMemory.start(following)
    if state.disturbed or skipped > RESET_BINS:
        return fresh
    mean = (2 * state.total + state.number) // np.maximum(2 * state.number, 1)
    coarse = (mean + (1 << (_SHIFT - 1))) >> _SHIFT
    closed = np.where(state.number > 0, coarse, MISSING).astype(np.int32)
    missing = np.full((skipped, len(SLOW_SENSORS)), MISSING, np.int32)
    bins = in_a_byte(np.concatenate([state.bins, closed[None], missing])[-SLOW_BINS:])
    return SlowMemory(following, fresh.total, fresh.number, False, bins, steady_rises(bins))


def steady_rises(bins: CountArray) -> Rises:
    """Return the gauges that drift steadily.

    Args:
        bins: shape (b, s), consecutive means, newest last, in slow counts.
    """
    found = []
    for at_span, span in enumerate(SPANS):
        if len(bins) < span:
            continue
        part = bins[-span:]
        for at in np.flatnonzero(_ordered(part)).tolist():
            change = _steady(part[:, at])
            if change:
                found.append((at_span, at, change))
    return tuple(found)


def in_a_byte(bins: CountArray) -> CountArray:
    """Return means rounded so that a gauge's differ by at most `LEVELS` steps: a byte each in the state.

    A gauge that swings by bars loses hundredths of its range, one that drifts by tenths of a bar nothing.
    """
    low, shift = byte_steps(bins)
    steps = (bins - low + ((1 << shift) >> 1)) >> shift
    return np.where(bins == MISSING, MISSING, low + (steps << shift)).astype(np.int32)


def byte_steps(bins: CountArray) -> tuple[IntArray, IntArray]:
    """Return the lowest mean of each gauge, 0 without any, and the power of two that is its step.

    Args:
        bins: shape (b, s), means in slow counts, `MISSING` where there is none.

    Returns:
        Shape (s,) each. For means that are rounded to such steps, the step divides every difference.
    """
    known = bins != MISSING
    low = np.where(known, bins, COUNT_LIMIT).min(axis=0, initial=COUNT_LIMIT).astype(np.int64)
    span = np.where(known, bins, -COUNT_LIMIT).max(axis=0, initial=-COUNT_LIMIT) - low
    shift = np.searchsorted(_WIDEST, np.maximum(span, 0))
    return np.where(known.any(axis=0), low, 0), shift


_WIDEST: IntArray = LEVELS << np.arange(32)
"""Largest difference that fits a byte in steps of 1, 2, 4, ..."""

_PAIRS = {span: np.triu_indices(span, 1) for span in SPANS}


def _ordered(bins: CountArray) -> BoolArray:
    """Of which gauges enough means of a span are known, and Kendall's tau is large: shape (s,)."""
    known: BoolArray = bins != MISSING
    earlier, later = _PAIRS[len(bins)]
    order = np.sign(bins[later] - bins[earlier])
    if not known.all():
        order = order * (known[later] & known[earlier])
    n = known.sum(axis=0)
    tall = np.abs(order.sum(axis=0)) >= TAU * np.maximum(n * (n - 1) / 2, 1)
    ordered: BoolArray = tall & (n >= KNOWN * len(bins))
    return ordered


def _steady(counts: CountArray) -> int:
    """The change of an ordered gauge over a span by least squares, in slow counts; 0 if it is not steady."""
    at = np.flatnonzero(counts != MISSING)
    n = len(at)
    y = counts[at].astype(np.float64)
    x = at - at.mean()
    rise = float((x * (y - y.mean())).sum() / (x * x).sum() * (len(counts) - 1))
    # Rounding adds up to one count to a change between two means.
    if np.abs(np.diff(y)).max() > STEP * abs(rise) + 1:
        return 0
    whole, half = y[-2:].mean() - y[:2].mean(), y[-2:].mean() - y[n // 2 - 1 : n // 2 + 1].mean()
    return round(rise) if half * np.sign(whole) >= LATE * abs(whole) else 0
