"""Whether a series of measurements grows: a slope with its confidence, not a glance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
FEWEST = 10
"""Fewest measurements of which a slope is told."""


@dataclass(frozen=True, slots=True)
class Slope:
    """The straight line through a series.

    Attributes:
        mean: of the series.
        hourly: growth in an hour.
        low, high: ends of the 95 % confidence interval of `hourly`.
        allowed: growth in an hour that still counts as flat, of the series' unit.
    """

    mean: float
    hourly: float
    low: float
    high: float
    allowed: float

    @property
    def verdict(self) -> str:
        """`flat`: the whole interval is within what is allowed; `grows`, `falls`: it is beyond, wholly.

        `undecided`: it reaches over a limit, so that more or calmer measurements are needed.
        """
        if self.low > self.allowed:
            return "grows"
        if self.high < -self.allowed:
            return "falls"
        return "flat" if self.low >= -self.allowed and self.high <= self.allowed else "undecided"


def slope(hours: Sequence[float], values: Sequence[float], share: float) -> Slope | None:
    """Fit a line, for neighbouring measurements that resemble each other.

    Least squares. The residuals' autocorrelation r at lag 1 leaves n (1 - r) / (1 + r) of n measurements
    independent (Santer et al. 2000, doi:10.1029/1999JD901105); the error of the slope and its degrees of
    freedom are those of that number.

    Args:
        hours: times of the measurements, evenly spaced, shape (n,).
        values: the measurements, shape (n,).
        share: growth in an hour that counts as flat, as a share of the mean.

    Returns:
        The line; None of less than `FEWEST` measurements.
    """
    count = len(values)
    if count < FEWEST:
        return None
    x, y = np.asarray(hours, dtype=float), np.asarray(values, dtype=float)
    allowed = share * abs(float(y.mean()))
    fit = np.polynomial.Polynomial.fit(x, y, 1).convert(domain=[-1, 1])
    hourly = float(np.pad(fit.coef, (0, 2))[1])
    rest = y - fit(x)
    spread = float(rest @ rest)
    if spread <= 1e-18 * float(y @ y):
        return Slope(float(y.mean()), hourly, hourly, hourly, allowed)
    likeness = float(rest[1:] @ rest[:-1]) / spread
    independent = min(count, count * (1 - likeness) / (1 + likeness)) if likeness > -1 else count
    free = max(1.0, independent - 2)
    error = np.sqrt(spread / free / float(((x - x.mean()) ** 2).sum()))
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, free) * error)
    return Slope(float(y.mean()), hourly, hourly - reach, hourly + reach, allowed)
