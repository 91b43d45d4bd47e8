"""Rules of physics, emission and vapor as rows of one table, and their points.

Thresholds are constants of `risk/conditions.py`; points and sources are rows of `risk/rules.py`. Must not
know alarms, tables or how often it is called.
"""

from petrostream.risk.conditions import (
    METHANE_LEAK_PPM,
    METHANE_WARNING_PPM,
    VAPOR_CRITICAL_PPM,
    VAPOR_HIGH_PPM,
)
from petrostream.risk.expected import directions, expected_rules
from petrostream.risk.naming import EVENT_NAMES, UNKNOWN_EVENT, LikelyEvent, likely_event
from petrostream.risk.operating_state import (
    FOREST,
    NO_STATE,
    OPERATING_STATES,
    RELEASE_MS,
    UNKNOWN,
    StateMemory,
    codes_of,
    governing,
    suppression,
)
from petrostream.risk.rules import (
    ALERT_ABOVE,
    EMISSION_RULES,
    MAX_PART,
    MAX_RISK,
    PROCESS_RULES,
    RULE_SENSORS,
    SLOW_RULES,
    VAPOR_RULES,
    RuleColumns,
    fired,
    points,
)

__all__ = [
    "ALERT_ABOVE",
    "EMISSION_RULES",
    "EVENT_NAMES",
    "FOREST",
    "MAX_PART",
    "MAX_RISK",
    "METHANE_LEAK_PPM",
    "METHANE_WARNING_PPM",
    "NO_STATE",
    "OPERATING_STATES",
    "PROCESS_RULES",
    "RELEASE_MS",
    "RULE_SENSORS",
    "SLOW_RULES",
    "UNKNOWN",
    "UNKNOWN_EVENT",
    "VAPOR_CRITICAL_PPM",
    "VAPOR_HIGH_PPM",
    "VAPOR_RULES",
    "LikelyEvent",
    "RuleColumns",
    "StateMemory",
    "codes_of",
    "directions",
    "expected_rules",
    "fired",
    "governing",
    "likely_event",
    "points",
    "suppression",
]
