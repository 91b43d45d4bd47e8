import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.data.units import UnitMap
from petrostream.fleet import facility_of
from petrostream.readings import event_id, validate_block
from producer.cdc.convert import MAX_TEXT, Converter
from producer.cdc.keys import RowKey, TableRow
from producer.cdc.mapping import FIELDS, Mapping
from producer.fleet import FLEET_FILE
from producer.instances import read_fleet

NOW_MS = 1_790_000_000_000
AT = datetime(2026, 9, 20, 9, tzinfo=UTC)
PLACE = RowKey(AT, "17")


def converter(units=None, **options):
    columns = {name: f"c_{name}" for name in FIELDS}
    mapping = Mapping(
        Path("map.toml"), "csv", "public.readings", "updated_at", "id", columns, source="cdc/r", **options
    )
    return Converter(mapping, units or UnitMap(), read_fleet(FLEET_FILE))


def row(**values):
    return TableRow(PLACE, 0, {"well_id": "WELL-00001", "ts": AT, **values})


def reading(values, **options):
    (line,) = converter(**options).lines([row(**values)])
    return json.loads(line.data)


def reasons(**values):
    """Why the lake rejects a row."""
    (line,) = converter().lines([row(**values)])
    found = validate_block(line.data, sequence="1", now_ms=NOW_MS, partition_key=line.facility_id)
    return [one.reasons for one in found.rejected] + found.readings.reasons


def test_a_row_becomes_a_reading_of_its_facility():
    (line,) = converter().lines(
        [row(p_pdg=Decimal("21000000.5"), t_tpt=None, state=3, **{"class": Decimal(0)})]
    )
    assert json.loads(line.data) == {
        "kind": "well", "well_id": "WELL-00001", "ts": "2026-09-20T09:00:00.000Z", "p_pdg": 21000000.5,
        "state": 3, "class": 0, "facility_id": "FAC-07", "source": "cdc/r",
    }  # fmt: skip
    assert (line.facility_id, line.ts_ms) == ("FAC-07", AT.timestamp() * 1000)


def test_the_same_row_has_the_same_identity_every_time():
    (line,) = converter().lines([row(p_pdg=1.0)])
    (again,) = converter().lines([row(p_pdg=1.0)])
    assert line == again
    (found,) = validate_block(line.data, sequence="1", now_ms=NOW_MS).readings.event_id
    assert found == event_id("WELL-00001", "cdc/r", int(AT.timestamp() * 1000))


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (True, 1.0), (7, 7.0), (Decimal("1.5"), 1.5), (" 1.5 ", 1.5), ("2.1E7", 2.1e7), ("-.5", -0.5),
        (10**400, "inf"), ("", None), (None, None), (float("nan"), None), ("NaN", None), ("abc", "abc"),
        ("1_000", "1_000"), ("0x1f", "0x1f"), ("110,2", "110,2"), (date(2026, 1, 1), "2026-01-01"), ([1],
    "[1]"), ("Infinity", "inf"), ],
)  # fmt: skip
def test_values_become_numbers_or_are_sent_as_they_are(value, sent):
    (line,) = converter().lines([row(p_pdg=value)])
    found = json.loads(line.data).get("p_pdg")
    assert found == (float("inf") if sent == "inf" else sent)


@pytest.mark.parametrize(
    ("value", "zone", "epoch", "ts"),
    [
        (datetime(2026, 7, 1, 6, 30), "America/Sao_Paulo", "", "2026-07-01T09:30:00.000Z"),
        (datetime(2026, 7, 1, 6, 30), "UTC", "", "2026-07-01T06:30:00.000Z"),
        (datetime(2026, 10, 25, 2, 30), "Europe/Oslo", "", "2026-10-25T00:30:00.000Z"),
        ("2026-07-01 06:30:00.123456", "America/Sao_Paulo", "", "2026-07-01T09:30:00.123Z"),
        ("2026-07-01T06:30:00+05:30", "America/Sao_Paulo", "", "2026-07-01T01:00:00.000Z"),
        (1_782_887_400, "UTC", "s", "2026-07-01T06:30:00.000Z"),
        ("1782887400000", "UTC", "ms", "2026-07-01T06:30:00.000Z"),
        (Decimal(1_782_887_400_000_000), "UTC", "us", "2026-07-01T06:30:00.000Z"),
        (1_782_887_400, "UTC", "", "1782887400"),
        ("yesterday", "UTC", "ms", "yesterday"),
        ("infinity", "UTC", "", "infinity"),
    ],
)
def test_times_are_instants_or_are_sent_as_they_are(value, zone, epoch, ts):
    assert reading({"ts": value}, zone=ZoneInfo(zone), epoch=epoch)["ts"] == ts


def test_units_of_the_fleet_file_are_converted_and_a_zero_stays_one():
    units = UnitMap({"p_tpt": "bar"}, {"WELL-00001": {"p_pdg": "psi", "t_tpt": "degF"}})
    found = reading({"p_pdg": 1000, "p_tpt": "200", "t_tpt": 0, "p_anular": 5}, units=units)
    assert found["p_pdg"] == pytest.approx(6_894_757)
    assert (found["p_tpt"], found["t_tpt"], found["p_anular"]) == (2e7, 0, 5)


def test_wells_have_the_lakes_names_and_facilities():
    found = reading({"well_id": "P-07 NORTH"}, wells={"P-07 NORTH": "WELL-00004"})
    assert (found["well_id"], found["facility_id"]) == ("WELL-00004", "FAC-02")
    assert reading({"well_id": 12})["facility_id"] == facility_of("12")
    assert reading({"facility_id": "FAC-99"})["facility_id"] == "FAC-99"
    assert reading({"facility_id": " "})["facility_id"] == "FAC-07"


def test_a_frame_is_base64_and_never_cut_into_another_one():
    assert reading({"vibration_encoded": memoryview(b"\x00\x00\x80?")})["vibration_encoded"] == "AACAPw=="
    assert reasons(vibration_encoded=b"\0" * 400_000)[0][0] == "undecodable_base64:vibration_encoded"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"well_id": None}, "missing:well_id"),
        ({"well_id": "W\x07"}, "control_character:well_id"),
        ({"well_id": "W" * 300}, "too_long:well_id"),
        ({"ts": None}, "missing:ts"),
        ({"ts": "soon"}, "unparsable_time:ts"),
        ({"ts": AT.replace(year=2099)}, "time_in_future:ts"),
        ({"p_pdg": "broken"}, "wrong_type:p_pdg"),
        ({"p_pdg": float("inf")}, "non_finite:p_pdg"),
        ({"p_pdg": -1.2e42}, "out_of_range:p_pdg"),
        ({"class": 1.5}, "wrong_type:class"),
    ],
)
def test_what_is_wrong_with_a_row_the_lake_says(values, expected):
    assert expected in reasons(**values)[0]


def test_bad_values_are_counted_and_the_first_are_named_with_table_column_and_value():
    one = converter()
    one.lines([row(p_pdg="broken\x1b[2J", ts=None)] + [row(well_id=None)] * 20 + [row(p_pdg=1)])
    assert one.bad == 21
    assert len(one.examples) == 5
    assert one.examples[0].startswith("public.readings, id 17: ")
    assert "c_p_pdg = 'broken\\x1b[2J' (no p_pdg)" in one.examples[0]
    assert "c_ts = None (no ts)" in one.examples[0]


def test_rows_that_are_one_reading_are_counted():
    one = converter()
    other = TableRow(RowKey(AT, "18"), 0, {"well_id": "WELL-00001", "ts": AT})
    one.lines([row(), row(), other])
    assert one.twice == 1


anything = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.decimals(),
    st.text(max_size=50),
    st.text(alphabet="\ud800x", max_size=3),
    st.binary(max_size=50),
    st.datetimes(),
    st.datetimes(timezones=st.just(UTC)),
    st.dates(),
    st.uuids(),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@given(values=st.dictionaries(st.sampled_from(FIELDS), anything))
def test_every_row_becomes_one_line_that_the_lake_keeps(values):
    (line,) = converter(epoch="ms").lines([TableRow(PLACE, 0, values)])
    assert line.data.count(b"\n") == 1
    assert len(line.data) < 40 * MAX_TEXT
    found = validate_block(line.data, sequence="1", now_ms=NOW_MS, partition_key=line.facility_id)
    assert len(found.readings) + len(found.rejected) == 1
    assert all("not_" not in reason for one in found.rejected for reason in one.reasons)
