"""Which trials a run has, and their seeds."""

import hashlib
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.chaos.faults import ROWS, Row
from tests.chaos.reckoning import Key, Reckoning
from tests.chaos.trial import run

BY_NAME = {row.name: row for row in ROWS}


def seed_of(seed: int, names: Sequence[str]) -> int:
    """The seed of a trial: of the run, and of its faults, whatever else is tried."""
    text = f"{seed} {' '.join(names)}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


@dataclass(frozen=True)
class Planned:
    """A trial that is to be run.

    Attributes:
        rows: its faults.
        seed: everything random in it follows from this.
        real: folder of the real wells it replays; None for synthetic ones.
    """

    rows: tuple[Row, ...]
    seed: int
    real: Path | None = None

    @property
    def key(self) -> Key:
        """What names it."""
        return tuple(row.name for row in self.rows), self.seed, "real" if self.real else "synthetic"

    def run(self) -> Reckoning:
        """Run it; an error that ends it is a promise broken."""
        try:
            return run(self.rows, self.seed, self.real)
        except Exception as error:
            return Reckoning.broken(self.key, error)


def plan(seed: int, pairs: int, real: Path | None = None) -> Iterator[Planned]:
    """All trials of a run: every fault alone, then pairs of them, on synthetic wells; and alone on real ones.

    Args:
        seed: of the run.
        pairs: how many; each at most once.
        real: folder of real wells; None if there are none.
    """
    singles = [Planned((row,), seed_of(seed, [row.name])) for row in ROWS]
    yield from singles
    every = list(itertools.combinations(ROWS, 2))
    for pair in random.Random(seed).sample(every, min(pairs, len(every))):
        yield Planned(pair, seed_of(seed, [row.name for row in pair]))
    if real:
        yield from (replace(planned, real=real) for planned in singles)
