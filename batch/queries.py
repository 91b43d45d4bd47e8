"""The queries of the jobs, each a file of sql/quality with named places for dates."""

import re
from datetime import date
from pathlib import Path
from typing import Any

from batch.jobs import JobContext
from petrostream.aws.athena import run_sql

FOLDER = Path(__file__).resolve().parent.parent / "sql" / "quality"
"""Where the files are, in the repository and, unpacked, in the package of the function."""

_NAME = re.compile(r"(?<![:\w]):([a-z_]+)\b")


def statement(name: str, **dates: date) -> str:
    """The text of a query, with a date in each place `:name`.

    Raises:
        KeyError: a place has no date.
        FileNotFoundError: there is no such query.
    """
    text = (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    return _NAME.sub(lambda place: f"DATE '{dates[place[1]]}'", text)


def ask(context: JobContext, name: str, **dates: date) -> list[dict[str, Any]]:
    """The rows of a query.

    Raises:
        QueryFailed: Athena refuses it.
        ServiceUnavailable: Athena does not respond.
    """
    settings = context.settings
    answer = run_sql(
        statement(name, **dates),
        database=settings.database,
        workgroup=settings.workgroup,
        client=context.client("athena"),
    )
    return answer.dicts()
