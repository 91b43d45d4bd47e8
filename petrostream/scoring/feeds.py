"""Which feed a well's readings belong to, and which of them move its clock.

A feed is one run of one source. Its clock is the newest event time it has reached; a reading at or before it
is late. The clock must not follow a wrong event time, or every reading after it would be late. Event times
are therefore compared with arrivals, which the stream notes and no sender can set. Reading by reading, in
stream order:

* A reading that names another source or another `feed_id` **begins a feed**. Where no `feed_id` is named, so
  does one whose event time has moved by more than 60 s against the time at its source: a replay shifts all
  readings of an instance by the same time.
* If two runs of a well play at once, the one that began later counts: readings of a run that was replaced are
  late, until a minute has passed at the stream without a reading on time of the later one.
* A reading more than 10 s in the future of its arrival that is also more than 10 s ahead of the clock, beyond
  the time that passed at the stream meanwhile, is **ahead**: it is stored, but moves nothing. Once such
  readings have followed each other for 10 s, the sender's clock has changed, and the clock goes with it.
* If the clock itself is more than a minute in the future of a reading's arrival, and readings that are not in
  the future have followed each other for 10 s more than a minute behind it, then the clock was wrong: **a
  feed begins**.
* Other jumps ahead, over a minute, move the clock at once, for that is what a gap looks like in a backfill.
  If a reading within 10 s after the jump continues from before it, **a feed begins** there.

Readings follow each other if each is at most a minute after the one before, beyond the time that passed at
the stream. Every decision depends on earlier readings only, not on batch boundaries.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from operator import ne
from typing import Protocol

import numpy as np

from petrostream.arrays import IntArray, anywhere
from petrostream.gauges import GAP_MS
from petrostream.readings import NO_TIME, Readings
from petrostream.records import record

FEED_JITTER_MS = GAP_MS
"""Most that event time minus time at the source may change between two readings of one feed."""

LEAP_MS = 10_000
"""Most that a reading may be ahead of its arrival, or else of its feed's clock."""

SETTLED_MS = 10_000
"""Event time over which readings must follow each other to prove their clock against the feed's."""

MAX_REPLACED = 4
"""Runs of a well that are remembered as replaced: more do not play at once."""

ON_TIME, LATE, AHEAD = range(3)
"""What a reading is to its feed's clock."""

_BEGINS = 3


@record(frozen=True, slots=True)
class Feed:
    """Where a well's readings come from: one run of one source.

    Attributes:
        source: `source` of the last reading.
        offset_ms: its event time minus its time at the source; 0 if the source has no time of its own.
        feed_id: what the producer calls the run, "" if it does not say.
        replaced: the runs before it, the latest one last, at most `MAX_REPLACED`.
    """

    source: str
    offset_ms: int
    feed_id: str = ""
    replaced: tuple[str, ...] = ()


NO_FEED = Feed("", 0)


@record(frozen=True, slots=True)
class Track:
    """Readings that followed each other.

    Attributes:
        first_ms, last_ms: event times of the first and the last one, epoch ms.
        arrival_ms: when the stream took in the last one, epoch ms.
    """

    first_ms: int
    last_ms: int
    arrival_ms: int

    def followed_by(self, ts_ms: int, arrival_ms: int) -> bool:
        """Whether a reading is after the last one, by at most a minute more than passed at the stream."""
        return 0 < ts_ms - self.last_ms <= GAP_MS + max(arrival_ms - self.arrival_ms, 0)

    def extended(self, ts_ms: int, arrival_ms: int) -> "Track":
        """The track with one more reading."""
        return Track(self.first_ms, ts_ms, arrival_ms)

    @property
    def settled(self) -> bool:
        """Whether it is long enough to prove its clock."""
        return self.last_ms - self.first_ms >= SETTLED_MS


@record(frozen=True, slots=True)
class Clock:
    """How far a feed has come.

    Attributes:
        track: readings since the last jump that moved the clock; the last one is the newest time seen.
        left: readings before that jump, until it has settled.
        other: readings that contradict the clock, None if the last one on time came after them.
    """

    track: Track
    left: Track | None = None
    other: Track | None = None


NO_CLOCK = Clock(Track(NO_TIME, NO_TIME, NO_TIME))


@record(frozen=True, slots=True)
class FeedPart:
    """n readings of one feed, in stream order, and what is known after the last one.

    Attributes:
        at: shape (n,), their positions in the batch.
        begins: whether the first one begins a feed; it is on time then.
        verdict: shape (n,), `ON_TIME`, `LATE` or `AHEAD`.
        feed: the feed.
        clock: its clock.
    """

    at: IntArray
    begins: bool
    verdict: IntArray
    feed: Feed
    clock: Clock


class HasFeed(Protocol):
    """Any state of a well that includes the feed of its last reading."""

    @property
    def feed(self) -> Feed:
        """The feed of the last reading."""
        ...

    @property
    def clock(self) -> Clock:
        """Its clock."""
        ...


def feed_parts(state: HasFeed | None, readings: Readings, at: IntArray) -> Iterator[FeedPart]:
    """Split a well's readings where a feed begins, and judge each reading by its feed's clock.

    Args:
        state: the well's history, None at its first reading.
        readings: a batch.
        at: shape (n,), n >= 1, positions of the well's readings in it.
    """
    order = at.tolist()
    names = [(readings.source[i], readings.feed_id[i]) for i in order]
    changed = []
    if names.count(names[0]) < len(names):
        changed = [i for i, other in enumerate(map(ne, names[1:], names[:-1]), 1) if other]
    source_ts_ms = readings.source_ts_ms[at]
    offsets = np.where(source_ts_ms == NO_TIME, 0, readings.ts_ms[at] - source_ts_ms)
    known = None if state is None else (state.feed, state.clock)
    edges = [0, *changed, len(order)]
    for first, end in pairwise(edges):
        start = first
        source, feed_id = names[first]
        feed = Feed(source, 0, feed_id)
        if known is not None:
            of_replaced = _of_replaced(feed_id, *known, readings.arrival_ms[at[first:end]])
            if of_replaced:
                start = first + of_replaced
                yield FeedPart(at[first:start], False, np.full(of_replaced, LATE), *known)
            feed = Feed(source, 0, feed_id, _replaced(known[0], feed_id))
            if (known[0].source, known[0].feed_id) != names[first] and start < end:
                known = None
        if start < end:
            for part in _of_one_run(known, feed, readings, at[start:end], offsets[start:end]):
                yield part
                known = part.feed, part.clock


def _of_replaced(feed_id: str, feed: Feed, clock: Clock, arrival_ms: IntArray) -> int:
    """How many of a run's next readings do not count, since the well's feed replaced that run and goes on."""
    if feed_id == feed.feed_id or feed_id not in feed.replaced:
        return 0
    counting = arrival_ms > clock.track.arrival_ms + GAP_MS
    return int(counting.argmax()) if anywhere(counting) else len(arrival_ms)


def _replaced(feed: Feed, feed_id: str) -> tuple[str, ...]:
    """The runs that are replaced once `feed_id` is the well's run."""
    if feed_id == feed.feed_id:
        return feed.replaced
    return (*(name for name in feed.replaced if name != feed_id), feed.feed_id)[-MAX_REPLACED:]


def _of_one_run(
    known: tuple[Feed, Clock] | None, feed: Feed, readings: Readings, at: IntArray, offsets: IntArray
) -> Iterator[FeedPart]:
    """Judge readings that name the same source and run."""
    ts_ms, arrival_ms = readings.ts_ms[at], readings.arrival_ms[at]
    if _is_steady(known, feed, ts_ms, offsets):
        first = int(ts_ms[0]) if known is None else known[1].track.first_ms
        clock = Clock(Track(first, int(ts_ms[-1]), int(arrival_ms[-1])))
        feed = Feed(feed.source, int(offsets[-1]), feed.feed_id, feed.replaced)
        yield FeedPart(at, known is None, np.full(len(at), ON_TIME), feed, clock)
        return
    start, begins, verdicts = 0, False, list[int]()
    times = zip(ts_ms.tolist(), arrival_ms.tolist(), offsets.tolist(), strict=True)
    for place, (ts, arrival, offset) in enumerate(times):
        verdict, moved_on = (_BEGINS, None) if known is None else _judged(*known, ts, arrival, offset)
        if verdict == _BEGINS:
            if place > start:
                assert known is not None
                yield FeedPart(at[start:place], begins, np.array(verdicts), *known)
            start, begins, verdicts = place, True, []
        verdicts.append(ON_TIME if verdict == _BEGINS else verdict)
        # A wrong event time says nothing of the run's offset.
        moved = offset if known is None or verdict != AHEAD else known[0].offset_ms
        known = replace(feed, offset_ms=moved), moved_on or Clock(Track(ts, ts, arrival))
    assert known is not None
    yield FeedPart(at[start:], begins, np.array(verdicts), *known)


def _is_steady(known: tuple[Feed, Clock] | None, feed: Feed, ts_ms: IntArray, offsets: IntArray) -> bool:
    """Whether readings follow each other so closely that each is on time: the usual case, without a loop."""
    before, offset = int(ts_ms[0]) - 1, int(offsets[0])
    if known is not None:
        if known[1].left is not None or known[1].other is not None:
            return False
        before, offset = known[1].track.last_ms, known[0].offset_ms
    if not 1 <= int(ts_ms[0]) - before <= LEAP_MS or not (feed.feed_id or _near(int(offsets[0]) - offset)):
        return False
    if len(ts_ms) == 1:
        return True
    steps = ts_ms[1:] - ts_ms[:-1]
    if steps.min() < 1 or steps.max() > LEAP_MS:
        return False
    return bool(feed.feed_id) or not anywhere(np.abs(offsets[1:] - offsets[:-1]) > FEED_JITTER_MS)


def _near(change_ms: int) -> bool:
    return abs(change_ms) <= FEED_JITTER_MS


_Judgement = tuple[int, Clock | None]
"""What a reading is to its feed's clock, and the clock after it; no clock where a feed begins."""

_NEW_FEED: _Judgement = (_BEGINS, None)


def _judged(feed: Feed, clock: Clock, ts: int, arrival: int, offset: int) -> _Judgement:
    leap = ts - clock.track.last_ms - max(arrival - clock.track.arrival_ms, 0)
    if leap > LEAP_MS and ts > arrival + LEAP_MS:
        return _far_ahead(clock, ts, arrival, leap)
    if not feed.feed_id and abs(offset - feed.offset_ms) > FEED_JITTER_MS:
        return _NEW_FEED
    return (_onward if ts > clock.track.last_ms else _behind)(clock, ts, arrival)


def _far_ahead(clock: Clock, ts: int, arrival: int, leap: int) -> _Judgement:
    other = _continued(clock.other, ts, arrival)
    if not other.settled:
        return AHEAD, replace(clock, other=other)
    # Windows reach over less than a minute without readings.
    return _NEW_FEED if leap > GAP_MS else (ON_TIME, Clock(clock.track.extended(ts, arrival)))


def _onward(clock: Clock, ts: int, arrival: int) -> _Judgement:
    if not clock.track.followed_by(ts, arrival):
        return ON_TIME, Clock(Track(ts, ts, arrival), left=clock.track)
    track = clock.track.extended(ts, arrival)
    return ON_TIME, Clock(track, left=None if track.settled else clock.left)


def _behind(clock: Clock, ts: int, arrival: int) -> _Judgement:
    if clock.left is not None and clock.left.followed_by(ts, arrival):
        return _NEW_FEED
    newest = clock.track.last_ms
    if ts > arrival + LEAP_MS or newest - max(ts, arrival) <= GAP_MS:
        return LATE, clock
    other = _continued(clock.other, ts, arrival)
    return _NEW_FEED if other.settled else (LATE, replace(clock, other=other))


def _continued(other: Track | None, ts: int, arrival: int) -> Track:
    if other is None or not other.followed_by(ts, arrival):
        return Track(ts, ts, arrival)
    return other.extended(ts, arrival)
