"""The twin that the trials of a run share: started for the first of them, purged after the last."""

import shutil
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import mkdtemp

from tests.chaos.reckoning import Reckoning
from tests.chaos.twin.disk import Disk, DiskRefused
from tests.chaos.twin.faults import TwinRow
from tests.chaos.twin.trial import Ground, run
from tests.support.lake import Lake


class Session:
    """A lake of its own, in a scratch folder, on another port than the user's.

    It lies on a disk that can be full, where the user may mount one; else on an ordinary one, and `refused`
    says why.
    """

    def __init__(self) -> None:
        self.refused = ""
        self._folder = Path(mkdtemp(prefix="petrostream-chaos-"))
        self._stack = ExitStack()
        self._stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
        self._disk = self._mounted()
        self._twin = ExitStack()
        self._ground: Ground | None = None
        self._trials = 0

    def _mounted(self) -> Disk | None:
        disk = Disk(self._folder / "disk")
        try:
            disk.mount()
        except DiskRefused as error:
            self.refused = f"no disk that can be full: {error}"
            return None
        self._stack.callback(disk.unmount)
        return disk

    def run(self, row: TwinRow, seed: int, real: Path | None) -> Reckoning:
        """Run a trial; the first starts the twin. After one that breaks off, the next has a new twin.

        Raises:
            Exception: the trial broke off.
        """
        self._trials += 1
        ground = self._ground = self._ground or self._started()
        key = row.name, seed, "real" if real else "simulated"
        try:
            return run(ground, self._trials, row.strike, key, real)
        except BaseException:
            self._stop()
            raise

    def _started(self) -> Ground:
        home = self._folder / "disk" / f"home-{self._trials}"
        lake = self._twin.enter_context(Lake.at(home).on())
        return Ground(lake, self._folder, self._disk)

    def _stop(self) -> None:
        self._ground = None
        if self._disk:
            with suppress(DiskRefused):
                self._disk.free()
        self._twin.close()

    def close(self) -> None:
        """Purge the twin, and remove the folder."""
        with self._stack:
            self._stop()
