"""Sums over a few readings of many wells, made once for all memories that add them up."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from petrostream.arrays import BoolArray, IntArray
from petrostream.gauges.features import MISSING, CountArray

FEW = 60
"""Readings of a well whose sums over all gauges, made once, cost less than those over its own gauges."""


@dataclass(frozen=True, eq=False)
class GaugeSums:
    """Sums over n readings of each of w wells, computed when first asked for.

    Attributes:
        counts: shape (n, w, s), from `quantise`.
    """

    counts: CountArray

    @cached_property
    def _known(self) -> BoolArray:
        known: BoolArray = self.counts != MISSING
        return known

    @cached_property
    def _values(self) -> CountArray:
        return np.where(self._known, self.counts, np.int32(0))

    @cached_property
    def total(self) -> IntArray:
        """Sum of each gauge's values: shape (w, s)."""
        total: IntArray = np.add.reduce(self._values, axis=0, dtype=np.int64)
        return total

    @cached_property
    def square(self) -> IntArray:
        """Sum of the squares of each gauge's values: shape (w, s)."""
        values = self._values.astype(np.int64)
        square: IntArray = np.add.reduce(values * values, axis=0)
        return square

    @cached_property
    def number(self) -> IntArray:
        """Number of each gauge's values: shape (w, s)."""
        number: IntArray = np.add.reduce(self._known, axis=0, dtype=np.int64)
        return number
