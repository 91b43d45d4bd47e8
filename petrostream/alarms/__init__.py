"""ISA-18.2 alarms of a well: types, the state machine, transitions, operators' actions, alarm metrics.

Runs of readings raise and clear alarms; states and events have the standard's names. Must not know how a
reading was scored beyond the signals it is given, nor who is notified.
"""

from petrostream.alarms.actions import Action
from petrostream.alarms.engine import DEFAULT_LIMITS, Signals, WellAlarms, end_feed, run_alarms
from petrostream.alarms.events import (
    ANNUNCIATIONS,
    FEED_ENDED,
    NORMAL,
    RETURNED,
    SUPPRESSED,
    AlarmEvent,
    Transition,
)
from petrostream.alarms.metrics import ONE_CONSOLE
from petrostream.alarms.types import ALARM_TYPES, EMISSION, FOREST, PRIORITIES, AlarmType, meaning_of_event

__all__ = [
    "ALARM_TYPES",
    "ANNUNCIATIONS",
    "DEFAULT_LIMITS",
    "EMISSION",
    "FEED_ENDED",
    "FOREST",
    "NORMAL",
    "ONE_CONSOLE",
    "PRIORITIES",
    "RETURNED",
    "SUPPRESSED",
    "Action",
    "AlarmEvent",
    "AlarmType",
    "Signals",
    "Transition",
    "WellAlarms",
    "end_feed",
    "meaning_of_event",
    "run_alarms",
]
