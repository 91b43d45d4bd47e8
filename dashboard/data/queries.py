"""The queries of the pages, each a file of `sql/dashboard`: values, and how long an answer may be shown.

A time to live is as long as nobody minds: each query is billed by what it scans, for all viewers together.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from dashboard.data.sql import Query, SqlValue, query
from petrostream.alarms import metrics

MINUTE, HOUR = 60.0, 3600.0
BUCKETS = 360
"""Most points of a line: as many as a chart has room for, in one page of results."""

BUCKET_SECONDS = (1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


def anomalies_total() -> Query:
    """Readings and anomalies of the whole lake."""
    return query("anomalies_total", seconds=15 * MINUTE)


def annunciations(end: datetime, hours: int) -> Query:
    """Annunciated alarms of whole ten-minute slots up to the last one that is over.

    Args:
        end: the present; the text of the query changes every ten minutes.
        hours: how far back.
    """
    slot = metrics.SLOT_MS // 1000
    last = datetime.fromtimestamp(end.timestamp() // slot * slot, UTC)
    return query("annunciations", span(last - timedelta(hours=hours), last), seconds=10 * MINUTE)


def well_trend(well_id: str, start: datetime, end: datetime, gauges: Sequence[str]) -> Query:
    """A well's gauges, scores and risk in at most `BUCKETS` stretches of time.

    Args:
        well_id: the well.
        start: start of the range.
        end: its end, exclusive.
        gauges: columns of `well_data` that hold gauges; names of the schema, never text from outside.
    """
    seconds = bucket_seconds(start, end)
    lines = [
        f"{kind}(CASE WHEN CONTAINS(odd, '{gauge}') THEN NULL ELSE {gauge} END) AS {gauge}_{name},"
        for gauge in gauges
        for kind, name in (("AVG", "mean"), ("MIN", "min"), ("MAX", "max"))
    ]
    values = span(start, end) | {"well_id": well_id, "seconds": seconds}
    places = {"gauges": "\n  ".join(lines)}
    return query("well_trend", values, seconds=keep_seconds(end, seconds), places=places)


def well_alarms(well_id: str, start: datetime, end: datetime) -> Query:
    """Alarms of a well that stood between two moments."""
    values = span(start, end) | {"well_id": well_id}
    return query("well_alarms", values, seconds=keep_seconds(end, 0))


def bucket_seconds(start: datetime, end: datetime) -> int:
    """Length of a stretch: the shortest round one with which a range has at most `BUCKETS`."""
    least = (end - start).total_seconds() / BUCKETS
    return next((seconds for seconds in BUCKET_SECONDS if seconds >= least), BUCKET_SECONDS[-1])


def span(start: datetime, end: datetime) -> dict[str, SqlValue]:
    """Values of a range: its instants, and the dates of the partitions that hold it."""
    last = (end - timedelta(microseconds=1)).astimezone(UTC).date()
    return {"start": start, "end": end, "first_date": start.astimezone(UTC).date(), "last_date": last}


def keep_seconds(end: datetime, bucket: int) -> float:
    """How long an answer may be shown: a range that is over for long hardly changes."""
    over = datetime.now(UTC) - end > timedelta(hours=6)
    return HOUR if over else max(MINUTE, float(bucket))
