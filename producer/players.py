"""Readings in playing order: a well's instances one after another, a facility's players merged into blocks.

Pure except for the `load` argument, which fetches the rows of a span.
"""

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from petrostream.arrays import IntArray
from petrostream.readings import Origin, Rows, encode_lines
from producer.facility import GasDetector, enrich
from producer.schedule import Segment, Span

CHUNK = 1024
"""Readings encoded at once: enough to be fast, few enough to hold in memory for hundreds of wells."""

Load = Callable[[Span], Rows]
"""The rows of a span (`low` to `high` of its instance), oldest first."""


@dataclass(frozen=True, slots=True)
class StreamBlock:
    """The content of one stream record: whole lines of one facility, in playing order.

    Attributes:
        facility_id: its partition key.
        data: NDJSON.
        first_ms: position of its first reading.
        counts: readings of each well and tank, by name.
    """

    facility_id: str
    data: bytes
    first_ms: int
    counts: dict[str, int]

    @property
    def readings(self) -> int:
        """How many readings the block carries."""
        return sum(self.counts.values())


class Player(Protocol):
    """One source of a facility's readings, a well or a tank, in order of position."""

    @property
    def name(self) -> str:
        """The well or tank."""
        ...

    @property
    def facility_id(self) -> str:
        """Its facility."""
        ...

    def next_ms(self) -> int | None:
        """Position of the next reading, None at the end."""
        ...

    def take(self, until_ms: int) -> tuple[list[bytes], list[IntArray]]:
        """All readings up to that position: n lines, and parts that together hold their n positions."""
        ...


class WellPlayer:
    """One well's readings in playing order, encoded a chunk at a time.

    Args:
        segments: what plays, in order.
        load: fetches the rows of a span.
        skip: how many readings were acknowledged before.
        detector: the gas detector whose values the readings carry, if any.
        feed_id: names the run; left out of the readings if empty.
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        load: Load,
        skip: int = 0,
        detector: GasDetector | None = None,
        feed_id: str = "",
    ) -> None:
        self.name = segments[0].span.well_id
        self.facility_id = segments[0].span.facility_id
        self._chunks = self._encode(segments, load, skip, detector, feed_id)
        self._lines: list[bytes] = []
        self._positions: IntArray = np.empty(0, dtype=np.int64)
        self._at = 0
        # Known without reading a file, so that a replay of a thousand wells starts at once.
        self._first_ms = None if skip else segments[0].start_ms

    def next_ms(self) -> int | None:
        """Position of the next reading, None at the end."""
        if self._first_ms is not None:
            return self._first_ms
        if self._at == len(self._lines) and not self._fill():
            return None
        return int(self._positions[self._at])

    def take(self, until_ms: int) -> tuple[list[bytes], list[IntArray]]:
        """All readings up to that position: n lines, and parts that together hold their n positions."""
        lines: list[bytes] = []
        positions: list[IntArray] = []
        while (following := self.next_ms()) is not None and following <= until_ms:
            if self._first_ms is not None:
                self._first_ms = None
                self._fill()
            end = int(self._positions.searchsorted(until_ms, side="right"))
            lines += self._lines[self._at : end]
            positions.append(self._positions[self._at : end])
            self._at = end
        return lines, positions

    def _fill(self) -> bool:
        self._positions, self._lines = next(self._chunks, (np.empty(0, dtype=np.int64), []))
        self._at = 0
        return bool(self._lines)

    @staticmethod
    def _encode(
        segments: Sequence[Segment], load: Load, skip: int, detector: GasDetector | None, feed_id: str
    ) -> Iterator[tuple[IntArray, list[bytes]]]:
        for segment in segments:
            span = segment.span
            begin = min(skip, span.readings)
            skip -= begin
            origin = Origin(span.well_id, span.facility_id, span.source, feed_id)
            for low in range(begin, span.readings, CHUNK):
                # Loaded again for each chunk: `load` caches recent instances, so that memory stays bounded
                # however many wells play at once.
                rows = load(span)
                part = slice(low, low + CHUNK)
                chunk = Rows(rows.ts_ms[part], rows.values[part], rows.label[part], rows.state[part])
                lines = encode_lines(chunk, origin, segment.offset_ms)
                if detector is not None:
                    lines = enrich(lines, detector.read(span.source, chunk.ts_ms + segment.offset_ms))
                yield chunk.ts_ms + segment.shift_ms, lines


class FacilityPlayer:
    """The wells and tanks of one facility, merged in order of position (in order of name where equal)."""

    def __init__(self, players: Sequence[Player], max_bytes: int) -> None:
        self.facility_id = players[0].facility_id
        self._players = sorted(players, key=lambda player: player.name)
        self._max_bytes = max_bytes
        self._heads = [
            (ms, at) for at, player in enumerate(self._players) if (ms := player.next_ms()) is not None
        ]
        heapq.heapify(self._heads)

    @property
    def sources(self) -> int:
        """How many wells and tanks the facility has in this replay."""
        return len(self._players)

    def next_ms(self) -> int | None:
        """Position of the next reading of any of them, None at the end."""
        return self._heads[0][0] if self._heads else None

    def take(self, until_ms: int) -> list[StreamBlock]:
        """All readings up to that position, in blocks."""
        lines: list[bytes] = []
        parts: list[IntArray] = []
        owners: list[IntArray] = []
        while self._heads and self._heads[0][0] <= until_ms:
            _, at = heapq.heappop(self._heads)
            more, positions = self._players[at].take(until_ms)
            lines += more
            parts += positions
            owners.append(np.full(len(more), at, dtype=np.int64))
            if (following := self._players[at].next_ms()) is not None:
                heapq.heappush(self._heads, (following, at))
        if not lines:
            return []
        positions_ms, owner = np.concatenate(parts), np.concatenate(owners)
        if len(owners) > 1:
            order = np.lexsort((owner, positions_ms))
            lines = [lines[index] for index in order.tolist()]
            positions_ms, owner = positions_ms[order], owner[order]
        return [
            self._block(lines, positions_ms, owner, low, high) for low, high in cut(lines, self._max_bytes)
        ]

    def _block(
        self, lines: list[bytes], positions: IntArray, owner: IntArray, low: int, high: int
    ) -> StreamBlock:
        found = np.bincount(owner[low:high])
        counts = {self._players[at].name: int(found[at]) for at in np.flatnonzero(found).tolist()}
        return StreamBlock(self.facility_id, b"".join(lines[low:high]), int(positions[low]), counts)


def cut(lines: Sequence[bytes], max_bytes: int) -> Iterator[tuple[int, int]]:
    """Bounds (first, after last) of runs of lines that together stay within `max_bytes`.

    Raises:
        ValueError: one line alone is longer.
    """
    ends = np.cumsum([len(line) for line in lines])
    low = 0
    while low < len(lines):
        before = int(ends[low - 1]) if low else 0
        high = int(ends.searchsorted(before + max_bytes, side="right"))
        if high == low:
            raise ValueError(f"a line of {len(lines[low])} bytes does not fit in a block of {max_bytes}")
        yield low, high
        low = high
