import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrostream.aws.kinesis import KinesisWriter, RetryLimits
from petrostream.readings import MAX_DATES, validate_block
from petrostream.times import DAY_MS, to_iso
from producer.cdc.convert import ReadingLine
from producer.cdc.sink import Interrupted, StreamSink, blocks
from tests.support.fake_kinesis import FakeKinesis, FakeTime

START_MS = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000)


def line(ms, facility="FAC-01", padding=""):
    fields = {"kind": "well", "well_id": "W", "facility_id": facility, "source": "s", "x": padding}
    fields["ts"] = to_iso(int(ms))
    return ReadingLine(facility, ms, json.dumps(fields).encode() + b"\n")


def sink(kinesis, time, stopped=lambda: False):
    limits = RetryLimits(clock=time.seconds, sleep=time.sleep)
    return StreamSink(KinesisWriter("stream", kinesis, limits), 1000, stopped, lambda _: None, time.seconds)


@given(
    lines=st.lists(
        st.builds(
            line,
            st.integers(0, 200).map(lambda day: START_MS + day * DAY_MS),
            st.sampled_from(["FAC-01", "FAC-02"]),
            st.sampled_from(["", "x" * 300, "x" * 3000]),
        ),
        max_size=150,
    )
)
def test_blocks_hold_every_line_once_of_one_facility_oldest_first_and_of_few_dates(lines):
    found = list(blocks(lines, 1000))
    sent = [one for _, data, _ in found for one in data.splitlines(keepends=True)]
    assert sorted(sent) == sorted(one.data for one in lines)
    assert sum(count for _, _, count in found) == len(lines)
    last = {}
    for facility, data, count in found:
        rows = [json.loads(one) for one in data.splitlines()]
        assert len(rows) == count
        assert {one["facility_id"] for one in rows} == {facility}
        assert len({one["ts"] for one in rows}) <= MAX_DATES
        assert len(data) <= 1000 or count == 1
        times = [last.get(facility, ""), *(one["ts"] for one in rows)]
        assert times == sorted(times)
        last[facility] = times[-1]


def test_send_returns_when_everything_is_accepted_however_often_it_is_refused():
    refusals = iter([True, True, False, True])
    kinesis = FakeKinesis(
        refuse=lambda *_: next(refusals, False), disturb=lambda call: "lost" if call == 3 else None
    )
    time = FakeTime()
    sink(kinesis, time).send([line(START_MS + n * 1000, f"FAC-0{n % 3}", "x" * 200) for n in range(30)])
    found = [
        validate_block(data, sequence="1", now_ms=START_MS + DAY_MS).readings for _, data in kinesis.records
    ]
    assert len({one for block in found for one in block.event_id}) == 30


def test_a_stop_leaves_ten_seconds_for_what_is_on_its_way():
    time = FakeTime()
    with pytest.raises(Interrupted, match="the next run sends their rows"):
        sink(FakeKinesis(refuse=lambda *_: True), time, stopped=lambda: True).send([line(START_MS)])
    assert 10 < time.elapsed < 12
    kinesis = FakeKinesis()
    sink(kinesis, FakeTime(), stopped=lambda: True).send([line(START_MS)])
    assert len(kinesis.records) == 1
