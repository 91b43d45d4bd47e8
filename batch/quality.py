"""The job `quality`: reports on days of the lake, and keeps the reports in the table `gold_quality`.

The measures are plain SQL, run where the data is: Athena reads a day's columns, not the function, which
would need pandas for a library of checks; and an analyst can run the same files. What a value means is in
`batch.quality_measures`.
"""

import tempfile
from collections.abc import Sequence
from datetime import UTC, date
from pathlib import Path

import pyarrow as pa

from batch.columns import arrow_schema
from batch.gold import WELL_DATA, Gold, prefix_of, run_id, write_table
from batch.jobs import JobContext, JobRequest, JobResult, RequestInvalid
from batch.objects import place_of
from batch.quality_measures import ORDER, QualityRow, findings, in_words, worst
from batch.queries import ask
from petrostream.errors import PetroStreamError

TABLE = "gold_quality"
OF_RUN = "of_run"
"""Fact of a report's partition: the run of gold it is about; empty where the day was not in gold."""


def run(context: JobContext, request: JobRequest) -> JobResult:
    """Report on each day of a request; `verdict` and `summary` are those of the worst day.

    Raises:
        RequestInvalid: the request names no day.
    """
    days = list(request.days())
    if not days:
        raise RequestInvalid("date", None, "name a day, or `from` and `to`")
    gold = Gold(context)
    done, failed, reports = {}, {}, {}
    for day in days:
        try:
            reports[day] = rows = report(gold, day)
        except PetroStreamError as error:
            failed[day] = str(error)
        else:
            done[day] = {"verdict": worst(rows), "summary": in_words(rows)}
            context.say(f"{day}  {done[day]['verdict']}  {done[day]['summary']}")
    details = max(done.values(), key=lambda one: ORDER.index(one["verdict"]), default={})
    return JobResult(request.job, done, failed=failed, details=dict(details))


def report(gold: Gold, day: date) -> list[QualityRow]:
    """Make and keep the report of a day; its rows.

    Raises:
        QueryFailed: Athena refuses a query.
        ServiceUnavailable: a service does not respond.
    """
    context = gold.context
    # Before the queries: a run that replaces the day meanwhile leaves the report to be made again.
    described = gold.catalogue.partition(WELL_DATA.table, [str(day)])
    (lake,) = ask(context, "lake", day=day)
    rows = findings(lake, ask(context, "wells", day=day), ask(context, "reasons", day=day))
    _keep(gold, day, rows, described.run if described else "")
    return rows


def _keep(gold: Gold, day: date, rows: Sequence[QualityRow], of_run: str) -> None:
    """Write a report as a run of its own, and point the day's partition to it."""
    now = gold.context.clock().astimezone(UTC)
    run_name = run_id(now)
    columns = arrow_schema(TABLE)
    table = pa.Table.from_pylist([{**row, "reported_at": now.replace(tzinfo=None)} for row in rows], columns)
    location = prefix_of(gold, TABLE, day, run_name)
    with tempfile.TemporaryDirectory() as folder:
        path = write_table(table, TABLE, Path(folder))
        gold.bucket.upload(path, f"{place_of(location)[1]}{path.name}")
    facts = {
        "run": run_name,
        "published_at": now.isoformat(timespec="seconds"),
        "verdict": worst(rows),
        OF_RUN: of_run,
    }
    gold.catalogue.point(TABLE, [str(day)], location, facts)
