"""Alarm types: one table, each row with consequence, time to respond, delays and priority.

Priority follows from the consequence and the time an operator has to act, as ISA-18.2 (IEC 62682) requires.
Its performance clause recommends that about 80 % of the configured alarms are low, 15 % medium and 5 % high
priority, with critical ones a rare exception; EEMUA 191 recommends the same 80/15/5.

Delays and deadbands keep an alarm from chattering. ANSI/ISA-18.2-2009 recommends, until there is experience
with a signal, delays of 15 s for a flow or pressure and 60 s for a level or temperature, and deadbands of 5 %
for a flow or level, 2 % for a pressure and 1 % for a temperature; EEMUA 191 has the same figures. A window
already averages what a delay would wait for, so on-delays here are shorter where minutes count. Off-delays
are longer, since a window still holds what was there before: an alarm of a rule stays for the longest window,
180 s. Rules are true or false and have no deadband; where they are made of turns, a turn needs a full bar.

Each row is an alarm that readings can raise for a well; the row of a physics rule has the rule's id. Not
every rule has a row: a condition that requires no action is not an alarm (EEMUA 191).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from petrostream.risk import ALERT_ABOVE, OPERATING_STATES, PROCESS_RULES
from petrostream.risk import FOREST as _FOREST

CRITICAL, HIGH, MEDIUM, LOW = "critical", "high", "medium", "low"
PRIORITIES = (CRITICAL, HIGH, MEDIUM, LOW)
"""From the most urgent to the least."""

PROCESS = "process"
EMISSION = "emission"
"""Groups of alarms, named as the parts of the risk."""

MINOR, MAJOR, SEVERE = 1, 2, 3
"""Consequences: lost efficiency; lost production or damage to equipment; harm to people or environment."""

_PRIORITY_OF: Mapping[tuple[int, int], str] = {
    # (consequence, urgency); urgency 3: act within 5 minutes, 2: within 30, 1: later
    (SEVERE, 3): CRITICAL,
    (SEVERE, 2): HIGH,
    (SEVERE, 1): MEDIUM,
    (MAJOR, 3): HIGH,
    (MAJOR, 2): MEDIUM,
    (MAJOR, 1): LOW,
    (MINOR, 3): MEDIUM,
    (MINOR, 2): LOW,
    (MINOR, 1): LOW,
}


def priority_of(severity: int, response_minutes: float) -> str:
    """Return the priority of an alarm.

    Args:
        severity: `MINOR`, `MAJOR` or `SEVERE`.
        response_minutes: how long an operator has to prevent the consequence.
    """
    urgency = 3 if response_minutes <= 5 else 2 if response_minutes <= 30 else 1
    return _PRIORITY_OF[severity, urgency]


@dataclass(frozen=True, slots=True)
class AlarmType:
    """A row of the table.

    Attributes:
        id: stable name, the value of `alarm_type`; for a physics rule, the rule's id.
        group: `process` or `emission`.
        meaning: phrase that completes the alarm message.
        consequence: what happens if nobody acts.
        severity: of that consequence: `MINOR`, `MAJOR` or `SEVERE`.
        response_minutes: how long an operator has to prevent the consequence.
        on_delay_s: how long the condition must be on before the alarm becomes active.
        off_delay_s: how long it must be off before the alarm returns to normal.
        deadband: how far the signal must be below its limit to be off, in the signal's unit; 0 for a physics
            rule, which is on or off.
    """

    id: str
    group: str
    meaning: str
    consequence: str
    severity: int
    response_minutes: float
    on_delay_s: float
    off_delay_s: float = 60.0
    deadband: float = 0.0

    @property
    def priority(self) -> str:
        """Priority, from severity and time to respond."""
        return priority_of(self.severity, self.response_minutes)


FOREST = _FOREST
METHANE_HIGH = "methane_high"
RECOMMISSION = "recommission"

_ROWS: tuple[AlarmType, ...] = (
    AlarmType(
        id=FOREST,
        group=PROCESS,
        meaning="unlike this well's normal operation",
        consequence="A slow loss of production goes unseen until it is large",
        severity=MINOR,
        response_minutes=30,
        on_delay_s=10,
        # 3.6 % of a threshold of 0.56.
        deadband=0.02,
    ),
    AlarmType(
        id=METHANE_HIGH,
        group=EMISSION,
        meaning="a methane leak",
        consequence="People at the wellhead breathe flammable gas; the leak must be reported",
        severity=SEVERE,
        response_minutes=10,
        on_delay_s=10,
        # 5 % of the 0 to 1,000 ppm that a leak detector is read over.
        deadband=50.0,
    ),
    AlarmType(
        id=RECOMMISSION,
        group=PROCESS,
        meaning="unlike its baseline for hours: commission the well again",
        consequence="The forest compares the well with what it was: events are missed, or alarms are false",
        severity=MINOR,
        response_minutes=24 * 60,
        # A proposal a day at most: the baseline is outdated if the well stays away from it, not if it visits.
        on_delay_s=6 * 3600,
        off_delay_s=24 * 3600,
    ),
    AlarmType(
        id="dhsv_closure",
        group=PROCESS,
        meaning="like a spurious DHSV closure",
        consequence="Production stops; reopening late risks hydrates and damage to the valve",
        severity=MAJOR,
        response_minutes=5,
        on_delay_s=5,
        off_delay_s=180,
    ),
    AlarmType(
        id="choke_restriction",
        group=PROCESS,
        meaning="like a quick restriction in the production choke",
        consequence="Production falls and the pressure upstream of the choke may trip the well",
        severity=MAJOR,
        response_minutes=20,
        on_delay_s=10,
        off_delay_s=180,
    ),
    AlarmType(
        id="flow_instability",
        group=PROCESS,
        meaning="like unstable flow",
        consequence="Production falls, and the swings wear equipment and upset the separator",
        severity=MINOR,
        response_minutes=60,
        on_delay_s=60,
        off_delay_s=600,
    ),
    AlarmType(
        id="severe_slugging",
        group=PROCESS,
        meaning="like severe slugging",
        consequence="Slugs flood the separator and may trip the plant",
        severity=MAJOR,
        response_minutes=60,
        on_delay_s=60,
        off_delay_s=600,
    ),
    AlarmType(
        id="bsw_rise",
        group=PROCESS,
        meaning="like a rise of water and sediment in the oil",
        consequence="Production falls; water brings hydrates, scale and corrosion, and loads the separator",
        severity=MAJOR,
        response_minutes=240,
        on_delay_s=1800,
        off_delay_s=7200,
    ),
    AlarmType(
        id="productivity_loss",
        group=PROCESS,
        meaning="like a loss of productivity",
        consequence="Production falls until the well no longer flows",
        severity=MAJOR,
        response_minutes=120,
        on_delay_s=1800,
        off_delay_s=7200,
    ),
    AlarmType(
        id="slow_scaling",
        group=PROCESS,
        meaning="like scale in the production choke",
        consequence="Production falls until the choke has to be cleaned",
        severity=MAJOR,
        response_minutes=240,
        on_delay_s=1800,
        off_delay_s=7200,
    ),
    AlarmType(
        id="slow_hydrate",
        group=PROCESS,
        meaning="like a hydrate growing in the production line",
        consequence="A plug stops production; removing it takes days",
        severity=MAJOR,
        response_minutes=60,
        on_delay_s=1800,
        off_delay_s=7200,
    ),
)


_EVENT_MEANINGS: Mapping[int, str] = {
    1: "like a rise of water and sediment in the oil",
    2: "like a spurious DHSV closure",
    3: "like severe slugging",
    4: "like unstable flow",
    5: "like a loss of productivity",
    6: "like a quick restriction in the production choke",
    7: "like scale in the production choke",
    8: "like a hydrate growing in the production line",
    9: "like a hydrate growing in the service line",
}


def meaning_of_event(event_class: int) -> str:
    """Return the phrase by which an event of 3W, by class, completes an alarm message."""
    return _EVENT_MEANINGS[event_class]


def _named(rule_id: str) -> str:
    """The phrase of a rule without one of its own."""
    return f"like {rule_id.replace('_', ' ')}"


def _unrated(rule_id: str) -> AlarmType:
    """A row for a rule that is an ALERT by itself and has not been rated yet."""
    return AlarmType(
        id=rule_id,
        group=PROCESS,
        meaning=_named(rule_id),
        consequence="Not rated yet",
        severity=MAJOR,
        response_minutes=30,
        on_delay_s=10,
        off_delay_s=180,
    )


def _table() -> Mapping[str, AlarmType]:
    """The rows above whose rules exist, and one for each further rule that is an ALERT by itself.

    A rule with fewer points and no row is evidence: it adds to the risk and to alarm messages, but may hold
    in normal operation, which is no reason to call an operator.
    """
    rules = {rule.id: rule for rule in PROCESS_RULES}
    rows = {row.id: row for row in _ROWS if row.id in rules or row.id in (FOREST, METHANE_HIGH, RECOMMISSION)}
    loud = [rule.id for rule in rules.values() if rule.points > ALERT_ABOVE]
    return MappingProxyType(rows | {name: _unrated(name) for name in loud if name not in rows})


ALARM_TYPES: Mapping[str, AlarmType] = _table()
"""Every alarm type, by id."""


def suppressing_states(alarm_type: AlarmType) -> Sequence[int]:
    """Return the codes of the operating states in which an alarm type is suppressed by design.

    They come from the table in `petrostream.risk.operating_state`, so an alarm and the risk of a reading
    agree. Emission alarms are never suppressed.
    """
    return [code for code, state in OPERATING_STATES.items() if alarm_type.id in state.suppresses]
