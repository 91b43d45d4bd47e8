"""The methods that PetroStream is compared with on the benchmark's windows.

Settings are those of the benchmark's authors where they have any: `nu` 0.5 and `gamma` "scale" for the
one-class support vector machine, contamination 0 and seed 1 for the Isolation Forest. Two things have changed
in scikit-learn since, and are restored here: "scale" then meant 1 / (features x standard deviation), and
contamination 0 put the limit at the lowest score of training.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor
from sklearn.svm import OneClassSVM

from petrostream.arrays import BoolArray, FloatArray

Method = Callable[[FloatArray, FloatArray], BoolArray]
"""Scaled features to learn from (a, k) and of windows to judge (b, k) -> which are anomalous, shape (b,)."""

NEIGHBOURS = (1, 2, 3, 4, 5, 6, 7, 8)
"""What LOF's number of neighbours is chosen from: nine windows of training have eight neighbours at most."""

USUAL_NEIGHBOURS = 5
"""Where there are no other wells to choose it on."""

KERNELS = ("rbf", "sigmoid", "poly", "linear")


def dummy(train: FloatArray, test: FloatArray) -> BoolArray:
    """Calls everything normal."""
    return np.zeros(len(test), np.bool_)


@dataclass(frozen=True, slots=True)
class PlainForest:
    """Isolation Forest of scikit-learn's usual size; anomalous is what scores below all of training."""

    seed: int

    def __call__(self, train: FloatArray, test: FloatArray) -> BoolArray:
        """Learns and judges."""
        forest = IsolationForest(random_state=self.seed).fit(train)
        judged: BoolArray = forest.score_samples(test) < forest.score_samples(train).min()
        return judged


@dataclass(frozen=True, slots=True)
class OneClass:
    """One-class support vector machine."""

    kernel: str

    def __call__(self, train: FloatArray, test: FloatArray) -> BoolArray:
        """Learns and judges."""
        spread = float(train.std())
        gamma = 1.0 / (train.shape[1] * spread) if spread > 0 else 1.0
        judged: BoolArray = OneClassSVM(kernel=self.kernel, gamma=gamma, nu=0.5).fit(train).predict(test) < 0
        return judged


@dataclass(frozen=True, slots=True)
class Lof:
    """Local Outlier Factor with scikit-learn's own limit of 1.5."""

    neighbours: int

    def __call__(self, train: FloatArray, test: FloatArray) -> BoolArray:
        """Learns and judges."""
        near = min(self.neighbours, len(train) - 1)
        fitted = LocalOutlierFactor(n_neighbors=near, novelty=True).fit(train)
        judged: BoolArray = fitted.predict(test) < 0
        return judged
