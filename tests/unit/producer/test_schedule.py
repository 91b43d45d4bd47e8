import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.schedule import FULL_SPEED, GAP_MS, Span, make_schedule, trim

NOW = 1_790_000_000_000
HOUR = 3_600_000


def span(well, number, first_ms, seconds, facility=None):
    """An instance with a reading every second, first and last one included."""
    return Span(
        f"2/{well}_{number}",
        well,
        facility or f"FAC-{well}",
        first_ms,
        first_ms + 1000 * seconds,
        0,
        seconds + 1,
    )


@st.composite
def fleets(draw):
    spans = []
    for well in range(draw(st.integers(1, 4))):
        facility = f"FAC-{draw(st.integers(1, 2))}"
        for number in range(draw(st.integers(1, 4))):
            first = 1_400_000_000_000 + draw(st.integers(0, 40 * HOUR))
            spans.append(span(f"W{well}", number, first, draw(st.integers(0, 20_000)), facility))
    return spans


speeds = st.sampled_from([1.0, 60.0, 3.7, FULL_SPEED])


@given(fleets(), speeds)
def test_live_nothing_lies_in_the_future_when_it_is_due(spans, speed):
    for segment in make_schedule(spans, "live", speed, NOW).segments:
        for source_ms in (segment.span.first_ms, segment.span.last_ms):
            due = NOW + (source_ms + segment.shift_ms) / speed
            assert source_ms + segment.offset_ms <= due


@given(fleets(), speeds)
def test_live_a_wells_last_reading_lands_when_its_replay_is_expected_to_end(spans, speed):
    lines = make_schedule(spans, "live", speed, NOW).wells.values()
    for line in lines:
        facility = line[0].span.facility_id
        end = max(other[-1].end_ms for other in lines if other[0].span.facility_id == facility)
        own_end = line[-1].end_ms if speed == 1 else end
        assert line[-1].span.last_ms + line[-1].offset_ms == NOW + int(own_end / speed)


@given(fleets(), speeds)
def test_live_every_facility_begins_at_once(spans, speed):
    begins = {}
    for segment in make_schedule(spans, "live", speed, NOW).segments:
        facility = segment.span.facility_id
        begins[facility] = min(begins.get(facility, segment.start_ms), segment.start_ms)
    assert set(begins.values()) == {0}


@given(fleets())
def test_live_at_full_speed_every_well_ends_now(spans):
    for line in make_schedule(spans, "live", FULL_SPEED, NOW).wells.values():
        assert line[-1].span.last_ms + line[-1].offset_ms == NOW


@given(fleets())
def test_live_in_real_time_every_well_begins_now(spans):
    for line in make_schedule(spans, "live", 1, NOW).wells.values():
        assert line[0].span.first_ms + line[0].offset_ms == NOW


@given(fleets(), speeds)
def test_live_playing_order_is_event_time_order_in_each_facility(spans, speed):
    ahead = {}
    for segment in make_schedule(spans, "live", speed, NOW).segments:
        ahead.setdefault(segment.span.facility_id, set()).add(segment.offset_ms - segment.shift_ms)
    assert all(len(differences) == 1 for differences in ahead.values())


@given(fleets(), speeds, st.sampled_from(["live", "original"]))
def test_instances_of_a_well_never_play_at_once(spans, speed, clock):
    for line in make_schedule(spans, clock, speed, NOW).wells.values():
        for before, after in itertools.pairwise(line):
            assert after.start_ms > before.end_ms
            if clock == "live":
                assert after.start_ms - before.end_ms == GAP_MS > 60_000


@given(fleets(), speeds, st.sampled_from(["live", "original"]))
def test_every_reading_has_one_place(spans, speed, clock):
    schedule = make_schedule(spans, clock, speed, NOW)
    assert sorted(segment.span.source for segment in schedule.segments) == sorted(
        span.source for span in spans
    )
    assert schedule.readings == sum(span.readings for span in spans)
    assert all(
        segment.start_ms >= 0 and segment.end_ms <= schedule.length_ms for segment in schedule.segments
    )


@given(fleets())
def test_original_times_are_untouched(spans):
    assert {segment.offset_ms for segment in make_schedule(spans, "original", 60, NOW).segments} == {0}


def test_original_facility_plays_in_event_time_order_without_its_idle_years():
    year = 8760 * HOUR
    schedule = make_schedule(
        [span("A", 1, 0, 100, "F"), span("B", 1, 50_000, 100, "F"), span("A", 2, year, 100, "F")],
        "original",
        1,
        NOW,
    )
    a, b = schedule.wells["A"], schedule.wells["B"]
    assert (a[0].start_ms, b[0].start_ms) == (0, 50_000)
    assert a[1].start_ms == b[0].end_ms + GAP_MS


def test_original_an_overlapping_instance_waits_for_the_one_before():
    line = make_schedule([span("A", 1, 0, 100), span("A", 2, 50_000, 100)], "original", 1, NOW).wells["A"]
    assert line[1].start_ms == line[0].end_ms + GAP_MS


def test_a_speed_that_needs_future_times_is_refused():
    with pytest.raises(ValueError, match=r"speed is 0\.5"):
        make_schedule([span("A", 1, 0, 10)], "live", 0.5, NOW)


@given(st.integers(0, 900), st.integers(1, 900))
def test_start_and_duration_count_along_the_well(start, duration):
    whole = [span("A", 1, 5_000_000, 300), span("A", 2, 9_000_000, 300)]

    def times(at):
        return np.arange(at.first_ms, at.last_ms + 1, 1000)

    left = trim(whole, start * 1000, duration * 1000, times)
    line = [*range(301), *range(301 + 89, 301 + 89 + 301)]
    assert sum(part.readings for part in left) == sum(start <= second < start + duration for second in line)
    for part in left:
        assert (part.first_ms, part.last_ms) == tuple(times(part)[[0, -1]])
        original = next(span for span in whole if span.source == part.source)
        assert part.first_ms == times(original)[part.low]
        assert part.last_ms == times(original)[part.high - 1]


def test_without_start_and_duration_no_times_are_read():
    whole = [span("A", 1, 0, 300)]
    assert trim(whole, 0, None, lambda _: pytest.fail("read")) == whole
