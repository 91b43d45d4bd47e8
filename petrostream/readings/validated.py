"""What validation makes of blocks of the stream: readings of wells and tanks, and rejected lines."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from petrostream.arrays import IntArray
from petrostream.readings.rejected import Rejected
from petrostream.readings.tanks import TankReadings
from petrostream.readings.wells import Readings


def _no_positions() -> IntArray:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Validated:
    """The content of a block: every line is in one of `readings`, `tanks` and `rejected`, in line order.

    Attributes:
        readings: the well readings.
        rejected: the lines without a usable reading.
        tanks: the tank readings.
        tank_at: shape (tanks,), for each tank reading the number of `readings` before it.
    """

    readings: Readings
    rejected: list[Rejected]
    tanks: TankReadings = field(default_factory=TankReadings.empty)
    tank_at: IntArray = field(default_factory=_no_positions)

    def part(self, wells: slice, tanks: slice) -> "Validated":
        """Some of the well readings and the tank readings among them; rejected lines are left out.

        Args:
            wells: of the n well readings.
            tanks: of the tank readings, none of which stands before the first of those well readings.
        """
        start, end, _ = wells.indices(len(self.readings))
        if (start, end) == (0, len(self.readings)) and tanks.indices(len(self.tanks)) == (
            0,
            len(self.tanks),
            1,
        ):
            return self
        return Validated(
            self.readings.take(np.arange(start, end)),
            [],
            self.tanks.take(np.arange(len(self.tanks))[tanks]),
            self.tank_at[tanks] - start,
        )

    @staticmethod
    def concat(parts: Sequence["Validated"]) -> "Validated":
        """Concatenate blocks of one facility in order, without their rejected lines.

        A rejected line's position is only unique within its own block.
        """
        before = np.cumsum([0, *(len(part.readings) for part in parts)]).tolist()
        at = [part.tank_at + start for part, start in zip(parts, before, strict=False)]
        return Validated(
            Readings.concat([part.readings for part in parts if len(part.readings)]),
            [],
            TankReadings.concat([part.tanks for part in parts if len(part.tanks)]),
            np.concatenate([_no_positions(), *at]),
        )


@dataclass(frozen=True, slots=True)
class Block:
    """The data of one stream record.

    Attributes:
        data: the NDJSON block as received.
        sequence: Kinesis sequence number of the record.
        arrival_ms: when the stream took it in, epoch ms.
    """

    data: bytes
    sequence: str
    arrival_ms: int


@dataclass(frozen=True, slots=True)
class ValidatedBlocks:
    """The content of b blocks.

    Attributes:
        whole: all readings, block by block; without the rejected lines, whose positions are only unique
            within their own block.
        well_ends: for each block, where its well readings end among those of `whole`.
        tank_ends: for each block, where its tank readings end among those of `whole`.
        rejected: for each block, its lines without a usable reading, in line order.
    """

    whole: Validated
    well_ends: list[int]
    tank_ends: list[int]
    rejected: list[list[Rejected]]
