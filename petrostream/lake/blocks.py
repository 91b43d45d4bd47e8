"""Encodes rows of any table as NDJSON blocks for a delivery stream, each of one UTC date and bounded size."""

from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

import numpy as np
import orjson

from petrostream.arrays import IntArray, everywhere
from petrostream.records import record
from petrostream.schema import schema
from petrostream.times import DAY_MS, MINUTE_MS

MAX_BLOCK_BYTES = 1_000_000
"""Most bytes of a block, and of blocks joined into one Firehose entry.

Below Firehose's limit of 1,000 KiB an entry; few large entries cost least.
"""

_BLANK, _LINE_FEED = ord(" "), ord("\n")

Column = list[Any] | np.ndarray[Any, Any]
"""A column of a table; NaN and None are written as null."""


@cache
def _order(table: str) -> dict[str, int]:
    return {name: position for position, name in enumerate(schema(table).names)}


@record(frozen=True, slots=True)
class RowBlock:
    """NDJSON rows of one date.

    Attributes:
        date: UTC date of every row's `ts`, `YYYY-MM-DD`.
        data: one line for each row, each ending with a line feed.
        rows: number of rows.
    """

    date: str
    data: bytes
    rows: int


def columns_to_blocks(
    table: str, columns: Mapping[str, Column], ts_ms: IntArray, max_bytes: int = MAX_BLOCK_BYTES
) -> list[RowBlock]:
    """Encode the rows of a table.

    Args:
        table: name of the table's schema.
        columns: n values of each column that has any value, n >= 1.
        ts_ms: shape (n,), the times that determine the rows' dates, epoch ms.
        max_bytes: most bytes of a block. A single longer row still makes a block of its own.

    Returns:
        Blocks by date, and within a date in the order of the rows.
    """
    names = sorted(columns, key=_order(table).__getitem__)
    day = ts_ms // DAY_MS
    first = int(day[0])
    if len(day) == 1:
        only = {name: columns[name][0] for name in names}
        line = orjson.dumps(only, option=orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)
        return [RowBlock(_date(first), line, 1)]
    data = _lines({name: columns[name] for name in names}, len(day)).encode()
    if everywhere(day == first):
        return _split(_date(first), data, max_bytes)
    lines = data.splitlines(keepends=True)
    blocks: list[RowBlock] = []
    for date in np.unique(day).tolist():
        of_date = b"".join([lines[i] for i in np.flatnonzero(day == date).tolist()])
        blocks += _split(_date(date), of_date, max_bytes)
    return blocks


def _lines(columns: Mapping[str, Column], n: int) -> str:
    """JSON lines, assembled column by column: a quarter of the time of a dictionary for each row.

    Parts that all rows share (names, constant columns) are encoded once. Texts are joined a third faster than
    bytes.
    """
    literals: list[str] = []
    tokens: list[list[str]] = []
    known: dict[int, tuple[str, list[str]]] = {}
    literal = "{"
    for name, column in columns.items():
        literal += f'"{name}":'
        if _constant(column):
            literal += orjson.dumps(column[0], option=orjson.OPT_SERIALIZE_NUMPY).decode() + ","
            continue
        # Some columns have two names.
        if id(column) not in known:
            known[id(column)] = _tokens(column)
        quote, values = known[id(column)]
        literals.append(literal + quote)
        tokens.append(values)
        literal = quote + ","
    literals.append(literal[:-1] + "}\n")
    # One list of all pieces, row by row: a row has a literal, a value, a literal and so on.
    row = [""] * (len(literals) + len(tokens))
    row[::2] = literals
    pieces = row * n
    for place, values in enumerate(tokens):
        pieces[2 * place + 1 :: len(row)] = values
    return "".join(pieces)


def _constant(column: Column) -> bool:
    if isinstance(column, np.ndarray):
        return everywhere(column == column[0])
    # Most columns that are not differ in their last row.
    return column[-1:].count(column[0]) == 1 and column.count(column[0]) == len(column)


def _tokens(column: Column) -> tuple[str, list[str]]:
    """The quote around each value, and each value as JSON without it."""
    if isinstance(column, np.ndarray):
        whole = orjson.dumps(np.ascontiguousarray(column), option=orjson.OPT_SERIALIZE_NUMPY).decode()
        return "", whole[1:-1].split(",")
    if _plain(column):
        return '"', column
    whole, kinds = orjson.dumps(column).decode(), set(map(type, column))
    if kinds == {str} and '\\"' not in whole:
        # Without a quote within a text, these three letters only separate two texts: one that ends with a
        # quote and a comma would have them, too.
        return '"', whole[2:-2].split('","')
    tokens = whole[1:-1].split(",")
    # With as many as there are values, no value has a comma of its own.
    return "", tokens if len(tokens) == len(column) else [orjson.dumps(value).decode() for value in column]


def _plain(column: list[Any]) -> bool:
    """Whether all values are texts that are written in JSON as they are."""
    try:
        letters = "".join(column)
    except TypeError:
        return False
    if not letters.isascii() or '"' in letters or "\\" in letters:
        return False
    # Only control characters below the blank are escaped.
    return not letters or int(np.frombuffer(letters.encode(), np.uint8).min()) >= _BLANK


def _split(date: str, data: bytes, max_bytes: int) -> list[RowBlock]:
    """Split lines, in order, into as few blocks as possible."""
    blocks: list[RowBlock] = []
    first = 0
    while first < len(data):
        end = data.rfind(b"\n", first, first + max_bytes) + 1 or data.index(b"\n", first) + 1
        block = data[first:end]
        # Within JSON text a line feed is escaped. NumPy counts in a quarter of the time of `bytes.count`.
        rows = np.count_nonzero(np.frombuffer(block, np.uint8) == _LINE_FEED)
        blocks.append(RowBlock(date, block, int(rows)))
        first = end
    return blocks


@lru_cache(maxsize=64)
def _date(day: int) -> str:
    return str(np.datetime64(day, "D"))


def sql_times(ts_ms: IntArray) -> list[str]:
    """Format times as `YYYY-MM-DD HH:MM:SS.mmm` in UTC, which Firehose's OpenX JSON SerDe and DuckDB read."""
    if len(ts_ms) == 1:
        return [_sql_time(int(ts_ms[0]))]
    # By the parts of a time, each from a table: a third of the time of `np.datetime_as_string`.
    text = np.empty(len(ts_ms), _SQL_TIME)
    day, rest = np.divmod(ts_ms, DAY_MS)
    text["date"] = _date(int(day[0])) + " "
    if not everywhere(day == day[0]):
        dates, at = np.unique(day, return_inverse=True)
        text["date"] = np.array([_date(date) + " " for date in dates.tolist()], "S")[at]
    minutes, rest = np.divmod(rest, MINUTE_MS)
    hour, minute = np.divmod(minutes, 60)
    text["hour"], text["minute"] = _BEFORE_COLON[hour], _BEFORE_COLON[minute]
    text["second"], text["ms"] = _BEFORE_POINT[rest // 1000], _OF_SECOND[rest % 1000]
    text["end"] = b"\n"
    return text.tobytes().decode("ascii")[:-1].split("\n")


_SQL_TIME = np.dtype(
    [("date", "S11"), ("hour", "S3"), ("minute", "S3"), ("second", "S3"), ("ms", "S3"), ("end", "S1")]
)
_BEFORE_COLON = np.array([f"{number:02d}:" for number in range(60)], "S")
_BEFORE_POINT = np.array([f"{number:02d}." for number in range(60)], "S")
_OF_SECOND = np.array([f"{number:03d}" for number in range(1000)], "S")


@lru_cache(maxsize=1024)
def _sql_time(ts_ms: int) -> str:
    # Of a single reading, its time and that of its scoring: a batch names the latter for every row.
    return str(np.datetime64(ts_ms, "ms")).replace("T", " ", 1)
