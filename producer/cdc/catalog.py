"""What PostgreSQL's catalog says about the table: columns and their types, the index, rows out of reach."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from petrostream.schema import WELL
from producer.cdc.errors import ColumnMissing, ColumnUnsuitable, SourceInvalid
from producer.cdc.mapping import Mapping

_TABLES = "rpm"
"""Kinds of relation whose rows have an `xmin`: tables, partitioned tables, materialized views."""

_NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision")
_TEXTS = ("text", "character varying", "character")
_TIMES = ("timestamp with time zone", "timestamp without time zone")
_MEASURED = frozenset(known.name for known in (*WELL.measured, *WELL.whole))

_FIND = """
SELECT c.oid, n.nspname, c.relname, c.relkind::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass(%s)
"""
_COLUMNS = """
SELECT attname::text, format_type(atttypid, NULL), attnotnull
FROM pg_attribute WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped
"""
_INDEX = """
SELECT EXISTS (
  SELECT 1 FROM pg_index i
  WHERE i.indrelid = %s AND i.indisvalid AND i.indpred IS NULL
    AND pg_get_indexdef(i.indexrelid, 1, true) = quote_ident(%s)
    AND (i.indnkeyatts = 1 OR pg_get_indexdef(i.indexrelid, 2, true) = quote_ident(%s)))
"""


@dataclass(frozen=True, slots=True)
class Relation:
    """A table as the catalog has it.

    Attributes:
        name: schema and table, quoted.
        types: type of each column.
        aware: whether the column of update times has a time zone.
        id_type: type of the id.
        indexed: whether an index has the order of the rows.
        unreached: whether rows have no time of update, or one outside the calendar: they are never read.
    """

    name: sql.Composed
    types: dict[str, str]
    aware: bool
    id_type: str
    indexed: bool
    unreached: bool


def relation_of(connection: psycopg.Connection[Any], mapping: Mapping) -> Relation:
    """Look a table up.

    Raises:
        SourceInvalid: there is none, it is a view, or the columns that order its rows can't.
    """
    found = connection.execute(_FIND, [mapping.table]).fetchone()
    if found is None:
        raise SourceInvalid(
            f"there is no table {mapping.table} in database {connection.info.dbname}, or this user does not "
            "see it; "
            f"write schema.table into {mapping.path}, and GRANT USAGE on the schema and SELECT on the table "
            "to "
            f"{connection.info.user}"
        )
    oid, schema, table, kind = found
    if kind not in _TABLES:
        raise SourceInvalid(
            f"{mapping.table} is a view, or a table of another server: its rows name no transaction. Read "
            "the table "
            'under it, or set kind = "sqlalchemy" in the map, which looks back instead'
        )
    rows = connection.execute(_COLUMNS, [oid]).fetchall()
    types = {name: str(kind) for name, kind, _ in rows}
    for name in (mapping.updated_at, mapping.id):
        if name not in types:
            raise ColumnMissing(mapping.table, "the order of rows", name, list(types))
    if types[mapping.updated_at] not in _TIMES:
        raise ColumnUnsuitable(
            mapping.table,
            "updated_at",
            mapping.updated_at,
            types[mapping.updated_at],
            "timestamptz or timestamp",
        )
    (indexed,) = connection.execute(_INDEX, [oid, mapping.updated_at, mapping.id]).fetchone() or (False,)
    quoted = sql.SQL("{}.{}").format(sql.Identifier(schema), sql.Identifier(table))
    return Relation(
        name=quoted,
        types=types,
        aware=types[mapping.updated_at] == _TIMES[0],
        # `character` alone would cast to a single letter.
        id_type="bpchar" if types[mapping.id] == "character" else types[mapping.id],
        indexed=indexed,
        # Without an index the question alone would read the whole table.
        unreached=indexed and _unreached(connection, mapping, quoted),
    )


def _unreached(connection: psycopg.Connection[Any], mapping: Mapping, name: sql.Composed) -> bool:
    query = sql.SQL(
        "SELECT EXISTS (SELECT 1 FROM {name} WHERE {at} IS NULL) OR "
        "EXISTS (SELECT 1 FROM {name} WHERE {at} >= '9999-12-30') OR "
        "EXISTS (SELECT 1 FROM {name} WHERE {at} <= '0001-01-02')"
    ).format(name=name, at=sql.Identifier(mapping.updated_at))
    found = connection.execute(query).fetchone()
    return bool(found and found[0])


def checked(relation: Relation, mapping: Mapping) -> None:
    """Compare the map with the table.

    Raises:
        ColumnMissing: a column is not there.
        ColumnUnsuitable: a column has a type that can't become its field.
    """
    for name, column in mapping.columns.items():
        found = relation.types.get(column)
        if found is None:
            raise ColumnMissing(mapping.table, name, column, list(relation.types))
        expected = _expected(name, mapping)
        if expected and found not in expected:
            raise ColumnUnsuitable(mapping.table, name, column, found, ", ".join(expected))


def _expected(name: str, mapping: Mapping) -> tuple[str, ...]:
    if name in ("ts", "source_ts"):
        return (*_TIMES, *_TEXTS, *(_NUMBERS if mapping.epoch else ()))
    if name in _MEASURED:
        return (*_NUMBERS, *_TEXTS, "boolean")
    if name == "vibration_encoded":
        return (*_TEXTS, "bytea")
    return (*_TEXTS, *_NUMBERS[:4], "uuid", "name")
