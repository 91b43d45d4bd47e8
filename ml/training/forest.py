"""Fits the Isolation Forest that all wells share, and checks the ONNX file against it.

A forest never splits outside the range of its training rows (Liu, Ting, Zhou, "Isolation Forest", ICDM 2008),
so every reading beyond it scores alike. Therefore some rows are background: training rows with every feature
moved at random by up to 20 units of the baseline, so that there are splits at every distance.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import IsolationForest

from ml.training.onnx_export import forest_to_onnx
from ml.training.pruning import cells_of
from petrostream.detection import Forest, RowArray, load_forest

TREES = 100
MAX_SAMPLES = 512
BACKGROUND_SHARE = 0.08
MIN_BACKGROUND = 50
BACKGROUND_REACH = 20.0

PARITY_TOLERANCE = 1e-5
"""Largest difference of scores between ONNX and scikit-learn: the leaves' rounding makes up to 1e-5."""

PARITY_ROWS = 4000


class ParityError(RuntimeError):
    """The ONNX file does not reproduce scikit-learn's scores; it must not be published."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A fitted forest.

    Attributes:
        forest: scikit-learn's, for people and for further study.
        onnx: for serving.
        rows: training rows without background.
        synthetic_rows: how many of them were of no well.
        background_rows: rows of background.
        parity: largest difference of scores between ONNX and scikit-learn.
    """

    forest: IsolationForest
    onnx: bytes
    rows: int
    synthetic_rows: int
    background_rows: int
    parity: float

    def load(self) -> Forest:
        """The forest as it is served."""
        return load_forest(self.onnx)


def fit_forest(
    rows: RowArray,
    names: tuple[str, ...],
    rng: np.random.Generator,
    *,
    trees: int = TREES,
    synthetic: int = 0,
) -> Fitted:
    """Fits a forest.

    Args:
        rows: features of healthy gauges, shape (n, k), n >= 2, without NaN.
        names: feature names, k of them.
        rng: random generator; the same state yields the same forest.
        trees: number of trees.
        synthetic: how many of the rows are of no well, for the record.

    Returns:
        The forest, with the ONNX file checked against it.

    Raises:
        ParityError: the check failed.
    """
    extra = background(rows, names, rng)
    known = np.concatenate([rows, extra]).astype(np.float32)
    forest = IsolationForest(
        n_estimators=trees,
        max_samples=min(MAX_SAMPLES, len(known)),
        random_state=int(rng.integers(2**31)),
    ).fit(known)
    onnx = forest_to_onnx(forest, cells_of(names))
    checked = known[:: max(1, len(known) // PARITY_ROWS)]
    parity = check_parity(forest, load_forest(onnx), checked)
    return Fitted(forest, onnx, len(rows), synthetic, len(extra), parity)


def background(rows: RowArray, names: tuple[str, ...], rng: np.random.Generator) -> RowArray:
    """Synthetic background: training rows moved away.

    Args:
        rows: features, shape (n, k).
        names: feature names, k of them.
        rng: random generator.

    Returns:
        `BACKGROUND_SHARE` of n, at least `MIN_BACKGROUND` rows, shape (m, k). A deviation is never negative.
    """
    count = max(int(BACKGROUND_SHARE * len(rows)), MIN_BACKGROUND)
    drawn = rows[rng.integers(0, len(rows), count)]
    moved = drawn + rng.uniform(-BACKGROUND_REACH, BACKGROUND_REACH, drawn.shape)
    deviations = [at for at, name in enumerate(names) if name.startswith("std_")]
    moved[:, deviations] = np.abs(moved[:, deviations])
    return moved.astype(np.float32)


def check_parity(forest: IsolationForest, served: Forest, rows: RowArray) -> float:
    """Largest difference between the scores of a forest and of its ONNX file, on rows of shape (n, k).

    Raises:
        ParityError: it is above `PARITY_TOLERANCE`.
    """
    difference = float(np.abs(served.score(rows) + forest.score_samples(rows)).max())
    if difference > PARITY_TOLERANCE:
        raise ParityError(
            f"ONNX and scikit-learn scores differ by {difference:.2g}, more than {PARITY_TOLERANCE:g}: "
            "the installed onnxruntime computes other path lengths; install the versions of constraints.txt"
        )
    return difference
