"""A well's history: the last 180 s of its readings, as counts of each sensor's quantum.

Nothing here depends on a model: every sensor that had a value is kept, so a new model, even one with other
sensors, scores the very next reading.
"""

from collections.abc import Iterator, Set
from dataclasses import dataclass, field, replace
from operator import ne
from typing import Protocol

import numpy as np

from petrostream.alarms import WellAlarms
from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.gauges import GAP_MS, HISTORY_MS, MAX_WINDOW_READINGS, MISSING, CountArray, quantise
from petrostream.readings import NO_TIME, Readings
from petrostream.scoring.memory import NO_MEMORY, WellMemory

FEED_JITTER_MS = GAP_MS
"""Most that the offset of a feed's event times from its source's clock may change between two readings."""


@dataclass(frozen=True, slots=True)
class Feed:
    """Where a well's readings come from: one source at one time offset from the source's own clock.

    A replay shifts an instance by a fixed time, so a second replay of it, a backfill, or the next instance
    is another feed. Its readings may have earlier times than those already seen without being late.

    Attributes:
        source: `source` of the last reading.
        offset_ms: its event time minus its time at the source; 0 if the source has no time of its own.
    """

    source: str
    offset_ms: int


NO_FEED = Feed("", 0)


@dataclass(frozen=True, slots=True)
class WellState:
    """The latest readings of one well, those that windows of later readings can still include.

    Attributes:
        ts_ms: shape (h,), h >= 1, strictly increasing, epoch ms.
        sensors: shape (c,), ascending indices of the sensors with at least one value here.
        counts: shape (h, c), values as counts of each sensor's quantum, `MISSING` where there is none.
        feed: the feed of the last reading.
        alarms: timers of its alarms, None before its first reading.
        memory: gauge health, trends and operating state.
    """

    ts_ms: IntArray
    sensors: IntArray
    counts: CountArray
    feed: Feed = NO_FEED
    alarms: WellAlarms | None = None
    memory: WellMemory = NO_MEMORY


@dataclass(frozen=True, slots=True)
class FacilityState:
    """State that scoring carries from one batch of a facility to the next.

    Attributes:
        facility_id: the facility, which is the partition key of its records.
        last_sequence: Kinesis sequence number of the last record scored, None before the first.
        wells: history by well; the well that reported last is at the end.
    """

    facility_id: str
    last_sequence: str | None = None
    wells: dict[str, WellState] = field(default_factory=dict)

    def only(self, wells: Set[str]) -> "FacilityState":
        """A copy without the histories of other wells than these."""
        return replace(self, wells={name: state for name, state in self.wells.items() if name in wells})


class HasFeed(Protocol):
    """Any state of a well that includes the feed of its last reading."""

    @property
    def feed(self) -> Feed:
        """The feed of the last reading."""
        ...


def feed_parts(
    state: HasFeed | None, readings: Readings, at: IntArray
) -> Iterator[tuple[IntArray, Feed, bool]]:
    """Split a well's readings where the feed changes.

    Each reading is compared with the one before it in stream order, so the result does not depend on
    batch boundaries.

    Args:
        state: the well's history or other state, None at its first reading.
        readings: a batch.
        at: shape (n,), n >= 1, positions of the well's readings in it.

    Yields:
        Positions of one part, the feed of its last reading, and whether it begins a new feed.
    """
    sources = [readings.source[i] for i in at.tolist()]
    ts_ms, source_ts_ms = readings.ts_ms[at], readings.source_ts_ms[at]
    offsets = np.where(source_ts_ms == NO_TIME, 0, ts_ms - source_ts_ms)
    before = Feed(sources[0], int(offsets[0])) if state is None else state.feed
    changed = np.fromiter(map(ne, sources, [before.source, *sources[:-1]]), np.bool_, len(sources))
    changed |= np.abs(np.diff(offsets, prepend=before.offset_ms)) > FEED_JITTER_MS
    starts = np.flatnonzero(changed).tolist()
    for start, end in zip([0, *starts], [*starts, len(at)], strict=True):
        if start < end:
            yield at[start:end], Feed(sources[end - 1], int(offsets[end - 1])), bool(changed[start])


def late_readings(state: WellState | None, ts_ms: IntArray) -> BoolArray:
    """Which readings of a feed have a time at or before the newest one seen earlier in the stream.

    Args:
        state: the well's history.
        ts_ms: shape (n,), event times in stream order, epoch ms.

    Returns:
        Shape (n,). A repeated time counts as late: it is a duplicate.
    """
    newest = np.iinfo(np.int64).min if state is None else state.ts_ms[-1]
    before = np.maximum.accumulate(np.concatenate([[newest], ts_ms[:-1]]))
    late: BoolArray = ts_ms <= before
    return late


def extend(state: WellState | None, ts_ms: IntArray, values: FloatArray) -> tuple[WellState, int]:
    """Append readings to a well's history.

    Args:
        state: the history so far.
        ts_ms: shape (n,), strictly increasing and after the history, epoch ms.
        values: shape (n, 27), sensor units, NaN where missing.

    Returns:
        The history with the new readings, untrimmed, and the index of the first new one.
    """
    present = np.asarray(np.logical_not(np.isnan(values)).any(axis=0))
    if state is None:
        sensors = np.flatnonzero(present)
        return WellState(ts_ms, sensors, quantise(values[:, sensors], sensors)), 0
    present[state.sensors] = True
    sensors = np.flatnonzero(present)
    start = len(state.ts_ms)
    counts = np.full((start + len(ts_ms), len(sensors)), MISSING, np.int32)
    counts[:start, np.searchsorted(sensors, state.sensors)] = state.counts
    counts[start:] = quantise(values[:, sensors], sensors)
    return WellState(np.concatenate([state.ts_ms, ts_ms]), sensors, counts), start


def trim(state: WellState) -> WellState:
    """Keep what windows of later readings can include: after the last gap, at most 180 s and 599 rows."""
    ts_ms = state.ts_ms
    gaps = np.flatnonzero(np.diff(ts_ms) > GAP_MS)
    first = int(gaps[-1]) + 1 if len(gaps) else 0
    first = max(first, int(np.searchsorted(ts_ms, ts_ms[-1] - HISTORY_MS, side="right")))
    first = max(first, len(ts_ms) - (MAX_WINDOW_READINGS - 1))
    counts = state.counts[first:]
    used = (counts != MISSING).any(axis=0)
    # Copies, so that a long batch is not kept alive by the few rows still needed.
    return WellState(ts_ms[first:].copy(), state.sensors[used], counts[:, used].copy())
