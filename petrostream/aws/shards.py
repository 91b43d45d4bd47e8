"""Who owns a shard, and how far it is processed: two items of the live table for each shard.

`OWNER` names the process that claimed the shard last, with the epoch of its claim. Only claims write it, and
every batch reads it, strongly consistent: a small item, so the price is one read unit. The shard's place, in
the fleet's partition beside the latest statuses, is written with each batch, on the condition that no later
epoch has written it. A claim writes its epoch there before it reads the place: an earlier owner that is still
running can't note anything after that, so what it delivers then is delivered again.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import astuple
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from petrostream.aws.calls import error_code, unavailable
from petrostream.errors import ShardClaimed
from petrostream.live import EPOCH, WellStatus, owner_item, owner_key, place_item, place_key
from petrostream.live.codec import encode_latest
from petrostream.pipeline import ShardPlace, Stretch

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_AT_MOST = "attribute_not_exists(pk) OR #epoch <= :epoch"
_SEEN = "#epoch = :seen"
_NEW = "attribute_not_exists(pk)"


class ShardTable:
    """Owners and places of shards, for one process.

    Args:
        table: name of the table, with string keys `pk` and `sk`.
        client: DynamoDB client with time-outs and retries of its own.
        clock: returns the present, epoch ms.
    """

    def __init__(
        self,
        table: str,
        client: "DynamoDBClient",
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._table = table
        self._client = client
        self._clock = clock
        self._process = uuid4().hex

    def owned(self, shard_id: str, epoch: int) -> bool:
        """Whether this process's claim of that epoch is the shard's latest.

        Raises:
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load).
        """
        return self._owner(shard_id) == (self._process, epoch)

    def claim(self, shard_id: str) -> ShardPlace:
        """Claim a shard; returns its place.

        Raises:
            ShardClaimed: another process claims it at this moment.
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load).
        """
        _, seen = self._owner(shard_id)
        # At least the clock, so that epochs go on after somebody deletes the owner's item.
        epoch = max(seen + 1, self._clock())
        condition: dict[str, Any] = {"ConditionExpression": _NEW}
        if seen:
            condition = {
                "ConditionExpression": _SEEN,
                "ExpressionAttributeNames": {"#epoch": EPOCH},
                "ExpressionAttributeValues": {":seen": {"N": str(seen)}},
            }
        item = owner_item(shard_id, self._process, epoch)
        # The client may have repeated a write whose answer was lost, and met its own condition.
        if not self._write("PutItem", Item=item, **condition) and not self.owned(shard_id, epoch):
            raise ShardClaimed(shard_id)
        return self._fence(shard_id, epoch)

    def note(
        self, shard_id: str, place: ShardPlace, statuses: Mapping[str, Mapping[str, WellStatus]]
    ) -> None:
        """Write a place, and the latest statuses that no snapshot has.

        Raises:
            ShardClaimed: another process has claimed the shard.
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load).
        """
        unsettled = {name: astuple(stretch) for name, stretch in place.unsettled.items()}
        latest = encode_latest(statuses)
        item = place_item(shard_id, place.epoch, place.done, place.since, unsettled, latest)
        if not self._write("PutItem", Item=item, **_at_most(place.epoch)):
            raise ShardClaimed(shard_id)

    def _fence(self, shard_id: str, epoch: int) -> ShardPlace:
        """Write the epoch of a claim to the place, and return what it says."""
        fence: dict[str, Any] = _at_most(epoch)
        response = self._write(
            "UpdateItem",
            Key=place_key(shard_id),
            UpdateExpression="SET #epoch = :epoch",
            ReturnValues="ALL_NEW",
            **fence,
        )
        if not response:
            raise ShardClaimed(shard_id)
        found = response["Attributes"]
        texts = {name: found[name]["S"] for name in ("done", "since") if name in found}
        unsettled = {
            name: Stretch(*(one["S"] for one in stretch["L"]))
            for name, stretch in found.get("unsettled", {}).get("M", {}).items()
        }
        return ShardPlace(epoch, texts.get("done"), texts.get("since"), unsettled)

    def _owner(self, shard_id: str) -> tuple[str, int]:
        """The process that owns a shard and its epoch; nobody and 0 for a shard never claimed."""
        try:
            response: Any = self._client.get_item(
                TableName=self._table, Key=owner_key(shard_id), ConsistentRead=True
            )
        except Exception as error:
            raise unavailable("GetItem", error) from error
        item = response.get("Item")
        return ("", 0) if item is None else (item["process"]["S"], int(item[EPOCH]["N"]))

    def _write(self, operation: str, **request: Any) -> dict[str, Any] | None:  # noqa: ANN401 - of both operations
        """The response, None if the condition does not hold."""
        call: Any = self._client.put_item if operation == "PutItem" else self._client.update_item
        try:
            response: dict[str, Any] = call(TableName=self._table, **request)
        except Exception as error:
            if error_code(error) == "ConditionalCheckFailedException":
                return None
            raise unavailable(operation, error) from error
        return response or {"Attributes": {}}


def _at_most(epoch: int) -> dict[str, Any]:
    return {
        "ConditionExpression": _AT_MOST,
        "ExpressionAttributeNames": {"#epoch": EPOCH},
        "ExpressionAttributeValues": {":epoch": {"N": str(epoch)}},
    }
