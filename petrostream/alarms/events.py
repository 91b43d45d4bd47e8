"""Names and identities of alarms: events, states, and transitions.

States are those of the ISA-18.2 (IEC 62682) alarm state diagram.
"""

from dataclasses import dataclass
from hashlib import blake2b

from petrostream.alarms.types import AlarmType
from petrostream.readings import NO_TIME
from petrostream.risk import LikelyEvent

ACTIVATED = "activated"
SUPPRESSED = "suppressed"
UNSUPPRESSED = "unsuppressed"
RETURNED = "returned"
ANNUNCIATIONS = (ACTIVATED, UNSUPPRESSED)
"""Events that bring an alarm to an operator; alarm rates count these."""

CLEARED = "cleared"
NO_DATA = "no_data"
FEED_ENDED = "feed_ended"
SUPERSEDED = "superseded"
"""Cause of a return: a further deviation raises the next alarm, so that the operator hears of it."""

NEW_LEVEL = "new_level"
"""Cause of a suppression: the well has settled on a new level, and should be commissioned again."""

NORMAL = "normal"
ACTIVE_UNACKNOWLEDGED = "active_unacknowledged"
ACTIVE_ACKNOWLEDGED = "active_acknowledged"
RETURNED_UNACKNOWLEDGED = "returned_unacknowledged"
SHELVED = "shelved"
SUPPRESSED_BY_DESIGN = "suppressed_by_design"
OUT_OF_SERVICE = "out_of_service"


@dataclass(frozen=True, slots=True)
class Active:
    """An active alarm.

    Attributes:
        start_ms: first reading of the run of "on" that raised it, epoch ms.
        active_ms: when it became active, epoch ms.
        annunciated: False while suppressed by design.
        settled: whether it is suppressed because the well has settled on a new level.
    """

    start_ms: int
    active_ms: int
    annunciated: bool
    settled: bool = False


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of an alarm's state, caused by a reading.

    Attributes:
        transition_id: a pure function of alarm, event and time: a retry repeats it.
        alarm_id: a pure function of well, alarm type, start and source.
        well_id, alarm_type, priority, source: the alarm, and its feed's source.
        event: `activated`, `suppressed` (active, but suppressed by design), `unsuppressed` or `returned`.
        state: the alarm's state afterwards, regardless of operators' actions.
        ts_ms: time of the reading that caused it, epoch ms.
        start_ms: first reading of the condition, epoch ms.
        active_ms: when the alarm became active, epoch ms.
        cause: why it returned: `cleared`, `superseded`, `no_data` or `feed_ended`; `new_level` where it is
            suppressed for that; None for other events.
        position: the reading's position in the call's columns, -1 for a reading of an earlier call.
    """

    transition_id: str
    alarm_id: str
    well_id: str
    alarm_type: str
    priority: str
    source: str
    event: str
    state: str
    ts_ms: int
    start_ms: int
    active_ms: int
    cause: str | None = None
    position: int = -1


@dataclass(frozen=True, slots=True)
class AlarmEvent:
    """A transition with the details of the reading that caused it.

    Attributes:
        change: the transition; its position is that of the reading in the batch.
        facility_id: the facility.
        source_ts_ms: event time at the source, epoch ms; `NO_TIME` if none.
        sentence: the alarm's message, None where it is not annunciated.
        score: the forest's score, None without one.
        rule_ids: physics rules that held.
        label, operating_state: class and state of the reading, None if unknown.
        model_version, model_kind: of the model that scored it, None without one.
        sequence: sequence number of the stream record that carried the reading.
        likely: the 3W event that it most likely announces, None where it is not annunciated.
    """

    change: Transition
    facility_id: str
    source_ts_ms: int = NO_TIME
    sentence: str | None = None
    score: float | None = None
    rule_ids: tuple[str, ...] = ()
    label: int | None = None
    operating_state: int | None = None
    model_version: str | None = None
    model_kind: str | None = None
    sequence: str = ""
    likely: LikelyEvent | None = None


def alarm_id(well_id: str, alarm_type: str, start_ms: int, source: str) -> str:
    """Return the identity of an alarm: 32 hex digits (BLAKE2b), a pure function of the arguments."""
    return _digest(well_id, alarm_type, str(start_ms), source)


def transition_id(alarm: str, event: str, ts_ms: int, actor: str = "") -> str:
    """Return the identity of a transition: 32 hex digits (BLAKE2b), a pure function of the arguments."""
    return _digest(alarm, event, str(ts_ms), actor)


def _digest(*parts: str) -> str:
    # The length prefixes keep ("ab", "c") and ("a", "bc") apart without reserving a separator character.
    key = "".join(f"{len(part)}|{part}" for part in parts)
    return blake2b(key.encode(), digest_size=16).hexdigest()


def transition(
    alarm_type: AlarmType,
    active: Active,
    well_id: str,
    source: str,
    event: str,
    ts_ms: int,
    cause: str | None = None,
) -> Transition:
    """Build a transition of an alarm.

    Args:
        alarm_type: the alarm's type.
        active: the alarm, after this transition.
        well_id: the well.
        source: source of its feed.
        event: `activated`, `suppressed`, `unsuppressed` or `returned`.
        ts_ms: when, epoch ms.
        cause: why it returned, or is suppressed.
    """
    alarm = alarm_id(well_id, alarm_type.id, active.start_ms, source)
    if event == RETURNED:
        state = RETURNED_UNACKNOWLEDGED if active.annunciated or active.settled else NORMAL
    else:
        state = SUPPRESSED_BY_DESIGN if event == SUPPRESSED else ACTIVE_UNACKNOWLEDGED
    return Transition(
        transition_id=transition_id(alarm, event, ts_ms),
        alarm_id=alarm,
        well_id=well_id,
        alarm_type=alarm_type.id,
        priority=alarm_type.priority,
        source=source,
        event=event,
        state=state,
        ts_ms=ts_ms,
        start_ms=active.start_ms,
        active_ms=active.active_ms,
        cause=cause,
    )
