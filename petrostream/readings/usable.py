"""Which measured values of a table are usable: within bounds, finite, and in the schema's unit."""

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray, anywhere
from petrostream.readings.inspection import value_reason
from petrostream.readings.table import Table
from petrostream.readings.wrong_units import MaskArray, likely_units, reasons_of, unusual
from petrostream.schema import SENSOR_NAMES, TANK, WELL, Kind

WELL_SENSORS: IntArray = np.array([WELL.places[name] for name in SENSOR_NAMES], np.int64)
"""Column of each of the 27 sensors among a well's measured fields."""

_LOW = {kind.name: np.array([f.low for f in kind.measured]) for kind in (WELL, TANK)}
_HIGH = {kind.name: np.array([f.high for f in kind.measured]) for kind in (WELL, TANK)}


def in_wrong_units(values: FloatArray) -> tuple[IntArray, MaskArray] | None:
    """Return the readings with values in another unit, and the likely units; None if there are none.

    Args:
        values: shape (n, 27), columns as `SENSOR_NAMES`, NaN where missing.

    Returns:
        Positions of m readings, and masks of shape (m, 27), see `petrostream.readings.wrong_units`.
    """
    odd = unusual(values)
    if not anywhere(odd):
        return None
    at = np.flatnonzero(odd)
    masks = likely_units(values[at])
    found: BoolArray = np.logical_or.reduce(masks > 0, axis=1)
    return (at[found], masks[found]) if anywhere(found) else None


def tag_units(measured: FloatArray, table: Table, wrong: tuple[IntArray, MaskArray] | None) -> FloatArray:
    """Tag readings with values in another unit; returns the measured values without these.

    Args:
        measured: shape (n, fields), in each field's unit, NaN where missing.
        table: the readings.
        wrong: what `in_wrong_units` returned of them.
    """
    if wrong is None:
        return measured
    at, masks = wrong
    for row, reasons in zip(at.tolist(), reasons_of(masks), strict=True):
        table.tags[row] = (*reasons, *table.tags[row])
    usable = measured.copy()
    place = np.ix_(at, WELL_SENSORS)
    usable[place] = np.where(masks > 0, np.nan, measured[place])
    return usable


def condemn(measured: FloatArray, table: Table, kind: Kind) -> bool:
    """Replace out-of-range and non-finite values by NaN, in place, and tag their readings.

    Args:
        measured: shape (n, fields), in each field's unit, NaN where missing.
        table: the readings.
        kind: of the readings.

    Returns:
        Whether there are any.
    """
    impossible = (measured < _LOW[kind.name]) | (measured > _HIGH[kind.name]) | np.isinf(measured)
    if not anywhere(impossible):
        return False
    found: dict[int, list[str]] = {}
    for row, place in np.argwhere(impossible).tolist():
        known = kind.measured[place]
        found.setdefault(row, []).append(f"{value_reason(known, measured[row, place])}:{known.name}")
    for row, tags in found.items():
        table.tags[row] = (*tags, *table.tags[row])
    measured[impossible] = np.nan
    return True
