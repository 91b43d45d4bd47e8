"""Moves of chokes and valves that a well reports, and the bounded transition that each opens.

An operator who opens a choke changes every pressure of the well on purpose. From the first reading of a move
until `SETTLE_MS` after the last one, the well is in transition: what it shows then says nothing about its
baseline, and changes in the directions that the move explains are no alarm (`petrostream.risk.expected`).

A transition lasts for `LIMIT_MS` at most, however long the moves go on. After that, further moves open no new
one until every choke and valve has been at rest for `SETTLE_MS`: a choke that hunts under automatic control
must not blind the alarms for good.

An actuator has moved when its position differs by `STEP` from where it was at the end of its last move. So
noise of the position gauge is no move, and a slow ramp is a series of moves. Results depend on the stream
alone, not on how it is cut into batches. Times are event times.
"""

from collections.abc import Sequence

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray, anywhere, everywhere
from petrostream.records import record
from petrostream.schema import SENSOR_INDEX, SENSORS

ACTUATORS: tuple[str, ...] = tuple(s.name for s in SENSORS if s.quantity in ("opening", "valve_state"))
"""Gauges that report the position of a choke or valve, in the order of the bits in `Moves.codes`."""

ACTUATOR_INDICES: IntArray = np.array([SENSOR_INDEX[name] for name in ACTUATORS], np.int64)

STEP = {"opening": 1.0, "valve_state": 0.25}
"""Least change of position that is a move: 1 % of opening, and half of the step from 0 to 0.5 to 1 by which
3W reports valves. Position feedback of a choke at rest varies by a few tenths of a percent."""

SETTLE_MS = 15 * 60_000
"""How long the well is left to settle after the last move. Pressures at the tree and the choke follow within
minutes; slower drifts of temperature are left to the baseline's own adaptation."""

LIMIT_MS = 60 * 60_000
"""Longest transition: an alarm must be possible again within the hour."""

NOT_MOVED = np.iinfo(np.int64).min // 4
"""No time of a move, epoch ms."""

POSITION_QUANTUM = 1 / 128
"""Resolution at which positions are remembered and compared, in percent or valve states."""

UNKNOWN_POSITION = -1
"""Positions are never negative."""

_STEPS: IntArray = np.array(
    [round(STEP[str(SENSORS[i].quantity)] / POSITION_QUANTUM) for i in ACTUATOR_INDICES.tolist()]
)


@record(frozen=True, slots=True)
class MoveMemory:
    """What is remembered of a well's chokes and valves. Times are epoch ms, `NOT_MOVED` if none.

    Attributes:
        positions: one for each of `ACTUATORS`, in units of `POSITION_QUANTUM`, where it was at the end of its
            last move; `UNKNOWN_POSITION` if it never reported.
        opened_ms: when the last transition opened.
        moved_ms: the last move.
        code: what moved in that transition, as in `Moves.codes`.
    """

    positions: tuple[int, ...] = (UNKNOWN_POSITION,) * len(ACTUATORS)
    opened_ms: int = NOT_MOVED
    moved_ms: int = NOT_MOVED
    code: int = 0

    @property
    def until_ms(self) -> int:
        """Last instant of the transition, epoch ms."""
        return min(self.moved_ms + SETTLE_MS, self.opened_ms + LIMIT_MS)

    def moved(self, ts_ms: int, code: int) -> "MoveMemory":
        """Return the memory after moves at one reading; positions are left as they are.

        Args:
            ts_ms: its time, not before the last move, epoch ms.
            code: the moves, as in `Moves.codes`.
        """
        if ts_ms <= self.until_ms:
            return MoveMemory(self.positions, self.opened_ms, ts_ms, self.code | code)
        if ts_ms <= self.moved_ms + SETTLE_MS:
            return MoveMemory(self.positions, self.opened_ms, ts_ms, self.code)
        return MoveMemory(self.positions, ts_ms, ts_ms, code)


AT_REST = MoveMemory()


@record(frozen=True, slots=True)
class Moves:
    """The transitions that n readings are in.

    Attributes:
        codes: shape (n,), 0 outside a transition; in one, bit 2i is set once `ACTUATORS[i]` has opened, and
            bit 2i + 1 once it has closed, since the transition opened.
    """

    codes: IntArray

    @property
    def in_transition(self) -> BoolArray:
        """Which readings are in a transition: shape (n,)."""
        found: BoolArray = self.codes != 0
        return found

    def take(self, rows: IntArray) -> "Moves":
        """Return the transitions of the readings at these positions."""
        return Moves(self.codes[rows])


def follow_moves(
    memories: Sequence[MoveMemory], ts_ms: IntArray, values: FloatArray
) -> tuple[Moves, list[MoveMemory]]:
    """Determine the transitions of the next readings of w wells.

    Args:
        memories: of each well after the readings before these; `AT_REST` at the beginning of a feed.
        ts_ms: shape (n, w), n >= 1, strictly increasing and after those readings, epoch ms.
        values: shape (n, w, 27), sensor units, NaN where missing.

    Returns:
        The transitions, arrays of shape (n, w), and the memories for the next readings.
    """
    moves = Moves(np.zeros(ts_ms.shape, np.int64))
    values = values[..., ACTUATOR_INDICES]
    if everywhere(np.isnan(values)) and not any(memory.code for memory in memories):
        return moves, list(memories)
    positions, moving = _at_rest(memories, values)
    after = [
        memory if memory.positions == at else MoveMemory(at, memory.opened_ms, memory.moved_ms, memory.code)
        for memory, at in zip(memories, positions, strict=True)
    ]
    for well in np.flatnonzero(moving).tolist():
        moves.codes[:, well], after[well] = _of_well(memories[well], ts_ms[:, well], values[:, well])
    return moves, after


def _at_rest(memories: Sequence[MoveMemory], values: FloatArray) -> tuple[list[tuple[int, ...]], BoolArray]:
    """Positions after the readings of wells that do not move; and which do, or are in a transition: (w,)."""
    moving = np.array([memory.code != 0 for memory in memories])
    known: BoolArray = ~np.isnan(values)
    if not anywhere(known):
        return [memory.positions for memory in memories], moving
    start = np.array([memory.positions for memory in memories])
    at = np.rint(np.where(known, values, 0.0) / POSITION_QUANTUM).astype(np.int64)
    first = np.take_along_axis(at, known.argmax(axis=0)[None], axis=0)[0]
    start = np.where((start == UNKNOWN_POSITION) & known.any(axis=0), first, start)
    moving |= (known & (np.abs(at - start) >= _STEPS)).any(axis=(0, 2))
    return list(map(tuple, start.tolist())), moving


def _of_well(memory: MoveMemory, ts_ms: IntArray, values: FloatArray) -> tuple[IntArray, MoveMemory]:
    """The codes of one well's readings, as in `Moves`, and its memory after them."""
    rows, codes, positions = _moves(memory.positions, values)
    after = [MoveMemory(positions, memory.opened_ms, memory.moved_ms, memory.code)]
    for row, moved in zip(rows, codes, strict=True):
        after.append(after[-1].moved(int(ts_ms[row]), moved))
    n = len(ts_ms)
    if not rows and not memory.code:
        return np.zeros(n, np.int64), after[0]
    lengths = np.diff([0, *rows, n])
    until = np.repeat([each.until_ms for each in after], lengths)
    code: IntArray = np.where(ts_ms <= until, np.repeat([each.code for each in after], lengths), 0)
    last = after[-1]
    if code[-1] == 0:
        # The transition is over.
        last = MoveMemory(last.positions, last.opened_ms, last.moved_ms)
    return code, last


def _moves(positions: tuple[int, ...], values: FloatArray) -> tuple[list[int], list[int], tuple[int, ...]]:
    """Rows with moves, ascending; what moved at each; and the positions after the last row."""
    known = ~np.isnan(values)
    reports = np.flatnonzero(known.any(axis=0)).tolist()
    if not reports:
        return [], [], positions
    after = list(positions)
    found: dict[int, int] = {}
    for i in reports:
        rows = np.flatnonzero(known[:, i])
        at = np.rint(values[rows, i] / POSITION_QUANTUM).astype(np.int64)
        start, step = after[i], int(_STEPS[i])
        start = int(at[0]) if start == UNKNOWN_POSITION else start
        if anywhere(np.abs(at - start) >= step):
            # Where a move ends is where the next one begins: only then one by one.
            for row, position in zip(rows.tolist(), at.tolist(), strict=True):
                if abs(position - start) >= step:
                    found[row] = found.get(row, 0) | 1 << (2 * i + (position < start))
                    start = position
        after[i] = start
    moved = sorted(found)
    return moved, [found[row] for row in moved], tuple(after)
