"""The alarms of a facility whose condition is active, as its present shows them."""

from collections.abc import Mapping
from dataclasses import dataclass

from petrostream.alarms import RETURNED, AlarmEvent
from petrostream.risk import LikelyEvent


@dataclass(frozen=True, slots=True)
class OpenAlarm:
    """An alarm whose condition is active.

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

    @property
    def likely_event(self) -> str | None:
        """Name in 3W of the event that it most likely announces; None while suppressed."""
        return None if self.evidence is None else LikelyEvent(self.likely_class, self.evidence).event


def note_alarms(
    before: Mapping[tuple[str, str], OpenAlarm], events: list[AlarmEvent]
) -> Mapping[tuple[str, str], OpenAlarm]:
    """Return the open alarms, by well and alarm type, after some transitions."""
    after = dict(before)
    for event in events:
        change = event.change
        key = (change.well_id, change.alarm_type)
        if change.event == RETURNED:
            after.pop(key, None)
            continue
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
            event.likely and event.likely.event_class,
            event.likely and event.likely.evidence,
        )
    return after
