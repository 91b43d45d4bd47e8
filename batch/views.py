"""The views that read gold where it exists and the curated zone after it.

Their files in sql/views carry a mark at each condition: `TRUE -- gold: not in well_data_gold`. Here the dates
that are in gold are put in its place, as literals: a condition on literals is decided while a query is
planned, so that a day in gold costs neither listing nor reading its curated files. Both sides of a view have
the same list, in one statement: no reading is missing or counted twice, whatever is registered meanwhile.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "sql" / "views"
"""Where the files are, in the repository and in the package of the function."""

GOLD_VIEWS = ("alarm_history", "well_data", "well_hours", "well_days", "recent_well_months")
"""The views with marks, each after those it reads."""

_MARK = re.compile(r"(?:TRUE|FALSE) -- gold: (?P<not>not )?in (?P<table>\w+)")

GoldDates = Mapping[str, Collection[date]]
"""Dates that views read from gold, by gold table."""


def with_dates(text: str, dates: GoldDates) -> str:
    """The text of a view that reads these dates from gold, and all others from where gold is made of.

    Args:
        text: a file of sql/views; one without marks comes back as it is.
        dates: of each gold table; one that is left out has none. Of gold_months, the first of each month.
    """

    def condition(mark: re.Match[str]) -> str:
        table = mark["table"]
        days = dates.get(table, ())
        ranges = list(_months(days) if table == "gold_months" else _ranges(days))
        return f"{_condition(ranges, absent=mark['not'] is not None)} -- gold: {mark['not'] or ''}in {table}"

    return _MARK.sub(condition, text)


def _condition(ranges: Collection[tuple[date, date]], *, absent: bool) -> str:
    if not ranges:
        return "TRUE" if absent else "FALSE"
    listed = " OR ".join(
        f"\"date\" BETWEEN DATE '{first}' AND DATE '{last}'" if first < last else f"\"date\" = DATE '{first}'"
        for first, last in ranges
    )
    return f"NOT ({listed})" if absent else f"({listed})"


def _ranges(days: Collection[date]) -> Iterator[tuple[date, date]]:
    """First and last of each run of consecutive dates."""
    first = last = None
    for day in sorted(days):
        if first is None or last is None:
            first = last = day
        elif day == last + timedelta(days=1):
            last = day
        else:
            yield first, last
            first = last = day
    if first is not None and last is not None:
        yield first, last


def _months(firsts: Collection[date]) -> Iterator[tuple[date, date]]:
    """First and last date of each run of consecutive months."""
    return _ranges({first + timedelta(days=n) for first in firsts for n in range(days_in_month(first))})


def days_in_month(first: date) -> int:
    """How many days the month that begins on this date has."""
    after = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return (after - first).days
