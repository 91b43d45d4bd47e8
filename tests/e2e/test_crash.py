"""The emulator killed in mid-replay: what it acknowledged lands once, joined as if nothing had happened."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from local.demo.facility import read_pairing
from ml.data.dataset import find_instances, read_instance
from petrostream.readings.wells import event_id
from tests.support.lake import Lake, wait_for
from tests.support.stream import expected_pairs, landed_pairs, readings_of


@dataclass(frozen=True)
class Run:
    """A replay and the crashes it went through.

    Attributes:
        since: when it began.
        sent: the event ids of everything it sent.
        report: the producer's.
        restarts: what `up` printed after each crash.
    """

    since: datetime
    sent: set[str]
    report: dict[str, Any]
    restarts: list[str]


@pytest.fixture(scope="module")
def crashing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """A lake of these tests alone: the others must not be killed."""
    lake = Lake.at(tmp_path_factory.mktemp("crashing") / "home")
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(lake.environment)
    try:
        lake.run("-m", "local", "up")
        yield lake
    finally:
        lake.run("-m", "local", "down", "--purge", "--yes")
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="module")
def run(crashing: Lake, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A live replay: the emulator dies while it sends, and again when it has sent everything."""
    folder = tmp_path_factory.mktemp("run")
    data, report = folder / "data", folder / "report.json"
    crashing.run(
        "-m", "ml.simulate", "--out", str(data), "--instances", "8", "--minutes", "60", "--seed", "17"
    )
    wells = "SELECT COUNT(DISTINCT event_id) AS n FROM scored_readings"
    since = datetime.now(UTC)
    producer = crashing.start(
        "producer/replay.py", "--data", str(data), "--speed", "300", "--with-facility",
        "--name", f"e2e-crash-{crashing.twin.port}", "--report", str(report),
    )  # fmt: skip
    wait_for(lambda: int(crashing.value(wells)) > 0, "the first readings to land")
    crashing.kill_emulator()
    restarts = [crashing.run("-m", "local", "up")]
    output, _ = producer.communicate(timeout=300)
    assert producer.returncode == 0, output
    crashing.kill_emulator()
    restarts.append(crashing.run("-m", "local", "up"))

    sent = json.loads(report.read_text())
    moved = sent["offset_by_source"]
    events = {
        event_id(file.well_id, file.source, int(ts) + moved[file.source])
        for file in find_instances(data)
        for ts in read_instance(file).ts_ms
    }
    assert len(events) == sent["readings"]
    wait_for(lambda: int(crashing.value(wells)) >= len(events), "every reading to land")
    wait_for(lambda: _missing(crashing, since) == 0, "every reading to be joined")
    return Run(since, events, sent, restarts)


def _missing(lake: Lake, since: datetime) -> int:
    return sum(int(row["missing"]) for row in read_pairing(lake.sql, since).facilities)


def test_up_says_what_it_restored(run: Run) -> None:
    for output in run.restarts:
        assert "The emulator had been killed. Restored from its journal:" in output
        assert "Stacks are unchanged" in output


def test_what_was_sent_landed_once(crashing: Lake, run: Run) -> None:
    landed = [row["event_id"] for row in crashing.sql("SELECT event_id FROM well_data")]
    assert len(landed) == len(set(landed))
    assert set(landed) == run.sent
    assert int(crashing.value("SELECT COUNT(*) AS n FROM quarantine_lines")) == 0
    assert (
        int(
            crashing.value(
                "SELECT COUNT(*) AS n FROM well_data WHERE CONTAINS(validation_reasons, 'late:ts')"
            )
        )
        == 0
    )


def test_the_facilities_rows_are_those_of_an_undisturbed_stream(crashing: Lake, run: Run) -> None:
    facilities = sorted({well["facility_id"] for well in run.report["wells"].values()})
    assert len(facilities) > 1
    for facility_id in facilities:
        unit = readings_of(facility_id)
        assert len(set(unit.readings.event_id)) == sum(
            well["readings"] for well in run.report["wells"].values() if well["facility_id"] == facility_id
        )
        assert landed_pairs(crashing, facility_id) == expected_pairs(facility_id, unit)
