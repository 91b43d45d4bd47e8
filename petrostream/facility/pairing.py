"""A facility's part of a batch: its well readings paired with its tank readings, rated and counted."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from petrostream.arrays import IntArray
from petrostream.facility.events import WellEvents
from petrostream.facility.join import LATE, join
from petrostream.facility.risk import FacilityRows, assess
from petrostream.facility.state import JoinState
from petrostream.readings import TankReadings

JoinMode = Literal["tanks", "all", "off"]
"""Which facilities take part: those that have sent a tank reading, all, or none."""


@dataclass(frozen=True, slots=True)
class Paired:
    """What a batch of one facility settled.

    Over a stream, readings = rows + duplicates + `without_tanks` + those that still wait.

    Attributes:
        state: the new state of the join.
        rows: the settled readings with their risk.
        duplicates: well readings that were dropped as duplicates.
        duplicate_tanks: tank readings that were dropped as duplicates.
        without_tanks: well readings that left unmatched before the facility's first tank reading; they are
            no rows.
    """

    state: JoinState
    rows: FacilityRows
    duplicates: int
    duplicate_tanks: int
    without_tanks: int

    @property
    def late(self) -> int:
        """Rows that are unmatched because they came behind the watermark."""
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
    """Join a batch and rate what it settles.

    A facility that has no tanks would fill the table with a row for each of its readings that says so. Its
    readings are therefore no rows until it sends its first tank reading. That is a position in the stream,
    so the result still does not depend on how the stream is cut into batches.

    Args:
        facility_id: the facility.
        state: of the join, after the previous batch.
        wells: n scored well readings, in stream order.
        tanks: m tank readings, in stream order.
        tank_at: shape (m,), ascending: how many of `wells` came before each tank reading.
        every_facility: whether readings are rows from the first one on, tanks or not.
    """
    if every_facility or state.tanks_seen:
        joined = join(state, wells, tanks, tank_at)
        rows = assess(facility_id, joined.pairs)
        return Paired(joined.state, rows, joined.duplicates, joined.duplicate_tanks, 0)
    first = int(tank_at[0]) if len(tanks) else len(wells)
    before = join(state, wells.take(np.arange(first)), TankReadings.empty(), np.empty(0, np.int64))
    rest = wells.take(np.arange(first, len(wells)))
    after = join(before.state, rest, tanks, tank_at - first)
    return Paired(
        after.state,
        assess(facility_id, after.pairs),
        before.duplicates + after.duplicates,
        after.duplicate_tanks,
        len(before.pairs),
    )
