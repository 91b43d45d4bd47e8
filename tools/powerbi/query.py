"""The M expressions that load the tables: Athena SQL through ODBC, and the calendar."""

from collections.abc import Mapping

from tools.powerbi.model import Parameter

DSN = Parameter("DSN", '"PetroStream"', "Text", "Name of the ODBC data source")
RANGE_START = Parameter(
    "RangeStart",
    "#datetime(2026, 1, 1, 0, 0, 0)",
    "DateTime",
    "First day to load in Power BI Desktop; the service sets it for each part it refreshes",
)
RANGE_END = Parameter(
    "RangeEnd",
    "#datetime(2100, 1, 1, 0, 0, 0)",
    "DateTime",
    "First day not to load in Power BI Desktop; the service sets it for each part it refreshes",
)

DAYS = "{days}"
"""Stands in SQL for the condition on the partition."""


def loaded(sql: str, types: Mapping[str, str]) -> str:
    """M that runs a query and names the types of its columns.

    Args:
        sql: Athena SQL, with `DAYS` where the condition on the loaded days belongs.
        types: M type of each column, by name.
    """
    before, days, after = sql.partition(DAYS)
    text = _text(before)
    if days:
        parts = (_text(_FROM), _day("RangeStart"), _text(_TO), _day("RangeEnd"), _text("'" + after))
        text = "\n        & ".join((text, *parts))
    listed = ",\n".join(f'            {{"{name}", {kind}}}' for name, kind in types.items())
    return (
        "let\n"
        f"    Query = {text},\n"
        '    Source = Odbc.Query("dsn=" & DSN, Query),\n'
        f"    Typed = Table.TransformColumnTypes(\n        Source,\n        {{\n{listed}\n        }}\n    )\n"
        "in\n"
        "    Typed"
    )


_FROM = '"date" >= DATE \''
_TO = "' AND \"date\" < DATE '"


def _day(parameter: str) -> str:
    return f'Date.ToText(Date.From({parameter}), [Format = "yyyy-MM-dd", Culture = "en-US"])'


def _text(value: str) -> str:
    """A text of M: a quote is doubled."""
    return '"' + value.replace('"', '""') + '"'


CALENDAR = """let
    Today = Date.From(DateTimeZone.RemoveZone(DateTimeZone.UtcNow())),
    First = Date.StartOfYear(List.Min({Date.From(RangeStart), Date.AddYears(Today, -5)})),
    Count = Duration.Days(Date.EndOfYear(Today) - First) + 1,
    Days = List.Dates(First, Count, #duration(1, 0, 0, 0)),
    Listed = Table.FromList(Days, Splitter.SplitByNothing(), {"Date"}),
    Typed = Table.TransformColumnTypes(Listed, {{"Date", type date}}),
    Year = Table.AddColumn(Typed, "Year", each Date.Year([Date]), Int64.Type),
    Quarter = Table.AddColumn(
        Year, "Quarter", each "Q" & Number.ToText(Date.QuarterOfYear([Date])), type text
    ),
    Number = Table.AddColumn(Quarter, "MonthNumber", each Date.Month([Date]), Int64.Type),
    Month = Table.AddColumn(
        Number, "Month", each Date.ToText([Date], [Format = "MMM", Culture = "en-US"]), type text
    ),
    YearMonth = Table.AddColumn(
        Month, "YearMonth", each Date.ToText([Date], [Format = "yyyy-MM", Culture = "en-US"]), type text
    )
in
    YearMonth"""
"""Every day of the years that facts may lie in: five years back, or from RangeStart where that is earlier."""
