"""A slope's verdict is that of its interval, and the interval covers the truth as often as it says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.soak.slopes import FEWEST, Slope, slope

HOURS = np.arange(60) / 60


def series(rng, growth, likeness=0.0, level=100.0, noise=1.0):
    """A line with noise, each minute's `likeness` times the last one's and something new."""
    steps = rng.normal(0, noise, len(HOURS))
    rest = np.zeros(len(HOURS))
    for n, step in enumerate(steps):
        rest[n] = (likeness * rest[n - 1] if n else 0.0) + step
    return level + growth * HOURS + rest


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-1, 2, "flat"),
        (6, 9, "grows"),
        (4, 9, "undecided"),
        (-9, -6, "falls"),
        (-9, -4, "undecided"),
        (-9, 9, "undecided"),
        (-5, 5, "flat"),
    ],
)
def test_the_verdict_is_of_the_whole_interval(low, high, verdict):
    assert Slope(100, (low + high) / 2, low, high, 5).verdict == verdict


def test_what_grows_is_told_from_what_does_not():
    rng = np.random.default_rng(3)
    assert slope(HOURS, series(rng, 20), 0.05).verdict == "grows"
    assert slope(HOURS, series(rng, -20), 0.05).verdict == "falls"
    assert slope(HOURS, series(rng, 0, noise=0.5), 0.05).verdict == "flat"
    assert slope(HOURS, series(rng, 0, noise=40), 0.05).verdict == "undecided"


@pytest.mark.parametrize("likeness", [0.0, 0.5])
def test_the_interval_covers_the_truth(likeness):
    """Nominally 95 %; of minutes that resemble each other less, as r comes from the same series."""
    rng = np.random.default_rng(5)
    lines = [slope(HOURS, series(rng, 3.0, likeness), 0.05) for _ in range(400)]
    covered = sum(line.low <= 3.0 <= line.high for line in lines) / len(lines)
    assert covered >= 0.90


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=FEWEST, max_size=50),
    st.floats(-1e4, 1e4),
)
def test_adding_a_line_adds_its_slope(values, growth):
    hours = np.arange(len(values)) / 60
    before = slope(hours, values, 0.05)
    after = slope(hours, np.asarray(values) + growth * hours, 0.05)
    assert after.hourly == pytest.approx(before.hourly + growth, rel=1e-6, abs=1e-4)
    assert before.low <= before.hourly <= before.high


@pytest.mark.parametrize("level", [0.0, 42.0])
def test_what_never_moves_is_flat(level):
    assert slope(HOURS, [level] * len(HOURS), 0.05).verdict == "flat"


def test_a_line_takes_some_points():
    assert slope(HOURS[: FEWEST - 1], HOURS[: FEWEST - 1], 0.05) is None
