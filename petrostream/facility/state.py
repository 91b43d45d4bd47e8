"""State of the join of wells and tanks from one batch to the next, and its limits."""

from collections.abc import Set
from dataclasses import dataclass, field, replace

import numpy as np

from petrostream.arrays import BoolArray, IntArray
from petrostream.facility.events import WellEvents
from petrostream.readings import NO_TIME, TankReadings
from petrostream.times import LATENESS_MS

REACH_MS = 5_000
"""Largest difference between the times of a pair."""

MAX_WAITING = 2_048
"""Most well readings kept for a facility: 5 s of 400 wells at 1 Hz."""

MAX_TANKS = 64
"""Most tank readings kept for a facility: 5 s of 12 tanks at 1 Hz."""


FIRST_MS = NO_TIME + LATENESS_MS
"""Before every event time, and far enough above the least number for a watermark."""


def _no_numbers() -> IntArray:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class JoinState:
    """The join's state of one facility.

    Attributes:
        newest_ms: highest event time seen, epoch ms; `NO_TIME` before the first reading.
        wells: readings that the watermark has not passed, in stream order; `carried` is NaN in those that are
            settled.
        waiting: shape (wells,), which of them are not settled yet.
        number: shape (wells,), the number of well readings before each.
        wells_seen: number of well readings so far, without duplicates.
        tanks: the last tank readings, in stream order.
        tanks_seen: number of tank readings so far, without duplicates.
    """

    newest_ms: int = NO_TIME
    wells: WellEvents = field(default_factory=WellEvents.empty)
    waiting: BoolArray = field(default_factory=lambda: np.empty(0, np.bool_))
    number: IntArray = field(default_factory=_no_numbers)
    wells_seen: int = 0
    tanks: TankReadings = field(default_factory=TankReadings.empty)
    tanks_seen: int = 0

    def well_names(self) -> list[str]:
        """Wells whose readings are remembered, in stream order."""
        return self.wells.well_id

    def only(self, wells: Set[str]) -> "JoinState":
        """A copy without the readings of other wells than these; those that waited for a tank get no pair."""
        kept = np.flatnonzero([name in wells for name in self.wells.well_id])
        return replace(
            self, wells=self.wells.take(kept), waiting=self.waiting[kept], number=self.number[kept]
        )
