"""Writes closed minutes and the list of facilities to the live table.

A minute is written on the condition that nothing of a newer memory stands in its item. The version of a
facility's memory so serves as a fence: a consumer that was overtaken and remembers an old state can't put its
half of a minute over the whole one. Writing the same minute again changes nothing.
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
"""Writes under way at the same time; the client holds ten connections."""


class LiveWriter:
    """The live table, as the scoring consumers write it.

    Args:
        table: name of the table, with string keys `pk` and `sk`.
        client: DynamoDB client with time-outs and retries of its own.
        window_hours: how long minutes are kept; none is written where it is 0.
    """

    def __init__(self, table: str, client: "DynamoDBClient", window_hours: float) -> None:
        self._table = table
        self._client = client
        self._window_hours = window_hours

    def list_facility(self, facility_id: str) -> None:
        """Put the facility into the fleet's list; doing so again changes nothing.

        Raises:
            ServiceUnavailable: DynamoDB did not answer in time (`Throttled`: asked for less load).
        """
        try:
            self._client.put_item(TableName=self._table, Item=fleet_item(facility_id))
        except Exception as error:
            raise unavailable("PutItem", error) from error

    def put_windows(self, facility_id: str, closed: Sequence[Window], version: int, now_ms: int) -> None:
        """Write closed minutes; those that would have expired by now are left out.

        Args:
            facility_id: the wells' facility.
            closed: the minutes, in the order in which they closed.
            version: of the memory that they belong to.
            now_ms: the clock, epoch ms.

        Raises:
            ServiceUnavailable: DynamoDB did not take all of them in time (`Throttled`: asked for less load).
                Some may be written.
        """
        oldest = now_ms - self._window_hours * HOUR_MS
        slots: dict[tuple[str, str], dict[int, Window]] = {}
        for window in closed:
            if window.start_ms + WINDOW_MS > oldest:
                # The last of a minute counts: a well's next feed may have closed it once more.
                slots.setdefault((window.well_id, slot_sk(window.start_ms)), {})[window.start_ms] = window
        updates = [
            slot_update([*slot.values()], facility_id, version, self._window_hours) for slot in slots.values()
        ]
        if len(updates) <= 1:
            for update in updates:
                self._update(update)
            return
        with ThreadPoolExecutor(min(AT_ONCE, len(updates))) as pool:
            # All are waited for before the first error is raised.
            list(pool.map(self._update, updates))

    def _update(self, update: Item) -> None:
        try:
            self._client.update_item(TableName=self._table, **update)
        except Exception as error:
            # Then a newer memory's minutes stand there, which are the whole ones.
            if error_code(error) != "ConditionalCheckFailedException":
                raise unavailable("UpdateItem", error) from error
