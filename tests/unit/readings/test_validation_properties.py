import base64
import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from petrostream.readings.decoding import decode_lines
from petrostream.readings.inspection import EARLIEST_MS, inspect
from petrostream.readings.validated import Block, Validated
from petrostream.readings.validation import validate_block, validate_blocks
from petrostream.readings.wells import Readings, encode_block, split_lines
from petrostream.readings.wrong_units import without_units
from petrostream.schema.sensors import SENSOR_NAMES, schema
from petrostream.times import parse_ms, to_iso
from tests.support.depth import examples

NOW = parse_ms("2026-11-20T10:00:00Z")
CORE = {"p_pdg": 2.1e7, "p_tpt": 1.1e7, "t_tpt": 110.0, "p_mon_ckp": 1.2e6, "t_jus_ckp": 71.5}
FRAME = base64.b64encode(np.array([3.0, -4.0], dtype="<f4").tobytes()).decode()


def row(**changes):
    base = {
        "kind": "well",
        "well_id": "WELL-00011",
        "facility_id": "FAC-03",
        "ts": to_iso(NOW),
        "source": "2/WELL-00011_20140515110134",
        **CORE,
    }
    return {name: value for name, value in (base | changes).items() if value is not None}


JUNK = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(
        [
            "W\x1b",
            "W\u202e",
            to_iso(NOW + 10**7),
            "2020-01-01T00:00:00+03:00",
            "well",
            "tank",
            FRAME,
            1e300,
            0,
            1,
        ]
    )
    | st.lists(st.integers(0, 9), max_size=2)
)
FIELDS = st.sampled_from([*schema("well_reading").names, "torque"])
ROWS = st.builds(lambda changes: row(**changes), st.dictionaries(FIELDS, JUNK, max_size=3))
LINES = ROWS.map(lambda one: encode_block([one]).rstrip(b"\n")) | st.binary(max_size=30).map(
    lambda data: data.replace(b"\n", b"")
)


def same(left, right):
    for name in type(left).__slots__:
        one, other = getattr(left, name), getattr(right, name)
        if isinstance(one, np.ndarray):
            np.testing.assert_array_equal(one, other)
        else:
            assert one == other


class TestAnyBytes:
    @given(st.binary())
    def test_every_line_comes_out_exactly_once(self, data):
        got = validate_block(data, sequence="1", now_ms=NOW)
        assert len(got.readings) + len(got.rejected) == len(split_lines(data))

    @given(st.lists(LINES, max_size=12))
    @settings(max_examples=examples(150))
    def test_each_line_gets_the_verdict_of_the_full_inspection(self, lines):
        data = b"\n".join(lines)
        got = validate_block(data, sequence="1", now_ms=NOW, partition_key="FAC-03")
        rejected, kept = {}, []
        for place, record in enumerate(decode_lines(split_lines(data))):
            if isinstance(record, str):
                rejected[place] = (record,)
                continue
            found = inspect(record, now_ms=NOW, partition_key="FAC-03")
            if found.failures:
                rejected[place] = (*found.failures, *found.tags)
            else:
                kept.append((tuple(found.tags), found.clean))
        assert {line.line: line.reasons for line in got.rejected} == rejected
        assert [line.line for line in got.rejected] == sorted(rejected)
        # Units are judged afterwards, over all gauges of a reading.
        assert list(map(without_units, got.readings.reasons)) == [tags for tags, _ in kept]
        assert got.readings.ts_ms.tolist() == [clean["ts"] for _, clean in kept]
        expected = [[clean.get(name, math.nan) for name in SENSOR_NAMES] for _, clean in kept]
        np.testing.assert_array_equal(got.readings.values, np.array(expected).reshape(-1, 27))

    @given(st.lists(LINES, max_size=8))
    def test_a_block_decodes_as_its_lines_do_one_by_one(self, lines):
        whole = validate_block(b"\n".join(lines), sequence="1", now_ms=NOW)
        parts = [validate_block(line, sequence="1", now_ms=NOW) for line in lines]
        same(whole.readings, Readings.concat([part.readings for part in parts]))
        assert [line.raw for line in whole.rejected] == [x.raw for part in parts for x in part.rejected]
        assert ((whole.readings.quality >= 0) & (whole.readings.quality <= 100)).all()

    @given(
        st.lists(st.dictionaries(st.sampled_from(SENSOR_NAMES), st.floats(0, 1), max_size=27), max_size=6),
        st.integers(EARLIEST_MS, NOW),
    )
    def test_what_is_written_is_read_back(self, sent, start):
        empty = dict.fromkeys(CORE)
        rows = [row(**(empty | values), ts=to_iso(start + i)) for i, values in enumerate(sent)]
        got = validate_block(encode_block(rows), sequence="1", now_ms=NOW)
        assert got.rejected == []
        assert got.readings.ts_ms.tolist() == [start + i for i in range(len(sent))]
        expected = [[values.get(name, math.nan) for name in SENSOR_NAMES] for values in sent]
        np.testing.assert_array_equal(got.readings.values, np.array(expected).reshape(-1, 27))


DAY_MS = 86_400_000
TANKS = st.builds(
    lambda changes: {
        "kind": "tank",
        "tank_id": "TANK-01",
        "facility_id": "FAC-03",
        "ts": to_iso(NOW),
        "level_pct": 50.0,
        **changes,
    },
    st.dictionaries(st.sampled_from([*schema("tank_reading").names, "torque"]), JUNK, max_size=2),
).map(lambda one: encode_block([one]).rstrip(b"\n"))
MANY_DATES = st.integers(20, 60).map(
    lambda days: b"\n".join(encode_block([row(ts=to_iso(NOW - day * DAY_MS))]).strip() for day in range(days))
)
NEAR_THE_LIMIT = st.integers(-2, 2).map(
    lambda offset: encode_block([row(ts=to_iso(NOW + 3_600_000 + offset), torque=1.0)]).strip()
)
BLOCKS = st.builds(
    Block,
    st.lists(LINES | TANKS | NEAR_THE_LIMIT | MANY_DATES | st.just(b""), max_size=8).map(b"\n".join),
    st.integers(1, 99).map(str),
    st.integers(NOW - 2, NOW + 2),
)


class TestBlocks:
    @given(st.lists(BLOCKS, min_size=1, max_size=6), st.sampled_from([None, "FAC-03"]), st.booleans())
    @settings(max_examples=examples(200), deadline=None)
    def test_blocks_are_validated_together_as_each_on_its_own(self, blocks, partition_key, tanks):
        got = validate_blocks(blocks, partition_key=partition_key, tanks=tanks)
        parts = [
            validate_block(
                block.data,
                sequence=block.sequence,
                now_ms=block.arrival_ms,
                partition_key=partition_key,
                tanks=tanks,
            )
            for block in blocks
        ]
        whole = Validated.concat(parts)
        same(got.whole.readings, whole.readings)
        same(got.whole.tanks, whole.tanks)
        np.testing.assert_array_equal(got.whole.tank_at, whole.tank_at)
        assert got.rejected == [part.rejected for part in parts]
        assert got.well_ends == np.cumsum([len(part.readings) for part in parts]).tolist()
        assert got.tank_ends == np.cumsum([len(part.tanks) for part in parts]).tolist()


class TestFrames:
    @given(
        st.lists(
            st.none()
            | st.sampled_from(["no base64!", "AAA=", FRAME + FRAME, 7])
            | st.lists(st.floats(width=32), min_size=3, max_size=3).map(
                lambda frame: base64.b64encode(np.array(frame, dtype="<f4").tobytes()).decode()
            ),
            max_size=8,
        )
    )
    def test_a_block_of_frames_decodes_as_they_do_one_by_one(self, frames):
        lines = [encode_block([row(vibration_encoded=frame)]) for frame in frames]
        whole = validate_block(b"".join(lines), sequence="1", now_ms=NOW)
        parts = [validate_block(line, sequence="1", now_ms=NOW) for line in lines]
        same(whole.readings, Readings.concat([part.readings for part in parts]))
        assert [line.reasons for line in whole.rejected] == [
            x.reasons for part in parts for x in part.rejected
        ]
