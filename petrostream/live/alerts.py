"""Alerts about changes of alarms and of a well's status, published in the form of EventBridge events.

An alert stays in the facility's memory from the change that caused it until it is published. A change counts
only once the memory is written: nothing is published for a change that a conflict discarded, and no committed
change is forgotten. docs/reference/live-table.md describes what a crash may lose.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from petrostream.alarms import ALARM_TYPES, NORMAL, RETURNED, SUPPRESSED, Action, AlarmEvent, Transition
from petrostream.live.changes import StatusChange
from petrostream.live.open_alarms import OpenAlarm
from petrostream.risk import LikelyEvent
from petrostream.times import to_iso

ALARM_TRANSITION = "Alarm Transition"
STATUS_CHANGE = "Well Status Change"
SOURCE = "petrostream"
MAX_AGE_MS = 6 * 3_600_000
"""A change older than this when its record arrived in the stream sends no alert, so a backfill sends none."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert to publish.

    Attributes:
        alert_id: identity of the change it reports, 32 hexadecimal digits.
        kind: `Alarm Transition` or `Well Status Change`.
        ts_ms: time of the change, epoch ms.
        detail: details of the change; JSON values.
    """

    alert_id: str
    kind: str
    ts_ms: int
    detail: dict[str, Any]


def alarm_alerts(events: Iterable[AlarmEvent]) -> list[Alert]:
    """Alerts for those alarm transitions that concern an operator.

    An alarm that is suppressed by design is not annunciated (ISA-18.2). Neither its suppression nor the
    return of an alarm that was never annunciated is an alert. Both transitions are in the lake.
    """
    return [
        Alert(event.change.transition_id, ALARM_TRANSITION, event.change.ts_ms, _alarm_detail(event))
        for event in events
        if event.change.event != SUPPRESSED
        and not (event.change.event == RETURNED and event.change.state == NORMAL)
    ]


def _alarm_detail(event: AlarmEvent) -> dict[str, Any]:
    return _detail(
        event.change, event.change, event.facility_id, event.change.cause, event.sentence, event.likely
    )


def unshelved_alert(alarm: OpenAlarm, action: Action, facility_id: str) -> Alert:
    """The alert for an alarm that is still active when its shelving ends.

    Args:
        alarm: the alarm.
        action: the end of the shelving.
        facility_id: the well's facility.
    """
    detail = _detail(alarm, action, facility_id, action.comment, alarm.sentence, alarm.likely)
    return Alert(action.transition_id, ALARM_TRANSITION, action.ts_ms, detail)


def _detail(
    alarm: Transition | OpenAlarm,
    change: Transition | Action,
    facility_id: str,
    cause: str | None,
    sentence: str | None,
    likely: LikelyEvent | None,
) -> dict[str, Any]:
    """What an alert says of an alarm and of what changed about it."""
    known = ALARM_TYPES.get(alarm.alarm_type)
    return {
        "transition_id": change.transition_id,
        "alarm_id": alarm.alarm_id,
        "facility_id": facility_id,
        "well_id": alarm.well_id,
        "alarm_type": alarm.alarm_type,
        "priority": alarm.priority,
        "event": change.event,
        "state": change.state,
        "start": to_iso(alarm.start_ms),
        "active": to_iso(alarm.active_ms),
        "cause": cause,
        "sentence": sentence,
        "likely_class": likely and likely.event_class,
        "likely_event": likely and likely.event,
        "evidence": likely and likely.evidence,
        "consequence": known.consequence if known else None,
        "response_minutes": known.response_minutes if known else None,
    }


def status_alert(change: StatusChange, facility_id: str, found: dict[str, Any]) -> Alert:
    """The alert for a change of a well's status.

    Args:
        change: the change.
        facility_id: the well's facility.
        found: details of the reading that caused it; JSON values.
    """
    detail = {
        "transition_id": change.change_id,
        "facility_id": facility_id,
        "well_id": change.well_id,
        "scope": change.scope,
        "status": change.status,
        "since": to_iso(change.since_ms),
        **found,
    }
    return Alert(change.change_id, STATUS_CHANGE, change.ts_ms, detail)


def envelope(alert: Alert, *, account: str, region: str) -> dict[str, Any]:
    """The alert in the form of an EventBridge event (version 0), which subscribers can handle alike.

    Args:
        alert: the alert.
        account: account of the topic.
        region: region of the topic.
    """
    facility, well = alert.detail["facility_id"], alert.detail["well_id"]
    return {
        "version": "0",
        "id": str(UUID(alert.alert_id)),
        "detail-type": alert.kind,
        "source": SOURCE,
        "account": account,
        "time": to_iso(alert.ts_ms),
        "region": region,
        "resources": [f"facility/{facility}", f"well/{well}"],
        "detail": {name: value for name, value in alert.detail.items() if value is not None},
    }
