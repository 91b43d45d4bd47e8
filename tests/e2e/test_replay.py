"""From files to SQL: every reading lands once, on its date, scored."""

import gzip
import json
from pathlib import Path

import boto3
import numpy as np
import pytest

from ml.data.dataset import find_instances, read_instance
from petrostream.schema.sensors import schema
from tests.support.lake import Lake, wait_for

GOOD_NEWS = (
    *("late_readings", "unscored_readings", "wrong_units", "drift_by_well_and_day"),
    *("active_alarms", "alarm_floods", "chattering_alarms", "quality_findings"),
)
"""Queries that find nothing where all is well."""

# Other tests use the lake as well; these readings are recognised by their source.
READINGS = "well_data WHERE source LIKE '%/SIMULATED_0000_'"


@pytest.fixture(scope="module")
def replayed(lake: Lake, simulated: Path, models: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    report = tmp_path_factory.mktemp("replay") / "report.json"
    lake.run(
        "producer/replay.py", "--data", str(simulated), "--speed", "max", "--clock", "original",
        "--with-facility", "--name", "e2e-replay", "--report", str(report),
    )  # fmt: skip
    sent = json.loads(report.read_text())
    wells = ", ".join(f"'{well}'" for well in sent["wells"])
    count = f"SELECT COUNT(DISTINCT event_id) AS n FROM scored_readings WHERE well_id IN ({wells})"
    wait_for(lambda: int(lake.value(count)) >= sent["readings"], "readings of the replay to land")
    return sent


def test_every_reading_of_the_files_is_in_the_view_once(lake: Lake, simulated: Path, replayed: dict) -> None:
    landed = {
        (row["source"], row["source_ts"])
        for row in lake.sql(f"SELECT source, CAST(source_ts AS VARCHAR) AS source_ts FROM {READINGS}")
    }
    rows = int(lake.value(f"SELECT COUNT(*) AS n FROM {READINGS}"))
    assert rows == replayed["readings"] == sum(len(read_instance(f)) for f in find_instances(simulated))
    assert len(landed) == rows


def test_values_and_labels_arrive_as_the_file_has_them(lake: Lake, simulated: Path, replayed: dict) -> None:
    file = next(f for f in find_instances(simulated) if f.event_class == 2)
    instance = read_instance(file)
    (row,) = lake.sql(
        f"SELECT COUNT(*) AS n, COUNT_IF(class = 102) AS transient, MIN(p_tpt) AS low, MAX(p_tpt) AS high "
        f"FROM well_data WHERE source = '{file.source}'"
    )
    p_tpt = instance.values[:, schema("sensors").names.index("p_tpt")]
    usable = p_tpt[(p_tpt >= 0) & (p_tpt <= 1e8)]
    assert int(row["n"]) == len(instance)
    assert int(row["transient"]) == int((instance.label == 102).sum())
    assert float(row["low"]) == pytest.approx(usable.min())
    assert float(row["high"]) == pytest.approx(usable.max())


def test_every_partition_holds_readings_of_its_own_date(lake: Lake, simulated: Path, replayed: dict) -> None:
    assert int(lake.value(f"SELECT COUNT(*) AS n FROM {READINGS} AND date <> CAST(ts AS DATE)")) == 0
    found = {
        row["date"] for row in lake.sql(f"SELECT DISTINCT CAST(date AS VARCHAR) AS date FROM {READINGS}")
    }
    days = np.concatenate([read_instance(file).ts_ms for file in find_instances(simulated)]) // 86_400_000
    assert found == set(np.unique(days).astype("datetime64[D]").astype(str).tolist())


def test_events_are_found_and_normal_operation_is_quiet(lake: Lake, replayed: dict) -> None:
    (row,) = lake.sql(
        "SELECT AVG(CASE WHEN class > 0 THEN CAST(anomaly_flag AS DOUBLE) END) AS in_event, "
        "AVG(CASE WHEN class = 0 THEN CAST(anomaly_flag AS DOUBLE) END) AS in_normal "
        f"FROM {READINGS} AND anomaly_score IS NOT NULL"
    )
    assert float(row["in_event"]) > 0.5
    assert float(row["in_normal"]) < 0.05


def test_the_raw_zone_keeps_what_was_sent(lake: Lake, replayed: dict) -> None:
    s3 = boto3.client("s3")
    raw = next(b["Name"] for b in s3.list_buckets()["Buckets"] if b["Name"].startswith("petrostream-raw"))
    lines = 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=raw):
        for item in page.get("Contents", []):
            body = s3.get_object(Bucket=raw, Key=item["Key"])["Body"].read()
            lines += gzip.decompress(body).count(b'"kind":"well"')
    assert lines >= replayed["readings"]


def test_awswrangler_reads_the_view(lake: Lake, replayed: dict) -> None:
    import awswrangler as wr

    frame = wr.athena.read_sql_query(
        f"SELECT well_id, AVG(pressure) AS pressure FROM {READINGS} GROUP BY well_id",
        database="petrostream",
        workgroup="petrostream",
        ctas_approach=False,
    )
    assert set(frame["well_id"]) == set(replayed["wells"])
    assert frame["pressure"].gt(0).all()


def test_every_example_query_answers(lake: Lake, replayed: dict) -> None:
    boto3.client("kinesis").put_record(StreamName="petrostream-ingest", Data=b"{", PartitionKey="FAC-01")
    wait_for(lambda: int(lake.value("SELECT COUNT(*) AS n FROM quarantine_lines")) > 0, "a rejected line")
    queries = sorted(Path("sql/queries").glob("*.sql"))
    assert queries
    for path in queries:
        assert lake.sql(path.read_text()) or path.stem in GOOD_NEWS, f"{path.name} finds nothing"


def test_the_scorer_knows_the_published_version(lake: Lake, models: Path, replayed: dict) -> None:
    versions = {row["model_version"] for row in lake.sql(f"SELECT DISTINCT model_version FROM {READINGS}")}
    assert versions == {path.name for path in models.iterdir() if path.is_dir()}


def test_a_second_up_changes_nothing_and_keeps_the_data(lake: Lake, replayed: dict) -> None:
    output = lake.run("-m", "local", "up")
    assert "already running" in output
    assert "unchanged" in output
    assert int(lake.value(f"SELECT COUNT(*) AS n FROM {READINGS}")) == replayed["readings"]
