"""The fleet file: facilities, their tanks, and which tank each well flows to.

`ml.data.units` reads the units in it.

3W is anonymous, so all of it is invented, coordinates included; a fleet file must say so itself. The default
file beside this module agrees with `petrostream.fleet.facility_of` on the facility of every well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from petrostream.fleet import facility_of
from petrostream.names import has_control
from petrostream.readings import MAX_NAME_CHARS
from producer.errors import ReplayError

FLEET_FILE = Path(__file__).with_name("fleet.json")
ILLUSTRATIVE = "illustrative"


class FleetFileInvalid(ReplayError):  # noqa: N818 - says what happened
    """A fleet file is invalid."""

    def __init__(self, path: Path, place: str, problem: str) -> None:
        super().__init__(f"{path}: {place}: {problem}; see producer/fleet.json for a valid file")
        self.path = path
        self.place = place
        self.problem = problem


@dataclass(frozen=True, slots=True)
class FacilitySite:
    """A facility: its name, where it is drawn on a map, and its tanks, at least one."""

    facility_id: str
    name: str
    latitude: float
    longitude: float
    tanks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WellSite:
    """Where a well is drawn, its facility, and the tank it flows to."""

    well_id: str
    facility_id: str
    tank_id: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Fleet:
    """Facilities and wells by name. Wells not listed keep their default facility."""

    facilities: Mapping[str, FacilitySite]
    wells: Mapping[str, WellSite]

    def facility_of(self, well_id: str) -> str:
        """Facility of a well."""
        site = self.wells.get(well_id)
        return site.facility_id if site else facility_of(well_id)

    def tanks_of(self, facility_id: str) -> tuple[str, ...]:
        """Tanks of a facility; one not in the file has a single tank."""
        facility = self.facilities.get(facility_id)
        return facility.tanks if facility else (f"TANK-{facility_id}",)

    def tank_of(self, well_id: str, facility_id: str) -> str:
        """Tank a well flows to; the facility's first one where the file does not say."""
        site = self.wells.get(well_id)
        tanks = self.tanks_of(facility_id)
        return site.tank_id if site and site.tank_id in tanks else tanks[0]


def load_fleet(path: Path = FLEET_FILE) -> Fleet:
    """Read a fleet file.

    Raises:
        FleetFileInvalid: it can't be read, or something in it is missing or wrong; the message says where.
    """
    try:
        raw = orjson.loads(path.read_bytes())
    except OSError as error:
        raise FleetFileInvalid(path, "file", f"can't be read ({error.strerror})") from error
    except orjson.JSONDecodeError as error:
        raise FleetFileInvalid(path, "file", f"is not JSON ({error})") from error
    reader = _Reader(path)
    top = reader.mapping("file", raw)
    if top.get("coordinates") != ILLUSTRATIVE:
        problem = f'must be "{ILLUSTRATIVE}": where 3W\'s wells stand is not known'
        raise FleetFileInvalid(path, "coordinates", problem)
    facilities = {
        name: reader.facility(name, entry)
        for name, entry in reader.mapping("facilities", top.get("facilities")).items()
    }
    owners = [tank for facility in facilities.values() for tank in facility.tanks]
    if len(set(owners)) != len(owners):
        twice = sorted({tank for tank in owners if owners.count(tank) > 1})
        raise FleetFileInvalid(path, "facilities", f"tanks named twice: {', '.join(twice)}")
    wells = {
        name: reader.well(name, entry, facilities)
        for name, entry in reader.mapping("wells", top.get("wells")).items()
        # A well may be there for its units alone.
        if not (isinstance(entry, dict) and set(entry) == {"units"})
    }
    return Fleet(facilities, wells)


@dataclass(frozen=True, slots=True)
class _Reader:
    path: Path

    def mapping(self, place: str, value: object) -> dict[str, Any]:
        if not isinstance(value, dict) or not value:
            raise FleetFileInvalid(self.path, place, "is not an object with entries")
        return value

    def text(self, place: str, value: object) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > MAX_NAME_CHARS:
            raise FleetFileInvalid(
                self.path, place, f"{value!r} is not a name of 1 to {MAX_NAME_CHARS} characters"
            )
        if has_control(value):
            raise FleetFileInvalid(self.path, place, f"{value!r} holds a control character")
        return value

    def degrees(self, place: str, value: object, limit: float) -> float:
        if type(value) not in {int, float} or not -limit <= value <= limit:  # type: ignore[operator]
            raise FleetFileInvalid(
                self.path, place, f"{value!r} is not a number from -{limit:g} to {limit:g}"
            )
        return float(value)  # type: ignore[arg-type]

    def position(self, place: str, entry: dict[str, Any]) -> tuple[float, float]:
        latitude = self.degrees(f"{place}.latitude", entry.get("latitude"), 90.0)
        return latitude, self.degrees(f"{place}.longitude", entry.get("longitude"), 180.0)

    def facility(self, name: str, value: object) -> FacilitySite:
        place = f"facilities.{self.text('facilities', name)}"
        entry = self.mapping(place, value)
        tanks = entry.get("tanks")
        if not isinstance(tanks, list) or not tanks:
            raise FleetFileInvalid(
                self.path, f"{place}.tanks", f"{tanks!r} is not a list of at least one tank"
            )
        names = tuple(self.text(f"{place}.tanks", tank) for tank in tanks)
        return FacilitySite(
            name, self.text(f"{place}.name", entry.get("name")), *self.position(place, entry), names
        )

    def well(self, name: str, value: object, facilities: Mapping[str, FacilitySite]) -> WellSite:
        place = f"wells.{self.text('wells', name)}"
        entry = self.mapping(place, value)
        facility_id = self.text(f"{place}.facility", entry.get("facility"))
        if facility_id not in facilities:
            raise FleetFileInvalid(
                self.path, f"{place}.facility", f"{facility_id} is not among the facilities"
            )
        tank = self.text(f"{place}.tank", entry.get("tank"))
        if tank not in facilities[facility_id].tanks:
            raise FleetFileInvalid(self.path, f"{place}.tank", f"{tank} is no tank of {facility_id}")
        return WellSite(name, facility_id, tank, *self.position(place, entry))
