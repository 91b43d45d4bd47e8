"""Units of a commissioned well's readings, judged against its baseline.

Validation knows no baseline, so it goes by ranges alone. Where a well has one, its verdict replaces that of
validation: it decides between units that range leaves open, and recognises gauges whose range does not
suffice (`petrostream.readings.wrong_units`). Where it decides the unit, the reason has no question mark, and
detector and rules use the value converted (`petrostream.scoring.memory.observe`).
"""

from dataclasses import replace
from functools import lru_cache

import numpy as np

from petrostream.arrays import FloatArray, IntArray, anywhere
from petrostream.detection import COMMISSIONED, WellModel
from petrostream.readings import (
    DECIDED,
    Readings,
    decided_units,
    likely_units,
    quality_without,
    reasons_of,
    sensor_of,
    unusual,
    without_units,
)
from petrostream.schema import SENSOR_INDEX, SENSOR_NAMES
from petrostream.scoring.columns import Columns


def settle_units(readings: Readings, columns: Columns) -> Readings:
    """Return the batch with the reasons about units, and the quality, replaced for commissioned wells.

    Args:
        readings: a batch; not modified, and returned itself where its units are as validation found them.
        columns: with the model of each reading.
    """
    centers = [_center_of(model) for model in columns.models]
    if all(center is _NO_CENTER for center in centers):
        return readings
    # Readings without a model have the number -1: the last row.
    found = unusual(readings.values, np.array([*centers, _NO_CENTER]), columns.model)
    if not anywhere(found):
        return readings
    for number in sorted(set(columns.model[found].tolist()) - {-1}):
        if centers[number] is not _NO_CENTER:
            at = np.flatnonzero(found & (columns.model == number))
            readings = _settled(readings, at, centers[number])
    return readings


_NO_CENTER: FloatArray = np.full(len(SENSOR_NAMES), np.nan)


def _center_of(model: WellModel) -> FloatArray:
    """The level that a model of the well's own expects of each sensor; `_NO_CENTER` of another model."""
    if model.kind != COMMISSIONED:
        return _NO_CENTER
    return _center(model.extractor.sensors.tobytes(), model.center.tobytes())


# By content: a cache of models would keep the forests of replaced ones alive.


@lru_cache(maxsize=256)
def _center(sensors: bytes, center: bytes) -> FloatArray:
    """The baseline's level of each of the 27 sensors, NaN where it has none."""
    centers = np.full(len(SENSOR_NAMES), np.nan)
    centers[np.frombuffer(sensors, np.int64)] = np.frombuffer(center)
    return centers


def _settled(readings: Readings, at: IntArray, center: FloatArray) -> Readings:
    """The batch with the readings at `at` judged again, which may have values in another unit."""
    values = readings.values[at]
    readings = replace(readings, reasons=list(readings.reasons), quality=readings.quality.copy())
    masks = likely_units(values, center)
    fresh = quality_without(readings, at, masks > 0)
    missing = np.isnan(values)
    masks = masks + DECIDED * decided_units(values, masks, center)
    for row, reasons in enumerate(reasons_of(masks)):
        before = readings.reasons[at[row]]
        nulled = tuple(
            reason
            for reason in before
            if (sensor := sensor_of(reason)) and missing[row, SENSOR_INDEX[sensor]]
        )
        readings.reasons[at[row]] = (*reasons, *nulled, *without_units(before))
    readings.quality[at] = fresh
    return readings
