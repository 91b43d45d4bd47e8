"""The lake's tables in DuckDB, filled from blocks as they are delivered, asked in Athena's SQL."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow

from local.athena import bridge as athena_bridge
from petrostream.lake.blocks import RowBlock
from petrostream.schema.sensors import schema
from tools.sql_render import SQL

_TYPES = {"string": "VARCHAR", "array<string>": "VARCHAR[]", "int": "INTEGER", "bigint": "BIGINT"}


def _arrow(kind: str) -> pyarrow.DataType:
    plain = {
        "DOUBLE": pyarrow.float64(),
        "INTEGER": pyarrow.int64(),
        "BIGINT": pyarrow.int64(),
        "BOOLEAN": pyarrow.bool_(),
    }
    return pyarrow.list_(pyarrow.string()) if kind.endswith("[]") else plain.get(kind, pyarrow.string())


class DuckLake:
    """Tables by name, each made by its schema."""

    def __init__(self, tables: Mapping[str, Iterable[RowBlock]]) -> None:
        self._connection = duckdb.connect()
        self._connection.execute(f"CREATE SCHEMA {athena_bridge.DATABASE}")
        for name, blocks in tables.items():
            self._fill(name, blocks)

    def _fill(self, name: str, blocks: Iterable[RowBlock]) -> None:
        fields = schema(name).fields
        found = [(orjson.loads(line), block.date) for block in blocks for line in block.data.splitlines()]
        columns = {field.name: [row.get(field.name) for row, _ in found] for field in fields}
        columns["date"] = [date for _, date in found]
        types = {field.name: _TYPES.get(field.type, field.type.upper()) for field in fields} | {
            "date": "DATE"
        }
        # Text first, as JSON carries it; DuckDB then reads times and dates as Firehose's deserialiser does.
        arrays = {name: pyarrow.array(column, _arrow(types[name])) for name, column in columns.items()}
        landed = pyarrow.table(arrays)
        casts = ", ".join(f'CAST("{column}" AS {kind}) AS "{column}"' for column, kind in types.items())
        self._connection.register("landed", landed)
        self._connection.execute(
            f"CREATE TABLE {athena_bridge.DATABASE}.{name} AS SELECT {casts} FROM landed"
        )
        self._connection.unregister("landed")

    def ask(self, sql: str, views: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Rows of a query in Athena's dialect; the views of sql/views are known."""
        found = self._connection.execute(athena_bridge.translate(sql, views or athena_bridge.load_views()))
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def named(self, name: str) -> list[dict[str, Any]]:
        """Rows of a query of sql/queries."""
        return self.ask((Path(SQL) / "queries" / f"{name}.sql").read_text(encoding="utf-8"))
