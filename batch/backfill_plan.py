"""What a backfill reads and replaces: days, and the dates on which their records arrived."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from batch.catalogue import Partition
from batch.gold import WELL_DATA, Gold
from batch.objects import Sources
from batch.prepared import PreparedRows
from batch.raw_objects import ArrivedObject, RawBucket

AROUND = timedelta(days=1)
"""A reading may be an hour ahead of its arrival, is scored up to six hours after it, and may land in the raw
zone a day after it (the stream's retention)."""


@dataclass(frozen=True, slots=True)
class DayPlan:
    """A day to be replaced.

    Attributes:
        day: the UTC date of `ts`.
        sources: its objects in the curated zone.
        current: its partition in gold, None if it has none.
        last_arrival: the last date of arrival of its records.
    """

    day: date
    sources: Sources
    current: Partition | None
    last_arrival: date


@dataclass(slots=True)
class BackfillPlan:
    """What a backfill reads and replaces.

    Attributes:
        days: the days.
        arrivals: dates of arrival to be read, oldest first, those of the warm-up included.
        objects: the raw objects of each of them, and of the date after the last one.
        exact: whether the raw zone begins with the first of them: no memory lacks anything.
        rows: files of rows that another engine has made, each with what changes with its content.
    """

    days: list[DayPlan] = field(default_factory=list)
    arrivals: list[date] = field(default_factory=list)
    objects: dict[date, list[ArrivedObject]] = field(default_factory=dict)
    exact: bool = False
    rows: list[tuple[str, str]] = field(default_factory=list)

    @property
    def digest(self) -> str:
        """Changes when something that is read is added, written again or gone."""
        listed = [(one.key, one.etag) for day in sorted(self.objects) for one in self.objects[day]]
        return hashlib.sha256("\n".join(map(" ".join, listed + self.rows)).encode()).hexdigest()

    def following(self, day: date) -> date | None:
        """The date of arrival after one, None if the raw zone has none."""
        return min((other for other in self.objects if other > day), default=None)


def plan_of(
    gold: Gold, raw: RawBucket, days: Sequence[date], *, warm_up_days: int, arrived_to: date | None
) -> BackfillPlan:
    """Find out what has to be read to score days again.

    Args:
        gold: the zone.
        raw: the raw zone.
        days: the days.
        warm_up_days: see `batch.recompute.WARM_UP_DAYS`; all that the raw zone has if negative.
        arrived_to: last date of arrival to read, None for all.

    Returns:
        The plan; it has no arrivals where the raw zone has none of the days' records.
    """
    known = raw.dates()
    plan = BackfillPlan()
    firsts = []
    for day in days:
        sources = gold.sources(day)
        first, last = arrivals_of(day, sources)
        inside = [date for date in known if first <= date <= last]
        if arrived_to is not None:
            inside = [date for date in inside if date <= arrived_to]
        if inside:
            firsts.append(inside[0])
            current = gold.catalogue.partition(WELL_DATA.table, [str(day)])
            plan.days.append(DayPlan(day, sources, current, inside[-1]))
    if not plan.days:
        return plan
    begin = known[0] if warm_up_days < 0 else min(firsts) - timedelta(days=warm_up_days)
    end = max(day.last_arrival for day in plan.days)
    plan.arrivals = [date for date in known if begin <= date <= end]
    plan.exact = plan.arrivals[0] == known[0]
    ahead = [date for date in known if date > end][:1]
    plan.objects = {date: raw.objects(date) for date in (*plan.arrivals, *ahead)}
    return plan


def plan_of_rows(gold: Gold, prepared: PreparedRows, days: Sequence[date]) -> BackfillPlan:
    """The days of which another engine has made rows."""
    plan = BackfillPlan()
    for day in days:
        files = prepared.listed(day)
        if files:
            current = gold.catalogue.partition(WELL_DATA.table, [str(day)])
            plan.days.append(DayPlan(day, gold.sources(day), current, day))
            plan.rows += files
    return plan


def arrivals_of(day: date, sources: Sources) -> tuple[date, date]:
    """First and last date on which readings of a day can have arrived.

    Its objects in the curated zone say when they were written: that is how readings are found that came late,
    or that a replay sent years after their time.
    """
    written = sorted(one.modified.date() for one in sources.objects)
    return min([day, *written[:1]]) - AROUND, max([day + AROUND, *written[-1:]])


def left_over(days: Iterable[date], plan: BackfillPlan) -> dict[date, str]:
    """The reason of each day that there is nothing to make it of."""
    planned = {day.day for day in plan.days}
    return {
        day: "no raw object of the dates on which its readings arrived, and no rows; the day stays as it is"
        for day in days
        if day not in planned
    }
