"""A well's baseline: which gauges to trust, their usual level and variation, from one period of operation.

The normal period of an instance is what 3W labels 0, from the first reading that carries any value up to the
first row that is not labelled 0. Its first 60 % make a baseline; the last 40 % are held out to see how the
well compares with it. Nothing after the period is used. Baselines of different dates are not mixed: the
levels of a well move by bars from one month to the next.
"""

from dataclasses import dataclass

import numpy as np

from ml.data.dataset import Instance
from ml.data.units import unit_problems
from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.gauges import quantise, scale_floors
from petrostream.readings import likely_units, unusual
from petrostream.schema import SENSOR_INDEX, SENSORS, bounds

TRAIN_SHARE = 0.6
MIN_NORMAL_S = 600
"""Shortest period that makes a baseline: ten minutes."""

MEASUREMENTS = ("pressure", "temperature")
"""Quantities that take part. Openings and valve states are set by operators; flows follow from them."""

MISSING = "missing"
NOT_MEASURED = "neither a pressure nor a temperature"
UNREMARKABLE = (MISSING, NOT_MEASURED)
"""Expected reasons for leaving out a gauge, not worth reporting."""

MIN_VALUES = 60
MIN_PRESENT = 0.1
"""Readings of the period that must carry a gauge, as a number and as a share."""

STEADY_VALUES = 1800
MAX_WIDENING = 2.0
"""Half an hour shows how far a well drifts. The variation seen in a shorter period is multiplied by
`sqrt(STEADY_VALUES / values)`, by two at most."""


class NoBaselineError(ValueError):
    """A period can't commission a well; the message says why."""


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


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """What a commissioned well is measured against.

    Attributes:
        well_id: the well.
        source: where the readings are from.
        from_ms, to_ms: first and last reading of the period, epoch ms.
        sensors: s names of the gauges that take part, in the order of the schema.
        center, scale: usual level and variation, sensor units, shape (s,).
        excluded: why each other gauge takes no part, by name.
    """

    well_id: str
    source: str
    from_ms: int
    to_ms: int
    sensors: tuple[str, ...]
    center: FloatArray
    scale: FloatArray
    excluded: dict[str, str]

    @property
    def seconds(self) -> float:
        """Length of the period."""
        return (self.to_ms - self.from_ms) / 1000.0 + 1.0


def plausible(values: FloatArray) -> FloatArray:
    """Values within the schema's bounds and in its units, as scoring uses them, NaN for the rest: (n, 27)."""
    low, high = bounds()
    cleaned: FloatArray = np.where((values >= low) & (values <= high), values, np.nan)
    at = np.flatnonzero(unusual(values))
    if len(at):
        cleaned[at] = np.where(likely_units(values[at]) > 0, np.nan, cleaned[at])
    return cleaned


def normal_period(instance: Instance, train_share: float = TRAIN_SHARE) -> NormalPeriod:
    """The normal period of an instance, empty if it has none."""
    values = plausible(instance.values)
    alive: BoolArray = np.isfinite(values).any(axis=1) & (instance.label == 0)
    start = int(np.argmax(alive)) if alive.any() else 0
    other = np.flatnonzero(instance.label[start:] != 0)
    end = start + (int(other[0]) if len(other) else len(instance) - start)
    return NormalPeriod(instance, values, start, start + int(train_share * (end - start)), end)


def instance_baseline(period: NormalPeriod, min_normal_s: float = MIN_NORMAL_S) -> Baseline:
    """The baseline from the first part of an instance's normal period.

    Raises:
        NoBaselineError: the period is too short, a gauge is apparently in another unit, or no gauge can take
            part.
    """
    if period.end == period.start:
        raise NoBaselineError("no normal operation is labelled")
    rows = slice(period.start, period.split)
    one = period.instance
    if wrong := unit_problems(one.well_id, one.source, one.values[rows]):
        raise NoBaselineError("; ".join(wrong))
    return make_baseline(
        one.well_id, one.source, one.ts_ms[rows], period.values[rows], min_normal_s=min_normal_s
    )


def make_baseline(
    well_id: str, source: str, ts_ms: IntArray, values: FloatArray, *, min_normal_s: float = MIN_NORMAL_S
) -> Baseline:
    """The baseline from a period of normal operation.

    The centre of a gauge is its mean; the scale its standard deviation, at least the floor of
    `petrostream.gauges.features.scale_floors`, widened where the period is short.

    Args:
        well_id: the well.
        source: where the readings are from.
        ts_ms: shape (n,), strictly increasing, epoch ms.
        values: shape (n, 27), possible values only, NaN where missing.
        min_normal_s: shortest period, seconds.

    Raises:
        NoBaselineError: the period is too short, or no gauge can take part.
    """
    seconds = (int(ts_ms[-1]) - int(ts_ms[0])) / 1000.0 + 1.0 if len(ts_ms) else 0.0
    if seconds < min_normal_s:
        raise NoBaselineError(f"{seconds:.0f} s of normal operation, at least {min_normal_s:g} s are needed")
    known = _without_dead(values)
    excluded = {
        str(sensor.name): why
        for at, sensor in enumerate(SENSORS)
        if (why := _distrust(known[:, at], sensor.quantity))
    }
    sensors = tuple(sensor.name for sensor in SENSORS if sensor.name not in excluded)
    if not sensors:
        raise NoBaselineError("none of its pressure and temperature gauges has changing values")
    columns = [SENSOR_INDEX[name] for name in sensors]
    rows = known[:, columns]
    short = STEADY_VALUES / np.isfinite(rows).sum(axis=0)
    widening = np.clip(np.sqrt(short), 1.0, MAX_WIDENING)
    return Baseline(
        well_id=well_id,
        source=source,
        from_ms=int(ts_ms[0]),
        to_ms=int(ts_ms[-1]),
        sensors=sensors,
        center=np.nanmean(rows, axis=0),
        scale=widening * np.maximum(np.nanstd(rows, axis=0), scale_floors(columns)),
        excluded=excluded,
    )


def _without_dead(values: FloatArray) -> FloatArray:
    """Values as scoring counts them: a pressure or temperature of exactly zero is a dead gauge."""
    every = np.arange(values.shape[1])
    missing = quantise(values, every) == quantise(np.full((1, len(every)), np.nan), every)
    known: FloatArray = np.where(missing, np.nan, values)
    return known


def _distrust(column: FloatArray, quantity: str | None) -> str | None:
    """Why a gauge takes no part, or None."""
    present = column[np.isfinite(column)]
    if len(present) == 0:
        return MISSING
    if quantity not in MEASUREMENTS:
        return NOT_MEASURED
    if len(present) < max(MIN_VALUES, MIN_PRESENT * len(column)):
        return f"present in {len(present) / len(column):.0%} of the readings"
    return "frozen" if np.ptp(present) == 0 else None
