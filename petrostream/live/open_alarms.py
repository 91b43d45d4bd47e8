"""Open alarms, and the last ones that returned to normal, as the stream has them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from petrostream.alarms import RETURNED, SUPPRESSED_BY_DESIGN, AlarmEvent
from petrostream.risk import LikelyEvent

MAX_RETURNED = 10
"""Most alarms of a facility that are kept after their return; the alarm history has all."""


@dataclass(frozen=True, slots=True)
class OpenAlarm:
    """An alarm whose condition is active, or one that has returned.

    Attributes:
        alarm_id, well_id, alarm_type, priority: identify the alarm.
        state: `active_unacknowledged` or `suppressed_by_design`; operators' actions are not in the stream.
        start_ms: time of the first reading of the condition, epoch ms.
        active_ms: when it became active, epoch ms.
        ts_ms: time of its latest transition, epoch ms.
        sentence: the alarm message, None while suppressed.
        likely_class: 3W class of the event that it most likely announces; None while suppressed, or where the
            evidence does not decide.
        evidence: the signs that decided, or why none did; None while suppressed.
        returned_ms: when it returned to normal, epoch ms; None while it is active.
    """

    alarm_id: str
    well_id: str
    alarm_type: str
    priority: str
    state: str
    start_ms: int
    active_ms: int
    ts_ms: int
    sentence: str | None = None
    likely_class: int | None = None
    evidence: str | None = None
    returned_ms: int | None = None

    @property
    def likely(self) -> LikelyEvent | None:
        """The event that it most likely announces, with the evidence; None while suppressed."""
        return None if self.evidence is None else LikelyEvent(self.likely_class, self.evidence)

    @property
    def likely_event(self) -> str | None:
        """Its name in 3W; None while suppressed."""
        return self.likely.event if self.likely else None

    @property
    def suppressed(self) -> bool:
        """Whether its operating state suppresses it by design."""
        return self.state == SUPPRESSED_BY_DESIGN


Alarms = Mapping[tuple[str, str], OpenAlarm]
"""Alarms by well and alarm type."""


def alarms_after(
    open_alarms: Alarms, returned: Alarms, events: Iterable[AlarmEvent]
) -> tuple[Alarms, Alarms]:
    """The open alarms after some events, and those that returned last.

    Args:
        open_alarms: the open ones before.
        returned: those that had returned before, the latest at the end.
        events: the events, in stream order.
    """
    after, gone = dict(open_alarms), dict(returned)
    for event in events:
        change = event.change
        key = (change.well_id, change.alarm_type)
        before = after.pop(key, None)
        if change.event == RETURNED:
            if before is not None and not before.suppressed:
                gone.pop(key, None)
                gone[key] = replace(before, returned_ms=change.ts_ms)
            continue
        gone.pop(key, None)
        after[key] = OpenAlarm(
            change.alarm_id,
            change.well_id,
            change.alarm_type,
            change.priority,
            change.state,
            change.start_ms,
            change.active_ms,
            change.ts_ms,
            event.sentence,
            event.likely.event_class if event.likely else None,
            event.likely.evidence if event.likely else None,
        )
    return after, dict(list(gone.items())[-MAX_RETURNED:])
