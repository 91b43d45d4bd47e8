"""Where facilities are drawn. 3W is anonymous: every position is invented, and the file must say so itself.

Only the facilities' positions are read. Their wells lie too close together to be told apart on a map of the
fleet, so each facility's wells are drawn as a block beside it.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Site:
    """A facility on the map: its name, and invented coordinates in degrees."""

    name: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Sites:
    """Sites by facility; empty if there is no file, or none that says its coordinates are invented."""

    by_facility: Mapping[str, Site] = field(default_factory=dict)


def load_sites(path: Path | None) -> Sites:
    """Read the facilities' positions from a fleet file; a file that can't be used is logged and ignored.

    A map without positions still shows every well, so a broken file is no reason to show nothing.
    """
    if path is None:
        return Sites()
    try:
        document = orjson.loads(path.read_bytes())
        found = {str(name): _site(str(name), entry) for name, entry in document["facilities"].items()}
        invented = document["coordinates"] == "illustrative"
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        logger.warning("fleet file %s: no positions: %r; producer/fleet.json is a valid one", path, error)
        return Sites()
    if not invented:
        logger.warning('fleet file %s: no positions: "coordinates" is not "illustrative"', path)
        return Sites()
    return Sites(found)


def _site(name: str, entry: Mapping[str, Any]) -> Site:
    return Site(str(entry.get("name", name)), float(entry["latitude"]), float(entry["longitude"]))
