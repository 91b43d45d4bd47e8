"""Typed, validated access to `infra/settings.json`: every size, name and limit of the infrastructure.

The CDK app and the Terraform modules read the same file, so nothing here may invent a value: a key that is
missing, misspelt or out of the range the AWS service accepts is refused, by name, before anything is built.
"""

import json
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from infra.section import Name, Section
from infra.settings_functions import (
    BatchFunctionSettings,
    FunctionSettings,
    RawCopySettings,
    RuntimeSettings,
    ScoringFunctionSettings,
)
from infra.settings_ops import AccessSettings, BudgetSettings, OperationsAlarms, OpsSettings
from infra.settings_services import ServicesSettings
from infra.settings_spark import SparkSettings

SETTINGS_FILE = Path(__file__).parent / "settings.json"

Zone = Literal["raw", "curated", "quarantine", "athena-results", "artifacts"]
Compression = Literal["UNCOMPRESSED", "GZIP"]
Prefix = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*/$")]
Days = Annotated[int, Field(ge=1, le=3650)]


class SettingsError(ValueError):
    """The settings file cannot be used; the message names the file, every wrong key, and what is allowed."""


class LakeSettings(Section):
    """Buckets, catalogue and work group."""

    database: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    workgroup: Name
    athena_scan_limit_bytes: Annotated[int, Field(ge=10_000_000, description="bytes a query may scan")]
    projection_start: Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    buckets: Annotated[list[Zone], Field(min_length=5, max_length=5)]
    versioned_buckets: list[Zone]
    athena_results_expire_days: Days
    noncurrent_expire_days: Days
    incomplete_upload_expire_days: Days
    raw_infrequent_access_days: Annotated[int, Field(ge=30, description="S3 moves nothing younger")]
    raw_glacier_days: Annotated[int, Field(ge=60)]

    @model_validator(mode="after")
    def _consistent(self) -> "LakeSettings":
        if len(set(self.buckets)) != len(self.buckets):
            raise ValueError("buckets must name each zone once")
        date.fromisoformat(self.projection_start)
        if self.raw_glacier_days < self.raw_infrequent_access_days + 30:
            raise ValueError("raw_glacier_days must be at least 30 days after raw_infrequent_access_days")
        return self


class GoldSettings(Section):
    """The gold zone.

    Attributes:
        keep_days: how long a replaced run of a day stays, and can be read.
        settle_hours: how long after its end a day is taken to gold, so that late readings are there.
        deleted_expire_days: how long S3 keeps what jobs delete.
    """

    keep_days: Days
    settle_hours: Annotated[int, Field(ge=0, le=720)]
    deleted_expire_days: Days


class StreamSettings(Section):
    """The Kinesis data stream, and the blocks that producers send.

    Attributes:
        name: name of the stream.
        mode: who decides how many shards it has.
        shards: how many, if it is provisioned.
        retention_hours: how long it keeps records.
        max_block_bytes: largest block of readings.
        block_seconds: time between two blocks of a facility, in a timed replay and in the cost model.
    """

    name: Name
    mode: Literal["PROVISIONED", "ON_DEMAND"]
    shards: Annotated[int, Field(ge=1, le=20_000)]
    retention_hours: Annotated[int, Field(ge=24, le=8760)]
    max_block_bytes: Annotated[int, Field(ge=1024, le=262_144)]
    block_seconds: Annotated[float, Field(gt=0, le=60)]


class _DeliveryBase(Section):
    name: Name
    buffer_mb: Annotated[int, Field(ge=1, le=128)]
    buffer_seconds: Annotated[int, Field(ge=0, le=900)]


class RawDeliverySettings(_DeliveryBase):
    """The verbatim copy of the stream."""

    prefix: Prefix
    compression: Compression


class ScoredDeliverySettings(_DeliveryBase):
    """Rows of a table: transform, partition by date, Parquet."""

    buffer_mb: Annotated[int, Field(ge=64, le=128, description="Parquet conversion asks for 64 MB")]
    buffer_seconds: Annotated[int, Field(ge=60, le=900, description="dynamic partitioning asks for 60 s")]
    partition_retry_seconds: Annotated[int, Field(ge=0, le=7200)]
    transform_buffer_mb: Annotated[float, Field(ge=0.2, le=3)]
    transform_buffer_seconds: Annotated[int, Field(ge=0, le=900)]
    transform_retries: Annotated[int, Field(ge=0, le=300)]


class QuarantineDeliverySettings(_DeliveryBase):
    """Rejected lines."""

    compression: Compression


class FirehoseSettings(Section):
    """The Firehose streams."""

    raw: RawDeliverySettings
    delivery: ScoredDeliverySettings
    facility: ScoredDeliverySettings
    alarms: ScoredDeliverySettings
    quarantine: QuarantineDeliverySettings
    error_prefix: Prefix

    @property
    def names(self) -> tuple[str, ...]:
        """Name of every Firehose."""
        every = (self.raw, self.delivery, self.facility, self.alarms, self.quarantine)
        return tuple(one.name for one in every)


class LiveSettings(Section):
    """The DynamoDB table of scoring state and live status, and the topic on which changes are published.

    Attributes:
        table: name of the table.
        point_in_time_recovery: whether it can be put back to any moment of the last 35 days.
        window_hours: how long closed minutes of wells are kept; none is written where it is 0.
        alert_topic: name of the SNS topic.
    """

    table: Name
    point_in_time_recovery: bool
    window_hours: Annotated[int, Field(ge=0, le=720)]
    alert_topic: Name


class FacilitySettings(Section):
    """The join of wells and tanks: of facilities that have sent a tank reading, of all, or none."""

    join: Literal["tanks", "all", "off"]


class Settings(Section):
    """All of `infra/settings.json`."""

    project: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{2,19}$")]
    environment: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,15}$")]
    tags: dict[str, str]
    encryption: Literal["sse", "kms"]
    lake: LakeSettings
    gold: GoldSettings
    stream: StreamSettings
    firehose: FirehoseSettings
    live: LiveSettings
    facility: FacilitySettings
    scoring: ScoringFunctionSettings
    raw_copy: RawCopySettings
    firehose_transform: FunctionSettings
    batch: BatchFunctionSettings
    services: ServicesSettings
    spark: SparkSettings
    runtime: RuntimeSettings
    ops: OpsSettings
    alarms: OperationsAlarms
    budget: BudgetSettings
    access: AccessSettings

    def with_monthly_limit(self, usd: float) -> "Settings":
        """These settings with that monthly limit, unless they have one.

        Raises:
            SettingsError: the hard stop would come before the limit.
        """
        if self.budget.monthly_limit_usd is not None:
            return self
        if self.budget.hard_stop_usd <= usd:
            raise SettingsError(
                f"budget.hard_stop_usd = {self.budget.hard_stop_usd:g}: must be over the computed monthly "
                f"limit, {usd:g}: warnings come before the stop"
            )
        return self.model_copy(update={"budget": self.budget.model_copy(update={"monthly_limit_usd": usd})})

    @model_validator(mode="after")
    def _the_consumer_exists(self) -> "Settings":
        if self.scoring.consumer == "service" and not self.services.enabled:
            raise ValueError("scoring.consumer = service needs services.enabled: nothing else would score")
        return self

    @model_validator(mode="after")
    def _batches_survive_retention(self) -> "Settings":
        if self.scoring.maximum_record_age_seconds > self.stream.retention_hours * 3600:
            raise ValueError(
                "scoring.maximum_record_age_seconds must not exceed stream.retention_hours: "
                "a record would leave the stream before it could reach the failure queue"
            )
        return self

    @model_validator(mode="after")
    def _snapshots_are_younger_than_records(self) -> "Settings":
        # Within that age nothing is dropped, so what lies between snapshots and place was delivered.
        if self.scoring.commit_seconds > self.scoring.maximum_record_age_seconds:
            raise ValueError(
                "scoring.commit_seconds must not exceed scoring.maximum_record_age_seconds: a facility's "
                "memory would be stored less often than records are given up on"
            )
        return self

    @model_validator(mode="after")
    def _alarms_stay_quiet_in_normal_times(self) -> "Settings":
        usual = {
            "scoring_behind": (
                self.scoring.batching_window_seconds * 1000,
                "scoring.batching_window_seconds",
            ),
            "raw_late": (
                self.raw_copy.batching_window_seconds + self.firehose.raw.buffer_seconds,
                "raw_copy.batching_window_seconds and firehose.raw.buffer_seconds",
            ),
            "delivery_late": (self.firehose.delivery.buffer_seconds, "firehose.delivery.buffer_seconds"),
        }
        for alarm, (least, cause) in usual.items():
            if getattr(self.alarms, alarm).threshold <= least:
                raise ValueError(
                    f"alarms.{alarm}.threshold must be over {least}: {cause} alone takes that long"
                )
        return self


@cache
def load_settings(path: Path = SETTINGS_FILE) -> Settings:
    """The settings in `path`, validated.

    Raises:
        SettingsError: the file is missing, is not JSON, or has a missing, unknown or unusable value.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SettingsError(f"{path}: no such settings file") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SettingsError(f"{path}: not valid JSON ({error})") from error
    try:
        return Settings.model_validate(raw)
    except ValidationError as error:
        raise SettingsError(_explain(path, error)) from error


def _explain(path: Path, error: ValidationError) -> str:
    lines = [f"{path}: {error.error_count()} value(s) cannot be used"]
    for problem in error.errors(include_url=False):
        key = ".".join(map(str, problem["loc"])) or "settings"
        if problem["type"] == "missing":
            lines.append(f"  {key}: missing; add it")
        elif problem["type"] == "extra_forbidden":
            lines.append(f"  {key}: unknown key; remove it or correct its spelling")
        elif isinstance(problem["input"], dict | list):
            lines.append(f"  {key}: {problem['msg']}")
        else:
            lines.append(f"  {key} = {json.dumps(problem['input'], default=repr)}: {problem['msg']}")
    return "\n".join(lines)
