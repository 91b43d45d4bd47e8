"""Delays on whole columns: how long a condition has held, and when a latch is set.

A condition is a truth value per reading. Readings are strictly increasing in time; `broken` says where a
gap before a reading ends every run.
"""

import numpy as np

from petrostream.arrays import BoolArray, IntArray

NEVER = int(np.iinfo(np.int64).min)
"""Stands for a time that is not."""


def run_starts(held: BoolArray, broken: BoolArray, ts_ms: IntArray, since: int) -> IntArray:
    """Time at which the unbroken run of "held" that a reading is in began.

    Args:
        held: shape (n,), n >= 1.
        broken: shape (n,).
        ts_ms: shape (n,), epoch ms.
        since: start of the run under way before the first reading, `NEVER` if none.

    Returns:
        Shape (n,), epoch ms; `NEVER` where the condition does not hold.
    """
    before = np.empty(len(held), np.bool_)
    before[0] = since != NEVER
    before[1:] = held[:-1]
    first = held & (~before | broken)
    at = np.maximum.accumulate(np.where(first, np.arange(len(held)), -1))
    return np.where(held, np.where(at >= 0, ts_ms[at], since), NEVER)


def lasted(starts: IntArray, ts_ms: IntArray, seconds: float) -> BoolArray:
    """Where a run has lasted that long: shape (n,), from `run_starts`."""
    running = starts != NEVER
    since = np.where(running, starts, ts_ms)
    enough: BoolArray = running & (ts_ms - since >= round(1000 * seconds))
    return enough


def latch(sets: BoolArray, resets: BoolArray, active: bool) -> BoolArray:
    """State of a latch after each reading: shape (n,). No reading both sets and resets it."""
    acts = sets | resets
    at = np.maximum.accumulate(np.where(acts, np.arange(len(sets)), -1))
    return np.where(at >= 0, sets[at], active)


def recent(marks: BoolArray, ts_ms: IntArray, last: int, seconds: float) -> tuple[BoolArray, int]:
    """Where the last mark lies at most so far back.

    Args:
        marks: shape (n,), n >= 1.
        ts_ms: shape (n,), epoch ms.
        last: time of the last mark before the first reading, `NEVER` if none.
        seconds: how far back counts.

    Returns:
        Shape (n,), and the time of the last mark, `NEVER` where it can't matter any more.
    """
    marked = np.maximum.accumulate(np.where(marks, ts_ms, last))
    near = (marked != NEVER) & (ts_ms - np.where(marked == NEVER, ts_ms, marked) <= round(1000 * seconds))
    return near, int(marked[-1]) if near[-1] else NEVER
