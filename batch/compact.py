"""The job `compact`: writes days of the curated zone to gold, each row once, and keeps gold in order.

A day is treated when it ended `settle_hours` ago and the curated zone has objects of it that its run in gold
was not made of. So running it twice changes nothing, and late readings are taken by the next run. Objects
that are gone from the curated zone do not take their readings with them: they stay in gold.
"""

import tempfile
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from batch import months, sweep
from batch.catalogue import Partition
from batch.columns import read_rows
from batch.gold import ALARM_HISTORY, COMPACT, WELL_DATA, Gold, Product, publish, run_id
from batch.jobs import JobContext, JobRequest, JobResult
from batch.objects import FETCHES, Sources, StoredObject, place_of
from batch.refresh import refresh_views
from batch.spool import Spool
from petrostream.errors import PetroStreamError
from petrostream.schema import schema

PRODUCTS = (WELL_DATA, ALARM_HISTORY)
AGGREGATES = ("gold_hours", "gold_days")

UNCHANGED = {"state": "unchanged"}


def run(context: JobContext, request: JobRequest) -> JobResult:
    """Compact the days of a request, or every day that needs it.

    Options: `rebuild` makes the days from the curated zone alone, and drops what a backfill wrote; `views`
    False leaves the views as they are, for runs side by side: the last one refreshes them.
    """
    return compact(Gold(context), request)


def compact(gold: Gold, request: JobRequest) -> JobResult:
    """See `run`."""
    context = gold.context
    rebuild = bool(request.options.get("rebuild"))
    dates = {product: gold.bucket.dates(str(schema(product.source).prefix)) for product in PRODUCTS}
    asked = list(request.days()) or sorted(set().union(*dates.values()))
    ended = [day for day in asked if settled(day, context.clock(), context.settings.settle_hours)]
    # Of a day that was named, the reason is told; of all days, those that still fill are nobody's failure.
    failed = {day: _TOO_EARLY for day in asked if day not in ended} if request.first else {}
    work = _Work(gold, _registered(gold), rebuild=rebuild)
    with ThreadPoolExecutor(FETCHES) as pool:  # a day's answer is mostly waiting for S3
        needed = [day for day, needs in zip(ended, pool.map(work.needed, ended), strict=True) if needs]
    done, left, troubles = _treat(context, needed, work.day)
    if request.first:
        done = {day: done.get(day, UNCHANGED) for day in ended if day not in troubles and day not in left}
    details: dict[str, Any] = {}
    if not left:
        details = keep_order(
            gold, dates[WELL_DATA], whole=request.first is None, views=request.options.get("views", True)
        )
    return JobResult("compact", dict(sorted(done.items())), tuple(left), failed | troubles, details)


_TOO_EARLY = "not over (UTC), or its readings may still be on their way; views read it from the curated zone"


def settled(day: date, now: datetime, hours: int) -> bool:
    """Whether a day ended that many hours ago."""
    return now >= datetime.combine(day, time(), UTC) + timedelta(days=1, hours=hours)


def pending(gold: Gold, days: Iterable[date]) -> list[date]:
    """Those of the days that a compaction would treat now."""
    work = _Work(gold, _registered(gold), rebuild=False)
    now, hours = gold.context.clock(), gold.context.settings.settle_hours
    return [day for day in days if settled(day, now, hours) and work.needed(day)]


def keep_order(gold: Gold, dates: list[date], *, whole: bool, views: bool) -> dict[str, Any]:
    """What follows a compaction: months, views that know which days are in gold, and old runs deleted.

    Args:
        gold: the gold zone.
        dates: every date of readings in the curated zone.
        whole: whether to delete runs whose days of grace are over.
        views: whether to refresh the views.

    Returns:
        What was done; nothing of what was not.
    """
    details: dict[str, Any] = {"months": [str(month) for month in months.refresh(gold, dates)]}
    if views:
        details["views"] = refresh_views(gold)
    if whole:
        details["runs_deleted"] = sweep.sweep(gold)
    return {name: value for name, value in details.items() if value}


def _registered(gold: Gold) -> dict[str, dict[tuple[str, ...], Partition]]:
    tables = [product.table for product in PRODUCTS]
    return {table: gold.catalogue.partitions(table) for table in (*tables, *AGGREGATES, WELL_DATA.runs)}


def _treat(
    context: JobContext, days: list[date], treat: Callable[[date], Mapping[str, Any]]
) -> tuple[dict[date, Mapping[str, Any]], list[date], dict[date, str]]:
    """Results of days, those that the time was too short for, and the reasons of those that failed."""
    done: dict[date, Mapping[str, Any]] = {}
    failed: dict[date, str] = {}
    longest = 0.0
    for place, day in enumerate(days):
        before = context.deadline.remaining()
        if before <= 1.5 * longest:  # a day is not begun that could not be ended
            return done, days[place:], failed
        try:
            done[day] = treat(day)
        except (
            PetroStreamError,
            OSError,
            pa.ArrowException,
            ClientError,
            BotoCoreError,
            Boto3Error,
        ) as error:
            failed[day] = str(error)
            context.say(f"{day}  failed: {error}")
        else:
            context.say(f"{day}  {place + 1} of {len(days)}  {_told(done[day])}")
        longest = max(longest, before - context.deadline.remaining()) if before < float("inf") else 0.0
    return done, [], failed


def _told(counts: Mapping[str, Any]) -> str:
    return "  ".join(f"{name} {value}" for name, value in counts.items())


@dataclass(frozen=True)
class _Work:
    """What there is to do for a day, and how it is done."""

    gold: Gold
    registered: Mapping[str, Mapping[tuple[str, ...], Partition]]
    rebuild: bool

    def needed(self, day: date) -> bool:
        """Whether gold lacks something of the day."""
        return any(self._needs(product, day, self.gold.sources(day, product)) for product in PRODUCTS)

    def day(self, day: date) -> Mapping[str, Any]:
        """Compact the day's products that need it."""
        counts: dict[str, Any] = {}
        for product in PRODUCTS:
            sources = self.gold.sources(day, product)
            if self._needs(product, day, sources):
                found = self._compact(product, day, sources)
                counts |= found if product is WELL_DATA else {"transitions": found["transitions"]}
        return counts or UNCHANGED

    def _needs(self, product: Product, day: date, sources: Sources) -> bool:
        current = self.registered[product.table].get((str(day),))
        if not sources.objects:
            return False  # what gold has of the day stays
        if current is None or self.rebuild:
            return True
        if current.facts.get("sources") != sources.digest and self._new(current, sources):
            return True
        return product.aggregates and not self._complete(day, current)

    def _complete(self, day: date, current: Partition) -> bool:
        """Whether hours and days are of the same run, and the run is among the runs."""
        runs = {found.run for table in AGGREGATES if (found := self.registered[table].get((str(day),)))}
        listed = (str(day), current.run) in self.registered[WELL_DATA.runs]
        return listed and runs == {current.run} and all((str(day),) in self.registered[t] for t in AGGREGATES)

    def _new(self, current: Partition, sources: Sources) -> bool:
        """Whether there are objects that the run in gold was not made of."""
        return bool(sources.identities - self._made_of(current))

    def _made_of(self, current: Partition) -> frozenset[str]:
        return self.gold.bucket.read_sources(place_of(current.location)[1])

    def _compact(self, product: Product, day: date, sources: Sources) -> dict[str, Any]:
        current = None if self.rebuild else self.registered[product.table].get((str(day),))
        kept = current if current is not None and self._is_kept(current, sources) else None
        by_others = kept is not None and kept.facts.get("made_by") != COMPACT
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for part in ("spool", "kept", "fetched"):
                (folder / part).mkdir()
            spool = Spool(product.source, product.rule, folder / "spool")
            if kept is not None:
                sources = replace(sources, gone=self._made_of(kept) - sources.identities)
                objects = tuple(self.gold.bucket.objects(place_of(kept.location)[1]))
                self._read(
                    product, [one for one in objects if one.key.endswith(".parquet")], spool, folder / "kept"
                )
            self._read(product, sources.objects, spool, folder / "fetched", rank=int(by_others))
            facts = dict(kept.facts) if kept is not None and by_others else {"made_by": COMPACT}
            run = run_id(self.gold.context.clock())
            return publish(self.gold, product, day, spool, run, sources, facts)

    def _is_kept(self, current: Partition, sources: Sources) -> bool:
        """Whether rows of the run in gold have to stay: nothing else has them, or a job made them anew."""
        return current.facts.get("made_by") != COMPACT or bool(self._made_of(current) - sources.identities)

    def _read(
        self, product: Product, objects: Iterable[StoredObject], spool: Spool, folder: Path, rank: int = 0
    ) -> None:
        for found, path in self.gold.bucket.fetch(list(objects), folder):
            spool.add(read_rows(path, product.source, f"s3://{self.gold.bucket.name}/{found.key}"), rank)
            path.unlink()
