"""What operators do to alarms: acknowledge, shelve, unshelve, out of service and back.

Every function is pure and takes its time as an argument. It gives the new record of the alarm tag, and the
row of the history that says who did what, when and why.
"""

from dataclasses import dataclass, replace

from petrostream.alarms.events import SHELVED, transition_id
from petrostream.alarms.records import AlarmRecord, remember

ACKNOWLEDGED = "acknowledged"
SHELVE = "shelved"
UNSHELVE = "unshelved"
REMOVED_FROM_SERVICE = "removed_from_service"
RETURNED_TO_SERVICE = "returned_to_service"
OPERATOR_EVENTS = (ACKNOWLEDGED, SHELVE, UNSHELVE, REMOVED_FROM_SERVICE, RETURNED_TO_SERVICE)


MAX_SHELF_MS = 12 * 3600 * 1000
"""The longest an alarm may be shelved: a shift, so that whoever shelved it is there when it comes back."""


class ActionRefusedError(ValueError):
    """An operator's action that the alarm's state does not allow; the text says why."""


@dataclass(frozen=True, slots=True)
class Action:
    """What an operator did: the history's row of it.

    Attributes:
        transition_id: a pure function of tag, event, time and actor.
        well_id, alarm_type, priority, alarm_id: which alarm.
        event: one of `OPERATOR_EVENTS`.
        state: the alarm's state afterwards.
        ts_ms: when, epoch ms.
        actor, comment: who, and why.
        shelved_until_ms: end of the shelf, for `shelved`.
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


def acknowledge(
    record: AlarmRecord, *, actor: str, now_ms: int, comment: str = ""
) -> tuple[AlarmRecord, Action]:
    """An operator has seen the alarm.

    Raises:
        ActionRefusedError: there is nothing to acknowledge.
    """
    if record.acknowledged:
        raise _refused(record, now_ms, "acknowledge", "an unacknowledged alarm")
    new = replace(record, acknowledged=True, acknowledged_ms=now_ms, acknowledged_by=actor)
    return _done(new, ACKNOWLEDGED, actor, now_ms, comment)


def shelve(
    record: AlarmRecord, *, actor: str, now_ms: int, until_ms: int, comment: str
) -> tuple[AlarmRecord, Action]:
    """Put an alarm aside for a time, active or not.

    Raises:
        ActionRefusedError: it is out of service, the time is not within 12 hours, or no reason is given.
    """
    if record.out_of_service_by is not None:
        raise _refused(record, now_ms, "shelve", "an alarm in service")
    if not now_ms < until_ms <= now_ms + MAX_SHELF_MS:
        hours = (until_ms - now_ms) / 3_600_000
        raise ActionRefusedError(
            f"{_tag(record)} can't be shelved for {hours:g} h: give more than 0, at most "
            f"{MAX_SHELF_MS / 3_600_000:g} h"
        )
    _reason(record, "shelve", comment)
    new = replace(record, shelved_until_ms=until_ms, shelved_by=actor, shelved_why=comment)
    return _done(new, SHELVE, actor, now_ms, comment, until_ms)


def unshelve(
    record: AlarmRecord, *, actor: str, now_ms: int, comment: str = ""
) -> tuple[AlarmRecord, Action]:
    """Take an alarm off the shelf before its time.

    Raises:
        ActionRefusedError: it is not on the shelf.
    """
    if record.state(now_ms) != SHELVED:
        raise _refused(record, now_ms, "unshelve", "a shelved alarm")
    new = replace(record, shelved_until_ms=None, shelved_by=None, shelved_why=None)
    return _done(new, UNSHELVE, actor, now_ms, comment)


def remove_from_service(
    record: AlarmRecord, *, actor: str, now_ms: int, comment: str
) -> tuple[AlarmRecord, Action]:
    """Take an alarm out of service, for maintenance, until it is put back.

    Raises:
        ActionRefusedError: it is out of service already, or no reason is given.
    """
    if record.out_of_service_by is not None:
        raise _refused(record, now_ms, "remove from service", "an alarm in service")
    _reason(record, "remove from service", comment)
    new = replace(record, out_of_service_by=actor, out_of_service_why=comment)
    return _done(new, REMOVED_FROM_SERVICE, actor, now_ms, comment)


def return_to_service(
    record: AlarmRecord, *, actor: str, now_ms: int, comment: str = ""
) -> tuple[AlarmRecord, Action]:
    """Put an alarm back into service.

    Raises:
        ActionRefusedError: it is in service.
    """
    if record.out_of_service_by is None:
        raise _refused(record, now_ms, "return to service", "an alarm out of service")
    new = replace(record, out_of_service_by=None, out_of_service_why=None)
    return _done(new, RETURNED_TO_SERVICE, actor, now_ms, comment)


def _done(
    record: AlarmRecord, event: str, actor: str, now_ms: int, comment: str, until_ms: int | None = None
) -> tuple[AlarmRecord, Action]:
    if not actor.strip():
        raise ActionRefusedError(f"{_tag(record)}: say who acts; the history must name somebody")
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
        raise ActionRefusedError(f"{_tag(record)}: say why you {action} it; the history keeps the reason")


def _refused(record: AlarmRecord, now_ms: int, action: str, needed: str) -> ActionRefusedError:
    return ActionRefusedError(f"{_tag(record)} is {record.state(now_ms)}: {action} needs {needed}")
