"""Cells: parts of the space of features in which a forest needs fewer comparisons, with the same result.

A forest splits far beyond what is usual, so for a gauge of known quietness most of its comparisons are
decided before they are made. Cells are a grid of two features, a spread and a level, each with bounds on the
others; for each of them training prunes the forest by what is decided (`ml/training/pruning.py`). A row in no
cell is scored by the whole forest.
"""

import json
from dataclasses import dataclass

import numpy as np

from petrostream.arrays import IntArray
from petrostream.detection.extraction import RowArray

OUTSIDE = -1
"""The cell of a row that is in none."""


@dataclass(frozen=True, slots=True, eq=False)
class Cells:
    """A grid of cells over rows of k features.

    Attributes:
        spread, level: columns of the features that the grid divides.
        spread_edges: shape (a,), ascending; row i of the grid is above edge i - 1 and up to edge i.
        level_edges: shape (b,), ascending; the grid has b + 1 columns.
        low, high: shape (a * (b + 1), k), what features in a cell are above, and at most; row by row.
    """

    spread: int
    level: int
    spread_edges: RowArray
    level_edges: RowArray
    low: RowArray
    high: RowArray

    def __len__(self) -> int:
        return len(self.low)

    def of(self, rows: RowArray) -> IntArray:
        """Return the cell of each of n rows: shape (n,), `OUTSIDE` for none.

        Args:
            rows: shape (n, k).
        """
        band = np.searchsorted(self.spread_edges, rows[:, self.spread])
        cell = band * (len(self.level_edges) + 1) + np.searchsorted(self.level_edges, rows[:, self.level])
        np.minimum(cell, len(self) - 1, out=cell)
        inside = np.logical_and.reduce((rows > self.low[cell]) & (rows <= self.high[cell]), axis=1)
        return np.where(inside, cell, OUTSIDE)

    def to_json(self) -> str:
        """Return the cells as JSON; float32 numbers survive it unchanged."""
        return json.dumps({name: _plain(getattr(self, name)) for name in self.__slots__})

    @classmethod
    def from_json(cls, text: str) -> "Cells":
        """Return the cells that `to_json` wrote.

        Raises:
            ValueError: the text is something else.
        """
        raw = json.loads(text)
        try:
            arrays = [np.array(raw[name], np.float32) for name in cls.__slots__[2:]]
            cells = cls(int(raw["spread"]), int(raw["level"]), *arrays)
            wanted = len(cells.spread_edges) * (len(cells.level_edges) + 1)
        except (KeyError, TypeError) as error:
            raise ValueError(f"cells {text[:80]!r} lack a field or have another type: {error!r}") from None
        if cells.low.shape != cells.high.shape or cells.low.ndim != 2 or len(cells.low) != wanted:
            raise ValueError(f"bounds of cells have shapes {cells.low.shape} and {cells.high.shape}")
        return cells


def _plain(value: int | RowArray) -> object:
    return value if isinstance(value, int) else value.tolist()
