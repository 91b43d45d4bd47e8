"""Pairs, rates and counts one facility's well and tank readings of a batch."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from petrostream.arrays import IntArray
from petrostream.facility.events import WellEvents
from petrostream.facility.join import LATE, Pairs, join
from petrostream.facility.risk import FacilityRows, assess
from petrostream.facility.state import JoinState
from petrostream.facility.waiting import wait
from petrostream.readings import TankReadings

JoinMode = Literal["tanks", "all", "off"]
"""Which facilities are joined: those that have sent a tank reading, all, or none."""

_NO_PAIRS = Pairs(WellEvents.empty(), TankReadings.empty(), np.empty(0, np.int64), [])


@dataclass(frozen=True, slots=True)
class Paired:
    """The readings that a batch of one facility settled.

    Over a stream, readings = rows + duplicates + `without_tanks` + those that still wait.

    Attributes:
        state: the new state of the join.
        rows: the settled readings with their risk.
        duplicates: well readings that were dropped as duplicates.
        duplicate_tanks: tank readings that were dropped as duplicates.
        without_tanks: well readings settled as unmatched before the facility's first tank reading; they have
            no rows.
        waited_ms: how long the readings of the rows waited, together (`petrostream.facility.join.Joined`).
    """

    state: JoinState
    rows: FacilityRows
    duplicates: int
    duplicate_tanks: int
    without_tanks: int
    waited_ms: int = 0

    @property
    def late(self) -> int:
        """Number of rows that are unmatched because they were late."""
        return self.rows.pairs.reason.count(LATE)


def pair(
    facility_id: str,
    state: JoinState,
    wells: WellEvents,
    tanks: TankReadings,
    tank_at: IntArray,
    *,
    every_facility: bool = False,
) -> Paired:
    """Join a batch and rate the readings it settles.

    A facility without tanks would fill the table with unmatched rows. Its readings therefore have no rows
    until its first tank reading. That is a position in the stream, so the result still does not depend on
    batch boundaries.

    Args:
        facility_id: the facility.
        state: the join's state after the previous batch.
        wells: n scored well readings, in stream order.
        tanks: m tank readings, in stream order.
        tank_at: shape (m,), ascending: how many of `wells` came before each tank reading.
        every_facility: whether readings have rows before the first tank reading too.
    """
    if every_facility or state.tanks_seen:
        joined = join(state, wells, tanks, tank_at)
        rows = assess(facility_id, joined.pairs)
        return Paired(joined.state, rows, joined.duplicates, joined.duplicate_tanks, 0, joined.waited_ms)
    waited = wait(state, wells) if len(wells) and not len(tanks) else None
    if waited is not None:
        return Paired(waited[0], assess(facility_id, _NO_PAIRS), 0, 0, waited[1])
    if not len(tanks):
        joined = join(state, wells, tanks, tank_at)
        rows = assess(facility_id, _NO_PAIRS)
        return Paired(joined.state, rows, joined.duplicates, 0, len(joined.pairs))
    first = int(tank_at[0])
    before = join(state, wells.take(np.arange(first)), TankReadings.empty(), np.empty(0, np.int64))
    rest = wells.take(np.arange(first, len(wells)))
    after = join(before.state, rest, tanks, tank_at - first)
    return Paired(
        after.state,
        assess(facility_id, after.pairs),
        before.duplicates + after.duplicates,
        after.duplicate_tanks,
        len(before.pairs),
        after.waited_ms,
    )
