"""A tank's readings in the order in which they arrive: every two seconds, some late, doubled or lost.

Positions, event times and `take` are those of `producer.players.WellPlayer`: to a facility's player a tank is
one more well. A reading's position is that of its arrival.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from petrostream.arrays import FloatArray, IntArray
from petrostream.readings import encode_block
from producer.facility import Tank
from producer.noise import uniform
from producer.schedule import Segment

PERIOD_MS = 2_000
"""Time between two readings of a tank; each tank has its own phase."""

LOST = 0.005
LATE = 0.01
VERY_LATE = 0.003
DOUBLED = 0.01
LATE_MS = (2_000, 4_500)
"""Delay of a late reading: within what the join waits for."""

VERY_LATE_MS = (8_000, 15_000)
"""Delay of a very late reading: more than the join waits for."""

DOUBLED_MS = (1_000, 3_000)
"""How long after a reading its duplicate arrives."""

LONGEST_DELAY_MS = VERY_LATE_MS[1]
CHUNK_MS = 600_000


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the timeline with one offset: event time = position + `offset_ms`.

    Attributes:
        start_ms: position of the first tank reading at the earliest.
        end_ms: position after which no reading is taken; late ones still arrive.
        offset_ms: event time less position.
    """

    start_ms: int
    end_ms: int
    offset_ms: int


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Readings in order of arrival: k arrival times and times of reading, event time, epoch milliseconds."""

    arrival_ms: IntArray
    ts_ms: IntArray


def pieces_of(segments: Iterable[Segment]) -> list[Piece]:
    """When a facility's tanks are read: while one of its wells plays.

    Where two wells play at once with different offsets, the tank keeps to the clock of the one that began.
    """
    pieces: list[Piece] = []
    for segment in sorted(segments, key=lambda one: (one.start_ms, one.span.source)):
        offset = segment.offset_ms - segment.shift_ms
        start, end = segment.start_ms, segment.end_ms
        if pieces and pieces[-1].offset_ms == offset and start <= pieces[-1].end_ms + PERIOD_MS:
            last = pieces.pop()
            pieces.append(Piece(last.start_ms, max(last.end_ms, end), offset))
            continue
        if pieces:
            start = max(start, pieces[-1].end_ms + 1)
        if start <= end:
            pieces.append(Piece(start, end, offset))
    return pieces


def arrivals(tank: Tank, first_ms: int, last_ms: int, low_ms: int, high_ms: int) -> Arrivals:
    """What arrives from `low_ms` to `high_ms` (exclusive) of the readings taken from `first_ms` to `last_ms`.

    A pure function: adjacent stretches together yield what the whole yields.
    """
    begin = max(first_ms, low_ms - LONGEST_DELAY_MS)
    end = min(last_ms, high_ms - 1)
    phase = tank.key % PERIOD_MS
    ts = np.arange(begin + (phase - begin) % PERIOD_MS, end + 1, PERIOD_MS, dtype=np.int64)
    chance = uniform(tank.key ^ 2, ts, 4)
    fate = chance[:, 0]
    delay = np.zeros(len(ts), np.int64)
    late = (fate >= LOST) & (fate < LOST + LATE)
    very_late = (fate >= LOST + LATE) & (fate < LOST + LATE + VERY_LATE)
    delay[late] = _between(LATE_MS, chance[late, 1])
    delay[very_late] = _between(VERY_LATE_MS, chance[very_late, 1])
    sent = fate >= LOST
    doubled = sent & (chance[:, 2] < DOUBLED) & (delay == 0)
    again = _between(DOUBLED_MS, chance[doubled, 3])
    arrival = np.concatenate([(ts + delay)[sent], ts[doubled] + again])
    taken = np.concatenate([ts[sent], ts[doubled]])
    inside = (arrival >= low_ms) & (arrival < high_ms)
    arrival, taken = arrival[inside], taken[inside]
    order = np.lexsort((taken, arrival))
    return Arrivals(arrival[order], taken[order])


def _between(bounds: tuple[int, int], share: FloatArray) -> IntArray:
    return (bounds[0] + share * (bounds[1] - bounds[0])).astype(np.int64)


class TankPlayer:
    """A tank's readings, encoded a chunk at a time, `skip` of them left out.

    Args:
        tank: the tank.
        pieces: when it is read, in order of position, not overlapping.
        skip: how many readings were acknowledged before.
    """

    def __init__(self, tank: Tank, pieces: Sequence[Piece], skip: int = 0) -> None:
        self.name = tank.tank_id
        self.facility_id = tank.facility_id
        self._tank = tank
        self._pieces = pieces
        self._chunks = self._encode(skip)
        self._lines: list[bytes] = []
        self._positions: IntArray = np.empty(0, dtype=np.int64)
        self._at = 0

    def count(self) -> int:
        """How many readings arrive in all, the skipped ones included."""
        return sum(len(found.ts_ms) for found, _ in self._arrivals())

    def next_ms(self) -> int | None:
        """Position of the next reading, None at the end."""
        while self._at == len(self._lines):
            following = next(self._chunks, None)
            if following is None:
                return None
            self._positions, self._lines = following
            self._at = 0
        return int(self._positions[self._at])

    def take(self, until_ms: int) -> tuple[list[bytes], list[IntArray]]:
        """All readings up to that position: n lines, and parts that together hold their n positions."""
        lines: list[bytes] = []
        positions: list[IntArray] = []
        while (following := self.next_ms()) is not None and following <= until_ms:
            end = int(self._positions.searchsorted(until_ms, side="right"))
            lines += self._lines[self._at : end]
            positions.append(self._positions[self._at : end])
            self._at = end
        return lines, positions

    def _arrivals(self) -> Iterator[tuple[Arrivals, int]]:
        """Arrivals by chunks in order of position, each with its offset."""
        for place, piece in enumerate(self._pieces):
            first, last = piece.start_ms + piece.offset_ms, piece.end_ms + piece.offset_ms
            end = last + LONGEST_DELAY_MS + 1
            if place + 1 < len(self._pieces):
                # What is still under way when the next piece begins is lost: positions must not step back.
                end = min(end, self._pieces[place + 1].start_ms + piece.offset_ms)
            for low in range(first, end, CHUNK_MS):
                found = arrivals(self._tank, first, last, low, min(low + CHUNK_MS, end))
                yield found, piece.offset_ms

    def _encode(self, skip: int) -> Iterator[tuple[IntArray, list[bytes]]]:
        for found, offset in self._arrivals():
            passed = min(skip, len(found.ts_ms))
            skip -= passed
            ts = found.ts_ms[passed:]
            if len(ts):
                yield found.arrival_ms[passed:] - offset, [encode_block([row]) for row in self._tank.rows(ts)]
