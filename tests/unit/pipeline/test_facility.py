"""Tank readings in the stream: joined rows, which facilities are joined, independence of batch boundaries."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from petrostream.pipeline.memory import Memory, decode_parts, encode_parts
from tests.support.depth import examples
from tests.support.event_source import Context, EventSource, Mapping, event_of
from tests.support.fakes import CRASH_BEFORE, OK, THROTTLED, FakeFirehose, FakeTable
from tests.support.scoring_world import START_MS, World, block, reading, shard, tank_reading

A, B = "FAC-01", "FAC-02"


def run(world, records, batch_size=100):
    mapping = Mapping(batch_size=batch_size, report_item_failures=world.partial)
    EventSource(world.function, mapping, now_ms=START_MS + 3_600_000).run(records)


def by_event(rows, *, without=("joined_at",)):
    return {
        row["event_id"]: {name: row[name] for name in row if row[name] is not None and name not in without}
        for row in rows
    }


def test_a_joined_row_has_the_risk_of_well_and_tank():
    world = World()
    rows = [tank_reading(0, vapor_concentration_ppm=12_000.0), reading(1, 1, methane_ppm=650.2)]
    run(world, shard([(A, block(*rows))]))
    (joined,) = world.joined()
    assert joined["event_id"] == world.scored()[0]["event_id"]
    assert (joined["pairing_status"], joined["tank_id"], joined["dt_ms"]) == ("MATCHED", "TANK-FAC-01", -1000)
    assert (joined["emission_risk"], joined["vapor_risk"], joined["status"]) == (40, 40, "ALERT")
    assert not world.quarantined()


def test_a_reading_waits_for_its_tank_across_batches_and_processes():
    world = World()
    records = shard([(A, block(tank_reading(0), reading(1, 20))), (A, block(tank_reading(22)))])
    run(world, records[:1])
    assert not world.joined()
    world.processes.clear()
    run(world, records)
    assert [(row["pairing_status"], row["dt_ms"]) for row in world.joined()] == [("MATCHED", 2000)]


def test_a_facility_with_tanks_only_keeps_its_position_and_its_tank_readings():
    world = World()
    records = shard([(A, block(tank_reading(0))), (A, block(reading(1, 1)))])
    run(world, records[:1])
    assert world.table.items["FACILITY#FAC-01"]["last_sequence"] == {"S": "96"}
    world.processes.clear()
    run(world, records[1:])
    assert [row["pairing_status"] for row in world.joined()] == ["MATCHED"]


def test_a_facility_has_no_joined_rows_before_its_first_tank_reading():
    world = World()
    rows = [reading(1, second) for second in range(30)]
    run(world, shard([(A, block(*rows)), (B, block(reading(2, 0, B), tank_reading(1, B)))]))
    assert len(world.scored()) == 31
    assert [row["facility_id"] for row in world.joined()] == [B]


def test_join_all_includes_facilities_without_tanks():
    world = World(join="all")
    run(world, shard([(A, block(*(reading(1, second) for second in range(30))))]))
    assert len(world.joined()) == 24  # the last 5 s still wait
    assert {row["unmatched_reason"] for row in world.joined()} == {"no_tank"}


def test_with_the_join_off_tank_readings_are_quarantined():
    world = World(join="off")
    run(world, shard([(A, block(tank_reading(0), reading(1, 1)))]))
    assert not world.joined()
    assert [row["reasons"] for row in world.quarantined()] == [["unknown_kind"]]
    assert len(world.scored()) == 1


def test_nothing_is_committed_while_joined_rows_are_not_accepted():
    # The first call carries scored rows, the next ones joined rows.
    world = World(firehose=FakeFirehose([OK, THROTTLED, THROTTLED]))
    records = shard([(A, block(tank_reading(0), reading(1, 1)))])
    assert world.function(event_of(records), Context()) == {"batchItemFailures": [{"itemIdentifier": "96"}]}
    assert not world.table.items
    run(world, records)
    assert len(world.joined()) == 1


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_a_crash_after_delivery_repeats_the_same_pairs():
    world = World(table=FakeTable(writes=[CRASH_BEFORE]))
    run(world, shard([(A, block(tank_reading(0), reading(1, 1), tank_reading(2), reading(1, 3)))]))
    assert len(world.joined()) == 4
    assert len(by_event(world.joined())) == 2
    assert by_event(world.joined()[:2]) == by_event(world.joined()[2:])


def test_tank_metrics_add_up_and_are_absent_without_tanks(capsys):
    def emf(rows):
        capsys.readouterr()
        run(World(), shard([(A, block(*rows))]))
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        (found,) = [line for line in lines if "_aws" in line]
        return found

    late = [reading(1, 0), reading(1, 10), reading(1, 1), tank_reading(11), tank_reading(11), reading(1, 10)]
    found = emf([tank_reading(-60), *late])
    assert found["TankReadings"] == [3.0]
    assert found["ReadingsMatched"] == [1.0]  # second 10
    assert found["ReadingsUnmatched"] == [2.0]  # seconds 0 and 1
    assert found["ReadingsLate"] == [1.0]  # second 1
    assert found["DuplicatesDropped"] == [2.0]  # the tank at 11, the well at 10
    assert "TankReadings" not in emf([reading(1, 0)])


@st.composite
def streams(draw):
    """One facility: readings with tanks from some point on, out of order, repeated, in blocks of any size."""
    rows, now = [], 0
    for kind in draw(st.lists(st.sampled_from(["well", "well", "well", "tank"]), min_size=1, max_size=24)):
        now += draw(st.integers(0, 4))
        second = max(now - draw(st.sampled_from([0, 0, 0, 3, 8])), 0)
        rows.append(tank_reading(second) if kind == "tank" else reading(draw(st.integers(1, 2)), second))
    cuts = sorted(draw(st.sets(st.integers(1, len(rows)), max_size=6)) | {0, len(rows)})
    return [block(*rows[low:high]) for low, high in pairwise(cuts)], rows


@settings(max_examples=examples(50), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(streams(), st.integers(1, 4))
def test_rows_are_the_same_however_the_stream_is_cut(stream, batch_size):
    blocks, rows = stream
    whole, blockwise = World(), World()
    run(whole, [*shard([(A, block(*rows))])])
    records = shard([(A, data) for data in blocks])
    run(blockwise, records, batch_size)
    not_compared = ("joined_at", "kinesis_sequence")
    assert by_event(blockwise.joined(), without=not_compared) == by_event(
        whole.joined(), without=not_compared
    )
    if all(row["kind"] == "well" for row in rows):
        assert not whole.joined()


def test_a_memory_is_equal_after_encoding_and_decoding():
    world = World()
    run(world, shard([(A, block(tank_reading(0), reading(1, 1), reading(1, 30)))]))
    memory, _ = world.worker().memories.states.load(A)
    again = decode_parts(memory.scoring, encode_parts(memory))
    assert encode_parts(again) == encode_parts(memory)
    assert again.join.tanks_seen == 1
    assert np.array_equal(again.join.wells.ts_ms, memory.join.wells.ts_ms)
    assert not again.without("join").join.tanks_seen
    assert isinstance(again.without("join"), Memory)
