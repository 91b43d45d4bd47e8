"""Snapshots of the facilities' memories: one item of binary parts in DynamoDB for each facility.

The item has a version that every write increments, on the condition that it is still the one the writer read.
Two overlapping invocations (a retry beside a slow first attempt, a moved shard) therefore can't overwrite
each other: the later one gets `StateConflict`. The memories of this process, which are ahead of the
snapshots, are in `petrostream.pipeline.memories`.
"""

import logging
from typing import TYPE_CHECKING, Any

from petrostream.aws.calls import at_version, error_code, unavailable
from petrostream.errors import StateConflict, StateUnreadable
from petrostream.live import facility_key
from petrostream.packing import StateFormatError
from petrostream.pipeline import PARTS, Memory, decode_parts, fitted
from petrostream.scoring import FacilityState, codec

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NEW = 0
"""Version of a facility that has no item yet."""

MAX_STATE_BYTES = 380_000
"""Most bytes of all parts together; names, keys and numbers of the item need some of its 400 KB."""

SCORING = "state"
"""Attribute of scoring's state; `PARTS` names the attributes of the other parts."""

logger = logging.getLogger(__name__)


class StateStore:
    """Snapshots in one table.

    Args:
        table: name of the table, with string keys `pk` and `sk`.
        client: DynamoDB client with time-outs and retries of its own.
    """

    def __init__(self, table: str, client: "DynamoDBClient") -> None:
        self._table = table
        self._client = client

    def load(self, facility_id: str) -> tuple[Memory, int]:
        """The facility's memory and its version; an empty one at version 0 for a facility never seen.

        A part that can't be decoded (damaged, or of another release) or is missing is reset.

        Raises:
            StateUnreadable: the item lacks its version or its last sequence number.
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load).
        """
        item = self._get(facility_id)
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

    def committed(self, facility_id: str) -> Memory:
        """The facility's memory as the table has it, for those who never write; errors as for `load`."""
        return self.load(facility_id)[0]

    def save(self, memory: Memory, version: int) -> tuple[Memory, int]:
        """Write the memory that follows the one at `version`; returns it as stored, and the new version.

        A memory over `MAX_STATE_BYTES` is written without the wells that have been silent longest
        (`petrostream.pipeline.fitting`); no reading is lost.

        Raises:
            StateConflict: the item is no longer at `version`, and is not what is to be written either.
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load). The write
                may or may not have succeeded; reading again shows which.
        """
        memory, parts = fitted(memory, MAX_STATE_BYTES)
        parts[SCORING] = parts.pop("scoring")
        put = self._item(memory.scoring, parts, version)
        try:
            self._client.put_item(**put)
        except Exception as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise unavailable("PutItem", error) from error
            # The client may have repeated a write whose answer was lost, and met its own condition.
            if self._get(memory.scoring.facility_id) != put["Item"]:
                raise StateConflict(memory.scoring.facility_id, version) from error
        return memory, version + 1

    def _get(self, facility_id: str) -> dict[str, Any] | None:
        """The facility's item, None if there is none."""
        try:
            response: Any = self._client.get_item(
                TableName=self._table,
                Key=facility_key(facility_id),
                ConsistentRead=True,
            )
        except Exception as error:
            raise unavailable("GetItem", error) from error
        item: dict[str, Any] | None = response.get("Item")
        return item

    def _item(self, state: FacilityState, parts: dict[str, bytes], version: int) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Item": {
                **facility_key(state.facility_id),
                "version": {"N": str(version + 1)},
                "last_sequence": {"S": state.last_sequence or ""},
                **{name: {"B": content} for name, content in parts.items()},
            },
            **at_version(version),
        }
