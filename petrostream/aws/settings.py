"""Settings of the scoring consumers, from environment variables.

A plain dataclass: pydantic-settings would add 90 ms to a cold start.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from petrostream.errors import SettingInvalid
from petrostream.facility import JoinMode

Value = TypeVar("Value")


COMMIT_BYTES = 16 * 1024 * 1024
"""Some 50,000 readings. To read and score them again takes a function of 512 MB half a minute at worst
(`bench/wells.py`), well under the time of an invocation."""


@dataclass(frozen=True, slots=True)
class ConsumerSettings:
    """Settings that a deployment passes to a scoring consumer.

    Attributes:
        live_table: LIVE_TABLE, the table of facility states.
        delivery_stream: DELIVERY_STREAM, Firehose stream of scored rows.
        quarantine_stream: QUARANTINE_STREAM, Firehose stream of rejected lines.
        facility_stream: FACILITY_STREAM, Firehose stream of joined readings.
        alarm_stream: ALARM_STREAM, Firehose stream of alarm transitions.
        artifacts_bucket: ARTIFACTS_BUCKET, where models are published.
        model_refresh_seconds: MODEL_REFRESH_SECONDS, seconds between reads of the pointer; 60 if not set.
        partial_batch_response: PARTIAL_BATCH_RESPONSE, whether the event source acts on reported failures; if
            not, an incomplete batch must raise. True if not set.
        commit_seconds: COMMIT_SECONDS, seconds between two snapshots of a facility's memory to which nothing
            urgent happens; with 0 every batch writes one. 60 if not set.
        commit_bytes: COMMIT_BYTES, bytes of stream after which a shard's memories are stored in any case.
            16 MiB if not set.
        facility_join: FACILITY_JOIN, which facilities' readings are joined with tank readings: `tanks` (those
            that have sent one), `all`, or `off` (tank readings are quarantined). `tanks` if not set.
        live_window_hours: LIVE_WINDOW_HOURS, hours for which closed minutes are kept in the live table; with
            0 none is written. 24 if not set.
        alert_topic: ALERT_TOPIC, ARN of the SNS topic for alerts; none if empty or not set.
    """

    live_table: str
    delivery_stream: str
    quarantine_stream: str
    facility_stream: str
    alarm_stream: str
    artifacts_bucket: str
    model_refresh_seconds: float = 60.0
    partial_batch_response: bool = True
    commit_seconds: float = 60.0
    commit_bytes: int = COMMIT_BYTES
    facility_join: JoinMode = "tanks"
    live_window_hours: float = 24.0
    alert_topic: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ConsumerSettings":
        """Read the settings.

        Raises:
            SettingInvalid: a variable is missing or has a value that can't be used.
        """
        return cls(
            live_table=_read(environment, "LIVE_TABLE", _name, "the name of the DynamoDB table"),
            delivery_stream=_read(environment, "DELIVERY_STREAM", _name, "the name of a Firehose stream"),
            quarantine_stream=_read(environment, "QUARANTINE_STREAM", _name, "the name of a Firehose stream"),
            facility_stream=_read(environment, "FACILITY_STREAM", _name, "the name of a Firehose stream"),
            alarm_stream=_read(environment, "ALARM_STREAM", _name, "the name of a Firehose stream"),
            artifacts_bucket=_read(environment, "ARTIFACTS_BUCKET", _name, "the name of the models' bucket"),
            model_refresh_seconds=_read(
                environment, "MODEL_REFRESH_SECONDS", _seconds, "seconds, 0 or more", "60"
            ),
            partial_batch_response=_read(
                environment, "PARTIAL_BATCH_RESPONSE", _truth, "true or false", "true"
            ),
            commit_seconds=_read(environment, "COMMIT_SECONDS", _seconds, "seconds, 0 or more", "60"),
            commit_bytes=_read(environment, "COMMIT_BYTES", _count, "bytes, 1 or more", str(COMMIT_BYTES)),
            facility_join=_read(environment, "FACILITY_JOIN", _join_mode, "tanks, all or off", "tanks"),
            live_window_hours=_read(environment, "LIVE_WINDOW_HOURS", _seconds, "hours, 0 or more", "24"),
            alert_topic=_read(
                environment, "ALERT_TOPIC", _topic, "the ARN of an SNS topic, or leave it empty", ""
            ),
        )


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Settings of the scoring service besides those of every consumer.

    Attributes:
        stream: INGEST_STREAM, the stream to read.
        most_shards: MOST_SHARDS, most shards that one task reads; 4 if not set.
    """

    stream: str
    most_shards: int = 4

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ServiceSettings":
        """Read the settings.

        Raises:
            SettingInvalid: a variable is missing or has a value that can't be used.
        """
        return cls(
            stream=_read(environment, "INGEST_STREAM", _name, "the name of a Kinesis stream"),
            most_shards=_read(environment, "MOST_SHARDS", _count, "a number, 1 or more", "4"),
        )


def _read(
    environment: Mapping[str, str],
    name: str,
    parse: Callable[[str], Value],
    expected: str,
    default: str | None = None,
) -> Value:
    text = environment.get(name, default)
    if text is None:
        raise SettingInvalid(name, None, expected)
    try:
        return parse(text)
    except (KeyError, ValueError):
        raise SettingInvalid(name, text, expected) from None


def _name(text: str) -> str:
    if not text.strip():
        raise ValueError(text)
    return text.strip()


def _topic(text: str) -> str:
    arn = text.strip()
    if arn and (not arn.startswith("arn:") or arn.count(":") != 5 or ":sns:" not in arn):
        raise ValueError(text)
    return arn


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def _truth(text: str) -> bool:
    return {"true": True, "false": False}[text.strip().lower()]


def _join_mode(text: str) -> JoinMode:
    modes: dict[str, JoinMode] = {"tanks": "tanks", "all": "all", "off": "off"}
    return modes[text.strip().lower()]
