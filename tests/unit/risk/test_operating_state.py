"""What operating states suppress, and for how long."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrostream.risk.operating_state import (
    FOREST,
    OPERATING_STATES,
    UNKNOWN,
    StateMemory,
    codes_of,
    governing,
    suppression,
)
from petrostream.risk.rules import EMISSION_RULES, PROCESS_RULES, VAPOR_RULES

START = 1_700_000_000_000
PROCESS = [rule.id for rule in PROCESS_RULES]


def of_one_well(memory, ts_ms, codes):
    governs, (after,) = governing([memory], ts_ms[:, None], codes[:, None])
    return governs[:, 0], after


def by_second(states):
    ts_ms = START + 1000 * np.arange(len(states))
    return of_one_well(StateMemory(), ts_ms, codes_of(states))[0].tolist()


def test_every_3w_state_has_its_row_and_reason():
    assert list(OPERATING_STATES) == list(range(9))
    assert all(row.name and row.because for row in OPERATING_STATES.values())


def test_an_open_well_and_an_unknown_state_suppress_nothing():
    table = suppression([FOREST, *PROCESS])
    assert not table[:, 0].any()
    assert not table[:, UNKNOWN].any()
    assert by_second([0, None, 99, 0]) == [UNKNOWN] * 4


@pytest.mark.parametrize("code", range(1, 9))
def test_a_well_that_does_not_flow_steadily_has_no_process_risk_but_its_gas_counts(code):
    assert suppression([FOREST, *PROCESS])[:, code].all()
    assert not suppression([rule.id for rule in (*EMISSION_RULES, *VAPOR_RULES)])[:, code].any()


def test_suppression_lasts_until_the_windows_have_forgotten_the_state():
    states = [0] * 5 + [7] * 10 + [0] * 300
    found = by_second(states)
    assert found == [UNKNOWN] * 5 + [7] * (10 + 180) + [UNKNOWN] * 120


def test_the_newest_state_governs():
    assert by_second([1, None, 8, 0]) == [1, 1, 8, 8]


@given(
    st.lists(st.sampled_from([None, 0, 0, 0, 1, 7]), min_size=1, max_size=60),
    st.lists(st.integers(1, 59), max_size=6),
    st.sampled_from([1000, 70_000]),
)
def test_the_result_does_not_depend_on_the_cut_into_batches(states, cuts, step_ms):
    ts_ms = START + step_ms * np.arange(len(states))
    codes = codes_of(states)
    whole, memory = of_one_well(StateMemory(), ts_ms, codes)
    part_memory, parts = StateMemory(), []
    for at in np.split(np.arange(len(states)), sorted(set(cuts))):
        if len(at):
            part, part_memory = of_one_well(part_memory, ts_ms[at], codes[at])
            parts += part.tolist()
    assert whole.tolist() == parts
    assert memory == part_memory


def test_wells_side_by_side_are_what_each_is_alone():
    rng = np.random.default_rng(5)
    wells, n = 6, 30
    memories = [StateMemory()] * 3 + [StateMemory(7, START + 1000 * end) for end in (-1, 0, 20)]
    ts_ms = START + np.cumsum(rng.integers(1, 60_000, (n, wells)), axis=0)
    codes = rng.choice([-1, 0, 99, 1, 7], (n, wells), p=[0.4, 0.4, 0.1, 0.05, 0.05])
    codes[:, 0] = 0
    governs, after = governing(memories, ts_ms, codes)
    for well in range(wells):
        alone, memory = of_one_well(memories[well], ts_ms[:, well], codes[:, well])
        assert governs[:, well].tolist() == alone.tolist()
        assert after[well] == memory
