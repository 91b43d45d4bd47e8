"""The decoded lines of a block as columns: clean values are typed here, unusual lines are pointed out."""

from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from math import isfinite
from operator import itemgetter
from typing import Any

import numpy as np

from petrostream.arrays import FloatArray, everywhere, filled
from petrostream.names import has_control
from petrostream.readings.decoding import JsonObject, frame_rms, frames_rms
from petrostream.readings.inspection import (
    EARLIEST_MS,
    FUTURE_LIMIT_MS,
    MAX_NAME_CHARS,
    Inspection,
    unknown_tags,
)
from petrostream.readings.instants import stream_times
from petrostream.schema import WELL, Kind
from petrostream.times import parse_ms

_NUMBERS: frozenset[type] = frozenset({float, int, type(None)})
_TEXT: frozenset[type] = frozenset({str})
_NAMES: frozenset[type] = frozenset({str, type(None)})
_INTEGERS: frozenset[type] = frozenset({int, type(None)})


class Table:
    """The n decoded lines of one kind in a block, column by column, on their way to readings.

    Attributes:
        columns: for each known field that some line has, and each required one, its n values; None where a
            line lacks it.
        tags: for each line, the reasons found so far that do not reject it.
        lost: for each line, how many of its measured values are already condemned.
    """

    def __init__(self, objects: list[JsonObject], kind: Kind = WELL) -> None:
        self._kind = kind
        self.columns, present = _columns(objects, kind.known)
        for name in ("kind", "ts", *(f.name for f in kind.names)):
            self.columns.setdefault(name, [None] * len(objects))
        self.tags: list[tuple[str, ...]] = [()] * len(objects)
        if not present <= kind.known:  # a newer writer's block: an unknown field alone needs no inspection
            self.tags = [tuple(unknown_tags(decoded, kind)) for decoded in objects]
        self.lost = [0] * len(objects)

    def __len__(self) -> int:
        return len(self.tags)

    def convert(self, now_ms: Sequence[int], partition_key: str | None) -> set[int]:
        """Convert the columns in place: instants to epoch ms, vibration frames to root mean squares.

        Args:
            now_ms: the present of each line, epoch ms.
            partition_key: facility the readings must belong to, None to accept any.

        Returns:
            Positions of the lines with any unusual value. Those values are not converted: `settle` must
            replace them.
        """
        suspects = _others(self.columns["kind"], self._kind.name)
        for field in self._kind.names:
            suspects |= _unusual_names(self.columns[field.name])
        if partition_key is not None:
            suspects |= _others(self.columns["facility_id"], partition_key)
        for name in self.columns.keys() & self._kind.numbers:
            suspects |= _of_other_types(self.columns[name], _NUMBERS)
        for field in self._kind.whole:
            suspects |= _unusual_labels(self._optional(field.name), self._kind.labels[field.name])
        for field in self._kind.optional_names:
            suspects |= _unusual_optional_names(self._optional(field.name))
        suspects |= _framed(self._optional("vibration_encoded"))
        ts, source_ts = self.columns["ts"], self._optional("source_ts")
        # A live source's time is the reading's own.
        same = len(ts) > 1 and source_ts == ts
        suspects |= _timed(ts)
        if same:
            source_ts[:] = ts
        else:
            suspects |= _timed(source_ts)
        return suspects | _unusual_times(self.columns["ts"], suspects, now_ms)

    def _optional(self, name: str) -> list[Any]:
        return self.columns.get(name, [])

    def settle(self, position: int, inspection: Inspection) -> None:
        """Replace an unusual line by the usable values of its inspection."""
        for name, column in self.columns.items():
            column[position] = inspection.clean.get(name)
        self.tags[position] = tuple(inspection.tags)
        self.lost[position] = inspection.lost

    def drop(self, positions: Iterable[int]) -> None:
        """Remove the lines at these positions."""
        gone = set(positions)
        kept = [i not in gone for i in range(len(self))]
        self.columns = {name: list(compress(column, kept)) for name, column in self.columns.items()}
        self.tags = list(compress(self.tags, kept))
        self.lost = list(compress(self.lost, kept))

    def measured(self) -> FloatArray:
        """Return the measured values: shape (n, fields), in each field's unit, NaN where missing."""
        values = filled((len(self), len(self._kind.measured)), np.nan)
        places = self._kind.places
        there = [name for name in self.columns if name in places]
        if there:
            columns = [self.columns[name] for name in there]
            values[:, [places[name] for name in there]] = np.array(columns, dtype=np.float64).T
        return values

    def column(self, name: str) -> list[Any]:
        """Return the n values of one field, None where missing."""
        return self.columns.get(name) or [None] * len(self)

    def names(self, name: str) -> list[str]:
        """Return the n values of one optional name, "" where missing."""
        found = self.columns.get(name)
        return [""] * len(self) if found is None else [value or "" for value in found]

    def floats(self, name: str) -> FloatArray:
        """Return the values of one field: shape (n,), NaN where missing."""
        found = self.columns.get(name)
        return filled(len(self), np.nan) if found is None else np.array(found, dtype=np.float64)


def _columns(objects: list[JsonObject], known: frozenset[str]) -> tuple[dict[str, list[Any]], set[str]]:
    """The values of the known fields that any line has, None where a line lacks one; and all fields."""
    names = tuple(name for name in objects[0] if name in known)
    if len(names) > 1 and set(map(len, objects)) == {len(names)}:
        try:
            # By far the most frequent case, and three times as fast: as many fields, and the same.
            rows = map(itemgetter(*names), objects)
            return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)), set(names)
        except KeyError:
            pass  # at least one line lacks a field
    present: set[str] = set().union(*objects)
    return {name: [decoded.get(name) for decoded in objects] for name in present & known}, present


def _others(column: list[Any], wanted: str) -> set[int]:
    """Positions of all values but the wanted one."""
    if column.count(wanted) == len(column):
        # One text instead of many: whoever looks at it next compares no letters.
        column[:] = [wanted] * len(column)
        return set()
    return _where_not(column, lambda value: value == wanted)


def _where_not(column: list[Any], good: Callable[[Any], bool]) -> set[int]:
    return {i for i, value in enumerate(column) if not good(value)}


def _of_other_types(column: list[Any], types: frozenset[type]) -> set[int]:
    # One set of types for the column is several times faster than a test per value.
    if types.issuperset(map(type, column)):
        return set()
    return {i for i, value in enumerate(column) if type(value) not in types}


def _unusual_names(column: list[Any]) -> set[int]:
    return set() if _all_names(column, _TEXT) else _where_not(column, _is_name)


def _unusual_optional_names(column: list[Any]) -> set[int]:
    if _all_names(column, _NAMES):
        return set()
    return _where_not(column, lambda value: value is None or _is_name(value))


def _all_names(column: list[Any], types: frozenset[type]) -> bool:
    """Whether all values are names, or None where that is among the types."""
    if len(column) == 1:
        return type(column[0]) in types and (column[0] is None or _is_name(column[0]))
    try:
        # No text equals a value of another type, so that one of each is enough.
        names = set(column)
    except TypeError:
        return False
    return types.issuperset(map(type, names)) and all(map(_is_name, names - {None}))


def _is_name(value: object) -> bool:
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_NAME_CHARS:
        return False
    return not has_control(value)


def _unusual_labels(column: list[Any], labels: frozenset[int | None]) -> set[int]:
    strange = _of_other_types(column, _INTEGERS)
    if not strange and labels.issuperset(column):
        return strange
    return _where_not(column, lambda value: type(value) in _INTEGERS and value in labels)


def _converted(column: list[Any], convert: Callable[[Any], Any]) -> set[int]:
    """Convert a column in place; return the positions that failed, which keep their values."""
    try:
        column[:] = [None if value is None else convert(value) for value in column]
    except (ValueError, TypeError):
        return {i for i, value in enumerate(column) if not _convert_at(column, i, value, convert)}
    return set()


def _timed(column: list[Any]) -> set[int]:
    """As `_converted`, for instants: all at once, since a block's are usually written alike."""
    times = stream_times(column)
    if times is None:
        return _converted(column, parse_ms)
    column[:] = times
    return set()


def _convert_at(column: list[Any], position: int, value: object, convert: Callable[[Any], Any]) -> bool:
    try:
        column[position] = None if value is None else convert(value)
    except (ValueError, TypeError):
        return False
    return True


def _framed(column: list[Any]) -> set[int]:
    """As `_converted`, for vibration frames: all at once, since a block's frames usually have one length."""
    there = [i for i, frame in enumerate(column) if frame is not None]
    if not there:
        return set()
    try:
        found = frames_rms([column[i] for i in there])
    except (ValueError, TypeError):
        return _converted(column, _finite_rms)
    if not everywhere(np.isfinite(found)):
        return _converted(column, _finite_rms)
    for i, rms in zip(there, found.tolist(), strict=True):
        column[i] = rms
    return set()


def _finite_rms(text: str) -> float:
    rms = frame_rms(text)
    if not isfinite(rms):
        raise ValueError("the frame holds a sample that is not a finite number")
    return rms


def _unusual_times(column: list[Any], unparsed: set[int], now_ms: Sequence[int]) -> set[int]:
    latest = min(now_ms) + FUTURE_LIMIT_MS
    if not unparsed and None not in column and min(column) >= EARLIEST_MS and max(column) <= latest:
        return set()
    return {
        i
        for i, (ms, now) in enumerate(zip(column, now_ms, strict=True))
        if i not in unparsed and (ms is None or not EARLIEST_MS <= ms <= now + FUTURE_LIMIT_MS)
    }
