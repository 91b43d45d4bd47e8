"""Suppression by operating state: one table, used for the risk of readings and for alarms.

Baselines and signatures describe a flowing well. When the operator shuts it in, flushes, bullheads, restarts
or depressurizes it, pressures and temperatures move by intention; counting that as risk would teach people to
ignore alarms. Suppressed rules add no points but are listed as suppressed, and the forest and the rules are
still computed. Gas is as dangerous around a closed well as around an open one, so emission and vapor rules
are never suppressed, and neither is the health of gauges.

Codes and names: 3W dataset 2.0.0, arXiv 2507.01048, table 5.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from petrostream.arrays import BoolArray, IntArray, anywhere, filled_whole
from petrostream.records import record
from petrostream.risk.rules import PROCESS_RULES

FOREST = "forest"
"""The Isolation Forest's id among the ids of rules."""

UNKNOWN = -1
RELEASE_MS = 180_000
"""How long suppression outlasts its state: windows still hold readings from it."""


@dataclass(frozen=True, slots=True)
class OperatingState:
    """A row of the table.

    Attributes:
        code: value of `state`.
        name: the state's name in 3W.
        suppresses: the process rules, by id, and `forest`, that are meaningless in it.
        because: the reason.
    """

    code: int
    name: str
    suppresses: frozenset[str]
    because: str


_ALL = frozenset((FOREST, *(rule.id for rule in PROCESS_RULES)))
_SLOW = "no flow: levels leave the baseline, and a closed well cools and builds up pressure"
_PUMPED = "pressures and temperatures follow the pump"
_CLOSED = "no flow, and a different fluid in the well than in the baseline"

_ROWS = (
    OperatingState(0, "open", frozenset(), "the state that baselines and signatures describe"),
    OperatingState(1, "shut-in", _ALL, _SLOW),
    OperatingState(2, "flushing with diesel", _ALL, _PUMPED),
    OperatingState(3, "flushing with gas", _ALL, _PUMPED),
    OperatingState(4, "bullheading", _ALL, _PUMPED),
    OperatingState(5, "closed with diesel", _ALL, _CLOSED),
    OperatingState(6, "closed with gas", _ALL, _CLOSED),
    OperatingState(7, "restart", _ALL, "pressures swing and temperatures rise until flow is steady"),
    OperatingState(8, "depressurization", _ALL, "pressure is released on purpose"),
)

OPERATING_STATES: Mapping[int, OperatingState] = MappingProxyType({row.code: row for row in _ROWS})


def codes_of(states: Sequence[int | None]) -> IntArray:
    """Convert n states to codes: shape (n,), `UNKNOWN` for None."""
    return np.array([UNKNOWN if state is None else state for state in states], np.int64)


@record(frozen=True, slots=True)
class StateMemory:
    """The last suppressing state of a well.

    Attributes:
        code: its code, `UNKNOWN` for none.
        until_ms: last instant at which it suppresses, epoch ms.
    """

    code: int = UNKNOWN
    until_ms: int = np.iinfo(np.int64).min


NO_STATE = StateMemory()


def governing(
    memories: Sequence[StateMemory], ts_ms: IntArray, codes: IntArray
) -> tuple[IntArray, list[StateMemory]]:
    """Return the state that decides what is suppressed at each reading of w wells.

    It is the reading's own state if that suppresses anything, else the last one of its well that did, for
    `RELEASE_MS`, else `UNKNOWN`. An unknown state suppresses nothing by itself.

    Args:
        memories: from each well's previous readings.
        ts_ms: shape (n, w), n >= 1, strictly increasing for each well, epoch ms.
        codes: shape (n, w), from `codes_of`; codes not in the table count as unknown.

    Returns:
        Codes, shape (n, w), and the new memories.
    """
    # Code 0 suppresses nothing either.
    own = codes > 0
    if anywhere(own):
        own = _SUPPRESSES[np.where(own & (codes < len(_ROWS)), codes, 0)]
    if not anywhere(own) and all(
        memory.until_ms < first for memory, first in zip(memories, ts_ms[0].tolist(), strict=True)
    ):
        return filled_whole(codes.shape, UNKNOWN), list(memories)
    at = np.maximum.accumulate(np.where(own, np.arange(len(codes))[:, None], -1), axis=0)
    code = np.where(at >= 0, np.take_along_axis(codes, at, 0), [memory.code for memory in memories])
    until = np.where(
        at >= 0, np.take_along_axis(ts_ms, at, 0) + RELEASE_MS, [memory.until_ms for memory in memories]
    )
    after = map(StateMemory, code[-1].tolist(), until[-1].tolist())
    return np.where(ts_ms <= until, code, UNKNOWN), list(after)


_SUPPRESSES: BoolArray = np.array([bool(row.suppresses) for row in _ROWS])


def suppression(ids: Sequence[str]) -> BoolArray:
    """Tabulate which ids each state suppresses: shape (len(ids), codes + 1), last column for `UNKNOWN`.

    Args:
        ids: rule ids, and `forest`.
    """
    table = np.zeros((len(ids), max(OPERATING_STATES) + 2), np.bool_)
    for row in _ROWS:
        table[:, row.code] = [one in row.suppresses for one in ids]
    return table
