"""A facility's memory between invocations: one item of binary parts in DynamoDB, cached in the process.

The item has a version that every write increments, on the condition that it is still the one the writer read.
Two overlapping invocations (a retry beside a slow first attempt, a moved shard) therefore can't overwrite
each other: the later one gets `StateConflict`, reads again, and skips what the last sequence number covers.
"""

import logging
from typing import TYPE_CHECKING

from petrostream.aws.calls import error_code, unavailable
from petrostream.errors import StateConflict, StateUnreadable
from petrostream.live import facility_key
from petrostream.packing import StateFormatError
from petrostream.pipeline import PARTS, Memory, decode_parts, fitted
from petrostream.scoring import FacilityState, codec

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutItemInputTypeDef

NEW = 0
"""Version of a facility that has no item yet."""

MAX_STATE_BYTES = 380_000
"""Most bytes of all parts together; names, keys and numbers of the item need some of its 400 KB."""

SCORING = "state"
"""Attribute of scoring's state; `PARTS` names the attributes of the other parts."""

logger = logging.getLogger(__name__)


class StateStore:
    """Facility states in one table; states read or written are cached for the next batch.

    Args:
        table: name of the table, with string keys `pk` and `sk`.
        client: DynamoDB client with time-outs and retries of its own.
    """

    def __init__(self, table: str, client: "DynamoDBClient") -> None:
        self._table = table
        self._client = client
        self._warm: dict[str, tuple[Memory, int]] = {}

    def load(self, facility_id: str) -> tuple[Memory, int]:
        """The facility's memory and its version; an empty one at version 0 for a facility never seen.

        A part that can't be decoded (damaged, or of another release) or is missing is reset.

        Raises:
            StateUnreadable: the item lacks its version or its last sequence number.
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load).
        """
        warm = self._warm.get(facility_id)
        if warm is None:
            warm = self._read(facility_id)
            if warm[1] != NEW:
                # The absence of an item is not cached: another process may write one at any moment.
                self._warm[facility_id] = warm
        return warm

    def committed(self, facility_id: str) -> Memory:
        """The facility's memory as the table has it now, for those who never write; errors as for `load`."""
        return self._read(facility_id)[0]

    def save(self, memory: Memory, version: int) -> int:
        """Write the memory that follows the one at `version`; returns the new version.

        A memory over `MAX_STATE_BYTES` is written without the wells that have been silent longest, and so it
        is remembered here (`petrostream.pipeline.fitting`); no reading is lost.

        Raises:
            StateConflict: the item is no longer at `version`. Also if an earlier attempt of this very write
                succeeded and its response was lost; reading again shows that everything is committed.
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load). The write
                may or may not have succeeded; reading again shows which.
        """
        # The cache must never hold more than the table is known to hold.
        facility_id = memory.scoring.facility_id
        self._warm.pop(facility_id, None)
        memory, parts = fitted(memory, MAX_STATE_BYTES)
        parts[SCORING] = parts.pop("scoring")
        try:
            self._client.put_item(**self._item(memory.scoring, parts, version))
        except Exception as error:
            if error_code(error) == "ConditionalCheckFailedException":
                raise StateConflict(facility_id, version) from error
            raise unavailable("PutItem", error) from error
        self._warm[facility_id] = (memory, version + 1)
        return version + 1

    def _read(self, facility_id: str) -> tuple[Memory, int]:
        try:
            response = self._client.get_item(
                TableName=self._table,
                Key=facility_key(facility_id),
                ConsistentRead=True,
            )
        except Exception as error:
            raise unavailable("GetItem", error) from error
        item = response.get("Item")
        if item is None:
            return Memory(FacilityState(facility_id)), NEW
        try:
            version, last = int(item["version"]["N"]), item["last_sequence"]["S"]
            content = bytes(item[SCORING]["B"])
            parts = {name: bytes(item[name]["B"]) for name in PARTS if name in item}
        except (KeyError, ValueError) as error:
            raise StateUnreadable(self._table, facility_id, f"{type(error).__name__}: {error}") from error
        try:
            scoring = codec.decode(content)
        except StateFormatError:
            # Three minutes without window features are better than a facility that stops. Its position in the
            # shard is an attribute of its own, so nothing is lost or scored twice.
            logger.exception("facility %s: its scoring state is reset", facility_id)
            scoring = FacilityState(facility_id, last or None)
        return decode_parts(scoring, parts), version

    def _item(self, state: FacilityState, parts: dict[str, bytes], version: int) -> "PutItemInputTypeDef":
        put: PutItemInputTypeDef = {
            "TableName": self._table,
            "Item": {
                **facility_key(state.facility_id),
                "version": {"N": str(version + 1)},
                "last_sequence": {"S": state.last_sequence or ""},
                **{name: {"B": content} for name, content in parts.items()},
            },
        }
        if version == NEW:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        else:
            put["ConditionExpression"] = "#version = :version"
            put["ExpressionAttributeNames"] = {"#version": "version"}
            put["ExpressionAttributeValues"] = {":version": {"N": str(version)}}
        return put
