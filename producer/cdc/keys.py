"""The order in which rows are read: by the time of their last update, then by id."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

EARLIEST = datetime(1, 1, 2)
"""Rows from here on are read: no zone moves it out of the calendar."""


@dataclass(frozen=True, slots=True)
class RowKey:
    """A place in the order of rows.

    Attributes:
        at: the row's time of update, to the microsecond: in UTC, or without zone where the column has none.
        id: the row's id as text; None for a place after every row of that time.
    """

    at: datetime
    id: str | None = None

    @property
    def text(self) -> str:
        """As in the state file: `2026-11-20T09:00:00.000000Z|42`."""
        return f"{stamp(self.at)}|{'' if self.id is None else self.id}"

    @staticmethod
    def parse(text: str) -> "RowKey":
        """The key of such a text.

        Raises:
            ValueError: it is none.
        """
        at, bar, row_id = text.partition("|")
        if not bar:
            raise ValueError(f"{text!r} is not timestamp|id")
        return RowKey(moment(at), row_id or None)


@dataclass(frozen=True, slots=True)
class TableRow:
    """A row as it was read.

    Attributes:
        key: its place in the order.
        xid: number of the transaction that wrote it, 64 bits; 0 where the source has none.
        values: by field of the reading contract; None where the column is null.
    """

    key: RowKey
    xid: int
    values: dict[str, object]


def stamp(at: datetime) -> str:
    """A time as text, to the microsecond; `Z` marks UTC, and its absence a time without zone."""
    plain = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    return plain.isoformat(timespec="microseconds") + ("Z" if at.tzinfo else "")


def moment(text: str) -> datetime:
    """The time of such a text.

    Raises:
        ValueError: it is none.
    """
    at = datetime.fromisoformat(text)
    return at.astimezone(UTC) if at.tzinfo else at


def in_clock_of_column(at: datetime, zone: ZoneInfo, *, aware: bool) -> datetime:
    """An instant as the column of update times would have it: in UTC, or as wall-clock time of the zone."""
    return at.astimezone(UTC) if aware else at.astimezone(zone).replace(tzinfo=None)


def earlier(at: datetime, by: timedelta) -> datetime:
    """A time some way before another, but within the calendar."""
    first = EARLIEST.replace(tzinfo=at.tzinfo)
    return first if at - first < by else at - by
