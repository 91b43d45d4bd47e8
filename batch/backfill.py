"""The job `backfill`: scores days again from the raw zone with a chosen model, and replaces them in gold.

Rows are those that the stream's consumer would have written with that model (`batch.recompute`). A day is
replaced as compaction replaces it: readers see the old rows or the new ones. Readings that the raw zone does
not have (any more) are kept as they are, and counted. Other days, the curated zone, the alarm history,
`facility_data` and the live table are not touched. The live model changes only on request.
"""

import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from batch import months
from batch.backfill_plan import BackfillPlan, DayPlan, left_over, plan_of, plan_of_rows
from batch.columns import read_rows
from batch.compact import settled
from batch.flags import Flags, compared
from batch.gold import WELL_DATA, Gold, publish, run_id
from batch.jobs import JobContext, JobRequest, JobResult, RequestInvalid
from batch.objects import FETCHES, StoredObject, place_of
from batch.prepared import PreparedRows
from batch.raw_objects import RawBucket
from batch.recompute import WARM_UP_DAYS, Recomputation
from batch.refresh import refresh_views
from batch.spool import Spool
from batch.stream_order import Files, StreamOrder
from batch.versions import chosen_version
from ml.registry import S3Registry, rollback
from petrostream.aws.models import ModelStore
from petrostream.detection import ModelSet

JOB = "backfill"

RECOMPUTED, PRESENT, CURATED = range(3)
"""Ranks of copies of a reading: the one computed again counts, else that of the present run in gold."""

_TOO_EARLY = "not over (UTC), or its readings may still be on their way; views read it from the curated zone"


class WatchedSpool(Spool):
    """A spool that notes flags: of what was computed again, and of the rows that count."""

    def watch(self) -> None:
        """Begin."""
        self.recomputed, self.before, self.after = Flags(), Flags(), Flags()

    def groups(self) -> Iterator[pa.Table]:
        """See `Spool.groups`."""
        for rows in super().groups():
            self.after.add(rows)
            yield rows


def run(context: JobContext, request: JobRequest) -> JobResult:
    """Score days again from the raw zone.

    Options: `model`, the version to score with, the live one by default; `promote` makes it the live one once
    all days are done; `warm_up_days`, see `WARM_UP_DAYS`, -1 for all; `arrived_to`, the last date of arrival
    to read: readings that arrived later are kept as they are; `again`, also days that this model has made of
    these objects before; `rows`, where `batch.spark` has written rows of that model, taken in place of
    raw records; `views` False leaves the views as they are, for runs side by side.
    """
    return backfill(Gold(context), request)


def backfill(gold: Gold, request: JobRequest) -> JobResult:
    """See `run`."""
    context, options = gold.context, request.options
    if request.first is None:
        raise RequestInvalid("from", None, "name the days to be scored again")
    s3 = context.client("s3")
    registry = S3Registry(context.settings.artifacts_bucket, s3)
    version = chosen_version(options, registry)
    models = ModelStore(context.settings.artifacts_bucket, s3).load(version)
    ended = [day for day in request.days() if settled(day, context.clock(), context.settings.settle_hours)]
    failed = {day: _TOO_EARLY for day in request.days() if day not in ended}
    raw = RawBucket(context.settings.raw_bucket, context.settings.raw_prefix, s3)
    prepared = PreparedRows(str(options["rows"]), s3) if options.get("rows") else None
    if prepared is not None:
        plan = plan_of_rows(gold, prepared, ended)
    else:
        plan = plan_of(gold, raw, ended, warm_up_days=_warm_up_days(options), arrived_to=_arrived_to(options))
    failed |= left_over(ended, plan)
    work = _Work(gold, raw, plan, models, bool(options.get("again")), prepared)
    work.treat()
    details = work.details()
    if work.changed:
        details |= _keep_order(gold, views=bool(options.get("views", True)))
    left = tuple(day.day for day in plan.days if day.day not in work.done)
    if options.get("promote"):
        whole = not left and not failed
        details["promoted"] = rollback(registry, version) if whole else "no: not every day is done"
    return JobResult(JOB, dict(sorted(work.done.items())), left, failed, details)


@dataclass
class _Work:
    """A backfill at work.

    Attributes:
        gold: the zone.
        raw: the raw zone.
        plan: what is read and replaced.
        models: the models to score with.
        again: whether days are made that are there already.
        prepared: rows that another engine has made, None to make them of raw records.
        done: counts of the days that are done.
        changed: whether any day was replaced.
    """

    gold: Gold
    raw: RawBucket
    plan: BackfillPlan
    models: ModelSet
    again: bool
    prepared: PreparedRows | None = None
    done: dict[date, Mapping[str, Any]] = field(default_factory=dict)
    changed: bool = False
    _order: StreamOrder = field(default_factory=StreamOrder)
    _spools: dict[date, WatchedSpool] = field(default_factory=dict)

    def treat(self) -> None:
        """Replace the days, as far as the time goes."""
        waiting = []
        for day in self.plan.days:
            if self._is_made(day):
                self.done[day.day] = {"state": "unchanged"}
                self.gold.context.say(f"{day.day}  unchanged: this model has made it of the same objects")
            else:
                waiting.append(day)
        if waiting:
            with tempfile.TemporaryDirectory() as folder:
                if self.prepared is not None:
                    self._take(waiting, Path(folder), self.prepared)
                else:
                    self._score(waiting, Path(folder))

    def details(self) -> dict[str, Any]:
        """What was read, for the result."""
        found: dict[str, Any] = {"model": self.models.version}
        if self.plan.arrivals:
            found |= {"read_from": str(self.plan.arrivals[0]), "exact": self.plan.exact}
        counts = asdict(self._order.counts)
        return found | {f"raw_{name}": count for name, count in counts.items() if count or name == "records"}

    def _facts(self) -> dict[str, str]:
        return {"made_by": JOB, "model": self.models.version, "raw": self.plan.digest}

    def _is_made(self, day: DayPlan) -> bool:
        """Whether gold has the day by this model, of the same raw and curated objects."""
        if self.again or day.current is None:
            return False
        wanted = self._facts() | {"sources": day.sources.digest}
        return all(day.current.facts.get(name) == value for name, value in wanted.items())

    def _take(self, waiting: list[DayPlan], folder: Path, prepared: PreparedRows) -> None:
        """Replace days by rows that are made already."""
        for day in waiting:
            spool = self._spools[day.day] = _spool(folder / str(day.day))
            for rows in prepared.rows(day.day):
                others = set(pc.unique(rows["model_version"]).to_pylist()) - {self.models.version, None}
                if others:
                    found = (
                        f"the rows in {prepared.place} are of {', '.join(sorted(others))}; name that version"
                    )
                    raise RequestInvalid("model", self.models.version, found)
                spool.add(rows, RECOMPUTED)
                spool.recomputed.add(rows)
            self._replace(day)

    def _score(self, waiting: list[DayPlan], folder: Path) -> None:
        now_ms = int(self.gold.context.clock().timestamp() * 1000)
        recomputation = Recomputation(self.models, lambda: now_ms, {day.day for day in waiting})
        self._spools = {day.day: _spool(folder / str(day.day)) for day in waiting}
        last = max(day.last_arrival for day in waiting)
        arrivals = [day for day in self.plan.arrivals if day <= last]
        files: tuple[date | None, Files] = (None, ())
        longest = 0.0
        for place, arrival in enumerate(arrivals):
            left = self.gold.context.deadline.remaining()
            if left <= 1.5 * longest:
                return
            here = files[1] if files[0] == arrival else self._files(arrival)
            following = self.plan.following(arrival)
            files = (following, self._files(following) if following is not None else ())
            for day, rows in recomputation.rows(self._order.take(here, files[1])):
                self._spools[day].add(rows, RECOMPUTED)
                self._spools[day].recomputed.add(rows)
            records = self._order.counts.records
            self.gold.context.say(
                f"arrived {arrival}  {place + 1} of {len(arrivals)}  {records} records so far"
            )
            for one in [one for one in waiting if one.last_arrival == arrival]:
                self._replace(one)
            longest = (
                max(longest, left - self.gold.context.deadline.remaining()) if left < float("inf") else 0
            )

    def _files(self, arrival: date) -> Files:
        objects = self.plan.objects[arrival]
        with ThreadPoolExecutor(FETCHES) as pool:
            files = pool.map(self.raw.read, [one.key for one in objects])
            return [(one.written_ms, file) for one, file in zip(objects, files, strict=True)]

    def _replace(self, day: DayPlan) -> None:
        """Publish a day: what was computed again, and what only the lake has."""
        gold, spool = self.gold, self._spools.pop(day.day)
        sources = day.sources
        if day.current is not None:
            _, prefix = place_of(day.current.location)
            objects = [one for one in gold.bucket.objects(prefix) if one.key.endswith(".parquet")]
            self._keep(spool, objects, PRESENT, before=True)
            made_of = gold.bucket.read_sources(prefix)
            sources = replace(sources, gone=frozenset(made_of - sources.identities))
        self._keep(spool, list(sources.objects), CURATED, before=day.current is None)
        run = run_id(gold.context.clock())
        counts = publish(gold, WELL_DATA, day.day, spool, run, sources, self._facts())
        kept = counts["readings"] - spool.recomputed.readings
        self.done[day.day] = {
            "readings": counts["readings"],
            "kept": kept,
            **compared(spool.before, spool.after),
            "files": counts["files"],
            "run": run,
        }
        self.changed = True
        told = "  ".join(f"{name.replace('_', ' ')} {value}" for name, value in self.done[day.day].items())
        gold.context.say(f"{day.day}  {told}")

    def _keep(self, spool: WatchedSpool, objects: list[StoredObject], rank: int, *, before: bool) -> None:
        """Add rows of the lake, which count where nothing was computed again."""
        with tempfile.TemporaryDirectory(dir=spool.folder.parent) as folder:
            for found, path in self.gold.bucket.fetch(objects, Path(folder)):
                where = f"s3://{self.gold.bucket.name}/{found.key}"
                rows = read_rows(path, WELL_DATA.source, where)
                spool.add(rows, rank)
                if before:
                    spool.before.add(rows)
                path.unlink()


def _spool(folder: Path) -> WatchedSpool:
    (folder / "spool").mkdir(parents=True)
    spool = WatchedSpool(WELL_DATA.source, WELL_DATA.rule, folder / "spool")
    spool.watch()
    return spool


def _warm_up_days(options: Mapping[str, Any]) -> int:
    given = options.get("warm_up_days", WARM_UP_DAYS)
    try:
        days = int(given)
    except (TypeError, ValueError):
        days = -2
    if days < -1:
        raise RequestInvalid("warm_up_days", given, "a number of days, 0 or more, or -1 for all")
    return days


def _arrived_to(options: Mapping[str, Any]) -> date | None:
    given = options.get("arrived_to")
    if not given:
        return None
    try:
        return date.fromisoformat(str(given))
    except ValueError:
        raise RequestInvalid("arrived_to", given, "must be a date such as 2026-11-20") from None


def _keep_order(gold: Gold, *, views: bool) -> dict[str, Any]:
    """Make months again that have changed, and tell the views of new days."""
    curated = gold.bucket.dates(f"{WELL_DATA.source}/")
    details: dict[str, Any] = {"months": [str(month) for month in months.refresh(gold, curated)]}
    if views:
        details["views"] = refresh_views(gold)
    return {name: value for name, value in details.items() if value}
