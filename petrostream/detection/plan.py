"""From window statistics to the rows of a forest: which features, in which order, on which scale.

A forest looks at one sensor at a time: each sensor of a reading is a row of its own, with the same features
in units of that sensor's baseline. Training and serving both go through `FeaturePlan`, so a forest sees the
numbers that it was fitted on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.gauges.features import STATS, WINDOWS_S, WindowStats, quantise, window_stats
from petrostream.schema.sensors import SENSOR_INDEX

RowArray = npt.NDArray[np.float32]
"""Features as a forest takes them."""

COMMISSIONED = "commissioned"
FLEET = "fleet"

FEATURES = {
    COMMISSIONED: ("mean_30", "std_30", "change_30", "mean_60", "std_60", "change_60"),
    FLEET: ("std_30", "change_30", "std_60", "change_60", "diff_30_180"),
}
"""Features of a sensor by kind of model. The fleet's know no level, since it is another one in every well."""

MIN_VALUES = 10
"""Values that a window must hold. A young window counts: an event need not wait until windows are full."""

MIN_LONG_VALUES = 60
"""Values that the long window of a difference must hold: below, its mean is that of the short window."""

_SLOPE, _CHANGE = STATS.index("slope"), "change"


class FeatureNameError(ValueError):
    """A feature, sensor or kind of model that this release can't compute."""


def feature_names(kind: str = COMMISSIONED) -> tuple[str, ...]:
    """Names of the features of each sensor, in column order.

    Args:
        kind: `commissioned` or `fleet`.

    Returns:
        Names `<mean|std|change>_<window>` or `diff_<window>_<longer window>`. A change is the least-squares
        slope over the values of the window times their number, as if there were one a second.

    Raises:
        FeatureNameError: the kind is neither of the two.
    """
    if kind not in FEATURES:
        raise FeatureNameError(f"model kind {kind!r} is unknown: use {COMMISSIONED!r} or {FLEET!r}")
    return FEATURES[kind]


@dataclass(frozen=True, slots=True)
class Term:
    """How a feature is made: a statistic of one window, less that of another, times a number of values."""

    stat: int
    window: int
    minus: int | None = None
    per_value: bool = False

    @property
    def leveled(self) -> bool:
        """Whether the well's usual level is taken off."""
        return STATS[self.stat] == "mean" and self.minus is None


@dataclass(frozen=True, slots=True)
class FeaturePlan:
    """The rows of one model.

    Attributes:
        names: k feature names.
        terms: how each is made.
        sensors: shape (s,), sensor indices of the model.
        center, scale: shape (s,), the baseline, in sensor units.
    """

    names: tuple[str, ...]
    terms: tuple[Term, ...]
    sensors: IntArray
    center: FloatArray
    scale: FloatArray

    @classmethod
    def build(
        cls, names: Sequence[str], sensors: Sequence[str], center: FloatArray, scale: FloatArray
    ) -> "FeaturePlan":
        """A plan for named features.

        Args:
            names: feature names, as `feature_names` gives them; any subset, any order.
            sensors: names of the model's sensors.
            center: shape (s,), the well's usual level of each sensor, in sensor units.
            scale: shape (s,), its usual variation, positive.

        Raises:
            FeatureNameError: a name is unknown, or a sensor is not in the schema.
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

    def rows(self, stats: WindowStats) -> tuple[RowArray, BoolArray]:
        """The features of every sensor of n readings.

        Args:
            stats: window statistics; sensors that are absent there count as missing.

        Returns:
            Features, shape (s, n, k), NaN where they can't be computed; and where a sensor's row is whole:
            every window holds `MIN_VALUES` values, and the longer one of a difference `MIN_LONG_VALUES`.
        """
        position = np.full(len(SENSOR_INDEX), -1, np.int64)
        position[stats.sensors] = np.arange(len(stats.sensors))
        column = position[self.sensors]
        features = np.full((len(column), len(stats), len(self.terms)), np.nan, np.float32)
        whole = np.zeros(features.shape[:2], np.bool_)
        held = np.flatnonzero(column >= 0)
        if len(held):
            features[held], whole[held] = self._held(stats, held, column[held])
        return features, whole

    def _held(self, stats: WindowStats, held: IntArray, column: IntArray) -> tuple[FloatArray, BoolArray]:
        center, scale = self.center[held, None], self.scale[held, None]
        number = stats.number[:, column]
        features = np.empty((len(held), len(stats), len(self.terms)))
        whole = np.ones(features.shape[:2], np.bool_)
        for at, term in enumerate(self.terms):
            values = stats.table[term.stat, term.window, column]
            whole &= number[term.window] >= MIN_VALUES
            if term.minus is not None:
                values -= stats.table[term.stat, term.minus, column]
                whole &= number[term.minus] >= MIN_LONG_VALUES
            elif term.per_value:
                values *= np.minimum(number[term.window], WINDOWS_S[term.window])
            elif term.leveled:
                values -= center
            features[:, :, at] = values / scale
        return features, whole


def series_rows(ts_ms: IntArray, values: FloatArray, plan: FeaturePlan) -> tuple[RowArray, BoolArray]:
    """Rows of a whole recorded series at once: what the stream would have computed, bit for bit.

    Args:
        ts_ms: shape (n,), strictly increasing, epoch ms.
        values: shape (n, 27), sensor units in the order of `SENSOR_NAMES`, NaN where missing.
        plan: the model's features.

    Returns:
        Features, shape (s, n, k), and where they are whole, as `FeaturePlan.rows` gives them.
    """
    counts = quantise(values[:, plan.sensors], plan.sensors)
    return plan.rows(window_stats(ts_ms, counts, plan.sensors))


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
