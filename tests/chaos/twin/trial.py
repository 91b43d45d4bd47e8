"""One trial on the twin: a replay, a fault in the middle of it, its repair, and the reckoning."""

import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from ml.data.dataset import find_instances, read_instance
from petrostream.errors import PetroStreamError
from tests.chaos.reckoning import Reckoning
from tests.chaos.twin.disk import Disk
from tests.chaos.twin.reckon import Sent, TwinKey, missing, reckon
from tests.chaos.twin.topic import listening
from tests.chaos.twin.wells import prepare
from tests.support.lake import Lake, wait_for
from tests.support.replays import LANDED, begin, finish, replay_of, report_in, sent_events

SPEED = 80
"""The replay of forty minutes takes half a minute: a fault and its repair come before its end."""

LAND_SECONDS = 300.0


@dataclass
class TwinTrial:
    """A trial while it runs; a fault changes what it needs.

    Attributes:
        lake: the lake, which is up.
        folder: of this trial.
        command: the producer's.
        producer: its process.
        whole: readings in the lake, of all trials, when all of this one's have landed.
        disk: what the lake lies on; None where it is an ordinary one.
        struck: what was done, each with the moment on a monotonic clock.
        alerts: whether the topic's messages are counted: not where those who send or carry them are killed.
        recovered_s: how long after the first fault readings landed again.
    """

    lake: Lake
    folder: Path
    command: tuple[str, ...]
    producer: subprocess.Popen[str]
    whole: int
    disk: Disk | None = None
    struck: list[tuple[float, str]] = field(default_factory=list)
    alerts: bool = True
    recovered_s: float = 0.0

    def note(self, what: str) -> None:
        """Remember that a fault has struck."""
        self.struck.append((time.monotonic(), what))

    def landed(self) -> int:
        """Readings in the lake, of all trials; raises while the lake can't be asked."""
        return int(self.lake.value(LANDED))

    def await_recovery(self) -> None:
        """Wait until readings land again, and note how long after the first fault that was."""
        before: list[int] = []

        def again() -> bool:
            try:
                before.append(self.landed())
            except (BotoCoreError, ClientError, PetroStreamError):
                return False
            return before[-1] > before[0] or before[-1] >= self.whole

        wait_for(again, "readings to land again", LAND_SECONDS)
        self.recovered_s = round(time.monotonic() - self.struck[0][0], 1)

    def resume_producer(self) -> None:
        """Begin the producer again where its file of progress says."""
        self.producer = self.lake.start(*self.command, "--resume", **_at_home(self.folder))


Strike = Callable[[TwinTrial], None]


@dataclass(frozen=True)
class Ground:
    """What the trials of a run stand on.

    Attributes:
        lake: the lake, which is up.
        folder: for the files of the trials.
        disk: what the lake lies on; None where it is an ordinary one.
    """

    lake: Lake
    folder: Path
    disk: Disk | None


def run(ground: Ground, number: int, strike: Strike, key: TwinKey, real: Path | None) -> Reckoning:
    """Run a trial.

    Args:
        ground: what it stands on.
        number: of the trial, which nothing else on this lake has.
        strike: does the fault and its repair, while the replay is in its middle.
        key: name of the fault, seed, whose readings are sent.
        real: folder of real wells; None for simulated ones.
    """
    lake, folder = ground.lake, ground.folder / str(number)
    data, report = folder / "data", folder / "report.json"
    since = datetime.now(UTC)
    fleet = prepare(lake, data, number, key[1], real)
    command = (*replay_of(data, report, f"chaos-{number}", SPEED), "--fleet", str(fleet))
    whole = int(lake.value(LANDED)) + sum(len(read_instance(file)) for file in find_instances(data))
    with listening(f"petrostream-chaos-{number}") as listener:
        trial = TwinTrial(lake, folder, command, begin(lake, command, **_at_home(folder)), whole, ground.disk)
        _strike(trial, strike)
        found = report_in(report)
        facilities = {well: figures["facility_id"] for well, figures in found["wells"].items()}
        sent = Sent(sent_events(data, found), facilities, since)
        # What does not come in time is lost, and counted as such.
        with suppress(AssertionError):
            wait_for(lambda: missing(lake, sent) == 0, "every reading to land and to be joined", LAND_SECONDS)
        return reckon(lake, sent, trial, key, listener.heard() if trial.alerts else None)


def _at_home(folder: Path) -> dict[str, str]:
    """Variables that put the producer's file of progress elsewhere than on the twin's disk."""
    return {"PETROSTREAM_HOME": str(folder / "producer")}


def _strike(trial: TwinTrial, strike: Strike) -> None:
    """Strike, and let the producer come to its end."""
    try:
        strike(trial)
        if not trial.recovered_s:
            trial.await_recovery()
        finish(trial.producer)
    finally:
        trial.producer.kill()
