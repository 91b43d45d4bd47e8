"""The lake answers what reports ask: each query of the Power BI project, with the readings' figures."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest

from petrostream.aws.athena import run_sql
from tests.e2e.lakes import lake_fixtures
from tests.support import mquery
from tests.support.cookbook import PAGE, Recipe, figures, recipes
from tests.support.depth import deep_only
from tests.support.grafana import athena_targets, sent
from tests.support.lake import Lake, wait_for
from tests.support.scan import column_bytes, columns_read
from tools.powerbi import project
from tools.powerbi.views import columns_of

MODEL = project.model()
QUERIES = {table.name: table.query for table in MODEL.tables if "Odbc.Query" in table.query}
FAULTLESS = {"Data faults"}
"""Queries that find nothing where the data has no fault."""
RECENT = "recent_readings WHERE source LIKE '%/SIMULATED_0000_'"

lake, simulated, models = lake_fixtures("module")


@pytest.fixture(scope="module")
def replayed(lake: Lake, simulated: Path, models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    """The simulated wells as if live."""
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


def parquet_files(table: str) -> list[bytes]:
    """The files of a table, as they lie in the lake."""
    s3 = boto3.client("s3")
    bucket = next(
        b["Name"] for b in s3.list_buckets()["Buckets"] if b["Name"].startswith("petrostream-curated")
    )
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{table}/")
    keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    return [s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys]


@pytest.fixture(scope="module")
def sizes(lake: Lake, replayed: dict) -> dict[str, dict[str, float]]:
    """Bytes a row of each column of the tables of readings."""
    found = {}
    for table in ("scored_readings", "facility_readings"):
        total, rows = column_bytes(parquet_files(table))
        found[table] = {name: size / rows for name, size in total.items()}
    return found


@pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: str(recipe.number))
def test_a_query_of_the_cookbook_answers_and_scans_what_the_page_says(
    lake: Lake, sizes: dict[str, dict[str, float]], recipe: Recipe
) -> None:
    rows = lake.sql(recipe.sql)
    assert rows or "Finds nothing where" in PAGE.read_text().split(f"## {recipe.number}. ")[1].split("```")[0]
    _, stated, *_ = figures()[recipe.number]
    assert scanned(recipe.sql, sizes) == pytest.approx(stated, rel=0.3, abs=0.5)


def scanned(sql: str, sizes: dict[str, dict[str, float]]) -> float:
    """Bytes a reading that a query reads; alarms are few and left out."""
    read = {table: reads for table, reads in columns_read(sql).items() if table in sizes}
    return sum(sizes[table][name] for table in read for columns in read[table] for name in columns)


def test_a_day_of_the_model_scans_what_the_guide_says(sizes: dict[str, dict[str, float]]) -> None:
    found = {table: scanned(asked(table), sizes) for table in QUERIES if table != "Scoreboard"}
    print("SCAN", found)
    text = (project.ROOT / "docs" / "guides" / "powerbi.md").read_text(encoding="utf-8")
    (stated,) = re.findall(r"reads (\d+) bytes a reading", text)
    assert sum(found.values()) == pytest.approx(float(stated), rel=0.3)
    assert max(found, key=found.__getitem__) == "Well days"


@pytest.mark.parametrize("title", sorted(athena_targets()))
def test_a_panel_of_grafana_is_answered(lake: Lake, replayed: dict, title: str) -> None:
    now = datetime.now(UTC)
    rows = lake.sql(sent(athena_targets()[title]["rawSQL"], now - timedelta(days=2), now))
    assert rows
    assert any(None not in row.values() for row in rows) or title == "Alarms, the latest first"


@deep_only
def test_the_notebook_runs_and_judges_the_model_in_service_as_the_scoreboard_does(
    lake: Lake, replayed: dict
) -> None:
    nbclient = pytest.importorskip("nbclient")
    nbformat = pytest.importorskip("nbformat")
    notebook = nbformat.read(project.ROOT / "examples" / "explore.ipynb", as_version=4)
    notebook.cells.append(
        nbformat.v4.new_code_cell("print(judged.source, comparison.to_json(orient='index'))")
    )
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(project.ROOT)}}
    )
    client.execute()
    source, _, found = notebook.cells[-1].outputs[0]["text"].partition(" ")
    models = json.loads(found)
    assert models.keys() == {"in service", "retrained", "retrained, threshold + 0.05"}
    (expected,) = lake.sql(f"SELECT delay_s, missed FROM recent_scoreboard WHERE source = '{source}'")
    assert models["in service"]["delay [s]"] == expected["delay_s"]
    assert models["in service"]["missed"] == bool(expected["missed"])
    assert not models["retrained"]["missed"]
    assert models["retrained"]["flagged in the event"] > 10 * models["retrained"]["flagged while normal"]
