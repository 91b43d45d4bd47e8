"""A reading that plainly continues its feed: the short way says what the long one says."""

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from petrostream.readings import NO_TIME, encode_block, validate_block
from petrostream.scoring.continued import continued
from petrostream.scoring.feeds import Clock, Feed, Track, feed_parts
from petrostream.times import to_iso

START = 1_700_000_000_000
ROW = {"kind": "well", "well_id": "WELL-00001", "facility_id": "FAC-01", "source": "0/a", "ts": to_iso(START)}


@dataclass(frozen=True)
class Known:
    feed: Feed
    clock: Clock


def reading(*, ts_ms, source, feed_id, source_ts_ms):
    block = encode_block([ROW | {"source": source, "feed_id": feed_id or None}])
    one = validate_block(block, sequence="1", now_ms=START + 10**7).readings
    return replace(one, ts_ms=np.array([ts_ms]), source_ts_ms=np.array([source_ts_ms]))


TRACKS = st.builds(
    lambda length, age: Track(START - length, START, START + age),
    st.integers(0, 10**6),
    st.integers(-(10**5), 10**7),
)


@given(
    state=st.builds(
        Known,
        st.builds(
            Feed,
            st.sampled_from(["0/a", "0/b"]),
            st.sampled_from([0, 5000, 90_000]),
            st.sampled_from(["", "one", "two"]),
            st.sampled_from([(), ("two",), ("one", "two")]),
        ),
        st.builds(Clock, TRACKS, st.none() | TRACKS, st.none() | TRACKS),
    ),
    step_ms=st.sampled_from([-1000, 0, 1, 1000, 10_000, 10_001, 70_000, 10**8])
    | st.integers(-(10**5), 10**5),
    source=st.sampled_from(["0/a", "0/b"]),
    feed_id=st.sampled_from(["", "one", "two"]),
    offset_ms=st.sampled_from([None, 0, 5000, 64_999, 65_000, 65_001, 90_000]),
)
def test_what_continues_a_feed_is_judged_as_by_all_its_rules(state, step_ms, source, feed_id, offset_ms):
    ts_ms = START + step_ms
    source_ts_ms = NO_TIME if offset_ms is None else ts_ms - offset_ms
    readings = reading(ts_ms=ts_ms, source=source, feed_id=feed_id, source_ts_ms=source_ts_ms)
    short = continued(state, readings, np.arange(1))
    if short is not None:
        (whole,) = feed_parts(state, readings, np.arange(1))
        assert (short.begins, short.feed, short.clock) == (whole.begins, whole.feed, whole.clock)
        np.testing.assert_array_equal(short.verdict, whole.verdict)
        np.testing.assert_array_equal(short.at, whole.at)
    elif (
        state.clock.left is None
        and state.clock.other is None
        and (source, feed_id)
        == (
            state.feed.source,
            state.feed.feed_id,
        )
    ):
        near = abs((offset_ms or 0) - state.feed.offset_ms) <= 60_000
        assert not (1 <= step_ms <= 10_000 and (feed_id or near))


def test_a_wells_first_reading_and_several_at_once_take_the_long_way():
    readings = reading(ts_ms=START + 1000, source="0/a", feed_id="", source_ts_ms=NO_TIME)
    assert continued(None, readings, np.arange(1)) is None
    state = Known(Feed("0/a", 0), Clock(Track(START, START, START)))
    assert continued(state, readings, np.arange(1)) is not None
    assert continued(state, readings, np.array([0, 0])) is None
