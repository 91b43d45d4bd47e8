"""Instants as whole milliseconds since 1970-01-01T00:00:00Z (epoch ms), and their two text formats."""

from datetime import UTC, datetime, timedelta

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
MINUTE_MS = 60_000

LATENESS_MS = 5_000
"""Distance of the watermark from the newest event time; older readings enter no window and no pair."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FIRST_MS = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND
_LAST_MS = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MILLISECOND


def parse_ms(text: str) -> int:
    """Return the epoch ms of an ISO 8601 instant with a time zone, rounded down.

    Raises:
        ValueError: the text is not ISO 8601, has no time zone (the instant is then unknown), or lies outside
            the years 1 to 9999 in UTC.
    """
    try:
        # Subtracting an aware epoch fails for a text without time zone; `timestamp()` would assume one.
        ms = (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND
    except (TypeError, OverflowError) as error:
        raise ValueError(f"{text!r} is not an instant: write it as 2026-11-20T09:00:00.000Z") from error
    if not _FIRST_MS <= ms <= _LAST_MS:  # a zone's offset can move the first or last day out of the calendar
        raise ValueError(f"{text!r} is not an instant: in UTC it is outside the years 1 to 9999")
    return ms


def to_iso(ms: int) -> str:
    """Format an instant as on the stream, such as `2026-11-20T09:00:00.000Z`."""
    return _text(ms, "T") + "Z"


def to_sql(ms: int) -> str:
    """Format an instant as in the lake, in UTC, such as `2026-11-20 09:00:00.000`.

    Firehose's OpenX JSON SerDe and DuckDB both read this format as a timestamp.
    """
    return _text(ms, " ")


def _text(ms: int, separator: str) -> str:
    instant = (_EPOCH + int(ms) * _MILLISECOND).replace(tzinfo=None)
    return instant.isoformat(sep=separator, timespec="milliseconds")
