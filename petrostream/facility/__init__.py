"""Joins well and tank readings within 5 s, and rates emission, vapor and process risk of a facility.

The result depends on the shard's order, not on batch boundaries. Must not know the lake's rows.
`facility.codec` encodes the join's state as bytes.
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
