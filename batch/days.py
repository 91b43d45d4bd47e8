"""Which days a run treats: those that are asked for, or the latest ones that something is to be done for."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, timedelta
from typing import Any

from batch.compact import pending
from batch.gold import WELL_DATA, Gold
from batch.jobs import JobContext, JobRequest, JobResult, RequestInvalid
from batch.quality import OF_RUN
from batch.quality import TABLE as REPORTS

DAYS = 7
"""Days looked back on where nothing else is asked: a row comes late where a facility was offline."""


def run(context: JobContext, request: JobRequest) -> JobResult:
    """Answer `dates`: those from `from` to `to`, or of the last `days` finished days those with work to do.

    The state machines pass their own input as `input`, whatever it has: `{"from": …, "to": …}`, or
    `{"days": 7}`, or nothing.

    Raises:
        RequestInvalid: the input can't be used.
    """
    given = request.options.get("input", {})
    if not isinstance(given, dict):
        raise RequestInvalid("input", given, "must be an object")
    asked = list(JobRequest.from_event({**given, "job": request.job}).days()) or list(request.days())
    found = asked or to_do(Gold(context), _finished(context, _number(given)))
    return JobResult(request.job, details={"dates": [str(day) for day in found]})


def to_do(gold: Gold, days: Iterable[date]) -> list[date]:
    """Those of the days that are to be compacted, or have no report on what gold has of them."""
    looked_at = list(days)
    needed = set(pending(gold, looked_at))
    runs, reports = gold.catalogue.partitions(WELL_DATA.table), gold.catalogue.partitions(REPORTS)
    for day in looked_at:
        key = (str(day),)
        if key in runs and (key not in reports or reports[key].facts.get(OF_RUN) != runs[key].run):
            needed.add(day)
    return sorted(needed)


def _number(given: Mapping[str, Any]) -> int:
    days = given.get("days", DAYS)
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= 366:
        raise RequestInvalid("days", days, "must be 1 to 366")
    return days


def _finished(context: JobContext, days: int) -> list[date]:
    """The last days that are over, oldest first."""
    today = context.clock().astimezone(UTC).date()
    return [today - timedelta(days=back) for back in range(days, 0, -1)]
