"""The words and identities of alarms: events, states, and one change of one alarm.

States are those of the ISA-18.2 (IEC 62682) alarm state diagram.
"""

from dataclasses import dataclass
from hashlib import blake2b

from petrostream.alarms.types import AlarmType
from petrostream.readings import NO_TIME

ACTIVATED = "activated"
SUPPRESSED = "suppressed"
UNSUPPRESSED = "unsuppressed"
RETURNED = "returned"
ANNUNCIATIONS = (ACTIVATED, UNSUPPRESSED)
"""Events with which an alarm reaches an operator: what alarm rates count."""

CLEARED = "cleared"
NO_DATA = "no_data"
FEED_ENDED = "feed_ended"

NORMAL = "normal"
ACTIVE_UNACKNOWLEDGED = "active_unacknowledged"
ACTIVE_ACKNOWLEDGED = "active_acknowledged"
RETURNED_UNACKNOWLEDGED = "returned_unacknowledged"
SHELVED = "shelved"
SUPPRESSED_BY_DESIGN = "suppressed_by_design"
OUT_OF_SERVICE = "out_of_service"


@dataclass(frozen=True, slots=True)
class Active:
    """An alarm whose condition is active.

    Attributes:
        start_ms: first reading of the run of "on" that raised it.
        active_ms: when it became active.
        annunciated: False while suppressed by design.
    """

    start_ms: int
    active_ms: int
    annunciated: bool


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of an alarm.

    Attributes:
        transition_id: a pure function of alarm, event and time: a retry repeats it.
        alarm_id: a pure function of well, alarm type, start and source.
        well_id, alarm_type, priority, source: which alarm.
        event: `activated`, `suppressed` (active, but suppressed by design), `unsuppressed` or `returned`.
        state: the alarm's state afterwards, as far as the stream knows: it knows no operator.
        ts_ms: time of the reading that caused it.
        start_ms: first reading of the condition.
        active_ms: when the alarm became active.
        cause: why it returned: `cleared`, `no_data` or `feed_ended`; None for other events.
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
    """A transition by the stream, with what is known of the reading that caused it.

    Attributes:
        change: the transition; its position is that of the reading that brought it about in the batch.
        facility_id: the facility.
        source_ts_ms: time at the source, epoch ms, `NO_TIME` if none.
        sentence: what the alarm says, None where it is not annunciated.
        score: the forest's, None if there is none.
        rule_ids: physics rules that held.
        label, operating_state: class and state of the reading, None if unknown.
        model_version, model_kind: of the model that scored it, None without one.
        sequence: sequence number of the stream record that brought it about.
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


def alarm_id(well_id: str, alarm_type: str, start_ms: int, source: str) -> str:
    """Identity of an alarm: 32 hexadecimal digits, a pure function of the arguments."""
    return _digest(well_id, alarm_type, str(start_ms), source)


def transition_id(alarm: str, event: str, ts_ms: int, actor: str = "") -> str:
    """Identity of a change of an alarm: 32 hexadecimal digits, a pure function of the arguments."""
    return _digest(alarm, event, str(ts_ms), actor)


def _digest(*parts: str) -> str:
    # Each part's length keeps ("ab", "c") and ("a", "bc") apart without a forbidden character.
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
    """A change that the stream makes to an alarm.

    Args:
        alarm_type: its row.
        active: the alarm, as it is with this change.
        well_id: the well.
        source: source of its feed.
        event: what happens.
        ts_ms: when, epoch ms.
        cause: why it returned.
    """
    alarm = alarm_id(well_id, alarm_type.id, active.start_ms, source)
    if event == RETURNED:
        state = RETURNED_UNACKNOWLEDGED if active.annunciated else NORMAL
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
