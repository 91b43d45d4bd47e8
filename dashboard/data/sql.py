"""The queries of `sql/dashboard` and `sql/queries`: files with named parameters for literals.

Each query is one file, which `python -m tools.sql_lint` checks and a chart shows with its values. A name with
a colon stands for a value; a comment such as `/* gauges */` is a place for columns that code lists.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path

from petrostream.times import to_sql

SQL = Path(__file__).resolve().parents[2] / "sql"
FOLDERS = (SQL / "dashboard", SQL / "queries")

SqlValue = str | int | float | date | datetime
_NAME = re.compile(r"(?<![:\w]):([a-z_]+)\b")


@dataclass(frozen=True, slots=True)
class Query:
    """A statement ready to run.

    Attributes:
        name: its file in `sql/dashboard`, without `.sql`.
        sql: the statement, values filled in.
        seconds: how long its answer may be shown before it is asked again.
    """

    name: str
    sql: str
    seconds: float


def query(
    name: str,
    values: Mapping[str, SqlValue] | None = None,
    *,
    seconds: float,
    places: Mapping[str, str] | None = None,
) -> Query:
    """Fill in a query of `sql/dashboard` or, if there is none of that name, of `sql/queries`.

    Args:
        name: its file, without `.sql`.
        values: value of each name with a colon.
        seconds: how long its answer may be shown.
        places: SQL for each marked place, such as `gauges`; never text from outside.

    Raises:
        KeyError: the file has a name without a value, or no place of that name.
        FileNotFoundError: there is no such file.
    """
    text, given = _text(name), values or {}
    for place, columns in (places or {}).items():
        marker = f"/* {place} */"
        if marker not in text:
            raise KeyError(f"{name}.sql has no place {marker}")
        text = text.replace(marker, columns)
    # The leading comment may hold colons, and values must not be filled into it.
    lines = [
        line if line.lstrip().startswith("--") else _NAME.sub(lambda found: literal(given[found[1]]), line)
        for line in text.splitlines()
    ]
    return Query(name, "\n".join(lines), seconds)


def literal(value: SqlValue) -> str:
    """A value as a literal of Athena's SQL; an instant needs a zone, and becomes UTC.

    Raises:
        ValueError: an instant without a zone, or a number that is not finite.
    """
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"instant {value} needs a time zone, for example UTC")
        return f"TIMESTAMP '{to_sql(round(value.timestamp() * 1000))}'"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, float) and not abs(value) < float("inf"):
        raise ValueError(f"number {value} is not finite")
    return repr(value)


@cache
def _text(name: str) -> str:
    found = (folder / f"{name}.sql" for folder in FOLDERS)
    path = next((path for path in found if path.is_file()), FOLDERS[0] / f"{name}.sql")
    return path.read_text(encoding="utf-8")
