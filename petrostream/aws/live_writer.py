"""Writes closed minutes and the list of facilities to the live table.

A minute is written on the condition that its item is not from a newer version of the facility's memory. The
version is a fencing token: a consumer with an outdated memory can't overwrite a complete minute with a
partial one. Writing the same minute again changes nothing.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from petrostream.aws.calls import error_code, unavailable
from petrostream.live import HOUR_MS, Item, fleet_item, slot_sk, slot_update
from petrostream.minutes import WINDOW_MS, Window

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

AT_ONCE = 8
"""Concurrent writes; the client has ten connections."""


class LiveWriter:
    """The live table, for the scoring consumers that write it.

    Args:
        table: name of the table, with string keys `pk` and `sk`.
        client: DynamoDB client with time-outs and retries of its own.
        window_hours: hours for which minutes are kept; with 0 none is written.
    """

    def __init__(self, table: str, client: "DynamoDBClient", window_hours: float) -> None:
        self._table = table
        self._client = client
        self._window_hours = window_hours

    def list_facility(self, facility_id: str) -> None:
        """Add the facility to the fleet's list; idempotent.

        Raises:
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load).
        """
        try:
            self._client.put_item(TableName=self._table, Item=fleet_item(facility_id))
        except Exception as error:
            raise unavailable("PutItem", error) from error

    def put_windows(self, facility_id: str, closed: Sequence[Window], version: int, now_ms: int) -> None:
        """Write closed windows; those that would already have expired are left out.

        Args:
            facility_id: the wells' facility.
            closed: the windows, in the order in which they closed.
            version: version of the memory that they belong to.
            now_ms: the present, epoch ms.

        Raises:
            ServiceUnavailable: DynamoDB did not accept all of them in time (`Throttled`: asked for less
                load). Some may be written.
        """
        oldest = now_ms - self._window_hours * HOUR_MS
        slots: dict[tuple[str, str], dict[int, Window]] = {}
        for window in closed:
            if window.start_ms + WINDOW_MS > oldest:
                # The last window of a minute counts: the well's next feed may have closed the minute again.
                slots.setdefault((window.well_id, slot_sk(window.start_ms)), {})[window.start_ms] = window
        updates = [
            slot_update([*slot.values()], facility_id, version, self._window_hours) for slot in slots.values()
        ]
        if len(updates) <= 1:
            for update in updates:
                self._update(update)
            return
        with ThreadPoolExecutor(min(AT_ONCE, len(updates))) as pool:
            # Waits for all of them before raising the first error.
            list(pool.map(self._update, updates))

    def _update(self, update: Item) -> None:
        try:
            self._client.update_item(TableName=self._table, **update)
        except Exception as error:
            # A failed condition means that a newer memory has written the item: its minutes are complete.
            if error_code(error) != "ConditionalCheckFailedException":
                raise unavailable("UpdateItem", error) from error
