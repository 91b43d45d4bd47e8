"""Well readings: the columnar batch every stage works on, and the NDJSON blocks of the stream."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.schema import SENSOR_NAMES

MAX_LINE_BYTES = 256 * 1024
"""Longest line that is parsed; a longer one is rejected unparsed."""

NO_TIME: int = int(np.iinfo(np.int64).min)
"""A missing instant in `source_ts_ms`."""

_BLANK = b" \t\r"
_OVERFLOW = orjson.Fragment(b"1e999")
_UNDERFLOW = orjson.Fragment(b"-1e999")


_NO_HASH = blake2b(digest_size=16)


def event_id(well_id: str, source: str, ts_ms: int) -> str:
    """Return the identity of a reading: 32 hex digits, a pure function of the three arguments.

    A retry or a resumed replay repeats it, which is how the lake recognises duplicates. The hash is BLAKE2b
    (RFC 7693) with a 16-byte digest.
    """
    # The length prefix keeps ("ab", "c") and ("a", "bc") apart without reserving a separator character.
    key = f"{ts_ms}|{len(well_id)}|{well_id}{source}"
    return blake2b(key.encode(), digest_size=16).hexdigest()


def event_ids(well_ids: Sequence[str], sources: Sequence[str], ts_ms: Sequence[int]) -> list[str]:
    """Return `event_id` of each of n readings; what readings of one source share is put together once."""
    if len(well_ids) < 2:
        return list(map(event_id, well_ids, sources, ts_ms))
    origins = list(zip(well_ids, sources, strict=True))
    tails = {(well, source): f"|{len(well)}|{well}{source}".encode() for well, source in set(origins)}
    found = []
    # To copy a hash costs a third of making one.
    copy = _NO_HASH.copy
    for ms, tail in zip(orjson.dumps(ts_ms)[1:-1].split(b","), map(tails.__getitem__, origins), strict=True):
        state = copy()
        state.update(ms + tail)
        found.append(state.hexdigest())
    return found


@dataclass(slots=True)
class Readings:
    """n valid well readings in stream order, column by column. Treat the columns as read-only.

    Attributes:
        well_id: n well names.
        facility_id: n facility names.
        ts_ms: shape (n,), event time, epoch ms.
        source: n names of the instance or device the reading comes from.
        source_ts_ms: shape (n,), event time at the source, epoch ms; `NO_TIME` if missing.
        values: shape (n, 27), columns as `SENSOR_NAMES`, in each sensor's unit; NaN if missing.
        label: n 3W classes (ground truth), None if missing.
        state: n 3W operating states, None if missing.
        methane_ppm: shape (n,), ppm by volume; NaN if missing.
        co2_ppm: shape (n,), ppm by volume; NaN if missing.
        vibration_rms: shape (n,), root mean square of the vibration frame in m/s2; NaN if missing.
        reasons: for each reading, why values were condemned or fields noted; empty when clean.
        quality: shape (n,), data quality score from 0 to 100.
        event_id: n identities.
        sequence: n Kinesis sequence numbers of the records that carried the readings.
        feed_id: n names of the producer's runs, "" where it names none.
        arrival_ms: shape (n,), when the stream took in the records, epoch ms.
    """

    well_id: list[str]
    facility_id: list[str]
    ts_ms: IntArray
    source: list[str]
    source_ts_ms: IntArray
    values: FloatArray
    label: list[int | None]
    state: list[int | None]
    methane_ppm: FloatArray
    co2_ppm: FloatArray
    vibration_rms: FloatArray
    reasons: list[tuple[str, ...]]
    quality: FloatArray
    event_id: list[str]
    sequence: list[str]
    feed_id: list[str]
    arrival_ms: IntArray

    def __len__(self) -> int:
        return len(self.well_id)

    @staticmethod
    def empty() -> "Readings":
        """Return an empty batch."""
        none = np.empty(0)
        times = np.empty(0, dtype=np.int64)
        values = np.empty((0, len(SENSOR_NAMES)))
        columns: list[Any] = [
            [],
            [],
            times,
            [],
            times,
            values,
            [],
            [],
            none,
            none,
            none,
            [],
            none,
            [],
            [],
            [],
        ]
        columns.append(times)
        return Readings(*columns)

    def measured_ms(self, at: IntArray) -> IntArray:
        """When some readings were taken: the time at their source where they have one; epoch ms."""
        source_ts_ms = self.source_ts_ms[at]
        return np.where(source_ts_ms == NO_TIME, self.ts_ms[at], source_ts_ms)

    def take(self, indices: IntArray | BoolArray | Sequence[int]) -> "Readings":
        """Return the readings at `indices` (positions, or a mask of shape (n,)), in that order.

        Raises:
            IndexError: a position or the mask lies outside the batch.
        """
        chosen = np.asarray(indices)
        if chosen.dtype == np.bool_:
            if chosen.shape != (len(self),):
                raise IndexError(f"a mask of shape {chosen.shape} does not fit {len(self)} readings")
            chosen = np.flatnonzero(chosen)
        positions = chosen.astype(np.int64)
        order = positions.tolist()
        columns: list[Any] = [_pick(getattr(self, name), positions, order) for name in _COLUMNS]
        return Readings(*columns)

    @staticmethod
    def concat(parts: Sequence["Readings"]) -> "Readings":
        """Concatenate `parts` in order; without parts, return an empty batch."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return Readings.empty()
        columns: list[Any] = [_join([getattr(part, name) for part in parts]) for name in _COLUMNS]
        return Readings(*columns)


_Column = list[Any] | npt.NDArray[Any]
_COLUMNS = tuple(field.name for field in fields(Readings))


def _pick(column: _Column, positions: IntArray, order: list[int]) -> _Column:
    return column[positions] if isinstance(column, np.ndarray) else [column[i] for i in order]


def _join(columns: list[Any]) -> _Column:
    if isinstance(columns[0], np.ndarray):
        return np.concatenate(columns)
    return list(chain.from_iterable(columns))


def split_lines(data: bytes) -> list[bytes]:
    r"""Split an NDJSON block into its lines, verbatim, without the line feed.

    Only ``\n`` ends a line. Blank lines (spaces, tabs and carriage returns only) are left out.
    """
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()
    if lines and min(lines) >= b"{":
        # By far the most frequent case: every line begins with a letter that no blank line has.
        return lines
    return [line for line in lines if line.strip(_BLANK)]


def encode_block(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Encode readings as one NDJSON block, one line per row; `b""` for no rows.

    None and NaN mean a missing value and are left out. Infinity is written as 1e999, which is valid JSON and
    overflows again when read, so that the raw zone keeps what the gauge sent.

    Raises:
        TypeError: a row holds a value that JSON cannot represent.
    """
    return b"".join(_encode(row) for row in rows)


def _encode(row: Mapping[str, Any]) -> bytes:
    options = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY
    # Only NaN differs from itself; the comparison costs a fraction of calling isnan.
    present = {name: value for name, value in row.items() if value is not None and value == value}  # noqa: PLR0124
    line = orjson.dumps(present, option=options)
    if b"null" in line:  # orjson writes infinity as null; hardly any row has one
        line = orjson.dumps({name: _writable(value) for name, value in present.items()}, option=options)
    return line


def _writable(value: object) -> object:
    if isinstance(value, float | np.floating) and math.isinf(value):
        return _OVERFLOW if value > 0 else _UNDERFLOW
    return value
