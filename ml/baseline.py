"""A well's baseline: which gauges to trust, their usual level and variation, from its normal operation.

The normal period of an instance is what 3W labels 0, from the first reading that carries any value up to the
first row that is not labelled 0. Its first 60 % commission the well; the last 40 % are held out to choose the
threshold and to find wells whose normal operation is not steady. Nothing after the period is looked at.

Centre: the median of the commissioning rows of all the well's instances. Scale: the median over the instances
of the standard deviation within each, so that a well that ran at two levels is not thought to vary by their
distance; never below the floors of `petrostream.features.scale_floors`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ml.dataset import Instance
from petrostream.arrays import BoolArray, FloatArray
from petrostream.features import scale_floors
from petrostream.sensors import SENSOR_INDEX, SENSOR_NAMES, SENSORS, bounds

TRAIN_SHARE = 0.6
MIN_NORMAL_S = 900
"""Shortest normal period of a well, all its instances together: a quarter of an hour."""

MIN_SENSORS = 2
"""One gauge can't tell a bad well from a bad gauge."""

MIN_PRESENT = 0.5
"""Share of the commissioning rows that a gauge must have."""

MAX_SAME_VALUE = 0.95
"""A gauge with this share of one and the same value is frozen (historian compression stays below it)."""

SETTINGS = ("opening", "valve_state")
"""Quantities that operators set: a new setting is their doing, and not an anomaly of the well."""

_MIN_PART_ROWS = 120
"""An instance with fewer commissioning rows says little about variation."""


class NoBaselineError(ValueError):
    """A well can't be commissioned; the text says why."""


@dataclass(frozen=True, slots=True, eq=False)
class NormalPeriod:
    """The normal period of one instance.

    Attributes:
        instance: the instance.
        values: its values with impossible ones taken out, shape (n, 27).
        start, split, end: rows `start..split-1` commission the well, `split..end-1` are held out.
    """

    instance: Instance
    values: FloatArray
    start: int
    split: int
    end: int

    @property
    def training(self) -> FloatArray:
        """Values of the commissioning rows, shape (split - start, 27)."""
        return self.values[self.start : self.split]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a commissioned well is measured against.

    Attributes:
        well_id: the well.
        sensors: names of the trusted gauges, in the order of the schema.
        center, scale: usual level and variation, sensor units, shape (s,).
        excluded: why each other gauge takes no part, by name.
    """

    well_id: str
    sensors: tuple[str, ...]
    center: FloatArray
    scale: FloatArray
    excluded: dict[str, str]


def plausible(values: FloatArray) -> FloatArray:
    """Values within the schema's bounds, NaN for the rest, as validation does it; shape (n, 27)."""
    low, high = bounds()
    cleaned: FloatArray = np.where((values >= low) & (values <= high), values, np.nan)
    return cleaned


def normal_period(instance: Instance, train_share: float = TRAIN_SHARE) -> NormalPeriod:
    """The normal period of an instance, empty if it has none."""
    values = plausible(instance.values)
    alive: BoolArray = np.isfinite(values).any(axis=1) & (instance.label == 0)
    start = int(np.argmax(alive)) if alive.any() else 0
    other = np.flatnonzero(instance.label[start:] != 0)
    end = start + (int(other[0]) if len(other) else len(instance) - start)
    return NormalPeriod(instance, values, start, start + int(train_share * (end - start)), end)


def make_baseline(well_id: str, periods: Sequence[NormalPeriod]) -> Baseline:
    """The baseline of a well from the normal periods of its instances.

    Raises:
        NoBaselineError: the periods are too short together, or too few gauges are there and moving.
    """
    seconds = sum(period.end - period.start for period in periods)
    if seconds == 0:
        raise NoBaselineError("no normal operation is labelled")
    if seconds < MIN_NORMAL_S:
        raise NoBaselineError(f"its normal period is {seconds} s; at least {MIN_NORMAL_S} s are needed")
    rows = np.concatenate([period.training for period in periods])
    excluded = {
        sensor.name: why
        for at, sensor in enumerate(SENSORS)
        if (why := _distrust(rows[:, at], sensor.quantity))
    }
    sensors = tuple(name for name in SENSOR_NAMES if name not in excluded)
    if len(sensors) < MIN_SENSORS:
        some = ", ".join(sensors) or "none"
        raise NoBaselineError(f"only {len(sensors)} of its gauges are there and moving ({some})")
    columns = [SENSOR_INDEX[name] for name in sensors]
    spreads = [_spread(part.training[:, columns]) for part in periods if len(part.training) >= _MIN_PART_ROWS]
    usual = np.nan_to_num(_median(np.array(spreads)) if spreads else _spread(rows[:, columns]))
    return Baseline(
        well_id=well_id,
        sensors=sensors,
        center=_median(rows[:, columns]),
        scale=np.maximum(usual, scale_floors(columns)),
        excluded=excluded,
    )


def _distrust(column: FloatArray, quantity: str | None) -> str | None:
    """Why a gauge takes no part, or None."""
    present = column[np.isfinite(column)]
    if len(present) == 0:
        return "missing"
    if quantity in SETTINGS:
        return "a setting, not a measurement"
    if len(present) < MIN_PRESENT * len(column):
        return f"present in {len(present) / len(column):.0%} of the readings"
    counts = np.unique(present, return_counts=True)[1]
    return "frozen" if counts.max() >= MAX_SAME_VALUE * len(present) else None


def _median(rows: FloatArray) -> FloatArray:
    """Median of each column that has a value, NaN for the others."""
    return _columns(np.nanmedian, rows)


def _spread(rows: FloatArray) -> FloatArray:
    return _columns(np.nanstd, rows)


def _columns(statistic: Callable[..., FloatArray], rows: FloatArray) -> FloatArray:
    out = np.full(rows.shape[1], np.nan)
    filled = np.isfinite(rows).any(axis=0)
    if filled.any():
        out[filled] = statistic(rows[:, filled], axis=0)
    return out
