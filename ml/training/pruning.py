"""Prunes a forest for cells of the feature space: the comparisons that are decided there are left out.

A row of the cell comes to the same leaf of each tree, so its score is the same to the last bit. Trees of
which one leaf is left are added up to one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from petrostream.detection import Cells, RowArray

SPREAD_EDGES = (0.05, 0.15, 0.4, 0.8, 1.2)
"""Standard deviations over a minute, in units of the baseline; of a gauge as loud as its baseline, 1."""

LEVEL_EDGES = (-1.0, -0.15, 0.15, 1.0)
"""Deviations of the mean over a minute from the baseline, in its units."""

CHANGE_SPREADS = 3.5
"""Changes in a cell are up to this many of its largest deviation: a straight ramp has a change of 3.46 of its
standard deviation, sqrt(12), and nothing has more."""

SHORT_SPREADS = (0.3, 1.5)
"""Deviations over half a minute, from so much of the cell's smallest up to so much of its largest."""

_FURTHEST = float(np.finfo(np.float32).max)


@dataclass(slots=True)
class Tree:
    """A tree as lists by node; children come after their parents.

    Attributes:
        left, right: children, -1 at leaves; left is for features at or below the threshold.
        feature, threshold: of the split; thresholds are float32.
        weight: path length of a leaf.
    """

    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    feature: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    weight: list[float] = field(default_factory=list)

    def add(self, feature: int, threshold: float, weight: float) -> int:
        """Add a node, a leaf until it is given children; returns its index."""
        self.left.append(-1)
        self.right.append(-1)
        self.feature.append(feature)
        self.threshold.append(threshold)
        self.weight.append(weight)
        return len(self.left) - 1


def cells_of(names: Sequence[str]) -> Cells | None:
    """Return the cells for a forest of these features; None if it has no spread and level over 60 s.

    Args:
        names: k feature names, as in `petrostream.detection.feature_names`.
    """
    levels = [at for at, name in enumerate(names) if name in ("mean_60", "diff_30_180")]
    if "std_60" not in names or not levels:
        return None
    spread, level = list(names).index("std_60"), levels[0]
    low, high = [], []
    for smallest, largest in zip((-1.0, *SPREAD_EDGES), SPREAD_EDGES, strict=False):
        for begin, end in zip((-_FURTHEST, *LEVEL_EDGES), (*LEVEL_EDGES, _FURTHEST), strict=True):
            bounds = [_bounds(name, max(smallest, 0.0), largest, begin, end) for name in names]
            bounds[spread], bounds[level] = (smallest, largest), (begin, end)
            low.append([one for one, _ in bounds])
            high.append([other for _, other in bounds])
    edges = np.array(SPREAD_EDGES, np.float32), np.array(LEVEL_EDGES, np.float32)
    return Cells(spread, level, *edges, np.array(low, np.float32), np.array(high, np.float32))


def _bounds(name: str, smallest: float, largest: float, begin: float, end: float) -> tuple[float, float]:
    """Bounds of a feature in a cell of these spreads and levels."""
    if name.startswith("std"):
        return (SHORT_SPREADS[0] * smallest if smallest else -1.0), SHORT_SPREADS[1] * largest
    if name.startswith("change"):
        return -CHANGE_SPREADS * largest, CHANGE_SPREADS * largest
    if name.startswith("mean"):
        reach = CHANGE_SPREADS * largest / 2
        return max(begin - reach, -_FURTHEST), min(end + reach, _FURTHEST)
    return -_FURTHEST, _FURTHEST


def pruned(trees: Iterable[Tree], low: RowArray, high: RowArray) -> list[Tree]:
    """Return trees with the same leaves for all rows above `low` and up to `high`, shape (k,) each."""
    left, constant = [], 0.0
    for tree in trees:
        new = Tree()
        _copy(tree, 0, new, low.tolist(), high.tolist())
        if len(new.left) == 1:
            constant += new.weight[0]
        else:
            left.append(new)
    rest = Tree()
    rest.add(0, 0.0, constant)
    return [*left, rest] if constant or not left else left


def _copy(tree: Tree, node: int, new: Tree, low: list[float], high: list[float]) -> int:
    """Copy what is undecided of the tree below a node; returns the copy's index."""
    while tree.left[node] >= 0:
        feature, threshold = tree.feature[node], tree.threshold[node]
        if high[feature] <= threshold:
            node = tree.left[node]
        elif low[feature] >= threshold:
            node = tree.right[node]
        else:
            break
    copy = new.add(tree.feature[node], tree.threshold[node], tree.weight[node])
    if tree.left[node] >= 0:
        below, above = high.copy(), low.copy()
        below[feature] = above[feature] = threshold
        new.left[copy] = _copy(tree, tree.left[node], new, low, below)
        new.right[copy] = _copy(tree, tree.right[node], new, above, high)
    return copy
