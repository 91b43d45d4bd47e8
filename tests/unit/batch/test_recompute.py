"""What is computed again from the raw zone is what the stream's consumer wrote, row for row."""

import random

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batch.recompute import Recomputation, table_of
from batch.stream_order import StreamOrder
from petrostream.aws.models import ModelStore
from petrostream.lake import RawRecord, members, read_members
from tests.support.depth import examples
from tests.support.event_source import EventSource, Mapping
from tests.support.fakes import FakeBucket
from tests.support.scoring_world import (
    World,
    block,
    published,
    reading,
    shard,
    tank_reading,
)

MODELS = ModelStore("artifacts", FakeBucket(dict(published()))).current()

SECONDS = st.integers(0, 400)
LINES = st.one_of(
    st.builds(reading, st.integers(1, 2), SECONDS),
    st.builds(reading, st.integers(1, 2), SECONDS, st.just("FAC-01"), p_pdg=st.just(9e9)),
    st.builds(reading, st.just(3), st.integers(0, 30)),
    st.builds(tank_reading, SECONDS),
    st.sampled_from([b"not JSON", b'{"kind":"well"}', b""]),
)
BLOCKS = st.lists(
    st.tuples(st.sampled_from(["FAC-01", "FAC-01", "FAC-02"]), st.lists(LINES, max_size=6)), max_size=12
)


def steady(facility, well, seconds):
    """A block of a well that reports every second."""
    return facility, block(*(reading(well, second, facility) for second in seconds))


@st.composite
def streams(draw):
    """Records of a shard: well-behaved stretches, among them anything that a sender may send."""
    blocks = [steady("FAC-01", 1, range(100 * n, 100 * n + 100)) for n in range(draw(st.integers(0, 3)))]
    for facility, lines in draw(BLOCKS):
        at = draw(st.integers(0, len(blocks)))
        rows = [line if isinstance(line, bytes) else {**line, "facility_id": facility} for line in lines]
        blocks.insert(at, (facility, block(*rows)))
    return shard(blocks)


def streamed(records, batch_size):
    """Rows that the scoring function delivers, by facility and in order."""
    world = World()
    EventSource(world.function, Mapping(batch_size=batch_size)).run(records)
    return [orjson.loads(line) for line in _lines(world.firehose, "delivery")]


def _lines(firehose, stream):
    return [orjson.dumps(row) for row in firehose.rows(stream)]


def raw(records):
    return [RawRecord(r.data, r.sequence, r.partition_key, r.arrival_ms) for r in records]


def files_of(parts):
    """Objects of the raw zone, from lists of records."""
    return [(n, read_members("one", b"".join(members(part)))) for n, part in enumerate(parts)]


def again(order, *days):
    """Rows computed again from days of raw objects, each day's with the next one's ahead."""
    recomputation = Recomputation(MODELS, lambda: 0)
    rows = []
    for number, day in enumerate(days):
        for name, facility in order.take(day, days[number + 1] if number + 1 < len(days) else ()).items():
            rows += [
                orjson.loads(line)
                for _, lines in recomputation.lines(name, facility.records)
                for line in lines.splitlines()
            ]
    return rows


def comparable(rows):
    """Rows as bytes, without the time of scoring; a column that is left out is null, as in the table."""
    kept = [{k: v for k, v in row.items() if k != "scored_at" and v is not None} for row in rows]
    return sorted(map(orjson.dumps, kept))


@settings(deadline=None, max_examples=examples(40), suppress_health_check=[HealthCheck.too_slow])
@given(records=streams(), batch_size=st.sampled_from([1, 3, 100]), seed=st.integers(0, 999))
def test_rows_are_those_of_the_stream_whatever_the_raw_zone_did(records, batch_size, seed):
    """Objects in any order and number, records twice, and cut over midnight."""
    chance = random.Random(seed)
    # A day's record may land in an object of the next day, but no later.
    days = [[], [], []]
    for place, record in enumerate(raw(records)):
        day = 2 * place // max(1, len(records))
        days[day + chance.randint(0, 1)].append(record)
        if chance.random() < 0.3:
            days[day + chance.randint(0, 1)].append(record)
    objects = []
    for day in days:
        chance.shuffle(day)
        cuts = sorted(chance.choices(range(len(day) + 1), k=2))
        objects.append(files_of([day[: cuts[0]], day[cuts[0] : cuts[1]], day[cuts[1] :]]))
    order = StreamOrder()
    rows = again(order, *objects)
    one, other = comparable(rows), comparable(streamed(records, batch_size))
    assert one == other
    assert order.counts.late == 0


def test_a_record_of_several_parts_is_whole_again_or_left_out_and_counted():
    first, second = raw(shard([steady("FAC-01", 1, range(3)), steady("FAC-01", 1, range(3, 6))]))
    half = len(first.data) // 2
    parts = [
        RawRecord(first.data[:half], first.sequence, "FAC-01", first.arrival_ms, None, 0, 2),
        RawRecord(first.data[half:], first.sequence, "FAC-01", first.arrival_ms, None, 1, 2),
    ]
    order = StreamOrder()
    found = order.take(files_of([[parts[1]], [parts[0], parts[1], second]]))
    assert [record.data for record in found["FAC-01"].records] == [first.data, second.data]
    order = StreamOrder()
    found = order.take(files_of([[parts[1], second]]))
    assert [record.data for record in found["FAC-01"].records] == [second.data]
    assert order.counts.incomplete == 1


def test_a_record_that_turns_up_too_late_is_counted():
    first, second = raw(shard([steady("FAC-01", 1, range(3)), steady("FAC-01", 1, range(3, 6))]))
    order = StreamOrder()
    order.take(files_of([[second]]))
    assert order.take(files_of([[first]])) == {}
    assert order.counts.late == 1


def test_lines_without_places_are_scored_in_order_of_arrival_without_a_sequence_number():
    blocks = [steady("FAC-01", 1, range(n, n + 60)) for n in range(0, 240, 60)]
    records = shard(blocks)
    old = [(r.arrival_ms, read_members("old", r.data)) for r in records[:2]]
    new = [(r.arrival_ms + 5, read_members("new", b"".join(members(raw([r]))))) for r in records[2:]]
    order = StreamOrder()
    rows = []
    recomputation = Recomputation(MODELS, lambda: 0)
    for _, table in recomputation.rows(order.take([*old, *new])):
        rows += table.to_pylist()
    sequences = [row["kinesis_sequence"] for row in rows]
    assert sequences == [None] * 120 + [records[2].sequence] * 60 + [records[3].sequence] * 60
    assert order.counts.unplaced == 1 or order.counts.unplaced == 2
    scores = [row["anomaly_score"] for row in rows]
    assert scores == [row.get("anomaly_score") for row in streamed(records, 10)]


def test_days_of_lines_without_places_follow_each_other():
    records = shard([steady("FAC-01", 1, range(n, n + 60)) for n in range(0, 240, 60)])
    days = [[(r.arrival_ms, read_members("old", r.data))] for r in records]
    assert len(again(StreamOrder(), *days)) == 240


def test_only_wanted_dates_are_kept():
    records = shard([steady("FAC-01", 1, range(3))])
    recomputation = Recomputation(MODELS, lambda: 0, dates=[])
    assert list(recomputation.rows(StreamOrder().take(files_of([raw(records)])))) == []
    assert recomputation.memories["FAC-01"].scoring.last_sequence == records[0].sequence


def test_a_table_has_every_column_of_the_schema():
    line = b'{"event_id":"a","ts":"2026-11-20 09:00:00.125","top_sensors":["p_pdg"],"anomaly_flag":1}\n'
    (row,) = table_of(line).to_pylist()
    assert (row["event_id"], row["top_sensors"], row["risk_score"]) == ("a", ["p_pdg"], None)
    assert row["ts"].isoformat() == "2026-11-20T09:00:00.125000"
    with pytest.raises(Exception, match="unexpected field"):
        table_of(b'{"unknown":1}\n')
