"""What became of a trial, and whether every promise was kept."""

from dataclasses import dataclass
from typing import Any

Key = tuple[tuple[str, ...], int, str]
"""What names a trial: its faults, its seed, and whose readings were sent."""

SIMULATED, WALL = "simulated", "wall"
"""Clocks that a recovery time is counted on."""


@dataclass(frozen=True)
class Reckoning:
    """What became of a trial. A figure is None where it cannot be told, or is not to be expected.

    Attributes:
        faults: names of the faults.
        seed: of the trial.
        wells: whose readings were sent: synthetic, simulated (3W's layout) or real (3W).
        strikes: how often something was done to a call, a record or a process.
        sent: readings that were sent, repeats not counted.
        landed, rejected: of these, in `well_data`, and in the quarantine for good reason.
        lost: in neither.
        doubled: rows too many, over all views.
        stored_twice: copies of rows in the tables, which the views hide.
        differing: rows that differ from an undisturbed run's.
        minutes, memories, live: whether these equal an undisturbed run's.
        alerts_missing, alerts_doubled: messages on the topic, against an undisturbed run's. Those of a
            process that died as SNS took them are sent again with the same id, which is documented.
        recovery_s: from the first strike on the consumer until the delay was normal for good.
        clock: what `recovery_s` was counted on, simulated or wall.
        error: what ended the trial before its time.
    """

    faults: tuple[str, ...]
    seed: int
    wells: str
    strikes: int
    sent: int
    landed: int
    rejected: int
    lost: int
    doubled: int
    stored_twice: int
    differing: int | None
    minutes: bool | None
    memories: bool | None
    live: bool | None
    alerts_missing: int | None
    alerts_doubled: int | None
    recovery_s: float
    clock: str = SIMULATED
    error: str = ""

    @classmethod
    def broken(cls, key: Key, error: BaseException) -> "Reckoning":
        """Of a trial that ended in an error."""
        names, seed, wells = key
        counted = ("strikes", "sent", "landed", "rejected", "lost", "doubled", "stored_twice", "recovery_s")
        compared = ("differing", "minutes", "memories", "live", "alerts_missing", "alerts_doubled")
        figures: dict[str, Any] = dict.fromkeys(counted, 0) | dict.fromkeys(compared)
        text = f"{type(error).__name__}: {error}"
        return cls(names, seed, wells, **figures, error=text)

    @property
    def key(self) -> Key:
        """What names the trial."""
        return self.faults, self.seed, self.wells

    @property
    def held(self) -> bool:
        """Whether every promise was kept, and the trial tested something."""
        exact = (self.differing or 0) == 0 and all(
            one is not False for one in (self.minutes, self.memories, self.live)
        )
        told = (self.alerts_missing or 0) == (self.alerts_doubled or 0) == 0
        return not self.error and exact and told and self.lost == self.doubled == 0 and self.strikes > 0
