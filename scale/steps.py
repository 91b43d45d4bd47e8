"""The steps from a thousand readings a second to a million: their fleets, and their settings.

`infra/scale/<step>.json` holds only what differs from `infra/settings.json`; `settings_of` joins them.
"""

import json
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pydantic import ValidationError

from cost.workload import Workload
from infra.settings import Settings, SettingsError
from petrostream.errors import PetroStreamError

PARALLELIZATION = 1
"""Batches of a shard that Lambda takes at once. Not a setting: a facility's readings are scored in order, and
a shard has one owner, which notes one place (docs/adr/0014-the-stream-is-the-log.md)."""


class StepUnknown(PetroStreamError):  # noqa: N818 - says what happened
    """There is no such step; the message names those there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"step {name}: there is none; there are {', '.join(STEPS)}")


@dataclass(frozen=True, slots=True)
class ScaleStep:
    """A load and its fleet.

    Attributes:
        name: its name, and that of its settings' file.
        wells: wells that send.
        hz: readings a second of each.
        of_a_facility: wells of a facility.
    """

    name: str
    wells: int
    hz: int
    of_a_facility: int

    @property
    def readings(self) -> int:
        """Readings a second of all wells."""
        return self.wells * self.hz

    @property
    def facilities(self) -> int:
        """Facilities, each of as many wells."""
        return self.wells // self.of_a_facility

    def workload(self, settings: Settings) -> Workload:
        """The load of the cost model: all wells, all day."""
        return Workload(
            wells=self.wells,
            hz=Fraction(self.hz),
            facilities=self.facilities,
            block_seconds=Fraction(str(settings.stream.block_seconds)),
        )


STEPS: Mapping[str, ScaleStep] = {
    step.name: step
    for step in (
        ScaleStep("1k", 1_000, 1, 25),
        ScaleStep("10k", 10_000, 1, 25),
        ScaleStep("100k", 100_000, 1, 25),
        ScaleStep("1m", 100_000, 10, 25),
    )
}


def step(name: str) -> ScaleStep:
    """The step of that name.

    Raises:
        StepUnknown: there is none.
    """
    if name not in STEPS:
        raise StepUnknown(name)
    return STEPS[name]


def document(name: str) -> dict[str, Any]:
    """The whole settings of a step, as `infra/settings.json` has them.

    Raises:
        StepUnknown: there is no such step.
    """
    changes = _read(f"scale/{step(name).name}.json")
    return _merged(_read("settings.json"), changes)


def settings_of(name: str) -> Settings:
    """The whole settings of a step, validated.

    Raises:
        StepUnknown: there is no such step.
        SettingsError: a key of its file is unknown, or a value is one that AWS would refuse.
    """
    try:
        return Settings.model_validate(document(name))
    except ValidationError as error:
        raise SettingsError(f"infra/scale/{name}.json: {error}") from error


def _read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(pkgutil.get_data("infra", name) or b"{}")
    return content


def _merged(whole: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`whole` with each value of `changes` in its place; sections are merged, key by key."""
    merged = dict(whole)
    for key, value in changes.items():
        held = whole.get(key)
        merged[key] = _merged(held, value) if isinstance(held, dict) and isinstance(value, dict) else value
    return merged
