"""Reading side of the in-memory live table: pages, and keys left unread, on demand."""

from typing import Any, Protocol

from petrostream.aws.live_reader import LiveTable
from petrostream.backoff import Backoff


class Kept(Protocol):
    """What the in-memory table keeps: states by partition key, all else by both keys."""

    items: dict[str, dict[str, Any]]
    others: dict[tuple[str, str], dict[str, Any]]


class ReadableTable:
    """Query and BatchGetItem over what the function wrote.

    Args:
        table: where it wrote.
        page: items of a page.
        unread: how often a key is left unread before all are read.
    """

    def __init__(self, table: Kept, page: int = 1000, unread: int = 0) -> None:
        self._table = table
        self._page = page
        self._unread = unread

    def live(self) -> LiveTable:
        """The read API over this table."""
        client: Any = self
        return LiveTable("live", client, Backoff(limit=6, sleep=lambda _: None))

    def query(
        self,
        *,
        TableName: str,  # noqa: N803
        KeyConditionExpression: str,  # noqa: N803
        ExpressionAttributeValues: dict[str, dict[str, str]],  # noqa: N803
        ProjectionExpression: str = "",  # noqa: N803
        ConsistentRead: bool = False,  # noqa: N803
        ExpressionAttributeNames: dict[str, str] | None = None,  # noqa: N803
        ExclusiveStartKey: tuple[str, str] | None = None,  # noqa: N803
    ) -> dict[str, Any]:
        """Items of one partition in order of their sort keys, a page at a time."""
        assert isinstance(ConsistentRead, bool)
        names = ExpressionAttributeNames or {}
        chosen = [names.get(name, name) for name in ProjectionExpression.split(", ")]
        values = {name: value["S"] for name, value in ExpressionAttributeValues.items()}
        first, last = values.get(":first", ""), values.get(":last", "\U0010ffff")
        assert KeyConditionExpression.startswith("pk = :pk")
        if "begins_with(sk, :first)" in KeyConditionExpression:
            last = f"{first}\U0010ffff"
        keys = [key for key in sorted(self._table.others) if key[0] == values[":pk"]]
        keys = [key for key in keys if first <= key[1] <= last]
        if ExclusiveStartKey is not None:
            keys = [key for key in keys if key > ExclusiveStartKey]
        page, rest = keys[: self._page], keys[self._page :]
        answer: dict[str, Any] = {
            "Items": [
                {
                    name: value
                    for name, value in self._table.others[key].items()
                    if name in chosen or not ProjectionExpression
                }
                for key in page
            ]
        }
        return answer | ({"LastEvaluatedKey": page[-1]} if rest else {})

    def batch_get_item(self, *, RequestItems: dict[str, dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        """The states asked for; the last key is left unread as often as told."""
        ((table, wanted),) = RequestItems.items()
        keys = wanted["Keys"]
        left = []
        if self._unread:
            self._unread -= 1
            keys, left = keys[:-1], keys[-1:]
        items = [self._table.items[key["pk"]["S"]] for key in keys if key["pk"]["S"] in self._table.items]
        more = {"UnprocessedKeys": {table: wanted | {"Keys": left}}} if left else {}
        return {"Responses": {table: items}, **more}
