import math

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrostream.readings.lines import Origin, Rows, encode_lines
from petrostream.readings.validation import validate_block
from petrostream.readings.wells import encode_block, split_lines
from petrostream.schema.sensors import SENSOR_NAMES
from petrostream.times import to_iso
from producer import players
from producer.players import FacilityPlayer, WellPlayer, cut
from producer.schedule import FULL_SPEED, Span, make_schedule

NOW = 1_790_000_000_000
FIRST = 1_400_000_000_000

cells = st.one_of(st.just(math.nan), st.floats(allow_nan=True, allow_infinity=True), st.just(-1.2e42))
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@st.composite
def rows_of_readings(draw):
    count = draw(st.integers(1, 12))
    values = np.full((count, len(SENSOR_NAMES)), math.nan)
    for column in draw(st.sets(st.integers(0, 26), max_size=5)):
        values[:, column] = draw(st.lists(cells, min_size=count, max_size=count))
    codes = st.lists(st.integers(-1, 8), min_size=count, max_size=count)
    steps = draw(st.lists(st.integers(1, 5000), min_size=count, max_size=count))
    return Rows(FIRST + np.cumsum(steps), values, np.array(draw(codes)), np.array(draw(codes)))


def as_mapping(rows, row, origin, offset_ms):
    sensors = dict(zip(SENSOR_NAMES, rows.values[row].tolist(), strict=True))
    codes = {"class": int(rows.label[row]), "state": int(rows.state[row])}
    return {
        "kind": "well",
        "well_id": origin.well_id,
        "facility_id": origin.facility_id,
        "ts": to_iso(int(rows.ts_ms[row]) + offset_ms),
        "source": origin.source,
        "source_ts": to_iso(int(rows.ts_ms[row])),
        **sensors,
        **{name: code for name, code in codes.items() if code >= 0},
    }


@given(rows_of_readings(), names, st.integers(0, 10**12))
def test_lines_are_those_of_the_stream_contract(rows, name, offset_ms):
    origin = Origin(name, "FAC-01", f"2/{name} 100 %b")
    lines = encode_lines(rows, origin, offset_ms)
    mappings = [as_mapping(rows, row, origin, offset_ms) for row in range(len(rows.ts_ms))]
    assert b"".join(lines) == encode_block(mappings)


def test_what_is_written_validates():
    rows = Rows(
        FIRST + np.arange(3) * 1000, np.full((3, 27), 5.0), np.array([0, -1, 2]), np.array([-1, -1, 0])
    )
    data = b"".join(encode_lines(rows, Origin("WELL-00011", "FAC-03", "2/WELL-00011_1"), 0))
    checked = validate_block(data, sequence="1", now_ms=NOW)
    assert checked.rejected == []
    assert checked.readings.ts_ms.tolist() == rows.ts_ms.tolist()
    assert checked.readings.source_ts_ms.tolist() == rows.ts_ms.tolist()
    assert checked.readings.label == [0, None, 2]
    assert checked.readings.state == [None, None, 0]


def span(well, number, first_ms, readings, facility="FAC-01"):
    last = first_ms + 1000 * (readings - 1)
    return Span(f"2/{well}_{number}", well, facility, first_ms, last, 0, readings)


def load(part):
    count = part.readings
    values = np.full((count, len(SENSOR_NAMES)), math.nan)
    values[:, 3] = np.arange(count)
    return Rows(
        np.linspace(part.first_ms, part.last_ms, count).astype(np.int64),
        values,
        np.full(count, -1),
        np.full(count, -1),
    )


def play(facility_feed, step):
    """Identities of all readings of a player, in order; asserts that its blocks hold what they say."""
    played = []
    while (following := facility_feed.next_ms()) is not None:
        for block in facility_feed.take(following + step):
            lines = [orjson.loads(line) for line in split_lines(block.data)]
            assert block.readings == len(lines)
            for well, count in block.counts.items():
                assert sum(line["well_id"] == well for line in lines) == count
            played += [(line["ts"], line["well_id"], line["source"]) for line in lines]
    return played


fleets = st.lists(
    st.lists(st.tuples(st.integers(0, 200), st.integers(1, 120)), min_size=1, max_size=3),
    min_size=1,
    max_size=4,
)


def planned_wells(fleet, speed=FULL_SPEED):
    spans = [
        span(f"W{well}", number, FIRST + 1000 * first, readings)
        for well, instances in enumerate(fleet)
        for number, (first, readings) in enumerate(instances)
    ]
    return make_schedule(spans, "live", speed, NOW).wells


def facility(wells, skip=None, max_bytes=2000):
    skips = skip or {}
    return FacilityPlayer(
        [WellPlayer(line, load, skips.get(well, 0)) for well, line in wells.items()], max_bytes
    )


@given(fleets, st.integers(0, 500_000), st.integers(1, 40))
def test_a_facility_plays_every_reading_once_in_event_time_order(fleet, step, chunk):
    wells = planned_wells(fleet)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(players, "CHUNK", chunk)
        played = play(facility(wells), step)
    assert [ts for ts, _, _ in played] == sorted(ts for ts, _, _ in played)
    assert len(played) == len(set(played)) == sum(readings for line in fleet for _, readings in line)


@given(fleets, st.integers(0, 500_000), st.data())
def test_a_facility_resumes_exactly_after_what_each_well_has_played(fleet, step, data):
    wells = planned_wells(fleet)
    whole = play(facility(wells), step)
    done = data.draw(st.integers(0, len(whole)))
    skip = {well: sum(at == well for _, at, _ in whole[:done]) for well in wells}
    assert play(facility(wells, skip), step) == whole[done:]


@given(st.lists(st.integers(1, 50), max_size=60), st.integers(50, 200))
def test_blocks_hold_whole_lines_as_many_as_fit(lengths, limit):
    lines = [b"x" * length for length in lengths]
    bounds = list(cut(lines, limit))
    assert [index for low, high in bounds for index in range(low, high)] == list(range(len(lines)))
    for low, high in bounds:
        assert sum(lengths[low:high]) <= limit
        assert high == len(lines) or sum(lengths[low : high + 1]) > limit


def test_a_line_that_fits_no_block_is_an_error_not_a_loss():
    with pytest.raises(ValueError, match="300 bytes"):
        list(cut([b"x", b"x" * 300], 256))


def test_a_replay_starts_without_reading_what_is_not_due_yet():
    line = planned_wells([[(0, 5)]])["W0"]
    waiting = WellPlayer(line, lambda _: pytest.fail("read"))
    assert waiting.next_ms() == line[0].start_ms
    assert waiting.take(line[0].start_ms - 1) == ([], [])
