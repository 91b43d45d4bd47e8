"""The lake answers what reports ask: each query of the Power BI project, with the readings' figures."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from petrostream.aws.athena import run_sql
from tests.support import mquery
from tests.support.lake import Lake, wait_for
from tools.powerbi import project
from tools.powerbi.views import columns_of

MODEL = project.model()
QUERIES = {table.name: table.query for table in MODEL.tables if "Odbc.Query" in table.query}
FAULTLESS = {"Data faults"}
"""Queries that find nothing where the data has no fault."""
RECENT = "recent_readings WHERE source LIKE '%/SIMULATED_0000_'"


@pytest.fixture(scope="module")
def replayed(lake: Lake, simulated: Path, models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The simulated wells as if live. Tests that count them over all time run before this file."""
    report = tmp_path_factory.mktemp("reports") / "report.json"
    lake.run(
        "producer/replay.py", "--data", str(simulated), "--speed", "max", "--with-facility",
        "--name", "e2e-reports", "--report", str(report),
    )  # fmt: skip
    sent = json.loads(report.read_text())
    landed = f"SELECT COUNT(*) AS n FROM {RECENT}"
    wait_for(lambda: int(lake.value(landed)) >= sent["readings"], "readings of the replay to land")
    paired = (
        "SELECT COALESCE(SUM(readings), 0) AS n FROM facility_days "
        "WHERE \"date\" >= CURRENT_DATE - INTERVAL '2' DAY"
    )
    # The last seconds of each well wait in the join for a tank reading that may still come.
    wait_for(lambda: int(lake.value(paired)) >= 0.9 * sent["readings"], "joined readings to land")
    return sent


def asked(table: str) -> str:
    """The SQL that Power BI sends to load a table's last days."""
    first = datetime.now(UTC).date() - timedelta(days=2)
    return mquery.sql(QUERIES[table], {"RangeStart": str(first), "RangeEnd": "2100-01-01"})


@pytest.mark.parametrize("table", sorted(QUERIES))
def test_a_table_of_the_model_is_loaded_in_its_types(lake: Lake, replayed: dict, table: str) -> None:
    result = run_sql(asked(table))
    columns = columns_of(asked(table))
    assert result.columns == tuple(columns)
    assert result.types == tuple(column.sql_type for column in columns.values())
    assert result.rows or table in FAULTLESS


def test_the_model_counts_what_the_lake_holds(lake: Lake, replayed: dict) -> None:
    days = run_sql(asked("Well days")).dicts()
    hours = run_sql(asked("Well hours")).dicts()
    (lake_says,) = lake.sql(
        "SELECT COUNT(*) AS readings, SUM(anomaly_flag) AS anomalies, COUNT(DISTINCT well_id) AS wells, "
        "AVG(pressure) AS pressure FROM well_data WHERE \"date\" >= CURRENT_DATE - INTERVAL '2' DAY"
    )
    for rows in (days, hours):
        assert sum(row["readings"] for row in rows) == lake_says["readings"] >= replayed["readings"]
        assert sum(row["anomalies"] for row in rows) == lake_says["anomalies"] > 0
        assert len({row["well_id"] for row in rows}) == lake_says["wells"]
        weights = [row["pressure_readings"] for row in rows]
        total = sum(
            row["pressure_mean"] * weight for row, weight in zip(rows, weights, strict=True) if weight
        )
        assert total / sum(weights) == pytest.approx(lake_says["pressure"], rel=1e-9)


def test_wells_facilities_and_alarms_are_those_of_the_replay(lake: Lake, replayed: dict) -> None:
    wells = {row["well_id"]: row["facility_id"] for row in run_sql(asked("Wells")).dicts()}
    assert set(replayed["wells"]) <= wells.keys()
    facilities = {row["facility_id"]: row["wells"] for row in run_sql(asked("Facilities")).dicts()}
    assert facilities == {name: list(wells.values()).count(name) for name in set(wells.values())}
    alarms = {row["alarm_id"] for row in run_sql(asked("Alarms")).dicts() if row["annunciated"] == 1}
    spans = {
        row["alarm_id"]
        for row in lake.sql(
            "SELECT alarm_id FROM recent_alarm_spans WHERE began >= CURRENT_DATE - INTERVAL '2' DAY"
        )
    }
    assert alarms >= spans > set()
