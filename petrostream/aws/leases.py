"""Leases of shards, and the tasks that live, as items of the live table."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from petrostream.aws.calls import at_version, error_code, unavailable
from petrostream.live import LEASES, TASKS, Item, lease_key, task_item
from petrostream.pipeline import LEASE_MS, Lease

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class LeaseTable:
    """Leases of one task.

    Args:
        table: name of the live table.
        client: DynamoDB client with time-outs and retries of its own.
        task: this task's name.
    """

    def __init__(self, table: str, client: "DynamoDBClient", task: str) -> None:
        self._table = table
        self._client = client
        self.task = task

    def all(self) -> dict[str, Lease]:
        """All leases, by shard.

        Raises:
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load).
        """
        found = map(_lease, self._items(LEASES))
        return {lease.shard_id: lease for lease in found}

    def others(self, now_ms: int) -> int:
        """Number of other tasks that live at a time, epoch ms; errors as for `all`."""
        tasks = {item["sk"]["S"] for item in self._items(TASKS) if int(item["until_ms"]["N"]) > now_ms}
        return len(tasks - {self.task})

    def live(self, now_ms: int) -> None:
        """Say that this task lives; errors as for `all`."""
        self._put(task_item(self.task, now_ms + LEASE_MS, now_ms))

    def leave(self, now_ms: int) -> None:
        """Say that this task ends; errors as for `all`."""
        self._put(task_item(self.task, 0, now_ms))

    def take(self, lease: Lease, now_ms: int) -> Lease | None:
        """Take or renew a lease; None if another task has written it. Errors as for `all`.

        Args:
            lease: as read, or as taken or renewed last.
            now_ms: the present, epoch ms.
        """
        return self._write(replace(lease, task=self.task, until_ms=now_ms + LEASE_MS))

    def give_back(self, lease: Lease, *, read_to_end: bool = False) -> bool:
        """Give a lease back; whether it was still this task's. Errors as for `all`."""
        done = lease.read_to_end or read_to_end
        return self._write(replace(lease, task="", until_ms=0, read_to_end=done)) is not None

    def _write(self, lease: Lease) -> Lease | None:
        written = replace(lease, version=lease.version + 1)
        try:
            self._client.put_item(TableName=self._table, Item=_item(written), **at_version(lease.version))
        except Exception as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise unavailable("PutItem", error) from error
            # The client may have repeated a write whose answer was lost, and met its own condition.
            return written if self.all().get(lease.shard_id) == written else None
        return written

    def _put(self, item: dict[str, Any]) -> None:
        try:
            self._client.put_item(TableName=self._table, Item=item)
        except Exception as error:
            raise unavailable("PutItem", error) from error

    def _items(self, partition: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        more: dict[str, Any] = {}
        while True:
            try:
                response: Any = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :pk",
                    ExpressionAttributeValues={":pk": {"S": partition}},
                    ConsistentRead=True,
                    **more,
                )
            except Exception as error:
                raise unavailable("Query", error) from error
            items += response["Items"]
            if not response.get("LastEvaluatedKey"):
                return items
            more = {"ExclusiveStartKey": response["LastEvaluatedKey"]}


def _item(lease: Lease) -> Item:
    return {
        **lease_key(lease.shard_id),
        "task": {"S": lease.task},
        "until_ms": {"N": str(lease.until_ms)},
        "version": {"N": str(lease.version)},
        "read_to_end": {"BOOL": lease.read_to_end},
    }


def _lease(item: Item) -> Lease:
    return Lease(
        shard_id=item["sk"]["S"],
        task=item["task"]["S"],
        until_ms=int(item["until_ms"]["N"]),
        version=int(item["version"]["N"]),
        read_to_end=bool(item["read_to_end"]["BOOL"]),
    )
