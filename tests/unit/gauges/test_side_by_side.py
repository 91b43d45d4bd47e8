"""Trends, drifts and levels of wells that are followed side by side are what each well has alone."""

from dataclasses import fields
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petrostream.gauges import Anchor, follow, follow_levels, follow_slowly, quantise
from petrostream.gauges.features import MISSING
from petrostream.schema import SENSOR_INDEX
from tests.support.depth import examples
from tests.support.wells import SENSORS, START, normal_values

ALL = np.arange(27)
WELLS = 4


class Case:
    """Readings of wells: their times, counts and gauges, and where they are operated."""

    def __init__(self, seed, step_s, n=120):
        rng = np.random.default_rng(seed)
        steps = 1000 * rng.choice([step_s, 3 * step_s, 900], (n, WELLS), p=[0.9, 0.09, 0.01])
        self.ts_ms = START + np.cumsum(steps, axis=0) + rng.integers(0, 60_000, WELLS)
        values = np.stack([normal_values(n, seed=well) for well in range(WELLS)], axis=1)
        values[:, 1, SENSOR_INDEX["p_tpt"]] += 1e6 * np.sin(np.arange(n) / 9)
        values[:, 2, SENSOR_INDEX["p_pdg"]] += 5e4 * np.arange(n)
        values[: n // 2, 3, SENSOR_INDEX["p_mon_ckp"]] = np.nan
        values[rng.random(values.shape) < 0.1] = np.nan
        self.counts = quantise(values, ALL)
        self.operated = np.repeat(rng.random((n // 10, WELLS)) < 0.05, 10, axis=0)
        self.known = (self.counts != MISSING).any(axis=0)

    def parts(self, cuts):
        return [at for at in np.split(np.arange(len(self.ts_ms)), sorted(set(cuts))) if len(at)]


def anchor(identity, well, _row):
    if well == 3:
        return None
    center = [None] * 27
    scale, bounds = list(center), list(center)
    for name in SENSORS:
        center[SENSOR_INDEX[name]], scale[SENSOR_INDEX[name]] = 1e6, 1e4
        bounds[SENSOR_INDEX[name]] = (1e3, 1e5)
    return Anchor(identity + well, center, scale, bounds, trusted=well == 1)


def assert_same(one, other):
    for field in fields(one):
        np.testing.assert_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


def trends(case, wells, memories, at):
    of = np.ix_(at, wells)
    return follow(memories, case.ts_ms[of], case.counts[of], ALL)


def slow(case, wells, memories, at):
    of = np.ix_(at, wells)
    return follow_slowly(memories, case.ts_ms[of], case.counts[of], ALL, case.operated[of])


def levels(case, wells, memories, at):
    of = np.ix_(at, wells)
    anchor_of = partial(anchor, 1 + int(at[0] > 60))

    def of_chosen(well, row):
        return anchor_of(wells[well], row)

    known = case.known[wells]
    return follow_levels(memories, case.ts_ms[of], case.counts[of], known, case.operated[of], of_chosen)


@pytest.mark.parametrize("followed", [trends, slow, levels])
@settings(max_examples=examples(25), deadline=None)
@given(
    seed=st.integers(0, 10**6),
    step_s=st.sampled_from([1, 10, 60, 600]),
    cuts=st.lists(st.integers(1, 119), max_size=12),
)
def test_wells_side_by_side_are_what_each_is_alone(followed, seed, step_s, cuts):
    case = Case(seed, step_s)
    memories, alone = [None] * WELLS, [None] * WELLS
    for at in case.parts(cuts):
        seen, memories = followed(case, list(range(WELLS)), memories, at)
        for well in range(WELLS):
            (one,), (alone[well],) = followed(case, [well], [alone[well]], at)
            assert_same(seen[well], one)
            assert_same(memories[well], alone[well])
