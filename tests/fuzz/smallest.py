"""Makes a failing batch as small as it gets while it still fails the same way (delta debugging)."""

import base64
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import orjson

from tests.fuzz.inputs import Record

T = TypeVar("T")
Fails = Callable[[list[Record]], bool]


def smallest(records: Sequence[Record], fails: Fails, seconds: float = 60.0) -> list[Record]:
    """The records that are left when nothing more can be left out.

    Args:
        records: a batch that fails.
        fails: whether a batch fails in the same way.
        seconds: when to be content with what is found.
    """
    until = time.monotonic() + seconds

    def still(candidate: list[Record]) -> bool:
        return time.monotonic() < until and fails(candidate)

    left = _fewest(list(records), still)
    for place in range(len(left)):
        left = _with_less_data(left, place, still)
    return left


def _with_less_data(records: list[Record], place: int, fails: Fails) -> list[Record]:
    """The records, with as little as possible in one of them."""
    data = _data(records[place])
    if data is None:
        return records

    def holding(lines: list[bytes]) -> list[Record]:
        text = base64.b64encode(b"\n".join(lines)).decode()
        return [*records[:place], replace(records[place], text=text), *records[place + 1 :]]

    lines = _fewest(data.split(b"\n"), lambda some: fails(holding(some)))
    for number in range(len(lines)):
        before, after = lines[:number], lines[number + 1 :]
        line = _shortest(
            lines[number],
            lambda one, before=before, after=after: fails(holding([*before, one, *after])),  # type: ignore[misc]
        )
        lines = [*before, line, *after]
    return holding(lines) if fails(holding(lines)) else records


def _data(record: Record) -> bytes | None:
    try:
        return base64.b64decode(record.text, validate=True)
    except ValueError:
        return None


def _fewest(items: list[T], fails: Callable[[list[T]], bool]) -> list[T]:
    """The items without any run of them that can be left out, long runs first."""
    size = len(items) // 2
    while size:
        at = 0
        while at < len(items):
            shorter = items[:at] + items[at + size :]
            if shorter and fails(shorter):
                items = shorter
            else:
                at += size
        size //= 2
    return items


def _shortest(line: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """The line without the members it does not need; bytes that are no object lose runs instead."""
    try:
        row = orjson.loads(line)
        orjson.dumps(row)
    except (orjson.JSONDecodeError, TypeError):  # orjson reads deeper nesting than it writes
        row = None
    if not isinstance(row, dict):
        return bytes(_fewest(list(line), lambda some: fails(bytes(some)))) if len(line) < 5_000 else line
    if not fails(orjson.dumps(row)):
        return line  # fails by how it is written, not by what it says
    kept = dict(_fewest(list(row.items()), lambda some: fails(orjson.dumps(dict(some)))))
    return orjson.dumps(kept)
