"""One-minute tumbling windows of each well: readings, pressure, temperature, anomalies, highest risk.

The result is a function of the stream alone and does not depend on batch boundaries:

* A window holds the readings of one well from a full UTC minute up to the next, exclusive.
* Each well has a watermark: the highest event time of its current feed so far, minus 5 s. A window closes
  when the watermark reaches its end. With a watermark for each well, and not for the facility, a wrong clock
  or a backfill of one well does not close the windows of the others.
* A reading whose window has closed is late: it is left out and counted. A reading with the same time as
  another one of its well in an open window is a duplicate: it is left out and counted, too.
* A reading too far ahead to be right (`petrostream.scoring.feeds`) is left out and counted: it must not close
  the windows of those that follow.
* When a well's feed changes (the next instance, a second replay, a backfill;
  `petrostream.scoring.feeds`), its open windows close and the watermark is reset. If the new feed has
  readings in the same minute, that window closes again and replaces the first one.
* Closed windows are returned in the order in which they close.

The last window of a well that falls silent stays open. `open_windows` returns such windows as they are so
far, for display.
"""

from collections.abc import Sequence, Set
from dataclasses import dataclass, field

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.minutes.segments import WINDOW_MS, Parts, Sums
from petrostream.scoring import Scored
from petrostream.times import LATENESS_MS

_UNSEEN = np.iinfo(np.int64).min + LATENESS_MS


@dataclass(frozen=True, slots=True)
class Window:
    """Statistics of one minute of a well.

    Attributes:
        well_id: the well.
        start_ms: start of the minute, epoch ms.
        ts_ms: shape (n,), n >= 1, times of its readings in stream order, epoch ms.
        known: shape (2,), number of readings with pressure and with temperature.
        total: shape (2,), sums of pressure (Pa) and temperature (degC).
        low, high: shape (2,), lowest and highest pressure and temperature; infinite if there is none.
        anomalies: number of readings with an anomaly flag.
        max_risk: highest risk score of a reading, 0 to 100.
    """

    well_id: str
    start_ms: int
    ts_ms: IntArray
    known: IntArray
    total: FloatArray
    low: FloatArray
    high: FloatArray
    anomalies: int
    max_risk: int

    @property
    def readings(self) -> int:
        """Number of readings."""
        return len(self.ts_ms)

    def row(self) -> dict[str, str | int | float | None]:
        """The window by column name; None for a statistic without values. Times are epoch milliseconds."""
        row: dict[str, str | int | float | None] = {
            "well_id": self.well_id,
            "window_start_ms": self.start_ms,
            "window_end_ms": self.start_ms + WINDOW_MS,
            "readings": self.readings,
            "anomalies": self.anomalies,
            "max_risk": self.max_risk,
        }
        for place, name in enumerate(("pressure", "temperature")):
            known = int(self.known[place])
            row[f"{name}_mean"] = float(self.total[place]) / known if known else None
            row[f"{name}_min"] = float(self.low[place]) if known else None
            row[f"{name}_max"] = float(self.high[place]) if known else None
        return row


@dataclass(frozen=True, slots=True)
class WellWindows:
    """A well's open windows, oldest first.

    Attributes:
        newest_ms: highest event time of the well's current feed, epoch ms.
        open: the windows.
    """

    newest_ms: int = _UNSEEN
    open: tuple[Window, ...] = ()


@dataclass(frozen=True, slots=True)
class WindowState:
    """The open windows of a facility's wells, by well."""

    wells: dict[str, WellWindows] = field(default_factory=dict)

    def only(self, wells: Set[str]) -> "WindowState":
        """A copy without the windows of other wells than these."""
        return WindowState({name: well for name, well in self.wells.items() if name in wells})


@dataclass(frozen=True, slots=True)
class Windowed:
    """The result of a batch.

    Attributes:
        state: the new state.
        closed: windows that closed, in the order in which they did.
        late: number of readings left out because their window had closed.
        duplicates: number of readings left out because their well had one of the same time.
        ahead: number of readings left out because their time was too far ahead to be right.
    """

    state: WindowState
    closed: list[Window]
    late: int
    duplicates: int
    ahead: int


@dataclass(slots=True)
class _Results:
    """Results so far, while wells are processed one by one; closed windows with their stream positions."""

    closed: list[tuple[int, Window]] = field(default_factory=list)
    late: int = 0
    duplicates: int = 0
    ahead: int = 0


def update_windows(state: WindowState, scored: Scored) -> Windowed:
    """Add a batch of a facility's scored readings to its windows.

    Args:
        state: the state after the previous batch.
        scored: the readings, in stream order.
    """
    parts = Parts.of(scored)
    results = _Results(ahead=len(scored) - len(parts.at))
    wells = dict(state.wells)
    begins = scored.begins[parts.at[parts.starts]].tolist()
    before = [
        WellWindows() if begun else wells.get(name, WellWindows())
        for name, begun in zip(parts.well_ids, begins, strict=True)
    ]
    extended = _all_extended(scored, parts, before)
    edges = [*parts.starts.tolist(), len(parts.at)]
    for place, (name, begun, windows) in enumerate(zip(parts.well_ids, begins, extended, strict=True)):
        at = parts.at[edges[place] : edges[place + 1]]
        if begun and name in wells:
            results.closed += [(int(at[0]), window) for window in wells[name].open]
        if windows is None:
            wells[name] = _add(results, before[place], scored, at)
        else:
            wells[name] = _advance(results, before[place], windows, at, scored.readings.ts_ms[at])
    results.closed.sort(key=_by_position)
    closed = [window for _, window in results.closed]
    return Windowed(WindowState(wells), closed, results.late, results.duplicates, results.ahead)


def _all_extended(scored: Scored, parts: Parts, before: list[WellWindows]) -> list[list[Window] | None]:
    """The windows of each part's minutes with its readings; None where its times do not only increase."""
    ts_ms = scored.readings.ts_ms[parts.at]
    rising = parts.rising(ts_ms, [well.newest_ms for well in before])
    extended: list[list[Window] | None] = [[] if times_rise else None for times_rise in rising]
    part_of = (np.searchsorted(parts.starts, parts.segments, side="right") - 1).tolist()
    starts_ms = (ts_ms[parts.segments] // WINDOW_MS * WINDOW_MS).tolist()
    known = [
        next((window for window in before[part].open if window.start_ms == start_ms), None)
        for part, start_ms in zip(part_of, starts_ms, strict=True)
    ]
    sums = _sums(known).extended(scored, parts.at, parts.segments)
    # Copies, so that a well's window does not keep those of all others alive.
    columns = [[row.copy() for row in column] for column in (sums.known, sums.total, sums.low, sums.high)]
    counts = sums.anomalies.tolist(), sums.max_risk.tolist()
    edges = [*parts.segments.tolist(), len(ts_ms)]
    for place, (part, start_ms, *of_window) in enumerate(
        zip(part_of, starts_ms, *columns, *counts, strict=True)
    ):
        windows, window = extended[part], known[place]
        if windows is not None:
            times = ts_ms[edges[place] : edges[place + 1]]
            times = times.copy() if window is None else np.concatenate([window.ts_ms, times])
            windows.append(Window(parts.well_ids[part], start_ms, times, *of_window))
    return extended


def _sums(windows: Sequence[Window | None]) -> Sums:
    """What windows hold so far; nothing where there is none."""
    sums = Sums.nothing(len(windows))
    there = [(place, window) for place, window in enumerate(windows) if window is not None]
    if there:
        places = [place for place, _ in there]
        for name in ("known", "total", "low", "high", "anomalies", "max_risk"):
            getattr(sums, name)[places] = [getattr(window, name) for _, window in there]
    return sums


def _advance(
    results: _Results, well: WellWindows, windows: list[Window], at: IntArray, ts_ms: IntArray
) -> WellWindows:
    """Close what is over after readings at positions `at`, whose times only increase."""
    open_by_start = {window.start_ms: window for window in (*well.open, *windows)}
    newest_ms = int(ts_ms[-1])
    still_open = []
    for start_ms in sorted(open_by_start):
        closes_ms = start_ms + WINDOW_MS + LATENESS_MS
        if newest_ms < closes_ms:
            still_open.append(open_by_start[start_ms])
        else:
            results.closed.append((int(at[np.searchsorted(ts_ms, closes_ms)]), open_by_start[start_ms]))
    return WellWindows(newest_ms, tuple(still_open))


def open_windows(state: WindowState) -> list[Window]:
    """Windows that may still change, grouped by well."""
    return [window for well in state.wells.values() for window in well.open]


def _by_position(closed: tuple[int, Window]) -> tuple[int, int]:
    return closed[0], closed[1].start_ms


def _add(results: _Results, well: WellWindows, scored: Scored, at: IntArray) -> WellWindows:
    """Add one feed's readings, at positions `at` of the batch, to the well's windows."""
    ts = scored.readings.ts_ms[at]
    newest = np.maximum.accumulate(np.concatenate([[well.newest_ms], ts]))
    watermark = newest[1:] - LATENESS_MS
    start = ts // WINDOW_MS * WINDOW_MS
    late = start + WINDOW_MS <= watermark
    repeated = _duplicates(well, ts, newest[:-1]) & ~late
    results.late += int(late.sum())
    results.duplicates += int(repeated.sum())
    kept = np.flatnonzero(~(late | repeated))
    open_by_start = {window.start_ms: window for window in well.open}
    for first in np.unique(start[kept]).tolist():
        chosen = kept[start[kept] == first]
        before = open_by_start.get(first)
        open_by_start[first] = _extended(before, scored, at[chosen], first)
    still_open = []
    for first in sorted(open_by_start):
        window = open_by_start[first]
        closing = int(np.searchsorted(watermark, first + WINDOW_MS))
        if closing < len(at):
            results.closed.append((int(at[closing]), window))
        else:
            still_open.append(window)
    return WellWindows(int(newest[-1]), tuple(still_open))


def _duplicates(well: WellWindows, ts: IntArray, newest_before: IntArray) -> BoolArray:
    """Which readings repeat a time of their well: shape (n,)."""
    repeated = np.zeros(len(ts), np.bool_)
    if (ts > newest_before).all():
        return repeated
    repeated[:] = True
    repeated[np.unique(ts, return_index=True)[1]] = False
    if well.open:
        repeated |= np.isin(ts, np.concatenate([window.ts_ms for window in well.open]))
    return repeated


def _extended(window: Window | None, scored: Scored, at: IntArray, start_ms: int) -> Window:
    """A window with more readings."""
    sums = _sums([window]).extended(scored, at, np.zeros(1, np.int64))
    ts = scored.readings.ts_ms[at]
    if window is not None:
        ts = np.concatenate([window.ts_ms, ts])
    return Window(
        *(scored.readings.well_id[int(at[0])], start_ms, ts),
        *(sums.known[0], sums.total[0], sums.low[0], sums.high[0]),
        *(int(sums.anomalies[0]), int(sums.max_risk[0])),
    )
