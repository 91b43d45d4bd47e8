"""Two tasks of the service share four shards of a lake: one is killed and one drained in mid-replay.

A lake of its own: its stream is made again with four shards, before anything is sent.
"""

import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from subprocess import Popen

import boto3
import pytest

from local import service
from petrostream.aws.leases import LeaseTable
from tests.e2e.lakes import lake_fixtures
from tests.support.depth import deep_only
from tests.support.lake import Lake, wait_for
from tests.support.stream import STREAM, expected_pairs, landed_pairs, readings_of

pytestmark = deep_only

lake, simulated, models = lake_fixtures("module")

SHARDS = 4
SPEED = 40
"""The replay of 40 minutes takes a minute: the kill, the takeover and the drain all come before its end."""

TAKEN_OVER_SECONDS = 30.0


@pytest.fixture
def four_shards(lake: Lake) -> Iterator[Lake]:
    """The lake with another stream, and nobody who reads it yet."""
    kinesis = boto3.client("kinesis")
    with lake.unscored():
        kinesis.delete_stream(StreamName=STREAM)
        kinesis.get_waiter("stream_not_exists").wait(StreamName=STREAM, WaiterConfig={"Delay": 1})
        kinesis.create_stream(StreamName=STREAM, ShardCount=SHARDS)
        kinesis.get_waiter("stream_exists").wait(StreamName=STREAM, WaiterConfig={"Delay": 1})
        yield lake


@pytest.fixture
def data(lake: Lake, tmp_path: Path) -> Path:
    """Enough wells for facilities on every shard."""
    lake.run("-m", "ml.simulate", "--out", str(tmp_path / "data"), "--instances", "8", "--minutes", "40")
    return tmp_path / "data"


def _task(lake: Lake, name: str, monkeypatch: pytest.MonkeyPatch) -> AbstractContextManager[Popen[bytes]]:
    """A task whose leases have its name."""
    monkeypatch.setenv("HOSTNAME", name)
    return service.started(lake.twin)


def _shares() -> dict[str, int]:
    """How many shards each living lease holder reads."""
    leases = LeaseTable("petrostream-live", boto3.client("dynamodb"), "nobody").all().values()
    now_ms = time.time_ns() // 1_000_000
    return dict(Counter(lease.task.partition("-")[0] for lease in leases if lease.held(now_ms)))


def _read_by(*tasks: str) -> Callable[[], bool]:
    """Whether these tasks read all shards, and no other reads one."""

    def holds() -> bool:
        shares = _shares()
        return sum(shares.values()) == SHARDS and shares.keys() <= set(tasks)

    return holds


def _landed(lake: Lake) -> int:
    return int(lake.value("SELECT COUNT(DISTINCT event_id) AS n FROM scored_readings"))


def test_a_replay_through_a_kill_and_a_drain_lands_once(
    four_shards: Lake, models: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, report = four_shards, tmp_path / "report.json"
    with _task(lake, "one", monkeypatch) as one, _task(lake, "two", monkeypatch) as two:
        wait_for(lambda: _shares() == {"one": 2, "two": 2}, "two tasks to share four shards")
        replay = lake.start(
            "producer/replay.py", "--data", str(data), "--speed", str(SPEED), "--with-facility",
            "--report", str(report),
        )  # fmt: skip
        wait_for(lambda: _landed(lake) > 0, "the first readings to land")
        one.kill()
        with _task(lake, "three", monkeypatch):
            wait_for(_read_by("two", "three"), "the killed task's shards to be read", TAKEN_OVER_SECONDS)
            assert replay.poll() is None
            two.send_signal(signal.SIGTERM)
            wait_for(_read_by("three"), "the drained task's shards to be read", TAKEN_OVER_SECONDS)
            assert replay.poll() is None
            assert two.wait(100) == 0
            output, _ = replay.communicate(timeout=600)
            assert replay.returncode == 0, output
            sent = json.loads(report.read_text())
            wait_for(lambda: _landed(lake) >= sent["readings"], "every reading to land")
            _assert_whole(lake, sent["readings"], {well["facility_id"] for well in sent["wells"].values()})


def _assert_whole(lake: Lake, readings: int, facilities: set[str]) -> None:
    """Every reading is there once, and paired as in an undisturbed stream."""
    (row,) = lake.sql("SELECT COUNT(*) AS n, COUNT(DISTINCT event_id) AS m FROM well_data")
    assert (int(row["n"]), int(row["m"])) == (readings, readings)
    late = "SELECT COUNT(*) AS n FROM well_data WHERE CONTAINS(validation_reasons, 'late:ts')"
    assert int(lake.value(late)) == 0
    assert len(facilities) > 2
    for facility in sorted(facilities):
        expected = expected_pairs(facility, readings_of(facility))
        wait_for(
            lambda name=facility, rows=expected: landed_pairs(lake, name) == rows,  # type: ignore[misc]
            f"{facility}'s pairs",
        )
