"""ISA-18.2 alarms of a well: types, the state machine, transitions, operators' actions, alarm metrics.

Runs of readings raise and clear alarms; states and events have the standard's names. Must not know how a
reading was scored beyond the signals it is given, nor who is notified.
"""

from petrostream.alarms.engine import DEFAULT_LIMITS, Signals, run_alarms
from petrostream.alarms.events import ANNUNCIATIONS, RETURNED, Transition
from petrostream.alarms.types import FOREST

__all__ = [
    "ANNUNCIATIONS",
    "DEFAULT_LIMITS",
    "FOREST",
    "RETURNED",
    "Signals",
    "Transition",
    "run_alarms",
]
