"""What the forest's alarm has said is not annunciated again within an hour, wherever a stream is cut."""

from dataclasses import fields, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from petrostream.alarms import codec
from petrostream.alarms.engine import DEFAULT_LIMITS, Signals, run_alarms
from petrostream.alarms.repeats import MORE, REPEAT_S, STAYS_S
from petrostream.alarms.types import FOREST
from tests.support.depth import examples

START = 1_700_000_000_000
THRESHOLD = 0.56
ON, OFF = 0.6, 0.4


def signals(score, size, gauges, ts_ms=None, new_level=None):
    score = np.asarray(score, np.float64)
    n = len(score)
    return Signals(
        well_id="WELL-00011",
        source="2/one",
        ts_ms=START + 1000 * np.arange(n) if ts_ms is None else np.asarray(ts_ms, np.int64),
        score=score,
        threshold=np.full(n, THRESHOLD),
        rules={},
        methane_ppm=np.full(n, np.nan),
        operating_state=np.full(n, -1),
        new_level=new_level,
        size=np.where(score >= THRESHOLD, size, 0.0),
        gauges=np.where(score >= THRESHOLD, gauges, 0),
    )


def bursts(*parts):
    """Signals of bursts of 30 s, each given by its size, its gauges and the quiet seconds before it."""
    score, size, gauges = [], [], []
    for of_size, of_gauges, quiet in parts:
        score += [OFF] * quiet + [ON] * 30
        size += [of_size] * (quiet + 30)
        gauges += [of_gauges] * (quiet + 30)
    return signals([*score, *[OFF] * 100], [*size, *[1.0] * 100], [*gauges, *[1] * 100])


def activated(one):
    return [(change.ts_ms - START) // 1000 for change in run_alarms(None, one).transitions][::2]


def test_a_burst_that_comes_back_is_one_alarm():
    assert activated(bursts(*[(4.0, 1, 900)] * 8)) == [910]


def test_a_smaller_one_is_the_same_and_a_larger_one_is_news():
    assert activated(bursts((4.0, 1, 100), (3.0, 1, 900), (4.0 * MORE, 1, 900))) == [110]
    assert activated(bursts((4.0, 1, 100), (3.0, 1, 900), (4.0 * MORE + 0.1, 1, 900))) == [110, 1970]


def test_another_gauge_is_news():
    assert activated(bursts((4.0, 0b01, 100), (4.0, 0b11, 900), (4.0, 0b10, 900))) == [110, 1040]


def test_after_an_hour_without_any_it_is_news():
    hour = int(REPEAT_S)
    assert activated(bursts((4.0, 1, 100), (4.0, 1, hour - 100))) == [110]
    assert activated(bursts((4.0, 1, 100), (4.0, 1, hour + 1))) == [110, 141 + hour]
    # Each one that is not annunciated begins the hour anew.
    assert activated(bursts((4.0, 1, 100), (4.0, 1, 2500), (4.0, 1, 2500), (4.0, 1, 2500))) == [110]


def test_an_event_that_grows_from_such_a_burst_is_found():
    quiet, event = [OFF] * 900, [ON] * 60
    score = [*quiet, *event, *quiet, *event]
    size = [4.0] * 1860 + [4.0 + 2.0 * second for second in range(60)]
    heard = activated(signals(score, size, np.ones(len(score), np.int64)))
    # Two seconds until it is larger than before, then the on-delay.
    assert heard == [910, 1860 + 2 + 10]


def test_an_event_of_the_same_size_is_found_because_it_stays():
    stays = int(STAYS_S)
    burst = [*[OFF] * 100, *[ON] * 30, *[OFF] * 900]
    event = [*burst, *[ON] * 600]
    assert activated(signals(event, 4.0, 1)) == [110, 1030 + stays + 10]
    # It is away for less than the off-delay now and then.
    flicker = [*burst, *([ON] * 50 + [OFF] * 5) * 10]
    assert activated(signals(flicker, 4.0, 1)) == [110, 1030 + stays + 10]
    # Bursts apart by more than that never add up.
    apart = [*burst, *([ON] * 50 + [OFF] * 65) * 20]
    assert activated(signals(apart, 4.0, 1)) == [110]


def test_what_was_said_of_another_level_does_not_count():
    score = np.concatenate([np.full(n, value) for value, n in ((OFF, 10), (ON, 60), (OFF, 90), (ON, 60))])
    settled = np.arange(len(score)) >= 100
    run = run_alarms(None, signals(score, 4.0, 1, new_level=settled))
    assert [change.event for change in run.transitions] == [
        "activated",
        "suppressed",
        "returned",
        "activated",
    ]


SEGMENT = st.tuples(
    st.sampled_from([OFF, OFF, 0.55, ON, ON, np.nan]),
    st.sampled_from([3.0, 4.0, 5.9, 9.1]),
    st.sampled_from([1, 2, 3]),
    st.integers(1, 90) | st.integers(250, 400),
)


@st.composite
def streams(draw):
    parts = draw(st.lists(SEGMENT, min_size=1, max_size=12))
    repeated = [np.repeat(column, [n for *_, n in parts]) for column in list(zip(*parts, strict=True))[:3]]
    n = len(repeated[0])
    step = np.full(n, 1000)
    for place in draw(st.lists(st.integers(0, n - 1), max_size=3)):
        step[place] = draw(st.sampled_from([61_000, 1_500_000, 3_601_000]))
    cuts = draw(st.lists(st.integers(1, max(1, n - 1)), max_size=6))
    return signals(*repeated, START + np.cumsum(step)), sorted(set(cuts) - {n})


def part_of(whole, rows):
    columns = {
        column.name: getattr(whole, column.name)[rows]
        for column in fields(whole)
        if isinstance(getattr(whole, column.name), np.ndarray)
    }
    return replace(whole, **columns)


@given(streams())
@settings(max_examples=examples(200), deadline=None)
def test_nothing_depends_on_where_a_stream_is_cut(stream):
    whole, cuts = stream
    once = run_alarms(None, whole)
    well, changes = None, []
    for first, end in zip([0, *cuts], [*cuts, len(whole.ts_ms)], strict=True):
        run = run_alarms(well, part_of(whole, slice(first, end)))
        well = codec.from_plain(codec.to_plain(run.state))
        assert well == run.state
        changes += [replace(change, position=change.position + first) for change in run.transitions]
    assert changes == once.transitions
    assert well == once.state


@given(streams())
@settings(max_examples=examples(200), deadline=None)
def test_columns_and_a_loop_over_readings_agree(stream):
    one, _ = stream
    found = [
        (change.event, change.ts_ms)
        for change in run_alarms(None, one).transitions
        if change.alarm_type == FOREST
    ]
    assert found == by_loop(one)


def by_loop(one):
    active, on_since, off_since, blank_since, last, said, back = (False, *[None] * 6)
    expected = []
    rows = (one.ts_ms.tolist(), one.score.tolist(), one.size.tolist(), one.gauges.tolist())
    for now, value, size, gauges in zip(*rows, strict=True):
        if last is not None and now - last > 60_000:
            on_since = off_since = blank_since = None
        last = now
        on = value > THRESHOLD
        if said is not None and now - said[0] > 1000 * REPEAT_S:
            said = None if not active else said
        if on and not active and said is not None:
            known = size <= MORE * said[1] and not gauges & ~said[2]
            back = now if back is None or now - said[0] > 60_000 else back
            said = (now, *said[1:])
            on = not known or now - back >= 1000 * STAYS_S
        on_since = (on_since or now) if on else None
        off_since = (off_since or now) if value < THRESHOLD - DEFAULT_LIMITS.score_deadband else None
        blank_since = (blank_since or now) if np.isnan(value) else None
        if not active and on_since and now - on_since >= 10_000:
            active = True
            expected.append(("activated", now))
        elif active and (
            (off_since and now - off_since >= 60_000) or (blank_since and now - blank_since >= 600_000)
        ):
            active = False
            expected.append(("returned", now))
        if active and value > THRESHOLD:
            said = (now, max(size, said[1]), gauges | said[2]) if said else (now, size, gauges)
            back = None
    return expected
