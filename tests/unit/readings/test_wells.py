import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrostream.readings.validation import validate_block
from petrostream.readings.wells import Readings, encode_block, event_id, event_ids, split_lines
from petrostream.times import parse_ms, to_iso, to_sql

NOW = parse_ms("2026-11-20T10:00:00Z")


def batch(count, sequence="1"):
    rows = [
        {
            "kind": "well",
            "well_id": f"WELL-{i:05d}",
            "facility_id": "FAC-03",
            "ts": to_iso(NOW - 1000 * (count - i)),
            "source": "2/WELL-00011_20140515110134",
            "p_tpt": 1.0e7 + i,
        }
        for i in range(count)
    ]
    return validate_block(encode_block(rows), sequence=sequence, now_ms=NOW).readings


class TestEventId:
    def test_repeats_for_the_same_reading(self):
        assert event_id("WELL-00011", "2/a", 5) == event_id("WELL-00011", "2/a", 5)

    def test_keeps_its_value_across_releases(self):
        # Rows already in the lake carry these: another value would make a retry look like a new reading.
        identity = event_id("WELL-00011", "2/WELL-00011_20140515110134", 1763629200000)
        assert identity == "5deb34296cd80c29fb7b2a135c44c1b6"

    @given(st.lists(st.tuples(st.text(max_size=4), st.text(max_size=4), st.integers(0, 99)), unique=True))
    def test_differs_for_different_readings(self, keys):
        assert len({event_id(*key) for key in keys}) == len(keys)

    @given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["", "a", "ü"]), st.integers(0, 99))))
    def test_is_the_same_in_a_batch_of_one_source_or_of_many(self, keys):
        for chosen in (keys, [key for key in keys if key[:2] == keys[0][:2]]):
            wells, sources, times = (
                (list(column) for column in zip(*chosen, strict=True)) if chosen else ([],) * 3
            )
            assert event_ids(wells, sources, times) == [event_id(*key) for key in chosen]

    def test_does_not_confuse_the_end_of_a_name_with_the_start_of_the_next(self):
        assert event_id("WELL-1", "1/a", 0) != event_id("WELL-11", "/a", 0)


class TestSplitLines:
    def test_returns_lines_verbatim_and_needs_no_final_line_feed(self):
        assert split_lines(b'{"a": 1}\r\n\n  \n{"b":2}') == [b'{"a": 1}\r', b'{"b":2}']

    def test_of_nothing_is_nothing(self):
        assert split_lines(b"") == split_lines(b"\n \n") == []

    @given(st.binary())
    def test_loses_only_blank_space(self, data):
        blank = b" \t\r\n"
        kept = b"".join(split_lines(data))
        assert kept.translate(None, blank) == data.translate(None, blank)

    @given(
        st.lists(st.sampled_from([b"{}", b"{", b"}", b" ", b"\t", b"\r", b"\n", b"x", b"\xff"])).map(b"".join)
    )
    def test_leaves_out_blank_lines_only(self, data):
        assert split_lines(data) == [line for line in data.split(b"\n") if line.strip(b" \t\r")]


class TestEncodeBlock:
    def test_writes_a_line_for_each_row_and_leaves_missing_values_out(self):
        data = encode_block([{"a": 1.5, "b": None, "c": math.nan}, {"d": np.float64(2.0), "e": np.nan}])
        assert data == b'{"a":1.5}\n{"d":2.0}\n'

    def test_writes_infinite_values_as_json_that_overflows_when_read(self):
        data = encode_block([{"a": math.inf, "b": np.float64(-math.inf), "c": "null"}])
        assert json.loads(data) == {"a": math.inf, "b": -math.inf, "c": "null"}

    def test_of_no_rows_is_empty(self):
        assert encode_block([]) == b""

    @given(st.lists(st.dictionaries(st.text(), st.text() | st.floats(allow_nan=False) | st.booleans())))
    def test_reads_back_as_it_was(self, rows):
        assert [json.loads(line) for line in split_lines(encode_block(rows))] == rows


class TestReadings:
    def test_take_keeps_every_column_together(self):
        readings = batch(5)
        taken = readings.take([3, 1])
        assert len(taken) == 2
        assert taken.well_id == ["WELL-00003", "WELL-00001"]
        assert taken.ts_ms.tolist() == readings.ts_ms[[3, 1]].tolist()
        np.testing.assert_array_equal(taken.values, readings.values[[3, 1]])
        assert taken.event_id == [readings.event_id[3], readings.event_id[1]]

    def test_take_accepts_a_mask(self):
        assert batch(3).take(np.array([True, False, True])).well_id == ["WELL-00000", "WELL-00002"]

    def test_take_refuses_a_mask_of_another_length(self):
        with pytest.raises(IndexError, match="3 readings"):
            batch(3).take(np.array([True]))

    def test_concat_keeps_order_and_sequence_numbers(self):
        joined = Readings.concat([batch(2, "7"), Readings.empty(), batch(1, "8")])
        assert joined.well_id == ["WELL-00000", "WELL-00001", "WELL-00000"]
        assert joined.sequence == ["7", "7", "8"]
        assert joined.values.shape == (3, 27)
        assert joined.ts_ms.dtype == np.int64

    def test_concat_of_nothing_is_an_empty_batch(self):
        empty = Readings.concat([])
        assert len(empty) == 0
        assert empty.values.shape == (0, 27)
        assert len(empty.take([])) == 0


class TestTimes:
    @given(st.integers(parse_ms("0001-01-01T00:00:00Z"), parse_ms("9999-12-31T23:59:59.999Z")))
    def test_an_instant_reads_back_as_it_was_written(self, ms):
        assert parse_ms(to_iso(ms)) == ms
        assert parse_ms(to_sql(ms) + "+00:00") == ms

    def test_a_zone_is_honoured_and_digits_below_a_millisecond_are_cut(self):
        assert to_iso(parse_ms("2014-05-15T11:01:34.123999+01:00")) == "2014-05-15T10:01:34.123Z"

    @pytest.mark.parametrize(
        "text", ["", "now", "2014-05-15", "2014-05-15T11:01:34", "0001-01-01T00:00:00+01:00", None, 5]
    )
    def test_what_is_no_instant_is_refused(self, text):
        with pytest.raises(ValueError, match=r"instant|isoformat"):
            parse_ms(text)
