"""Sums over a few readings of many wells, made once for all memories that add them up."""

from dataclasses import dataclass, field

import numpy as np

from petrostream.arrays import IntArray
from petrostream.gauges.features import MISSING, CountArray

FEW = 60
"""Readings of a well whose sums over all gauges, made once, cost less than those over its own gauges."""


@dataclass(slots=True, eq=False)
class GaugeSums:
    """Sums over n readings of each of w wells, computed when first asked for.

    Attributes:
        counts: shape (n, w, s), from `quantise`.
    """

    counts: CountArray
    _summed: tuple[CountArray, IntArray, IntArray] | None = field(default=None, init=False)

    # `cached_property` takes a lock until Python 3.12, which costs as much as a sum of one reading.

    def _sums(self) -> tuple[CountArray, IntArray, IntArray]:
        if self._summed is None:
            known = self.counts != MISSING
            values = np.where(known, self.counts, np.int32(0))
            total: IntArray = np.add.reduce(values, axis=0, dtype=np.int64)
            number: IntArray = np.add.reduce(known, axis=0, dtype=np.int64)
            self._summed = values, total, number
        return self._summed

    @property
    def total(self) -> IntArray:
        """Sum of each gauge's values: shape (w, s)."""
        return self._sums()[1]

    @property
    def number(self) -> IntArray:
        """Number of each gauge's values: shape (w, s)."""
        return self._sums()[2]

    def square(self) -> IntArray:
        """Return the sum of the squares of each gauge's values: shape (w, s)."""
        values = self._sums()[0].astype(np.int64)
        square: IntArray = np.add.reduce(values * values, axis=0)
        return square
