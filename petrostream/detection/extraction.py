"""Turns window statistics into the feature rows of a forest: which features, in which order, on which scale.

A forest scores one sensor at a time: each sensor of a reading is a row of its own, with the same features in
units of that sensor's baseline. Training and serving both use `FeatureExtractor`, so a forest is served
exactly the numbers it was fitted on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from petrostream.arrays import BoolArray, FloatArray, IntArray, anywhere
from petrostream.gauges import STATS, WINDOWS_S, WindowStats, quantise, window_stats
from petrostream.records import record
from petrostream.schema import SENSOR_INDEX

RowArray = npt.NDArray[np.float32]
"""Feature rows in the forest's input type."""

COMMISSIONED = "commissioned"
FLEET = "fleet"

FEATURES = {
    COMMISSIONED: ("mean_30", "std_30", "change_30", "mean_60", "std_60", "change_60"),
    FLEET: ("std_30", "change_30", "std_60", "change_60", "diff_30_180"),
}
"""Feature names of each sensor by kind of model. The fleet's have no level: each well has its own."""

MIN_VALUES = 10
"""Values a window must hold. It need not be full: an event shows before its windows have filled."""

MIN_LONG_VALUES = 60
"""Values the long window of a difference must hold: with fewer, both windows have nearly the same mean."""

_MEAN, _WITHOUT_CENTER = STATS.index("mean"), WINDOWS_S.index(60)
_SLOPE, _CHANGE = STATS.index("slope"), "change"


class FeatureNameError(ValueError):
    """A feature, sensor or kind of model that this release cannot compute."""


def feature_names(kind: str = COMMISSIONED) -> tuple[str, ...]:
    """Return the feature names of each sensor, in column order.

    Args:
        kind: `commissioned` or `fleet`.

    Returns:
        Names `<mean|std|change>_<window>` or `diff_<window>_<longer window>`, windows in seconds. A change
        is the least-squares slope per second over the window times its number of values, as at 1 Hz.

    Raises:
        FeatureNameError: the kind is neither of the two.
    """
    if kind not in FEATURES:
        raise FeatureNameError(f"model kind {kind!r} is unknown: use {COMMISSIONED!r} or {FLEET!r}")
    return FEATURES[kind]


@dataclass(frozen=True, slots=True)
class Term:
    """One feature: a window statistic, optionally less another window's or times the number of values.

    Attributes:
        stat: index into `STATS`.
        window: index into `WINDOWS_S`.
        minus: index of the longer window whose statistic is subtracted, None for none.
        per_value: whether the statistic is multiplied by the number of values in the window.
    """

    stat: int
    window: int
    minus: int | None = None
    per_value: bool = False

    @property
    def leveled(self) -> bool:
        """Whether the baseline's center is subtracted."""
        return STATS[self.stat] == "mean" and self.minus is None


@record(frozen=True, slots=True)
class Usual:
    """What the s sensors of a model are measured against at n readings.

    Attributes:
        center: shape (s, n), sensor units; NaN where no level is known: the mean of 60 s takes its place, so
            that only the sensor's variation and change count.
        scale: shape (s, n), sensor units.
    """

    center: FloatArray
    scale: FloatArray


@dataclass(frozen=True, slots=True)
class FeatureExtractor:
    """Computes the feature rows of one model.

    Attributes:
        names: k feature names.
        terms: k definitions, one per name.
        sensors: shape (s,), sensor indices of the model.
        center: shape (s,), the baseline's level of each sensor, in sensor units.
        scale: shape (s,), its variation, in sensor units.
    """

    names: tuple[str, ...]
    terms: tuple[Term, ...]
    sensors: IntArray
    center: FloatArray
    scale: FloatArray

    @classmethod
    def build(
        cls, names: Sequence[str], sensors: Sequence[str], center: FloatArray, scale: FloatArray
    ) -> "FeatureExtractor":
        """Build an extractor from feature and sensor names.

        Args:
            names: feature names as returned by `feature_names`; any subset, any order.
            sensors: s sensor names.
            center: shape (s,), the well's usual level of each sensor, in sensor units.
            scale: shape (s,), its usual variation, in sensor units, positive.

        Raises:
            FeatureNameError: a feature name is unknown, or a sensor is not in the schema.
        """
        unknown = [sensor for sensor in sensors if sensor not in SENSOR_INDEX]
        if unknown:
            raise FeatureNameError(f"sensors {unknown} are not in the schema: {', '.join(SENSOR_INDEX)}")
        return cls(
            names=tuple(names),
            terms=tuple(map(_parse, names)),
            sensors=np.array([SENSOR_INDEX[sensor] for sensor in sensors], np.int64),
            center=np.asarray(center, np.float64),
            scale=np.asarray(scale, np.float64),
        )

    def rows(self, stats: WindowStats, usual: "Usual | None" = None) -> tuple[RowArray, BoolArray]:
        """Compute the features of every sensor of n readings.

        Args:
            stats: window statistics of the n readings; sensors absent from them count as missing.
            usual: what each sensor is measured against, by default the baseline's centre and scale.

        Returns:
            Features, float32, shape (s, n, k), in units of the scale, NaN where they cannot be computed; and
            a mask of complete rows, shape (s, n): every window holds `MIN_VALUES` values, and the longer one
            of a difference `MIN_LONG_VALUES`.
        """
        held, column = _columns(stats.sensors.tobytes(), self.sensors.tobytes())
        if len(held) == len(self.sensors):
            return self._held(stats, held, column, usual)
        features = np.full((len(self.sensors), len(stats), len(self.terms)), np.nan, np.float32)
        whole = np.zeros(features.shape[:2], np.bool_)
        if len(held):
            features[held], whole[held] = self._held(stats, held, column, usual)
        return features, whole

    def _held(
        self, stats: WindowStats, held: IntArray, column: IntArray, usual: "Usual | None"
    ) -> tuple[RowArray, BoolArray]:
        center, scale = self.center[held, None], self.scale[held, None]
        if usual is not None:
            center, scale = usual.center[held], usual.scale[held]
            unknown = np.isnan(center)
            if anywhere(unknown):
                center = np.where(unknown, stats.table[_MEAN, _WITHOUT_CENTER, column], center)
        plan, number = _plan(self.terms), stats.number.take(column, axis=1)
        # All terms at once: for a single reading the number of calls is what costs.
        values = stats.table.reshape(-1, *stats.table.shape[2:]).take(plan.rows, axis=0).take(column, axis=1)
        for at, window in plan.minus:
            values[at] -= stats.table[_MEAN, window, column]
        if len(plan.per_value):
            values[plan.per_value] *= np.minimum(number.take(plan.changing, axis=0), plan.most)
        if len(plan.leveled):
            values[plan.leveled] -= center
        whole = np.logical_and.reduce(number.take(plan.needed, axis=0) >= plan.least)
        # An assignment, since a conversion would keep the order of the axes.
        features = np.empty((len(held), len(stats), len(self.terms)), np.float32)
        features.transpose(2, 0, 1)[:] = values / scale
        return features, whole


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """The terms of an extractor by what is done with them.

    Attributes:
        rows: shape (k,), the statistic over a window as `stat * len(WINDOWS_S) + window`.
        minus: positions of the differences, and the longer window of each.
        per_value: positions of the changes.
        changing: their windows.
        most: shape (changes, 1, 1), most values each is multiplied by.
        leveled: positions of the terms from which the center is subtracted.
        needed: shape (w,), the windows that must hold values.
        least: shape (w, 1, 1), how many.
    """

    rows: IntArray
    minus: tuple[tuple[int, int], ...]
    per_value: IntArray
    changing: IntArray
    most: IntArray
    leveled: IntArray
    needed: IntArray
    least: IntArray


@lru_cache(maxsize=256)
def _plan(terms: tuple[Term, ...]) -> _Plan:
    least = {term.window: MIN_VALUES for term in terms}
    for term in terms:
        if term.minus is not None:
            least[term.minus] = MIN_LONG_VALUES
    changes = [at for at, term in enumerate(terms) if term.per_value and term.minus is None]
    leveled = [at for at, term in enumerate(terms) if term.leveled and not term.per_value]
    return _Plan(
        np.array([term.stat * len(WINDOWS_S) + term.window for term in terms], np.int64),
        tuple((at, term.minus) for at, term in enumerate(terms) if term.minus is not None),
        np.array(changes, np.int64),
        np.array([terms[at].window for at in changes], np.int64),
        np.array([WINDOWS_S[terms[at].window] for at in changes], np.int64).reshape(-1, 1, 1),
        np.array(leveled, np.int64),
        np.array(list(least), np.int64),
        np.array(list(least.values()), np.int64).reshape(-1, 1, 1),
    )


@lru_cache(maxsize=256)
def _columns(held: bytes, wanted: bytes) -> tuple[IntArray, IntArray]:
    """Which of the wanted sensors are held, and their positions there; given as the bytes of their arrays."""
    places = {sensor: at for at, sensor in enumerate(np.frombuffer(held, np.int64).tolist())}
    sensors = np.frombuffer(wanted, np.int64).tolist()
    found = [at for at, sensor in enumerate(sensors) if sensor in places]
    return np.array(found, np.int64), np.array([places[sensors[at]] for at in found], np.int64)


def series_rows(
    ts_ms: IntArray, values: FloatArray, extractor: FeatureExtractor
) -> tuple[RowArray, BoolArray]:
    """Compute the rows of a recorded series at once: bit for bit what the stream would have computed.

    Args:
        ts_ms: shape (n,), strictly increasing, epoch ms.
        values: shape (n, 27), sensor units in the order of `SENSOR_NAMES`, NaN where missing.
        extractor: of the model.

    Returns:
        Features, shape (s, n, k), and complete rows, shape (s, n), as returned by `FeatureExtractor.rows`.
    """
    counts = quantise(values[:, extractor.sensors], extractor.sensors)
    return extractor.rows(window_stats(ts_ms, counts, extractor.sensors))


def _parse(name: str) -> Term:
    kind, *windows = name.split("_")
    try:
        at = [WINDOWS_S.index(int(window)) for window in windows]
        if kind == "diff" and len(at) == 2 and at[0] < at[1]:
            return Term(STATS.index("mean"), at[0], minus=at[1])
        if kind == _CHANGE and len(at) == 1:
            return Term(_SLOPE, at[0], per_value=True)
        if kind in ("mean", "std") and len(at) == 1:
            return Term(STATS.index(kind), at[0])
    except ValueError:
        pass
    raise FeatureNameError(
        f"feature {name!r} is unknown: expected 'mean', 'std' or 'change' with a window, such as 'std_60', "
        f"or 'diff' with a window and a longer one, such as 'diff_30_180'; windows are {WINDOWS_S} s"
    )
