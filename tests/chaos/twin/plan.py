"""Which trials a run has on the twin."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.chaos.plan import seed_of
from tests.chaos.reckoning import Key, Reckoning
from tests.chaos.twin.faults import TWIN_ROWS, TwinRow
from tests.chaos.twin.session import Session

TWIN_BY_NAME = {row.name: row for row in TWIN_ROWS}


@dataclass(frozen=True)
class TwinPlanned:
    """A trial that is to be run on the twin.

    Attributes:
        row: its fault.
        seed: its wells follow from this; when a process dies depends on the machine.
        session: the twin.
        real: folder of the real wells it replays; None for simulated ones.
    """

    row: TwinRow
    seed: int
    session: Session
    real: Path | None = None

    @property
    def key(self) -> Key:
        """What names it."""
        return (self.row.name,), self.seed, "real" if self.real else "simulated"

    @property
    def refused(self) -> str:
        """Why it cannot be run here; empty if it can."""
        return self.session.refused if self.row.on_disk else ""

    def run(self) -> Reckoning:
        """Run it; an error that ends it is a promise broken."""
        try:
            return self.session.run(self.row, self.seed, self.real)
        except (Exception, pytest.fail.Exception) as error:
            return Reckoning.broken(self.key, error)


def twin_plan(seed: int, session: Session, real: Path | None = None) -> Iterator[TwinPlanned]:
    """Every fault alone, on simulated wells and on real ones.

    Args:
        seed: of the run.
        session: the twin.
        real: folder of real wells; None if there are none.
    """
    for wells in (None, real) if real else (None,):
        for row in TWIN_ROWS:
            yield TwinPlanned(row, seed_of(seed, [row.name]), session, wells)
