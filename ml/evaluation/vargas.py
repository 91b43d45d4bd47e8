"""The anomaly-detection benchmark of the 3W dataset: its instances, its windows, its features, its score.

Source: R. E. V. Vargas et al., "A realistic and public dataset with rare undesirable real events in oil
wells", J. Petroleum Science and Engineering 181 (2019) 106223, and the authors' public notebook "benchmark
about anomaly detection". Where the article leaves something open, this is what the notebook does, oddities
included: windows of the transient are spread over the whole of it, missing values become zeros, windows of
training overlap and are pooled before the z-score, and the "micro-averaged F1" of two classes is the share of
windows that are judged rightly.

Nothing is cleaned, chosen or tuned here. An instance has at most 9 training windows, and 6 normal and 6
anomalous test windows, so a method that never reports an anomaly scores 0.5.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from ml.data.dataset import TRANSIENT, Instance
from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.schema import SENSORS

EVENT_CLASSES = (1, 2, 5, 6, 7, 8)
"""Events that begin after a normal period."""

MIN_NORMAL_S = 1200
WINDOW = 180
"""Observations of a window; 3W has about one per second."""

MAX_WINDOWS = 15
TRAIN_SHARE = 0.6
MIN_STD = 0.01
"""A variable that varies less over the windows of training, in its unit, is left out."""

VARIABLES = ("P-PDG", "P-TPT", "T-TPT", "P-MON-CKP", "T-JUS-CKP", "P-JUS-CKGL", "T-JUS-CKGL", "QGL")
"""Variables of the benchmark; one that release 2.0.0 no longer has counts as missing."""

_COLUMN = {str(sensor.three_w): at for at, sensor in enumerate(SENSORS)}


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """First rows of the windows of one instance; each is `WINDOW` rows long.

    Attributes:
        train: windows of normal operation to learn from, shape (a,).
        test: windows to judge, shape (b,): normal ones, then transient, then steady.
        anomalous: the right judgement, shape (b,).
    """

    train: IntArray
    test: IntArray
    anomalous: BoolArray

    @property
    def training_rows(self) -> slice:
        """The rows that the windows of training cover; they leave no gap between them."""
        return slice(int(self.train[0]), int(self.train[-1]) + WINDOW)


@dataclass(frozen=True, slots=True)
class _Period:
    """Where windows of one kind may lie: the first one at `first`, and fewer than `room` + 1 of them."""

    first: int
    room: int


_NOWHERE = _Period(0, 0)


def why_not(instance: Instance) -> str | None:
    """Why an instance takes no part in the benchmark, or None."""
    if not instance.is_real:
        return "not from a real well"
    if instance.event_class not in EVENT_CLASSES:
        kept = ", ".join(map(str, EVENT_CLASSES))
        return f"class {instance.event_class} is not one of {kept}, the events after a normal period"
    normal = int((instance.label == 0).sum())
    if normal < MIN_NORMAL_S:
        return f"{normal} s of normal operation, fewer than {MIN_NORMAL_S}"
    windows = cut_windows(instance.label, instance.event_class)
    if not windows.anomalous.any():
        return "no part of its event is labelled"
    if not _varying(pooled(benchmark_values(instance), windows.train)).any():
        return "none of the benchmark's variables varies in the windows of training"
    return None


def cut_windows(label: IntArray, event_class: int) -> Windows:
    """The windows of an instance.

    Args:
        label: 3W classes, `NO_LABEL` where unlabelled, shape (n,); 0 for at least `WINDOW` + 1 rows.
        event_class: class of the event, 1 to 9.
    """
    first, last = _first_last(label, 0)
    room = last - first + 1 - WINDOW
    normal = min(MAX_WINDOWS, room)
    train = int(TRAIN_SHARE * normal)
    transient = _period(label, event_class + TRANSIENT, open_end=False)
    steady = _period(label, event_class, open_end=True)
    judged, moving, still = _share(normal - train, transient.room, steady.room)
    step = min(WINDOW, _step(normal, room))
    starts = last - WINDOW + 1 - (normal - 1 - np.arange(train + judged)) * step
    parts = [
        starts[train:],
        transient.first + np.arange(moving) * _step(moving, transient.room),
        steady.first + np.arange(still) * min(WINDOW, _step(still, steady.room)),
    ]
    return Windows(starts[:train], np.concatenate(parts), np.arange(judged + moving + still) >= judged)


def _first_last(label: IntArray, code: int) -> tuple[int, int]:
    rows = np.flatnonzero(label == code)
    return int(rows[0]), int(rows[-1])


def _period(label: IntArray, code: int, *, open_end: bool) -> _Period:
    """Where windows that hold at least one row of a period may lie; with an open end also beyond its last."""
    if not (label == code).any():
        return _NOWHERE
    first, last = _first_last(label, code)
    first = max(first - (WINDOW - 1), 0)
    if open_end:
        last = min(last + WINDOW - 1, len(label) - 1)
    # A period shorter than a window at the start of an instance has no room.
    return _Period(first, max(last - first + 1 - WINDOW, 0))


def _share(wanted: int, transient: int, steady: int) -> tuple[int, int, int]:
    """How many normal, transient and steady windows are judged, given the room for the latter two."""
    moving = ceil(wanted / 2)
    still = wanted - moving
    if transient < moving and steady < still:
        return transient + steady, transient, steady
    if steady < still:
        return wanted, min(wanted - steady, transient), steady
    if transient < moving:
        return wanted, transient, min(wanted - transient, steady)
    return wanted, moving, still


def _step(count: int, room: int) -> int:
    return 1 if count == room else (room - 1) // (MAX_WINDOWS - 1)


def benchmark_values(instance: Instance) -> FloatArray:
    """The benchmark's variables as the file has them, zero where missing, shape (n, 8)."""
    values = np.zeros((len(instance), len(VARIABLES)))
    for at, name in enumerate(VARIABLES):
        if name in _COLUMN:
            values[:, at] = np.nan_to_num(instance.values[:, _COLUMN[name]], nan=0.0)
    return values


def pooled(values: FloatArray, starts: IntArray) -> FloatArray:
    """The rows of all windows, one window after the other, those in two windows twice; shape (m, v)."""
    return _cut(values, starts).reshape(-1, values.shape[1])


def window_features(instance: Instance, windows: Windows) -> tuple[FloatArray, FloatArray]:
    """Scaled features of the windows to learn from and of those to judge.

    Variables that hardly vary in training are dropped, the others z-scored by the pooled rows of training.
    Features are mean, median, standard deviation, variance, maximum and minimum of each variable.

    Returns:
        Shapes (a, 6 v) and (b, 6 v), with v the number of variables kept.
    """
    values = benchmark_values(instance)
    rows = pooled(values, windows.train)
    kept = _varying(rows)
    center, scale = rows[:, kept].mean(axis=0), rows[:, kept].std(axis=0)

    def of(starts: IntArray) -> FloatArray:
        return _features((_cut(values[:, kept], starts) - center) / scale)

    return of(windows.train), of(windows.test)


def _varying(rows: FloatArray) -> BoolArray:
    varies: BoolArray = rows.std(axis=0) > MIN_STD
    return varies


def _cut(values: FloatArray, starts: IntArray) -> FloatArray:
    cut: FloatArray = values[starts[:, None] + np.arange(WINDOW)]
    return cut


def _features(cut: FloatArray) -> FloatArray:
    """Features of windows of shape (w, WINDOW, v): shape (w, 6 v)."""
    return np.concatenate(
        [cut.mean(1), np.median(cut, 1), cut.std(1), cut.var(1), cut.max(1), cut.min(1)], axis=1
    )


def micro_f1(judged: npt.NDArray[np.bool_], anomalous: BoolArray) -> float:
    """Micro-averaged F1 over the two classes, which is the share of right judgements; both of shape (b,)."""
    return float((judged == anomalous).mean())
