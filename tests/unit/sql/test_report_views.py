"""The views for reports say what the readings say, in types that every client reads."""

import math
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from statistics import fmean

import numpy as np
import orjson
import pytest

pytest.importorskip("duckdb")

from local.athena import bridge
from local.athena.inference import Typer
from petrostream.lake.blocks import RowBlock
from tests.support.duck_lake import DuckLake

PLAIN_TYPES = {"varchar", "bigint", "integer", "double", "date", "timestamp"}
"""What ODBC and JDBC clients read without a setting: no arrays, no decimals, no zoned times."""

REPORT_VIEWS = (
    *("plain_readings", "well_hours", "well_days", "recent_well_months", "facility_days"),
    *("alarm_transitions", "quality_days", "wells_by_day", "well_drift", "recent_scoreboard"),
)
DATED_VIEWS = tuple(name for name in REPORT_VIEWS if not name.startswith("recent_"))
START = datetime(2026, 11, 19, 22, 30, tzinfo=UTC)
WELLS = {"WELL-00001": "FAC-01", "WELL-00002": "FAC-01", "WELL-00003": "FAC-02"}
REASONS = ([], [], ["late:ts"], ["unit:p_tpt:bar?"], ["out_of_range:p_pdg", "unit:t_tpt:degF?"])


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]


def rows():
    """Readings of three wells over three dates; some values are missing, some gauges in another unit."""
    rng = np.random.default_rng(5)
    for number in range(600):
        well = rng.choice(list(WELLS))
        ts = START + timedelta(minutes=float(rng.uniform(0, 60 * 30)))
        score = None if rng.random() < 0.2 else float(rng.uniform())
        yield {
            "event_id": f"{number:04d}", "well_id": str(well), "facility_id": WELLS[well], "ts": iso(ts),
            "p_tpt": float(rng.uniform(1e7, 2e7)), "kinesis_sequence": str(number),
            "pressure": None if rng.random() < 0.3 else float(rng.uniform(1e7, 2e7)),
            "temperature": float(rng.uniform(50, 120)), "methane_ppm": float(rng.uniform(0, 600)),
            "anomaly_score": score, "anomaly_flag": None if score is None else int(score > 0.9),
            "risk_score": int(rng.integers(0, 60)),
            "well_status": "ALERT" if rng.random() < 0.1 else "NORMAL",
            "alarm_active": None if rng.random() < 0.1 else int(rng.integers(0, 3)),
            "data_quality_score": float(rng.uniform(50, 100)),
            "validation_reasons": REASONS[rng.integers(len(REASONS))], "top_sensors": ["p_pdg", "t_tpt"],
            "scored_at": iso(ts),
        }  # fmt: skip


ROWS = list(rows())


def blocks(table_rows):
    by_date = defaultdict(list)
    for row in table_rows:
        by_date[row["ts"][:10]].append(orjson.dumps(row))
    return [RowBlock(date=day, data=b"\n".join(lines), rows=len(lines)) for day, lines in by_date.items()]


@pytest.fixture(scope="module")
def lake():
    landed = blocks(ROWS)
    return DuckLake({"scored_readings": landed + landed[:1]})  # a date delivered twice


def values(found, name, unit=None):
    """Values of a column of rows that are not null; those in another unit left out."""
    left_out = [] if unit is None else [reason for reason in REASONS[3] + REASONS[4] if unit in reason]
    return [
        row[name]
        for row in found
        if row[name] is not None and not any(reason in row["validation_reasons"] for reason in left_out)
    ]


def expected(found):
    """What the readings of a well, in an hour or on a day, come to."""
    pressure, temperature = values(found, "pressure", "p_tpt"), values(found, "temperature", "t_tpt")
    scores = values(found, "anomaly_score")
    return {
        "readings": len(found),
        "scored_readings": len(scores),
        "anomalies": sum(values(found, "anomaly_flag")),
        "alert_readings": sum(row["well_status"] == "ALERT" for row in found),
        "readings_in_alarm": sum(count > 0 for count in values(found, "alarm_active")),
        "anomaly_score_mean": fmean(scores) if scores else None,
        "anomaly_score_max": max(scores, default=None),
        "max_risk": max(values(found, "risk_score")),
        "pressure_readings": len(pressure),
        "pressure_mean": fmean(pressure) if pressure else None,
        "pressure_min": min(pressure, default=None),
        "pressure_max": max(pressure, default=None),
        "temperature_readings": len(temperature),
        "temperature_mean": fmean(temperature) if temperature else None,
        "temperature_min": min(temperature, default=None),
        "temperature_max": max(temperature, default=None),
        "methane_max_ppm": max(values(found, "methane_ppm")),
        "data_quality_mean": fmean(values(found, "data_quality_score")),
        "data_quality_min": min(values(found, "data_quality_score")),
        "readings_with_reasons": sum(bool(row["validation_reasons"]) for row in found),
    }


def same(found, wanted):
    """Whether a row of a view has the values wanted."""
    return all(
        found[name] == value
        or (value is not None and found[name] is not None and math.isclose(found[name], value, rel_tol=1e-12))
        for name, value in wanted.items()
    )


def grouped(length):
    """Readings by well and the first `length` characters of their time."""
    groups = defaultdict(list)
    for row in ROWS:
        groups[row["well_id"], row["ts"][:length]].append(row)
    return groups


def test_an_hour_of_a_well_is_what_its_readings_come_to(lake):
    groups = grouped(13)
    found = {
        (row["well_id"], f"{row['hour_start']:%Y-%m-%dT%H}"): row
        for row in lake.ask("SELECT * FROM well_hours")
    }
    assert found.keys() == groups.keys()
    assert [key for key, readings in groups.items() if not same(found[key], expected(readings))] == []
    assert {key[0]: row["facility_id"] for key, row in found.items()} == WELLS


def test_a_day_of_a_well_is_what_its_readings_come_to_not_its_hours(lake):
    groups = grouped(10)
    found = {(row["well_id"], str(row["date"])): row for row in lake.ask("SELECT * FROM well_days")}
    assert found.keys() == groups.keys()
    assert len({day for _, day in groups}) == 3
    assert [key for key, readings in groups.items() if not same(found[key], expected(readings))] == []
    hours = {key: len({row["ts"][:13] for row in readings}) for key, readings in groups.items()}
    assert {key: row["hours"] for key, row in found.items()} == hours


def test_reasons_are_counted_by_well_and_day_each_under_its_fault(lake):
    counts = defaultdict(int)
    for row in ROWS:
        for reason in row["validation_reasons"]:
            counts[row["well_id"], row["ts"][:10], reason, *reason.split(":")[:2]] += 1
    found = {
        (row["well_id"], str(row["date"]), row["reason"], row["fault"], row["subject"]): row["readings"]
        for row in lake.ask("SELECT * FROM quality_days")
    }
    assert found == counts


def test_a_list_is_one_text_and_a_gauge_in_another_unit_is_left_out(lake):
    found = {row["event_id"]: row for row in lake.ask("SELECT * FROM plain_readings")}
    assert len(found) == len(ROWS)
    for row in ROWS:
        assert found[row["event_id"]]["validation_reasons"] == ", ".join(row["validation_reasons"])
        assert found[row["event_id"]]["top_sensors"] == "p_pdg, t_tpt"
        in_bar = row["validation_reasons"] == REASONS[3]
        assert found[row["event_id"]]["pressure"] == (None if in_bar else row["pressure"])
        assert found[row["event_id"]]["p_tpt"] == row["p_tpt"]


def test_wells_by_day_names_each_well_and_its_facility(lake):
    found = {
        (row["well_id"], str(row["date"])): row["facility_id"]
        for row in lake.ask("SELECT * FROM wells_by_day")
    }
    assert found == {key: WELLS[key[0]] for key in grouped(10)}


def test_months_are_the_sums_of_their_days():
    today = datetime.now(UTC).replace(hour=0, minute=0)
    this_month = today.date().replace(day=1)
    old = today - timedelta(days=800)
    shifted = [
        dict(
            row,
            ts=iso((old if number % 5 == 0 else today) + timedelta(seconds=number)),
            pressure=1e7 + number,
        )
        for number, row in enumerate(ROWS)
    ]
    lake = DuckLake({"scored_readings": blocks(shifted)})
    found = {row["well_id"]: row for row in lake.ask("SELECT * FROM recent_well_months")}
    assert found.keys() == WELLS.keys()
    for well, row in found.items():
        recent = [r for r in shifted if r["well_id"] == well and r["ts"] > iso(today)[:10]]
        assert (row["month_start"], row["days"]) == (this_month, 1)
        assert same(
            row, {name: expected(recent)[name] for name in ("readings", "anomalies", "pressure_mean")}
        )


def transition(number, event, seconds, **more):
    return {
        "transition_id": str(number), "alarm_id": "A", "well_id": "WELL-00001", "facility_id": "FAC-01",
        "ts": iso(START + timedelta(seconds=seconds)), "active_ts": iso(START), "event": event,
        "rule_ids": ["r1", "r2"], "kinesis_sequence": "1", "recorded_at": iso(START), **more,
    }  # fmt: skip


def test_an_alarm_s_return_and_acknowledgement_say_after_how_long():
    landed = blocks(
        [
            transition(1, "activated", 0),
            transition(2, "acknowledged", 42.5),
            transition(3, "returned", 7200.25),
        ]
    )
    assert len(landed) == 2  # it stands over midnight
    found = {row["event"]: row for row in DuckLake({"alarms": landed}).ask("SELECT * FROM alarm_transitions")}
    assert [found[event]["annunciated"] for event in ("activated", "acknowledged", "returned")] == [1, 0, 0]
    assert (found["returned"]["active_seconds"], found["returned"]["response_seconds"]) == (7200.25, None)
    assert (found["acknowledged"]["active_seconds"], found["acknowledged"]["response_seconds"]) == (
        None,
        42.5,
    )
    assert found["returned"]["date"] == date(2026, 11, 20)
    assert found["returned"]["rule_ids"] == "r1, r2"


def pair(number, **more):
    return {
        "event_id": str(number), "well_id": "WELL-00001", "facility_id": "FAC-01",
        "ts": iso(START + timedelta(seconds=number)), "pairing_status": "MATCHED", "dt_ms": 500,
        "kinesis_sequence": "1", "status": "NORMAL", "joined_at": iso(START), **more,
    }  # fmt: skip


def test_a_facility_s_day_counts_gas_vapor_and_pairs():
    readings = [
        pair(
            1,
            emission_category="HIGH",
            methane_ppm=600.0,
            vapor_category="CRITICAL",
            vapor_concentration_ppm=2e4,
        ),
        pair(
            2,
            emission_category="MEDIUM",
            methane_ppm=300.0,
            vapor_category="HIGH",
            vapor_concentration_ppm=6e3,
        ),
        pair(3, pairing_status="UNMATCHED", dt_ms=None, status="ALERT", risk_score=50),
        pair(4, dt_ms=-1500, risk_score=10, tank_level_pct=40.0),
    ]
    (row,) = DuckLake({"facility_readings": blocks(readings)}).ask("SELECT * FROM facility_days")
    assert (row["readings"], row["matched_readings"], row["alert_readings"], row["max_risk"]) == (4, 3, 1, 50)
    assert (row["emission_high_readings"], row["emission_medium_readings"]) == (1, 1)
    assert (row["vapor_critical_readings"], row["vapor_high_readings"]) == (1, 1)
    assert (row["methane_readings"], row["methane_mean_ppm"], row["methane_max_ppm"]) == (2, 450.0, 600.0)
    assert (row["vapor_readings"], row["vapor_mean_ppm"], row["vapor_max_ppm"]) == (2, 13_000.0, 20_000.0)
    assert row["pairing_distance_mean_ms"] == pytest.approx(2500 / 3)


@pytest.mark.parametrize("name", REPORT_VIEWS)
def test_a_report_reads_every_column(name):
    views = bridge.load_views()
    columns = Typer(bridge.lake_tables()).columns(bridge.expand(views[name], views))
    assert columns
    assert {name: str(kind) for name, kind in columns if str(kind) not in PLAIN_TYPES} == {}


@pytest.mark.parametrize("name", DATED_VIEWS)
def test_a_view_for_reports_has_the_date_that_keeps_it_cheap(name):
    views = bridge.load_views()
    columns = dict(Typer(bridge.lake_tables()).columns(bridge.expand(views[name], views)))
    assert str(columns["date"]) == "date"
