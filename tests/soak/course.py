"""Readings without end: a well's normal operation from a file, back and forth, faster than it was."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ml.data.dataset import Instance, find_instances, read_instance
from petrostream.arrays import FloatArray
from petrostream.schema import SENSORS
from petrostream.times import to_iso

SOURCE = "0/SOAK"
"""What marks the readings of a soak in the lake."""

LEAK_EVERY, LEAK = 600, 20
"""Seconds between the beginnings of two gas leaks of a well, and the length of one."""

FEWEST = 60
"""Fewest normal readings that are worth repeating."""


@dataclass(frozen=True, slots=True)
class Course:
    """Values of one well's gauges, which a run goes through back and forth.

    Attributes:
        values: shape (n, number of `SENSORS`), NaN where missing.
        phase: seconds into `LEAK_EVERY` at which this well leaks.
    """

    values: FloatArray
    phase: int

    def row(self, well_id: str, facility_id: str, ts_ms: int, second: int) -> Mapping[str, Any]:
        """The reading of a moment: what the file has for its second, with a tenth of the last step."""
        turn = 2 * (len(self.values) - 1)
        place = min(second % turn, turn - second % turn)
        before = self.values[max(0, place - 1)]
        values = self.values[place] + (ts_ms % 1000) / 1e4 * (before - self.values[place])
        leaks = (second + self.phase) % LEAK_EVERY < LEAK
        return {
            "kind": "well", "well_id": well_id, "facility_id": facility_id, "ts": to_iso(ts_ms),
            "source": SOURCE, "methane_ppm": 900.0 if leaks else 5.0,
            **dict(zip((field.name for field in SENSORS), values.tolist(), strict=True)),
        }  # fmt: skip


def courses(folder: Path) -> dict[str, Course]:
    """The courses of the wells in a folder in the layout of 3W, of what precedes each one's event.

    Raises:
        DatasetError: the folder has no instances, or damaged ones.
        ValueError: an instance has hardly any normal operation.
    """
    found: dict[str, Course] = {}
    for number, file in enumerate(find_instances(folder)):
        normal = _before_event(read_instance(file))
        if len(normal) < FEWEST:
            raise ValueError(
                f"{file.path}: {len(normal)} readings before its event; at least {FEWEST} are needed"
            )
        found.setdefault(file.well_id, Course(normal, 37 * number % LEAK_EVERY))
    return found


def _before_event(instance: Instance) -> FloatArray:
    event = instance.in_event
    return instance.values[: int(event.argmax()) if event.any() else len(instance)]
