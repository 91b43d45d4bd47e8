"""The statuses of a gauge as codes and names; `petrostream.gauges.health` defines them."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from petrostream.arrays import IntArray, anywhere
from petrostream.schema import SENSOR_NAMES

StatusArray = npt.NDArray[np.int8]

OK, MISSING_GAUGE, FROZEN, ZEROED, IMPLAUSIBLE = range(5)
STATUSES = ("ok", "missing", "frozen", "zeroed", "implausible")
"""Names of the statuses, by code."""


def health_names(status: StatusArray) -> list[tuple[str, ...]]:
    """Return the bad gauges of each reading, such as `("p_pdg:zeroed",)`.

    Args:
        status: shape (n, 27), codes of `STATUSES`.

    Returns:
        n tuples in sensor order, empty where every gauge is ok.
    """
    if not anywhere(status != 0):
        return [()] * len(status)
    codes = np.zeros(len(status), np.int64)
    for sensor in np.flatnonzero(status.any(axis=0)).tolist():
        codes += status[:, sensor] * _BASE[sensor]
    return list(map(_names, codes.tolist()))


# 27 gauges with 5 statuses fit a number below 2**63.
_BASE: IntArray = len(STATUSES) ** np.arange(len(SENSOR_NAMES), dtype=np.int64)


@lru_cache(maxsize=4096)
def _names(code: int) -> tuple[str, ...]:
    names = []
    for name in SENSOR_NAMES:
        code, status = divmod(code, len(STATUSES))
        if status:
            names.append(f"{name}:{STATUSES[status]}")
    return tuple(names)
