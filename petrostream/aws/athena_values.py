"""Values of Athena's result, which come as text, in Python's types.

The texts are those of GetQueryResults: `65 68` for a varbinary, `2 03:04:05.678` for an interval. Arrays,
maps and rows have no types for what is in them, and a comma inside an element looks like the one between two:
they stay text. `CAST(column AS json)` in the query returns them whole.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo


def value_of(text: str | None, kind: str) -> object:
    """One value.

    Args:
        text: Athena's text; None is NULL.
        kind: Athena's type of the column, for example `decimal` or `timestamp(3) with time zone`.

    Returns:
        int, float, Decimal, bool, str, bytes, date, time, datetime (UTC, without a zone), timedelta, UUID, or
        for json what it holds; None for NULL.

    Raises:
        ValueError: the text is not of that type; names both.
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
    """Athena writes UTC without a zone; a zone, where the query made one, is turned into UTC."""
    moment, _, zone = text.partition(" ")[2].partition(" ")
    if zone:
        local = datetime.fromisoformat(f"{text.partition(' ')[0]} {moment}")
        return _utc(local.replace(tzinfo=_zone(zone)))
    return _utc(datetime.fromisoformat(text))


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


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
