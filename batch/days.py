"""Which days a run treats: those that are asked for, or the latest finished ones that have rows."""

from collections.abc import Iterator
from datetime import UTC, date, timedelta

from batch.jobs import JobContext, JobRequest, JobResult, RequestInvalid
from petrostream.schema import schema

DAYS = 7
"""Days looked back on where nothing else is asked: a row comes late where a facility was offline."""


def run(context: JobContext, request: JobRequest) -> JobResult:
    """Answer `dates`: those from `from` to `to`, or of the last `days` finished days those with rows.

    The state machines pass their own input as `input`, whatever it has: `{"from": …, "to": …}`, or
    `{"days": 7}`, or nothing.

    Raises:
        RequestInvalid: the input can't be used.
    """
    given = request.options.get("input", {})
    if not isinstance(given, dict):
        raise RequestInvalid("input", given, "must be an object")
    wanted = list(JobRequest.from_event({**given, "job": request.job}).days()) or list(request.days())
    found = wanted or [day for day in _finished(context, _number(given)) if _has_rows(context, day)]
    return JobResult(request.job, details={"dates": [str(day) for day in found]})


def _number(given: dict[str, object]) -> int:
    days = given.get("days", DAYS)
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= 366:
        raise RequestInvalid("days", days, "must be 1 to 366")
    return days


def _finished(context: JobContext, days: int) -> Iterator[date]:
    """The last days that are over, oldest first."""
    today = context.clock().astimezone(UTC).date()
    return (today - timedelta(days=back) for back in range(days, 0, -1))


def _has_rows(context: JobContext, day: date) -> bool:
    """Whether the curated zone has an object of a day."""
    prefix = f"{schema('scored_readings').prefix}date={day}/"
    answer = context.client("s3").list_objects_v2(
        Bucket=context.settings.curated_bucket, Prefix=prefix, MaxKeys=1
    )
    return bool(answer.get("KeyCount"))
