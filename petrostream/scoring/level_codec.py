"""Encodes the levels of a well's gauges as bytes and a few JSON values, for a facility's state."""

from functools import lru_cache
from typing import Any

import numpy as np

from petrostream.arrays import IntArray
from petrostream.gauges import LEVEL_FIELDS, LEVEL_SEEN, LevelMemory
from petrostream.schema import SENSOR_INDEX, SENSOR_NAMES

_SUMS = 3
_WORD = 8


def to_plain(levels: LevelMemory) -> list[Any]:
    """Return what of the levels is single values and names, as JSON values."""
    names = [SENSOR_NAMES[sensor] for sensor in levels.sensors.tolist()]
    flags = int(levels.operated) + 2 * int(levels.operating)
    return [levels.begin_ms, levels.minute, names, flags, levels.baseline, len(LEVEL_FIELDS)]


def to_bytes(levels: LevelMemory) -> bytes:
    """Return their numbers, bytes of the same significance together: nine in ten are zero."""
    rows = np.empty((_SUMS + len(LEVEL_FIELDS), len(levels.sensors)), "<i8")
    rows[0], rows[1], rows[2] = levels.total, levels.square, levels.number
    rows[_SUMS:] = levels.table.T
    rows[_SUMS + LEVEL_SEEN] -= levels.minute
    return rows.reshape(-1, 1).view(np.uint8).T.tobytes()


def size(plain: list[Any]) -> int:
    """Return the number of bytes that belong to what `to_plain` returned."""
    return _WORD * (_SUMS + int(plain[5])) * len(plain[2])


@lru_cache(maxsize=256)
def ascending(names: tuple[str, ...]) -> tuple[IntArray, IntArray | slice]:
    """Return the indices of sensors in ascending order, and what selects their columns in that order.

    Raises:
        KeyError: a sensor is unknown to this release.
    """
    sensors = np.array([SENSOR_INDEX[name] for name in names], np.int64)
    # Another release may order sensors differently.
    order = np.argsort(sensors)
    chosen = sensors[order]
    # Shared by every state with these gauges.
    chosen.setflags(write=False)
    return chosen, slice(None) if (sensors == chosen).all() else order


def from_parts(plain: list[Any], data: bytes) -> LevelMemory | None:
    """Decode what the other two returned; None if another release kept other things of a gauge.

    Raises:
        ValueError, TypeError: the values are not encoded levels.
        KeyError: a sensor is unknown to this release.
    """
    begin_ms, minute, names, flags, baseline, fields = plain
    if fields != len(LEVEL_FIELDS):
        return None
    sensors, order = ascending(tuple(names))
    planes = np.frombuffer(data, np.uint8).reshape(_WORD, -1).T
    rows = np.ascontiguousarray(planes).view("<i8").reshape(_SUMS + fields, len(names))
    rows = rows[:, order].astype(np.int64)
    total, square, number = rows[:_SUMS]
    table = rows[_SUMS:].T.copy()
    table[:, LEVEL_SEEN] += int(minute)
    operated, operating = bool(flags & 1), bool(flags & 2)
    return LevelMemory(
        sensors,
        int(begin_ms),
        int(minute),
        total,
        square,
        number,
        table,
        operated,
        operating,
        int(baseline),
    )
