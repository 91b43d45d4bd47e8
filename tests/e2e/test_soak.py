"""A slice of `make soak`: some seconds of it, with everything counted. Slopes take an hour."""

from pathlib import Path

import pytest

from tests.soak.course import courses
from tests.soak.gauges import EMULATOR, FILES, LARGEST, MEMORY, SERVICE
from tests.soak.outcome import LATENCY, Load
from tests.soak.run import run
from tests.support.lake import CONSUMER, Lake

SECONDS, RATE = 70, 60


@pytest.mark.usefixtures("models")
def test_some_seconds_of_a_soak(lake: Lake, simulated: Path) -> None:
    outcome = run(lake, Load(courses(simulated), RATE, SECONDS))
    assert outcome.sent == SECONDS * RATE
    assert outcome.held, vars(outcome)
    assert outcome.minutes >= 3
    scorer = SERVICE if CONSUMER == "service" else "function scoring"
    measured = {key for key, points in outcome.series.items() if points[-1][1] > 0}
    assert {(scorer, MEMORY), (scorer, FILES), (EMULATOR, MEMORY), ("live table", LARGEST)} <= measured
    assert (LATENCY, "p95, ms") in measured
