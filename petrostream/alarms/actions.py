"""Operators' actions on alarms: acknowledge, shelve, unshelve, remove from and return to service, comment.

Every function is pure and takes the present, epoch ms, as an argument. It returns the new record of the alarm
tag, and the row for the alarm history: who did what, when and why.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from petrostream.alarms.events import SHELVED, transition_id
from petrostream.alarms.records import AlarmRecord, remember

ACKNOWLEDGED = "acknowledged"
SHELVE = "shelved"
UNSHELVE = "unshelved"
REMOVED_FROM_SERVICE = "removed_from_service"
RETURNED_TO_SERVICE = "returned_to_service"
COMMENTED = "commented"
OPERATOR_EVENTS = (ACKNOWLEDGED, SHELVE, UNSHELVE, REMOVED_FROM_SERVICE, RETURNED_TO_SERVICE, COMMENTED)

TIMER = "petrostream"
"""Actor of what happens by itself: a shelf whose time is up."""

MAX_SHELF_MS = 12 * 3600 * 1000
"""Longest time on the shelf: one shift, so that whoever shelved the alarm is still there when it returns."""


class ActionRefusedError(ValueError):
    """The alarm's state does not allow an operator's action; the message says why."""


@dataclass(frozen=True, slots=True)
class Action:
    """An operator's action, as recorded in the alarm history.

    Attributes:
        transition_id: a pure function of tag, event, time and actor.
        well_id, alarm_type, priority, alarm_id: the alarm.
        event: one of `OPERATOR_EVENTS`.
        state: the alarm's state afterwards.
        ts_ms: when, epoch ms.
        actor, comment: who, and why.
        shelved_until_ms: end of the shelving, epoch ms; None unless the event is `shelved`.
    """

    transition_id: str
    well_id: str
    alarm_type: str
    priority: str
    alarm_id: str | None
    event: str
    state: str
    ts_ms: int
    actor: str
    comment: str
    shelved_until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class OperatorRequest:
    """What an operator asks for.

    Attributes:
        action: one of `ACTIONS`.
        actor: who asks.
        comment: why; required to shelve, to remove from service, and of course to comment.
        hours: how long to shelve, more than 0 and at most 12; for `shelve` alone.
    """

    action: str
    actor: str
    comment: str = ""
    hours: float | None = None


def perform(record: AlarmRecord, request: OperatorRequest, now_ms: int) -> tuple[AlarmRecord, Action]:
    """Do what an operator asks for, at a time, epoch ms.

    Raises:
        ActionRefusedError: the request is incomplete, or the alarm's state does not allow it.
    """
    actor, comment = request.actor, request.comment
    if request.action not in ACTIONS:
        raise ActionRefusedError(f"action {request.action!r}: choose one of {', '.join(ACTIONS)}")
    if request.action != SHELVE_IT:
        if request.hours is not None:
            raise ActionRefusedError(f"{_tag(record)}: hours belong to {SHELVE_IT}, not to {request.action}")
        return _PERFORM[request.action](record, actor=actor, now_ms=now_ms, comment=comment)
    if request.hours is None or not math.isfinite(request.hours):
        raise ActionRefusedError(f"{_tag(record)}: say for how many hours to shelve it, at most 12")
    until_ms = now_ms + round(request.hours * 3_600_000)
    return shelve(record, actor=actor, now_ms=now_ms, until_ms=until_ms, comment=comment)


def acknowledge(
    record: AlarmRecord, *, actor: str, now_ms: int, comment: str = ""
) -> tuple[AlarmRecord, Action]:
    """Record that an operator has seen the alarm.

    Raises:
        ActionRefusedError: there is nothing to acknowledge, or no actor is named.
    """
    if record.acknowledged:
        raise _refused(record, now_ms, "acknowledge", "an unacknowledged alarm")
    new = replace(record, acknowledged=True, acknowledged_ms=now_ms, acknowledged_by=actor)
    return _done(new, ACKNOWLEDGED, actor, now_ms, comment)


def shelve(
    record: AlarmRecord, *, actor: str, now_ms: int, until_ms: int, comment: str
) -> tuple[AlarmRecord, Action]:
    """Shelve an alarm for a limited time, whether it is active or not.

    Raises:
        ActionRefusedError: it is out of service, `until_ms` is not within the next 12 hours, or no actor or
            reason is given.
    """
    if record.out_of_service_by is not None:
        raise _refused(record, now_ms, "shelve", "an alarm in service")
    if not now_ms < until_ms <= now_ms + MAX_SHELF_MS:
        hours = (until_ms - now_ms) / 3_600_000
        raise ActionRefusedError(
            f"{_tag(record)} cannot be shelved for {hours:g} h: choose more than 0 and at most "
            f"{MAX_SHELF_MS / 3_600_000:g} h"
        )
    _reason(record, "shelve", comment)
    new = replace(record, shelved_until_ms=until_ms, shelved_by=actor, shelved_why=comment)
    return _done(new, SHELVE, actor, now_ms, comment, until_ms)


def unshelve(
    record: AlarmRecord, *, actor: str, now_ms: int, comment: str = ""
) -> tuple[AlarmRecord, Action]:
    """End the shelving of an alarm early.

    Raises:
        ActionRefusedError: it is not shelved, or no actor is named.
    """
    if record.state(now_ms) != SHELVED:
        raise _refused(record, now_ms, "unshelve", "a shelved alarm")
    new = replace(record, shelved_until_ms=None, shelved_by=None, shelved_why=None)
    return _done(new, UNSHELVE, actor, now_ms, comment)


def end_shelf(record: AlarmRecord) -> tuple[AlarmRecord, Action]:
    """End a shelving whose time is up.

    The action's time is the end of the shelving, whenever it is noticed: whoever notices it first or again
    records the same action, with the same identity.

    Raises:
        ActionRefusedError: it is not shelved.
    """
    until_ms = record.shelved_until_ms
    if until_ms is None:
        raise ActionRefusedError(f"{_tag(record)} is not on the shelf")
    new = replace(record, shelved_until_ms=None, shelved_by=None, shelved_why=None)
    return _done(new, UNSHELVE, TIMER, until_ms, "time is up")


def comment_on(record: AlarmRecord, *, actor: str, now_ms: int, comment: str) -> tuple[AlarmRecord, Action]:
    """Add a comment to the alarm's history; nothing else changes.

    Raises:
        ActionRefusedError: there is no text, or no actor is named.
    """
    if not comment.strip():
        raise ActionRefusedError(f"{_tag(record)}: the comment is empty")
    return _done(record, COMMENTED, actor, now_ms, comment)


def remove_from_service(
    record: AlarmRecord, *, actor: str, now_ms: int, comment: str
) -> tuple[AlarmRecord, Action]:
    """Remove an alarm from service, for maintenance, until it is returned.

    Raises:
        ActionRefusedError: it is already out of service, or no actor or reason is given.
    """
    if record.out_of_service_by is not None:
        raise _refused(record, now_ms, "remove from service", "an alarm in service")
    _reason(record, "remove from service", comment)
    new = replace(record, out_of_service_by=actor, out_of_service_why=comment)
    return _done(new, REMOVED_FROM_SERVICE, actor, now_ms, comment)


def return_to_service(
    record: AlarmRecord, *, actor: str, now_ms: int, comment: str = ""
) -> tuple[AlarmRecord, Action]:
    """Return an alarm to service.

    Raises:
        ActionRefusedError: it is in service, or no actor is named.
    """
    if record.out_of_service_by is None:
        raise _refused(record, now_ms, "return to service", "an alarm out of service")
    new = replace(record, out_of_service_by=None, out_of_service_why=None)
    return _done(new, RETURNED_TO_SERVICE, actor, now_ms, comment)


def _done(
    record: AlarmRecord, event: str, actor: str, now_ms: int, comment: str, until_ms: int | None = None
) -> tuple[AlarmRecord, Action]:
    if not actor.strip():
        raise ActionRefusedError(f"{_tag(record)}: say who acts; the alarm history requires a name")
    identity = transition_id(record.alarm_id or _tag(record), event, now_ms, actor)
    record = replace(record, recent=remember(record, identity))
    action = Action(
        transition_id=identity,
        well_id=record.well_id,
        alarm_type=record.alarm_type,
        priority=record.priority,
        alarm_id=record.alarm_id,
        event=event,
        state=record.state(now_ms),
        ts_ms=now_ms,
        actor=actor,
        comment=comment,
        shelved_until_ms=until_ms,
    )
    return record, action


def _tag(record: AlarmRecord) -> str:
    return f"{record.well_id}/{record.alarm_type}"


def _reason(record: AlarmRecord, action: str, comment: str) -> None:
    if not comment.strip():
        raise ActionRefusedError(
            f"{_tag(record)}: give a reason to {action} it; the alarm history requires one"
        )


def _refused(record: AlarmRecord, now_ms: int, action: str, needed: str) -> ActionRefusedError:
    return ActionRefusedError(f"{_tag(record)} is {record.state(now_ms)}: {action} requires {needed}")


SHELVE_IT = "shelve"

_PERFORM: dict[str, Callable[..., tuple[AlarmRecord, Action]]] = {
    "acknowledge": acknowledge,
    "unshelve": unshelve,
    "remove": remove_from_service,
    "return": return_to_service,
    "comment": comment_on,
}

ACTIONS = (SHELVE_IT, *_PERFORM)
"""What an operator may ask for."""
