"""A million readings a second by other fleets and other paces of batches: vCPUs of scoring."""

from collections.abc import Iterator
from dataclasses import dataclass

from scale.speed import Speed

VCPU_BAR = 20
FLEETS = ((1_000_000, 1, 25), (100_000, 10, 25), (9_999, 100, 3))
"""Wells, readings a second of each, and wells of a facility: no more than whose memories fit one item."""
BATCH_SECONDS = (1, 10, 60)
SHARDS = 1000


@dataclass(frozen=True, slots=True)
class WhatIf:
    """One fleet at one pace.

    Attributes:
        wells, hz: the fleet.
        seconds: between two batches of a shard.
        vcpus: processor time of scoring a second.
        readings_part: of it, what is in proportion to readings alone.
    """

    wells: int
    hz: int
    seconds: int
    vcpus: float
    readings_part: float

    @property
    def faster(self) -> float | None:
        """How many times faster a reading must be for `VCPU_BAR`; None where the rest alone is over it."""
        left = VCPU_BAR - (self.vcpus - self.readings_part)
        return max(1.0, self.readings_part / left) if left > 0 else None


def what_if(speed: Speed) -> Iterator[WhatIf]:
    """Every fleet at every pace, with a block a second of each facility."""
    for wells, hz, of_a_facility in FLEETS:
        for seconds in BATCH_SECONDS:
            facilities = wells / of_a_facility
            readings = wells * hz * seconds
            ms = SHARDS * speed.fixed + speed.batch_ms(facilities * seconds, facilities, wells, readings, hz)
            ms += (speed.minute + speed.call["update_item"]) * wells * seconds / 60
            yield WhatIf(wells, hz, seconds, ms / 1000 / seconds, speed.reading * readings / 1000 / seconds)
