"""Scores readings: from a facility's state and its readings to the next state and scored readings.

Combines gauges, detection, risk and alarms; the result does not depend on batch boundaries. Must not know
tanks, tables of the lake, or where a state is stored. `scoring.codec` encodes a state as bytes.
"""

from petrostream.scoring.drift import OUTDATED_SCALES
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from petrostream.scoring.scored import NO_POINTS, Scored

__all__ = [
    "NO_POINTS",
    "OUTDATED_SCALES",
    "FacilityState",
    "Scored",
    "score_batch",
]
