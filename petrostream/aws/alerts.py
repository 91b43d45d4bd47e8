"""Publishes alerts to an SNS topic: none is lost, and each is sent once except after a crash at one point.

An alert comes from a facility's committed memory and stays there until it is published. Before that, a marker
with its identity is written to the live table, on the condition that there is none; it holds the process's
claim until SNS has accepted the message. So:

* A retry, a second consumer or a new process finds the marker without a claim, and publishes nothing.
* It finds another's claim: the alert stays in memory. A claim that is `STALE_MS` old is of a process that
  died, and is taken over.
* The topic refuses (throttled, access denied, not found): the marker is deleted, and the alert stays in
  memory for the facility's next batch. Readings never wait for it.
* The response is lost: SNS may have accepted the messages. They are not sent again; the log has the whole
  events.
* The process dies after SNS has accepted a call and before the markers say so: those messages, ten at most,
  are sent again, with the same `id`. Who is woken by alarms would rather hear of one twice than never.

Alerts go out in calls of `SNS_BATCH_ENTRIES`. A call may accept some messages and refuse others; only those
refused are sent again.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from petrostream.aws.alert_markers import AlertMarkers, Claim
from petrostream.aws.calls import error_code, repeatable
from petrostream.aws.limits import SNS_BATCH_BYTES, SNS_BATCH_ENTRIES
from petrostream.backoff import Backoff, Deadline
from petrostream.live import Alert, envelope
from petrostream.names import shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient

MAX_REMEMBERED = 10_000
FILTERS = ("facility_id", "well_id", "priority", "event", "alarm_type", "status", "scope")
"""Fields of the detail that subscribers can filter by, besides `kind`."""

SUBJECT_CHARS = 99
"""Longest subject: the API reference asks for "less than 100 characters"."""

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
        self._sns = sns
        self._markers = AlertMarkers(table, dynamodb, clock)
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
            self._remember(alert.alert_id for alert in unpublished)
            return
        quiet = [alert for alert in unpublished if self._quiet(alert)]
        self._remember(alert.alert_id for alert in quiet)
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
        """Publish one call's messages; those not accepted lose their claims before the error is raised."""
        claims = self._markers.claim([message.alert for message in batch])
        self._remember(alert_id for alert_id, claim in claims.items() if claim is Claim.TOLD)
        mine = [message for message in batch if claims[message.alert.alert_id] is Claim.MINE]
        refused, error = self._send(mine) if mine else ([], None)
        accepted = [message.alert.alert_id for message in mine if message not in refused]
        self._remember(accepted)
        self._markers.confirm(accepted)
        if error is not None:
            self._markers.release(message.alert.alert_id for message in refused)
            raise error

    def _remember(self, alert_ids: Iterable[str]) -> None:
        self._published.update((alert_id, None) for alert_id in alert_ids)
        while len(self._published) > MAX_REMEMBERED:
            del self._published[next(iter(self._published))]

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
