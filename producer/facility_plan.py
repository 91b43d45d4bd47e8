"""Gas detectors and tanks of a replay: which exist, what they respond to, and what they will send."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from petrostream.arrays import IntArray
from producer.episodes import Episode, episodes_of
from producer.facility import GasDetector, Tank, ground_truth
from producer.fleet import Fleet
from producer.schedule import Schedule, Segment, Span
from producer.tank_player import Piece, TankPlayer, pieces_of

Labels = Callable[[Span], tuple[IntArray, IntArray]]
"""Source times and 3W classes of the whole instance a span is part of."""


@dataclass(frozen=True)
class FacilityPlan:
    """The simulated side of a replay.

    Attributes:
        seed: of the simulation.
        detectors: gas detector of each well.
        tanks: the tanks by name.
        pieces: when the tanks of each facility are read.
    """

    seed: int
    detectors: Mapping[str, GasDetector]
    tanks: Mapping[str, Tank]
    pieces: Mapping[str, list[Piece]]

    @cached_property
    def totals(self) -> dict[str, int]:
        """How many readings each tank sends."""
        return {name: self._player(tank, 0).count() for name, tank in self.tanks.items()}

    def players(self, facility_id: str, positions: Mapping[str, int]) -> list[TankPlayer]:
        """The players of a facility's tanks, without the acknowledged readings that `positions` counts."""
        return [
            self._player(tank, positions.get(name, 0))
            for name, tank in self.tanks.items()
            if tank.facility_id == facility_id
        ]

    def _player(self, tank: Tank, skip: int) -> TankPlayer:
        return TankPlayer(tank, self.pieces[tank.facility_id], skip)

    def report(self, positions: Mapping[str, int]) -> dict[str, Any]:
        """Acknowledged readings of each tank, and the ground truth: when a concentration exceeds a limit."""
        raised = [stretch for detector in self.detectors.values() for stretch in detector.raised()]
        raised += [stretch for tank in self.tanks.values() for stretch in tank.raised()]
        tanks = {
            name: {
                "facility_id": tank.facility_id,
                "readings": positions.get(name, 0),
                "planned": self.totals[name],
            }
            for name, tank in self.tanks.items()
        }
        return {
            "seed": self.seed,
            "readings": sum(tank["readings"] for tank in tanks.values()),
            "tanks": tanks,
            "raised": ground_truth(raised),
        }


def plan_facilities(schedule: Schedule, labels: Labels, fleet: Fleet, seed: int) -> FacilityPlan:
    """Give every well of a replay a gas detector, and every facility its tanks.

    Args:
        schedule: the replay.
        labels: fetches the 3W classes of whole instances, whatever part of them plays.
        fleet: which tanks there are, and which well flows to which.
        seed: of the simulation.
    """
    detectors: dict[str, GasDetector] = {}
    of_tank: dict[str, list[Episode]] = defaultdict(list)
    of_facility: dict[str, list[Segment]] = defaultdict(list)
    for well_id, line in schedule.wells.items():
        facility_id = line[0].span.facility_id
        episodes = [episode for segment in line for episode in _episodes(segment, labels)]
        detectors[well_id] = GasDetector(seed, well_id, facility_id, episodes)
        of_tank[fleet.tank_of(well_id, facility_id)] += episodes
        of_facility[facility_id] += line
    tanks = {
        tank_id: Tank(seed, tank_id, facility_id, of_tank[tank_id])
        for facility_id in sorted(of_facility)
        for tank_id in fleet.tanks_of(facility_id)
    }
    pieces = {facility_id: pieces_of(segments) for facility_id, segments in of_facility.items()}
    return FacilityPlan(seed, detectors, tanks, pieces)


def _episodes(segment: Segment, labels: Labels) -> list[Episode]:
    ts_ms, label = labels(segment.span)
    return episodes_of(segment.span.well_id, segment.span.source, ts_ms + segment.offset_ms, label)
