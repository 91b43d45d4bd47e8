"""How well a method ranks the time around an event: VUS-PR on a series of windows.

The benchmark's twelve windows are too few to rank. Here windows of the same length follow each other in steps
over the normal operation after the training windows, and over as much of the event, so that a method that
cannot tell them apart gets about one half. A window has the label of its last observation; those without one
are left out.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ml.data.dataset import Instance
from ml.evaluation.methods import Method
from ml.evaluation.vargas import WINDOW, Windows, window_features
from ml.evaluation.vus import vus_pr
from petrostream.arrays import FloatArray, IntArray

STEP = 30
"""Observations from one window to the next."""

BUFFER = WINDOW // STEP
"""Largest buffer of VUS-PR, windows: one window's length."""


def series(instance: Instance, windows: Windows) -> IntArray:
    """Last rows of the windows to rank, in order of time."""
    ends = np.arange(windows.training_rows.stop + WINDOW - 1, len(instance), STEP)
    label = instance.label[ends]
    normal = ends[label == 0]
    return np.concatenate([normal, ends[label > 0][: len(normal)]])


def rank(instance: Instance, windows: Windows, methods: Mapping[str, Method]) -> dict[str, float]:
    """VUS-PR of methods that judge windows, by name.

    Args:
        instance: the instance.
        windows: its windows.
        methods: by name.
    """
    ends = series(instance, windows)
    moved = replace(windows, test=ends - WINDOW + 1, anomalous=instance.label[ends] > 0)
    train, test = window_features(instance, moved)
    return {
        name: vus_pr(moved.anomalous, method.scored(train, test)[0], BUFFER)
        for name, method in methods.items()
    }


def rank_rows(instance: Instance, windows: Windows, score: FloatArray) -> float:
    """VUS-PR of scores of single observations, at the last one of each window.

    Args:
        instance: the instance.
        windows: its windows.
        score: shape (n,), NaN where there is none, which counts as the least anomalous.
    """
    ends = series(instance, windows)
    return vus_pr(instance.label[ends] > 0, np.nan_to_num(score[ends], nan=-np.inf, neginf=-np.inf), BUFFER)
