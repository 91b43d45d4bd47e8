"""The journal: what the emulator has acknowledged and would otherwise hold in memory only.

Why: the emulator writes its state when it stops. Killed before that, it forgets the records of the stream,
the items of every table, and how far each function has read, although it acknowledged all of them. Here each
is in an SQLite file before the answer leaves. `stream_journal.py` and `table_journal.py` write and read it.

A killed process loses nothing, because the operating system holds what was written. The file is synced to
disk once a second by a thread of its own: waiting for the disk at every answer would gain little, since the
emulator does not sync the objects of S3 either. A power failure may therefore cost the last seconds; the file
stays readable.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

SYNC_SECONDS = 1.0
"""How often the file is synced to disk."""

_WAL_BYTES = 64 * 1024 * 1024
_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
  stream TEXT NOT NULL, shard TEXT NOT NULL, sequence TEXT NOT NULL, arrival REAL NOT NULL,
  key TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (stream, sequence));
CREATE TABLE IF NOT EXISTS place (
  mapping TEXT NOT NULL, shard TEXT NOT NULL, sequence TEXT NOT NULL, PRIMARY KEY (mapping, shard));
CREATE TABLE IF NOT EXISTS journaled (table_id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS item (
  table_id TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (table_id, key));
CREATE TABLE IF NOT EXISTS session (began REAL NOT NULL);
"""

SqlStatement = tuple[str, tuple[Any, ...]]
KinesisRecord = Mapping[str, Any]

logger = logging.getLogger("petrostream")


class Journal:
    """The file, open. Every method may be called from any thread; each write is one transaction.

    Attributes:
        clean: whether the emulator was stopped properly the last time, or this is the first time.
        damaged: where an unreadable file was set aside, None where there was none.
        lost: whether the file is gone, although the emulator has run before.
        ready: set once everything is read back; the function must not be invoked before.
    """

    def __init__(self, path: Path, *, expected: bool = False) -> None:
        """Open the file, or create it. A damaged file is set aside.

        Args:
            path: the file.
            expected: whether the emulator has run before, so that the file must be there.

        Raises:
            sqlite3.OperationalError: the file cannot be written.
        """
        self.ready = threading.Event()
        self.damaged: Path | None = None
        self.lost = expected and not path.exists()
        self._path = path
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        try:
            self._connection = _open(path)
        except sqlite3.OperationalError:
            # A full disk or a missing right is no damage.
            raise
        except sqlite3.DatabaseError:
            logger.exception("The journal %s cannot be read", path)
            self.damaged = _set_aside(path)
            self._connection = _open(path)
        intact = self.damaged is None and not self.lost
        self.clean = intact and not self.rows("SELECT began FROM session")
        self.write([("DELETE FROM session", ()), ("INSERT INTO session VALUES (?)", (time.time(),))])
        self._syncer = threading.Thread(target=self._sync, name="petrostream-journal", daemon=True)
        self._syncer.start()

    def write(self, statements: Iterable[SqlStatement]) -> None:
        """Run statements in one transaction.

        Raises:
            sqlite3.Error: nothing of it was written; the disk is full, for example.
        """
        with self._lock, self._connection:
            for sql, values in statements:
                self._connection.execute(sql, values)

    def write_many(self, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
        """Run one statement for each row, in one transaction.

        Raises:
            sqlite3.Error: nothing of it was written.
        """
        with self._lock, self._connection:
            self._connection.executemany(sql, rows)

    def rows(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query.

        Raises:
            sqlite3.Error: the file cannot be read.
        """
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def close(self) -> None:
        """Note that the emulator stopped properly, and close the file."""
        self._stopped.set()
        self._syncer.join(timeout=30.0)
        self.write([("DELETE FROM session", ())])
        with self._lock:
            self._connection.close()

    def _sync(self) -> None:
        """Once a second, move what was written into the file itself and sync both to disk."""
        while not self._stopped.wait(SYNC_SECONDS):
            try:
                # A connection of its own: a checkpoint does not keep writers waiting.
                connection = sqlite3.connect(self._path)
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
                connection.close()
            except sqlite3.Error:
                logger.exception("The journal %s could not be synced", self._path)


def _set_aside(path: Path) -> Path:
    aside = path.with_name(f"{path.name}.damaged-{int(time.time())}")
    path.replace(aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    return aside


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level="IMMEDIATE")
    # In this mode a commit does not wait for the disk; a checkpoint does.
    # Blocks of 128 KB are written in half the time of pages of 4 KB.
    connection.execute("PRAGMA page_size = 16384")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES}")
    connection.executescript(_SCHEMA)
    ((verdict,),) = connection.execute("PRAGMA quick_check(1)").fetchall()
    if verdict != "ok":
        connection.close()
        raise sqlite3.DatabaseError(verdict)
    return connection
