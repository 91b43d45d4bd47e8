"""Joins the well and tank readings of a facility: each well reading once, with a tank reading within 5 s.

The result is a function of the stream alone and does not depend on batch boundaries. For a stream position p,
let `newest(p)` be the highest event time of any reading of the facility up to and including p, where each
counts for no more than the time at which it arrived, and one that scoring found too far ahead
(`petrostream.scoring.feeds`) does not count at all. Let `watermark(p) = newest(p) - 5 s`. Then, reading by
reading in stream order:

* A **tank reading** is kept until 64 later ones have arrived. Every waiting well reading within 5 s of it is
  paired with it and no longer waits.
* A **well reading** is paired at once with the nearest of the kept tank readings within 5 s of it. Among
  equally near ones the highest vapor concentration wins (a missing one last), then the first in the stream.
  If there are none, the reading waits, and is paired with the first tank reading within 5 s that arrives.
* A waiting well reading is settled as `UNMATCHED` when the watermark has passed its time (`no_tank`), or when
  2,048 later well readings have arrived (`crowded`), whichever is first.
* A well reading that is **late**, behind the watermark, or too far ahead, does not wait: it is paired with a
  kept tank reading or settled as `UNMATCHED` (`late`). Tank readings are kept by their number and not by
  their time, so that a second replay or a backfill still finds its tank readings.
* A **duplicate** (same `event_id`) of a well reading is dropped and counted, as long as the watermark has not
  passed it and fewer than 2,048 others have arrived since. After that it counts as a late reading; the view
  of the lake keeps one row for each `event_id`. A duplicate of a kept tank reading is dropped.

A pair is settled at its first match and never revised. Rows are ordered by the position at which readings are
settled, and those settled at the same position by their arrival.
"""

from dataclasses import dataclass

import numpy as np

from petrostream.arrays import BoolArray, IntArray
from petrostream.facility.events import WellEvents
from petrostream.facility.state import FIRST_MS, MAX_TANKS, MAX_WAITING, REACH_MS, JoinState
from petrostream.readings import NO_TIME, VAPOR, TankReadings
from petrostream.times import LATENESS_MS

NO_TANK = "no_tank"
LATE = "late"
CROWDED = "crowded"
_REASONS = (NO_TANK, LATE, CROWDED)
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Pairs:
    """Well readings that were settled.

    Attributes:
        wells: n well readings.
        tanks: the tank readings that `tank` refers to.
        tank: shape (n,), index into `tanks`, -1 where unmatched.
        reason: n reasons why there is no tank reading, None where there is one.
    """

    wells: WellEvents
    tanks: TankReadings
    tank: IntArray
    reason: list[str | None]

    def __len__(self) -> int:
        return len(self.wells)


@dataclass(frozen=True, slots=True)
class Joined:
    """A facility's state after a batch, and what the batch settled.

    Every well reading is in exactly one count: over a stream, readings = pairs + duplicates + those that
    still wait.

    Attributes:
        state: the new state.
        pairs: settled readings, matched or not.
        duplicates: well readings that were dropped as duplicates.
        duplicate_tanks: tank readings that were dropped as duplicates.
        waited_ms: how long the settled readings waited, together: by how much the newest reading of the
            facility was ahead of each when it was settled, ms of event time. Late readings do not wait.
    """

    state: JoinState
    pairs: Pairs
    duplicates: int
    duplicate_tanks: int
    waited_ms: int = 0


@dataclass(frozen=True, slots=True)
class _Wells:
    """The well readings that may be settled: waiting ones (position -1), then new ones (positions from 0)."""

    events: WellEvents
    ts: IntArray
    position: IntArray
    number: IntArray
    late: BoolArray

    @property
    def ahead(self) -> BoolArray:
        """Those whose time is too far ahead to be right."""
        ahead: BoolArray = self.events.moves_ms == NO_TIME
        return ahead


@dataclass(frozen=True, slots=True)
class _Tanks:
    """Kept tank readings, then new ones, with the watermark and well readings seen at each new one."""

    readings: TankReadings
    ts: IntArray
    position: IntArray
    number: IntArray
    watermark: IntArray
    wells_seen: IntArray


def join(state: JoinState, wells: WellEvents, tanks: TankReadings, tank_at: IntArray) -> Joined:
    """Add a batch of one facility's readings and settle those that can be settled.

    Args:
        state: the state after the previous batch.
        wells: n scored well readings, in stream order.
        tanks: m tank readings, in stream order.
        tank_at: shape (m,), ascending: how many of `wells` came before each tank reading.

    Returns:
        The new state and the settled readings, as the module's docstring defines them.
    """
    n, m = len(wells), len(tanks)
    if not n + m:
        return Joined(state, Pairs(wells, tanks, np.empty(0, np.int64), []), 0, 0)
    well_position = np.arange(n) + np.searchsorted(tank_at, np.arange(n), side="right")
    tank_position = tank_at + np.arange(m)
    times = np.empty(n + m, np.int64)
    times[well_position], times[tank_position] = wells.moves_ms, np.minimum(tanks.ts_ms, tanks.arrival_ms)
    newest = np.maximum.accumulate(np.concatenate([[max(state.newest_ms, FIRST_MS)], times]))
    watermark = newest[1:] - LATENESS_MS

    late = watermark[well_position] > wells.ts_ms
    kept_wells = _fresh_wells(state, wells.event_id, late)
    kept_tanks = _fresh_tanks(state, tanks.event_id)
    # The watermark reaches one that is far ahead long after its tanks have come and gone.
    without_wait = late | (wells.moves_ms == NO_TIME)
    candidates = _wells(state, wells, kept_wells, well_position, without_wait)
    known = _tanks(state, tanks, kept_tanks, tank_position, watermark, well_position[kept_wells])
    tank, settled = _match(candidates, known)
    reason = _unmatched(state, candidates, watermark, tank, settled)

    done = np.flatnonzero(settled < n + m)
    done = done[np.argsort(settled[done], kind="stable")]
    reasons = [None if code < 0 else _REASONS[code] for code in reason[done].tolist()]
    pairs = Pairs(candidates.events.take(done), known.readings, tank[done], reasons)
    new_state = _remember(state, int(newest[-1]), candidates, settled >= n + m, known)
    waited = np.maximum(newest[settled[done] + 1] - candidates.ts[done], 0)[~candidates.late[done]]
    return Joined(new_state, pairs, n - len(kept_wells), m - len(kept_tanks), int(waited.sum()))


def _fresh_wells(state: JoinState, event_id: list[str], late: BoolArray) -> IntArray:
    """Positions of the well readings that are not duplicates."""
    seen = dict(zip(state.wells.event_id, state.number.tolist(), strict=True))
    if len(set(event_id)) == len(event_id) and seen.keys().isdisjoint(event_id):
        return np.arange(len(event_id))
    kept: list[int] = []
    for i, (identity, is_late) in enumerate(zip(event_id, late.tolist(), strict=True)):
        number = state.wells_seen + len(kept)
        if is_late or seen.get(identity, -1) < max(number - MAX_WAITING, 0):
            seen[identity] = number
            kept.append(i)
    return np.array(kept, np.int64)


def _fresh_tanks(state: JoinState, event_id: list[str]) -> IntArray:
    """Positions of the tank readings that are not duplicates of a kept one."""
    seen = {identity: i - len(state.tanks) for i, identity in enumerate(state.tanks.event_id)}
    kept: list[int] = []
    for i, identity in enumerate(event_id):
        if seen.get(identity, -_NEVER) < len(kept) - MAX_TANKS:
            seen[identity] = len(kept)
            kept.append(i)
    return np.array(kept, np.int64)


def _wells(
    state: JoinState, wells: WellEvents, kept: IntArray, position: IntArray, late: BoolArray
) -> _Wells:
    old = np.flatnonzero(state.waiting)
    new = wells if len(kept) == len(wells) else wells.take(kept)
    events = WellEvents.concat([state.wells.take(old), new]) if len(old) else new
    number = state.wells_seen + np.arange(len(kept))
    return _Wells(
        events,
        events.ts_ms,
        np.concatenate([np.full(len(old), -1), position[kept]]),
        np.concatenate([state.number[old], number]),
        np.concatenate([np.zeros(len(old), np.bool_), late[kept]]),
    )


def _tanks(
    state: JoinState,
    tanks: TankReadings,
    kept: IntArray,
    position: IntArray,
    watermark: IntArray,
    well_position: IntArray,
) -> _Tanks:
    old = len(state.tanks)
    new = tanks if len(kept) == len(tanks) else tanks.take(kept)
    readings = TankReadings.concat([part for part in (state.tanks, new) if len(part)])
    at = position[kept]
    # A waiting well reading cannot match a kept tank reading: it would have matched on arrival.
    return _Tanks(
        readings,
        readings.ts_ms,
        np.concatenate([np.full(old, -1), at]),
        state.tanks_seen - old + np.arange(len(readings)),
        np.concatenate([np.full(old, _NEVER), watermark[at]]),
        np.concatenate([np.zeros(old, np.int64), state.wells_seen + np.searchsorted(well_position, at)]),
    )


def _match(wells: _Wells, tanks: _Tanks) -> tuple[IntArray, IntArray]:
    """The tank reading of each well reading (-1 for none) and the position at which they are paired."""
    n, m = len(wells.ts), len(tanks.ts)
    nearest, later = np.full(n, _NEVER), np.full(n, _NEVER)
    if n and m:
        # Among equally near ones: the highest vapor, then the first. NaN sorts last.
        by_preference = np.argsort(-tanks.readings.values[:, VAPOR], kind="stable")
        preference = np.argsort(by_preference)
        by_time = np.argsort(tanks.ts, kind="stable")
        low = np.searchsorted(tanks.ts[by_time], wells.ts - REACH_MS, side="left")
        high = np.searchsorted(tanks.ts[by_time], wells.ts + REACH_MS, side="right")
        tanks_before = tanks.number[0] + np.searchsorted(tanks.position, wells.position)
        # One step for each tank reading within reach of a well reading: a handful.
        for step in range(int((high - low).max())):
            a = np.flatnonzero(high - low > step)
            b = by_time[low[a] + step]
            before = tanks.position[b] < wells.position[a]
            known = before & (tanks.number[b] >= tanks_before[a] - MAX_TANKS)
            key = np.abs(tanks.ts[b] - wells.ts[a]) * m + preference[b]
            nearest[a] = np.minimum(nearest[a], np.where(known, key, _NEVER))
            waits = ~before & (tanks.watermark[b] <= wells.ts[a]) & ~wells.ahead[a]
            waits &= wells.number[a] >= tanks.wells_seen[b] - MAX_WAITING
            later[a] = np.minimum(later[a], np.where(waits, tanks.position[b], _NEVER))
    tank = np.full(n, -1)
    at_once, afterwards = nearest < _NEVER, (nearest == _NEVER) & (later < _NEVER)
    if at_once.any():
        tank[at_once] = by_preference[nearest[at_once] % m]
    tank[afterwards] = np.searchsorted(tanks.position, later[afterwards])
    return tank, np.where(at_once, wells.position, later)


def _unmatched(
    state: JoinState, wells: _Wells, watermark: IntArray, tank: IntArray, settled: IntArray
) -> IntArray:
    """Settle, in place, the unmatched well readings; returns the code of each one's reason, -1 for none."""
    reason = np.full(len(tank), -1)
    unmatched = np.flatnonzero(tank < 0)
    passed = np.maximum(
        np.searchsorted(watermark, wells.ts[unmatched], side="right"), wells.position[unmatched]
    )
    passed = np.where(wells.ahead[unmatched], wells.position[unmatched], passed)
    new = wells.position[wells.position >= 0]
    follower = wells.number[unmatched] + MAX_WAITING - state.wells_seen
    crowded = np.full(len(unmatched), _NEVER)
    crowded[follower < len(new)] = new[follower[follower < len(new)]]
    settled[unmatched] = np.minimum(passed, crowded)
    late = wells.late[unmatched]
    reason[unmatched] = np.where(
        late, _REASONS.index(LATE), np.where(crowded < passed, _REASONS.index(CROWDED), 0)
    )
    return reason


def _remember(
    state: JoinState, newest_ms: int, wells: _Wells, waiting: BoolArray, tanks: _Tanks
) -> JoinState:
    new = wells.position >= 0
    seen = state.wells_seen + int(new.sum())
    # Readings that waited before are in `state.wells` and in `wells`; the latter shows which still wait.
    still = np.zeros(len(state.wells), np.bool_)
    still[np.flatnonzero(state.waiting)] = waiting[~new]
    fresh = wells.events.take(np.flatnonzero(new)) if len(state.wells) else wells.events
    events = WellEvents.concat([state.wells, fresh])
    waits = np.concatenate([still, waiting[new]])
    number = np.concatenate([state.number, wells.number[new]])
    kept = np.flatnonzero((events.ts_ms >= newest_ms - LATENESS_MS) & (number >= seen - MAX_WAITING))
    events, waits = events.take(kept), waits[kept]
    events.carried[~waits] = np.nan
    count = len(tanks.readings)
    last = tanks.readings.take(np.arange(max(count - MAX_TANKS, 0), count))
    tanks_seen = state.tanks_seen + count - len(state.tanks)
    return JoinState(newest_ms, events, waits, number[kept], seen, last, tanks_seen)
