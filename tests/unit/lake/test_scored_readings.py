"""Rows for the lake: the schema's names, one date per block, bounded size, nothing lost."""

import json
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from petrostream.lake.blocks import sql_times
from petrostream.lake.scored_readings import rows_to_blocks
from petrostream.readings.wells import Readings
from petrostream.schema.sensors import schema
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from petrostream.times import to_sql
from tests.support.wells import FACILITY, START, WELL, event_values, models, normal_values, readings

MIDNIGHT = 1_700_006_400_000  # 2023-11-15T00:00:00Z
TYPES = {"string": str, "double": float, "int": int, "timestamp": str, "array<string>": list}


def scored(batch):
    return score_batch(FacilityState(FACILITY), batch, models(), scored_at_ms=START + 123).rows


def rows_of(batch, **options):
    blocks = rows_to_blocks(scored(batch), **options)
    return [json.loads(line) for block in blocks for line in block.data.splitlines()]


def full_batch():
    batch = readings(
        event_values(300),
        methane=np.full(300, 600.0),
        sequence="49590338271490256608559692538361571095921575989136588898",
    )
    batch.label[:] = [0] * 300
    batch.state[:] = [0] * 299 + [None]
    batch.source_ts_ms[:] = START - 86_400_000 * 365
    batch.source_ts_ms[7] = np.iinfo(np.int64).min
    batch.reasons[3] = ("out_of_range:p_pdg",)
    return batch


def test_every_name_and_type_is_the_schema_s():
    fields = {field.name: field for field in schema("scored_readings").fields}
    rows = rows_of(full_batch())
    for row in rows:
        assert set(row) <= set(fields)
        for name, value in row.items():
            assert value is None or isinstance(value, TYPES[fields[name].type]), (name, value)


def test_values_are_written_unchanged():
    batch = full_batch()
    rows = rows_of(batch)
    assert [row["event_id"] for row in rows] == batch.event_id
    assert [row["p_tpt"] for row in rows] == batch.values[:, schema("sensors").names.index("p_tpt")].tolist()
    assert all(row["pressure"] == row["p_tpt"] and row["temperature"] == row["t_tpt"] for row in rows)
    assert rows[0]["ts"] == to_sql(START)
    assert rows[0]["scored_at"] == to_sql(START + 123)
    assert rows[6]["source_ts"] == to_sql(START - 86_400_000 * 365)
    assert rows[7]["source_ts"] is None
    assert rows[3]["validation_reasons"] == ["out_of_range:p_pdg"]
    assert rows[299]["state"] is None
    assert rows[0]["class"] == 0
    assert rows[0]["emission_risk"] == 40
    assert rows[0]["well_status"] == "ALERT"
    assert rows[0]["process_risk"] is None
    assert rows[299]["anomaly_flag"] == 1
    assert rows[299]["top_sensors"]


def test_columns_without_a_value_are_left_out():
    row = rows_of(readings(normal_values(5)))[0]
    absent = {"qgl", "methane_ppm", "emission_category", "emission_risk", "class", "source_ts", "rule_ids"}
    assert not absent & set(row)
    assert row["validation_status"] == "SUCCESS"


def test_a_block_has_one_date():
    batch = readings(normal_values(100), MIDNIGHT + 1000 * (np.arange(100) - 60))
    blocks = rows_to_blocks(scored(batch))
    assert [(block.date, block.rows) for block in blocks] == [("2023-11-14", 60), ("2023-11-15", 40)]
    for block in blocks:
        assert {json.loads(line)["ts"][:10] for line in block.data.splitlines()} == {block.date}


def test_dates_stay_together_when_late_readings_interleave():
    ts_ms = MIDNIGHT + np.array([-2000, 1000, -1000, 2000])
    blocks = rows_to_blocks(scored(readings(normal_values(4), ts_ms)))
    assert [(block.date, block.rows) for block in blocks] == [("2023-11-14", 2), ("2023-11-15", 2)]


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 120), st.integers(1, 20_000))
def test_blocks_are_bounded_full_lines_and_complete(n, max_bytes):
    rows = scored(readings(normal_values(n)))
    blocks = rows_to_blocks(rows, max_bytes)
    longest = max(len(line) for block in blocks for line in block.data.splitlines(keepends=True))
    assert all(len(block.data) <= max(max_bytes, longest) for block in blocks)
    assert all(block.data.endswith(b"\n") and block.data.count(b"\n") == block.rows for block in blocks)
    ids = [json.loads(line)["event_id"] for block in blocks for line in block.data.splitlines()]
    assert ids == rows.readings.event_id
    for left, right in pairwise(blocks):
        following = right.data.index(b"\n") + 1
        assert len(left.data) + following > max_bytes


def test_wells_with_and_without_gas_share_a_block():
    mixed = Readings.concat(
        [
            readings(normal_values(1), methane=[300.0]),
            readings(normal_values(1), well=f"{WELL}-B"),
        ]
    )
    first, second = rows_of(mixed)
    assert (first["emission_category"], first["emission_risk"]) == ("MEDIUM", 20)
    assert (second["emission_category"], second["emission_risk"]) == (None, None)


@given(st.lists(st.integers(0, 4_102_444_800_000), min_size=1, max_size=5))
def test_times_have_the_format_that_readers_expect(ts_ms):
    assert sql_times(np.array(ts_ms)) == [to_sql(one) for one in ts_ms]
