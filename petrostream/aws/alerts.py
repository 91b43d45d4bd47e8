"""Publishes alerts to an SNS topic: each at most once, and none is lost except by a crash at one point.

An alert comes from a facility's committed memory and stays there until it is published. Before that, a marker
with its identity is written to the live table, on the condition that there is none. So:

* A retry, a second consumer or a new process finds the marker and publishes nothing.
* The topic refuses (throttled, access denied, not found): the marker is deleted, and the alert stays in
  memory for the facility's next batch. Readings never wait for it.
* The response is lost: SNS may have accepted the message. It is not sent again; the log has the whole event.
* The process dies between marker and message: that message is not sent. The alarm is still in the live table
  and in the lake. Publishing first would send some messages twice instead.
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import orjson

from petrostream.aws.calls import error_code, repeatable
from petrostream.backoff import Backoff, Deadline
from petrostream.live import Alert, envelope, marker_item

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

MAX_REMEMBERED = 10_000
FILTERS = ("facility_id", "well_id", "priority", "event", "alarm_type", "status", "scope")
"""Fields of the detail that subscribers can filter by, besides `kind`."""

logger = logging.getLogger(__name__)


class AlertTopic:
    """The topic, and the markers of what has been published.

    Args:
        topic_arn: ARN of the topic; if empty, nothing is published.
        table: name of the live table.
        sns: SNS client without retries of its own: a message whose response was lost may have been sent.
        dynamodb: DynamoDB client.
        clock: returns the present, epoch ms.
        backoff: how refused messages are retried.
    """

    def __init__(
        self,
        topic_arn: str,
        table: str,
        sns: Any,  # noqa: ANN401 - its stubs are not among the dependencies
        dynamodb: "DynamoDBClient",
        clock: "Callable[[], int]",
        backoff: Backoff | None = None,
    ) -> None:
        self._topic = topic_arn
        self._table = table
        self._sns = sns
        self._dynamodb = dynamodb
        self._clock = clock
        self._backoff = backoff or Backoff(limit=3, cap=1.0)
        self._deadline = Deadline(float("inf"))
        self._published: dict[str, None] = {}

    def with_deadline(self, deadline: Deadline) -> "AlertTopic":
        """Set the deadline of all further publishing; returns this topic."""
        self._deadline = deadline
        return self

    @property
    def published_ids(self) -> frozenset[str]:
        """Identities of alerts that are published, as far as this process knows."""
        return frozenset(self._published)

    def publish(self, alerts: Sequence[Alert]) -> None:
        """Publish the alerts not yet published; stops at the first failure and leaves the rest for later."""
        for alert in alerts:
            if alert.alert_id in self._published:
                continue
            if self._deadline.remaining() <= 0:
                return
            try:
                if self._topic and self._claim(alert):
                    self._send(alert)
            except Exception as error:
                # Whatever the error, readings must not wait for alerts.
                logger.warning(
                    "%s %s not published yet: %s: %s",
                    *(alert.kind, alert.alert_id, error_code(error), error),
                )
                return
            self._remember(alert.alert_id)

    def _remember(self, alert_id: str) -> None:
        self._published[alert_id] = None
        while len(self._published) > MAX_REMEMBERED:
            del self._published[next(iter(self._published))]

    def _claim(self, alert: Alert) -> bool:
        """True if this process claimed the alert: no other process will publish it."""
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=marker_item(alert.alert_id, self._clock()),
                ConditionExpression="attribute_not_exists(pk)",
            )
        except Exception as error:
            # Also if the client retried a put whose response was lost and found its own marker: at most once.
            if error_code(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True

    def _send(self, alert: Alert) -> None:
        arn = self._topic.split(":")
        event = envelope(alert, account=arn[4], region=arn[3])
        failure: Exception | None = None
        for _ in self._backoff.attempts(self._deadline):
            try:
                self._sns.publish(
                    TopicArn=self._topic,
                    Message=orjson.dumps(event).decode(),
                    Subject=_subject(alert),
                    MessageAttributes=_attributes(alert),
                )
            except Exception as error:
                if getattr(error, "response", None) is None:
                    # No response: it may have been sent. Sending it twice is worse than a look into this log.
                    logger.exception("alert may not have been published: %s", orjson.dumps(event).decode())
                    return
                failure = error
                if not repeatable(error):
                    break
            else:
                return
        self._unmark(alert)
        assert failure is not None
        raise failure

    def _unmark(self, alert: Alert) -> None:
        item = marker_item(alert.alert_id, 0)
        self._dynamodb.delete_item(TableName=self._table, Key={"pk": item["pk"], "sk": item["sk"]})


def _subject(alert: Alert) -> str:
    detail = alert.detail
    if "status" in detail:
        text = f"{detail['well_id']}: {detail['status']}"
    else:
        text = f"{detail['well_id']}: {detail['alarm_type']} {detail['event']} ({detail['priority']})"
    # SNS takes up to 100 printable ASCII characters.
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)[:100]


def _attributes(alert: Alert) -> dict[str, dict[str, str]]:
    chosen = {"kind": alert.kind} | {name: alert.detail[name] for name in FILTERS if alert.detail.get(name)}
    return {name: {"DataType": "String", "StringValue": str(value)} for name, value in chosen.items()}
