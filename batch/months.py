"""Past months in gold: made of the days in gold, and again when one of these has changed."""

import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pyarrow as pa

from batch.aggregates import months_of
from batch.catalogue import Partition
from batch.columns import read_rows
from batch.gold import COMPACT, Gold, prefix_of, run_id, write_table
from batch.objects import place_of
from batch.views import days_in_month

MONTHS, DAYS = "gold_months", "gold_days"


def refresh(gold: Gold, curated: Iterable[date]) -> list[date]:
    """Make every past month whose days are all in gold, where it is missing or a day has changed.

    Args:
        gold: the zone.
        curated: dates of which the curated zone has readings.

    Returns:
        The first date of each month made.
    """
    days = {date.fromisoformat(values[0]): found for values, found in gold.catalogue.partitions(DAYS).items()}
    present = gold.catalogue.partitions(MONTHS)
    by_month: defaultdict[date, dict[date, Partition]] = defaultdict(dict)
    for day, found in days.items():
        by_month[day.replace(day=1)][day] = found
    waiting = {day.replace(day=1) for day in curated if day not in days}
    made = []
    for month, parts in sorted(by_month.items()):
        known = present.get((str(month),))
        digest = _digest(parts)
        if (
            month not in waiting
            and _is_past(gold, month)
            and (known is None or known.facts["days"] != digest)
        ):
            _make(gold, month, parts, digest)
            made.append(month)
    return made


def _digest(parts: Mapping[date, Partition]) -> str:
    listed = "\n".join(f"{day} {found.run}" for day, found in sorted(parts.items()))
    return hashlib.sha256(listed.encode()).hexdigest()


def _is_past(gold: Gold, month: date) -> bool:
    end = datetime.combine(month + timedelta(days=days_in_month(month)), time(), UTC)
    return gold.context.clock() >= end + timedelta(hours=gold.context.settings.settle_hours)


def _make(gold: Gold, month: date, parts: Mapping[date, Partition], digest: str) -> None:
    run = run_id(gold.context.clock())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = pa.concat_tables(_read(gold, found, folder) for _, found in sorted(parts.items()))
        path = write_table(months_of(rows), MONTHS, folder)
        location = prefix_of(gold, MONTHS, month, run)
        gold.step(f"upload {MONTHS}")
        gold.bucket.upload(path, f"{place_of(location)[1]}{path.name}")
    facts = {
        "run": run,
        "days": digest,
        "made_by": COMPACT,
        "published_at": gold.context.clock().isoformat(timespec="seconds"),
    }
    gold.step(f"point {MONTHS}")
    gold.catalogue.point(MONTHS, [str(month)], location, facts)


def _read(gold: Gold, found: Partition, folder: Path) -> pa.Table:
    objects = [
        one for one in gold.bucket.objects(place_of(found.location)[1]) if one.key.endswith(".parquet")
    ]
    tables = []
    for one, path in gold.bucket.fetch(objects, folder):
        tables.append(read_rows(path, DAYS, f"s3://{gold.bucket.name}/{one.key}"))
        path.unlink()
    return pa.concat_tables(tables)
