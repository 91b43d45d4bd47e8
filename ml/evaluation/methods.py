"""The methods that PetroStream is compared with on the benchmark's windows.

Settings are those of the benchmark's authors where they have any: `nu` 0.5 and `gamma` "scale" for the
one-class support vector machine, contamination 0 and seed 1 for the Isolation Forest. Two things have changed
in scikit-learn since, and are restored here: "scale" then meant 1 / (features x standard deviation), and
contamination 0 put the limit at the lowest score of training.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from sklearn.covariance import LedoitWolf
from sklearn.ensemble import IsolationForest
from sklearn.neighbors import LocalOutlierFactor
from sklearn.svm import OneClassSVM

from petrostream.arrays import BoolArray, FloatArray

NEIGHBOURS = (1, 2, 3, 4, 5, 6, 7, 8)
"""What LOF's number of neighbours is chosen from: nine windows of training have eight neighbours at most."""

USUAL_NEIGHBOURS = 5
"""Where there are no other wells to choose it on."""

KERNELS = ("rbf", "sigmoid", "poly", "linear")


class Method(ABC):
    """Learns from scaled features of windows, shape (a, k), and judges those of others, shape (b, k)."""

    @abstractmethod
    def scored(self, train: FloatArray, test: FloatArray) -> tuple[FloatArray, float]:
        """Scores of the windows to judge, shape (b,), the higher the less normal; and the limit."""

    def __call__(self, train: FloatArray, test: FloatArray) -> BoolArray:
        """Which windows are anomalous, shape (b,): those above the limit."""
        score, limit = self.scored(train, test)
        return score > limit


class Dummy(Method):
    """Calls everything normal."""

    def scored(self, train: FloatArray, test: FloatArray) -> tuple[FloatArray, float]:
        """The same score for all."""
        return np.zeros(len(test)), 0.0


@dataclass(frozen=True, slots=True)
class PlainForest(Method):
    """Isolation Forest of scikit-learn's usual size; anomalous is what scores below all of training."""

    seed: int

    def scored(self, train: FloatArray, test: FloatArray) -> tuple[FloatArray, float]:
        """Learns and scores."""
        forest = IsolationForest(random_state=self.seed).fit(train)
        return -forest.score_samples(test), -float(forest.score_samples(train).min())


@dataclass(frozen=True, slots=True)
class OneClass(Method):
    """One-class support vector machine."""

    kernel: str

    def scored(self, train: FloatArray, test: FloatArray) -> tuple[FloatArray, float]:
        """Learns and scores."""
        spread = float(train.std())
        gamma = 1.0 / (train.shape[1] * spread) if spread > 0 else 1.0
        fitted = OneClassSVM(kernel=self.kernel, gamma=gamma, nu=0.5).fit(train)
        return -fitted.decision_function(test), 0.0


@dataclass(frozen=True, slots=True)
class Lof(Method):
    """Local Outlier Factor with scikit-learn's own limit of 1.5."""

    neighbours: int

    def scored(self, train: FloatArray, test: FloatArray) -> tuple[FloatArray, float]:
        """Learns and scores."""
        near = min(self.neighbours, len(train) - 1)
        fitted = LocalOutlierFactor(n_neighbors=near, novelty=True).fit(train)
        return -fitted.decision_function(test), 0.0


class LargestZ(Method):
    """The largest distance of a feature from its mean, in standard deviations; the limit is training's."""

    def scored(self, train: FloatArray, test: FloatArray) -> tuple[FloatArray, float]:
        """Learns and scores."""
        center, scale = train.mean(axis=0), train.std(axis=0)
        usable = scale > 0
        every = np.abs((np.vstack([train, test])[:, usable] - center[usable]) / scale[usable]).max(axis=1)
        return every[len(train) :], float(every[: len(train)].max())


class Mahalanobis(Method):
    """The distance from the mean of training, in units of its covariance; the limit is training's largest.

    Nine windows do not determine the covariance of dozens of features; it is shrunk to a multiple of the
    identity (O. Ledoit, M. Wolf, J. Multivariate Analysis 88, 2004).
    """

    def scored(self, train: FloatArray, test: FloatArray) -> tuple[FloatArray, float]:
        """Learns and scores."""
        fitted = LedoitWolf().fit(train)
        return np.sqrt(fitted.mahalanobis(test)), float(np.sqrt(fitted.mahalanobis(train)).max())


dummy = Dummy()
