"""Converts the values of an Athena result, which are text, to Python types.

The formats are those of GetQueryResults: `65 68` for a varbinary, `2 03:04:05.678` for an interval. Arrays,
maps and rows stay text: the types of their elements are not reported, and a comma inside an element looks
like a separator. `CAST(column AS json)` in the query returns their structure.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo


def value_of(text: str | None, kind: str) -> object:
    """Convert one value.

    Args:
        text: Athena's text; None is NULL.
        kind: Athena's type of the column, for example `decimal` or `timestamp(3) with time zone`.

    Returns:
        int, float, Decimal, bool, str, bytes, date, time, datetime (UTC, without a zone), timedelta, UUID, or
        the content of a json value; None for NULL.

    Raises:
        ValueError: the text is not a value of that type that Python can represent.
    """
    if text is None:
        return None
    before, _, after = kind.lower().partition("(")
    name = before.strip() + after.partition(")")[2]
    convert = _CONVERT.get(name)
    try:
        return text if convert is None else convert(text)
    except (ArithmeticError, KeyError, ValueError) as error:
        raise ValueError(f"{text!r} is no {kind} that Python can hold: CAST it AS varchar") from error


def _timestamp(text: str) -> datetime:
    """Athena writes UTC without a zone; a time with a zone is converted to UTC."""
    clock, _, zone = text.partition(" ")[2].partition(" ")
    if zone:
        local = datetime.fromisoformat(f"{text.partition(' ')[0]} {clock}")
        return _utc(local.replace(tzinfo=_zone(zone)))
    return _utc(datetime.fromisoformat(text))


def _utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant


def _zone(name: str) -> Any:  # noqa: ANN401  two kinds of zones
    if name[0] in "+-":
        return datetime.fromisoformat(f"2000-01-01T00:00:00{name}").tzinfo
    return UTC if name == "UTC" else ZoneInfo(name)


def _interval(text: str) -> timedelta:
    days, _, clock = text.partition(" ")
    hours, minutes, seconds = clock.split(":")
    size = timedelta(
        days=abs(int(days)), hours=int(hours), minutes=int(minutes), milliseconds=round(float(seconds) * 1000)
    )
    return -size if days.startswith("-") else size


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _plain(text: str) -> str:
    return text


_CONVERT: Mapping[str, Callable[[str], Any]] = {
    "boolean": _boolean,
    "tinyint": int,
    "smallint": int,
    "integer": int,
    "int": int,
    "bigint": int,
    "float": float,
    "real": float,
    "double": float,
    "decimal": Decimal,
    "char": _plain,
    "varchar": _plain,
    "string": _plain,
    "varbinary": bytes.fromhex,
    "binary": bytes.fromhex,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "time with time zone": time.fromisoformat,
    "timestamp": _timestamp,
    "timestamp with time zone": _timestamp,
    "interval day to second": _interval,
    "interval year to month": _plain,
    "json": json.loads,
    "uuid": UUID,
    "array": _plain,
    "map": _plain,
    "row": _plain,
    "struct": _plain,
    "ipaddress": _plain,
}
