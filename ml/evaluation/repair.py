"""Gauges of recorded instances in another unit, converted as the fleet file would have the producer do it."""

from dataclasses import replace

import numpy as np

from ml.data.dataset import Instance
from petrostream.arrays import FloatArray
from petrostream.readings import likely_units, unit_names
from petrostream.schema import SENSORS
from petrostream.units import UNITS

MOST = 0.5
"""Share of a gauge's known values that must speak for one unit."""


def repaired(instance: Instance) -> tuple[Instance, dict[str, str]]:
    """An instance in the schema's units, and the unit that each converted gauge was in.

    A gauge is converted whole, if most of its values are recognised as being in one unit; one that could be
    in several stays as it is.

    Args:
        instance: the instance; a copy is returned if anything is converted.
    """
    masks = likely_units(instance.values)
    values: FloatArray | None = None
    units: dict[str, str] = {}
    for at in np.flatnonzero(masks.any(axis=0)).tolist():
        known = np.isfinite(instance.values[:, at])
        found, counts = np.unique(masks[known, at], return_counts=True)
        name = unit_names(int(found[counts.argmax()]))
        unit = UNITS[str(SENSORS[at].quantity)].get(name)
        if unit is None or counts.max() <= MOST * known.sum():
            continue
        values = instance.values.copy() if values is None else values
        values[:, at] = unit.to_si(values[:, at])
        units[SENSORS[at].name] = name
    return (instance if values is None else replace(instance, values=values)), units
