"""PostgreSQL: rows by (updated_at, id), each with the number of the transaction that wrote it.

`xmin` of a row has the lower 32 bits of that number; the snapshot's own 64 bits complete it. A transaction's
savepoints have numbers of their own, above its first: only numbers under the snapshot's `xmin` are finished
for certain, on a standby too (docs/adr/0017-late-commits.md).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg import IsolationLevel, errors, sql
from psycopg.rows import tuple_row

from producer.cdc.catalog import Relation, checked, relation_of
from producer.cdc.errors import SourceInvalid, SourceLost
from producer.cdc.keys import RowKey, TableRow, in_clock_of_column
from producer.cdc.lenient import register
from producer.cdc.mapping import Mapping
from producer.cdc.poll import Horizon, Written

STATEMENT_MS = 120_000
"""A query that takes longer is given up: an index is missing."""

OLDEST = 130_000
"""Version number of the first release with `pg_current_snapshot`."""

# No retry helps while the map, the rights or the table are as they are.
_FATAL = (
    errors.UndefinedTable,
    errors.UndefinedColumn,
    errors.UndefinedFunction,
    errors.InsufficientPrivilege,
    errors.InvalidPassword,
    errors.InvalidAuthorizationSpecification,
    errors.InvalidCatalogName,
    errors.DataException,
)
_OLDEST = """
SELECT min(xact_start) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = current_database()
"""
_HORIZON = """
SELECT now(), pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint, pg_is_in_recovery(),
  (SELECT system_identifier::text FROM pg_control_system())
FROM (SELECT pg_current_snapshot() AS s) AS taken
"""


@dataclass(slots=True)
class PostgresTable:
    """A table of a PostgreSQL server; a lost connection is opened again with the next view.

    Attributes:
        mapping: the map file.
        parameters: of the connection, asked for with every one: a secret may have been rotated.
        standby: whether the server is one, known after the first view.
        relation: the table's columns, checked with every connection.
    """

    mapping: Mapping
    parameters: Any
    standby: bool = False
    relation: Relation | None = None
    _connection: psycopg.Connection[Any] | None = field(default=None, repr=False)

    @contextmanager
    def view(self) -> Iterator["PostgresView"]:
        """Take a snapshot: a read-only transaction.

        Raises:
            SourceLost: the server does not respond, or gave up a query.
            SourceInvalid: the table is not as the map says, or this user may not read it.
        """
        try:
            connection = self._connected()
            # Before the snapshot: a transaction that begins or ends in between is then in one of the two.
            with connection.transaction():
                ((oldest,),) = connection.execute(_OLDEST).fetchall()
            with connection.transaction():
                yield self._view(connection, oldest)
        except errors.UndefinedColumn as error:
            self._drop()
            self._explain(error)
        except _FATAL as error:
            self._drop()
            raise SourceInvalid(f"table {self.mapping.table}: {_said(error)}") from error
        except (psycopg.Error, OSError) as error:
            self._drop()
            raise SourceLost(_said(error)) from error

    def close(self) -> None:
        """Close the connection."""
        self._drop()

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed:
            # The error of a failed connection names host and user, never the password.
            self._connection = psycopg.connect(**self.parameters(), row_factory=tuple_row)
            try:
                self.relation = self._prepared(self._connection)
            except SourceInvalid:
                self._drop()
                raise
        return self._connection

    def _prepared(self, connection: psycopg.Connection[Any]) -> Relation:
        """Make a new connection read-only, and compare the table with the map."""
        if connection.info.server_version < OLDEST:
            release = connection.info.server_version // 10_000
            raise SourceInvalid(
                f"PostgreSQL {release} is too old: rows name their transactions from release 13 on; set "
                'kind = "sqlalchemy" in the map, which looks back instead'
            )
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        # Poolers that give each transaction another session lose prepared statements.
        connection.prepare_threshold = None
        register(connection)
        with connection.transaction():
            connection.execute("SELECT set_config('timezone', 'UTC', true)")
            relation = relation_of(connection, self.mapping)
        checked(relation, self.mapping)
        return relation

    def _view(self, connection: psycopg.Connection[Any], oldest: datetime | None) -> "PostgresView":
        relation = self.relation
        assert relation is not None
        connection.execute(
            "SELECT set_config('timezone', 'UTC', true), set_config('statement_timeout', %s, true)",
            [str(STATEMENT_MS)],
        )
        (taken,) = connection.execute(_HORIZON).fetchall()
        now, low, high, self.standby, cluster = taken
        zone, aware = self.mapping.zone, relation.aware
        horizon = Horizon(
            in_clock_of_column(now, zone, aware=aware),
            low,
            high,
            in_clock_of_column(oldest, zone, aware=aware) if oldest else None,
            cluster,
        )
        return PostgresView(connection, self.mapping, relation, horizon)

    def _explain(self, error: psycopg.Error) -> None:
        """Say which column of the map is gone: it was renamed or dropped while the table was polled."""
        with self.view():  # connects anew, which compares map and table, and raises what it finds
            pass
        raise SourceLost(_said(error)) from error

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@dataclass(frozen=True, slots=True)
class PostgresView:
    """One snapshot of the table."""

    connection: psycopg.Connection[Any]
    mapping: Mapping
    relation: Relation
    horizon: Horizon

    def rows(self, after: RowKey, upto: RowKey | None, limit: int, written: Written) -> list[TableRow]:
        """The first rows after a key, up to another one (inclusive), in order."""
        names = list(self.mapping.columns)
        columns = sql.SQL(", ").join(sql.Identifier(self.mapping.columns[name]) for name in names)
        query = sql.SQL(_ROWS).format(
            at=sql.Identifier(self.mapping.updated_at),
            id=sql.Identifier(self.mapping.id),
            columns=columns,
            table=self.relation.name,
            condition=self._condition(after, upto, written),
        )
        values = {
            "after_at": after.at,
            "after_id": after.id,
            "upto_at": upto.at if upto else None,
            "upto_id": upto.id if upto else None,
            "high": self.horizon.high,
            "low": written.low,
            "below": written.below,
            "old": written.old,
            "limit": limit,
        }
        found: Sequence[tuple[Any, ...]] = self.connection.execute(query, values).fetchall()
        return [
            TableRow(RowKey(at, row_id), xid, dict(zip(names, rest, strict=True)))
            for at, row_id, xid, *rest in found
        ]

    def _condition(self, after: RowKey, upto: RowKey | None, written: Written) -> sql.Composed:
        """What is asked of a row, beyond its place in the order of an index on (updated_at, id)."""
        stamp = sql.SQL("timestamptz" if self.relation.aware else "timestamp")
        kind = sql.SQL(self.relation.id_type)
        parts = [sql.SQL("{at} > %(after_at)s::{stamp}")]
        if after.id is not None:
            parts = [sql.SQL("({at}, {id}) > (%(after_at)s::{stamp}, %(after_id)s::{kind})")]
        if upto is not None and upto.id is not None:
            parts.append(sql.SQL("({at}, {id}) <= (%(upto_at)s::{stamp}, %(upto_id)s::{kind})"))
        elif upto is not None:
            parts.append(sql.SQL("{at} <= %(upto_at)s::{stamp}"))
        if written.low:
            parts.append(sql.SQL(f"{_XID} >= %(low)s"))
        if written.below is not None:
            parts.append(
                sql.SQL(f"({_XID} < %(below)s OR {{at}} <= %(old)s::{{stamp}})")
                if written.old
                else sql.SQL(f"{_XID} < %(below)s")
            )
        names = {
            "at": sql.Identifier(self.mapping.updated_at),
            "id": sql.Identifier(self.mapping.id),
            "stamp": stamp,
            "kind": kind,
        }
        return sql.SQL(" AND ").join(part.format(**names) for part in parts)


# The numbers wrap around at 2^32: the greatest one under the snapshot's end that has these 32 bits. 1 and 2
# mark rows that are older than all transactions (of initdb, and frozen by releases before 9.4).
_XID = (
    "(CASE WHEN xmin::text::bigint < 3 THEN 0 "
    "ELSE %(high)s::bigint - ((%(high)s::bigint - xmin::text::bigint) & 4294967295) END)"
)
# The order names the table: by `id` alone it would be that of the text, under which the column is selected.
_ROWS = (
    "SELECT {at}, {id}::text, " + _XID + ", {columns} FROM {table} AS polled "  # noqa: S608 - no user's text
    "WHERE {condition} AND {at} < '9999-12-30' ORDER BY polled.{at}, polled.{id} LIMIT %(limit)s"
)


def _said(error: BaseException) -> str:
    """What a driver says, in one line."""
    text = " ".join(str(error).split())
    if isinstance(error, errors.QueryCanceled):
        advice = "is there an index on (updated_at, id)?"
        return f"{text}: the query took longer than {STATEMENT_MS // 1000} s; {advice}"
    return text or type(error).__name__
