"""Writes closed minutes and the list of facilities to the live table.

A minute is written on the condition that none of a newer memory stands there. The version of a facility's
memory so serves as a fence: a consumer that was overtaken and remembers an old state can't put its half of a
minute over the whole one. Writing the same minute again changes nothing.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from petrostream.aws.calls import error_code, unavailable
from petrostream.live_items import HOUR_MS, Item, fleet_item, window_item
from petrostream.windows import WINDOW_MS, Window

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
        # The last of a key counts: a well's next feed may have closed the same minute once more.
        items = {
            (window.well_id, window.start_ms): window_item(window, facility_id, version, self._window_hours)
            for window in closed
            if window.start_ms + WINDOW_MS > oldest
        }
        if len(items) <= 1:
            for item in items.values():
                self._put(item)
            return
        with ThreadPoolExecutor(min(AT_ONCE, len(items))) as pool:
            # All are waited for before the first error is raised.
            list(pool.map(self._put, items.values()))

    def _put(self, item: Item) -> None:
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression="attribute_not_exists(pk) OR #version <= :version",
                ExpressionAttributeNames={"#version": "version"},
                ExpressionAttributeValues={":version": item["version"]},
            )
        except Exception as error:
            # Then a newer memory's minute stands there, which is the whole one.
            if error_code(error) != "ConditionalCheckFailedException":
                raise unavailable("PutItem", error) from error
