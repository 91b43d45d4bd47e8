"""Any database that SQLAlchemy knows: rows by (updated_at, id), late ones found by looking back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import exc

from producer.cdc.errors import ColumnMissing, ColumnUnsuitable, SourceInvalid, SourceLost
from producer.cdc.keys import RowKey, TableRow, in_clock_of_column
from producer.cdc.mapping import EPOCHS, Mapping
from producer.cdc.poll import Horizon, Written

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class SqlTable:
    """A table or view of a database.

    Attributes:
        mapping: the map file.
        url: of the database, asked for when it is connected: a secret may have been rotated.
        now: the present; the database's own clock matters little, since a poll looks back from its newest
            row.
    """

    mapping: Mapping
    url: Callable[[], str]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    _engine: sa.Engine | None = field(default=None, repr=False)
    _table: sa.Table | None = field(default=None, repr=False)

    @contextmanager
    def view(self) -> Iterator["SqlView"]:
        """Begin a transaction, which is a snapshot where the database makes it one.

        Raises:
            SourceLost: the database does not respond, or refuses a query.
            SourceInvalid: the table is not as the map says.
        """
        try:
            engine, table = self._connected()
            with engine.connect() as connection:
                yield SqlView(connection, self.mapping, table, self.now())
        except (exc.NoSuchTableError, exc.UnreflectableTableError) as error:
            raise SourceInvalid(
                f"there is no table {self.mapping.table} in this database, or this user does not see it; "
                "correct "
                f"{self.mapping.path}"
            ) from error
        except (exc.NoSuchModuleError, exc.ArgumentError, ModuleNotFoundError):
            # What SQLAlchemy says of a URL may quote it.
            raise SourceInvalid(
                "the database's URL names a dialect or driver that is not installed, or is no URL; "
                "pip install the driver, such as pyodbc or oracledb"
            ) from None
        except exc.DBAPIError as error:
            self.close()
            # The driver's own words: SQLAlchemy's add the query and its values.
            raise SourceLost(" ".join(str(error.orig).split())) from error
        except exc.SQLAlchemyError as error:
            self.close()
            raise SourceLost(" ".join(str(error).split())) from error

    def close(self) -> None:
        """Close all connections; the table is looked up again by the next view."""
        if self._engine is not None:
            self._engine.dispose()
        self._engine = self._table = None

    def _connected(self) -> tuple[sa.Engine, sa.Table]:
        if self._engine is None:
            self._engine = sa.create_engine(self.url(), pool_pre_ping=True, hide_parameters=True)
        if self._table is None:
            schema, _, name = self.mapping.table.rpartition(".")
            table = sa.Table(name, sa.MetaData(), schema=schema or None, autoload_with=self._engine)
            _check(table, self.mapping)
            self._table = table
        return self._engine, self._table


def _check(table: sa.Table, mapping: Mapping) -> None:
    present = [column.name for column in table.columns]
    order = {"updated_at": mapping.updated_at, "id": mapping.id}
    for name, column in (*order.items(), *mapping.columns.items()):
        if column not in present:
            raise ColumnMissing(
                mapping.table, "the order of rows" if name in order else name, column, present
            )
    found = table.c[mapping.updated_at].type
    numeric = isinstance(found, sa.Integer) and mapping.epoch
    if not (isinstance(found, sa.DateTime) or numeric):
        expected = "a date with time, or a whole number with source.epoch in the map"
        raise ColumnUnsuitable(mapping.table, "updated_at", mapping.updated_at, str(found), expected)


@dataclass(frozen=True, slots=True)
class SqlView:
    """One transaction of the database."""

    connection: sa.Connection
    mapping: Mapping
    table: sa.Table
    taken: datetime

    @property
    def horizon(self) -> Horizon:
        """The present; nothing is known about transactions."""
        return Horizon(in_clock_of_column(self.taken, self.mapping.zone, aware=self._aware))

    @property
    def _aware(self) -> bool:
        kind = self.table.c[self.mapping.updated_at].type
        return isinstance(kind, sa.Integer) or bool(getattr(kind, "timezone", False))

    def rows(self, after: RowKey, upto: RowKey | None, limit: int, written: Written) -> list[TableRow]:
        """The first rows after a key, up to another one (inclusive), in order."""
        at, row_id = self.table.c[self.mapping.updated_at], self.table.c[self.mapping.id]
        names = list(self.mapping.columns)
        query = (
            sa.select(at, row_id, *(self.table.c[self.mapping.columns[name]] for name in names))
            .where(self._beyond(after))
            .order_by(at, row_id)
            .limit(limit)
        )
        if upto is not None:
            query = query.where(sa.or_(at < self._time(upto.at), self._tie(upto)))
        return [
            TableRow(RowKey(self._moment(row[0]), str(row[1])), 0, dict(zip(names, row[2:], strict=True)))
            for row in self.connection.execute(query).all()
        ]

    def _beyond(self, after: RowKey) -> sa.ColumnElement[bool]:
        at, row_id = self.table.c[self.mapping.updated_at], self.table.c[self.mapping.id]
        time = self._time(after.at)
        if after.id is None:
            return at > time
        return sa.or_(at > time, sa.and_(at == time, row_id > self._id(after.id)))

    def _tie(self, upto: RowKey) -> sa.ColumnElement[bool]:
        at, row_id = self.table.c[self.mapping.updated_at], self.table.c[self.mapping.id]
        same: sa.ColumnElement[bool] = at == self._time(upto.at)
        return same if upto.id is None else sa.and_(same, row_id <= self._id(upto.id))

    def _id(self, text: str) -> object:
        kind = self.table.c[self.mapping.id].type
        if isinstance(kind, sa.Integer):
            return int(text)
        if isinstance(kind, sa.Uuid):
            return UUID(text)
        return Decimal(text) if isinstance(kind, sa.Numeric) else text

    def _time(self, at: datetime) -> object:
        if not isinstance(self.table.c[self.mapping.updated_at].type, sa.Integer):
            return at
        microseconds = (at - _EPOCH) // timedelta(microseconds=1)
        return microseconds // round(1000 * EPOCHS[self.mapping.epoch])

    def _moment(self, value: Any) -> datetime:  # noqa: ANN401 - as the driver has it
        if isinstance(value, int):
            return _EPOCH + timedelta(microseconds=value * round(1000 * EPOCHS[self.mapping.epoch]))
        if not isinstance(value, datetime):
            raise SourceInvalid(
                f"table {self.mapping.table}: column {self.mapping.updated_at} has {value!r}, which is no "
                "time"
            )
        return value.astimezone(UTC) if self._aware and value.tzinfo else value.replace(tzinfo=None)
