"""Encodes integer series as bytes that compress well: those of a state's gauges, most of its size.

Each series is stored as what it needs least bits for (`CENTRED`, `CHANGES`, `BENDS`): a noisy gauge as
distances from its mean, a smooth one as changes, and one that the historian has interpolated, whose stretches
are linear, as changes of changes. Signs go to the lowest bit, so that small numbers of either sign have zeros
in their high bytes, and bytes of the same significance stand side by side.

Everything is done in 32 bits, where differences may wrap around: sums of them wrap back.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

CENTRED, CHANGES, BENDS = _FORMS = range(3)

_Int32Array = npt.NDArray[np.int32]


def to_bytes(series: npt.NDArray[np.integer[Any]]) -> tuple[list[int], bytes]:
    """Encode series of one length.

    Args:
        series: shape (s, n), n >= 1, values of 32 bits.

    Returns:
        The form of each series, and the bytes of all: 4 * s * (n + 1).
    """
    # In rows: those of a history are columns.
    values = np.ascontiguousarray(series, np.int32)
    means = (np.add.reduce(values, axis=1, dtype=np.int64) // values.shape[1]).astype(np.int32)
    forms = np.empty((len(_FORMS), *values.shape), np.int32)
    np.subtract(values, means[:, None], out=forms[CENTRED])
    forms[CHANGES:, :, 0] = values[:, 0]
    np.subtract(values[:, 1:], values[:, :-1], out=forms[CHANGES, :, 1:])
    np.subtract(forms[CHANGES, :, 1:], forms[CHANGES, :, :-1], out=forms[BENDS, :, 1:])
    coded = _to_unsigned(forms)
    # The first values of a series are large in two forms, and say nothing of the others.
    sizes = coded[:, :, 2:].astype(np.float32)
    sizes += np.float32(1.0)
    bits = np.log2(sizes, out=sizes).sum(axis=2)
    chosen = bits.argmin(axis=0)
    whole = np.empty((len(values), values.shape[1] + 1), np.uint32)
    whole[:, 0] = _to_unsigned(np.where(chosen == CENTRED, means, np.int32(0)))
    whole[:, 1:] = coded[chosen, np.arange(len(values))]
    forms_of: list[int] = chosen.tolist()
    return forms_of, _planes(whole)


def size(forms: Sequence[int], length: int) -> int:
    """Return the number of bytes of series of these forms and this length."""
    return 4 * len(forms) * (length + 1)


def from_bytes(forms: Sequence[int], data: bytes, length: int) -> _Int32Array:
    """Decode what `to_bytes` returned of series of a length: shape (s, n).

    Raises:
        ValueError: a form is unknown, or the bytes do not fit.
    """
    kinds = np.array(forms, np.int64)
    if not set(forms) <= set(_FORMS):
        raise ValueError(f"series of the forms {forms}: expected {[*_FORMS]}")
    planes = np.frombuffer(data, np.uint8).reshape(4, -1)
    coded = np.ascontiguousarray(planes.T).view("<u4").reshape(len(kinds), length + 1)
    plain: _Int32Array = ((coded >> np.uint32(1)) ^ np.negative(coded & np.uint32(1))).view(np.int32)
    values = plain[:, 1:]
    for least in (BENDS, CHANGES):
        if max(forms, default=CENTRED) >= least:
            rows = kinds >= least
            values[rows] = np.add.accumulate(values[rows], axis=1, dtype=np.int32)
    values += plain[:, :1]
    return values


def _to_unsigned(values: _Int32Array) -> npt.NDArray[np.uint32]:
    return ((values << 1) ^ (values >> 31)).view(np.uint32)


def _planes(values: npt.NDArray[np.uint32]) -> bytes:
    plain = np.ascontiguousarray(values, "<u4").reshape(-1)
    return plain.view(np.uint8).reshape(-1, 4).T.tobytes()
