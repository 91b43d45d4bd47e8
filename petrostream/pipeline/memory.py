"""Everything carried from one batch of a facility to the next, and its parts as bytes.

Scoring's state is kept apart from the other parts: it knows how far the stream has been read. Any other part
can be lost without losing a reading; it is then reset.
"""

import logging
from collections.abc import Callable, Collection, Mapping, Set
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
from petrostream.scoring import codec as scoring_codec

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of one facility.

    Attributes:
        scoring: histories of its wells, and the last record processed.
        join: state of the join of wells and tanks.
        windows: one-minute windows of its wells that are still open.
        live: latest status of its wells, open alarms, alerts not yet published.
    """

    scoring: FacilityState
    join: JoinState = field(default_factory=JoinState)
    windows: WindowState = field(default_factory=WindowState)
    live: LiveState = field(default_factory=LiveState)

    def without(self, part: str) -> "Memory":
        """A copy with one of `PARTS` reset to its initial state."""
        return replace(self, **{part: getattr(Memory(self.scoring), part)})


@dataclass(frozen=True, slots=True)
class Codec:
    """How a part is encoded, decoded and cut down to some of its wells.

    Attributes:
        encode: the part as bytes.
        decode: the part that bytes encode; raises StateFormatError.
        wells: names of the wells it holds anything of, those that reported last at the end as far as it
            knows.
        only: a copy that holds nothing of other wells than these.
    """

    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    wells: Callable[[Any], Collection[str]]
    only: Callable[[Any, Set[str]], Any]


SCORING = Codec(scoring_codec.encode, scoring_codec.decode, lambda state: state.wells, FacilityState.only)
"""Scoring's state."""

PARTS: Mapping[str, Codec] = {
    "join": Codec(join_codec.encode, join_codec.decode, JoinState.well_names, JoinState.only),
    "windows": Codec(windows_codec.encode, windows_codec.decode, lambda state: state.wells, WindowState.only),
    "live": Codec(live_codec.encode, live_codec.decode, LiveState.well_names, LiveState.only),
}
"""The parts other than scoring's state, by their attribute of `Memory`."""


def encode_parts(memory: Memory) -> dict[str, bytes]:
    """Encode every part of `PARTS`."""
    return {name: codec.encode(getattr(memory, name)) for name, codec in PARTS.items()}


def decode_parts(scoring: FacilityState, parts: Mapping[str, bytes]) -> Memory:
    """Assemble a memory from its parts; a part that is missing or damaged is reset, and logged if damaged."""
    decoded: dict[str, Any] = {}
    for name, codec in PARTS.items():
        content = parts.get(name)
        if content is None:
            continue
        try:
            decoded[name] = codec.decode(content)
        except StateFormatError:
            logger.exception("facility %s: its %s state is reset", scoring.facility_id, name)
    return Memory(scoring, **decoded)
