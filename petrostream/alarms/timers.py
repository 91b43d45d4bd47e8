"""Delay timers on whole columns: how long a condition has held, and when a latch is set.

A condition is a truth value per reading. Readings are strictly increasing in time; `broken` marks readings
after a gap, which ends every run.
"""

import numpy as np

from petrostream.arrays import BoolArray, IntArray

NEVER = int(np.iinfo(np.int64).min)
"""No time, epoch ms."""


def run_starts(held: BoolArray, broken: BoolArray, ts_ms: IntArray, since: int) -> IntArray:
    """Return the start of the unbroken run of `held` that each reading belongs to.

    Args:
        held: shape (n,), n >= 1, where the condition holds.
        broken: shape (n,), readings after a gap.
        ts_ms: shape (n,), epoch ms.
        since: start of the run in progress before the first reading, epoch ms, `NEVER` if none.

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
    """Return where a run has lasted at least `seconds`: shape (n,).

    Args:
        starts: shape (n,), from `run_starts`.
        ts_ms: shape (n,), epoch ms.
        seconds: the delay.
    """
    running = starts != NEVER
    since = np.where(running, starts, ts_ms)
    enough: BoolArray = running & (ts_ms - since >= round(1000 * seconds))
    return enough


def latch(sets: BoolArray, resets: BoolArray, active: bool) -> BoolArray:
    """Return the state of a latch after each reading: shape (n,).

    Args:
        sets: shape (n,), readings that set it.
        resets: shape (n,), readings that reset it; none of them sets it as well.
        active: its state before the first reading.
    """
    acts = sets | resets
    at = np.maximum.accumulate(np.where(acts, np.arange(len(sets)), -1))
    return np.where(at >= 0, sets[at], active)


def recent(marks: BoolArray, ts_ms: IntArray, last: int, seconds: float) -> tuple[BoolArray, int]:
    """Return where the last mark is at most `seconds` old.

    Args:
        marks: shape (n,), n >= 1, marked readings.
        ts_ms: shape (n,), epoch ms.
        last: time of the last mark before the first reading, epoch ms, `NEVER` if none.
        seconds: the greatest age.

    Returns:
        Shape (n,), and the time of the last mark, `NEVER` once it is too old to count.
    """
    marked = np.maximum.accumulate(np.where(marks, ts_ms, last))
    near = (marked != NEVER) & (ts_ms - np.where(marked == NEVER, ts_ms, marked) <= round(1000 * seconds))
    return near, int(marked[-1]) if near[-1] else NEVER
