"""Well readings of a facility that has never sent a tank reading: they wait in vain, at little cost."""

import numpy as np

from petrostream.facility.events import WellEvents
from petrostream.facility.state import FIRST_MS, MAX_WAITING, JoinState
from petrostream.readings import NO_TIME
from petrostream.times import LATENESS_MS


def wait(state: JoinState, wells: WellEvents) -> tuple[JoinState, int] | None:
    """Add readings of a facility without tanks, as `petrostream.facility.join.join` does.

    Args:
        state: the state after the previous batch, which has no tank reading.
        wells: n >= 1 scored well readings, in stream order.

    Returns:
        The new state and the number of readings settled, all of them unmatched; None if any reading is a
        duplicate, which only `join` tells from a late one.
    """
    identities = set(wells.event_id)
    if len(identities) < len(wells) or not identities.isdisjoint(state.wells.event_id):
        return None
    newest_ms = max(state.newest_ms, FIRST_MS, int(wells.moves_ms.max()))
    seen = state.wells_seen + len(wells)
    number = np.arange(state.wells_seen, seen)
    watermark, first = newest_ms - LATENESS_MS, seen - MAX_WAITING
    old = np.flatnonzero((state.wells.ts_ms >= watermark) & (state.number >= first))
    new = np.flatnonzero((wells.ts_ms >= watermark) & (number >= first))
    events = WellEvents.concat([state.wells.take(old), wells.take(new)])
    waits = np.concatenate([state.waiting[old], np.ones(len(new), np.bool_)]) & (events.moves_ms != NO_TIME)
    events.carried[~waits] = np.nan
    settled = int(state.waiting.sum()) + len(wells) - int(waits.sum())
    number = np.concatenate([state.number[old], number[new]])
    return JoinState(newest_ms, events, waits, number, seen, state.tanks, state.tanks_seen), settled
