"""Alarm records, as operators see them: one per alarm tag, changed by transitions and operators' actions.

A tag is one alarm type of one well. Its record is the result of all transitions and actions so far, in one of
the states of the ISA-18.2 (IEC 62682) diagram:

* normal; active, unacknowledged; active, acknowledged; returned to normal, unacknowledged;
* suppressed by design: active in an operating state that makes it meaningless;
* shelved by an operator, for a limited time; out of service, until it is returned.

Operators' actions are in `petrostream.alarms.actions`. A repeated transition changes nothing.
"""

from dataclasses import dataclass, replace

from petrostream.alarms.events import (
    ACTIVE_ACKNOWLEDGED,
    ACTIVE_UNACKNOWLEDGED,
    ANNUNCIATIONS,
    NORMAL,
    OUT_OF_SERVICE,
    RETURNED,
    RETURNED_UNACKNOWLEDGED,
    SHELVED,
    SUPPRESSED,
    SUPPRESSED_BY_DESIGN,
    Transition,
)
from petrostream.risk import LikelyEvent

CHATTER_MS = 60_000
CHATTER_ACTIVATIONS = 3
STALE_MS = 24 * 3600 * 1000
REMEMBERED = 8
"""Number of transitions a record remembers, so that a repeated delivery changes nothing."""


@dataclass(frozen=True, slots=True)
class AlarmRecord:
    """An alarm tag as of its last transition.

    Attributes:
        well_id, alarm_type, priority: the tag, and its priority.
        alarm_id: its current alarm, else its last one; None before the first.
        active: whether the condition is active.
        suppressed: whether it is suppressed by design.
        acknowledged: whether an operator has seen the current alarm; True when there is nothing to see.
        start_ms, active_ms, returned_ms: the current alarm's times, epoch ms; None where there is none.
        acknowledged_ms, acknowledged_by: when (epoch ms) and by whom it was acknowledged; None if it was not.
        shelved_until_ms, shelved_by, shelved_why: None when not shelved.
        out_of_service_by, out_of_service_why: None when in service.
        sentence: the current alarm's message, None before the first annunciation.
        likely: the event it most likely announces, None before the first annunciation.
        activations: times of the last three annunciations, epoch ms, oldest first.
        recent: identities of the last `REMEMBERED` transitions.
    """

    well_id: str
    alarm_type: str
    priority: str
    alarm_id: str | None = None
    active: bool = False
    suppressed: bool = False
    acknowledged: bool = True
    start_ms: int | None = None
    active_ms: int | None = None
    returned_ms: int | None = None
    acknowledged_ms: int | None = None
    acknowledged_by: str | None = None
    shelved_until_ms: int | None = None
    shelved_by: str | None = None
    shelved_why: str | None = None
    out_of_service_by: str | None = None
    out_of_service_why: str | None = None
    sentence: str | None = None
    activations: tuple[int, ...] = ()
    recent: tuple[str, ...] = ()
    likely: LikelyEvent | None = None

    def state(self, now_ms: int) -> str:
        """Return the tag's state at a time, epoch ms: shelving expires by itself."""
        if self.out_of_service_by is not None:
            return OUT_OF_SERVICE
        if self.shelved_until_ms is not None and now_ms < self.shelved_until_ms:
            return SHELVED
        if self.active and self.suppressed:
            return SUPPRESSED_BY_DESIGN
        if self.active:
            return ACTIVE_ACKNOWLEDGED if self.acknowledged else ACTIVE_UNACKNOWLEDGED
        return NORMAL if self.acknowledged else RETURNED_UNACKNOWLEDGED

    def chattering(self) -> bool:
        """Return whether it was annunciated three times within a minute (ISA-18.2's usual criterion)."""
        last = self.activations[-CHATTER_ACTIVATIONS:]
        return len(last) == CHATTER_ACTIVATIONS and last[-1] - last[0] <= CHATTER_MS

    def stale(self, now_ms: int) -> bool:
        """Return whether it has been active for more than 24 hours (stale in ISA-18.2)."""
        return self.active and self.active_ms is not None and now_ms - self.active_ms > STALE_MS


def apply(
    record: AlarmRecord | None,
    change: Transition,
    sentence: str | None = None,
    likely: LikelyEvent | None = None,
) -> AlarmRecord:
    """Return the record after a transition; the same record if the transition was applied before.

    Args:
        record: the tag's record, None before its first transition.
        change: the transition.
        sentence: the alarm's message, where it is annunciated.
        likely: the event it most likely announces, where it is annunciated.
    """
    if record is None:
        record = AlarmRecord(change.well_id, change.alarm_type, change.priority)
    if change.transition_id in record.recent:
        return record
    record = replace(
        record,
        alarm_id=change.alarm_id,
        priority=change.priority,
        recent=remember(record, change.transition_id),
    )
    if change.event == RETURNED:
        return replace(record, active=False, suppressed=False, returned_ms=change.ts_ms)
    record = replace(
        record,
        active=True,
        suppressed=change.event == SUPPRESSED,
        start_ms=change.start_ms,
        active_ms=change.active_ms,
        returned_ms=None,
    )
    if change.event not in ANNUNCIATIONS:
        return record
    heard = (*record.activations, change.ts_ms)[-CHATTER_ACTIVATIONS:]
    return replace(
        record,
        acknowledged=False,
        acknowledged_ms=None,
        acknowledged_by=None,
        sentence=sentence,
        likely=likely,
        activations=heard,
    )


def remember(record: AlarmRecord, identity: str) -> tuple[str, ...]:
    """Return the transition identities a record remembers after one more."""
    return (*record.recent, identity)[-REMEMBERED:]
