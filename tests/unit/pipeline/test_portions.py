"""Records cut to a bounded cost: nothing is left out or done twice, wherever a portion or the time ends."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from petrostream.pipeline import portions as cutting
from petrostream.pipeline.portions import MAX_COST, WELL_COST, cuts, portions
from petrostream.readings import Block, validate_blocks
from petrostream.scoring.codec import decode, encode
from petrostream.scoring.history import FacilityState
from tests.support.depth import examples
from tests.support.event_source import Context, EventSource, Mapping
from tests.support.fakes import FIREHOSE_FAULTS, PUT_FAULTS, FakeFirehose, FakeTable
from tests.support.scoring_world import START_MS, World, block, reading, shard, tank_reading

NO_METRICS = pytest.mark.filterwarnings("ignore:No application metrics")


def cost(names):
    return len(names) + WELL_COST * len(set(names))


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.integers(0, 3_000), max_size=6_000))
def test_portions_are_in_order_whole_and_as_large_as_their_cost_allows(wells):
    names = [f"W{well}" for well in wells]
    ends = cuts(names)
    assert ends[-1] == len(names)
    assert ends == sorted(set(ends))
    parts = [names[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    assert all(cost(part) <= MAX_COST for part in parts)
    assert all(cost([*part, *after[:1]]) > MAX_COST for part, after in pairwise(parts))


def test_a_long_block_of_few_wells_is_one_portion_and_a_reading_of_each_of_many_wells_is_not():
    assert cuts([f"W{i % 900}" for i in range(10_000)]) == [10_000]
    assert len(cuts([f"W{i}" for i in range(9_000)])) == 2


lines = st.lists(
    st.one_of(
        st.integers(0, 5).map(lambda well: ("well", well)),
        st.just(("tank", 0)),
        st.just(("bad", 0)),
    ),
    max_size=12,
)


def records_of(blocks):
    second = iter(range(10_000))
    made = []
    for content in blocks:
        rows = []
        for kind, well in content:
            if kind == "bad":
                rows.append(b"not json")
            else:
                at = next(second)
                rows.append(reading(well, at) if kind == "well" else tank_reading(at))
        made.append(("FAC-01", block(*rows)))
    return shard(made)


def content_of(records):
    blocks = [Block(record.data, record.sequence, record.arrival_ms + 10**9) for record in records]
    return validate_blocks(blocks, partition_key="FAC-01", tanks=True)


def in_order(content):
    """Identities of well and tank readings as they stand in the stream."""
    wells, tanks = content.readings.event_id, content.tanks.event_id
    placed = [(place, 1, name) for place, name in enumerate(wells)]
    placed += [(place, 0, name) for place, name in zip(content.tank_at.tolist(), tanks, strict=True)]
    return [name for _, _, name in sorted(placed, key=lambda one: one[:2])]


@settings(
    max_examples=examples(80), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(lines, min_size=1, max_size=6), st.integers(201, 900), st.data())
def test_a_state_of_any_portion_is_followed_by_exactly_the_rest(blocks, limit, data):
    records = records_of(blocks)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutting, "MAX_COST", limit)
        state, seen, complete = FacilityState("FAC-01"), [], 0
        while complete < len(records):
            rest = records[complete:]
            # The process may end after any portion: its memory is stored and read again.
            taken = list(portions(rest, content_of(rest), state))
            taken = taken[: data.draw(st.integers(1, len(taken)))]
            for portion in taken:
                seen += in_order(portion.content)
                complete += portion.records
                state = decode(encode(portion.advanced(state)))
            assert state.last_sequence == (records[complete - 1].sequence if complete else None)
    assert state.partial is None
    assert seen == [name for record in records for name in in_order(content_of([record]).whole)]


def run(world, records, remaining_ms=120_000):
    source = EventSource(
        world.function,
        Mapping(report_item_failures=True),
        now_ms=START_MS + 3_600_000,
        context=lambda: Context(remaining_ms=remaining_ms),
    )
    source.run(records)
    return source


def rows_of(world):
    moment = {"scored_at", "quarantined_at", "joined_at", "recorded_at"}
    return {
        name: [{key: row[key] for key in row if key not in moment and row[key] is not None} for row in rows]
        for name, rows in (
            ("scored", world.scored()),
            ("joined", world.joined()),
            ("alarms", world.alarms()),
            ("quarantined", world.quarantined()),
        )
    }


def many_wells():
    """One record of 40 wells at three times, with a tank, bad lines and a leak; then one more record."""
    rows = [tank_reading(0), b"not json"]
    for second in range(3):
        rows += [reading(well, second, methane_ppm=900.0 if well == 7 else 5.0) for well in range(40)]
        rows += [tank_reading(second + 0.5), b"[]"]
    return shard(
        [("FAC-01", block(*rows)), ("FAC-01", block(reading(1, 4), reading(7, 4, methane_ppm=900.0)))]
    )


def test_a_record_of_many_wells_is_finished_over_several_invocations_each_row_once(monkeypatch):
    calm = World()
    assert len(run(calm, many_wells()).batches) == 1
    monkeypatch.setattr(cutting, "MAX_COST", 10 * (WELL_COST + 1))
    world = World()
    # Without time left an invocation processes one portion.
    source = run(world, many_wells(), remaining_ms=0)
    assert len(source.batches) == 12 + 1
    assert rows_of(world) == rows_of(calm)
    assert len(world.scored()) == 122
    state = decode(world.table.items["FACILITY#FAC-01"]["state"]["B"])
    assert (state.last_sequence, state.partial) == ("97", None)
    # Alerts need time too: those of the invocations without any are published by the next.
    assert world.topic.messages == []
    run(world, shard([("FAC-01", b"")] * 3))
    assert [message["id"] for message in world.topic.messages] == [m["id"] for m in calm.topic.messages]


@NO_METRICS
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(FIREHOSE_FAULTS), max_size=10),
    st.lists(st.sampled_from(PUT_FAULTS), max_size=6),
    st.integers(1, 40),
)
def test_whatever_fails_between_portions_every_reading_is_there_as_in_a_calm_run(faults, writes, wells):
    calm = World()
    run(calm, many_wells())
    world = World(firehose=FakeFirehose(faults), table=FakeTable(writes=writes))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutting, "MAX_COST", wells * (WELL_COST + 1))
        run(world, many_wells(), remaining_ms=0)
    for name, key in (("scored", "event_id"), ("joined", "event_id"), ("quarantined", "quarantine_id")):
        expected = {row[key]: row for row in rows_of(calm)[name]}
        assert {row[key]: row for row in rows_of(world)[name]} == expected, name


def test_the_same_sequence_number_twice_in_a_batch_does_not_hide_an_unfinished_record(monkeypatch):
    monkeypatch.setattr(cutting, "MAX_COST", WELL_COST + 1)
    first, second = shard([("FAC-01", block(reading(1, 0), reading(2, 0))), ("FAC-01", block(reading(1, 1)))])
    world = World()
    run(world, [first, first, second, second], remaining_ms=0)
    assert sorted(row["kinesis_sequence"] for row in world.scored()) == ["96", "96", "97"]


def test_a_portion_of_a_cut_record_has_its_own_readings_only():
    (record,) = shard([("FAC-01", block(*(reading(well, 0) for well in range(4)), tank_reading(0)))])
    content = content_of([record])
    state = FacilityState("FAC-01", None, partial=(record.sequence, 3))
    (portion,) = portions([record], content, state)
    assert portion.content.readings.well_id == ["WELL-00003"]
    assert np.array_equal(portion.content.tank_at, [1])
    other = FacilityState("FAC-01", None, partial=("1", 3))
    assert len(next(portions([record], content, other)).content.readings) == 4
