"""Fits the Isolation Forest of a well, chooses its threshold, and checks the ONNX file against it.

Two additions to the plain forest (Liu, Ting, Zhou, "Isolation Forest", ICDM 2008) make it usable here:

* Background. A forest never splits outside the range of its training rows, so every reading beyond it scores
  alike. About a tenth of the rows are therefore copies of training rows, moved at random by up to 20 scaled
  units, more often a little than much (the cube of a uniform number): there are splits at every distance.
  Means move both ways, deviations upwards only, slopes by what moves a mean by 20 units within half a window.
* Threshold. It lies a margin above the scores of held-out normal operation, within fixed limits about 0.5.
  No row labelled as an event takes part.
"""

import math
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import IsolationForest

from ml.onnx_export import forest_to_onnx
from petrostream.arrays import FloatArray
from petrostream.detector import WellModel, load_model, path_score

TREES = 100
MAX_SAMPLES = 256
BACKGROUND_SHARE = 0.1
BACKGROUND_REACH = 20.0
MAX_ROWS = 6000
"""Training rows of one forest; more are thinned evenly, since each tree draws only `MAX_SAMPLES`."""

PARITY_TOLERANCE = 1e-5
"""Largest difference of scores between ONNX and scikit-learn: the leaves' rounding makes up to 1e-5."""

THRESHOLD_QUANTILE = 0.999
THRESHOLD_MARGIN = 0.04
COMMISSIONED_LIMITS = (0.48, 0.58)
FLEET_LIMITS = (0.55, 0.68)


class ParityError(RuntimeError):
    """The ONNX file does not give scikit-learn's scores; it must not be published."""


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A forest fitted on scaled features.

    Attributes:
        forest: for people and for further study.
        onnx: for serving.
        feature_center: median of each feature; stands in for a missing gauge, shape (k,).
        feature_scale: standard deviation of each feature, shape (k,).
        rows: training rows without background.
        background_rows: rows of background.
        parity: largest difference of scores between ONNX and scikit-learn.
    """

    forest: IsolationForest
    onnx: bytes
    feature_center: FloatArray
    feature_scale: FloatArray
    rows: int
    background_rows: int
    parity: float


def fit_forest(features: FloatArray, names: tuple[str, ...], rng: np.random.Generator) -> Fitted:
    """Fits a forest.

    Args:
        features: scaled features of normal operation, NaN where a gauge is missing, shape (n, k), n >= 2.
        names: feature names, k of them.
        rng: source of chance; the same state gives the same forest.

    Returns:
        The forest, with the ONNX file checked against it.

    Raises:
        ParityError: the check failed.
    """
    center = np.nan_to_num(np.nanmedian(features, axis=0))
    rows = np.where(np.isnan(features), center, features)
    rows = rows[:: math.ceil(len(rows) / MAX_ROWS)]
    extra = background(rows, names, rng)
    known = np.concatenate([rows, extra]).astype(np.float32)
    forest = IsolationForest(
        n_estimators=TREES,
        max_samples=min(MAX_SAMPLES, len(known)),
        random_state=int(rng.integers(2**31)),
    ).fit(known)
    onnx = forest_to_onnx(forest)
    return Fitted(
        forest=forest,
        onnx=onnx,
        feature_center=center,
        feature_scale=np.maximum(rows.std(axis=0), 1e-6),
        rows=len(rows),
        background_rows=len(extra),
        parity=check_parity(forest, onnx, names, known),
    )


def background(rows: FloatArray, names: tuple[str, ...], rng: np.random.Generator) -> FloatArray:
    """Synthetic background: training rows moved away.

    Args:
        rows: scaled features, shape (n, k).
        names: feature names, k of them.
        rng: source of chance.

    Returns:
        Shape (m, k), such that m is `BACKGROUND_SHARE` of n + m.
    """
    count = math.ceil(len(rows) * BACKGROUND_SHARE / (1.0 - BACKGROUND_SHARE))
    move = rng.uniform(-1.0, 1.0, (count, rows.shape[1])) ** 3
    reach = np.full(rows.shape[1], BACKGROUND_REACH)
    for column, name in enumerate(names):
        statistic, _, window = name.partition(":")[2].partition("_")
        if statistic == "slope":
            reach[column] = 2.0 * BACKGROUND_REACH / float(window)
        elif statistic == "std":
            reach[column] = BACKGROUND_REACH / 2.0
            move[:, column] = np.abs(move[:, column])
    return rows[rng.integers(0, len(rows), count)] + reach * move


def check_parity(
    forest: IsolationForest,
    onnx: bytes,
    names: tuple[str, ...],
    rows: np.ndarray[tuple[int, int], np.dtype[np.float32]],
) -> float:
    """Largest difference between the scores of the forest and of its ONNX file, on rows of shape (n, k).

    Raises:
        ParityError: it is above `PARITY_TOLERANCE`.
    """
    served = path_score(_bare_model(names, onnx), rows.astype(np.float64))
    difference = float(np.abs(served + forest.score_samples(rows)).max())
    if difference > PARITY_TOLERANCE:
        raise ParityError(
            f"ONNX and scikit-learn scores differ by {difference:.2g}, more than {PARITY_TOLERANCE:g}: "
            "the installed onnxruntime computes other path lengths; install the versions of constraints.txt"
        )
    return difference


def choose_threshold(held_out: FloatArray, limits: tuple[float, float]) -> float:
    """Threshold from the scores of held-out normal operation, shape (n,), NaN where there is none."""
    known = held_out[np.isfinite(held_out)]
    if len(known) == 0:
        return sum(limits) / 2.0
    wanted = float(np.quantile(known, THRESHOLD_QUANTILE)) + THRESHOLD_MARGIN
    return round(min(max(wanted, limits[0]), limits[1]), 4)


def _bare_model(names: tuple[str, ...], onnx: bytes) -> WellModel:
    """A model that has only what scoring of a ready feature matrix needs."""
    sensors = tuple(dict.fromkeys(name.partition(":")[0] for name in names))
    ones = [1.0] * len(sensors)
    entry = {"kind": "fleet", "sensors": sensors, "center": ones, "scale": ones, "threshold": 0.5}
    return load_model({**entry, "feature_names": names}, onnx)
