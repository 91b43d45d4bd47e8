"""Replays into a running lake: their data, the producer as a process, and what it sent."""

import json
import subprocess
from pathlib import Path
from typing import Any

from ml.data.dataset import find_instances, read_instance
from petrostream.readings import event_id
from tests.support.lake import Lake, wait_for

LANDED = "SELECT COUNT(DISTINCT event_id) AS n FROM scored_readings"

FINISH_SECONDS = 300.0


def simulate(lake: Lake, data: Path, seed: int, instances: int = 8, minutes: int = 60) -> None:
    """Write simulated instances to a folder."""
    lake.run(
        "-m", "ml.simulate", "--out", str(data), "--instances", str(instances),
        "--minutes", str(minutes), "--seed", str(seed),
    )  # fmt: skip


def replay_of(data: Path, report: Path, name: str, speed: int) -> tuple[str, ...]:
    """The command of a live replay, with its tanks."""
    return (
        "producer/replay.py", "--data", str(data), "--speed", str(speed), "--with-facility",
        "--name", name, "--report", str(report),
    )  # fmt: skip


def begin(lake: Lake, command: tuple[str, ...], **variables: str) -> subprocess.Popen[str]:
    """Begin a replay, and wait until the first of its readings have landed."""
    before = int(lake.value(LANDED))
    producer = lake.start(*command, **variables)
    wait_for(lambda: int(lake.value(LANDED)) > before, "the first readings to land")
    return producer


def finish(producer: subprocess.Popen[str]) -> None:
    """Wait for its end; fails with its output where it was not a success."""
    output, _ = producer.communicate(timeout=FINISH_SECONDS)
    assert producer.returncode == 0, output


def sent_events(data: Path, report: dict[str, Any]) -> set[str]:
    """The event ids of all that a replay of whole instances sent, by its report."""
    moved = report["offset_by_source"]
    events = {
        event_id(file.well_id, file.source, int(ts) + moved[file.source])
        for file in find_instances(data)
        for ts in read_instance(file).ts_ms
    }
    assert len(events) == report["readings"]
    return events


def report_in(path: Path) -> dict[str, Any]:
    """The report that a replay has written."""
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
