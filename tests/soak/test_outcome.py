"""What a soak holds against the lake, and what its page says."""

import numpy as np
import pytest

from tests.soak.course import LEAK, LEAK_EVERY, Course
from tests.soak.gauges import MEMORY
from tests.soak.outcome import LATE_PART, LATENCY, TWIN, Load, Outcome
from tests.soak.page import page

WELLS = {f"SIM-0-{number:05d}": Course(np.full((80, 27), float(number)), number) for number in range(1, 8)}
WHOLE = {"sent": 100, "landed": 100, "minutes": 7, "alerts": 3}


def outcome(values=(), key=("function scoring", MEMORY), **counts):
    found = Outcome(Load(WELLS, 20, 3600), **(WHOLE | counts))
    found.series[key] = list(enumerate(values))
    return found


def test_each_well_has_the_same_whole_number_of_readings():
    assert Load(WELLS, 20, 60).each == 3
    assert Load(WELLS, 1, 60).each == 1
    assert sorted(well for wells in Load(WELLS, 1, 60).places.values() for well in wells) == sorted(WELLS)


@pytest.mark.parametrize(
    "fault",
    [
        {"landed": 99},
        {"doubled": 1},
        {"unseen": 1},
        {"minutes_wrong": 1},
        {"alerts_doubled": 1},
        {"sent": 0, "landed": 0},
    ],
    ids=lambda fault: next(iter(fault)),
)
def test_anything_lost_or_doubled_is_held_against_it(fault):
    assert outcome().held
    assert not outcome(**fault).held


def test_what_was_quarantined_is_not_lost():
    assert outcome(landed=98, quarantined=2).held


def test_memory_that_grows_is_held_against_all_but_the_emulator():
    grows = 100 + np.arange(60) + np.random.default_rng(1).normal(0, 0.1, 60)
    assert outcome(grows).growing == [("function scoring", MEMORY)]
    assert not outcome(grows).held
    assert outcome(grows, ("emulator", MEMORY)).held
    assert outcome(grows, (TWIN, "folder, MB")).held


def test_the_warm_up_is_left_out():
    filling = np.concatenate([np.linspace(10, 100, 10), np.full(50, 100.0)])
    assert outcome(filling).slopes["function scoring", MEMORY].verdict == "flat"


def test_what_bends_while_it_fills_is_flat_in_the_second_half():
    bending = np.concatenate([np.linspace(100, 160, 30), np.linspace(160, 161, 30)])
    found = outcome(bending)
    assert found.slopes["function scoring", MEMORY].verdict != "flat"
    assert found.slopes_after(LATE_PART)["function scoring", MEMORY].verdict == "flat"
    assert ", flat</td>" in page(found)


def test_what_grows_still_grows_in_the_second_half():
    growing = outcome(np.linspace(100, 160, 60))
    assert growing.slopes_after(LATE_PART)["function scoring", MEMORY].verdict == "grows"


def test_the_page_has_a_line_for_each_series():
    found = outcome(range(60))
    found.series[LATENCY, "p95, ms"] = [(0, 300.0)]
    shown = page(found)
    assert "function scoring · memory, MB" in shown
    assert "too short for a line" in shown
    assert "100 sent, 100 landed" in shown
    assert shown.count("<polyline") == 2


def test_a_course_goes_to_and_fro_and_leaks():
    course = Course(np.arange(80.0)[:, None] * np.ones(27), phase=0)
    at = [course.row("W", "F", 1_800_000_000_000, second)["p_tpt"] for second in range(160)]
    assert at[:80] == list(range(80))
    assert at[80:] == [*range(78, -1, -1), 1]
    leaking = [course.row("W", "F", 0, second)["methane_ppm"] > 100 for second in range(LEAK_EVERY)]
    assert sum(leaking) == LEAK
