"""Tank readings: validation by the rules of wells, and their place among the well readings of a block."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrostream.readings.decoding import decode_lines
from petrostream.readings.inspection import inspect
from petrostream.readings.tanks import TANK_VALUES, VAPOR, TankReadings, tank_event_id
from petrostream.readings.validation import Validated, validate_block
from petrostream.readings.wells import encode_block, split_lines
from petrostream.schema.kinds import TANK
from petrostream.times import parse_ms, to_iso

NOW = parse_ms("2026-11-20T10:00:00Z")
VALUES = {
    "vapor_concentration_ppm": 2_000.0,
    "level_pct": 55.0,
    "pressure_pa": 105_000.0,
    "temperature_c": 38.5,
}


def tank(**changes):
    base = {"kind": "tank", "tank_id": "TANK-03A", "facility_id": "FAC-03", "ts": to_iso(NOW), **VALUES}
    return {name: value for name, value in (base | changes).items() if value is not None}


def well(**changes):
    base = {
        "kind": "well",
        "well_id": "WELL-00011",
        "facility_id": "FAC-03",
        "ts": to_iso(NOW),
        "source": "x",
    }
    return base | {"p_tpt": 1e7} | changes


def check(*rows, **options):
    return validate_block(encode_block(rows), sequence="42", now_ms=NOW, tanks=True, **options)


def reading(**changes):
    """The one reading of a tank row that must be valid."""
    validated = check(tank(**changes))
    assert validated.rejected == []
    assert len(validated.readings) == 0
    return validated.tanks


def test_a_kind_written_with_an_escape_is_a_tank_s():
    line = encode_block([tank()]).replace(b'"tank"', b'"t\\u0061nk"')
    validated = validate_block(line, sequence="42", now_ms=NOW, tanks=True)
    assert validated.rejected == []
    assert validated.tanks.tank_id == ["TANK-03A"]


def reasons(line, **options):
    """The reasons for which a row, or a line, must be rejected."""
    data = line if isinstance(line, bytes) else encode_block([line])
    validated = validate_block(data, sequence="42", now_ms=NOW, tanks=True, **options)
    assert len(validated.tanks) == 0
    (rejected,) = validated.rejected
    return rejected.reasons


class TestCleanReading:
    def test_carries_every_field_into_its_column(self):
        got = reading()
        assert (got.tank_id, got.facility_id, got.sequence) == (["TANK-03A"], ["FAC-03"], ["42"])
        assert got.ts_ms.tolist() == [NOW]
        assert dict(zip(TANK_VALUES, got.values[0].tolist(), strict=True)) == VALUES
        assert got.event_id == [tank_event_id("TANK-03A", "FAC-03", NOW)]
        assert got.reasons == [()]
        assert got.quality.tolist() == [100.0]

    def test_may_lack_every_value(self):
        got = reading(**dict.fromkeys(VALUES))
        assert np.isnan(got.values).all()
        assert got.quality.tolist() == [0.0]

    def test_two_tanks_of_one_instant_are_two_events(self):
        got = check(tank(), tank(tank_id="TANK-03B")).tanks
        assert len(set(got.event_id)) == 2


class TestCondemnedValue:
    @pytest.mark.parametrize("value", [-1.0, 1_000_001.0])
    def test_impossible_becomes_missing_and_the_reading_stays(self, value):
        got = reading(vapor_concentration_ppm=value)
        assert np.isnan(got.values[0, VAPOR])
        assert got.reasons == [("out_of_range:vapor_concentration_ppm",)]
        assert got.quality.tolist() == [75.0]  # 70 * 3/4 + 30 * 3/4

    def test_beyond_a_double_is_non_finite(self):
        assert reading(level_pct=math.inf).reasons == [("non_finite:level_pct",)]

    def test_an_unknown_field_costs_nothing(self):
        got = reading(torque=1)
        assert got.reasons == [("unknown_field:torque",)]
        assert got.quality.tolist() == [100.0]

    def test_a_field_of_wells_is_unknown_to_tanks(self):
        assert reading(p_tpt=1e7).reasons == [("unknown_field:p_tpt",)]


class TestRejectedLine:
    @pytest.mark.parametrize("field", ["tank_id", "facility_id", "ts"])
    def test_lacks_identity_or_time(self, field):
        assert reasons(tank(**{field: None})) == (f"missing:{field}",)

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"level_pct": "55"}, "wrong_type:level_pct"),
            ({"pressure_pa": True}, "wrong_type:pressure_pa"),
            ({"tank_id": 3}, "wrong_type:tank_id"),
            ({"ts": to_iso(NOW + 3_600_001)}, "time_in_future:ts"),
            ({"ts": "2026-11-20T10:00:00"}, "unparsable_time:ts"),
            ({"ts": "1970-01-01T00:00:00Z"}, "time_too_old:ts"),
            ({"tank_id": "T" * 201}, "too_long:tank_id"),
            ({"tank_id": "T\x1b[2J"}, "control_character:tank_id"),
        ],
    )
    def test_breaks_a_rule(self, changes, reason):
        assert reasons(tank(**changes)) == (reason,)

    def test_has_all_its_reasons(self):
        assert reasons(tank(tank_id=None, level_pct="x")) == ("missing:tank_id", "wrong_type:level_pct")

    def test_is_of_another_facility(self):
        assert reasons(tank(), partition_key="FAC-04") == ("facility_mismatch",)

    def test_is_a_tank_where_the_caller_has_no_use_for_tanks(self):
        got = validate_block(encode_block([well(), tank()]), sequence="1", now_ms=NOW)
        assert len(got.readings) == 1
        assert [(line.line, line.reasons, line.kind) for line in got.rejected] == [
            (1, ("unknown_kind",), "tank")
        ]


class TestMixedBlock:
    def test_keeps_the_order_between_wells_and_tanks(self):
        bad = well(ts="soon")
        got = check(tank(), well(), bad, tank(level_pct="x"), well(), tank(tank_id="TANK-03B"), well())
        assert len(got.readings) == 3
        assert got.tanks.tank_id == ["TANK-03A", "TANK-03B"]
        assert got.tank_at.tolist() == [0, 2]
        assert [line.line for line in got.rejected] == [2, 3]

    def test_blocks_are_put_together_in_order(self):
        parts = [check(well(), tank()), check(tank(), well(), well()), check(), check(tank())]
        whole = Validated.concat(parts)
        assert len(whole.readings) == 3
        assert whole.tank_at.tolist() == [1, 1, 3]

    def test_no_blocks_are_an_empty_batch(self):
        whole = Validated.concat([])
        assert (len(whole.readings), len(whole.tanks), len(whole.tank_at)) == (0, 0, 0)


class TestBatch:
    def test_takes_positions_and_masks(self):
        batch = check(*(tank(tank_id=name) for name in "ABC")).tanks
        assert batch.take([2, 0]).tank_id == ["C", "A"]
        assert batch.take(np.array([False, True, False])).tank_id == ["B"]
        assert len(batch.take([])) == 0

    def test_joins_batches(self):
        one, two = reading(), reading(tank_id="TANK-03B")
        assert TankReadings.concat([one, two]).tank_id == ["TANK-03A", "TANK-03B"]
        assert len(TankReadings.concat([])) == 0


JUNK = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from([to_iso(NOW + 10**7), "tank", "well", 1e300])
)
FIELDS = st.sampled_from([*TANK.schema.names, "torque"])
TANK_ROWS = st.builds(lambda changes: tank(**changes), st.dictionaries(FIELDS, JUNK, max_size=3))
ROWS = st.lists(TANK_ROWS | st.just(well()), max_size=10)


class TestAnyRows:
    @given(ROWS)
    def test_every_line_comes_out_exactly_once(self, rows):
        got = check(*rows)
        assert len(got.readings) + len(got.tanks) + len(got.rejected) == len(rows)
        assert (np.diff(got.tank_at) >= 0).all()

    @given(ROWS)
    def test_each_tank_gets_the_verdict_of_the_full_inspection(self, rows):
        data = encode_block(rows)
        got = validate_block(data, sequence="1", now_ms=NOW, tanks=True)
        kept = []
        for record in decode_lines(split_lines(data)):
            if record.get("kind") == "tank":
                found = inspect(record, now_ms=NOW, partition_key=None, expected=TANK)
                if not found.failures:
                    kept.append((tuple(found.tags), found.clean["tank_id"], found.clean["ts"]))
        assert list(zip(got.tanks.reasons, got.tanks.tank_id, got.tanks.ts_ms.tolist(), strict=True)) == kept
