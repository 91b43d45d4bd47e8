"""Moves of chokes and valves, and the transitions that they open."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrostream.gauges.moves import (
    ACTUATORS,
    AT_REST,
    LIMIT_MS,
    SETTLE_MS,
    STEP,
    Moves,
    follow_moves,
)
from petrostream.schema.sensors import SENSOR_INDEX

START = 1_700_000_000_000
CHOKE, DHSV = "aber_ckp", "estado_dhsv"


def run(opening, *, seconds=1, name=CHOKE, memory=AT_REST):
    opening = np.asarray(opening, float)
    values = np.full((len(opening), 27), np.nan)
    values[:, SENSOR_INDEX[name]] = opening
    ts_ms = START + 1000 * seconds * np.arange(len(opening))
    return of_one_well(memory, ts_ms, values)


def of_one_well(memory, ts_ms, values):
    moves, (after,) = follow_moves([memory], ts_ms[:, None], values[:, None])
    return Moves(moves.codes[:, 0]), after


def code(name, *, opened=False, closed=False):
    return (opened + 2 * closed) << 2 * ACTUATORS.index(name)


def minutes_in_transition(opening, seconds=10):
    return run(opening, seconds=seconds)[0].in_transition.sum() * seconds / 60


def test_every_reported_choke_and_valve_of_3w_is_followed():
    assert set(ACTUATORS) == {n for n in SENSOR_INDEX if n.startswith(("aber_", "estado_"))}


def test_a_choke_opened_by_five_percent_opens_one_bounded_transition():
    opening = np.repeat([50.0, 55.0], [60, 400])
    moves, _ = run(opening, seconds=10)
    assert not moves.in_transition[:60].any()
    settled = 60 + SETTLE_MS // 10_000
    assert (moves.codes[60 : settled + 1] == code(CHOKE, opened=True)).all()
    assert not moves.in_transition[settled + 1 :].any()


def test_a_slow_ramp_lasts_until_it_has_settled():
    opening = np.concatenate([np.full(60, 50.0), np.linspace(50, 45, 60), np.full(400, 45.0)])
    moves, _ = run(opening, seconds=10)
    assert (moves.codes[moves.in_transition] == code(CHOKE, closed=True)).all()
    assert np.flatnonzero(moves.in_transition)[-1] == pytest.approx(119 + SETTLE_MS / 10_000, abs=13)


def test_noise_of_the_position_is_no_move():
    rng = np.random.default_rng(1)
    assert minutes_in_transition(50 + rng.uniform(-0.45, 0.45, 5000)) == 0


def test_the_first_position_is_no_move_and_a_missing_one_neither():
    opening = np.full(500, np.nan)
    opening[100:200] = 50.0
    opening[300:] = 50.5
    assert minutes_in_transition(opening) == 0


def test_a_move_during_an_interruption_of_the_gauge_is_found_at_its_next_value():
    opening = np.full(500, 50.0)
    opening[100:200] = np.nan
    opening[200:] = 60.0
    assert np.flatnonzero(run(opening)[0].in_transition)[0] == 200


def test_a_hunting_choke_is_in_transition_for_an_hour_and_then_no_more():
    hunting = 50 + 3 * np.sin(np.arange(6 * 360) / 5)
    assert minutes_in_transition(hunting) == pytest.approx(LIMIT_MS / 60_000, abs=0.5)


def test_after_a_rest_the_next_move_opens_a_transition_again():
    hunting = 50 + 3 * np.sin(np.arange(6 * 120) / 5)
    rest = np.full(6 * 20, 50.0)
    moves, _ = run(np.concatenate([hunting, rest, rest + 5]), seconds=10)
    assert np.flatnonzero(np.diff(moves.in_transition.astype(int)) == 1).size == 2


def test_both_directions_are_remembered_within_a_transition():
    moves, _ = run(np.repeat([50.0, 55.0, 50.0], [10, 20, 30]))
    assert moves.codes[-1] == code(CHOKE, opened=True, closed=True)


@pytest.mark.parametrize(("name", "step"), [(CHOKE, STEP["opening"]), (DHSV, STEP["valve_state"])])
def test_the_smallest_move_is_the_step(name, step):
    assert run([0.5, 0.5 + step], name=name)[0].in_transition.tolist() == [False, True]
    assert run([0.5, 0.5 + 0.9 * step], name=name)[0].in_transition.tolist() == [False, False]


def test_a_well_that_reports_nothing_has_no_memory():
    values = np.full((50, 27), np.nan)
    values[:, SENSOR_INDEX["p_tpt"]] = 1e7
    moves, memory = of_one_well(AT_REST, START + 1000 * np.arange(50), values)
    assert memory == AT_REST
    assert not moves.in_transition.any()


@given(st.integers(0, 10**6), st.sampled_from([1, 10, 60, 300]), st.lists(st.integers(1, 399), max_size=6))
def test_cuts_into_batches_change_nothing(seed, seconds, cuts):
    rng = np.random.default_rng(seed)
    n = 400
    values = np.full((n, 27), np.nan)
    for name, low, high in ((CHOKE, 0, 100), ("aber_ckgl", 20, 22), (DHSV, 0, 1)):
        edges = np.sort(rng.integers(0, n, rng.integers(0, 12)))
        levels = rng.uniform(low, high, len(edges) + 1)
        values[:, SENSOR_INDEX[name]] = levels[np.searchsorted(edges, np.arange(n), "right")]
    values[rng.random(values.shape) < 0.1] = np.nan
    ts_ms = START + 1000 * seconds * np.cumsum(rng.integers(1, 4, n))
    whole, kept = of_one_well(AT_REST, ts_ms, values)
    memory, parts = AT_REST, []
    for part in np.split(np.arange(n), sorted(set(cuts))):
        moves, memory = of_one_well(memory, ts_ms[part], values[part])
        parts.append(moves.codes)
    np.testing.assert_array_equal(np.concatenate(parts), whole.codes)
    assert memory == kept


def test_wells_side_by_side_are_what_each_is_alone():
    rng = np.random.default_rng(4)
    n, wells = 60, 8
    values = np.full((n, wells, 27), np.nan)
    # One moves, the others are at rest, silent, or new; then all go on.
    values[:, :6, SENSOR_INDEX[CHOKE]] = 50 + rng.uniform(-0.3, 0.3, (n, 6))
    values[20:, 2, SENSOR_INDEX[CHOKE]] += 10
    values[:30, 3, SENSOR_INDEX[CHOKE]] = np.nan
    values[:, 4:7, SENSOR_INDEX[DHSV]] = 1.0
    ts_ms = START + 20_000 * np.arange(n)[:, None] + np.arange(wells)
    memories = [AT_REST] * wells
    alone = [of_one_well(AT_REST, ts_ms[:, well], values[:, well]) for well in range(wells)]
    codes = []
    for part in np.split(np.arange(n), [1, 15, 40, 41]):
        moves, memories = follow_moves(memories, ts_ms[part], values[part])
        codes.append(moves.codes)
    for well, (moves, memory) in enumerate(alone):
        np.testing.assert_array_equal(np.concatenate(codes)[:, well], moves.codes)
        assert memories[well] == memory
    assert [memory != AT_REST for memory in memories] == [True] * 7 + [False]
