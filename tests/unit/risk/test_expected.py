"""The table of what a move of a choke or valve explains."""

import numpy as np
import pytest

from petrostream.gauges import ACTUATORS, Moves
from petrostream.risk.expected import EVIDENCE, EXPECTED, directions, expected_rules
from petrostream.risk.rules import PROCESS_RULES
from petrostream.schema.sensors import SENSOR_INDEX
from tests.support.wells import normal_values
from tests.unit.risk.test_rules import after, closing, columns_of

OPENED, CLOSED = 1, 2


def code(name, bits):
    return bits << 2 * ACTUATORS.index(name)


def may(name, bits, sensor):
    rise, fall = directions(np.array([0, code(name, bits)]), np.array([SENSOR_INDEX[sensor]]))
    assert not (rise[:, 0] | fall[:, 0]).any()
    return bool(rise[0, 1]), bool(fall[0, 1])


def test_the_table_names_actuators_and_gauges_that_exist():
    assert set(EXPECTED) == set(ACTUATORS)
    assert {sensor for row in EXPECTED.values() for sensor in row} <= set(SENSOR_INDEX) - set(ACTUATORS)
    assert set(EVIDENCE) <= {rule.id for rule in PROCESS_RULES}


@pytest.mark.parametrize("sensor", ["p_pdg", "p_tpt", "p_mon_ckp"])
def test_a_choke_that_opens_lowers_what_is_upstream_and_one_that_closes_raises_it(sensor):
    assert may("aber_ckp", OPENED, sensor) == (False, True)
    assert may("aber_ckp", CLOSED, sensor) == (True, False)
    assert may("aber_ckp", OPENED | CLOSED, sensor) == (True, True)


def test_downstream_it_is_the_other_way_round_and_lift_gas_is_not_explained_upstream_of_its_choke():
    assert may("aber_ckp", OPENED, "p_jus_ckp") == (True, False)
    assert may("aber_ckp", OPENED, "p_mon_ckgl") == (False, False)


def test_a_dhsv_that_closes_explains_nothing():
    assert all(may("estado_dhsv", CLOSED, sensor) == (False, False) for sensor in ("p_tpt", "p_pdg", "t_tpt"))


def explained(values, name, bits, rule="dhsv_closure"):
    columns = columns_of(values)
    moves = Moves(np.full(len(values), code(name, bits)))
    row = [one.id for one in PROCESS_RULES].index(rule)
    held = PROCESS_RULES[row].condition(columns)
    assert held.any()
    return expected_rules(columns, moves)[row][held]


def jolt_of_a_closing_choke():
    values = normal_values(600)
    values[:, SENSOR_INDEX["p_tpt"]] += np.minimum(after(600, 300, 0.3e5), 8e5)
    values[:, SENSOR_INDEX["p_pdg"]] += np.minimum(after(600, 300, 0.1e5), 3e5)
    return values


def test_the_jolt_of_a_choke_that_closes_is_explained_by_closing_it_alone():
    values = jolt_of_a_closing_choke()
    assert explained(values, "aber_ckp", CLOSED).all()
    assert not explained(values, "aber_ckp", OPENED).any()
    assert not explained(values, "estado_dhsv", CLOSED).any()


def test_a_dhsv_that_closes_after_the_choke_was_moved_is_not_explained():
    for bits in (OPENED, CLOSED):
        assert not explained(closing(), "aber_ckp", bits)[30:].any()


def test_outside_a_transition_nothing_is_explained():
    columns = columns_of(jolt_of_a_closing_choke())
    assert not expected_rules(columns, Moves(np.zeros(600, np.int64))).any()
