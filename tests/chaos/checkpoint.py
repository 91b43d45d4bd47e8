"""The producer's file of progress, on a disk that is full at times."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from producer import durable
from tests.chaos.weather import Weather

FULL = Path("/dev/full")
"""A device of Linux that refuses every byte as a full disk does (full(4))."""


@dataclass
class Checkpoint:
    """What of a run is acknowledged, written as the producer writes it.

    Attributes:
        weather: strikes at "disk".
    """

    weather: Weather
    _folder: TemporaryDirectory[str] = field(default_factory=TemporaryDirectory)

    @property
    def path(self) -> Path:
        """The file."""
        return Path(self._folder.name) / "replay.json"

    def save(self, acknowledged: set[int]) -> None:
        """Write it.

        Raises:
            OSError: the disk is full; the file still has what it had before.
        """
        if self.weather.strike("disk") != "ok":
            self.path.with_suffix(".part").symlink_to(FULL)
        durable.write(self.path, json.dumps(sorted(acknowledged)).encode())

    def load(self) -> set[int]:
        """What it has; nothing before it was first written."""
        return set(json.loads(self.path.read_bytes())) if self.path.exists() else set()

    def close(self) -> None:
        """Remove it."""
        self._folder.cleanup()
