"""The queries of Facility, History, Detector and Pipeline, each of whole days or of a range of time.

An answer about days is shown for ten minutes to all viewers: only what changes by the minute is asked again
sooner, and nothing is asked by a refresh alone.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from dashboard.data.queries import HOUR, MINUTE, bucket_seconds, keep_seconds, span
from dashboard.data.sql import Query, SqlValue, query

DAYS_SECONDS = 10 * MINUTE


@dataclass(frozen=True, slots=True)
class Days:
    """Whole days in UTC, both ends included: the partitions that a query reads."""

    first: date
    last: date

    @classmethod
    def back(cls, now: datetime, number: int) -> "Days":
        """The last so many days, today included."""
        today = now.astimezone(UTC).date()
        return cls(today - timedelta(days=number - 1), today)

    @property
    def number(self) -> int:
        """How many days they are."""
        return (self.last - self.first).days + 1

    @property
    def values(self) -> dict[str, SqlValue]:
        """Values of a query's names."""
        return {"first_date": self.first, "last_date": self.last}


def facility_trend(facility_id: str, start: datetime, end: datetime) -> Query:
    """A facility's gas, vapor, tank and risk in at most 360 stretches of [start, end)."""
    seconds = bucket_seconds(start, end)
    values = span(start, end) | {"facility_id": facility_id, "seconds": seconds}
    return query("facility_trend", values, seconds=keep_seconds(end, seconds))


def facility_summary(days: Days) -> Query:
    """Emission, vapor and pairing of each facility and day."""
    return _of_days("facility_summary", days)


def anomaly_days(days: Days) -> Query:
    """Anomalies, risk and data quality of each well and day."""
    return _of_days("anomaly_days", days)


def quality_reasons(days: Days) -> Query:
    """What was wrong with readings, by reason."""
    return _of_days("quality_reasons", days)


def quarantine_reasons(days: Days) -> Query:
    """Why lines were quarantined, by reason."""
    return _of_days("quarantine_reasons", days)


def quarantine_lines(days: Days, reason: str = "") -> Query:
    """The latest 200 lines quarantined for a reason, or for any."""
    return query("quarantine_browser", days.values | {"reason": reason}, seconds=DAYS_SECONDS)


def scoreboard() -> Query:
    """The detector's figures over the labelled runs of the last 7 days: one row."""
    return query("scoreboard_recent", seconds=HOUR)


def scoreboard_runs() -> Query:
    """The detector's figures of each labelled run of the last 7 days."""
    return query("scoreboard_runs", seconds=HOUR)


def models(days: Days) -> Query:
    """Model and baseline of each well."""
    return _of_days("models", days)


def drift(days: Days) -> Query:
    """Distance of each well from its baseline, by day."""
    return _of_days("drift", days)


def throughput(start: datetime, end: datetime) -> Query:
    """Readings, lag and late readings in at most 360 stretches of [start, end) by when they were scored."""
    seconds = bucket_seconds(start, end)
    values = span(start, end) | {"seconds": seconds}
    return query("throughput", values, seconds=keep_seconds(end, seconds))


def set_aside(start: datetime, end: datetime) -> Query:
    """Lines of wells that were quarantined in [start, end)."""
    return query("set_aside", span(start, end), seconds=keep_seconds(end, 0))


def freshness(days: Days) -> Query:
    """When each table of the lake had its last row."""
    return query("freshness", days.values, seconds=keep_seconds(datetime.now(UTC), 0))


def _of_days(name: str, days: Days) -> Query:
    return query(name, days.values, seconds=DAYS_SECONDS)
