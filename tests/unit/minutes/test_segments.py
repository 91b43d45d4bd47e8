"""Sums of segments: from left to right, as a loop over the readings makes them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from petrostream.minutes.segments import _added

VALUES = st.floats(-1e8, 1e8).map(lambda value: value + 0.0)


@given(st.lists(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=40), min_size=1, max_size=8), VALUES)
def test_segments_are_added_up_reading_by_reading(segments, before):
    starts = np.cumsum([0, *map(len, segments[:-1])])
    expected = []
    for segment in segments:
        sums = [before, 0.0]
        for pair in segment:
            sums = [total + value for total, value in zip(sums, pair, strict=True)]
        expected.append(sums)
    total = np.tile([before, 0.0], (len(segments), 1))
    values = np.array([pair for segment in segments for pair in segment])
    assert _added(total, values, starts).tolist() == expected
    assert total.tolist() == [[before, 0.0]] * len(segments)
