"""Rows of the table of alarms, and the timers' encoding."""

from dataclasses import replace

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from petrostream.alarms.actions import acknowledge, shelve
from petrostream.alarms.codec import from_plain, to_plain
from petrostream.alarms.engine import Channel, Signals, WellAlarms, run_alarms
from petrostream.alarms.events import Active, AlarmEvent
from petrostream.alarms.records import apply
from petrostream.alarms.timers import NEVER
from petrostream.lake.alarms import action_rows_to_blocks, alarm_rows_to_blocks
from petrostream.risk.naming import LikelyEvent
from petrostream.schema.sensors import schema

START = 1_699_999_990_000


def changes(n=100):
    signals = Signals(
        well_id="WELL-00011",
        source="2/test",
        ts_ms=START + 1000 * np.arange(n),
        score=np.where(np.arange(n) < 30, 0.6, 0.4),
        threshold=np.full(n, 0.56),
        rules={},
        methane_ppm=np.full(n, np.nan),
        operating_state=np.full(n, -1),
    )
    return run_alarms(None, signals).transitions


def rows(blocks):
    return [orjson.loads(line) for block in blocks for line in block.data.splitlines()]


def test_a_transition_is_a_row_with_the_names_of_the_schema():
    activated, returned = changes()
    events = [
        AlarmEvent(
            activated,
            "FAC-03",
            source_ts_ms=START,
            sentence="P-TPT fell 3 bar in 60 s: like a spurious DHSV closure",
            score=0.61,
            rule_ids=("dhsv_closure",),
            label=102,
            model_kind="commissioned",
            sequence="495",
            likely=LikelyEvent(2, "rule dhsv_closure holds"),
        ),
        AlarmEvent(returned, "FAC-03"),
    ]
    first, last = rows(alarm_rows_to_blocks(events, recorded_at_ms=START))
    assert set(first) <= set(schema("alarms").names)
    assert first["transition_id"] == activated.transition_id
    assert (first["ts"], first["start_ts"]) == ("2023-11-14 22:13:20.000", "2023-11-14 22:13:10.000")
    assert (first["alarm_group"], first["priority"], first["class"]) == ("process", "low", 102)
    assert first["sentence"].startswith("P-TPT fell 3 bar")
    assert (first["likely_class"], first["likely_event"]) == (2, "spurious closure of DHSV")
    assert first["evidence"] == "rule dhsv_closure holds"
    assert last["likely_event"] is None
    assert (last["event"], last["cause"], last["source_ts"]) == ("returned", "cleared", None)
    assert last["alarm_id"] == first["alarm_id"]


def test_transitions_of_two_dates_make_two_blocks():
    activated, returned = changes()
    tomorrow = replace(returned, ts_ms=returned.ts_ms + 86_400_000)
    blocks = alarm_rows_to_blocks(
        [AlarmEvent(activated, "FAC-03"), AlarmEvent(tomorrow, "FAC-03")], recorded_at_ms=START
    )
    assert [block.date for block in blocks] == ["2023-11-14", "2023-11-15"]


def test_without_transitions_there_are_no_blocks():
    assert alarm_rows_to_blocks([], recorded_at_ms=START) == []


def test_operators_actions_are_rows_of_the_same_table():
    record = apply(None, changes()[0])
    record, seen = acknowledge(record, actor="ana", now_ms=START + 60_000)
    record, shelved = shelve(
        record, actor="ana", now_ms=START + 61_000, until_ms=START + 3_661_000, comment="gauge"
    )
    blocks = action_rows_to_blocks([seen, shelved], {"WELL-00011": "FAC-03"}, recorded_at_ms=START)
    first, last = rows(blocks)
    assert (first["event"], first["actor"], first["facility_id"]) == ("acknowledged", "ana", "FAC-03")
    assert first["alarm_id"] == record.alarm_id
    assert (last["comment"], last["shelved_until"]) == ("gauge", "2023-11-14 23:14:11.000")
    assert set(last) <= set(schema("alarms").names)


TIMES = st.one_of(st.just(NEVER), st.integers(-(2**40), 2**45))
CHANNELS = st.builds(
    Channel,
    TIMES,
    TIMES,
    TIMES,
    TIMES,
    st.none() | st.builds(Active, st.integers(0, 2**45), TIMES, st.booleans()),
)


@given(
    st.none() | st.builds(WellAlarms, st.text(), st.integers(0, 2**45), st.dictionaries(st.text(), CHANNELS))
)
def test_timers_are_equal_after_a_round_trip(alarms):
    assert from_plain(orjson.loads(orjson.dumps(to_plain(alarms)))) == alarms
