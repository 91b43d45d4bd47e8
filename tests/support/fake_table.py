"""A table with transactions, snapshots and a clock that can be set: what a poll of a database sees."""

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from producer.cdc.keys import RowKey, TableRow
from producer.cdc.poll import Horizon

START = datetime(2026, 11, 20, 9, tzinfo=UTC)
FIRST_NUMBER = 750


@dataclass
class Transaction:
    """An open transaction: when it began, its number (None before it writes) and its rows."""

    began: datetime
    number: int | None = None
    rows: list[TableRow] = field(default_factory=list)


@dataclass
class FakeTable:
    """The table.

    Attributes:
        counted: whether rows have numbers of transactions, as in PostgreSQL.
        dated: whether the source says when its oldest open transaction began.
    """

    counted: bool = True
    dated: bool = False
    clock: datetime = START
    next_number: int = FIRST_NUMBER
    open: dict[int, Transaction] = field(default_factory=dict)
    committed: list[TableRow] = field(default_factory=list)
    written: int = 0
    fail_after: int | None = None

    def begin(self, writer):
        self.open.setdefault(writer, Transaction(self.clock))

    def write(self, writer, *, at=None, savepoint=False, row_id=None):
        self.begin(writer)
        one = self.open[writer]
        if one.number is None:
            one.number = self._number()
        number = self._number() if savepoint else one.number
        self.written += 1
        key = RowKey(at or one.began, str(self.written if row_id is None else row_id).zfill(6))
        one.rows.append(TableRow(key, number if self.counted else 0, {"version": self.written}))

    def commit(self, writer):
        if writer in self.open:
            self.committed += self.open.pop(writer).rows

    def abort(self, writer):
        self.open.pop(writer, None)

    def advance(self, seconds):
        self.clock += timedelta(seconds=seconds)

    @contextmanager
    def view(self):
        numbers = [one.number for one in self.open.values() if one.number is not None]
        begun = [one.began for one in self.open.values()]
        high = self.next_number if self.counted else 0
        low = min(numbers, default=high) if self.counted else 0
        oldest = min(begun, default=None) if self.dated else None
        yield FakeView(list(self.committed), Horizon(self.clock, low, high, oldest))

    def _number(self):
        self.next_number += 1
        return self.next_number - 1


@dataclass(frozen=True)
class FakeView:
    visible: list[TableRow]
    horizon: Horizon

    def rows(self, after, upto, limit, written):
        def wanted(row):
            at, row_id = row.key.at, row.key.id
            if not (at > after.at or (after.id is not None and at == after.at and row_id > after.id)):
                return False
            if upto is not None and not (
                at < upto.at or (at == upto.at and (upto.id is None or row_id <= upto.id))
            ):
                return False
            finished = written.below is None or row.xid < written.below
            return row.xid >= written.low and (finished or (written.old is not None and at <= written.old))

        return sorted(filter(wanted, self.visible), key=lambda row: (row.key.at, row.key.id))[:limit]
