"""When each reading of a replay is sent, and what event time it carries. Pure: no clock, no files.

Every instance is placed on a timeline of positions that starts at 0 ms. A reading's *position* is its source
time plus the segment's `shift_ms`; it is due `position / speed` after the replay began. Its event time is its
source time plus the segment's `offset_ms`.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from petrostream.arrays import IntArray

GAP_MS = 90_000
"""Pause between two instances of one well. Over a minute, so that the well's rolling windows start over."""

FULL_SPEED = float("inf")

ReplayClock = Literal["live", "original"]


@dataclass(frozen=True, slots=True)
class Span:
    """The part of an instance that plays: rows `low` to `high` (exclusive) of its file.

    Attributes:
        source: `<class folder>/<file stem>`, unique in a replay.
        well_id: well the readings belong to.
        facility_id: facility of that well.
        first_ms: source time of the first reading that plays, epoch milliseconds.
        last_ms: source time of the last one.
        low: row of the first one.
        high: row after the last one.
    """

    source: str
    well_id: str
    facility_id: str
    first_ms: int
    last_ms: int
    low: int
    high: int

    @property
    def readings(self) -> int:
        """How many readings play."""
        return self.high - self.low


@dataclass(frozen=True, slots=True)
class Segment:
    """A placed span: position = source time + `shift_ms`, event time = source time + `offset_ms`."""

    span: Span
    shift_ms: int
    offset_ms: int

    @property
    def start_ms(self) -> int:
        """Position of the first reading."""
        return self.span.first_ms + self.shift_ms

    @property
    def end_ms(self) -> int:
        """Position of the last reading."""
        return self.span.last_ms + self.shift_ms


@dataclass(frozen=True, slots=True)
class Schedule:
    """Segments in playing order by well, and the length of the timeline in milliseconds."""

    wells: dict[str, list[Segment]]
    length_ms: int

    @property
    def segments(self) -> list[Segment]:
        """All segments, well by well."""
        return [segment for well in self.wells.values() for segment in well]

    @property
    def readings(self) -> int:
        """How many readings play."""
        return sum(segment.span.readings for segment in self.segments)


def trim(
    spans: Sequence[Span], start_ms: int, duration_ms: int | None, times_of: Callable[[Span], IntArray]
) -> list[Span]:
    """What is left of one well's spans after skipping `start_ms` of it and playing `duration_ms`.

    Both count along the well's own line: its instances in order of their first reading, `GAP_MS` apart.
    `times_of` returns the source times of a whole instance, shape (rows,), ascending.
    """
    if not start_ms and duration_ms is None:
        return list(spans)
    end_ms = None if duration_ms is None else start_ms + duration_ms
    left: list[Span] = []
    for segment in _one_after_another(spans):
        if segment.end_ms < start_ms or (end_ms is not None and segment.start_ms >= end_ms):
            continue
        times = times_of(segment.span)
        low = int(times.searchsorted(start_ms - segment.shift_ms))
        high = len(times) if end_ms is None else int(times.searchsorted(end_ms - segment.shift_ms))
        low, high = max(low, segment.span.low), min(high, segment.span.high)
        if low < high:
            first, last = int(times[low]), int(times[high - 1])
            left.append(replace(segment.span, low=low, high=high, first_ms=first, last_ms=last))
    return left


def length_ms(spans: Sequence[Span]) -> int:
    """How long one well's spans play, one after another, in milliseconds."""
    return _one_after_another(spans)[-1].end_ms


def make_schedule(spans: Iterable[Span], clock: ReplayClock, speed: float, started_ms: int) -> Schedule:
    """Place every span of a replay that begins at `started_ms` (epoch milliseconds) and runs at `speed`.

    With the live clock, positions and event times of all wells of a facility differ by one constant, so that
    playing order is event-time order. In real time its wells begin together, and event time equals wall-clock
    time. In a faster replay they end together, and their last readings carry the moment at which the
    facility's replay is expected to end: no reading is in the future when it is sent. All facilities begin at
    once. With the original clock, event time is the source's, and each facility plays in that order.

    Raises:
        ValueError: `speed` is under 1; event times would lie in the future.
    """
    if not speed >= 1:
        raise ValueError(
            f"speed is {speed:g}; it must be at least 1: a slower replay would need future times"
        )
    by_well: dict[str, list[Span]] = defaultdict(list)
    for span in spans:
        by_well[span.well_id].append(span)
    wells = _original(by_well) if clock == "original" else _live(by_well, speed, started_ms)
    length = max((segment.end_ms for well in wells.values() for segment in well), default=0)
    return Schedule(dict(sorted(wells.items())), length)


def _live(by_well: dict[str, list[Span]], speed: float, started_ms: int) -> dict[str, list[Segment]]:
    by_facility: dict[str, list[list[Segment]]] = defaultdict(list)
    for spans in by_well.values():
        by_facility[spans[0].facility_id].append(_one_after_another(spans))
    wells: dict[str, list[Segment]] = {}
    for lines in by_facility.values():
        length = max(line[-1].end_ms for line in lines)
        event_time_of_zero = started_ms + int(length / speed) - length
        for line in lines:
            later = 0 if speed == 1 else length - line[-1].end_ms
            wells[line[0].span.well_id] = [_moved(segment, later, event_time_of_zero) for segment in line]
    return wells


def _moved(segment: Segment, later_ms: int, event_time_of_zero: int) -> Segment:
    shift = segment.shift_ms + later_ms
    return replace(segment, shift_ms=shift, offset_ms=shift + event_time_of_zero)


def _original(by_well: dict[str, list[Span]]) -> dict[str, list[Segment]]:
    by_facility: dict[str, list[Span]] = defaultdict(list)
    for spans in by_well.values():
        for span in spans:
            by_facility[span.facility_id].append(span)
    wells: dict[str, list[Segment]] = defaultdict(list)
    for spans in by_facility.values():
        for segment in _idle_time_skipped(spans):
            wells[segment.span.well_id].append(segment)
    return wells


def _one_after_another(spans: Iterable[Span]) -> list[Segment]:
    """One well's spans from position 0, in order of their first reading, `GAP_MS` apart."""
    line: list[Segment] = []
    position = 0
    for span in sorted(spans, key=_chronological):
        line.append(Segment(span, position - span.first_ms, 0))
        position = line[-1].end_ms + GAP_MS
    return line


def _idle_time_skipped(spans: Iterable[Span]) -> list[Segment]:
    """One facility's spans in source order, stretches in which no well plays cut down to `GAP_MS`.

    Instances of one well overlap in places; the later one then waits for the earlier one to end, and its
    event times step back.
    """
    line: list[Segment] = []
    shift = busy_until = 0
    last_of: dict[str, Segment] = {}
    for span in sorted(spans, key=_chronological):
        if not line:
            shift = -span.first_ms
        elif span.first_ms + shift > busy_until + GAP_MS:
            shift = busy_until + GAP_MS - span.first_ms
        before = last_of.get(span.well_id)
        blocked = before is not None and span.first_ms + shift <= before.end_ms
        own_shift = before.end_ms + GAP_MS - span.first_ms if before is not None and blocked else shift
        segment = last_of[span.well_id] = Segment(span, own_shift, 0)
        line.append(segment)
        busy_until = max(busy_until, segment.end_ms)
    return line


def _chronological(span: Span) -> tuple[int, str]:
    return span.first_ms, span.source
