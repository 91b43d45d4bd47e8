"""Rows in blocks: each the JSON of its values, in as few blocks as possible."""

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrostream.lake.blocks import columns_to_blocks, sql_times
from petrostream.schema import schema
from petrostream.times import DAY_MS, to_sql

TEXTS = st.text(st.sampled_from('ab,"\\é\n\r\t\x00 \x1f\x7f€😀'), max_size=4)
COLUMNS = {
    "well_id": TEXTS,
    "source": st.sampled_from(["same", "same", 'other"']),
    "reason": TEXTS | st.none(),
    "model_version": st.just("v1"),
    "top_sensors": st.lists(TEXTS, max_size=2).map(tuple) | st.none(),
    "class": st.integers(-3, 108) | st.none(),
}
NUMBERS = {"p_pdg": st.floats(allow_infinity=False), "risk_score": st.integers(0, 100)}


@st.composite
def tables(draw):
    n = draw(st.integers(1, 30))
    table = {
        name: draw(st.lists(values, min_size=n, max_size=n)) for name, values in (COLUMNS | NUMBERS).items()
    }
    names = draw(st.sets(st.sampled_from(sorted(table)), min_size=1))
    days = draw(st.lists(st.sampled_from([20_000, 20_000, 20_001]), min_size=n, max_size=n))
    return {name: table[name] for name in sorted(names)}, days


def as_expected(table, days, max_bytes):
    """Dates and blocks, row by row."""
    order = sorted(table, key=schema("scored_readings").names.index)
    rows = [
        orjson.dumps({name: table[name][i] for name in order}, option=orjson.OPT_APPEND_NEWLINE)
        for i in range(len(days))
    ]
    blocks = []
    for day in sorted(set(days)):
        block = []
        for row in (row for row, of in zip(rows, days, strict=True) if of == day):
            if block and len(b"".join(block)) + len(row) > max_bytes:
                blocks.append((day, block))
                block = []
            block.append(row)
        blocks.append((day, block))
    return [(str(np.datetime64(day, "D")), b"".join(block), len(block)) for day, block in blocks]


@given(tables(), st.integers(1, 400))
def test_rows_are_the_json_of_their_values(drawn, max_bytes):
    table, days = drawn
    columns = {name: np.array(column) if name in NUMBERS else column for name, column in table.items()}
    times = np.array(days, np.int64) * DAY_MS + 5
    found = columns_to_blocks("scored_readings", columns, times, max_bytes)
    assert [(block.date, block.data, block.rows) for block in found] == as_expected(table, days, max_bytes)


@given(st.lists(st.integers(-62_135_596_800_000, 253_402_300_799_999), min_size=1, max_size=40))
def test_times_are_written_as_the_lake_reads_them(times):
    assert sql_times(np.array(times, np.int64)) == [to_sql(ms) for ms in times]


def test_a_text_that_ends_like_a_separator_stays_whole():
    columns = {"well_id": ["a", 'b",', "c"], "source": ['",', '","', ""]}
    (block,) = columns_to_blocks("scored_readings", columns, np.zeros(3, np.int64))
    rows = [orjson.loads(line) for line in block.data.splitlines()]
    assert {name: [row[name] for row in rows] for name in columns} == columns


@pytest.mark.parametrize("text", ["\x00", "\x1f", '"', "\\", "é", "\x7f"])
def test_a_text_that_json_escapes_is_escaped(text):
    columns = {"well_id": ["a", text, "b"]}
    (block,) = columns_to_blocks("scored_readings", columns, np.zeros(3, np.int64))
    assert [orjson.loads(line)["well_id"] for line in block.data.splitlines()] == columns["well_id"]
