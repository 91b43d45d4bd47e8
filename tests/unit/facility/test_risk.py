"""Risk of joined readings, and their rows."""

import json

import numpy as np
import pytest

from petrostream.facility.events import WellEvents
from petrostream.facility.join import join
from petrostream.facility.risk import assess, vapor_risk
from petrostream.facility.state import JoinState
from petrostream.lake.facility_readings import facility_rows_to_blocks
from petrostream.readings.tanks import TankReadings, tank_event_id
from petrostream.schema.sensors import schema
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from petrostream.scoring.scored import NO_POINTS
from petrostream.times import to_sql
from tests.support.wells import FACILITY, START, WELL, normal_values, readings

JOINED_AT = START + 90_000


def tanks(vapor, ts_ms):
    values = np.full((len(vapor), 4), np.nan)
    values[:, 0] = vapor
    values[:, 1:] = 55.0, 105_000.0, 38.5
    ts_ms = np.asarray(ts_ms, np.int64)
    n = len(vapor)
    identities = [tank_event_id("TANK-03A", FACILITY, ts) for ts in ts_ms.tolist()]
    return TankReadings(
        ["TANK-03A"] * n,
        [FACILITY] * n,
        ts_ms,
        values,
        [()] * n,
        np.full(n, 100.0),
        identities,
        ["1"] * n,
        ts_ms,
    )


def joined(methane, vapor, apart_ms=-500, at=START):
    """Well readings a minute apart, each with a tank reading; None for no gas detector or no tank."""
    n = len(methane)
    ts_ms = at + 60_000 * np.arange(n)
    batch = readings(normal_values(n), ts_ms, methane=[np.nan if ppm is None else ppm for ppm in methane])
    scored = score_batch(FacilityState(FACILITY), batch, None, scored_at_ms=START).rows
    there = [i for i, ppm in enumerate(vapor) if ppm is not None]
    found = join(
        JoinState(),
        WellEvents.of(scored),
        tanks([vapor[i] for i in there], ts_ms[there] + apart_ms),
        np.array(there, np.int64),
    )
    return assess(FACILITY, found.pairs)


def written(rows):
    blocks = facility_rows_to_blocks(rows, joined_at_ms=JOINED_AT)
    return [json.loads(line) for block in blocks for line in block.data.splitlines()]


@pytest.mark.parametrize(
    ("methane", "vapor", "points", "status"),
    [
        (385.5, 2_000.0, 30, "NORMAL"),
        (650.2, 12_000.0, 80, "ALERT"),
        (125.5, 2_000.0, 10, "NORMAL"),
        (125.5, 5_000.1, 20, "NORMAL"),
        (385.5, 7_500.0, 40, "ALERT"),
        (125.5, 10_000.1, 40, "ALERT"),
    ],
)
def test_risk_is_that_of_the_reference_table(methane, vapor, points, status):
    rows = joined([methane], [vapor])
    assert rows.risk_score.tolist() == [points]
    assert rows.status == [status]


def test_limits_belong_to_the_lower_category():
    assert vapor_risk(np.array([0.0, 5_000.0, 10_000.0, np.nan])).tolist() == [10, 10, 20, NO_POINTS]


@pytest.mark.parametrize(
    ("methane", "vapor", "points"), [(None, 12_000.0, 40), (650.2, np.nan, 40), (None, np.nan, 0)]
)
def test_missing_parts_are_null_and_count_0(methane, vapor, points):
    rows = joined([methane], [vapor])
    (row,) = written(rows)
    assert rows.risk_score.tolist() == [points]
    assert row.get("emission_risk") == (None if methane is None else 40)
    assert row.get("emission_category") == (None if methane is None else "HIGH")
    assert row.get("vapor_risk") == (None if np.isnan(vapor) else 40)
    assert row.get("vapor_category") == (None if np.isnan(vapor) else "CRITICAL")


def test_a_row_has_both_readings():
    (row,) = written(joined([385.5], [7_500.0]))
    values = normal_values(1)[0]
    names = schema("sensors").names
    assert row["well_id"] == WELL
    assert row["facility_id"] == FACILITY
    assert row["ts"] == to_sql(START)
    assert (row["pairing_status"], row.get("unmatched_reason")) == ("MATCHED", None)
    assert (row["tank_id"], row["tank_ts"], row["dt_ms"]) == ("TANK-03A", to_sql(START - 500), -500)
    assert row["tank_event_id"] == tank_event_id("TANK-03A", FACILITY, START - 500)
    assert (row["vapor_concentration_ppm"], row["tank_level_pct"]) == (7_500.0, 55.0)
    assert (row["pressure"], row["temperature"]) == (
        values[names.index("p_tpt")],
        values[names.index("t_tpt")],
    )
    assert (row["methane_ppm"], row["anomaly_flag"]) == (385.5, 0)
    assert (row["emission_category"], row["vapor_category"]) == ("MEDIUM", "HIGH")
    assert row["joined_at"] == to_sql(JOINED_AT)


def test_an_unmatched_row_has_no_tank_and_says_why():
    first, second = written(joined([385.5, 385.5, 385.5], [None, 2_000.0, None]))
    assert (first["pairing_status"], first["unmatched_reason"]) == ("UNMATCHED", "no_tank")
    assert [name for name in first if name.startswith("tank") and first[name] is not None] == []
    assert (first["dt_ms"], first["vapor_risk"], first["risk_score"]) == (None, None, 20)
    assert (second["pairing_status"], second["risk_score"]) == ("MATCHED", 30)


def test_rows_use_only_columns_of_the_schema_and_their_types():
    types = {"int": int, "bigint": int, "double": float, "string": str, "timestamp": str}
    fields = {field.name: field for field in schema("facility_readings").fields}
    seen = set()
    for row in written(joined([385.5, None, 650.2, 1.0], [2_000.0, np.nan, None, 12_000.0])):
        for name, value in row.items():
            assert value is None or type(value) is types[fields[name].type], name
        seen |= row.keys()
    missing = set(fields) - seen
    assert missing == {"co2_ppm", "vibration_rms", "anomaly_score", "process_risk"}


def test_blocks_are_of_one_date_and_bounded():
    midnight = (START // 86_400_000 + 1) * 86_400_000
    rows = joined([1.0, 1.0, 1.0], [2_000.0, 2_000.0, 2_000.0], at=midnight - 60_000)
    blocks = facility_rows_to_blocks(rows, joined_at_ms=JOINED_AT)
    assert [(block.date, block.rows) for block in blocks] == [
        (to_sql(midnight - 1)[:10], 1),
        (to_sql(midnight)[:10], 2),
    ]
    assert [block.rows for block in facility_rows_to_blocks(rows, joined_at_ms=0, max_bytes=10)] == [1, 1, 1]


def test_no_rows_make_no_blocks():
    assert facility_rows_to_blocks(joined([], []), joined_at_ms=JOINED_AT) == []


def test_counts_its_matches_and_alerts():
    rows = joined([650.2, 1.0, 1.0, 1.0], [2_000.0, 12_000.0, None, 1.0])
    assert (len(rows), rows.matched, rows.alerts) == (4, 3, 2)
