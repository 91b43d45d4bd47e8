"""Which gauges drift steadily, by their means of 20 minutes (`petrostream.gauges.slow`).

* Kendall's tau of the means against time is at least `TAU`, as in the Mann-Kendall test for trends (H. B.
  Mann 1945, doi 10.2307/1907187): nearly every mean is above nearly every earlier one, or below. Means of
  noise and of oscillations are not.
* No change between two means is larger than `STEP` of the rise: a step, such as a valve's, is not a drift.
* At least `LATE` of the change comes in the second half: what settles after a step is not a drift either.

What settles over half an hour or more after a step may still look steady for some intervals; the alarms
therefore wait for two in a row (`petrostream.alarms.types`).
"""

import numpy as np

from petrostream.arrays import BoolArray, IntArray, everywhere
from petrostream.gauges.features import COUNT_LIMIT, MISSING, CountArray

SPANS = (9, 18)
"""The two spans in which a drift is sought, in means: three hours and six."""

TAU, STEP, LATE = 0.8, 0.3, 0.2
LEVELS = 254
"""Most steps between a gauge's highest and lowest mean; the last value of a byte stands for missing."""

KNOWN = 0.75
"""Share of a span's means that must be known."""

Rises = tuple[tuple[int, int, int], ...]
"""Steady drifts: positions among `SPANS` and `petrostream.gauges.slow.SLOW_SENSORS`, and the change over the
span in slow counts."""


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
    if not everywhere(known):
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
