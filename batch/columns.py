"""Tables of the lake as Arrow and Parquet: types by schema, and rows of any writer cast to them."""

from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from petrostream.errors import PetroStreamError
from petrostream.schema import schema

_TYPES = {
    "string": pa.string(),
    "double": pa.float64(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "array<string>": pa.list_(pa.string()),
}

COMPRESSION = "zstd"
"""Codec of gold's files: a third smaller than Snappy on readings, and read by Athena, DuckDB and Spark."""


class SourceUnreadable(PetroStreamError):  # noqa: N818 - says what happened
    """A file of a zone can't be read as its table; the text names it."""

    def __init__(self, where: str, problem: object) -> None:
        super().__init__(f"{where}: not readable as its table: {problem}; the day stays as it was")


@cache
def arrow_schema(table: str) -> pa.Schema:
    """Columns of a table, without its partition keys, as its files have them."""
    return pa.schema([pa.field(field.name, _TYPES[field.type]) for field in schema(table).fields])


def conform(rows: pa.Table, table: str, where: str) -> pa.Table:
    """Rows with exactly the columns and types of a table; a column that they lack is null.

    Firehose writes times as INT96, which read as nanoseconds; ours are microseconds.

    Args:
        rows: as read from a file, of any release.
        table: name of the table.
        where: the file, for the error.

    Raises:
        SourceUnreadable: a column has values of another type.
    """
    target = arrow_schema(table)
    columns = []
    for field in target:
        if field.name not in rows.column_names:
            columns.append(pa.nulls(rows.num_rows, field.type))
            continue
        found = rows.column(field.name)
        try:
            columns.append(found if found.type == field.type else found.cast(field.type, safe=False))
        except pa.ArrowException as error:
            raise SourceUnreadable(where, f"column {field.name} is {found.type}: {error}") from error
    return pa.table(columns, schema=target)


def read_rows(path: Path, table: str, where: str) -> pa.Table:
    """All rows of a Parquet file, as `conform` makes them.

    Raises:
        SourceUnreadable: the file is damaged, or a column has values of another type.
    """
    try:
        with pq.ParquetFile(path) as file:
            wanted = set(arrow_schema(table).names)
            present = [name for name in file.schema_arrow.names if name in wanted]
            rows = file.read(columns=present)
    except (pa.ArrowException, OSError) as error:
        raise SourceUnreadable(where, error) from error
    return conform(rows, table, where)
