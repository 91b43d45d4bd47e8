"""Levels are followed slowly, never across an event or an operator's move, and wherever a stream is cut."""

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petrostream.gauges import DEFAULT_RULES, MISSING, QUANTA, Anchor, LevelRules, follow_levels
from petrostream.schema import SENSOR_INDEX
from petrostream.scoring import level_codec

PRESSURE, TEMPERATURE = SENSOR_INDEX["p_tpt"], SENSOR_INDEX["t_tpt"]
SENSORS = np.array([PRESSURE, TEMPERATURE])
START = 1_700_000_000_123
BAR = round(1e5 / QUANTA[PRESSURE])
SCALE = BAR // 10
LEVEL = 200 * BAR
WIDTHS = np.array([[1e4, 0.05], [5e3, 0.05], [3e4, 0.15]])


def anchor(identity=1, center=LEVEL, *, trusted=True, rules=DEFAULT_RULES):
    centers, scales, bounds = [None] * 27, [None] * 27, [None] * 27
    centers[PRESSURE], scales[PRESSURE], bounds[PRESSURE] = center, float(SCALE), (SCALE, 3.0 * SCALE)
    return Anchor(identity, centers, scales, bounds, trusted, rules)


def of_one_well(memory, ts_ms, counts, sensors, operated, anchor_of):
    wide = np.full((len(counts), 1, 27), MISSING, np.int32)
    wide[:, 0, sensors] = counts
    known = np.isin(np.arange(27), sensors)[None]
    (levels,), (after,) = follow_levels(
        [memory], ts_ms[:, None], wide, known, operated[:, None], lambda _, row: anchor_of(row)
    )
    return levels, after


def follow(counts, memory=None, ts_ms=None, operated=None, against=None):
    """Minutes or seconds of one pressure, one reading a second unless times are given."""
    counts = np.asarray(counts, np.int64).astype(np.int32)
    counts = counts[:, None] if counts.ndim == 1 else counts
    begin = START if memory is None else memory.begin_ms + 60_000 * (memory.minute + 1)
    ts_ms = begin + 1000 * np.arange(len(counts)) if ts_ms is None else ts_ms
    operated = np.zeros(len(counts), np.bool_) if operated is None else operated
    against = anchor() if against is None else against
    return of_one_well(memory, ts_ms, counts, SENSORS[: counts.shape[1]], operated, lambda _: against)


def minutes(*levels):
    """A minute of readings at each of these levels."""
    return np.repeat(levels, 60)


def center(levels, row=-1):
    return levels.center(SENSORS[:1])[0, row] / QUANTA[PRESSURE]


def field(memory, name):
    at = {"known": 0, "center": 1, "spread": 2, "away": 3, "moved": 7}[name]
    return int(memory.table[0, at])


def test_a_trusted_baseline_counts_from_the_first_full_minute():
    levels, _ = follow(minutes(LEVEL, LEVEL, LEVEL))
    assert np.isnan(center(levels, 59))
    assert center(levels, 60) == LEVEL


def test_without_trust_the_first_still_minutes_make_the_level():
    levels, _ = follow(minutes(*[LEVEL + 50 * BAR] * 6), against=anchor(trusted=False))
    assert np.isnan(center(levels, 239))
    assert center(levels, 240) == LEVEL + 50 * BAR


def test_minutes_that_are_not_still_make_no_level():
    climb = [LEVEL + BAR * minute for minute in range(10)]
    levels, _ = follow(minutes(*climb), against=anchor(trusted=False))
    assert np.isnan(levels.center(SENSORS[:1])).all()


def test_a_step_is_not_learned_and_a_return_finds_the_level_as_it_was():
    _, memory = follow(minutes(*[LEVEL] * 10))
    for _ in range(25):
        levels, memory = follow(minutes(LEVEL + 2 * BAR), memory)
    assert center(levels) == LEVEL
    assert levels.away(SENSORS[:1])[0, -1]
    for _ in range(5):
        levels, memory = follow(minutes(LEVEL), memory)
    assert center(levels) == LEVEL
    assert not levels.away(SENSORS[:1]).any()
    assert not levels.moved(SENSORS[:1]).any()


def test_noise_beyond_the_usual_is_not_learned_either():
    _, memory = follow(minutes(*[LEVEL] * 10))
    noisy = LEVEL + 5 * SCALE * np.tile([1, -1], 30)
    levels, memory = follow(np.tile(noisy, 5), memory)
    assert levels.away(SENSORS[:1])[0, -1]
    assert field(memory, "spread") < 2 * SCALE


def test_half_an_hour_of_stillness_elsewhere_is_a_new_level():
    _, memory = follow(minutes(*[LEVEL] * 10))
    levels, memory = follow(minutes(*[LEVEL + 2 * BAR] * 32), memory)
    moved = levels.moved(SENSORS[:1])[0]
    assert not moved[: 30 * 60].any()
    assert moved[-1]
    assert center(levels) == LEVEL + 2 * BAR


def test_what_never_comes_to_rest_is_no_new_level():
    _, memory = follow(minutes(*[LEVEL] * 10))
    levels, _ = follow(minutes(*[LEVEL - 2 * BAR * minute for minute in range(1, 60)]), memory)
    assert not levels.moved(SENSORS[:1]).any()
    assert center(levels) == LEVEL


def test_back_at_the_baseline_it_is_no_new_level_any_more():
    _, memory = follow(minutes(*[LEVEL] * 10, *[LEVEL + 2 * BAR] * 32))
    assert field(memory, "moved") == 1
    _, memory = follow(minutes(*[LEVEL] * 33), memory)
    assert field(memory, "moved") == 0


@pytest.mark.parametrize("per_hour", [3 * SCALE, 30 * SCALE])
def test_a_centre_moves_no_faster_than_allowed(per_hour):
    rules = replace(LevelRules(), drift_per_h=10.0, away=1000.0)
    _, memory = follow(minutes(*[LEVEL] * 40), against=anchor(rules=rules))
    before = field(memory, "center")
    climb = [LEVEL + per_hour * minute // 60 for minute in range(120)]
    _, memory = follow(minutes(*climb), memory, against=anchor(rules=rules))
    # The spread grows with the distance, to three scales at most, and the limit with it.
    assert 0 < field(memory, "center") - before <= 2 * 10 * 3 * SCALE + 120


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-40, 40), min_size=5, max_size=90),
    st.floats(1.0, 60.0),
)
def test_whatever_happens_a_known_centre_moves_no_faster_than_allowed(steps, drift):
    rules = replace(LevelRules(), drift_per_h=drift, settle_min=10_000.0)
    _, memory = follow(minutes(LEVEL, LEVEL), against=anchor(rules=rules))
    for step in steps:
        before = field(memory, "center")
        _, memory = follow(minutes(LEVEL + step * SCALE // 4), memory, against=anchor(rules=rules))
        assert abs(field(memory, "center") - before) <= drift * 3 * SCALE / 60 + 1


def test_an_operators_move_is_not_learned_and_the_level_is_found_anew():
    _, memory = follow(minutes(*[LEVEL] * 10))
    during, memory = follow(minutes(LEVEL + BAR, LEVEL + 3 * BAR), memory, operated=np.ones(120, np.bool_))
    assert center(during) == LEVEL
    after, memory = follow(minutes(*[LEVEL + 5 * BAR] * 7), memory)
    # One minute to see that it is over, four to know the level; a trusted baseline does not count meanwhile.
    assert np.isnan(after.center(SENSORS[:1])[0, : 5 * 60]).all()
    assert after.sought(SENSORS[:1])[0, : 5 * 60].all()
    assert center(after) == LEVEL + 5 * BAR
    assert not after.away(SENSORS[:1]).any()


def test_a_move_that_ends_within_a_minute_loses_the_level_from_there_on():
    _, memory = follow(minutes(*[LEVEL] * 10))
    operated = np.arange(60) < 20
    levels, _ = follow(minutes(LEVEL), memory, operated=operated)
    np.testing.assert_array_equal(np.isnan(levels.center(SENSORS[:1])[0]), ~operated)


def test_a_gap_and_a_gauge_missing_for_hours_keep_their_level_and_a_day_does_not():
    _, memory = follow(minutes(*[LEVEL] * 10))
    for hours, kept in ((5, True), (25, False)):
        later = START + 3_600_000 * hours + 1000 * np.arange(120)
        levels, _ = follow(minutes(LEVEL, LEVEL), memory, ts_ms=later, against=anchor(trusted=False))
        assert (center(levels, 0) == LEVEL) == kept
    absent = np.full(3 * 3600, MISSING)
    levels, memory = follow(absent, memory)
    assert center(levels) == LEVEL
    assert field(memory, "away") == 0


def test_the_next_baseline_is_taken_if_it_is_trusted():
    _, memory = follow(minutes(*[LEVEL] * 10, *[LEVEL + 4 * BAR] * 3))
    assert field(memory, "away") > 0
    new = anchor(identity=2, center=LEVEL + 4 * BAR)
    levels, memory = follow(minutes(*[LEVEL + 4 * BAR] * 2), memory, against=new)
    assert levels.recommissioned(3).all()
    assert not levels.recommissioned(2).any()
    assert (field(memory, "away"), field(memory, "center")) == (0, LEVEL + 4 * BAR)


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(1, 1199), max_size=12), trusted=st.booleans())
def test_nothing_depends_on_where_a_stream_is_cut(seed, cuts, trusted):
    rng = np.random.default_rng(seed)
    n = 1200
    ts_ms = START + np.cumsum(rng.choice([500, 1000, 1000, 2000, 95_000], n, p=[0.2, 0.3, 0.3, 0.19, 0.01]))
    level = LEVEL + np.repeat(rng.choice([0, 0, 1, 5], 12), 100) * BAR
    counts = np.column_stack([level + rng.normal(0, SCALE, n), rng.normal(2e7, 1e4, n)]).astype(np.int32)
    counts[rng.random((n, 2)) < 0.1] = MISSING
    operated = np.repeat(rng.random(24) < 0.15, 50)
    second = int(rng.integers(0, n))
    rules = replace(LevelRules(), settle_min=5.0)
    anchors = [
        None,
        anchor(1, trusted=trusted, rules=rules),
        anchor(2, LEVEL + BAR, trusted=trusted, rules=rules),
    ]

    def run(memory, first, last):
        def of(row):
            return anchors[(first + row >= 60) + (first + row >= second)]

        part = slice(first, last)
        return of_one_well(memory, ts_ms[part], counts[part], SENSORS, operated[part], of)

    whole, end = run(None, 0, n)
    memory = None
    for first, last in pairwise(sorted({0, n, *cuts})):
        levels, memory = run(memory, first, last)
        for name in ("center", "away", "moved", "sought"):
            np.testing.assert_array_equal(
                getattr(levels, name)(SENSORS), getattr(whole, name)(SENSORS)[:, first:last], err_msg=name
            )
        np.testing.assert_array_equal(
            levels.scale(SENSORS, WIDTHS, 30.0), whole.scale(SENSORS, WIDTHS, 30.0)[:, first:last]
        )
        np.testing.assert_array_equal(levels.recommissioned(2), whole.recommissioned(2)[first:last])
        memory = level_codec.from_parts(level_codec.to_plain(memory), level_codec.to_bytes(memory))
    for one in fields(end):
        np.testing.assert_array_equal(getattr(memory, one.name), getattr(end, one.name), err_msg=one.name)
