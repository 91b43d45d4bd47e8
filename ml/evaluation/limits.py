"""Plain limits in the forest's place: the same features of each gauge, the same alarms, no trees.

A limit is the largest value among the rows that the forest is fitted on, other wells and synthetic gauges;
the forest's threshold calls none of them anomalous either. Limits show what the forest adds.
"""

from dataclasses import dataclass

import numpy as np

from petrostream.arrays import FloatArray
from petrostream.detection import RowArray

AT_LIMIT = 0.5
"""Score of a row at the limit."""

MAX_Z = "max_z"
MAHALANOBIS = "mahalanobis"
LIMITS = (MAX_Z, MAHALANOBIS)


@dataclass(frozen=True, slots=True, eq=False)
class PlainLimit:
    """A limit on the features of a gauge, which are in units of its baseline.

    Attributes:
        limit: the largest distance that is normal.
        center: shape (k,), subtracted from the features.
        whitening: shape (k, k), what they are multiplied by before the distance is taken; None for the
            largest of them.
    """

    limit: float
    center: FloatArray
    whitening: FloatArray | None = None

    def distance(self, rows: RowArray) -> FloatArray:
        """Distance of rows of shape (n, k) from normal operation: shape (n,)."""
        moved = np.asarray(rows, np.float64) - self.center
        if self.whitening is None:
            largest: FloatArray = np.abs(moved).max(axis=1)
            return largest
        length: FloatArray = np.linalg.norm(moved @ self.whitening, axis=1)
        return length

    def score(self, rows: RowArray) -> FloatArray:
        """Score rows as a forest does: shape (n,), 0 to 1, `AT_LIMIT` at the limit."""
        distance = self.distance(rows)
        return distance / (distance + self.limit)


def plain_limit(kind: str, rows: RowArray) -> PlainLimit:
    """The limit that all rows of normal operation keep.

    Args:
        kind: `max_z`, the largest feature; or `mahalanobis`, the distance in units of the rows' covariance.
        rows: shape (n, k).

    Raises:
        ValueError: the kind is neither of the two.
    """
    if kind not in LIMITS:
        raise ValueError(f"{kind!r} is no limit; choose from {', '.join(LIMITS)}")
    center, whitening = np.zeros(rows.shape[1]), None
    if kind == MAHALANOBIS:
        center = rows.mean(axis=0, dtype=np.float64)
        whitening = np.linalg.cholesky(np.linalg.inv(np.cov(rows.astype(np.float64), rowvar=False)))
    found = PlainLimit(1.0, center, whitening)
    return PlainLimit(float(found.distance(rows).max()), center, whitening)
