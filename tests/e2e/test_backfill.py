"""A day of the lake is scored again from the raw zone: with the same model the rows are the same."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from petrostream.schema.sensors import schema
from tests.e2e.lakes import lake_fixtures
from tests.support.depth import deep_only
from tests.support.lake import Lake, wait_for

lake, simulated, models = lake_fixtures("module")

COLUMNS = [name for name in schema("scored_readings").names if name != "scored_at"]
ROWS = ", ".join(f'"{name}"' for name in COLUMNS)


@pytest.fixture(scope="module")
def replayed(
    lake: Lake, simulated: Path, models: Path, tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    """Dates of readings, all of which have landed; the raw zone has their records."""
    report = tmp_path_factory.mktemp("replay") / "report.json"
    lake.run(
        "producer/replay.py", "--data", str(simulated), "--speed", "max", "--clock", "original",
        "--name", "e2e-backfill", "--report", str(report),
    )  # fmt: skip
    sent = json.loads(report.read_text())
    count = "SELECT COUNT(DISTINCT event_id) AS n FROM scored_readings"
    wait_for(lambda: int(lake.value(count)) >= sent["readings"], "readings of the replay to land")
    found = lake.sql("SELECT DISTINCT CAST(date AS VARCHAR) AS date FROM well_data ORDER BY 1")
    return [row["date"] for row in found]


@pytest.fixture(scope="module")
def other(lake: Lake, models: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Another version in the registry, for which every score is anomalous; the first one is live."""
    live = json.loads((models / "current.json").read_text())["version"]
    folder = tmp_path_factory.mktemp("other") / "loud"
    folder.mkdir()
    for path in (models / live).rglob("*"):
        target = folder / path.relative_to(models / live)
        target.mkdir(exist_ok=True) if path.is_dir() else target.write_bytes(path.read_bytes())
    manifest = json.loads((folder / "manifest.json").read_text())
    for entry in [*manifest["wells"].values(), manifest["fleet"]]:
        for one in [entry, *entry.get("baselines", [])] if entry else []:
            one |= {name: value for name, value in (("threshold", 1e-9), ("version", "loud")) if name in one}
    (folder / "manifest.json").write_text(json.dumps(manifest | {"version": "loud"}))
    lake.run("-m", "local", "publish-model", str(folder))
    lake.run("-m", "ml.registry", "rollback", "--at", f"s3://{_artifacts(lake)}", "--version", live)
    return "loud"


def _artifacts(lake: Lake) -> str:
    import boto3

    names = [bucket["Name"] for bucket in boto3.client("s3").list_buckets()["Buckets"]]
    return next(name for name in names if name.startswith("petrostream-artifacts"))


def rows(lake: Lake) -> dict[str, dict[str, Any]]:
    """All rows but their time of scoring, by reading."""
    found = lake.sql(f"SELECT CAST(date AS VARCHAR) AS day, {ROWS} FROM well_data")
    return {row["event_id"]: row for row in found}


def backfill(lake: Lake, day: str, *options: str) -> dict[str, Any]:
    output = lake.run("-m", "batch", "backfill", "--date", day, "--json", *options)
    # Progress is on standard error, which comes first.
    answer: dict[str, Any] = json.loads(output[output.index("{\n") :])
    return answer


def test_the_same_model_makes_the_same_rows(lake: Lake, replayed: list[str]) -> None:
    before = rows(lake)
    answer = backfill(lake, replayed[0])
    done = answer["days"][replayed[0]]
    assert (done["changed_flags"], done["kept"], answer["exact"]) == (0, 0, True)
    assert rows(lake) == before
    ran = lake.sql(f"SELECT COUNT(DISTINCT scored_at) AS n FROM well_data WHERE date = DATE '{replayed[0]}'")
    assert int(ran[0]["n"]) == 1


def test_another_model_replaces_exactly_the_chosen_day_before_every_reader(
    lake: Lake, replayed: list[str], other: str
) -> None:
    before, day = rows(lake), replayed[0]
    query = (
        "SELECT COUNT(*) AS n, COUNT(DISTINCT model_version) AS models FROM well_data "
        f"WHERE date = DATE '{day}' AND model_version IS NOT NULL"
    )
    seen: list[dict[str, Any]] = []
    done = threading.Event()

    def read() -> None:
        while not done.wait(0.1):
            seen.extend(lake.sql(query))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        answer = backfill(lake, day, "--model", other)
    finally:
        done.set()
        reader.join()
    after = rows(lake)
    assert after.keys() == before.keys()
    changed = {one for one in after if after[one] != before[one]}
    assert {after[one]["day"] for one in changed} == {day}
    assert {row["model_version"] for row in after.values() if row["day"] == day} <= {other, None}
    assert answer["days"][day]["changed_flags"] > 0
    # One state or the other: never two models, never fewer readings.
    assert len(seen) > 1
    assert {(int(row["n"]), int(row["models"])) for row in seen} == {(int(seen[0]["n"]), 1)}


@deep_only
def test_twice_changes_nothing(lake: Lake, replayed: list[str], other: str) -> None:
    before = rows(lake)
    answer = backfill(lake, replayed[0], "--model", other)
    assert answer["days"][replayed[0]] == {"state": "unchanged"}
    assert rows(lake) == before
