"""Deletes runs of gold that were replaced, or never published, once their days of grace are over."""

import re
from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise

from batch.gold import WELL_DATA, Gold
from batch.objects import StoredObject, place_of
from petrostream.schema import GOLD_TABLES, schema

PREFIX = "gold/"

_RUN = re.compile(r"^(?P<folder>gold/[a-z_]+/)date=(?P<day>[0-9-]+)/run=(?P<run>[^/]+)/")

_RunPlace = tuple[str, str, str]
"""Folder of a table, date, and run."""


def sweep(gold: Gold) -> int:
    """Delete what nothing refers to any more.

    A run goes when it was replaced `keep_days` ago; one that was never published, when it was written that
    long ago. It leaves the catalogue before its files go, so that no query of the runs finds half of it.

    Returns:
        How many runs were deleted, that of each table counted.
    """
    oldest = gold.context.clock() - timedelta(days=gold.context.settings.keep_days)
    current = _current(gold)
    replaced = _replaced(gold)
    deleted = 0
    for (folder, day, run), objects in _written(gold).items():
        run_now, since_now = current.get((folder, day), ("", None))
        since = replaced.get((day, run), since_now)
        last = max([one.modified for one in objects] + ([since] if since else []))
        if run == run_now or last >= oldest:
            continue
        gold.step(f"delete {folder}{day}/{run}")
        if folder == schema(WELL_DATA.table).prefix:
            gold.catalogue.forget(WELL_DATA.runs, [day, run])
        gold.bucket.delete([one.key for one in objects])
        deleted += 1
    return deleted


def _written(gold: Gold) -> dict[_RunPlace, list[StoredObject]]:
    """Every run's objects."""
    found: defaultdict[_RunPlace, list[StoredObject]] = defaultdict(list)
    for one in gold.bucket.objects(PREFIX):
        if named := _RUN.match(one.key):
            found[named["folder"], named["day"], named["run"]].append(one)
    return found


def _current(gold: Gold) -> dict[tuple[str, str], tuple[str, datetime]]:
    """The run that each table's day is read from, and since when."""
    found = {}
    for table in GOLD_TABLES:
        if table == WELL_DATA.runs:
            continue
        for (day, *_), partition in gold.catalogue.partitions(table).items():
            named = _RUN.match(place_of(partition.location)[1])
            if named:
                since = datetime.fromisoformat(partition.facts["published_at"])
                found[named["folder"], day] = (named["run"], since)
    return found


def _replaced(gold: Gold) -> dict[tuple[str, str], datetime]:
    """When each run of a day was replaced by the next one."""
    by_day: defaultdict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for (day, run), partition in gold.catalogue.partitions(WELL_DATA.runs).items():
        by_day[day].append((datetime.fromisoformat(partition.facts["published_at"]), run))
    return {
        (day, before[1]): after[0] for day, runs in by_day.items() for before, after in pairwise(sorted(runs))
    }
