"""DynamoDB: items survive a crash of the emulator.

Every change of an item is in the journal before the call that made it is answered, all changes of one call
in one transaction. From the first change on, the journal has the whole table and is the truth about its
items: a snapshot of the emulator may be older.
"""

import json
import logging
import sqlite3
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from types import ModuleType
from typing import Any

from local.adaptations import guard
from local.adaptations.guard import Response
from local.adaptations.journal import Journal, SqlStatement

_KNOWN = {
    "_set_item": "4e78ad492132cdba",
    "_remove_item": "5cce50c99688dab8",
    "_items_replaced": "b48626c371f77c18",
    "handle_request": "1201f2ac993ce1a0",
}

_PUT = "INSERT INTO item VALUES (?, ?, ?) ON CONFLICT (table_id, key) DO UPDATE SET body = excluded.body"
_DELETE = "DELETE FROM item WHERE table_id = ? AND key = ?"
_CLEAR = "DELETE FROM item WHERE table_id = ?"
_JOURNALED = "INSERT OR IGNORE INTO journaled VALUES (?)"

StoredTable = dict[str, Any]
StoredItem = Mapping[str, Any]

logger = logging.getLogger("petrostream")


class TableJournal:
    """Collects the changes of a call, and writes them when it is answered."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._whole = {table_id for (table_id,) in journal.rows("SELECT table_id FROM journaled")}
        self._pending: list[SqlStatement] = []

    def changed(self, table: StoredTable, pk: str, sk: str, item: StoredItem | None) -> None:
        """An item was written, or removed (None)."""
        identity = _identity(table)
        if identity not in self._whole:
            self.replaced(table)
        elif item is None:
            self._pending.append((_DELETE, (identity, _key(pk, sk))))
        else:
            self._pending.append((_PUT, (identity, _key(pk, sk), json.dumps(item))))

    def replaced(self, table: StoredTable) -> None:
        """All items of a table were replaced."""
        identity = _identity(table)
        self._whole.add(identity)
        self._pending += [(_JOURNALED, (identity,)), (_CLEAR, (identity,))]
        for pk, items in table["items"].items():
            for sk, item in items.items():
                self._pending.append((_PUT, (identity, _key(pk, sk), json.dumps(item))))

    def flush(self) -> None:
        """Write what has changed.

        Raises:
            sqlite3.Error: it could not be written; the next flush tries again.
        """
        pending = self._pending[:]
        if pending:
            self._journal.write(pending)
            # Not cleared: the thread that removes expired items may have added some meanwhile.
            del self._pending[: len(pending)]


def install(journal: Journal) -> None:
    """Put the adaptation in place.

    Raises:
        IncompatibleEmulatorError: the emulator's DynamoDB is not the known one.
    """
    # The emulator reads its variables when it is imported.
    from ministack.services import dynamodb  # noqa: PLC0415

    guard.check(dynamodb, _KNOWN)
    tables = TableJournal(journal)
    guard.replace(dynamodb, "_set_item", _setting(dynamodb._set_item, tables))
    guard.replace(dynamodb, "_remove_item", _removing(dynamodb._remove_item, tables))
    guard.replace(dynamodb, "_items_replaced", _replacing(dynamodb._items_replaced, tables))
    guard.replace(dynamodb, "handle_request", _flushing(dynamodb, tables))


def _setting(
    original: Callable[[StoredTable, str, str, StoredItem], StoredItem | None], tables: TableJournal
) -> Callable[[StoredTable, str, str, StoredItem], StoredItem | None]:
    def set_item(table: StoredTable, pk: str, sk: str, item: StoredItem) -> StoredItem | None:
        old = original(table, pk, sk, item)
        tables.changed(table, pk, sk, item)
        return old

    return set_item


def _removing(
    original: Callable[[StoredTable, str, str], StoredItem | None], tables: TableJournal
) -> Callable[[StoredTable, str, str], StoredItem | None]:
    def remove_item(table: StoredTable, pk: str, sk: str) -> StoredItem | None:
        old = original(table, pk, sk)
        if old is not None:
            tables.changed(table, pk, sk, None)
        return old

    return remove_item


def _replacing(
    original: Callable[[StoredTable], None], tables: TableJournal
) -> Callable[[StoredTable], None]:
    def items_replaced(table: StoredTable) -> None:
        original(table)
        tables.replaced(table)

    return items_replaced


def _flushing(dynamodb: ModuleType, tables: TableJournal) -> Callable[..., Awaitable[Response]]:
    original: Callable[..., Awaitable[Response]] = dynamodb.handle_request

    async def handle_request(*arguments: object) -> Response:
        answer = await original(*arguments)
        try:
            tables.flush()
        except sqlite3.Error as error:
            logger.exception("Items are not in the journal")
            answer = dynamodb.error_response_json("InternalServerError", f"Not written: {error}", 500)
        return answer

    return handle_request


def recover(journal: Journal) -> int:
    """Give every table that the journal knows its items, once the emulator has read its snapshot.

    Returns:
        How many items there are.

    Raises:
        sqlite3.Error: the journal cannot be read; nothing has changed.
    """
    from ministack.services import dynamodb  # noqa: PLC0415

    whole = {table_id for (table_id,) in journal.rows("SELECT table_id FROM journaled")}
    tables = [table for table in dynamodb._tables.all_values() if _identity(table) in whole]
    contents = [
        journal.rows("SELECT key, body FROM item WHERE table_id = ? ORDER BY rowid", (_identity(table),))
        for table in tables
    ]
    replaced = getattr(dynamodb._items_replaced, "original", dynamodb._items_replaced)
    for table, rows in zip(tables, contents, strict=True):
        items: defaultdict[str, dict[str, StoredItem]] = defaultdict(dict)
        for key, body in rows:
            pk, sk = json.loads(key)
            items[pk][sk] = json.loads(body)
        table["items"] = items
        replaced(table)
    return sum(len(rows) for rows in contents)


def _identity(table: StoredTable) -> str:
    """Names this very table: one that is deleted and created again under its name is another."""
    return str(table.get("TableId") or table["TableArn"])


def _key(pk: str, sk: str) -> str:
    return json.dumps([pk, sk])
