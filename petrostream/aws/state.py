"""A facility's state between invocations: one binary item in DynamoDB, kept warm in memory.

The item carries a version that every write raises by one, on the condition that it is still what the writer
read. Two invocations that overlap (a retry beside a late one, a moved shard) therefore can't overwrite each
other: the later one gets `StateConflict`, reads again, and finds by the last sequence number what is done.
"""

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from petrostream.aws.calls import THROTTLING, error_code, repeatable
from petrostream.aws.errors import (
    PetroStreamError,
    ServiceUnavailable,
    StateConflict,
    StateUnreadable,
    Throttled,
)
from petrostream.history import FacilityState
from petrostream.state_codec import StateFormatError, decode, encode

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutItemInputTypeDef

SORT_KEY = "STATE"
NEW = 0
"""Version of a facility that has no item yet."""

MAX_STATE_BYTES = 380_000
"""An item may have 400 KB in all; one well needs 2.5 kB as a rule and 65 kB at the very most."""

logger = logging.getLogger(__name__)


class StateStore:
    """Facility states in one table; states read or written stay in memory for the next batch.

    Args:
        table: name of the table, with string keys `pk` and `sk`.
        client: DynamoDB client with time-outs and retries of its own.
    """

    def __init__(self, table: str, client: "DynamoDBClient") -> None:
        self._table = table
        self._client = client
        self._warm: dict[str, tuple[FacilityState, int]] = {}

    def load(self, facility_id: str) -> tuple[FacilityState, int]:
        """The facility's state and its version; an empty state at version 0 for a facility never seen.

        Where the windows can't be decoded (damaged, or of another release), they start afresh.

        Raises:
            StateUnreadable: the item lacks its version or its last sequence number.
            ServiceUnavailable: DynamoDB did not answer in time (`Throttled`: asked for less load).
        """
        warm = self._warm.get(facility_id)
        if warm is None:
            warm = self._warm[facility_id] = self._read(facility_id)
        return warm

    def save(self, state: FacilityState, version: int) -> int:
        """Write the state that follows the one at `version`; returns the new version.

        A state over `MAX_STATE_BYTES` is written without the wells that have been silent longest. Such a well
        starts its windows afresh when it speaks again; no reading is lost by it.

        Raises:
            StateConflict: the item is no longer at `version`. Also when an earlier attempt of this very write
                did succeed and its answer was lost; reading again shows that all is done.
            ServiceUnavailable: DynamoDB did not answer in time (`Throttled`: asked for less load). The write
                may or may not have happened; reading again tells.
        """
        # Whatever happens, the memory must not claim more than the table is known to hold.
        self._warm.pop(state.facility_id, None)
        state, content = fitted(state)
        try:
            self._client.put_item(**self._item(state, content, version))
        except Exception as error:
            if error_code(error) == "ConditionalCheckFailedException":
                raise StateConflict(state.facility_id, version) from error
            raise _unavailable("PutItem", error) from error
        self._warm[state.facility_id] = (state, version + 1)
        return version + 1

    def _read(self, facility_id: str) -> tuple[FacilityState, int]:
        try:
            answer = self._client.get_item(
                TableName=self._table,
                Key={"pk": {"S": _key(facility_id)}, "sk": {"S": SORT_KEY}},
                ConsistentRead=True,
            )
        except Exception as error:
            raise _unavailable("GetItem", error) from error
        item = answer.get("Item")
        if item is None:
            return FacilityState(facility_id=facility_id, last_sequence=None, wells={}), NEW
        try:
            version, last = int(item["version"]["N"]), item["last_sequence"]["S"]
            content = bytes(item["state"]["B"])
        except (KeyError, ValueError) as error:
            raise StateUnreadable(self._table, facility_id, f"{type(error).__name__}: {error}") from error
        try:
            return decode(content), version
        except StateFormatError:
            # Three minutes without window features are better than a facility that stands still. Its place on
            # the shard is an attribute of its own, so nothing is lost or scored twice.
            logger.exception("facility %s: windows start afresh", facility_id)
            return FacilityState(facility_id, last or None, {}), version

    def _item(self, state: FacilityState, content: bytes, version: int) -> "PutItemInputTypeDef":
        put: PutItemInputTypeDef = {
            "TableName": self._table,
            "Item": {
                "pk": {"S": _key(state.facility_id)},
                "sk": {"S": SORT_KEY},
                "version": {"N": str(version + 1)},
                "last_sequence": {"S": state.last_sequence or ""},
                "state": {"B": content},
            },
        }
        if version == NEW:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        else:
            put["ConditionExpression"] = "#version = :version"
            put["ExpressionAttributeNames"] = {"#version": "version"}
            put["ExpressionAttributeValues"] = {":version": {"N": str(version)}}
        return put


def fitted(state: FacilityState) -> tuple[FacilityState, bytes]:
    """The state and its encoding, without the longest silent wells if it would not fit an item otherwise."""
    content = encode(state)
    while len(content) > MAX_STATE_BYTES and len(state.wells) > 1:
        newest_first = sorted(state.wells, key=lambda well: (-int(state.wells[well].ts_ms[-1]), well))
        keep = newest_first[: max(1, int(len(newest_first) * 0.9 * MAX_STATE_BYTES / len(content)))]
        logger.warning(
            "facility %s: state of %d wells is %d bytes, over %d; the %d longest silent start afresh",
            *(state.facility_id, len(state.wells), len(content), MAX_STATE_BYTES),
            len(newest_first) - len(keep),
        )
        state = replace(state, wells={well: state.wells[well] for well in sorted(keep)})
        content = encode(state)
    return state, content


def _key(facility_id: str) -> str:
    return f"FACILITY#{facility_id}"


def _unavailable(operation: str, error: Exception) -> PetroStreamError:
    code = error_code(error)
    if code in THROTTLING:
        return Throttled("DynamoDB", operation, code)
    if repeatable(error):
        return ServiceUnavailable("DynamoDB", operation, code)
    return ServiceUnavailable("DynamoDB", operation, f"{code}: {error}")
