from datetime import UTC, datetime

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.cdc import state
from producer.cdc.errors import StateInvalid
from producer.cdc.keys import RowKey
from producer.cdc.poll import Position
from producer.cdc.state import PollState

AT = datetime(2026, 11, 20, 9, 0, 0, 123456, tzinfo=UTC)
TABLE = "postgresql public.readings by updated_at, id"
FULL = PollState(TABLE, Position(RowKey(AT, "42"), 7_000_000_000, AT, AT, 7_000_000_009, None, "744"), 17)


def test_what_is_saved_is_loaded_and_the_mark_is_timestamp_and_id(tmp_path):
    path = tmp_path / "home" / "cdc-default.json"
    assert state.load(path, TABLE) is None
    state.save(path, FULL)
    assert state.load(path, TABLE) == FULL
    assert orjson.loads(path.read_bytes())["mark"] == "2026-11-20T09:00:00.123456Z|42"


@given(
    at=st.one_of(st.datetimes(), st.datetimes(timezones=st.just(UTC))),
    row_id=st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
)
def test_every_key_is_read_as_it_was_written(at, row_id):
    assert RowKey.parse(RowKey(at, row_id).text) == RowKey(at, row_id)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"format": 2}, "format 1"),
        ({"table": "other"}, "belongs to table 'other'"),
        ({"mark": "yesterday|3"}, r"field 'mark' is 'yesterday\|3'"),
        ({"mark": "2026-11-20"}, "field 'mark'"),
        ({"low": -1}, "field 'low' is -1"),
        ({"settled": 3}, "field 'settled' is 3"),
        ({"rows": None}, "field 'rows' is None"),
        ({"settled": "2026-11-20T09:00:00"}, "mixes times with and without zone"),
    ],
)
def test_a_file_that_cannot_be_gone_on_from_is_named_with_what_to_do(tmp_path, change, problem):
    path = tmp_path / "cdc-default.json"
    state.save(path, FULL)
    path.write_bytes(orjson.dumps(orjson.loads(path.read_bytes()) | change))
    with pytest.raises(StateInvalid, match=problem) as caught:
        state.load(path, TABLE)
    assert str(path) in str(caught.value)
    assert "--since" in str(caught.value)


def test_half_a_file_is_named(tmp_path):
    path = tmp_path / "cdc-default.json"
    path.write_bytes(b'{"format": 1')
    with pytest.raises(StateInvalid, match="JSON"):
        state.load(path, TABLE)
