"""The processor time of a batch, from what was measured of many."""

import random

import pytest

from scale.fit import fitted, least

COSTS = {"batch": 4.0, "record": 0.1, "facility": 2.0, "well": 0.2, "reading": 0.015, "minute": 0.5}


def measured(draw):
    facilities, wells, readings = draw.randint(1, 12), draw.randint(1, 200), draw.randint(400, 12_000)
    hz, visits = draw.choice((1, 10)), facilities * wells
    calls = {"minute": draw.randint(0, visits)}
    counts = {"batch": 1, "record": draw.randint(1, 1_000), "facility": facilities, "well": visits}
    spent = sum(COSTS[name] * n for name, n in (counts | {"reading": readings} | calls).items())
    return {
        "records": counts["record"],
        "facilities": facilities,
        "wells": wells,
        "well_visits": visits,
        "hz": hz,
        "readings": readings,
        "calls": calls,
        "cpu_ms": spent,
        "storing_calls": calls | {"snapshot": facilities},
        "storing_cpu_ms": spent + 0.3 * visits,
    }


def test_costs_are_found_again_where_they_add_up():
    draw = random.Random(7)
    shapes = [measured(draw) for _ in range(40)]
    found = fitted(shapes)
    for name, cost in COSTS.items():
        assert found[f"{name}_ms"] == pytest.approx(cost, rel=0.02), name
    assert found["stored_ms"] == pytest.approx(0.3, rel=0.02)
    assert found["well_hz_ms"] == pytest.approx(0, abs=1e-3)
    assert found["largest_error"] < 0.01


def test_each_kind_of_batch_is_that_of_its_quickest_pass_with_what_was_in_it():
    first = {"cpu_ms": 2.0, "calls": "a", "cold_cpu_ms": 5.0, "cold_calls": "a", "storing_cpu_ms": 3.0}
    second = {"cpu_ms": 1.0, "calls": "b", "cold_cpu_ms": 6.0, "cold_calls": "b", "storing_cpu_ms": 4.0}
    wanted = {"cpu_ms": 1.0, "calls": "b", "cold_cpu_ms": 5.0, "cold_calls": "a", "storing_cpu_ms": 3.0}
    assert least([first, second]) == wanted
    assert least([second, first]) == wanted
