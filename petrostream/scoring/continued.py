"""The usual case of `petrostream.scoring.feeds` without its work: a reading that plainly continues."""

import numpy as np

from petrostream.arrays import IntArray
from petrostream.readings import NO_TIME, Readings
from petrostream.scoring.feeds import FEED_JITTER_MS, LEAP_MS, ON_TIME, Clock, Feed, FeedPart, HasFeed

_ONE_ON_TIME: IntArray = np.full(1, ON_TIME)


def continued(state: HasFeed | None, readings: Readings, at: IntArray) -> FeedPart | None:
    """Return what `feed_parts` returns of one reading that plainly continues the feed; None of any others.

    Args:
        state: the well's history, None at its first reading.
        readings: a batch.
        at: shape (n,), n >= 1, positions of the well's readings in it.
    """
    if len(at) > 1 or state is None or state.clock.left is not None or state.clock.other is not None:
        return None
    feed, track, position = state.feed, state.clock.track, int(at[0])
    if readings.source[position] != feed.source or readings.feed_id[position] != feed.feed_id:
        return None
    ts_ms, source_ts_ms = int(readings.ts_ms[position]), int(readings.source_ts_ms[position])
    offset_ms = 0 if source_ts_ms == NO_TIME else ts_ms - source_ts_ms
    if not feed.feed_id and abs(offset_ms - feed.offset_ms) > FEED_JITTER_MS:
        return None
    if not 1 <= ts_ms - track.last_ms <= LEAP_MS:
        return None
    track = track.extended(ts_ms, int(readings.arrival_ms[position]))
    feed = Feed(feed.source, offset_ms, feed.feed_id, feed.replaced)
    return FeedPart(at, False, _ONE_ON_TIME, feed, Clock(track))
