"""Feeds and their clocks: two replays are two feeds, and a wrong event time silences nobody."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from petrostream.minutes import WindowState, update_windows
from petrostream.minutes import codec as minutes_codec
from petrostream.readings.wells import Readings
from petrostream.scoring import codec
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from tests.support.depth import examples
from tests.support.wells import FACILITY, START, models, normal_values, readings

NEW = FacilityState(FACILITY)
MINUTE_MS = 60_000


def run(*batches, state=NEW, scored_with=None):
    rows = score_batch(state, Readings.concat(batches), scored_with, scored_at_ms=START).rows
    return [reasons[-1] if reasons else "" for reasons in rows.readings.reasons], rows


def stream(*times, every_s=1, arrival=None, **more):
    """Readings at these seconds, which arrive one after the other, every second from the start on."""
    ts_ms = START + np.array([round(1000 * second) for second in times], np.int64)
    arrived = START + 1000 * every_s * np.arange(len(ts_ms)) if arrival is None else START + arrival
    values = normal_values(len(ts_ms))
    return readings(values, ts_ms, arrival_ms=np.broadcast_to(arrived, ts_ms.shape), **more)


def live(n, wrong, **more):
    """A well at one reading a second, of which some have a time that is wrong by some seconds."""
    times = np.arange(n, dtype=float)
    for at, by in wrong.items():
        times[at] += by
    return stream(*times, **more)


class TestTwoReplays:
    """A second replay of an instance begins 15 s after the first; all of it lies in the past."""

    def replay(self, shift_s, feed_id, n=300):
        ts_ms = START + 1000 * np.arange(n) + 1000 * shift_s
        arrival = np.full(n, START + 1000 * (n + shift_s))
        offset = np.full(n, 7_000_000 + 1000 * shift_s)
        return readings(normal_values(n), ts_ms, offset_ms=offset, feed_id=feed_id, arrival_ms=arrival)

    def test_are_two_feeds_and_the_second_is_scored_like_the_first(self):
        reasons, rows = run(self.replay(0, "one"), self.replay(15, "two"), scored_with=models())
        assert set(reasons) == {""}
        np.testing.assert_array_equal(rows.anomaly_score[:300], rows.anomaly_score[300:])
        assert np.flatnonzero(rows.begins).tolist() == [0, 300]

    def test_of_a_producer_that_names_no_run_are_one_if_close_as_before(self):
        reasons, _ = run(self.replay(0, ""), self.replay(15, ""))
        assert reasons.count("late:ts") == 285

    def test_a_resumed_one_is_one_feed(self):
        whole = self.replay(0, "one")
        reasons, rows = run(whole.take(range(200)), whole.take(range(190, 300)))
        assert reasons.count("late:ts") == 10
        assert np.flatnonzero(rows.begins).tolist() == [0]

    def at_once(self, seconds_of_second=120):
        """Two replays that take turns every ten seconds; the second begins 100 s after the first."""
        first = live(300, {}, feed_id="one")
        second = live(300, {}, feed_id="two").take(range(100, 100 + seconds_of_second))
        second.ts_ms = second.ts_ms - 15_000
        both = Readings.concat([first, second])
        tens = both.arrival_ms // 10_000
        return both.take(np.lexsort((both.arrival_ms, np.array(both.feed_id), tens)))

    def test_that_play_at_once_do_not_silence_the_well_the_later_one_counts(self):
        both = self.at_once(200)
        reasons, rows = run(both, scored_with=models())
        second = np.array(both.feed_id) == "two"
        assert {reasons[i] for i in np.flatnonzero(second).tolist()} == {""}
        assert reasons.count("") == 200 + 110
        assert rows.begins.sum() == 2
        assert not np.isnan(rows.anomaly_score[second][60:]).any()

    def test_the_one_that_was_replaced_counts_again_a_minute_after_the_other_stopped(self):
        both = self.at_once(60)
        reasons, rows = run(both)
        last = int(both.arrival_ms[np.array(both.feed_id) == "two"].max())
        on_time = [not reason for reason in reasons]
        again = (np.array(both.feed_id) == "one") & (both.arrival_ms > START + 110_000)
        np.testing.assert_array_equal(np.array(on_time)[again], both.arrival_ms[again] > last + 60_000)
        assert rows.begins.sum() == 3

    def test_of_a_named_run_the_offset_says_nothing(self):
        part = self.replay(0, "one")
        wrong = replace(part, source_ts_ms=part.source_ts_ms - 3_600_000 * (np.arange(300) == 150))
        _, rows = run(wrong)
        assert np.flatnonzero(rows.begins).tolist() == [0]


class TestOneWrongClock:
    def test_a_reading_59_minutes_ahead_is_ignored_and_says_so(self):
        n = 3_600
        reasons, rows = run(live(n, {70: 59 * 60}), scored_with=models())
        assert reasons[70] == "ahead:ts"
        assert reasons.count("") == n - 1
        without = live(n, {}).take(np.delete(np.arange(n), 70))
        right = run(without, scored_with=models())[1].anomaly_score
        assert np.isnan(rows.anomaly_score[70])
        assert not np.isnan(rows.anomaly_score[71:]).any()
        # As if it had never come: neither a window nor a level holds it.
        np.testing.assert_array_equal(np.delete(rows.anomaly_score, 70), right)

    def test_a_reading_that_is_wrong_with_the_right_time_at_its_source(self):
        batch = live(300, {70: 59 * 60})
        batch.source_ts_ms = START + 1000 * np.arange(300) - 9_000_000
        reasons, rows = run(batch)
        assert [at for at, reason in enumerate(reasons) if reason] == [70]
        assert np.flatnonzero(rows.begins).tolist() == [0]

    def test_as_the_first_reading_of_a_well_costs_ten_seconds(self):
        reasons, _ = run(live(100, {0: 59 * 60}))
        assert reasons == ["", *["late:ts"] * 10, *[""] * 89]

    def test_a_burst_of_wrong_readings_is_ignored(self):
        reasons, rows = run(live(300, dict.fromkeys(range(100, 110), 1800)))
        assert [at for at, reason in enumerate(reasons) if reason] == list(range(100, 110))
        assert np.flatnonzero(rows.begins).tolist() == [0]

    def test_many_wrong_readings_that_contradict_each_other_never_move_the_clock(self):
        wrong = {at: 600 + 137 * at % 2900 for at in range(100, 300, 2)}
        reasons, _ = run(live(400, wrong))
        assert reasons.count("ahead:ts") == 100
        assert reasons.count("") == 300

    def test_a_clock_that_was_set_ahead_is_followed_after_ten_seconds(self):
        reasons, rows = run(live(300, dict.fromkeys(range(100, 300), 1800)))
        assert reasons == [*[""] * 100, *["ahead:ts"] * 10, *[""] * 190]
        assert np.flatnonzero(rows.begins).tolist() == [0, 110]

    def test_and_back_again_when_it_is_corrected(self):
        reasons, rows = run(live(400, dict.fromkeys(range(100, 200), 1800)))
        assert reasons[200:] == [*["late:ts"] * 10, *[""] * 190]
        assert np.flatnonzero(rows.begins).tolist() == [0, 110, 210]

    def test_a_well_whose_clock_is_always_an_hour_ahead_is_scored(self):
        assert set(run(live(300, dict.fromkeys(range(300), 3_540)))[0]) == {""}

    def test_a_reading_from_the_past_is_late_and_nothing_else(self):
        reasons, rows = run(live(300, {100: -3_000}))
        assert [at for at, reason in enumerate(reasons) if reason] == [100]
        assert np.flatnonzero(rows.begins).tolist() == [0]

    def test_what_is_sent_again_is_late_and_begins_no_feed(self):
        part = live(300, {})
        again = replace(part, arrival_ms=np.full(300, START + 301_000))
        reasons, rows = run(part, again)
        assert reasons == [*[""] * 300, *["late:ts"] * 300]
        assert np.flatnonzero(rows.begins).tolist() == [0]


class TestSilence:
    def test_a_well_that_was_silent_goes_on_at_once(self):
        times = [*range(60), *range(4_000, 4_060)]
        reasons, _ = run(stream(*times, arrival=1000 * np.array(times)))
        assert set(reasons) == {""}

    def test_a_wrong_reading_after_a_silence_is_ignored(self):
        times = np.array([*range(60), *range(4_000, 4_060)])
        arrival = 1000 * times.copy()
        times[60] += 3_500
        reasons, _ = run(stream(*times, arrival=arrival))
        assert [at for at, reason in enumerate(reasons) if reason] == [60]


class TestBackfill:
    """Old times at full speed: arrivals stand still and are years later."""

    ARRIVED = 3 * 365 * 86_400_000

    def test_with_gaps_and_slow_gauges_is_on_time_throughout(self):
        times = [*range(100), *range(500, 600), *range(4_000, 9_000, 300), *range(90_000, 90_100)]
        reasons, rows = run(stream(*times, arrival=self.ARRIVED))
        assert set(reasons) == {""}
        assert np.flatnonzero(rows.begins).tolist() == [0]

    def test_a_wrong_time_in_it_is_left_at_the_next_reading(self):
        times = np.arange(300)
        times[100] += 3_540
        reasons, rows = run(stream(*times, arrival=self.ARRIVED))
        assert set(reasons) == {""}
        assert np.flatnonzero(rows.begins).tolist() == [0, 101]


EVENTS = st.tuples(
    st.sampled_from([1_000] * 8 + [0, 30_000, 61_000, -5_000]),  # how far time moves
    st.sampled_from([1_000] * 6 + [0, 0, 61_000]),  # how far arrival moves
    st.sampled_from([0] * 6 + [3_540_000, 1_800_000, 30_000, -600_000]),  # how wrong the event time is
    st.sampled_from([0] * 8 + [90_000]),  # how wrong the time at the source is
    st.sampled_from([""] * 4 + ["run", "other"]),
)


def any_stream(events, lead_ms, runs):
    moved = np.cumsum([event[0] for event in events])
    arrival = START + np.cumsum([event[1] for event in events])
    ts_ms = START + lead_ms + moved + np.array([event[2] for event in events])
    offset = 10**9 + np.array([event[2] + event[3] for event in events])
    feeds = [event[4] if runs else "" for event in events]
    return readings(normal_values(len(events)), ts_ms, arrival_ms=arrival, offset_ms=offset, feed_id=feeds)


class TestAnyStream:
    @settings(max_examples=examples(150), deadline=None)
    @given(
        st.lists(EVENTS, min_size=1, max_size=60),
        st.sampled_from([0, 0, 3_500_000, -(10**10)]),
        st.booleans(),
        st.lists(st.integers(0, 60), max_size=6),
    )
    def test_any_cut_into_batches_has_the_same_result(self, events, lead_ms, runs, cuts):
        batch = any_stream(events, lead_ms, runs)
        edges = sorted({0, len(batch), *(cut for cut in cuts if cut < len(batch))})
        results = []
        for borders in (edges, [0, len(batch)], range(len(batch) + 1)):
            state, windows, found = NEW, WindowState(), []
            for low, high in pairwise(borders):
                done = score_batch(state, batch.take(range(low, high)), None, scored_at_ms=START)
                state = codec.decode(codec.encode(done.state))
                windowed = update_windows(windows, done.rows)
                windows = minutes_codec.decode(minutes_codec.encode(windowed.state))
                found += zip(done.rows.readings.reasons, done.rows.begins.tolist(), strict=True)
                found += [("closed", window.row()) for window in windowed.closed]
            rows = [one for one in found if one[0] != "closed"]
            closed = [one for one in found if one[0] == "closed"]
            results.append((rows, closed, codec.encode(state), minutes_codec.encode(windows)))
        assert results[0] == results[1] == results[2]

    @settings(max_examples=examples(60), deadline=None)
    @given(st.integers(0, 10**6), st.integers(1, 9), st.sampled_from([0, 3_500, -7_200]))
    def test_no_few_errors_of_a_live_well_make_any_other_reading_late(self, seed, errors, lead_s):
        rng = np.random.default_rng(seed)
        at = rng.choice(np.arange(20, 280), errors, replace=False)
        by = rng.integers(61, 3_500, errors) * rng.choice([-1, 1], errors)
        batch = live(300, {})
        batch.ts_ms = batch.ts_ms + 1000 * lead_s
        # Not over the hour that validation allows.
        batch.ts_ms[at] = np.minimum(batch.ts_ms[at] + 1000 * by, batch.arrival_ms[at] + 3_600_000)
        reasons, _ = run(batch)
        right = np.setdiff1d(np.arange(300), at)
        if lead_s == 0:
            assert {reasons[i] for i in right.tolist()} == {""}
        # A clock that is far from arrivals is left within seconds after each error.
        assert sum(reasons[i] != "" for i in right.tolist()) <= 70 * errors


def test_minutes_leave_out_what_is_ahead_and_count_it():
    scored = score_batch(NEW, live(200, {70: 3_000}), None, scored_at_ms=START).rows
    windowed = update_windows(WindowState(), scored)
    assert windowed.ahead == 1
    assert windowed.late == 0
    held = sum(window.readings for window in windowed.closed)
    held += sum(window.readings for well in windowed.state.wells.values() for window in well.open)
    assert held == 199
