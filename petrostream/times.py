"""Instants as whole milliseconds since 1970-01-01T00:00:00Z, and the two ways they are written."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def parse_ms(text: str) -> int:
    """Epoch milliseconds of an ISO 8601 instant with a zone; finer digits are cut off (floored).

    Raises:
        ValueError: the text is not ISO 8601.
        TypeError: the text names no zone, so the instant is unknown, or is not a string.
    """
    # Subtracting from an aware epoch is what refuses a text without zone; `timestamp()` would guess one.
    return (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND


def to_iso(ms: int) -> str:
    """The stream's spelling of an instant, as `2026-11-20T09:00:00.000Z`."""
    return _text(ms, "T") + "Z"


def to_sql(ms: int) -> str:
    """The lake's spelling of an instant (UTC), as `2026-11-20 09:00:00.000`.

    Firehose's OpenX JSON SerDe and DuckDB both read this form as a timestamp.
    """
    return _text(ms, " ")


def _text(ms: int, separator: str) -> str:
    instant = (_EPOCH + int(ms) * _MILLISECOND).replace(tzinfo=None)
    return instant.isoformat(sep=separator, timespec="milliseconds")
