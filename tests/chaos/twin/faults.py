"""The faults of real processes and disks: one row each."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import boto3
import pytest

from infra.settings import load_settings
from petrostream.aws.athena import QueryFailed
from tests.chaos.twin.disk import Disk
from tests.chaos.twin.trial import Strike, TwinTrial
from tests.support.lake import wait_for
from tests.support.replays import finish

DOWN_SECONDS = 3.0
"""How long the emulator is away."""

FULL_SECONDS = 10.0
"""How long the disk is full."""

DROPPED_SECONDS = 5.0
"""How long a table is missing."""

KILLS = 3
"""How often a function or the producer is killed in one replay, some seconds apart."""

BETWEEN_SECONDS = 3.0

DATABASE, TABLE = "petrostream", "scored_readings"


@dataclass(frozen=True)
class TwinRow:
    """A fault on the twin.

    Attributes:
        name: as the command line and the page know it.
        what: what happens.
        strike: does it, and what an operator would do about it, in the middle of a replay.
        on_disk: whether it needs a disk that can be full.
    """

    name: str
    what: str
    strike: Strike
    on_disk: bool = False


def emulator_killed(trial: TwinTrial) -> None:
    """SIGKILL, and `up` some seconds later. SNS and SQS of the twin do not outlive it."""
    trial.alerts = False
    _kill_emulator(trial)
    trial.await_recovery()


def _kill_emulator(trial: TwinTrial) -> None:
    trial.lake.kill_emulator()
    trial.note("emulator killed")
    time.sleep(DOWN_SECONDS)
    trial.lake.run("-m", "local", "up")


def function_killed(function: Callable[[], str]) -> Strike:
    """SIGKILL to every process of a function, some times."""

    def strike(trial: TwinTrial) -> None:
        for _ in range(KILLS):
            wait_for(lambda: trial.lake.kill_functions(function()) > 0, f"a process of {function()}")
            trial.note(f"{function()} killed")
            time.sleep(BETWEEN_SECONDS)

    return strike


def producer_killed(trial: TwinTrial) -> None:
    """SIGKILL to the producer, which is resumed, some times."""
    for _ in range(KILLS):
        trial.producer.kill()
        trial.producer.communicate()
        trial.note("producer killed")
        trial.resume_producer()
        time.sleep(BETWEEN_SECONDS)


def disk_full(fill: Callable[[Disk], None]) -> Strike:
    """No space where the twin writes; then there is, and the emulator is killed at once.

    What was acknowledged on the full disk must be on it: the crash takes all that was in memory only.
    """

    def strike(trial: TwinTrial) -> None:
        assert trial.disk is not None
        trial.alerts = False
        fill(trial.disk)
        trial.note("disk full")
        time.sleep(FULL_SECONDS)
        trial.disk.free()
        _kill_emulator(trial)
        trial.await_recovery()

    return strike


def table_dropped(trial: TwinTrial) -> None:
    """A table is dropped while rows are converted; `up` puts it back, `redeliver` what was set aside."""
    glue = boto3.client("glue")
    glue.delete_table(DatabaseName=DATABASE, Name=TABLE)
    trial.note("table dropped")
    _assert_queries_say_so(trial)
    time.sleep(DROPPED_SECONDS)
    output = trial.lake.run("-m", "local", "up")
    assert f"Table {TABLE} was missing" in output, output
    trial.await_recovery()
    finish(trial.producer)
    looked = trial.lake.run("-m", "ops", "redeliver")
    assert "petrostream-delivery: 0 objects" not in looked, looked
    trial.lake.run("-m", "ops", "redeliver", "--execute")


def _assert_queries_say_so(trial: TwinTrial) -> None:
    """A query on a table that is not there fails and names it: an empty answer would be a lie."""
    with pytest.raises(QueryFailed, match=TABLE):
        trial.lake.sql("SELECT COUNT(*) AS n FROM well_data")


def _scoring() -> str:
    return load_settings().scoring.function


def _transform() -> str:
    return load_settings().firehose_transform.function


TWIN_ROWS: tuple[TwinRow, ...] = (
    TwinRow("twin-emulator-killed", "SIGKILL of the emulator, with all its functions; up", emulator_killed),
    TwinRow("twin-worker-killed", "SIGKILL of the scoring function, three times", function_killed(_scoring)),
    TwinRow("twin-transform-killed", "SIGKILL of the transform, three times", function_killed(_transform)),
    TwinRow("twin-producer-killed", "SIGKILL of the producer, three times; resumed", producer_killed),
    TwinRow("twin-table-dropped", "A table dropped from the catalogue; up, and redeliver", table_dropped),
    TwinRow(
        "twin-disk-full",
        "The twin's disk full for ten seconds, then SIGKILL of the emulator; up",
        disk_full(Disk.fill),
        on_disk=True,
    ),
    TwinRow(
        "twin-inodes-used",
        "No inode left on the twin's disk for ten seconds, then SIGKILL of the emulator; up",
        disk_full(Disk.fill_inodes),
        on_disk=True,
    ),
)
"""All faults on the twin."""
