"""Cuts a facility's memory down to a bounded size, well by well: the wells silent longest are dropped first.

Each part is cut by itself. What is dropped is reset for those wells alone: a history of gauges (scoring), an
open minute (windows), readings that wait for a tank (join), the status and the open alarms shown (live). No
part of any other well is touched, and no reading is lost.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from petrostream.pipeline.memory import PARTS, SCORING, Codec, Memory, encode_parts

MAX_WELL_BYTES = 65_000
"""Reserved for one well's history, whatever the other parts need; typically a well takes 1 to 2 kB."""

MAX_UNPUBLISHED = 1_000
"""Most alerts that are stored until they are published, some 64 kB: the newest ones."""

logger = logging.getLogger(__name__)


def fitted(memory: Memory, max_bytes: int) -> tuple[Memory, dict[str, bytes]]:
    """The memory and its encoded parts, scoring's included, cut down to `max_bytes` in all.

    Args:
        memory: the memory.
        max_bytes: most bytes of all parts together; leave `MAX_WELL_BYTES` and some kB for each other part.
    """
    memory = _with_newest_alerts(memory)
    parts = encode_parts(memory)
    room = max_bytes - MAX_WELL_BYTES
    order = silent_first(memory)
    # Only what is over an even share is cut, the largest part first: in the end all of them fit.
    for name in sorted(parts, key=lambda name: -len(parts[name])):
        excess = sum(map(len, parts.values())) - room
        if excess > 0:
            limit = max(len(parts[name]) - excess, room // len(parts))
            part, parts[name] = _cut(memory, name, PARTS[name], order, limit)
            memory = replace(memory, **{name: part})
    limit = max_bytes - sum(map(len, parts.values()))
    scoring, content = _cut(memory, "scoring", SCORING, order, limit, at_least=1)
    return replace(memory, scoring=scoring), {"scoring": content, **parts}


def silent_first(memory: Memory) -> list[str]:
    """All wells of the memory by their last reading in the stream, the one silent longest first."""
    names: list[str] = []
    for name, codec in PARTS.items():
        names += codec.wells(getattr(memory, name))
    # Scoring remembers wells in the order in which they reported, and knows nearly all of them.
    names += SCORING.wells(memory.scoring)
    return list(dict.fromkeys(reversed(names)))[::-1]


def _cut(
    memory: Memory, name: str, codec: Codec, order: Sequence[str], limit: int, at_least: int = 0
) -> tuple[Any, bytes]:
    """A part and its encoding, without as many of the wells silent longest as it takes to fit `limit`."""
    part = getattr(memory, name)
    content = codec.encode(part)
    size, kept = len(content), _of_part(codec, part, order)
    wells = len(kept)
    while len(content) > limit and len(kept) > at_least:
        # Wells differ in size: by the average, and somewhat less, a few rounds are enough.
        kept = kept[len(kept) - max(at_least, int(len(kept) * 0.9 * limit / len(content))) :]
        part = codec.only(part, frozenset(kept))
        content = codec.encode(part)
    if len(kept) < wells:
        logger.warning(
            "facility %s: %s state of %d wells is %d bytes, over %d; the %d silent longest are dropped",
            *(memory.scoring.facility_id, name, wells, size, limit, wells - len(kept)),
        )
    if len(content) > limit and not at_least:
        logger.error("facility %s: %s state does not fit and is reset", memory.scoring.facility_id, name)
        part = getattr(memory.without(name), name)
        content = codec.encode(part)
    return part, content


def _of_part(codec: Codec, part: object, order: Iterable[str]) -> list[str]:
    known = frozenset(codec.wells(part))
    return [well for well in order if well in known]


def _with_newest_alerts(memory: Memory) -> Memory:
    over = len(memory.live.unpublished) - MAX_UNPUBLISHED
    if over <= 0:
        return memory
    logger.error(
        "facility %s: %d alerts are too many to store until they are published; unless the topic takes them "
        "right after this batch, no message is sent for the %d oldest. The alarms are in the lake",
        *(memory.scoring.facility_id, len(memory.live.unpublished), over),
    )
    return replace(memory, live=replace(memory.live, unpublished=memory.live.unpublished[over:]))
