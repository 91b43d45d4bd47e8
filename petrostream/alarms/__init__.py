"""ISA-18.2 alarms of a well: types, the state machine, transitions, operators' actions, alarm metrics.

Runs of readings raise and clear alarms; states and events have the standard's names. Must not know how a
reading was scored beyond the signals it is given, nor who is notified.
"""

from petrostream.alarms.actions import (
    ACTIONS,
    Action,
    ActionRefusedError,
    OperatorRequest,
    end_shelf,
    perform,
)
from petrostream.alarms.channels import WellAlarms
from petrostream.alarms.engine import end_feed, run_alarms
from petrostream.alarms.events import (
    ACTIVE_UNACKNOWLEDGED,
    ANNUNCIATIONS,
    FEED_ENDED,
    NEW_LEVEL,
    NORMAL,
    RETURNED,
    RETURNED_UNACKNOWLEDGED,
    SUPPRESSED,
    SUPPRESSED_BY_DESIGN,
    AlarmEvent,
    Transition,
)
from petrostream.alarms.metrics import ONE_CONSOLE
from petrostream.alarms.records import AlarmRecord
from petrostream.alarms.signals import DEFAULT_LIMITS, Signals, restless
from petrostream.alarms.types import (
    ALARM_TYPES,
    EMISSION,
    FOREST,
    PRIORITIES,
    RECOMMISSION,
    AlarmType,
    meaning_of_event,
)

__all__ = [
    "ACTIONS",
    "ACTIVE_UNACKNOWLEDGED",
    "ALARM_TYPES",
    "ANNUNCIATIONS",
    "DEFAULT_LIMITS",
    "EMISSION",
    "FEED_ENDED",
    "FOREST",
    "NEW_LEVEL",
    "NORMAL",
    "ONE_CONSOLE",
    "PRIORITIES",
    "RECOMMISSION",
    "RETURNED",
    "RETURNED_UNACKNOWLEDGED",
    "SUPPRESSED",
    "SUPPRESSED_BY_DESIGN",
    "Action",
    "ActionRefusedError",
    "AlarmEvent",
    "AlarmRecord",
    "AlarmType",
    "OperatorRequest",
    "Signals",
    "Transition",
    "WellAlarms",
    "end_feed",
    "end_shelf",
    "meaning_of_event",
    "perform",
    "restless",
    "run_alarms",
]
