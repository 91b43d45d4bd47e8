"""How much a healthy gauge varies at least."""

from collections.abc import Sequence

import numpy as np

from petrostream.arrays import FloatArray
from petrostream.schema import SENSORS


def scale_floors(sensors: Sequence[int]) -> FloatArray:
    """Return the smallest allowed scale of each sensor's baseline: the variation of a healthy gauge.

    Args:
        sensors: sensor indices.

    Returns:
        Shape (s,), in sensor units: 0.1 bar, 0.05 degC, 0.5 % of opening, 0.05 of a valve's travel,
        0.001 m3/s. They apply to a gauge that hardly moved in its baseline.
    """
    return np.array([_FLOORS[str(SENSORS[sensor].quantity)] for sensor in sensors])


_FLOORS = {"pressure": 1e4, "temperature": 0.05, "opening": 0.5, "valve_state": 0.05, "flow": 1e-3}
