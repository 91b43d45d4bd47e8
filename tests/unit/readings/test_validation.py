import base64
import json
import math

import numpy as np
import pytest

from petrostream.lake.quarantine import quarantine_row
from petrostream.readings.inspection import EARLIEST_MS, MAX_NAME_CHARS
from petrostream.readings.quality import CORE_SENSORS
from petrostream.readings.validation import validate_block
from petrostream.readings.wells import MAX_LINE_BYTES, NO_TIME, encode_block, event_id
from petrostream.schema.sensors import SENSOR_INDEX, SENSOR_NAMES, schema
from petrostream.times import parse_ms, to_iso
from tests.support.paths import ROOT

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
        "source_ts": "2014-05-15T11:01:34Z",
        **CORE,
        "class": 0,
    }
    return {name: value for name, value in (base | changes).items() if value is not None}


def check(*rows, **options):
    return validate_block(encode_block(rows), sequence="42", now_ms=NOW, **options)


def reading(**changes):
    """The one reading of a row that must be valid."""
    validated = check(row(**changes))
    assert validated.rejected == []
    return validated.readings


def reasons(line, **options):
    """The reasons for which a line (bytes, or a row) must be rejected."""
    data = line if isinstance(line, bytes) else encode_block([line])
    validated = validate_block(data, sequence="42", now_ms=NOW, **options)
    assert len(validated.readings) == 0
    (rejected,) = validated.rejected
    return rejected.reasons


class TestCleanReading:
    def test_carries_every_field_into_its_column(self):
        got = reading(state=3, methane_ppm=385.5, co2_ppm=400, vibration_encoded=FRAME)
        assert (got.well_id, got.facility_id, got.sequence) == (["WELL-00011"], ["FAC-03"], ["42"])
        assert got.source == ["2/WELL-00011_20140515110134"]
        assert got.ts_ms.tolist() == [NOW]
        assert got.source_ts_ms.tolist() == [parse_ms("2014-05-15T11:01:34Z")]
        assert (got.label, got.state) == ([0], [3])
        assert (got.methane_ppm[0], got.co2_ppm[0]) == (385.5, 400.0)
        assert got.vibration_rms[0] == pytest.approx(math.sqrt(12.5))
        assert got.event_id == [event_id("WELL-00011", "2/WELL-00011_20140515110134", NOW)]
        assert got.reasons == [()]
        assert got.quality.tolist() == [100.0]

    def test_bears_the_arrival_of_its_record_and_the_name_of_its_run_if_there_is_one(self):
        got = check(row(feed_id="4f0c"), row(), row(feed_id=" ")).readings
        assert got.feed_id == ["4f0c", "", ""]
        assert got.arrival_ms.tolist() == [NOW] * 3
        assert got.reasons == [()] * 3
        assert len(set(got.event_id)) == 1

    def test_has_nan_where_a_sensor_sent_nothing(self):
        values = reading().values[0]
        sent = {SENSOR_NAMES[i]: values[i] for i in np.flatnonzero(~np.isnan(values))}
        assert sent == CORE

    def test_may_lack_everything_that_is_not_required(self):
        got = reading(**dict.fromkeys((*CORE, "source_ts", "class")))
        assert got.source_ts_ms.tolist() == [NO_TIME]
        assert (got.label, got.state) == ([None], [None])
        assert np.isnan([got.methane_ppm[0], got.co2_ppm[0], got.vibration_rms[0]]).all()

    def test_takes_null_for_missing(self):
        line = json.dumps(row() | {"p_pdg": None, "class": None, "vibration_encoded": None}).encode()
        got = validate_block(line, sequence="1", now_ms=NOW).readings
        assert np.isnan(got.values[0, SENSOR_INDEX["p_pdg"]])
        assert (got.label, got.reasons) == ([None], [()])

    def test_takes_a_whole_number_written_as_a_double(self):
        assert reading(**{"class": 101.0}).label == [101]

    @pytest.mark.parametrize("ahead_ms", [3_600_000, -86_400_000])
    def test_may_be_up_to_an_hour_ahead_of_the_clock_or_old(self, ahead_ms):
        assert len(reading(ts=to_iso(NOW + ahead_ms))) == 1


class TestCondemnedValue:
    @pytest.mark.parametrize("value", [-1.2e42, -0.1, 100_000_001])
    def test_impossible_becomes_missing_and_the_reading_stays(self, value):
        got = reading(p_pdg=value)
        assert np.isnan(got.values[0, SENSOR_INDEX["p_pdg"]])
        assert got.values[0, SENSOR_INDEX["p_tpt"]] == CORE["p_tpt"]
        assert got.reasons == [("out_of_range:p_pdg",)]

    @pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 400, "9" * 5000])
    def test_beyond_a_double_is_non_finite(self, number):
        line = encode_block([row()]).replace(b"21000000.0", number.encode())
        got = validate_block(line, sequence="1", now_ms=NOW)
        assert got.rejected == []
        assert got.readings.reasons == [("non_finite:p_pdg",)]
        assert np.isnan(got.readings.values[0, SENSOR_INDEX["p_pdg"]])

    @pytest.mark.parametrize("bound", [0.0, 1e8])
    def test_bounds_themselves_are_possible(self, bound):
        assert reading(p_pdg=bound).reasons == [()]

    def test_gas_has_bounds_too(self):
        got = reading(methane_ppm=-5.0, co2_ppm=2e6)
        assert got.reasons == [("out_of_range:methane_ppm", "out_of_range:co2_ppm")]
        assert np.isnan(got.methane_ppm[0])

    @pytest.mark.parametrize("text", ["not base64!", "AAA=", "", "é"])
    def test_vibration_that_is_no_frame(self, text):
        got = reading(vibration_encoded=text)
        assert got.reasons == [("undecodable_base64:vibration_encoded",)]
        assert np.isnan(got.vibration_rms[0])

    def test_vibration_with_a_nan_sample(self):
        frame = base64.b64encode(np.array([1.0, np.nan], dtype="<f4").tobytes()).decode()
        assert reading(vibration_encoded=frame).reasons == [("non_finite:vibration_encoded",)]

    def test_label_and_source_time(self):
        got = reading(**{"class": 500, "state": -1, "source_ts": "yesterday"})
        assert (got.label, got.state, got.source_ts_ms.tolist()) == ([None], [None], [NO_TIME])
        assert sorted(got.reasons[0]) == [
            "out_of_range:class",
            "out_of_range:state",
            "unparsable_time:source_ts",
        ]

    def test_unknown_field_is_noted_and_costs_nothing(self):
        got = reading(wellhead_torque=1)
        assert (got.reasons, got.quality.tolist()) == ([("unknown_field:wellhead_torque",)], [100.0])

    def test_the_name_of_an_unknown_field_is_noted_escaped(self):
        assert reading(**{"\x1b[2Jtorque": 1}).reasons == [(r"unknown_field:\x1b[2Jtorque",)]

    def test_reasons_for_values_come_before_unknown_fields(self):
        assert reading(torque=1, qgl=-1, p_pdg=-1).reasons == [
            ("out_of_range:p_pdg", "out_of_range:qgl", "unknown_field:torque")
        ]

    def test_thousands_of_unknown_fields_do_not_make_thousands_of_reasons(self):
        got = reading(**{f"x{i}" + "y" * 100: i for i in range(1500)})
        assert len(got.reasons[0]) == 21
        assert got.reasons[0][-1] == "unknown_fields:1480_more"
        assert max(map(len, got.reasons[0])) < 100


class TestQuality:
    def test_falls_by_the_share_of_condemned_values_and_of_core_gauges(self):
        assert reading(p_pdg=-1.0).quality.tolist() == [pytest.approx(70 * 4 / 5 + 30 * 4 / 5)]
        assert reading(vibration_encoded="?").quality.tolist() == [pytest.approx(70 * 5 / 6 + 30, abs=0.01)]

    def test_shows_a_core_gauge_that_sent_nothing(self):
        assert reading(p_pdg=None).quality.tolist() == [94.0]

    def test_is_zero_where_nothing_usable_was_sent(self):
        assert reading(**dict.fromkeys(CORE)).quality.tolist() == [0.0]
        assert reading(**dict.fromkeys(CORE, -1e9)).quality.tolist() == [0.0]

    def test_core_gauges_are_sensors(self):
        assert set(CORE_SENSORS) == set(CORE)


class TestRejectedLine:
    @pytest.mark.parametrize("name", ["kind", "well_id", "facility_id", "ts", "source"])
    def test_missing_identity_or_time(self, name):
        assert reasons(row(**{name: None})) == (f"missing:{name}",)

    @pytest.mark.parametrize("name", ["well_id", "facility_id", "source"])
    @pytest.mark.parametrize(("value", "code"), [(" ", "missing"), ("x" * (MAX_NAME_CHARS + 1), "too_long")])
    def test_a_name_that_names_nothing_or_fits_no_key(self, name, value, code):
        assert reasons(row(**{name: value})) == (f"{code}:{name}",)

    @pytest.mark.parametrize("name", ["well_id", "facility_id", "source"])
    @pytest.mark.parametrize("value", ["\x1b]0;owned\x07", "W\x00", "W\n1", "\x7fW", "W\x9b31m", "W\u202e"])
    def test_a_name_that_could_steer_a_terminal(self, name, value):
        assert reasons(row(**{name: value})) == (f"control_character:{name}",)

    @pytest.mark.parametrize("value", ["../WELL", "<b>W</b>", "[red]W", "Åsgard 7", "بئر-1"])
    def test_a_name_that_is_only_unusual_is_none(self, value):
        assert reading(well_id=value).well_id == [value]

    @pytest.mark.parametrize(
        ("ts", "code"),
        [
            ("20 November", "unparsable_time"),
            ("2026-11-20T09:00:00", "unparsable_time"),
            ("2026-11-20", "unparsable_time"),
            (1763629200000, "wrong_type"),
            (to_iso(NOW + 3_600_001), "time_in_future"),
            ("1970-01-01T00:00:00Z", "time_too_old"),
        ],
    )
    def test_time_that_places_the_reading_nowhere(self, ts, code):
        assert reasons(row(ts=ts)) == (f"{code}:ts",)

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("well_id", 11),
            ("source_ts", 5),
            ("p_pdg", "2.1e7"),
            ("p_pdg", True),
            ("qgl", [1.0]),
            ("methane_ppm", {}),
            ("class", "0"),
            ("class", False),
            ("class", 1.5),
            ("vibration_encoded", 7),
        ],
    )
    def test_wrong_type(self, name, value):
        assert reasons(row(**{name: value})) == (f"wrong_type:{name}",)

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            (b"\xff\xfe{}", "not_utf8"),
            (b'{"a":', "not_json"),
            (b'{"p_pdg":NaN}', "not_json"),
            (b'{"p_pdg":-Infinity}', "not_json"),
            (b'{"well_id":"\\ud800","p_pdg":1e999}', "not_json"),
            (b"[" * 200_000, "not_json"),
            (b"{" + b'"a":1,' * 60_000, "line_too_long"),
            (b"[]", "not_object"),
            (b"1e999", "not_object"),
            (b'{"kind":"tank","vapor_concentration_ppm":"x"}', "unknown_kind"),
            (b'{"kind":"pump"}', "unknown_kind"),
        ],
    )
    def test_line_that_is_no_well_record(self, line, reason):
        assert reasons(line) == (reason,)

    def test_every_reason_is_recorded_the_failing_ones_first(self):
        bad = row(well_id=None, ts="soon", p_pdg=-1e42, qgl="x", vibration_encoded="?", torque=1)
        assert reasons(bad) == (
            "missing:well_id",
            "unparsable_time:ts",
            "wrong_type:qgl",
            "out_of_range:p_pdg",
            "undecodable_base64:vibration_encoded",
            "unknown_field:torque",
        )

    def test_reading_of_another_facility_than_its_partition_key(self):
        assert reasons(row(), partition_key="FAC-04") == ("facility_mismatch",)
        assert check(row(), partition_key="FAC-03").rejected == []

    def test_does_not_take_its_neighbours_along(self):
        data = encode_block([row()]) + b"{\n" + encode_block([row(ts="x"), row(p_pdg=-1.0)])
        got = validate_block(data, sequence="1", now_ms=NOW)
        assert [(line.line, line.reasons) for line in got.rejected] == [
            (1, ("not_json",)),
            (2, ("unparsable_time:ts",)),
        ]
        assert got.readings.reasons == [(), ("out_of_range:p_pdg",)]


class TestQuarantineRow:
    def made(self, line):
        (rejected,) = validate_block(line, sequence="42", now_ms=NOW).rejected
        return quarantine_row(rejected, partition_key="FAC-03", sequence="42", quarantined_at=NOW)

    def test_has_the_columns_of_the_schema_and_what_could_be_read(self):
        line = encode_block([row(ts="soon")]).rstrip()
        got = self.made(line)
        assert tuple(got) == schema("quarantine").names
        assert (got["kind"], got["well_id"], got["ts"]) == ("well", "WELL-00011", "soon")
        assert (got["raw"], got["raw_encoding"], got["raw_truncated"]) == (line.decode(), "utf-8", False)
        assert got["quarantined_at"] == "2026-11-20 10:00:00.000"
        assert got["quarantine_id"] == self.made(line)["quarantine_id"]

    @pytest.mark.parametrize("line", [b"\xff\x00", b'{"a":"\x07"}'])
    def test_keeps_bytes_that_are_no_text_exactly(self, line):
        got = self.made(line)
        assert got["raw_encoding"] == "base64"
        assert base64.b64decode(got["raw"]) == line

    @pytest.mark.parametrize("unit", [b"\x00", b"\xff", b'"', b"a\xc3\xa9", b"\x7f"])
    def test_of_any_long_line_is_cut_says_so_and_fits_a_delivery(self, unit):
        line = unit * (300 * 1024)
        got = self.made(line)
        assert (got["raw_truncated"], got["raw_bytes"]) == (True, len(line))
        start = base64.b64decode(got["raw"]) if got["raw_encoding"] == "base64" else got["raw"].encode()
        assert line.startswith(start)
        assert MAX_LINE_BYTES - 4 < len(start) <= MAX_LINE_BYTES
        assert len(encode_block([got])) < 600_000


def test_the_name_of_a_run_must_be_a_text_that_fits():
    assert reasons(row(feed_id="x" * 201)) == ("too_long:feed_id",)
    assert reasons(row(feed_id=7)) == ("wrong_type:feed_id",)
    assert reasons(row(feed_id=["4f0c"])) == ("wrong_type:feed_id",)


def test_the_earliest_time_is_where_the_partitions_of_the_lake_begin():
    path = ROOT / "infra" / "settings.json"
    start = json.loads(path.read_text(encoding="utf-8"))["lake"]["projection_start"]
    assert parse_ms(f"{start}T00:00:00Z") == EARLIEST_MS
