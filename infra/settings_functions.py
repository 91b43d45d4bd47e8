"""Sections of `infra/settings.json` about functions: scoring, raw copy, transform, and what they share."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from infra.section import Name, Section

LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653)
"""The retention periods CloudWatch Logs accepts (API reference, PutRetentionPolicy), up to ten years."""


class FunctionSettings(Section):
    """Name and size of a function."""

    function: Name
    memory_mb: Annotated[int, Field(ge=128, le=10_240)]
    timeout_seconds: Annotated[int, Field(ge=1, le=900)]


class ScoringFunctionSettings(FunctionSettings):
    """The scoring function and its event source mapping."""

    reserved_concurrency: Annotated[int, Field(ge=1, le=1000)] | None
    batch_size: Annotated[int, Field(ge=1, le=10_000)]
    batching_window_seconds: Annotated[int, Field(ge=0, le=300)]
    enhanced_fan_out: bool
    retry_attempts: Annotated[int, Field(ge=0, le=10_000)]
    maximum_record_age_seconds: Annotated[int, Field(ge=60, le=604_800)]
    failure_queue: Name
    failure_queue_retention_days: Annotated[int, Field(ge=1, le=14)]
    model_refresh_seconds: Annotated[int, Field(ge=1, le=86_400)]
    commit_seconds: Annotated[int, Field(ge=0, le=3600)]
    commit_bytes: Annotated[int, Field(ge=1_048_576, le=268_435_456)]
    consumer: Literal["lambda", "service"]


class RawCopySettings(FunctionSettings):
    """The function that copies the stream to the raw zone's Firehose, and its event source mapping."""

    batch_size: Annotated[int, Field(ge=1, le=10_000)]
    batching_window_seconds: Annotated[int, Field(ge=0, le=300)]


StartTime = Annotated[str, Field(pattern=r"^(cron|rate)\([^()]+\)$", max_length=256)]
"""An expression of EventBridge Scheduler, in UTC: `cron(30 6 * * ? *)`."""


class BatchFunctionSettings(FunctionSettings):
    """The function of the jobs over stored data, the state machines that call it, and when they start.

    Attributes:
        temporary_mb: disk below /tmp, on which a day's rows are sorted.
        nightly, weekly, backfill: names of the state machines.
        scheduled: whether the schedules start them; a machine can always be started by hand.
        nightly_schedule, weekly_schedule: when, in UTC.
        schedule_group: name of the group of the schedules, by which CloudWatch counts them.
        days: how many past days the nightly run looks at for rows that came late.
        concurrency: most days that a machine treats at once.
        undelivered_queue: queue of the starts that the scheduler gave up on.
    """

    temporary_mb: Annotated[int, Field(ge=512, le=10_240)]
    nightly: Name
    weekly: Name
    backfill: Name
    scheduled: bool
    nightly_schedule: StartTime
    weekly_schedule: StartTime
    schedule_group: Name
    days: Annotated[int, Field(ge=1, le=366)]
    concurrency: Annotated[int, Field(ge=1, le=100)]
    undelivered_queue: Name


class RuntimeSettings(Section):
    """What every function shares.

    Attributes:
        python: version of the runtime.
        architecture: processor.
        log_retention_days: how long logs are kept.
        log_level: least level of what the functions log.
        system_log_level: least level of what Lambda itself logs about a function. With INFO that is a start
            and a report of each invocation, with WARN of failures only.
    """

    python: Annotated[str, Field(pattern=r"^3\.1[2-9]$")]
    architecture: Literal["arm64", "x86_64"]
    log_retention_days: int
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    system_log_level: Literal["DEBUG", "INFO", "WARN"]

    @model_validator(mode="after")
    def _retention_is_offered(self) -> "RuntimeSettings":
        if self.log_retention_days not in LOG_RETENTION_DAYS:
            raise ValueError(f"log_retention_days must be one of {', '.join(map(str, LOG_RETENTION_DAYS))}")
        return self
