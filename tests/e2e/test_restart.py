"""Killing the producer and the functions mid-way loses nothing and doubles nothing."""

import json
import signal
from pathlib import Path

import pytest

from ml.data.dataset import find_instances, read_instance
from tests.support.lake import Lake, wait_for


@pytest.fixture(scope="module")
def instances(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wells of these tests alone: another seed, and numbers that the other tests do not use."""
    folder = tmp_path_factory.mktemp("restart")
    lake.run("-m", "ml.simulate", "--out", str(folder), "--instances", "2", "--minutes", "40", "--seed", "11")
    for number, path in enumerate(sorted(folder.glob("*/*.parquet"))):
        path.rename(path.with_name(f"SIMULATED_{90001 + number}.parquet"))
    return folder


def test_kill_the_producer_and_the_functions_and_resume(
    lake: Lake, instances: Path, models: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.json"
    command = (
        "producer/replay.py", "--data", str(instances), "--speed", "240", "--clock", "original",
        "--name", f"e2e-restart-{lake.twin.port}", "--report", str(report),
    )  # fmt: skip
    files = find_instances(instances)
    wells = ", ".join(f"'{file.well_id}'" for file in files)
    count = f"SELECT COUNT(DISTINCT event_id) AS n FROM scored_readings WHERE well_id IN ({wells})"

    producer = lake.start(*command)
    wait_for(lambda: int(lake.value(count)) > 0, "the first readings to land")
    lake.kill_consumer()
    producer.send_signal(signal.SIGKILL)
    producer.communicate()
    begun = int(lake.value(count))

    resumed = lake.start(*command, "--resume")
    wait_for(lambda: int(lake.value(count)) > begun, "readings after the restart to land")
    lake.kill_consumer()
    output, _ = resumed.communicate(timeout=300)
    assert resumed.returncode == 0, output

    expected = sum(len(read_instance(file)) for file in files)
    assert json.loads(report.read_text())["readings"] == expected
    wait_for(lambda: int(lake.value(count)) >= expected, "every reading to land")
    rows = lake.sql(
        "SELECT source, COUNT(*) AS n, COUNT(DISTINCT event_id) AS events, "
        "COUNT(DISTINCT source_ts) AS times "
        f"FROM well_data WHERE well_id IN ({wells}) GROUP BY source ORDER BY source"
    )
    assert {row["source"]: (int(row["n"]), int(row["events"]), int(row["times"])) for row in rows} == {
        file.source: (len(read_instance(file)),) * 3 for file in files
    }
