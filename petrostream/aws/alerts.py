"""Publishes alerts to an SNS topic: each at most once, and none is lost except by a crash at one point.

An alert comes from a facility's committed memory and stays there until it is published. Before that, a marker
with its identity is written to the live table, on the condition that there is none. So:

* A retry, a second consumer or a new process finds the marker and publishes nothing.
* The topic refuses (throttled, access denied, not found): the marker is deleted, and the alert stays in
  memory for the facility's next batch. Readings never wait for it.
* The response is lost: SNS may have accepted the messages. They are not sent again; the log has the whole
  events.
* The process dies between markers and call: those messages, ten at most, are not sent. The alarms are still
  in the live table and in the lake. Publishing first would send some messages twice instead.

Alerts go out in calls of `SNS_BATCH_ENTRIES`. A call may accept some messages and refuse others; only those
refused are sent again.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from petrostream.aws.calls import error_code, repeatable
from petrostream.aws.limits import SNS_BATCH_BYTES, SNS_BATCH_ENTRIES
from petrostream.backoff import Backoff, Deadline
from petrostream.live import Alert, envelope, marker_item
from petrostream.names import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

MAX_REMEMBERED = 10_000
FILTERS = ("facility_id", "well_id", "priority", "event", "alarm_type", "status", "scope")
"""Fields of the detail that subscribers can filter by, besides `kind`."""

SUBJECT_CHARS = 99
"""Longest subject: the API reference asks for "less than 100 characters"."""

AT_ONCE = 8
"""Markers written at the same time; the client holds ten connections."""

_AT_FAULT = frozenset({"InvalidParameter", "InvalidParameterValue", "ParameterValueInvalid"})
"""Refusals of the message itself, not of the topic: no retry can succeed."""

logger = logging.getLogger(__name__)


class PublishRefusedError(Exception):
    """SNS did not accept some messages of a call; the text has its codes."""


@dataclass(frozen=True, slots=True)
class _Message:
    """An alert as one entry of a PublishBatch call."""

    alert: Alert
    body: str
    entry: dict[str, Any]

    @property
    def size(self) -> int:
        """What SNS counts: bytes of body and attributes; with the subject, to be on the safe side."""
        attributes = self.entry["MessageAttributes"].items()
        texts = [self.body, self.entry["Subject"]]
        texts += [part for name, value in attributes for part in (name, *value.values())]
        return sum(len(text.encode()) for text in texts)


class AlertTopic:
    """The topic, and the markers of what has been published.

    Args:
        topic_arn: ARN of the topic; if empty, nothing is published.
        table: name of the live table.
        sns: SNS client without retries of its own: a message whose response was lost may have been sent.
        dynamodb: DynamoDB client.
        clock: returns the present, epoch ms.
        backoff: how refused messages are retried.
        silenced: returns whether an operator has shelved an alarm tag (well, alarm type) or removed it from
            service; its transitions are then in the lake, and annunciated nowhere.
    """

    def __init__(
        self,
        topic_arn: str,
        table: str,
        sns: Any,  # noqa: ANN401 - its stubs are not among the dependencies
        dynamodb: "DynamoDBClient",
        clock: "Callable[[], int]",
        backoff: Backoff | None = None,
        silenced: "Callable[[str, str], bool]" = lambda _well, _type: False,
    ) -> None:
        self._topic = topic_arn
        self._silenced = silenced
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
        unpublished = [alert for alert in alerts if alert.alert_id not in self._published]
        if not self._topic:
            self._remember(unpublished)
            return
        quiet = [alert for alert in unpublished if self._quiet(alert)]
        self._remember(quiet)
        loud = (alert for alert in unpublished if alert not in quiet)
        for batch in _batches(map(self._message, loud)):
            if self._deadline.remaining() <= 0:
                return
            try:
                self._publish_batch(batch)
            except Exception as error:
                # Whatever the error, readings must not wait for alerts.
                logger.warning("alerts not published yet: %s: %s", error_code(error), error)
                return

    def _quiet(self, alert: Alert) -> bool:
        if "alarm_type" not in alert.detail:
            return False
        try:
            return self._silenced(alert.detail["well_id"], alert.detail["alarm_type"])
        except Exception as error:
            # One message too many is better than a silent alarm.
            logger.warning("not known whether an alarm is shelved: %s: %s", error_code(error), error)
            return False

    def _publish_batch(self, batch: Sequence[_Message]) -> None:
        """Publish one call's messages; those not accepted lose their markers before the error is raised."""
        claimed = self._claim_all(batch)
        refused, error = self._send(claimed) if claimed else ([], None)
        kept = {message.alert.alert_id for message in refused}
        self._remember(message.alert for message in batch if message.alert.alert_id not in kept)
        if error is not None:
            self._unmark(refused)
            raise error

    def _remember(self, alerts: Iterable[Alert]) -> None:
        self._published.update((alert.alert_id, None) for alert in alerts)
        while len(self._published) > MAX_REMEMBERED:
            del self._published[next(iter(self._published))]

    def _claim_all(self, batch: Sequence[_Message]) -> list[_Message]:
        """The messages that this process claimed. If one marker fails, all are deleted."""
        if len(batch) == 1:
            return [message for message in batch if self._claim(message.alert)]
        with ThreadPoolExecutor(min(AT_ONCE, len(batch))) as pool:
            claims = [pool.submit(self._claim, message.alert) for message in batch]
        errors = [claim.exception() for claim in claims]
        failure = next((error for error in errors if error is not None), None)
        claimed = [
            message
            for message, claim, error in zip(batch, claims, errors, strict=True)
            if error is None and claim.result()
        ]
        if failure is not None:
            self._unmark(claimed)
            raise failure
        return claimed

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

    def _message(self, alert: Alert) -> _Message:
        arn = self._topic.split(":")
        body = orjson.dumps(envelope(alert, account=arn[4], region=arn[3])).decode()
        entry = {
            "Id": alert.alert_id,
            "Message": body,
            "Subject": _subject(alert),
            "MessageAttributes": _attributes(alert),
        }
        return _Message(alert, body, entry)

    def _send(self, messages: Sequence[_Message]) -> tuple[list[_Message], Exception | None]:
        """Send one call's messages, those refused again until time or attempts run out.

        Returns:
            The messages that were refused to the end, and the last error; none, and None, if there are none.
        """
        left, error = list(messages), None
        for _ in self._backoff.attempts(self._deadline):
            try:
                response = self._sns.publish_batch(
                    TopicArn=self._topic, PublishBatchRequestEntries=[message.entry for message in left]
                )
            except Exception as failure:
                if getattr(failure, "response", None) is None:
                    # They may have been sent. Sending them twice is worse than a look into this log.
                    _log_unsure(left)
                    return [], None
                error = failure
                if not repeatable(failure):
                    break
                continue
            left, error = _refused(left, response.get("Failed", []))
            if not left:
                return [], None
        return left, error

    def _unmark(self, messages: Iterable[_Message]) -> None:
        """Delete the markers. An alert whose marker stays is not published any more: the log has it."""
        for message in messages:
            item = marker_item(message.alert.alert_id, 0)
            try:
                self._dynamodb.delete_item(TableName=self._table, Key={"pk": item["pk"], "sk": item["sk"]})
            except Exception:
                logger.exception("alert not published, its marker stays: %s", message.body)


def _batches(messages: Iterable[_Message]) -> Iterator[list[_Message]]:
    """The messages in order, cut to what one PublishBatch call takes."""
    batch: list[_Message] = []
    size = 0
    for message in messages:
        if batch and (len(batch) == SNS_BATCH_ENTRIES or size + message.size > SNS_BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += message.size
    if batch:
        yield batch


def _refused(
    messages: Sequence[_Message], failures: Sequence[dict[str, Any]]
) -> tuple[list[_Message], Exception | None]:
    """The messages to send again, and why; one that can never be accepted is logged and left out."""
    codes = {failure["Id"]: str(failure.get("Code", "unknown")) for failure in failures}
    left = []
    for message in messages:
        code = codes.get(message.alert.alert_id)
        if code in _AT_FAULT:
            logger.error("alert can't be published, SNS refuses it with %s: %s", code, message.body)
        elif code is not None:
            left.append(message)
    why = ", ".join(sorted({codes[message.alert.alert_id] for message in left}))
    return left, PublishRefusedError(f"SNS refused {len(left)} messages: {why}") if left else None


def _log_unsure(messages: Iterable[_Message]) -> None:
    for message in messages:
        logger.exception("alert may not have been published: %s", message.body)


def _subject(alert: Alert) -> str:
    detail = alert.detail
    if "status" in detail:
        change = f": {detail['status']}"
    else:
        change = f": {detail['alarm_type']} {detail['event']} ({detail['priority']})"
    # SNS refuses a subject that begins with a blank, holds a control character or has over 100 characters.
    well = _ascii(detail["well_id"]).strip()
    room = SUBJECT_CHARS - len(change)
    return (well if len(well) <= room else f"{well[: room - 3]}...") + _ascii(change)


def _ascii(text: str) -> str:
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)


def _attributes(alert: Alert) -> dict[str, dict[str, str]]:
    chosen = {"kind": alert.kind} | {name: alert.detail[name] for name in FILTERS if alert.detail.get(name)}
    return {name: {"DataType": "String", "StringValue": shown(str(value))} for name, value in chosen.items()}
