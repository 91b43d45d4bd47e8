"""From window statistics to the columns of a model: which features, in which order, on which scale.

Training and serving both go through `FeaturePlan`, so a forest sees the numbers that it was fitted on.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.features import STATS, WINDOWS_S, WindowStats, quantise, window_stats
from petrostream.sensors import SENSOR_INDEX

COMMISSIONED = "commissioned"
FLEET = "fleet"
_DIFFERENCES = ((30, 180), (60, 180))


class FeatureNameError(ValueError):
    """A feature or sensor name that this release can't compute."""


def feature_names(sensors: Sequence[str], kind: str = COMMISSIONED) -> tuple[str, ...]:
    """Names of a model's features, in column order.

    Args:
        sensors: sensor names.
        kind: `commissioned`: mean, std and slope of each window. `fleet`: features without the well's
            level, which are std, slope, and the mean of 30 and 60 s less the mean of 180 s.

    Returns:
        Names such as `p_pdg:mean_30`, `p_pdg:slope_180`, `p_pdg:diff_30_180`.

    Raises:
        FeatureNameError: the kind is neither of the two.
    """
    if kind not in (COMMISSIONED, FLEET):
        raise FeatureNameError(f"model kind {kind!r} is unknown: use {COMMISSIONED!r} or {FLEET!r}")
    stats = STATS if kind == COMMISSIONED else STATS[1:]
    names = [f"{stat}_{window}" for stat in stats for window in WINDOWS_S]
    if kind == FLEET:
        names += [f"diff_{short}_{long}" for short, long in _DIFFERENCES]
    return tuple(f"{sensor}:{name}" for sensor in sensors for name in names)


@dataclass(frozen=True, slots=True)
class FeaturePlan:
    """Columns of a feature matrix.

    Attributes:
        names: shape (k,), feature names.
        sensors: shape (s,), sensor indices of the model.
        owner: shape (k,), position in `sensors` of the sensor that each feature belongs to.
        plus, minus: shape (k,), rows of the statistics table (minus: -1 where nothing is subtracted).
        offset, scale: shape (k,): feature = (statistic - offset) / scale.
    """

    names: tuple[str, ...]
    sensors: IntArray
    owner: IntArray
    plus: IntArray
    minus: IntArray
    offset: FloatArray
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
            FeatureNameError: a name is unknown, or belongs to a sensor that is not in `sensors`.
        """
        unknown = [sensor for sensor in sensors if sensor not in SENSOR_INDEX]
        if unknown:
            raise FeatureNameError(f"sensors {unknown} are not in the schema: {', '.join(SENSOR_INDEX)}")
        parsed = [_parse(name, sensors) for name in names]
        owner, plus, minus, leveled = (np.array(column, np.int64) for column in zip(*parsed, strict=True))
        return cls(
            names=tuple(names),
            sensors=np.array([SENSOR_INDEX[sensor] for sensor in sensors], np.int64),
            owner=owner,
            plus=plus,
            minus=minus,
            offset=np.where(leveled == 1, center[owner], 0.0),
            scale=scale[owner],
        )

    def matrix(self, stats: WindowStats) -> FloatArray:
        """The feature matrix of n readings.

        Args:
            stats: window statistics; sensors that are absent there count as missing.

        Returns:
            Shape (n, k), NaN where a window is not warm or the sensor is missing.
        """
        table = stats.table.reshape(-1, *stats.table.shape[2:])
        position = np.full(len(SENSOR_INDEX), -1, np.int64)
        position[stats.sensors] = np.arange(len(stats.sensors))
        column = position[self.sensors][self.owner]
        if table.shape[1] == 0:
            return np.full((table.shape[2], len(self.names)), np.nan)
        features = table[self.plus, column]
        subtract = self.minus >= 0
        if subtract.any():
            features[subtract] -= table[self.minus[subtract], column[subtract]]
        features -= self.offset[:, None]
        features /= self.scale[:, None]
        features[column < 0] = np.nan
        return features.T

    def sensor_complete(self, features: FloatArray) -> BoolArray:
        """Which sensors have all their features: shape (n, s), from a matrix of shape (n, k)."""
        complete = np.ones((len(features), len(self.sensors)), np.bool_)
        missing = np.isnan(features)
        if missing.any():
            rows, columns = np.nonzero(missing)
            complete[rows, self.owner[columns]] = False
        return complete


def series_features(ts_ms: IntArray, values: FloatArray, plan: FeaturePlan) -> FloatArray:
    """Features of a whole recorded series at once: what the stream would have computed, bit for bit.

    Args:
        ts_ms: shape (n,), strictly increasing, epoch ms.
        values: shape (n, 27), sensor units in the order of `SENSOR_NAMES`, NaN where missing.
        plan: the model's features.

    Returns:
        Shape (n, k), NaN where a window is not warm or the sensor is missing.
    """
    counts = quantise(values[:, plan.sensors], plan.sensors)
    return plan.matrix(window_stats(ts_ms, counts, plan.sensors))


def _parse(name: str, sensors: Sequence[str]) -> tuple[int, int, int, int]:
    """Position of the sensor, table rows to add and to subtract, and 1 if the feature has a level."""
    sensor, _, feature = name.partition(":")
    kind, *windows = feature.split("_")
    try:
        owner = sensors.index(sensor)
        rows = [WINDOWS_S.index(int(window)) for window in windows]
        if kind == "diff" and len(rows) == 2:
            return owner, rows[0], rows[1], 0
        if len(rows) == 1:
            return owner, STATS.index(kind) * len(WINDOWS_S) + rows[0], -1, int(kind == "mean")
    except ValueError:
        pass
    raise FeatureNameError(
        f"feature {name!r} is unknown: expected '<sensor>:<mean|std|slope>_<window>' or "
        f"'<sensor>:diff_<window>_<window>' with a sensor of {list(sensors)} and a window of {WINDOWS_S} s"
    )
