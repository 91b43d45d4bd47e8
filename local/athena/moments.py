"""Dates and times as Athena has them, in the words of DuckDB.

Source: Trino's documentation, "Date and time functions and operators".
"""

import re
from collections.abc import Callable, Mapping

from sqlglot import exp

from local.athena.errors import SqlError
from local.athena.inference import Typer
from local.athena.types import DATE

_SMALL = {"HOUR", "MINUTE", "SECOND", "MILLISECOND", "MICROSECOND"}
# Letters of a Joda pattern, and what they are for strftime.
_JODA = {
    "yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%-m", "dd": "%d", "d": "%-d",
    "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "ss": "%S", "SSS": "%g", "a": "%p",
    "EEEE": "%A", "EEE": "%a", "D": "%-j", "DDD": "%j",
}  # fmt: skip


def _difference(node: exp.Expr, typer: Typer) -> exp.Expr:
    """DATE_DIFF counts complete units, as DuckDB's DATE_SUB does; its DATE_DIFF counts boundaries crossed."""
    unit = node.args["unit"].name.upper()
    ends = [node.expression.copy(), node.this.copy()]
    if unit in _SMALL:
        ends = [_typed(end, "TIMESTAMP") if typer.of(end) == DATE else end for end in ends]
    return exp.Anonymous(this="DATE_SUB", expressions=[exp.Literal.string(unit.lower()), *ends])


def _keep_date(node: exp.Expr, typer: Typer) -> exp.Expr:
    """A date stays a date; DuckDB makes a timestamp of it."""
    return _typed(node.copy(), "DATE") if typer.of(node) == DATE else node


def _formatted(node: exp.Expr, typer: Typer) -> exp.Expr:
    """FORMAT_DATETIME with a pattern of Joda."""
    moment, pattern = node.expressions
    if not isinstance(pattern, exp.Literal):
        raise SqlError(
            "format_datetime(): the local twin needs the pattern as a text; date_format() is another."
        )
    return exp.Anonymous(
        this="STRFTIME", expressions=[moment.copy(), exp.Literal.string(_strftime(pattern.name))]
    )


def _parsed(node: exp.Expr, _: Typer) -> exp.Expr:
    """PARSE_DATETIME with a pattern of Joda; the time is in UTC, Athena's zone."""
    pattern = node.args.get("format")
    if not isinstance(pattern, exp.Literal):
        raise SqlError(
            "parse_datetime(): the local twin needs the pattern as a text; date_parse() is another."
        )
    call = [node.this.copy(), exp.Literal.string(_strftime(pattern.name))]
    return _typed(exp.Anonymous(this="STRPTIME", expressions=call), "TIMESTAMPTZ")


def _iso_date(node: exp.Expr, _: Typer) -> exp.Expr:
    text = node.this
    if isinstance(text, exp.Literal) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text.name):
        raise SqlError(
            "from_iso8601_date(): the local twin knows dates such as 2026-11-20, no weeks or days of a year."
        )
    return node


def _millisecond(node: exp.Expr, _: Typer) -> exp.Expr:
    """MILLISECOND of the second; DuckDB counts from the minute."""
    whole = exp.Anonymous(this="MILLISECOND", expressions=[part.copy() for part in node.expressions])
    return exp.Paren(this=exp.Mod(this=whole, expression=exp.Literal.number(1000)))


def _strftime(pattern: str) -> str:
    made, place = "", 0
    while place < len(pattern):
        letter = pattern[place]
        if letter == "'":
            end = pattern.find("'", place + 1)
            end = len(pattern) if end < 0 else end
            made += "'" if end == place + 1 else pattern[place + 1 : end].replace("%", "%%")
            place = end + 1
            continue
        end = place
        while end < len(pattern) and pattern[end] == letter:
            end += 1
        run = pattern[place:end]
        if letter.isalpha() and run not in _JODA:
            raise SqlError(f"format_datetime(): the local twin does not know {run!r} of the pattern.")
        made += _JODA.get(run, run.replace("%", "%%"))
        place = end
    return made


def _in_zone(node: exp.Expr, typer: Typer) -> exp.Expr:
    """AT TIME ZONE keeps the moment and shows it elsewhere: here, the local time of that zone.

    DuckDB has no time that remembers its zone. So the local time may be asked for its parts, formatted
    or cast, where both engines agree; as a result, or beside other times, it is refused.
    """
    user = node.parent
    while isinstance(user, exp.Paren):
        user = user.parent
    if not isinstance(user, _LOCAL) and not _is_call(user, "FORMAT_DATETIME"):
        raise SqlError(
            "AT TIME ZONE: the local twin has no time that remembers its zone. "
            "CAST(… AT TIME ZONE 'zone' AS timestamp) works on both."
        )
    moment = _typed(node.this.copy(), "TIMESTAMPTZ")
    return exp.Anonymous(this="TIMEZONE", expressions=[node.args["zone"].copy(), moment])


_LOCAL = (
    exp.Cast, exp.TimeToStr, exp.Year, exp.Quarter, exp.Month, exp.Day, exp.DayOfWeekIso, exp.DayOfYear,
    exp.Hour, exp.Minute, exp.Second, exp.Extract, exp.Date,
)  # fmt: skip


def _is_call(node: exp.Expr | None, name: str) -> bool:
    return isinstance(node, exp.Anonymous) and str(node.this).upper() == name


def _from_unixtime(node: exp.Expr, _: Typer) -> exp.Expr:
    if len([part for part in node.args.values() if part is not None]) > 1:
        raise SqlError(
            "from_unixtime() with a zone: the local twin has none. from_unixtime(seconds) works on both."
        )
    return exp.Anonymous(this="TO_TIMESTAMP", expressions=[_typed(node.this.copy(), "DOUBLE")])


def _to_unixtime(node: exp.Expr, _: Typer) -> exp.Expr:
    return exp.Anonymous(this="EPOCH", expressions=[node.this.copy()])


def _series(node: exp.Expr, typer: Typer) -> exp.Expr:
    """SEQUENCE; of dates it holds dates, and it runs down where the end lies before the start."""
    start, end, step = node.args["start"], node.args["end"], node.args.get("step")
    kind = typer.of(start)
    if step is None and kind == DATE:
        step = exp.Interval(this=exp.Literal.string("1"), unit=exp.var("DAY"))
    if step is None:
        down = exp.LT(this=end.copy(), expression=start.copy())
        step = exp.Case(ifs=[exp.If(this=down, true=exp.Literal.number(-1))], default=exp.Literal.number(1))
    series = exp.Anonymous(this="GENERATE_SERIES", expressions=[start.copy(), end.copy(), step.copy()])
    return _typed(series, "DATE[]") if kind == DATE else series


def _local(node: exp.Expr, _: Typer) -> exp.Expr:
    return _typed(exp.CurrentTimestamp(), "TIMESTAMP")


def _typed(node: exp.Expr, kind: str) -> exp.Cast:
    return exp.Cast(this=node, to=exp.DataType.build(kind, dialect="duckdb"))


RULES: Mapping[type[exp.Expr], Callable[[exp.Expr, Typer], exp.Expr]] = {
    exp.DateDiff: _difference,
    exp.TimestampDiff: _difference,
    exp.DateAdd: _keep_date,
    exp.DateSub: _keep_date,
    exp.TimestampTrunc: _keep_date,
    exp.DateTrunc: _keep_date,
    exp.Add: _keep_date,
    exp.Sub: _keep_date,
    exp.AtTimeZone: _in_zone,
    exp.UnixToTime: _from_unixtime,
    exp.TimeToUnix: _to_unixtime,
    exp.GenerateSeries: _series,
    exp.Localtimestamp: _local,
    exp.ParseDatetime: _parsed,
    exp.FromISO8601Date: _iso_date,
}
CALLS: Mapping[str, Callable[[exp.Expr, Typer], exp.Expr]] = {
    "FORMAT_DATETIME": _formatted,
    "MILLISECOND": _millisecond,
}
