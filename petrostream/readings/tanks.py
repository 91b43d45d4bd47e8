"""Tank readings: the columnar batch beside `petrostream.readings.wells.Readings`."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.readings.wells import event_id
from petrostream.schema import TANK

TANK_VALUES: tuple[str, ...] = tuple(f.name for f in TANK.measured)
"""The measured values of a tank, in the order of every `TankReadings.values`."""

VAPOR = TANK_VALUES.index("vapor_concentration_ppm")
"""Column of the vapor concentration in `TankReadings.values`."""


def tank_event_id(tank_id: str, facility_id: str, ts_ms: int) -> str:
    """Return the identity of a tank reading: 32 hex digits, a pure function of the three arguments."""
    return event_id(tank_id, facility_id, ts_ms)


@dataclass(slots=True)
class TankReadings:
    """m valid tank readings in stream order, column by column. Treat the columns as read-only.

    Attributes:
        tank_id: m tank names.
        facility_id: m facility names.
        ts_ms: shape (m,), event time, epoch ms.
        values: shape (m, 4), columns as `TANK_VALUES`, in the units of the schema; NaN if missing.
        reasons: for each reading, why values were condemned or fields noted; empty when clean.
        quality: shape (m,), data quality score from 0 to 100.
        event_id: m identities.
        sequence: m Kinesis sequence numbers of the records that carried the readings.
        arrival_ms: shape (m,), when the stream took in the records, epoch ms.
    """

    tank_id: list[str]
    facility_id: list[str]
    ts_ms: IntArray
    values: FloatArray
    reasons: list[tuple[str, ...]]
    quality: FloatArray
    event_id: list[str]
    sequence: list[str]
    arrival_ms: IntArray

    def __len__(self) -> int:
        return len(self.tank_id)

    @staticmethod
    def empty() -> "TankReadings":
        """Return an empty batch."""
        values = np.empty((0, len(TANK_VALUES)))
        times = np.empty(0, np.int64)
        return TankReadings([], [], times, values, [], np.empty(0), [], [], times)

    def take(self, indices: IntArray | BoolArray | Sequence[int]) -> "TankReadings":
        """Return the readings at `indices` (positions, or a mask of shape (m,)), in that order.

        Raises:
            IndexError: a position or the mask lies outside the batch.
        """
        chosen = np.asarray(indices)
        positions = np.arange(len(self))[chosen if len(chosen) else chosen.astype(np.int64)]
        order = positions.tolist()
        columns: list[Any] = []
        for field in fields(self):
            column = getattr(self, field.name)
            columns.append(
                column[positions] if isinstance(column, np.ndarray) else [column[i] for i in order]
            )
        return TankReadings(*columns)

    @staticmethod
    def concat(parts: Sequence["TankReadings"]) -> "TankReadings":
        """Concatenate `parts` in order; without parts, return an empty batch."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return TankReadings.empty()
        columns: list[Any] = []
        for field in fields(TankReadings):
            column = [getattr(part, field.name) for part in parts]
            whole = isinstance(column[0], np.ndarray)
            columns.append(np.concatenate(column) if whole else [item for one in column for item in one])
        return TankReadings(*columns)
