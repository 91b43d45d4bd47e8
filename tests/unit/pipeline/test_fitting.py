"""A memory cut down to a size loses the wells silent longest, part by part, and nothing else."""

from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petrostream.facility.events import CARRIED, WellEvents
from petrostream.facility.state import JoinState
from petrostream.live.alerts import Alert
from petrostream.live.changes import AlertPeriod
from petrostream.live.open_alarms import OpenAlarm
from petrostream.live.state import LiveState, WellStatus
from petrostream.minutes.windows import WellWindows, Window, WindowState
from petrostream.pipeline.fitting import MAX_UNPUBLISHED, MAX_WELL_BYTES, fitted, silent_first
from petrostream.pipeline.memory import PARTS, Memory, decode_parts
from petrostream.scoring.codec import decode
from petrostream.scoring.history import FacilityState, WellState

START_MS = 1_760_000_000_000
LIMIT = 380_000
RANDOM = np.random.default_rng(7)


def name(well, letters=0):
    return f"WELL-{well:05d}" + RANDOM.bytes(letters).hex()[:letters]


def scoring(names, rows=20, sensors=5):
    return FacilityState(
        "FAC-01",
        "7",
        {
            well: WellState(
                # The well that reported first has the newest time: a wrong clock is no reason to keep it.
                START_MS - 60_000 * i + 1000 * np.arange(rows, dtype=np.int64),
                np.arange(sensors, dtype=np.int64),
                RANDOM.integers(-1_000_000, 1_000_000, (rows, sensors)).astype(np.int32),
            )
            for i, well in enumerate(names)
        },
    )


def windows(names, rows=30):
    def window(well):
        times = START_MS + np.sort(RANDOM.choice(60_000, rows, replace=False)).astype(np.int64)
        pair = RANDOM.normal(1e7, 1e5, 2)
        return Window(well, START_MS, times, np.array([rows, rows]), pair * rows, pair - 1, pair + 1, 0, 10)

    return WindowState({well: WellWindows(START_MS, (window(well),)) for well in names})


def live(names, alerts=0):
    def identity():
        return UUID(bytes=RANDOM.bytes(16)).hex

    def alarm(well):
        return OpenAlarm(identity(), well, "methane_high", "high", "active", 1, 2, 3, f"Methane at {well}")

    return LiveState(
        wells={
            well: WellStatus(START_MS, START_MS, well, *RANDOM.normal(0, 1e6, 4).tolist()) for well in names
        },
        alarms={(well, "methane_high"): alarm(well) for well in names},
        periods={(well, "well"): AlertPeriod(START_MS, START_MS) for well in names},
        unpublished=tuple(
            Alert(identity(), "Alarm Transition", START_MS + i, {"well_id": names[i % len(names)]})
            for i in range(alerts)
        ),
        listed=True,
    )


def join(names, rows=2_000):
    wells = [names[i * len(names) // rows] for i in range(rows)]
    carried = RANDOM.normal(0, 1e6, (rows, len(CARRIED)))
    times = START_MS + np.arange(rows, dtype=np.int64)
    identities = [str(i) for i in range(rows)]
    events = WellEvents(wells, wells, identities, identities, times, times, carried)
    return JoinState(START_MS, events, np.ones(rows, np.bool_), np.arange(rows), rows, tanks_seen=2)


def wells_of(memory):
    parts = {part: set(codec.wells(getattr(memory, part))) for part, codec in PARTS.items()}
    return parts | {"scoring": set(memory.scoring.wells)}


def assert_newest_wells_are_whole(before, after, content):
    order, known = silent_first(before), wells_of(before)
    for part, wells in wells_of(after).items():
        of_part = [well for well in order if well in known[part]]
        assert wells == set(of_part[len(of_part) - len(wells) :]), part
    read = decode_parts(decode(content["scoring"]), {part: content[part] for part in PARTS})
    assert wells_of(read) == wells_of(after)
    assert after.live.alarms.items() <= before.live.alarms.items()
    assert {well for well, _ in after.live.alarms} == set(after.live.wells)


def test_what_fits_is_left_as_it_is():
    names = [name(i) for i in range(20)]
    memory = Memory(scoring(names), join(names, 40), windows(names), live(names, 5))
    after, _ = fitted(memory, LIMIT)
    assert wells_of(after) == wells_of(memory)
    assert after.live == memory.live


def test_every_part_too_large_is_cut_by_well_and_none_is_reset(caplog):
    names = [name(i, 60) for i in range(3_000)]
    memory = Memory(scoring(names), join(names), windows(names), live(names, 500))
    after, content = fitted(memory, LIMIT)
    assert sum(map(len, content.values())) <= LIMIT
    assert_newest_wells_are_whole(memory, after, content)
    assert all(len(wells) > 50 for wells in wells_of(after).values())
    assert after.live.listed
    assert after.scoring.last_sequence == "7"
    assert after.join.tanks_seen == 2
    assert "reset" not in caplog.text
    assert caplog.text.count("silent longest are dropped") == 4


def test_a_large_part_leaves_the_small_ones_whole():
    names = [name(i) for i in range(300)]
    many = [name(i, 150) for i in range(5_000)]
    memory = Memory(scoring(names), join(names, 300), windows(names[:100]), live(many + names))
    after, content = fitted(memory, LIMIT)
    assert sum(map(len, content.values())) <= LIMIT
    assert after.join is memory.join
    assert after.windows is memory.windows
    assert set(names) <= set(after.live.wells)
    assert_newest_wells_are_whole(memory, after, content)


def test_the_order_is_that_of_the_stream_not_of_clocks():
    names = [name(i) for i in range(60)]
    memory = Memory(scoring(names, rows=500, sensors=10))
    after, _ = fitted(memory, LIMIT)
    assert list(after.scoring.wells) == names[-len(after.scoring.wells) :]
    assert 5 < len(after.scoring.wells) < 60


def test_the_last_well_stays_however_large_and_the_rest_still_fits():
    names = [name(0), name(1)]
    memory = Memory(scoring(names, rows=599, sensors=27))
    after, content = fitted(memory, MAX_WELL_BYTES + 3_000)
    assert list(after.scoring.wells) == names[1:]
    assert sum(map(len, content.values())) <= MAX_WELL_BYTES + 3_000


def test_of_too_many_unpublished_alerts_the_newest_are_stored(caplog):
    memory = Memory(scoring([name(0)]), live=live([name(0)], MAX_UNPUBLISHED + 3))
    after, _ = fitted(memory, LIMIT)
    assert after.live.unpublished == memory.live.unpublished[3:]
    assert "for the 3 oldest" in caplog.text


def test_a_part_that_is_too_large_without_any_well_is_reset(caplog, monkeypatch):
    names = [name(i) for i in range(3)]
    memory = Memory(scoring(names), join(names, 30))
    large = replace(PARTS["join"], encode=lambda state: bytes(LIMIT if state.tanks_seen else 150))
    monkeypatch.setitem(PARTS, "join", large)
    after, content = fitted(memory, LIMIT)
    assert not after.join.tanks_seen
    assert len(content["join"]) == 150
    assert len(after.scoring.wells) == 3
    assert "join state does not fit and is reset" in caplog.text


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 400), st.integers(1, 400), st.integers(1, 200), st.integers(0, 400), st.integers(0, 150)
)
@pytest.mark.filterwarnings("ignore")
def test_whatever_the_sizes_the_memory_fits_and_the_newest_wells_stay(known, shown, open_, alerts, letters):
    names = [name(i, letters) for i in range(max(known, shown, open_))]
    memory = Memory(
        scoring(names[-known:]), join(names, 500), windows(names[:open_]), live(names[:shown], alerts)
    )
    limit = MAX_WELL_BYTES + 30_000
    after, content = fitted(memory, limit)
    assert sum(map(len, content.values())) <= limit
    assert_newest_wells_are_whole(memory, after, content)
