"""The jobs by name, and what each is handed and hands back."""

import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from petrostream.aws.clients import client as aws_client
from petrostream.backoff import NO_DEADLINE, Deadline
from petrostream.errors import PetroStreamError, SettingInvalid

MAX_DAYS = 3660
"""Most days of one request: ten years; more is a slip in a date."""


class RequestInvalid(PetroStreamError, ValueError):  # noqa: N818 - says what happened
    """A request that no job can serve; the text names the field, its value and what is valid."""

    def __init__(self, field_name: str, value: object, expected: str) -> None:
        super().__init__(f"request {field_name} = {value!r}: {expected}")
        self.field_name = field_name


@dataclass(frozen=True, slots=True)
class BatchSettings:
    """Where the lake is, for jobs.

    Attributes:
        database: LAKE_DATABASE, the Glue database.
        workgroup: ATHENA_WORKGROUP, the Athena work group.
        raw_bucket: RAW_BUCKET, records as they arrived.
        raw_prefix: RAW_PREFIX, what their keys begin with.
        curated_bucket: CURATED_BUCKET, tables of readings, and gold.
        quarantine_bucket: QUARANTINE_BUCKET, rejected lines.
        artifacts_bucket: ARTIFACTS_BUCKET, models and reports.
        keep_days: GOLD_KEEP_DAYS, days for which a replaced run of gold stays readable.
        settle_hours: GOLD_SETTLE_HOURS, hours after its end at which a day is taken to gold.
    """

    database: str
    workgroup: str
    raw_bucket: str
    raw_prefix: str
    curated_bucket: str
    quarantine_bucket: str
    artifacts_bucket: str
    keep_days: int
    settle_hours: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "BatchSettings":
        """Read the settings of the function.

        Raises:
            SettingInvalid: a variable is missing or has a value that can't be used.
        """
        return cls(
            database=_text(environment, "LAKE_DATABASE", "the name of the Glue database"),
            workgroup=_text(environment, "ATHENA_WORKGROUP", "the name of the Athena work group"),
            raw_bucket=_text(environment, "RAW_BUCKET", "the name of the raw zone's bucket"),
            raw_prefix=_text(environment, "RAW_PREFIX", "what the keys of the raw zone begin with"),
            curated_bucket=_text(environment, "CURATED_BUCKET", "the name of the curated zone's bucket"),
            quarantine_bucket=_text(environment, "QUARANTINE_BUCKET", "the name of the quarantine's bucket"),
            artifacts_bucket=_text(environment, "ARTIFACTS_BUCKET", "the name of the models' bucket"),
            keep_days=_number(environment, "GOLD_KEEP_DAYS", 1),
            settle_hours=_number(environment, "GOLD_SETTLE_HOURS", 0),
        )


def _number(environment: Mapping[str, str], name: str, least: int) -> int:
    expected = f"a number, {least} or more"
    text = _text(environment, name, expected)
    if not text.isdigit() or int(text) < least:
        raise SettingInvalid(name, text, expected)
    return int(text)


def _text(environment: Mapping[str, str], name: str, expected: str) -> str:
    text = environment.get(name)
    if text is None or not text.strip():
        raise SettingInvalid(name, text, expected)
    return text.strip()


def _no_report(line: str) -> None:
    """Nobody listens to progress."""


@dataclass(frozen=True, slots=True)
class JobContext:
    """What a job has of its surroundings.

    Attributes:
        settings: where the lake is.
        client: the process's AWS client of a service, by name.
        say: reports a line of progress.
        clock: the time now, in UTC.
        deadline: when the work must have ended; a job stops between two days, and reports what is left.
    """

    settings: BatchSettings
    client: Callable[[str], Any] = aws_client
    say: Callable[[str], None] = _no_report
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    deadline: Deadline = NO_DEADLINE


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a job is asked for.

    Attributes:
        job: its name.
        first, last: UTC dates, both included; None where the job itself chooses.
        options: everything else that was given, for example `model`.
    """

    job: str
    first: date | None = None
    last: date | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_event(cls, event: Mapping[str, Any]) -> "JobRequest":
        """The request of an event: `job`, and `date` or `from` and `to`; other keys are options.

        Raises:
            RequestInvalid: the job is unknown, or a date can't be used.
        """
        job = event.get("job")
        if job not in JOBS:
            raise RequestInvalid("job", job, f"must be one of {', '.join(sorted(JOBS))}")
        day = _date(event, "date")
        first, last = _date(event, "from") or day, _date(event, "to") or day
        if day is not None and (event.get("from") or event.get("to")):
            raise RequestInvalid("date", event["date"], "goes without `from` and `to`")
        if (first is None) != (last is None):
            raise RequestInvalid("from" if first is None else "to", None, "name both ends of the range")
        if first is not None and last is not None and not 0 <= (last - first).days < MAX_DAYS:
            raise RequestInvalid("to", str(last), f"must not be before `from`, nor {MAX_DAYS} days after it")
        options = {key: value for key, value in event.items() if key not in {"job", "date", "from", "to"}}
        return cls(str(job), first, last, options)

    def days(self) -> Iterator[date]:
        """Every date of the range, oldest first; none where no range is named."""
        if self.first is None or self.last is None:
            return
        for number in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=number)


def _date(event: Mapping[str, Any], name: str) -> date | None:
    text = event.get(name)
    if text is None or text == "":
        return None
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        raise RequestInvalid(name, text, "must be a date such as 2026-11-20") from None


@dataclass(frozen=True, slots=True)
class JobResult:
    """What a job did.

    Attributes:
        job: its name.
        days: of each date it treated, a small dictionary of counts and names.
        left: dates that it did not get to; the caller asks again.
        failed: the reason of each date that failed; the other dates are done.
        details: everything else that is worth knowing.
    """

    job: str
    days: Mapping[date, Mapping[str, Any]] = field(default_factory=dict)
    left: tuple[date, ...] = ()
    failed: Mapping[date, str] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON takes it: an answer of a function."""
        return {
            "job": self.job,
            "days": {str(day): dict(done) for day, done in self.days.items()},
            "left": [str(day) for day in self.left],
            "failed": {str(day): reason for day, reason in self.failed.items()},
            **self.details,
        }


Job = Callable[[JobContext, JobRequest], JobResult]
"""A job: does what the request asks for, as often as it is asked, with the same outcome."""


def _in(module: str) -> Job:
    """The job `run` of a module, imported when it is called: a function loads the libraries of one job."""

    def run(context: JobContext, request: JobRequest) -> JobResult:
        job: Job = importlib.import_module(module).run
        return job(context, request)

    return run


JOBS: dict[str, Job] = {
    "backfill": _in("batch.backfill"),
    "compact": _in("batch.compact"),
    "days": _in("batch.days"),
    "evaluate": _in("batch.evaluate"),
    "keep": _in("batch.keep"),
    "quality": _in("batch.quality"),
    "retrain": _in("batch.retrain"),
    "score-folder": _in("batch.score_folder"),
    "summary": _in("batch.summary"),
}
"""Every job by name: `_in` of its module."""


def run_job(context: JobContext, request: JobRequest) -> JobResult:
    """Run the job that a request names."""
    return JOBS[request.job](context, request)
