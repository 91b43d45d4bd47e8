"""A CSV file, growing or not, put into a temporary SQLite database; late rows are found by looking back.

The file is read again when it has changed. A last line without line feed is taken for half of one, until
nothing has been written for `SETTLED_S`.
"""

import csv
import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import chain
from pathlib import Path

from producer.cdc.errors import ColumnMissing, SourceInvalid, SourceLost
from producer.cdc.keys import EARLIEST, RowKey, TableRow, in_clock_of_column
from producer.cdc.mapping import EPOCHS, Mapping
from producer.cdc.poll import Horizon, Written

SETTLED_S = 10.0
_WHOLE = re.compile(r"0|-?[1-9]\d{0,17}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(slots=True)
class CsvTable:
    """A CSV file with a header.

    Attributes:
        mapping: the map file.
        seconds: the present, as file times have it.
        unplaced: rows without a time of update; each is read with that of the row before it.
    """

    mapping: Mapping
    seconds: Callable[[], float] = time.time
    unplaced: int = 0
    _staged: sqlite3.Connection | None = field(default=None, repr=False)
    _seen: tuple[int, ...] = ()

    @contextmanager
    def view(self) -> Iterator["CsvView"]:
        """Read the file if it has changed.

        Raises:
            SourceLost: it can't be read now.
            SourceInvalid: it has no such column, or no header.
        """
        path = Path(self.mapping.table)
        try:
            found = path.stat()
            complete = self.seconds() - found.st_mtime > SETTLED_S
            seen = (found.st_ino, found.st_size, found.st_mtime_ns, complete)
            if seen != self._seen:
                self._stage(path, complete=complete)
                self._seen = seen
        except OSError as error:
            raise SourceLost(f"{path}: {error.strerror}") from error
        assert self._staged is not None
        yield CsvView(self._staged, self.mapping, datetime.fromtimestamp(self.seconds(), UTC))

    def close(self) -> None:
        """Drop what was read."""
        if self._staged is not None:
            self._staged.close()
        self._staged, self._seen = None, ()

    def _stage(self, path: Path, *, complete: bool) -> None:
        self.close()
        staged = sqlite3.connect("")  # a database in a temporary file of its own
        staged.execute("CREATE TABLE rows (at INTEGER, id, content TEXT)")
        self.unplaced = 0
        with path.open(encoding="utf-8-sig", errors="backslashreplace", newline="") as file:
            first = file.readline()
            header = next(csv.reader(StringIO(first), delimiter=self.mapping.delimiter), [])
            self._check(path, header)
            lines = file if complete else _whole_lines(file)
            reader = csv.DictReader(chain([first], lines), delimiter=self.mapping.delimiter)
            try:
                staged.executemany("INSERT INTO rows VALUES (?, ?, ?)", self._placed(reader))
            except csv.Error as error:
                raise SourceInvalid(
                    f"{path}, line {reader.line_num}: is no CSV ({error}); export it again"
                ) from error
        staged.execute("CREATE INDEX place ON rows (at, id)")
        staged.commit()
        self._staged = staged

    def _check(self, path: Path, header: list[str]) -> None:
        order = {"updated_at": self.mapping.updated_at, "id": self.mapping.id}
        for name, column in (*order.items(), *self.mapping.columns.items()):
            if column not in header:
                used = "the order of rows" if name in order else name
                raise ColumnMissing(str(path), used, column, header or ["no header"])

    def _placed(self, reader: "csv.DictReader[str]") -> Iterator[tuple[int, object, str]]:
        before = in_microseconds(EARLIEST) + 86_400_000_000
        for row in reader:
            at = self._at(row.get(self.mapping.updated_at) or "")
            if at is None:
                self.unplaced += 1
            else:
                before = at
            wanted = {name: row.get(column) for name, column in self.mapping.columns.items()}
            # Without an id, the line is as good: it only orders rows of one time.
            row_id = row.get(self.mapping.id) or f"line {reader.line_num}"
            yield before, as_stored(row_id), json.dumps(wanted)

    def _at(self, text: str) -> int | None:
        try:
            at = datetime.fromisoformat(text.strip())
        except ValueError:
            if not (self.mapping.epoch and _WHOLE.fullmatch(text.strip())):
                return None
            return int(text) * round(1000 * EPOCHS[self.mapping.epoch])
        aware = at if at.tzinfo else at.replace(tzinfo=self.mapping.zone)
        return (aware - _EPOCH) // _MICROSECOND


@dataclass(frozen=True, slots=True)
class CsvView:
    """The file as it was read."""

    staged: sqlite3.Connection
    mapping: Mapping
    taken: datetime

    @property
    def horizon(self) -> Horizon:
        """The present; a file has no transactions."""
        return Horizon(in_clock_of_column(self.taken, self.mapping.zone, aware=True))

    def rows(self, after: RowKey, upto: RowKey | None, limit: int, written: Written) -> list[TableRow]:
        """The first rows after a key, up to another one (inclusive), in order."""
        query = "SELECT at, id, content FROM rows WHERE (at > ? OR (at = ? AND ? AND id > ?))"
        at = in_microseconds(after.at)
        values: list[object] = [at, at, after.id is not None, as_stored(after.id or "")]
        if upto is not None:
            query += " AND (at < ? OR (at = ? AND (? OR id <= ?)))"
            end = in_microseconds(upto.at)
            values += [end, end, upto.id is None, as_stored(upto.id or "")]
        found = self.staged.execute(f"{query} ORDER BY at, id LIMIT ?", [*values, limit]).fetchall()
        return [
            TableRow(RowKey(_EPOCH + at * _MICROSECOND, str(row_id)), 0, json.loads(text))
            for at, row_id, text in found
        ]


def in_microseconds(at: datetime) -> int:
    """Microseconds since 1970; a time without zone counts as UTC."""
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND


def as_stored(row_id: str) -> object:
    """An id as the temporary database orders it: whole numbers by value, before all others."""
    return int(row_id) if _WHOLE.fullmatch(row_id) else row_id


def _whole_lines(lines: Iterator[str]) -> Iterator[str]:
    """Lines that end with a line feed."""
    return (line for line in lines if line.endswith(("\n", "\r")))
