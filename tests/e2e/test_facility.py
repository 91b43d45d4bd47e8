"""Wells, gas and tanks in one stream: what lands is the join of the stream, whatever was killed meanwhile."""

import json
import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.demo.facility import read_alerts, read_pairing
from ml.data.dataset import find_instances, read_instance
from tests.support.lake import Lake, wait_for
from tests.support.stream import expected_pairs, landed_pairs, readings_of

FACILITY = "FAC-E2E"


@dataclass(frozen=True)
class Run:
    """A replay that was interrupted, and whose functions were killed twice."""

    since: datetime
    readings: int
    report: dict[str, Any]


@pytest.fixture(scope="module")
def instances(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wells of these tests alone: another seed, and numbers that the other tests do not use."""
    folder = tmp_path_factory.mktemp("facility")
    lake.run("-m", "ml.simulate", "--out", str(folder), "--instances", "3", "--minutes", "40", "--seed", "13")
    for number, path in enumerate(sorted(folder.glob("*/*.parquet"))):
        path.rename(path.with_name(f"SIMULATED_{80001 + number}.parquet"))
    return folder


@pytest.fixture(scope="module")
def run(lake: Lake, instances: Path, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    files = find_instances(instances)
    folder = tmp_path_factory.mktemp("run")
    # A facility of their own: the other tests' clocks and readings are not theirs.
    fleet, report = folder / "fleet.json", folder / "report.json"
    fleet.write_text(json.dumps({file.well_id: FACILITY for file in files}))
    command = (
        "producer/replay.py", "--data", str(instances), "--speed", "1200", "--clock", "original",
        "--fleet", str(fleet), "--with-facility", "--seed", "2",
        "--name", f"e2e-facility-{lake.twin.port}", "--report", str(report),
    )  # fmt: skip
    since = datetime.now(UTC)
    joined = f"SELECT COUNT(DISTINCT event_id) AS n FROM facility_readings WHERE facility_id = '{FACILITY}'"

    producer = lake.start(*command)
    wait_for(lambda: int(lake.value(joined)) > 0, "the first joined readings to land")
    lake.kill_consumer()
    producer.send_signal(signal.SIGKILL)
    producer.communicate()
    begun = int(lake.value(joined))

    resumed = lake.start(*command, "--resume")
    wait_for(lambda: int(lake.value(joined)) > begun, "joined readings after the restart to land")
    lake.kill_consumer()
    output, _ = resumed.communicate(timeout=300)
    assert resumed.returncode == 0, output
    readings = sum(len(read_instance(file)) for file in files)
    wait_for(lambda: _pairing(lake, since)["readings"] == readings, "every reading to land")
    wait_for(lambda: _pairing(lake, since)["missing"] == 0, "every pair to land")
    return Run(since, readings, json.loads(report.read_text()))


def _pairing(lake: Lake, since: datetime) -> dict[str, int]:
    rows = read_pairing(lake.sql, since).facilities
    found = next((row for row in rows if row["facility_id"] == FACILITY), {"readings": 0, "missing": -1})
    return {name: int(count) for name, count in found.items() if name != "facility_id"}


def test_the_numbers_add_up(lake: Lake, run: Run) -> None:
    row = _pairing(lake, run.since)
    parts = ("matched", "no_tank", "late", "crowded", "waiting", "before_tanks")
    assert row["readings"] == run.readings == run.report["readings"] == sum(row[name] for name in parts)
    assert row["duplicates"] == row["missing"] == 0
    assert row["matched"] > 0.95 * run.readings
    (view,) = lake.sql(
        "SELECT COUNT(*) AS n, COUNT(DISTINCT event_id) AS events FROM facility_data "
        f"WHERE facility_id = '{FACILITY}'"
    )
    assert int(view["n"]) == int(view["events"]) == row["readings"] - row["waiting"] - row["before_tanks"]
    quarantined = f"SELECT COUNT(*) AS n FROM quarantine_lines WHERE partition_key = '{FACILITY}'"
    assert int(lake.value(quarantined)) == 0


def test_the_view_holds_the_join_of_the_stream_as_if_nothing_had_been_killed(lake: Lake, run: Run) -> None:
    unit = readings_of(FACILITY)
    assert len(set(unit.tanks.event_id)) <= run.report["facility"]["readings"] <= len(unit.tanks)
    assert landed_pairs(lake, FACILITY) == expected_pairs(FACILITY, unit)


def test_alerts_are_where_gas_or_vapor_was_raised_and_nowhere_else(lake: Lake, run: Run) -> None:
    found = read_alerts(lake.sql, run.since, run.report["facility"]["raised"])
    assert found["raised"] > 0
    assert (found["unexpected"], found["missed"]) == (0, 0)


def test_joined_readings_lie_on_the_date_of_their_own_time(lake: Lake, run: Run) -> None:
    astray = (
        "SELECT COUNT(*) AS n FROM facility_readings "
        f"WHERE facility_id = '{FACILITY}' AND date <> CAST(ts AS DATE)"
    )
    assert int(lake.value(astray)) == 0


def test_a_malformed_frame_costs_the_frame_not_the_reading(lake: Lake, run: Run) -> None:
    (row,) = lake.sql(
        "SELECT COUNT(*) AS n, COUNT(vibration_rms) AS frames FROM well_data "
        f"WHERE facility_id = '{FACILITY}' "
        "AND CONTAINS(validation_reasons, 'undecodable_base64:vibration_encoded')"
    )
    assert int(row["n"]) > 0
    assert int(row["frames"]) == 0
