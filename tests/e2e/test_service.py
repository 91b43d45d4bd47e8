"""The service in place of the function on a running lake: the same rows, through a kill and a drain."""

import json
import signal
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from subprocess import Popen

import pytest

from local import service
from tests.support.lake import Lake, free_port, wait_for


@pytest.fixture
def tasks(lake: Lake) -> Iterator[list[tuple[Popen[bytes], int]]]:
    """Two tasks of the service that own the stream."""
    ports = [free_port(), free_port()]
    with (
        lake.unscored(),
        service.started(lake.twin, ports[0]) as one,
        service.started(lake.twin, ports[1]) as two,
    ):
        yield [(one, ports[0]), (two, ports[1])]


def _metric(port: int, name: str) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def _up(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _scored(port: int) -> float:
    return _metric(port, "petrostream_readings_scored_total")


def test_a_replay_through_a_kill_and_a_drain_lands_once(
    lake: Lake, simulated: Path, tasks: list[tuple[Popen[bytes], int]], tmp_path: Path
) -> None:
    (one, first), (two, second) = tasks
    for port in (first, second):
        wait_for(lambda port=port: _up(port), "the API to answer")
    began = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    report = tmp_path / "report.json"
    arguments = ["--data", str(simulated), "--speed", "300", "--report", str(report)]
    replay = lake.start("producer/replay.py", *arguments)
    wait_for(lambda: _scored(first) + _scored(second) > 0, "a reading to be scored")
    one.kill()
    wait_for(lambda: _scored(second) > 0, "the other task to take over")
    with service.started(lake.twin, free_port()):
        two.send_signal(signal.SIGTERM)
        assert two.wait(100) == 0
        output, _ = replay.communicate(timeout=600)
        assert replay.returncode == 0, output
        sent = json.loads(report.read_text())["readings"]
        mine = f"FROM well_data WHERE scored_at >= TIMESTAMP '{began}'"
        wait_for(lambda: int(lake.value(f"SELECT COUNT(*) AS n {mine}")) >= sent, f"{sent} readings to land")
    assert lake.sql(f"SELECT COUNT(*) AS n, COUNT(DISTINCT event_id) AS m {mine}") == [{"n": sent, "m": sent}]
