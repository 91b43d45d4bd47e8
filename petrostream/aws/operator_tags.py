"""Reads and writes the operators' side of alarm tags in the live table."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from petrostream.aws.calls import at_version, error_code, unavailable
from petrostream.errors import PetroStreamError
from petrostream.live import OPERATORS, OperatorTag, tag_item, tag_key, tag_of_item

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class TagChanged(PetroStreamError):  # noqa: N818 - as the errors of petrostream.errors
    """Somebody else acted on the tag in the meantime."""

    def __init__(self, tag: OperatorTag) -> None:
        super().__init__(
            f"{tag.well_id}/{tag.alarm_type}: somebody else acted on it at the same moment; look again"
        )


class OperatorTags:
    """The operators' side of alarm tags.

    Args:
        table: name of the live table.
        client: DynamoDB client with time-outs and retries of its own.
    """

    def __init__(self, table: str, client: "DynamoDBClient") -> None:
        self._table = table
        self._client = client

    def get(self, well_id: str, alarm_type: str, *, consistent: bool = True) -> OperatorTag | None:
        """A tag, None if no operator ever acted on it.

        Raises:
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load).
        """
        try:
            response: Any = self._client.get_item(
                TableName=self._table, Key=tag_key(well_id, alarm_type), ConsistentRead=consistent
            )
        except Exception as error:
            raise unavailable("GetItem", error) from error
        return tag_of_item(response["Item"]) if "Item" in response else None

    def silenced(self, well_id: str, alarm_type: str, now_ms: int) -> bool:
        """Whether a tag is shelved or out of service at a time, epoch ms; errors as for `get`."""
        tag = self.get(well_id, alarm_type, consistent=False)
        return tag is not None and tag.silenced(now_ms)

    def all(self) -> Iterator[OperatorTag]:
        """Every tag that an operator acted on, page by page.

        Raises:
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load).
        """
        more: dict[str, Any] = {}
        while True:
            try:
                response: Any = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression="pk = :pk",
                    ExpressionAttributeValues={":pk": {"S": OPERATORS}},
                    ProjectionExpression="pk, sk, tag, #version",
                    ExpressionAttributeNames={"#version": "version"},
                    **more,
                )
            except Exception as error:
                raise unavailable("Query", error) from error
            yield from map(tag_of_item, response["Items"])
            if not response.get("LastEvaluatedKey"):
                return
            more = {"ExclusiveStartKey": response["LastEvaluatedKey"]}

    def put(self, tag: OperatorTag, now_ms: int) -> OperatorTag:
        """Write a tag, on the condition that nobody wrote it since it was read.

        Args:
            tag: what to write, with the version it was read with.
            now_ms: the present, epoch ms.

        Returns:
            The tag with its new version.

        Raises:
            TagChanged: somebody did.
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load).
        """
        written = replace(tag, version=tag.version + 1)
        try:
            self._client.put_item(
                TableName=self._table, Item=tag_item(written, now_ms), **at_version(tag.version)
            )
        except Exception as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise unavailable("PutItem", error) from error
            # The client may have repeated a write whose response was lost, and met its own condition.
            found = self.get(tag.well_id, tag.alarm_type)
            if found != written:
                raise TagChanged(tag) from error
        return written
