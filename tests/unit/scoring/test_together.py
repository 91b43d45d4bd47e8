"""What many wells share in computation changes no byte of what each has alone."""

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petrostream.lake import alarm_rows_to_blocks, rows_to_blocks
from petrostream.readings import Readings
from petrostream.schema import SENSOR_INDEX, SENSOR_NAMES
from petrostream.scoring import FacilityState, codec, score_batch, together
from tests.support.wells import START, WELL, event_values, models, readings

GAUGES = (
    ("p_pdg", "p_tpt", "t_tpt", "p_mon_ckp", "t_jus_ckp"),
    ("p_tpt", "p_mon_ckp", "aber_ckp"),
    ("p_pdg", "t_pdg", "p_anular"),
)


def stream(seed, wells, rounds):
    """Readings of wells in turn, with gaps, late ones, new feeds, dead gauges and missing values."""
    rng = np.random.default_rng(seed)
    names = [WELL, *(f"WELL-{i:05d}" for i in range(1, wells))]
    levels = event_values(200, at=150, seed=seed)
    ts = dict.fromkeys(names, START)
    feeds = dict.fromkeys(names, "run")
    rows, times, owners, ids = [], [], [], []
    for second in range(rounds):
        for place, name in enumerate(names):
            ts[name] += int(rng.choice([1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 75_000, 0, -2_000]))
            if rng.random() < 0.02:
                feeds[name] += "+"
            row = np.full(len(SENSOR_NAMES), np.nan)
            for gauge in GAUGES[place % len(GAUGES)]:
                at = SENSOR_INDEX[gauge]
                if rng.random() > 0.05:
                    row[at] = 0.0 if rng.random() < 0.03 else levels[(second * 7) % 200, at]
            rows.append(row)
            times.append(ts[name])
            owners.append(name)
            ids.append(feeds[name])
    methane = rng.uniform(100, 700, len(rows))
    return readings(np.array(rows), times, well=owners, feed_id=ids, methane=methane)


def scored(batches: list[Readings]) -> tuple[bytes, bytes, bytes]:
    state = FacilityState("FAC-01")
    rows, alarms = b"", b""
    for batch in batches:
        result = score_batch(state, batch, models(), scored_at_ms=START)
        state = result.state
        rows += b"".join(block.data for block in rows_to_blocks(result.rows))
        alarms += b"".join(
            block.data for block in alarm_rows_to_blocks(result.rows.alarms, recorded_at_ms=START)
        )
    return rows, alarms, codec.encode(state)


def batches_of(content: Readings, size: int) -> list[Readings]:
    return [
        content.take(np.arange(start, min(start + size, len(content))))
        for start in range(0, len(content), size)
    ]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(1, 40), st.integers(5, 200))
def test_wells_computed_at_once_are_what_each_is_alone(seed, wells, rounds, size):
    batches = batches_of(stream(seed, wells, rounds), size)
    at_once = scored(batches)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(together, "SMALL", 0)
        assert scored(batches) == at_once


def test_full_groups_are_closed_and_the_rest_is_not_lost(monkeypatch):
    batches = batches_of(stream(3, 9, 20), 90)
    at_once = scored(batches)
    monkeypatch.setattr(together, "ENOUGH", 7)
    assert scored(batches) == at_once


def test_many_wells_share_calls(monkeypatch):
    calls = []
    original = together.fired
    monkeypatch.setattr(together, "fired", lambda *given: calls.append(1) or original(*given))
    score_batch(FacilityState("FAC-01"), stream(1, 60, 2), models(), scored_at_ms=START)
    assert len(calls) <= 2 * len(GAUGES)


def by_reading(batches: list[Readings]) -> tuple[dict, dict, dict]:
    """Rows by reading, alarm transitions by identity, and each well's state, whatever their order."""
    state, rows, alarms = FacilityState("FAC-01"), {}, {}
    for batch in batches:
        result = score_batch(state, batch, models(), scored_at_ms=START)
        state = result.state
        for block in rows_to_blocks(result.rows):
            for line in block.data.splitlines():
                # A column without any value in a block is left out there.
                row = {name: value for name, value in orjson.loads(line).items() if value is not None}
                rows.setdefault(row["event_id"], []).append(row)
        for block in alarm_rows_to_blocks(result.rows.alarms, recorded_at_ms=START):
            for line in block.data.splitlines():
                row = orjson.loads(line)
                alarms[row["transition_id"]] = row
    wells = {name: codec.encode(state.only({name})) for name in state.wells}
    return rows, alarms, wells


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    wells=st.integers(2, 12),
    rounds=st.integers(1, 30),
    size=st.integers(5, 200),
    shuffle=st.randoms(use_true_random=False),
)
def test_order_and_company_of_wells_in_a_batch_change_nothing_of_any(seed, wells, rounds, size, shuffle):
    content = stream(seed, wells, rounds)
    expected = by_reading(batches_of(content, size))
    # Any order that keeps each well's own.
    queues = {}
    for place, name in enumerate(content.well_id):
        queues.setdefault(name, []).append(place)
    owners = list(content.well_id)
    shuffle.shuffle(owners)
    taken = {name: iter(places) for name, places in queues.items()}
    mixed = content.take([next(taken[name]) for name in owners])
    assert by_reading(batches_of(mixed, size)) == expected
    # One well after the other, each in batches of its own.
    alone = [batch for places in queues.values() for batch in batches_of(content.take(places), size)]
    assert by_reading(alone) == expected
