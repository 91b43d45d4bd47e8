"""What alarms cost an operator: rates, floods, priorities, chatter, bad actors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrostream.alarms.metrics import Annunciation, chatters, floods, report, slot_counts, stale

START = 1_699_999_800_000
SLOT = 600_000


def alarm(ts_ms, well="WELL-1", facility="FAC-01", alarm_type="forest", priority="low"):
    return Annunciation(ts_ms, well, facility, alarm_type, priority)


def test_slots_are_ten_minutes_of_the_clock():
    assert START % SLOT == 0
    counts = slot_counts(
        [START, START + SLOT - 1, START + SLOT, START + 9 * SLOT], START + 5, START + 3 * SLOT
    )
    assert counts.tolist() == [2, 1, 0]


def test_a_flood_begins_above_ten_and_ends_below_five():
    (flood,) = floods(np.array([10, 11, 5, 9, 4, 10]), START)
    assert (flood.start_ms, flood.end_ms, flood.alarms) == (START + SLOT, START + 4 * SLOT, 25)


def test_a_flood_that_is_not_over_ends_with_the_time_looked_at():
    assert [(f.start_ms, f.end_ms) for f in floods(np.array([0, 20]), START)] == [
        (START + SLOT, START + 2 * SLOT)
    ]


@given(st.lists(st.integers(0, 40), min_size=1, max_size=50))
def test_floods_cover_every_slot_above_ten_and_none_below_five(counts):
    covered = set()
    for flood in floods(np.array(counts), START):
        covered |= set(range((flood.start_ms - START) // SLOT, (flood.end_ms - START) // SLOT))
    assert {slot for slot, count in enumerate(counts) if count > 10} <= covered
    assert all(counts[slot] >= 5 for slot in covered)


def test_three_within_a_minute_chatter():
    assert chatters([0, 30_000, 60_000]) == 1
    assert chatters([0, 30_000, 61_000]) == 0
    assert chatters([60_000, 0, 20_000, 40_000]) == 2
    assert chatters([0, 1]) == 0


def test_active_for_more_than_a_day_is_stale():
    day = 86_400_000
    assert stale([0, 1, day], day) == 0
    assert stale([0, 1, day], day + 1) == 1


def test_a_report_of_each_operators_alarms():
    alarms = [alarm(START + 1000 * i, well=f"WELL-{i % 3}") for i in range(12)]
    alarms += [alarm(START + 2 * SLOT, priority="high", alarm_type="dhsv_closure")]
    alarms += [alarm(START + 1, facility="FAC-02"), alarm(START - 1), alarm(START + 4 * SLOT)]
    one, two = report(alarms, START, START + 4 * SLOT, {"FAC-02": "north"})
    assert (one.console, one.alarms, one.worst_slot) == ("console-1", 13, 12)
    assert one.mean_per_slot == pytest.approx(13 / 4)
    assert one.slots_over_target == pytest.approx(0.25)
    assert one.flood_share == pytest.approx(0.25)
    assert one.priorities["high"] == pytest.approx(1 / 13)
    assert one.bad_actors[0] == (("WELL-0", "forest"), 4)
    assert one.chattering == {("WELL-0", "forest"): 2, ("WELL-1", "forest"): 2, ("WELL-2", "forest"): 2}
    assert (two.console, two.alarms, two.floods) == ("north", 1, ())


def test_a_quiet_console_is_reported_too():
    (quiet,) = report([], START, START + SLOT, {"FAC-02": "north"})
    assert (quiet.alarms, quiet.mean_per_slot, quiet.priorities) == (0, 0.0, {})
