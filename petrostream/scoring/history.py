"""A well's history: the last 180 s of its readings, as counts of each sensor's quantum.

Nothing here depends on a model: every sensor that had a value is kept, so a new model, even one with other
sensors, scores the very next reading.
"""

from collections.abc import Set
from dataclasses import field, replace

import numpy as np

from petrostream.alarms import WellAlarms
from petrostream.arrays import IntArray, everywhere
from petrostream.gauges import GAP_MS, HISTORY_MS, MAX_WINDOW_READINGS, MISSING, CountArray
from petrostream.records import record
from petrostream.scoring.feeds import NO_CLOCK, NO_FEED, Clock, Feed
from petrostream.scoring.memory import NO_MEMORY, WellMemory

FEW = 60
"""Rows that a history keeps alive, at most, besides its own."""


@record(frozen=True, slots=True)
class WellState:
    """The latest readings of one well, those that windows of later readings can still include.

    Attributes:
        ts_ms: shape (h,), h >= 1, strictly increasing, epoch ms.
        sensors: shape (c,), ascending indices of the sensors with at least one value here.
        counts: shape (h, c), values as counts of each sensor's quantum, `MISSING` where there is none.
        feed: the feed of the last reading.
        clock: its clock; the newest time it has seen is the last of `ts_ms`.
        alarms: timers of its alarms, None before its first reading.
        memory: gauge health, trends and operating state.
    """

    ts_ms: IntArray
    sensors: IntArray
    counts: CountArray
    feed: Feed = NO_FEED
    clock: Clock = NO_CLOCK
    alarms: WellAlarms | None = None
    memory: WellMemory = NO_MEMORY


@record(frozen=True, slots=True)
class FacilityState:
    """State that scoring carries from one batch of a facility to the next.

    Attributes:
        facility_id: the facility, which is the partition key of its records.
        last_sequence: Kinesis sequence number of the last record scored, None before the first.
        wells: history by well; the well that reported last is at the end.
        partial: the record after the last one, if some of its well readings are scored, and how many.
    """

    facility_id: str
    last_sequence: str | None = None
    wells: dict[str, WellState] = field(default_factory=dict)
    partial: tuple[str, int] | None = None

    def only(self, wells: Set[str]) -> "FacilityState":
        """A copy without the histories of other wells than these."""
        return replace(self, wells={name: state for name, state in self.wells.items() if name in wells})


def extend(
    state: WellState | None, ts_ms: IntArray, counts: CountArray, sensors: IntArray
) -> tuple[WellState, int]:
    """Append readings to a well's history.

    Args:
        state: the history so far.
        ts_ms: shape (n,), strictly increasing and after the history, epoch ms.
        counts: shape (n, c), from `quantise`.
        sensors: shape (c,), ascending, the sensor index of each column; those that have a value.

    Returns:
        The history with the new readings, untrimmed, and the index of the first new one.
    """
    if state is None:
        return WellState(ts_ms, sensors, counts), 0
    start = len(state.ts_ms)
    times = np.concatenate([state.ts_ms, ts_ms])
    if sensors.tobytes() == state.sensors.tobytes():
        return WellState(times, sensors, np.concatenate([state.counts, counts])), start
    united = np.union1d(state.sensors, sensors)
    table = np.full((len(times), len(united)), MISSING, np.int32)
    table[:start, np.searchsorted(united, state.sensors)] = state.counts
    table[start:, np.searchsorted(united, sensors)] = counts
    return WellState(times, united, table), start


def trim(state: WellState, start: int, *, feed: Feed, clock: Clock, memory: WellMemory) -> WellState:
    """Keep what windows of later readings can include: after the last gap, at most 180 s and 599 rows.

    Args:
        state: a history, its first `start` readings as trimmed before.
        start: see above.
        feed: the feed of the last reading.
        clock: its clock.
        memory: of the well, after the last reading.
    """
    ts_ms, counts, sensors = state.ts_ms, state.counts, state.sensors
    first = max(0, len(ts_ms) - (MAX_WINDOW_READINGS - 1))
    new_ms = ts_ms[max(start - 1, 0) :]
    if new_ms[-1] - new_ms[0] > GAP_MS:
        gaps = np.flatnonzero(new_ms[1:] - new_ms[:-1] > GAP_MS)
        if len(gaps):
            first = max(first, len(ts_ms) - len(new_ms) + int(gaps[-1]) + 1)
    if ts_ms[-1] - ts_ms[first] >= HISTORY_MS:
        first = max(first, int(ts_ms.searchsorted(ts_ms[-1] - HISTORY_MS, side="right")))
    counts = counts[first:]
    if not everywhere(counts[-1] != MISSING):
        used = (counts != MISSING).any(axis=0)
        sensors, counts = sensors[used], counts[:, used]
    ts_ms = ts_ms[first:]
    if first > FEW:
        # Copies, so that a long batch is not kept alive by the few rows still needed.
        ts_ms, counts = ts_ms.copy(), counts.copy()
    return WellState(ts_ms, sensors, counts, feed, clock, None, memory)
