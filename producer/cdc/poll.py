"""Which rows a poll reads: everything after the mark, and what has appeared behind it since the last poll.

A row is not visible before its transaction commits, and carries an earlier time than that: rows keep
appearing behind the mark. Three facts find each of them (docs/adr/0017-late-commits.md):

- Every poll sees one snapshot. Transactions below its `low` are finished, so what they wrote is visible in
it, or never.
- Behind the mark, a poll reads what was written by transactions from the last snapshot's `low` on.
- It looks back as far as the oldest transaction that was open then may reach, and `look_back` further.

Pure but for the `view` it is given. A source without transaction numbers has 0 for all of them: then
everything within `look_back` is read again with each poll, and what was sent is remembered.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from producer.cdc.errors import SourceInvalid
from producer.cdc.keys import EARLIEST, RowKey, TableRow, earlier

EARLY_ROWS = 20_000
"""Rows newer than an open transaction that are sent all the same; further ones wait until it ends."""

FIRST_REACH = timedelta(days=1)
"""How long ago a transaction that is open at the first poll may have begun, if the source does not say."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """What a snapshot says about transactions and time.

    Attributes:
        now: when it was taken, by the source's clock, as the column of update times would have it.
        low: every transaction with a lower number is finished.
        high: no transaction with this number or a higher one had written yet.
        oldest: when the oldest open transaction began, None if there is none or the source does not say.
        cluster: names what counts the transactions; numbers of another one say nothing.
    """

    now: datetime
    low: int = 0
    high: int = 0
    oldest: datetime | None = None
    cluster: str = ""


class View(Protocol):
    """One snapshot of a table."""

    @property
    def horizon(self) -> Horizon:
        """What the snapshot says about transactions and time."""
        ...

    def rows(self, after: RowKey, upto: RowKey | None, limit: int, written: "Written") -> list[TableRow]:
        """The first rows after a key, up to another one (inclusive), in order.

        Raises:
            SourceLost: the source does not respond.
            SourceInvalid: the table is not as the map says.
        """
        ...


class PolledTable(Protocol):
    """A table to poll."""

    def view(self) -> AbstractContextManager[View]:
        """Take a snapshot.

        Raises:
            SourceLost: the source does not respond.
            SourceInvalid: the table is not as the map says.
        """
        ...


@dataclass(frozen=True, slots=True)
class Written:
    """Which transactions' rows are wanted: numbers from `low` on, and below `below` (None: no limit).

    Rows not updated after `old` are wanted even from `below` on: no later poll would look back that far.
    """

    low: int = 0
    below: int | None = None
    old: datetime | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """How far the polls have come; everything up to `mark` that the last snapshot showed has been sent.

    Attributes:
        mark: the last row in order; None before the first.
        low: of the last snapshot; None before the first.
        settled: every transaction that had a number by then was finished in the last snapshot.
        asked_at, asked_high: the snapshot that `settled` moves to when all its transactions are finished.
        since: rows up to this time are not wanted.
        cluster: what counted the transactions.
    """

    mark: RowKey | None = None
    low: int | None = None
    settled: datetime | None = None
    asked_at: datetime | None = None
    asked_high: int = 0
    since: datetime | None = None
    cluster: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows to send.

    Attributes:
        rows: in order.
        late: how many of them are behind the mark.
        position: where the polls are when these are sent, None while more of the same snapshot follows.
        more: whether further rows wait.
    """

    rows: list[TableRow]
    late: int
    position: Position | None
    more: bool = False


@dataclass(slots=True)
class Poller:
    """Reads a table, snapshot by snapshot.

    Attributes:
        table: where from.
        position: how far; restored from the state file.
        look_back: how far an update time may lie behind what the snapshots say.
        limit: rows of a batch.
        early: rows of unfinished snapshots that are remembered as sent; with more, further ones wait.
        held: whether rows wait for an open transaction because too many were sent ahead of it.
        restored: whether transactions are no longer counted as before, as after a restore from a dump.
    """

    table: PolledTable
    position: Position
    look_back: timedelta
    limit: int
    early: int = EARLY_ROWS
    held: bool = False
    restored: bool = False
    horizon: Horizon | None = None
    _known: set[tuple[RowKey, int]] = field(default_factory=set)

    def poll(self) -> Iterator[Batch]:
        """The batches of one snapshot. Report each with `sent` before asking for the next.

        Raises:
            SourceLost: the source does not respond.
            SourceInvalid: the table is not as the map says.
        """
        with self.table.view() as view:
            self.horizon = horizon = view.horizon
            position = self._checked(horizon)
            written = self._wanted(position, horizon)
            late: list[TableRow] = []
            for page, last in self._behind(view, position, written):
                if last:
                    late = page
                else:
                    yield Batch(page, len(page), None)
            start = position.mark or RowKey(EARLIEST.replace(tzinfo=horizon.now.tzinfo))
            ahead = view.rows(start, None, self.limit, replace(written, low=0))
        # The snapshot is given back before the rows are sent: the source is not kept from cleaning up.
        moved = self._moved(position, horizon, ahead)
        yield Batch(late + self._fresh(ahead), len(late), moved, more=len(ahead) == self.limit)

    def sent(self, batch: Batch) -> None:
        """Take note that the stream has accepted a batch."""
        low = self.horizon.low if self.horizon else 0
        self._known.update((row.key, row.xid) for row in batch.rows if row.xid >= low)
        if batch.position is None or self.horizon is None:
            return
        self.position = batch.position
        floor = self._floor(batch.position, self.horizon)
        if floor is not None:
            self._known = {one for one in self._known if one[1] >= low and one[0].at > floor}

    def _checked(self, horizon: Horizon) -> Position:
        position = self.position
        counted_anew = horizon.cluster != position.cluster or horizon.high < (position.low or 0)
        self.restored = position.low is not None and counted_anew
        return replace(position, low=0, asked_high=0) if self.restored else position

    def _wanted(self, position: Position, horizon: Horizon) -> Written:
        self.held = bool(horizon.low) and len(self._known) >= self.early
        if not self.held:
            return Written(position.low or 0)
        return Written(position.low or 0, horizon.low, earlier(horizon.now, self.look_back))

    def _behind(
        self, view: View, position: Position, written: Written
    ) -> Iterator[tuple[list[TableRow], bool]]:
        """Pages of rows that have appeared behind the mark, and whether a page is the last."""
        start = self._floor(position, view.horizon)
        if position.mark is None or position.low is None or start is None:
            return
        place = RowKey(start)
        while True:
            # No exception for old rows here: these were sent when the mark passed them.
            page = view.rows(place, position.mark, self.limit, replace(written, old=None))
            last = len(page) < self.limit
            yield self._fresh(page), last
            if last:
                return
            if page[-1].key == place:
                raise SourceInvalid(
                    f"{self.limit} rows are updated at {place.text} to the microsecond; use a larger --batch"
                )
            place = page[-1].key

    def _fresh(self, rows: Sequence[TableRow]) -> list[TableRow]:
        return [row for row in rows if (row.key, row.xid) not in self._known]

    def _floor(self, position: Position, horizon: Horizon) -> datetime | None:
        """Rows updated after this may still appear."""
        if position.mark is None or position.settled is None:
            return None
        # The source's clock may have been set back since: then rows appear with the times it has now.
        floor = earlier(min(position.mark.at, position.settled, horizon.now), self.look_back)
        return floor if position.since is None else max(floor, position.since)

    def _moved(self, position: Position, horizon: Horizon, ahead: Sequence[TableRow]) -> Position:
        settled, asked_at, asked_high = position.settled, position.asked_at, position.asked_high
        if asked_at is None:
            settled = earlier(horizon.now, FIRST_REACH) if horizon.high else horizon.now
            asked_at, asked_high = horizon.now, horizon.high
        elif horizon.low >= asked_high:
            settled, asked_at, asked_high = asked_at, horizon.now, horizon.high
        if horizon.oldest is not None and settled is not None:
            settled = min(settled, horizon.oldest)
        mark = ahead[-1].key if ahead else position.mark
        return Position(mark, horizon.low, settled, asked_at, asked_high, position.since, horizon.cluster)
