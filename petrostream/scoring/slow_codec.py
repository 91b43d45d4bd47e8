"""Encodes the slowest memory of a well as a few JSON values and bytes: a byte for each mean."""

from typing import Any

import numpy as np

from petrostream.gauges import MISSING, SLOW_BINS, SLOW_SENSORS, SlowMemory, byte_steps

_LAYOUT = 1
"""Stands for `SLOW_SENSORS` and the form of the bytes: to be raised when either changes."""

_GAUGES = len(SLOW_SENSORS)
_MISSING_STEP = 255
_FIXED = (8 + 8 + 4 + 1) * _GAUGES
"""Bytes of the sums, the numbers, the lowest means and the steps."""


def to_plain(memory: SlowMemory) -> list[Any]:
    """Return the JSON values of a memory."""
    return [memory.bin, int(memory.disturbed), len(memory.bins), _LAYOUT, memory.rises]


def to_bytes(memory: SlowMemory) -> bytes:
    """Return the bytes of a memory: bytes of the same significance side by side, which compresses well."""
    low, shift = byte_steps(memory.bins)
    steps = np.where(memory.bins == MISSING, _MISSING_STEP, (memory.bins - low) >> shift)
    changes = np.diff(steps.astype(np.uint8), axis=0, prepend=np.uint8(0)).T
    sums = np.array([memory.total, memory.number], "<i8").reshape(-1, 1).view(np.uint8).T
    lowest = low.astype("<i4").reshape(-1, 1).view(np.uint8).T
    return b"".join([sums.tobytes(), lowest.tobytes(), shift.astype(np.uint8).tobytes(), changes.tobytes()])


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
    raw = np.frombuffer(data, np.uint8)
    sums = np.ascontiguousarray(raw[: 16 * _GAUGES].reshape(8, -1).T).view("<i8").reshape(2, _GAUGES)
    low = np.ascontiguousarray(raw[16 * _GAUGES : 20 * _GAUGES].reshape(4, -1).T).view("<i4").reshape(-1)
    shift = raw[20 * _GAUGES : _FIXED].astype(np.int64)
    if (shift > 31).any():
        raise ValueError("steps of a mean that no memory has")
    steps = np.cumsum(raw[_FIXED:].reshape(_GAUGES, length), axis=1, dtype=np.uint8).T.astype(np.int64)
    bins = np.where(steps == _MISSING_STEP, MISSING, low + (steps << shift))
    return SlowMemory(
        bin=int(bin_),
        total=sums[0].astype(np.int64),
        number=sums[1].astype(np.int64),
        disturbed=bool(disturbed),
        bins=bins.astype(np.int32),
        rises=tuple((int(span), int(at), int(change)) for span, at, change in rises),
    )
