"""Real 3W wells in the place of synthetic ones: two minutes of each, around the beginning of its event."""

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml.data.dataset import Instance, find_instances, read_instance
from petrostream.schema.sensors import SENSOR_NAMES

BEFORE = 60
"""Seconds before the event that are played, where the instance has them."""


@dataclass(frozen=True)
class Played:
    """A stretch of a real instance, whatever well of a trial it stands in for.

    Attributes:
        source: the instance.
        rows: for each second the sensors that have a value, in SI units, and its label.
    """

    source: str
    rows: tuple[dict[str, Any], ...]

    @classmethod
    def of(cls, instance: Instance, seconds: int) -> "Played":
        """The seconds around the first reading of its event; its last ones where it ends before."""
        begin = max(int(np.argmax(instance.in_event)) - BEFORE, 0)
        begin = min(begin, max(len(instance) - seconds, 0))
        rows = (_row(instance, at) for at in range(begin, min(begin + seconds, len(instance))))
        return cls(instance.source, tuple(rows))

    def at(self, second: int) -> dict[str, Any]:
        """The values of a second; a stretch that is over begins again."""
        return self.rows[second % len(self.rows)]


def _row(instance: Instance, at: int) -> dict[str, Any]:
    values = zip(SENSOR_NAMES, instance.values[at].tolist(), strict=True)
    row: dict[str, Any] = {name: value for name, value in values if np.isfinite(value)}
    return row | {"class": int(instance.label[at])} if instance.label[at] >= 0 else row


def real_wells(folder: Path, rng: random.Random, count: int, seconds: int) -> list[Played]:
    """Some real instances of a folder, drawn anew for each trial.

    Raises:
        DatasetError: the folder has no instance, or one cannot be read.
    """
    files = [file for file in find_instances(folder) if file.is_real]
    drawn = rng.sample(files, min(count, len(files)))
    return [Played.of(read_instance(file), seconds) for file in drawn]


def has_real_wells(folder: Path) -> bool:
    """Whether a folder has instances of real wells to play."""
    return folder.is_dir() and any(folder.glob("*/WELL-*.parquet"))
