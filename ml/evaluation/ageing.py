"""Which baseline an evaluated instance is judged by: its own, or an earlier one of the same well.

A well in operation does not get a baseline each morning. `previous` shows what its alarms are worth on the
baseline it had before; `age` tries every earlier one. An earlier baseline is made from another instance of
the well, which has ended before the judged one begins, so none of its readings are among the judged ones. The
whole normal period is watched then, from its first reading, where the detector has seen nothing since: in
operation it would have followed the well in between.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ml.data.dataset import Instance
from ml.training.baseline import Baseline, NormalPeriod
from ml.training.models import VALID_DAYS
from petrostream.times import DAY_MS

AGE_BANDS = (1.0, VALID_DAYS, 30.0)
"""Upper ends of the bands of `age`, days; `previous` has one, at what the product calls valid."""


class Choice(StrEnum):
    """Which baseline an instance is judged by."""

    FRESH = "fresh"
    PREVIOUS = "previous"
    AGE = "age"


@dataclass(frozen=True, slots=True)
class Judge:
    """A baseline to judge an instance by.

    Attributes:
        baseline: the baseline.
        watched_from: first row that is judged.
        age_days: from the end of the baseline's period to that row; None for the instance's own.
    """

    baseline: Baseline
    watched_from: int
    age_days: float | None = None


@dataclass(slots=True)
class Baselines:
    """The baselines of all wells, to choose from.

    Attributes:
        choice: which to use.
        max_age_days: `age` leaves out what is older.
    """

    choice: Choice = Choice.FRESH
    max_age_days: float = float("inf")
    _made: dict[str, list[tuple[int, Baseline]]] = field(default_factory=dict)

    def learn(self, instance: Instance, baseline: Baseline) -> None:
        """Adds the baseline that an instance made."""
        self._made.setdefault(instance.well_id, []).append((int(instance.ts_ms[-1]), baseline))

    def earlier(self, period: NormalPeriod) -> list[Judge]:
        """Earlier baselines to judge an instance by, the newest first; only that one for `previous`."""
        if period.start == period.end:
            return []
        one = period.instance
        starts_ms = int(one.ts_ms[period.start])
        ended = [
            baseline
            for end_ms, baseline in self._made.get(one.well_id, ())
            if end_ms < one.ts_ms[0] and baseline.source != one.source
        ]
        found = [
            Judge(baseline, period.start, (starts_ms - baseline.to_ms) / DAY_MS)
            for baseline in sorted(ended, key=lambda baseline: -baseline.to_ms)
        ]
        if self.choice == Choice.PREVIOUS:
            return found[:1]
        return [
            judge for judge in found if judge.age_days is not None and judge.age_days <= self.max_age_days
        ]


def age_band(days: float, bands: Sequence[float] = AGE_BANDS) -> str:
    """The band of an age: `up to 1 day`, `1 to 7 days`, `older than 30 days`.

    Args:
        days: the age.
        bands: upper ends, ascending, at least one.
    """
    if days > bands[-1]:
        return f"older than {bands[-1]:g} days"
    at = bisect_left(bands, days)
    since = f"{bands[at - 1]:g} to" if at else "up to"
    return f"{since} {bands[at]:g} day{'s' * (bands[at] != 1)}"


def bands(choice: Choice) -> Sequence[float]:
    """Upper ends of the bands that a choice is reported by."""
    return AGE_BANDS if choice == Choice.AGE else (VALID_DAYS,)
