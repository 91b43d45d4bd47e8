"""A facility without tanks: as the join has it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petrostream.facility import join as joining
from petrostream.facility import pairing, waiting
from petrostream.facility.codec import encode
from petrostream.facility.events import CARRIED, WellEvents
from petrostream.facility.join import join
from petrostream.facility.state import JoinState
from petrostream.facility.waiting import wait
from petrostream.readings import NO_TIME, TankReadings, event_id
from tests.support.depth import examples

BEGIN = 1_700_000_000_000
NO_TANKS = TankReadings.empty(), np.empty(0, np.int64)


def events(readings):
    """Readings as (well, seconds, seconds that it arrives before its time; None: too far ahead)."""
    ts = np.array([BEGIN + 500 * half for _, half, _ in readings], np.int64)
    moves = [
        NO_TIME if early is None else ms - 1000 * early
        for ms, (_, _, early) in zip(ts.tolist(), readings, strict=True)
    ]
    names = [name for name, *_ in readings]
    return WellEvents(
        names,
        [f"2/{name}" for name in names],
        [event_id(name, f"2/{name}", ms) for name, ms in zip(names, ts.tolist(), strict=True)],
        [str(at) for at in range(len(names))],
        ts,
        np.array(moves, np.int64),
        np.arange(float(len(names) * len(CARRIED))).reshape(len(names), len(CARRIED)),
    )


def same(one, other):
    assert encode(one) == encode(other)
    assert one.wells.event_id == other.wells.event_id
    for name in ("ts_ms", "moves_ms", "carried"):
        np.testing.assert_array_equal(getattr(one.wells, name), getattr(other.wells, name))
    assert (one.waiting.dtype, one.number.dtype) == (other.waiting.dtype, other.number.dtype)


READINGS = st.lists(
    st.tuples(st.sampled_from("ABC"), st.integers(0, 60), st.sampled_from([0, 0, 0, 4, 20, None])),
    max_size=40,
)


def ordered(readings, in_order):
    return sorted(set(readings), key=lambda one: one[1]) if in_order else readings


@given(st.builds(ordered, READINGS, st.booleans()), st.integers(1, 20), st.integers(1, 40))
@settings(max_examples=examples(300))
def test_readings_wait_as_in_the_join(readings, size, limit):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joining, "MAX_WAITING", limit)
        patch.setattr(waiting, "MAX_WAITING", limit)
        state = JoinState()
        for begin in range(0, len(readings), size):
            batch = events(readings[begin : begin + size])
            carried, identities = batch.carried.copy(), list(batch.event_id)
            found = wait(state, batch)
            joined = join(state, batch, *NO_TANKS)
            if found is None:
                assert len({*state.wells.event_id, *identities}) < len(state.wells) + len(batch)
            else:
                same(found[0], joined.state)
                assert (found[1], joined.duplicates) == (len(joined.pairs), 0)
            np.testing.assert_array_equal(batch.carried, carried)
            state = joined.state


@given(READINGS, st.integers(1, 20))
def test_a_batch_without_tanks_has_no_rows_and_counts_every_reading(readings, size):
    state, settled, duplicates = JoinState(), 0, 0
    for begin in range(0, len(readings), size):
        paired = pairing.pair("FAC-01", state, events(readings[begin : begin + size]), *NO_TANKS)
        assert len(paired.rows) == 0
        state = paired.state
        settled += paired.without_tanks
        duplicates += paired.duplicates
    assert settled + duplicates + int(state.waiting.sum()) == len(readings)


def test_a_batch_without_duplicates_is_not_left_to_the_join():
    found = wait(JoinState(), events([("A", second, 0) for second in range(0, 60, 2)]))
    assert found is not None
    state, settled = found
    assert (settled, len(state.wells), state.wells_seen) == (24, 6, 30)
