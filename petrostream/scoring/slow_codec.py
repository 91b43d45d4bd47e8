"""Encodes the slowest memory of a well as a few JSON values and bytes: a byte for each mean."""

from functools import lru_cache
from typing import Any

import numpy as np

from petrostream.gauges import MISSING, SLOW_BINS, SLOW_SENSORS, CountArray, SlowMemory, byte_steps

_LAYOUT = 1
"""Stands for `SLOW_SENSORS` and the form of the bytes: to be raised when either changes."""

_GAUGES = len(SLOW_SENSORS)
_MISSING_STEP = 255
_SUMS = (8 + 8) * _GAUGES
"""Bytes of the sums and the numbers."""

_FIXED = _SUMS + (4 + 1) * _GAUGES
"""Those, and the bytes of the lowest means and the steps."""


def to_plain(memory: SlowMemory) -> list[Any]:
    """Return the JSON values of a memory."""
    return [memory.bin, int(memory.disturbed), len(memory.bins), _LAYOUT, memory.rises]


def to_bytes(memory: SlowMemory) -> bytes:
    """Return the bytes of a memory: bytes of the same significance side by side, which compresses well."""
    sums = np.empty((2, _GAUGES), "<i8")
    sums[0], sums[1] = memory.total, memory.number
    return sums.reshape(-1, 1).view(np.uint8).T.tobytes() + _bytes_of_means(memory.bins.tobytes())


# Means change every 20 minutes, and a state is read and written with every batch.


@lru_cache(maxsize=512)
def _bytes_of_means(content: bytes) -> bytes:
    bins = np.frombuffer(content, np.int32).reshape(-1, _GAUGES)
    low, shift = byte_steps(bins)
    steps = np.where(bins == MISSING, _MISSING_STEP, (bins - low) >> shift)
    changes = np.diff(steps.astype(np.uint8), axis=0, prepend=np.uint8(0)).T
    lowest = low.astype("<i4").reshape(-1, 1).view(np.uint8).T
    return lowest.tobytes() + shift.astype(np.uint8).tobytes() + changes.tobytes()


@lru_cache(maxsize=512)
def _means(data: bytes) -> CountArray:
    raw = np.frombuffer(data, np.uint8)
    low = np.ascontiguousarray(raw[: 4 * _GAUGES].reshape(4, -1).T).view("<i4").reshape(-1)
    shift = raw[4 * _GAUGES : 5 * _GAUGES].astype(np.int64)
    if (shift > 31).any():
        raise ValueError("steps of a mean that no memory has")
    changes = raw[5 * _GAUGES :].reshape(_GAUGES, -1)
    steps = np.cumsum(changes, axis=1, dtype=np.uint8).T.astype(np.int64)
    bins = np.where(steps == _MISSING_STEP, MISSING, low + (steps << shift)).astype(np.int32)
    # Shared by every state with these means.
    bins.setflags(write=False)
    return bins


def size(plain: list[Any]) -> int:
    """Return the number of bytes that belong to the JSON values of a memory."""
    return _FIXED + _GAUGES * int(plain[2])


def from_parts(plain: list[Any], data: bytes) -> SlowMemory:
    """Decode what `to_plain` and `to_bytes` returned.

    Raises:
        ValueError, TypeError: the values are not an encoded memory.
    """
    bin_, disturbed, length, layout, rises = plain
    if layout != _LAYOUT or not 0 <= length <= SLOW_BINS or len(data) != size(plain):
        raise ValueError(f"{length} means in layout {layout} do not fit the memory's {len(data)} bytes")
    planes = np.frombuffer(data, np.uint8, _SUMS).reshape(8, -1)
    sums = np.ascontiguousarray(planes.T).view("<i8").reshape(2, _GAUGES)
    return SlowMemory(
        bin=int(bin_),
        total=sums[0].astype(np.int64),
        number=sums[1].astype(np.int64),
        disturbed=bool(disturbed),
        bins=_means(data[_SUMS:]) if length else np.empty((0, _GAUGES), np.int32),
        rises=tuple((int(span), int(at), int(change)) for span, at, change in rises),
    )
