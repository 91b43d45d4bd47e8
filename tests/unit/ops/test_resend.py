"""What arrived and is in no table is found by the raw zone, and sent again as it was, with its pair."""
# ruff: noqa: N803 - the parameters are named as the services name them

import gzip
import io
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from ops import __main__ as cli
from ops import resend as command
from ops.missing import Missing, find_missing
from ops.raw_zone import RawZone, read, texts
from ops.resend import MOST_LISTED, Found, bring_back, identities_on, resend, summary
from petrostream.facility import JoinState, WellEvents, pair
from petrostream.readings import Validated, encode_block, event_id, tank_event_id, validate_block
from petrostream.times import to_iso
from tests.support.depth import examples
from tests.support.fake_kinesis import FakeKinesis

START = 1_795_600_000_000
ARRIVED = datetime.fromtimestamp(START / 1000, UTC)
SOURCE = "2/WELL-00001_x"


def well(second, well_id="WELL-00001", facility="FAC-01", **more):
    ts = to_iso(START + int(second * 1000))
    identity = {"kind": "well", "well_id": well_id, "facility_id": facility, "source": SOURCE, "ts": ts}
    return encode_block([identity | {"p_tpt": 1.5e7} | more])


def tank(second, facility="FAC-01"):
    ts = to_iso(START + int(second * 1000))
    row = {"kind": "tank", "tank_id": "TANK-1", "facility_id": facility, "ts": ts, "level_pct": 50.0}
    return encode_block([row])


def well_id_of(second, well_id="WELL-00001"):
    return event_id(well_id, SOURCE, START + int(second * 1000))


def tank_id_of(second, facility="FAC-01"):
    return tank_event_id("TANK-1", facility, START + int(second * 1000))


class Bucket:
    """The raw zone: blocks, each an object, a second apart."""

    def __init__(self, *blocks, compressed=False):
        self.objects = {
            f"ingest/2026/11/25/petrostream-raw-1-{self._at(i):%Y-%m-%d-%H-%M-%S}-uuid": (
                gzip.compress(block) if compressed else block
            )
            for i, block in enumerate(blocks)
        }

    def _at(self, i):
        return ARRIVED + timedelta(hours=1, seconds=i)

    def get_paginator(self, _):
        return self

    def paginate(self, *, Bucket, Prefix):
        assert Prefix == "ingest/"
        now = datetime.now(UTC)
        return [{"Contents": [{"Key": key, "LastModified": now} for key in reversed(self.objects)]}, {}]

    def get_object(self, *, Bucket, Key):
        return {"Body": io.BytesIO(self.objects[Key])}


class Tables:
    """What the tables hold, by the queries that are made."""

    def __init__(self, scored=(), joined=(), quarantined=(), alone=()):
        self.scored, self.joined, self.quarantined, self.alone = scored, joined, quarantined, alone

    def __call__(self, sql):
        if "quarantine" in sql:
            return [{"raw_sha256": sha256(line).hexdigest()} for line in self.quarantined]
        if "scored_readings" in sql:
            return [{"event_id": one, "status": ""} for one in self.scored]
        rows = [{"event_id": one, "status": "MATCHED"} for one in self.joined]
        return rows + [{"event_id": one, "status": "UNMATCHED"} for one in self.alone]


def missing_of(bucket, tables, held=()):
    zone = RawZone("raw", "ingest/", bucket)
    contents = read(zone, zone.objects(24))
    return find_missing(contents, tables, lambda _: held, lambda places: texts(zone, contents, places))


def sent_of(missing):
    kinesis = FakeKinesis()
    resend(missing, "ingest", kinesis, 1000)
    return kinesis.records


def identities(data):
    block = validate_block(data, sequence="1", now_ms=START + 10**9, tanks=True)
    return block.readings.event_id, block.tanks.event_id


def test_a_reading_that_is_in_no_table_is_sent_again_with_its_identity():
    bucket = Bucket(well(0) + well(1), well(2))
    tables = Tables(scored=[well_id_of(0)])
    missing = missing_of(bucket, tables)
    ((key, data),) = sent_of(missing)
    assert key == "FAC-01"
    assert identities(data)[0] == [well_id_of(1), well_id_of(2)]
    assert dict(missing[0].readings) == {("WELL-00001", SOURCE): 2}
    assert not missing[0].pairs


def test_nothing_is_missing_where_all_has_landed_or_is_still_on_the_stream():
    bucket = Bucket(well(0) + tank(0.5) + well(1))
    assert missing_of(bucket, Tables([well_id_of(0)], [well_id_of(0)]), held={well_id_of(1)}) == []
    assert list(summary([])) == ["Nothing is missing: what arrived is in the lake, or still on the stream."]


def test_objects_of_aws_are_compressed_and_hold_many_records():
    wells = [well(i, f"WELL-{f:05d}", f"FAC-0{f}") for i in range(1500) for f in (1, 2)]
    missing = missing_of(Bucket(b"".join(wells), compressed=True), Tables())
    assert {one.facility_id: one.readings.total() for one in missing} == {"FAC-01": 1500, "FAC-02": 1500}


def test_a_reading_that_misses_its_pair_alone_is_sent_after_its_tank_reading():
    bucket = Bucket(tank(0) + well(1) + tank(2) + well(3), well(60))
    (one,) = missing_of(bucket, Tables([well_id_of(1), well_id_of(3), well_id_of(60)], [well_id_of(1)]))
    ((_, data),) = sent_of([one])
    assert identities(data) == ([well_id_of(3)], [tank_id_of(2)])
    assert one.pairs.total() == 1
    assert one.tanks == 1
    assert not one.readings


def test_a_row_without_its_tank_reading_is_sent_again_even_from_a_reading_on_the_stream():
    bucket = Bucket(tank(0) + well(1) + well(30) + well(60))
    wells = [well_id_of(second) for second in (1, 30, 60)]
    (one,) = missing_of(bucket, Tables(wells, alone=wells[:2]), held=set(wells))
    ((_, data),) = sent_of([one])
    assert identities(data) == ([well_id_of(1)], [tank_id_of(0)])


def test_readings_that_still_wait_for_a_tank_or_came_before_the_first_miss_no_pair():
    bucket = Bucket(well(0) + well(20) + tank(30) + well(50))
    scored = [well_id_of(second) for second in (0, 20, 50)]
    assert missing_of(bucket, Tables(scored, [well_id_of(20)])) == []


def test_a_well_that_waited_for_its_tank_reading_is_sent_after_it():
    bucket = Bucket(tank(0) + well(10) + tank(12) + well(13) + well(40))
    (one,) = missing_of(bucket, Tables([well_id_of(40)], [well_id_of(40)]))
    kinds = [orjson.loads(line.data)["kind"] for line in one.lines]
    assert kinds == ["tank", "well", "well"]


def test_what_is_sent_again_is_a_feed_of_its_own_and_otherwise_as_it_arrived():
    lines = [well(0, feed_id='run "1"'), well(1), well(2, p_pdg=1e400)]
    ((_, data),) = sent_of(missing_of(Bucket(b"".join(lines)), Tables()))
    feeds = {orjson.loads(line.replace(b"1e999", b"0"))["feed_id"] for line in data.splitlines()}
    (feed,) = feeds
    assert feed.startswith("resent-")
    first, second, third = data.splitlines(keepends=True)
    named = b'"feed_id":"' + feed.encode() + b'"'
    assert first.replace(named, b'"feed_id":"run \\"1\\""') == lines[0]
    assert second.replace(b"," + named, b"") == lines[1]
    assert b"1e999" in third


def test_a_rejected_line_is_sent_again_unless_quarantine_has_it():
    there, absent = b'{"kind":"well","a":1}', b'{"kind":"well","facility_id":"FAC-09","a":2}'
    bucket = Bucket(b"\n".join([there, absent, b"not json"]) + b"\n" + well(0))
    missing = missing_of(bucket, Tables([well_id_of(0)], quarantined=[there]))
    assert sorted(sent_of(missing)) == [("FAC-01", b"not json\n"), ("FAC-09", absent + b"\n")]
    assert sum(one.rejected for one in missing) == 2


def test_a_reading_in_the_record_of_another_facility_was_quarantined_and_is_not_missing():
    stray = well(1, facility="FAC-02")
    bucket = Bucket(well(0) + stray)
    assert missing_of(bucket, Tables([well_id_of(0)], quarantined=[stray.rstrip()])) == []


def test_only_the_last_hours_are_compared():
    zone = RawZone("raw", "ingest/", Bucket(*[well(i) for i in range(5)]))
    assert len(zone.objects(2.5 / 3600)) == 3


def test_the_summary_names_facility_well_and_source_and_cuts_long_lists():
    one = Missing("FAC-\x1b1")
    for i in range(MOST_LISTED + 5):
        one.readings[f"WELL-{i:05d}", SOURCE] = 10
    one.rejected = 3
    lines = list(summary([one]))
    assert lines[0] == rf"  FAC-\x1b1  WELL-00000  {SOURCE}: 10 readings"
    assert lines[MOST_LISTED] == "  and 50 of 5 more"
    assert lines[-1].startswith("Missing: 250 readings, 0 pairs")


class Stream:
    """A stream of one shard, read two records at a time."""

    def __init__(self, *blocks):
        self.blocks = blocks

    def list_shards(self, *, StreamName):
        return {"Shards": [{"ShardId": "s"}]}

    def get_shard_iterator(self, *, ShardIteratorType, Timestamp, **_):
        assert ShardIteratorType == "AT_TIMESTAMP"
        return {"ShardIterator": "0"}

    def get_records(self, *, ShardIterator, Limit):
        at = int(ShardIterator)
        records = [
            {"Data": block, "ApproximateArrivalTimestamp": ARRIVED} for block in self.blocks[at : at + 2]
        ]
        return {"Records": records, "NextShardIterator": str(at + 2), "MillisBehindLatest": 0}


def test_the_stream_is_read_to_its_end():
    found = identities_on("ingest", Stream(*[well(i) for i in range(5)]), ARRIVED)
    assert found == {well_id_of(i) for i in range(5)}


@pytest.fixture
def found(monkeypatch):
    """What the command finds, to be changed; and the stream it sends to."""
    (one,) = missing_of(Bucket(well(0)), Tables())
    result, kinesis = Found([one], []), FakeKinesis()
    monkeypatch.setattr(command, "look", lambda hours: result)
    monkeypatch.setattr(command, "client", lambda _: kinesis)
    return result, kinesis


def test_without_execute_nothing_is_sent(found):
    answer = CliRunner().invoke(cli.app, ["resend"])
    assert answer.exit_code == 0
    assert "Nothing was changed." in answer.output
    assert found[1].records == []


def test_while_readings_arrive_nothing_is_sent_unless_forced(found):
    found[0].arriving.append("FAC-01")
    answer = CliRunner().invoke(cli.app, ["resend", "--execute"])
    assert answer.exit_code == 1
    assert found[1].records == []
    assert CliRunner().invoke(cli.app, ["resend", "--execute", "--now"]).exit_code == 0
    assert len(found[1].records) == 1


def test_what_was_sent_is_counted(found):
    said = []
    bring_back(said.append, execute=True, hours=None, now=False)
    assert said[-1].startswith("Sent again: 1 lines in 1 records")


STEPS = st.lists(
    st.tuples(st.sampled_from(["well", "tank"]), st.integers(1, 4_000), st.booleans()),
    min_size=1,
    max_size=60,
)


@settings(max_examples=examples(150), deadline=None)
@given(STEPS)
def test_whatever_was_lost_gets_the_pairs_of_an_undisturbed_stream(steps):
    """Steps forward in time; lost readings are sent when the facility is far ahead, and all are late."""
    ms, lines, lost = 0, [], set()
    for kind, step, is_lost in steps:
        ms += step
        lines.append((well if kind == "well" else tank)(ms / 1000))
        if kind == "well" and is_lost:
            lost.add(well_id_of(ms / 1000))
    # The join keeps 64 tank readings: of those near a lost one it might find a nearer one than it did before.
    lines += [tank(ms / 1000 + 60 + i) for i in range(64)] + [well(ms / 1000 + 60)]
    whole = validate_block(b"".join(lines), sequence="1", now_ms=START + 10**9, tanks=True)
    after, pairs = joined(JoinState(), whole)
    scored = set(whole.readings.event_id) - lost
    missing = missing_of(Bucket(*lines), Tables(scored, set(pairs) - lost))
    again = validate_block(
        b"".join(data for _, data in sent_of(missing)), sequence="2", now_ms=START + 10**9, tanks=True
    )
    assert set(again.readings.event_id) == lost
    assert len(again.readings) == len(lost)
    _, late = joined(after, again)
    assert {one: late[one] for one in lost if one in pairs} == {
        one: pairs[one] for one in lost if one in pairs
    }


def joined(state: JoinState, unit: Validated) -> tuple[JoinState, dict[str, str | None]]:
    """By well reading, the tank reading that the join pairs it with, None without one."""
    readings = unit.readings
    wells = WellEvents(
        readings.well_id,
        readings.source,
        readings.event_id,
        readings.sequence,
        readings.ts_ms,
        readings.ts_ms,
        np.full((len(readings), 9), np.nan),
    )
    result = pair("FAC-01", state, wells, unit.tanks, unit.tank_at)
    pairs = result.rows.pairs
    tanks = [None if at < 0 else pairs.tanks.event_id[at] for at in pairs.tank.tolist()]
    return result.state, dict(zip(pairs.wells.event_id, tanks, strict=True))
