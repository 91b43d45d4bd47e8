"""The data quality score of a reading.

0 to 100, two decimals::

    score = 70 * usable / sent + 30 * core / 5

`sent` counts the measured values of the reading that are not null (sensors, gas, vibration), `usable` those
that are neither condemned nor apparently in another unit, and `core` the usable ones among the five gauges of
`CORE_SENSORS`. The first term (0 where nothing was sent) measures how trustworthy the values are, the second
how much of the well they cover. A rejected line scores 0.

All four values of a tank are core, so its second term is ``30 * usable / 4``.
"""

from functools import lru_cache

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.readings.wells import Readings
from petrostream.readings.wrong_units import sensor_of
from petrostream.schema import SENSOR_INDEX, SENSOR_NAMES, TANK, WELL, Kind

CORE_SENSORS = ("p_pdg", "p_tpt", "t_tpt", "p_mon_ckp", "t_jus_ckp")
"""The gauges that most 3W wells have and that its published benchmarks use."""

_PLACE = {f.name: i for i, f in enumerate(WELL.measured)}
_CORE = {
    WELL.name: np.array([_PLACE[name] for name in CORE_SENSORS], np.int64),
    TANK.name: np.arange(len(TANK.measured)),
}
_CORE_COLUMNS = [SENSOR_NAMES.index(name) for name in CORE_SENSORS]
_NULLED = ("out_of_range", "non_finite", "undecodable_base64")
"""Codes of reasons for which validation replaces a value by null."""


def quality(there: BoolArray, vibration: BoolArray, sent: IntArray, kind: Kind) -> FloatArray:
    """Return the data quality score of n readings: shape (n,).

    Args:
        there: shape (n, fields), which measured values are there and usable.
        vibration: shape (n,), whether the reading has a usable vibration frame.
        sent: shape (n,), number of values the reading sent.
        kind: of the readings.
    """
    usable = np.add.reduce(there, axis=1, dtype=np.int64) + vibration
    core = np.add.reduce(there.take(_CORE[kind.name], axis=1), axis=1, dtype=np.int64)
    return _score(usable, core, sent, len(_CORE[kind.name]))


def quality_without(readings: Readings, at: IntArray, unusable: BoolArray) -> FloatArray:
    """Return the score of validated well readings of which further values are not usable.

    Args:
        readings: a batch.
        at: shape (m,), positions in it.
        unusable: shape (m, 27), values to be counted as sent, but not as usable.

    Returns:
        Shape (m,).
    """
    there = ~np.isnan(readings.values[at])
    others = (readings.methane_ppm, readings.co2_ppm, readings.vibration_rms)
    more = np.sum([~np.isnan(column[at]) for column in others], axis=0)
    nulled = np.array([_nulled(readings.reasons[i]) for i in at.tolist()], np.int64)
    usable = there & ~unusable
    core = usable[:, _CORE_COLUMNS].sum(axis=1)
    return _score(usable.sum(axis=1) + more, core, there.sum(axis=1) + more + nulled, len(CORE_SENSORS))


def usable_values(readings: Readings, at: IntArray, sensors: IntArray) -> FloatArray:
    """Return values of some gauges, without those that are apparently in another unit.

    Args:
        readings: a batch.
        at: shape (m,), positions in it.
        sensors: shape (s,), sensor indices.

    Returns:
        Shape (m, s), in sensor units, NaN where missing or in another unit.
    """
    values = readings.values[at[:, None], sensors]
    if not any(readings.reasons):
        return values
    for row, position in enumerate(at.tolist()):
        if reasons := readings.reasons[position]:
            values[row, np.isin(sensors, _in_wrong_units(reasons))] = np.nan
    return values


@lru_cache(maxsize=1024)
def _in_wrong_units(reasons: tuple[str, ...]) -> list[int]:
    return [SENSOR_INDEX[name] for reason in reasons if (name := sensor_of(reason))]


def _score(usable: IntArray, core: IntArray, sent: IntArray, cores: int) -> FloatArray:
    score: FloatArray = 70 * usable / np.maximum(sent, 1) + 30 * core / cores
    return score.round(2)


@lru_cache(maxsize=1024)
def _nulled(reasons: tuple[str, ...]) -> int:
    """Number of measured values that validation nulled."""
    parts = [reason.partition(":") for reason in reasons]
    return sum(code in _NULLED and name in WELL.values for code, _, name in parts)
