"""What is told to the outside when something changes: events in the shape of EventBridge.

An event is kept in the facility's memory from the moment the stream brings it about until it has been sent.
It is the memory's write that decides whether the change happened, so nothing is told of a change that a
conflict undid, and nothing that was committed is forgotten.
docs/reference/live-table.md says what a crash may cost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from petrostream.alarms import ALARM_TYPES, NORMAL, RETURNED, SUPPRESSED, AlarmEvent
from petrostream.live.changes import StatusChange
from petrostream.times import to_iso

ALARM_TRANSITION = "Alarm Transition"
STATUS_CHANGE = "Well Status Change"
SOURCE = "petrostream"
MAX_AGE_MS = 6 * 3_600_000
"""A change that was older when its record reached the stream is history: a backfill calls nobody."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An event to be told.

    Attributes:
        alert_id: identity of the transition it tells of, 32 hexadecimal digits.
        kind: `Alarm Transition` or `Well Status Change`.
        ts_ms: when it happened, epoch ms.
        detail: what happened; JSON values.
    """

    alert_id: str
    kind: str
    ts_ms: int
    detail: dict[str, Any]


def alarm_alerts(events: Iterable[AlarmEvent]) -> list[Alert]:
    """Events of those transitions that concern an operator.

    Suppressed by design means that nobody is called; so neither the suppression nor the return of an alarm
    that was never annunciated is told. Both are in the lake.
    """
    return [
        Alert(event.change.transition_id, ALARM_TRANSITION, event.change.ts_ms, _alarm_detail(event))
        for event in events
        if event.change.event != SUPPRESSED
        and not (event.change.event == RETURNED and event.change.state == NORMAL)
    ]


def _alarm_detail(event: AlarmEvent) -> dict[str, Any]:
    change = event.change
    known = ALARM_TYPES.get(change.alarm_type)
    return {
        "transition_id": change.transition_id,
        "alarm_id": change.alarm_id,
        "facility_id": event.facility_id,
        "well_id": change.well_id,
        "alarm_type": change.alarm_type,
        "priority": change.priority,
        "event": change.event,
        "state": change.state,
        "start": to_iso(change.start_ms),
        "active": to_iso(change.active_ms),
        "cause": change.cause,
        "sentence": event.sentence,
        "consequence": known.consequence if known else None,
        "response_minutes": known.response_minutes if known else None,
    }


def status_alert(change: StatusChange, facility_id: str, found: dict[str, Any]) -> Alert:
    """The event of a change of status.

    Args:
        change: the change.
        facility_id: the well's facility.
        found: what is known of the reading that made it.
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
    """The event as EventBridge shapes one (version 0): subscribers can treat both alike.

    Args:
        alert: the event.
        account: of the topic.
        region: of the topic.
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
