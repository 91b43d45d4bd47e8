"""All that is carried from one batch of a facility to the next, and its parts as bytes.

Scoring's state stands apart: it knows how far the stream has been read. Every other part can be lost without
losing a reading, and then starts afresh.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from petrostream.facility import JoinState
from petrostream.facility import codec as join_codec
from petrostream.live import LiveState
from petrostream.live import codec as live_codec
from petrostream.minutes import WindowState
from petrostream.minutes import codec as windows_codec
from petrostream.packing import StateFormatError
from petrostream.scoring import FacilityState

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of one facility.

    Attributes:
        scoring: histories of its wells, and the last record done.
        join: what the join of wells and tanks remembers.
        windows: minutes of its wells that are not over.
        live: latest status of its wells, open alarms, events still to be told.
    """

    scoring: FacilityState
    join: JoinState = field(default_factory=JoinState)
    windows: WindowState = field(default_factory=WindowState)
    live: LiveState = field(default_factory=LiveState)

    def without(self, part: str) -> "Memory":
        """The same with one of `PARTS` as it is in the beginning."""
        return replace(self, **{part: getattr(Memory(self.scoring), part)})


@dataclass(frozen=True, slots=True)
class Codec:
    """How a part becomes bytes and is read again; `decode` raises StateFormatError."""

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


PARTS: Mapping[str, Codec] = {
    "join": Codec(join_codec.encode, join_codec.decode),
    "windows": Codec(windows_codec.encode, windows_codec.decode),
    "live": Codec(live_codec.encode, live_codec.decode),
}
"""The parts beside scoring's state, by their attribute of `Memory`."""


def encode_parts(memory: Memory) -> dict[str, bytes]:
    """Every part of `PARTS` as bytes."""
    return {name: codec.encode(getattr(memory, name)) for name, codec in PARTS.items()}


def decode_parts(scoring: FacilityState, parts: Mapping[str, bytes]) -> Memory:
    """The memory whose parts these are; a part that is missing or damaged starts afresh."""
    found: dict[str, Any] = {}
    for name, codec in PARTS.items():
        content = parts.get(name)
        if content is None:
            continue
        try:
            found[name] = codec.decode(content)
        except StateFormatError:
            logger.exception("facility %s: its %s state starts afresh", scoring.facility_id, name)
    return Memory(scoring, **found)
