"""Alarms: delays, deadband, suppression by design, and nothing that depends on batches."""

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petrostream.alarms.engine import DEFAULT_LIMITS, Signals, end_feed, run_alarms
from petrostream.alarms.types import ALARM_TYPES, FOREST, METHANE_HIGH, priority_of
from petrostream.gauges import WINDOWS_S
from tests.support.depth import examples

START = 1_700_000_000_000
WELL, SOURCE = "WELL-00011", "2/WELL-00011_20140515110134"
THRESHOLD = 0.56


def signals(score, ts_ms=None, *, threshold=THRESHOLD, rules=None, methane=None, state=None):
    score = np.asarray(score, np.float64)
    n = len(score)
    return Signals(
        well_id=WELL,
        source=SOURCE,
        ts_ms=START + 1000 * np.arange(n) if ts_ms is None else np.asarray(ts_ms, np.int64),
        score=score,
        threshold=np.broadcast_to(np.float64(threshold), n),
        rules={name: np.asarray(held, np.bool_) for name, held in (rules or {}).items()},
        methane_ppm=np.full(n, np.nan) if methane is None else np.asarray(methane, np.float64),
        operating_state=np.full(n, -1) if state is None else np.asarray(state, np.int64),
    )


def at(seconds):
    return START + 1000 * seconds


def happened(run):
    return [(t.alarm_type, t.event, (t.ts_ms - START) / 1000) for t in run.transitions]


def scores(*parts):
    return np.concatenate([np.full(n, value) for value, n in parts])


def test_an_alarm_needs_its_on_delay_and_its_off_delay():
    run = run_alarms(None, signals(scores((0.4, 20), (0.6, 100), (0.5, 100))))
    assert happened(run) == [(FOREST, "activated", 30.0), (FOREST, "returned", 180.0)]
    first, last = run.transitions
    assert (first.start_ms, first.active_ms, first.state) == (at(20), at(30), "active_unacknowledged")
    assert (last.alarm_id, last.cause, last.state) == (first.alarm_id, "cleared", "returned_unacknowledged")
    assert run.active.tolist() == [0] * 30 + [1] * 150 + [0] * 40


def test_a_condition_shorter_than_its_on_delay_is_no_alarm():
    run = run_alarms(None, signals(scores((0.6, 10), (0.55, 1), (0.6, 10), (0.4, 80))))
    assert run.transitions == []
    assert run.state.channels == {}


def test_inside_the_deadband_an_alarm_neither_comes_nor_goes():
    assert run_alarms(None, signals(scores((0.55, 100)))).transitions == []
    run = run_alarms(None, signals(scores((0.6, 20), (0.55, 300))))
    assert happened(run) == [(FOREST, "activated", 10.0)]


def test_the_limits_are_those_of_the_model_that_scored_each_reading():
    assert run_alarms(None, signals(scores((0.59, 100)), threshold=0.6)).transitions == []
    run = run_alarms(None, signals(scores((0.61, 20), (0.59, 100), (0.57, 100)), threshold=0.6))
    assert happened(run) == [(FOREST, "activated", 10.0), (FOREST, "returned", 180.0)]
    published = np.repeat([0.6, 0.5, 0.6], 100)
    run = run_alarms(None, signals(np.full(300, 0.55), threshold=published))
    assert happened(run) == [(FOREST, "activated", 110.0), (FOREST, "returned", 260.0)]


def test_a_gap_restarts_both_delays():
    seconds = np.concatenate([np.arange(9), 9 + 70 + np.arange(30)])
    run = run_alarms(None, signals(np.full(39, 0.6), START + 1000 * seconds))
    assert happened(run) == [(FOREST, "activated", 89.0)]


def test_without_a_score_an_alarm_stays_ten_minutes_and_then_returns_for_want_of_data():
    run = run_alarms(None, signals(scores((0.6, 20), (np.nan, 700))))
    assert happened(run) == [(FOREST, "activated", 10.0), (FOREST, "returned", 620.0)]
    assert run.transitions[1].cause == "no_data"


def test_each_physics_rule_and_methane_have_alarms_of_their_own():
    held = np.arange(60) >= 10
    run = run_alarms(
        None,
        signals(
            np.full(60, np.nan),
            rules={"dhsv_closure": held},
            methane=np.where(np.arange(60) < 30, 385.5, 650.2),
        ),
    )
    assert happened(run) == [("dhsv_closure", "activated", 15.0), (METHANE_HIGH, "activated", 40.0)]
    assert run.active.tolist() == [0] * 15 + [1] * 25 + [2] * 20


def test_what_an_operating_state_makes_meaningless_is_recorded_and_not_annunciated():
    shut_in = np.where(np.arange(300) < 200, 1, 0)
    run = run_alarms(None, signals(scores((0.6, 100), (0.4, 200)), state=shut_in))
    assert happened(run) == [(FOREST, "suppressed", 10.0), (FOREST, "returned", 160.0)]
    assert [t.state for t in run.transitions] == ["suppressed_by_design", "normal"]
    assert not run.active.any()


def test_an_alarm_that_outlasts_its_suppression_is_annunciated_when_windows_have_forgotten_the_state():
    state = np.where(np.arange(600) < 100, 7, 0)
    run = run_alarms(None, signals(np.full(600, 0.6), state=state))
    assert happened(run) == [(FOREST, "suppressed", 10.0), (FOREST, "unsuppressed", 280.0)]
    assert run.active.tolist() == [0] * 280 + [1] * 320


def test_an_alarm_that_was_annunciated_is_not_taken_from_the_operator():
    state = np.where(np.arange(200) < 100, 0, 1)
    run = run_alarms(None, signals(np.full(200, 0.6), state=state))
    assert happened(run) == [(FOREST, "activated", 10.0)]
    assert run.active[-1] == 1


def test_a_leak_is_a_leak_around_a_closed_well_too():
    run = run_alarms(None, signals(np.full(30, np.nan), methane=np.full(30, 900.0), state=np.full(30, 5)))
    assert happened(run) == [(METHANE_HIGH, "activated", 10.0)]


def test_the_end_of_a_feed_returns_its_alarms():
    run = run_alarms(None, signals(np.full(20, 0.6)))
    (ended,) = end_feed(run.state, WELL)
    assert (ended.event, ended.cause, ended.ts_ms) == ("returned", "feed_ended", at(19))
    assert ended.alarm_id == run.transitions[0].alarm_id


def test_an_alarm_has_the_same_identity_whenever_it_is_computed_and_no_other_has_it():
    one = run_alarms(None, signals(np.full(20, 0.6))).transitions[0]
    again = run_alarms(None, signals(np.full(500, 0.6))).transitions[0]
    other = run_alarms(None, replace(signals(np.full(20, 0.6)), source="2/other")).transitions[0]
    assert (one.alarm_id, one.transition_id) == (again.alarm_id, again.transition_id)
    assert one.alarm_id != other.alarm_id
    assert len(one.alarm_id) == 32


@pytest.mark.parametrize(
    ("severity", "minutes", "priority"),
    [(3, 5, "critical"), (3, 10, "high"), (2, 5, "high"), (2, 20, "medium"), (1, 30, "low")],
)
def test_priority_follows_from_consequence_and_time_to_respond(severity, minutes, priority):
    assert priority_of(severity, minutes) == priority


def test_every_alarm_type_has_a_priority_a_consequence_and_delays():
    for name, row in ALARM_TYPES.items():
        assert row.id == name
        assert row.consequence
        assert row.priority in ("critical", "high", "medium", "low")
        assert row.on_delay_s > 0
        assert row.off_delay_s >= 60, "with less, an alarm can activate three times a minute: chatter"


def test_alarms_of_rules_outlast_the_longest_window_and_measured_ones_have_a_deadband():
    for name, row in ALARM_TYPES.items():
        measured = name in (FOREST, METHANE_HIGH)
        assert (row.deadband > 0) == measured
        assert measured or row.off_delay_s >= max(WINDOWS_S)


@pytest.mark.parametrize("name", sorted(set(ALARM_TYPES) - {FOREST, METHANE_HIGH}))
def test_a_rule_that_comes_and_goes_faster_than_its_off_delay_is_one_alarm(name):
    row = ALARM_TYPES[name]
    on, off = int(row.on_delay_s) + 1, int(row.off_delay_s) - 1
    held = np.tile(np.repeat([True, False], [on, off]), 8)
    ends = np.append(held, np.zeros(int(row.off_delay_s) + 1, np.bool_))
    run = run_alarms(None, signals(np.full(len(ends), np.nan), rules={name: ends}))
    assert [event for _, event, _ in happened(run)] == ["activated", "returned"]


@given(st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_noise_within_the_deadband_raises_one_alarm_and_none_without_an_excess(seed):
    rng = np.random.default_rng(seed)
    for name, limit in ((FOREST, THRESHOLD), (METHANE_HIGH, DEFAULT_LIMITS.methane_ppm)):
        band = ALARM_TYPES[name].deadband
        around = limit - band / 2 + band * 0.49 * rng.uniform(-1, 1, 3600)
        for excess in (False, True):
            value = np.where(np.arange(3600) < 20, limit + band, around) if excess else around
            nothing = np.full(3600, np.nan)
            given_ = signals(value) if name == FOREST else signals(nothing, methane=value)
            assert len(run_alarms(None, given_).transitions) == excess


@given(st.integers(0, 10**6), st.sampled_from(sorted(ALARM_TYPES)))
@settings(max_examples=examples(60), deadline=None)
def test_no_input_makes_an_alarm_chatter(seed, name):
    rng = np.random.default_rng(seed)
    held = np.repeat(rng.random(400) < 0.5, rng.integers(1, 90, 400))
    values = np.where(held, 1.0, 0.0)
    run = run_alarms(
        None, signals(values, rules={name: held} if name != FOREST else {}, methane=1000 * values)
    )
    heard = [t.ts_ms for t in run.transitions if t.alarm_type == name and t.event == "activated"]
    row = ALARM_TYPES[name]
    assert all(b - a >= 1000 * (row.on_delay_s + row.off_delay_s) for a, b in pairwise(heard))


LEVELS = st.sampled_from([0.4, 0.55, 0.6, np.nan])
SEGMENT = st.tuples(LEVELS, st.booleans(), st.sampled_from([-1, 0, 1, 7]), st.integers(1, 90))


@st.composite
def streams(draw):
    parts = draw(st.lists(SEGMENT, min_size=1, max_size=12))
    score = scores(*[(level, n) for level, _, _, n in parts])
    held = scores(*[(rule, n) for _, rule, _, n in parts]).astype(bool)
    state = scores(*[(code, n) for _, _, code, n in parts])
    n = len(score)
    step = draw(st.lists(st.sampled_from([1000, 1000, 1000, 5000, 61_000]), min_size=n, max_size=n))
    ts = START + np.cumsum(step)
    cuts = draw(st.lists(st.integers(1, max(1, n - 1)), max_size=6))
    return score, held, state, ts, sorted(set(cuts) - {n})


@given(streams())
@settings(max_examples=examples(150), deadline=None)
def test_alarms_do_not_depend_on_how_the_stream_is_cut(stream):
    score, held, state, ts, cuts = stream
    whole = run_alarms(None, signals(score, ts, rules={"dhsv_closure": held}, state=state))
    well, changes, active = None, [], []
    for first, end in zip([0, *cuts], [*cuts, len(score)], strict=True):
        part = signals(
            score[first:end], ts[first:end], rules={"dhsv_closure": held[first:end]}, state=state[first:end]
        )
        run = run_alarms(well, part)
        well = run.state
        changes += [replace(t, position=t.position + first) for t in run.transitions]
        active += run.active.tolist()
    assert changes == whole.transitions
    assert active == whole.active.tolist()
    assert well == whole.state


@given(streams())
@settings(max_examples=examples(100), deadline=None)
def test_columns_and_a_loop_over_readings_agree(stream):
    score, _, _, ts, _ = stream
    run = run_alarms(None, signals(score, ts))
    active, on_since, off_since, blank_since, last = False, None, None, None, None
    expected = []
    for value, now in zip(score.tolist(), ts.tolist(), strict=True):
        if last is not None and now - last > 60_000:
            on_since = off_since = blank_since = None
        last = now
        on_since = (on_since or now) if value > THRESHOLD else None
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
    assert [(t.event, t.ts_ms) for t in run.transitions] == expected


@pytest.mark.parametrize("level", [0, 1])
def test_a_cut_at_any_reading_changes_nothing(level):
    score = scores((0.4, 20), (0.6, 100), (0.4, 70), (0.6, 40), (0.4, 70))
    settled = np.where(np.arange(len(score)) > 100, level, 0)
    whole_signals = replace(
        signals(score), fresh=np.where(score > 0.5, score, 0.3), away=score > 0.5, new_level=settled
    )
    whole = run_alarms(None, whole_signals)
    assert [change.event for change in whole.transitions].count("activated") == 2
    for cut in range(1, len(score)):
        first, second = (_part(whole_signals, rows) for rows in (slice(0, cut), slice(cut, None)))
        one = run_alarms(None, first)
        two = run_alarms(one.state, second)
        later = [replace(change, position=change.position + cut) for change in two.transitions]
        assert [*one.transitions, *later] == whole.transitions, cut
        assert two.state == whole.state, cut


def _part(whole, rows):
    columns = {
        column.name: getattr(whole, column.name)[rows]
        for column in fields(whole)
        if isinstance(getattr(whole, column.name), np.ndarray)
    }
    return replace(whole, **columns)
