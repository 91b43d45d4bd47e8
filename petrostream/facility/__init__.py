"""Wells meet tanks: the join within 5 s, and the emission, vapor and process risk of a facility.

A function of the shard's order, not of batches. Must not know the lake's rows. State as bytes:
`facility.codec`.
"""

from petrostream.facility.events import COLUMN, WellEvents
from petrostream.facility.pairing import JoinMode, pair
from petrostream.facility.risk import FacilityRows, whole_points
from petrostream.facility.state import JoinState

__all__ = [
    "COLUMN",
    "FacilityRows",
    "JoinMode",
    "JoinState",
    "WellEvents",
    "pair",
    "whole_points",
]
