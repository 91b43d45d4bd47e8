"""Run a translated query on DuckDB, and spell its columns and values as Athena does."""

import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import duckdb

from local.athena.errors import SqlError

_TYPES = {
    "BOOLEAN": "boolean", "TINYINT": "tinyint", "SMALLINT": "smallint", "INTEGER": "integer",
    "BIGINT": "bigint",
    "HUGEINT": "bigint", "UBIGINT": "bigint", "UINTEGER": "bigint", "FLOAT": "float", "DOUBLE": "double",
    "VARCHAR": "varchar", "BLOB": "varbinary", "DATE": "date", "TIME": "time", "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp", "TIMESTAMP_MS": "timestamp", "TIMESTAMP_NS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone", "INTERVAL": "interval day to second",
    "JSON": "json", "UUID": "uuid", '"NULL"': "unknown", "NULL": "unknown",
}  # fmt: skip
_ZONED = "TIMESTAMP WITH TIME ZONE"
# Java writes a double with an exponent outside these.
_PLAIN_FROM, _PLAIN_TO = 1e-3, 1e7
_NO_FUNCTION = re.compile(r"Function with name (\w+) does not exist", re.IGNORECASE)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Answer:
    """A query's result, or that of a statement answered without the engine.

    Attributes:
        columns: names.
        types: Athena's types, as GetQueryResults has them.
        rows: values as Athena's texts; None is NULL.
    """

    columns: list[str]
    types: list[str]
    rows: list[list[str | None]]


def connect() -> duckdb.DuckDBPyConnection:
    """A connection to a database of its own, whose clock is Athena's: UTC."""
    return _in_utc(duckdb.connect(":memory:"))


@contextmanager
def session() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection, with the same clock, to a database that all queries share, for what only reads files.

    To make a database takes longer than most queries. One that has failed in itself answers nothing any more:
    the next session has another.
    """
    connection = _in_utc(_shared().cursor())
    try:
        yield connection
    except (duckdb.FatalException, duckdb.InternalException):
        _shared.cache_clear()
        raise
    finally:
        connection.close()


@cache
def _shared() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(":memory:")


def _in_utc(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def run(connection: duckdb.DuckDBPyConnection, sql: str) -> Answer:
    """Run a query of DuckDB's dialect.

    Raises:
        SqlError: DuckDB does not have a function of it.
        duckdb.Error: DuckDB refuses or fails it.
    """
    try:
        relation = connection.sql(sql)
    except duckdb.CatalogException as error:
        missing = _NO_FUNCTION.search(str(error))
        if missing is None:
            raise
        raise SqlError(f"{missing[1].lower()}() is not a function the local twin knows.") from error
    kinds = [str(kind) for kind in relation.types]
    names = list(relation.columns)
    zoned = [kind == _ZONED for kind in kinds]
    if any(zoned):  # Python has no zone for them; they are moments in UTC
        parts = [
            f"CAST(#{place} AS TIMESTAMP)" if zone else f"#{place}" for place, zone in enumerate(zoned, 1)
        ]
        relation = relation.project(", ".join(parts))
    rows = [
        [_zoned(value) if zone else text_of(value) for value, zone in zip(row, zoned, strict=True)]
        for row in relation.fetchall()
    ]
    return Answer(names, [type_of(kind) for kind in kinds], rows)


def type_of(kind: str) -> str:
    """Athena's name of a type of DuckDB, without arguments: `decimal`, `array`."""
    if kind.endswith("]"):
        return "array"
    name = kind.partition("(")[0]
    return {"DECIMAL": "decimal", "STRUCT": "row", "MAP": "map"}.get(name, _TYPES.get(kind, "varchar"))


def _zoned(value: datetime | None) -> str | None:
    return None if value is None else f"{text_of(value)} UTC"


def text_of(value: object) -> str | None:
    """A value as Athena writes it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _double(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, bytes):
        return value.hex(" ")
    return _nested(value) if isinstance(value, list | tuple | dict) else _moment(value)


def _moment(value: object) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}"
    if isinstance(value, time):
        return value.isoformat("milliseconds")
    if isinstance(value, date):
        return value.isoformat()
    return _interval(value) if isinstance(value, timedelta) else str(value)


def _interval(value: timedelta) -> str:
    size = abs(value)
    seconds, milliseconds = divmod((size % _DAY) // timedelta(milliseconds=1), 1000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    sign = "-" if value < timedelta(0) else ""
    return f"{sign}{size.days} {hour:02d}:{minute:02d}:{second:02d}.{milliseconds:03d}"


def _double(value: float) -> str:
    """As Java writes it: `0.04`, `2.0E7`, `Infinity`."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or _PLAIN_FROM <= abs(value) < _PLAIN_TO:
        return f"{Decimal(repr(value)):f}" if "e" in repr(value) else repr(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    text = "".join(map(str, digits))
    assert isinstance(exponent, int)
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{exponent + len(text) - 1}"


def _nested(value: Any) -> str:  # noqa: ANN401  list, tuple or dictionary
    if isinstance(value, dict):
        pairs = (f"{_field(key)}={_shown(item)}" for key, item in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, tuple):
        return "{" + ", ".join(f"field{place}={_shown(item)}" for place, item in enumerate(value)) + "}"
    return "[" + ", ".join(map(_shown, value)) + "]"


def _field(key: object) -> str:
    """A field's name or a key; a field without a name is `field0`, which the parser calls `_0`."""
    text = _shown(key)
    return f"field{text[1:]}" if text.startswith("_") and text[1:].isdigit() else text


def _shown(value: object) -> str:
    text = text_of(value)
    return "null" if text is None else text


def table(columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> Answer:
    """An answer of texts."""
    return Answer(list(columns), ["string"] * len(columns), [list(row) for row in rows])
