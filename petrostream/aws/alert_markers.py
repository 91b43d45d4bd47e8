"""Markers of alerts in the live table: which process publishes an alert, and which alerts are published."""

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from typing import TYPE_CHECKING
from uuid import uuid4

from petrostream.aws.calls import error_code
from petrostream.live import CLAIMED_MS, Alert, Item, claim_item, marker_item

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

STALE_MS = 60_000
"""Age of a claim that no living process holds: a call to the topic with all its attempts takes less."""

AT_ONCE = 8
"""Markers written at the same time; the client holds ten connections."""

FREE = "attribute_not_exists(pk) OR claimed_ms < :stale OR claimed_by = :process"

logger = logging.getLogger(__name__)


class Claim(Enum):
    """Who publishes an alert: this process, nobody any more, or another process that is about to."""

    MINE = auto()
    TOLD = auto()
    FOREIGN = auto()


class AlertMarkers:
    """The markers, as one process writes them.

    Args:
        table: name of the live table.
        dynamodb: DynamoDB client.
        clock: returns the present, epoch ms.
    """

    def __init__(self, table: str, dynamodb: "DynamoDBClient", clock: "Callable[[], int]") -> None:
        self._table = table
        self._dynamodb = dynamodb
        self._clock = clock
        self._process = uuid4().hex

    def claim(self, alerts: Sequence[Alert]) -> dict[str, Claim]:
        """Claim alerts, so that no other process publishes them within `STALE_MS`.

        Returns:
            What became of each, by its identity.

        Raises:
            Exception: the table did not take a claim; those of the others are released.
        """
        with ThreadPoolExecutor(min(AT_ONCE, len(alerts))) as pool:
            asked = [pool.submit(self._claim, alert.alert_id) for alert in alerts]
        errors = [one.exception() for one in asked]
        claims = {
            alert.alert_id: one.result()
            for alert, one, error in zip(alerts, asked, errors, strict=True)
            if error is None
        }
        failure = next((error for error in errors if error is not None), None)
        if failure is not None:
            self.release(alert_id for alert_id, claim in claims.items() if claim is Claim.MINE)
            raise failure
        return claims

    def confirm(self, alert_ids: Iterable[str]) -> None:
        """Turn the claims of published alerts into markers. One that stays a claim may be published again."""
        for alert_id in alert_ids:
            try:
                self._dynamodb.put_item(TableName=self._table, Item=marker_item(alert_id, self._clock()))
            except Exception as error:
                logger.warning("alert %s is published, its claim stays: %s", alert_id, error_code(error))

    def release(self, alert_ids: Iterable[str]) -> None:
        """Delete the claims of alerts that were not published. One that stays is taken over when stale."""
        for alert_id in alert_ids:
            try:
                self._dynamodb.delete_item(TableName=self._table, Key=_key(marker_item(alert_id, 0)))
            except Exception as error:
                logger.warning(
                    "alert %s waits for a minute, its claim stays: %s", alert_id, error_code(error)
                )

    def _claim(self, alert_id: str) -> Claim:
        now_ms = self._clock()
        item = claim_item(alert_id, now_ms, self._process)
        values = {":stale": {"N": str(now_ms - STALE_MS)}, ":process": {"S": self._process}}
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression=FREE,
                ExpressionAttributeValues=values,
            )
        except Exception as error:
            if error_code(error) == "ConditionalCheckFailedException":
                return self._whose(item)
            raise
        return Claim.MINE

    def _whose(self, item: Item) -> Claim:
        answer = self._dynamodb.get_item(TableName=self._table, Key=_key(item), ConsistentRead=True)
        found = answer.get("Item")
        return Claim.TOLD if found is not None and CLAIMED_MS not in found else Claim.FOREIGN


def _key(item: Item) -> Item:
    return {"pk": item["pk"], "sk": item["sk"]}
