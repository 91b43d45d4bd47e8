"""Text functions as Athena has them, in the words of DuckDB.

Source: Trino's documentation, "String functions and operators", "Regular expression functions", "Conversion
functions" (FORMAT, whose patterns are Java's).
"""

import re
from collections.abc import Callable, Mapping

from sqlglot import exp

from local.athena import types
from local.athena.errors import SqlError
from local.athena.inference import Typer

_PLACE = re.compile(r"%(?P<flags>[-0+,]*)(?P<width>\d*)(?P<places>\.\d+)?(?P<letter>[a-zA-Z%])")
_LETTERS = {"s", "d", "x", "X", "f", "e"}


def _format(node: exp.Expr, typer: Typer) -> exp.Expr:
    """FORMAT with a pattern of Java, by DuckDB's PRINTF."""
    pattern = node.this
    if not (isinstance(pattern, exp.Literal) and pattern.is_string):
        raise SqlError("format(): the local twin needs the pattern as a text.")
    places = [place for place in _PLACE.finditer(pattern.name) if place["letter"] != "%"]
    if pattern.name.count("%") != sum(place.group().count("%") for place in _PLACE.finditer(pattern.name)):
        raise SqlError(f"format(): the local twin does not understand the pattern {pattern.name!r}.")
    if len(places) > len(node.expressions):
        raise SqlError(f"format(): {pattern.name!r} has more places than there are values.")
    values = [_argument(place, value, typer) for place, value in zip(places, node.expressions, strict=False)]
    return exp.Anonymous(this="PRINTF", expressions=[pattern.copy(), *values])


def _argument(place: "re.Match[str]", value: exp.Expr, typer: Typer) -> exp.Expr:
    kind, letter = typer.of(value), place["letter"]
    grouped = "," in place["flags"] and letter != "d"
    if letter not in _LETTERS or grouped or (letter == "s" and types.is_float(kind)):
        raise SqlError(
            f"format(): the local twin has no {place.group()} for {kind}; %.2f, %d and %s of texts work."
        )
    target = {"s": "VARCHAR", "f": "DOUBLE", "e": "DOUBLE"}.get(letter, "BIGINT")
    return exp.Cast(this=value.copy(), to=exp.DataType.build(target, dialect="duckdb"))


def _split_part(node: exp.Expr, _: Typer) -> exp.Expr:
    """SPLIT_PART is NULL past the last part; DuckDB returns an empty text."""
    parts = exp.Anonymous(this="STR_SPLIT", expressions=[node.this.copy(), node.args["delimiter"].copy()])
    return exp.Anonymous(this="LIST_EXTRACT", expressions=[parts, node.args["part_index"].copy()])


def _split(node: exp.Expr, _: Typer) -> exp.Expr:
    if node.args.get("limit") is not None:
        raise SqlError(
            "split() with a limit works on AWS, but not on the local twin; split_part() works on both."
        )
    return node


def _extract(node: exp.Expr, _: Typer) -> exp.Expr:
    """REGEXP_EXTRACT is NULL where nothing matches; DuckDB returns an empty text."""
    matches = exp.Anonymous(this="REGEXP_MATCHES", expressions=[node.this.copy(), node.expression.copy()])
    return exp.Case(ifs=[exp.If(this=matches, true=node.copy())])


def _replace(node: exp.Expr, _: Typer) -> exp.Expr:
    """REGEXP_REPLACE replaces every match, and names groups `$1`."""
    new = node.args.get("replacement") or exp.Literal.string("")
    if isinstance(new, exp.Literal):
        new = exp.Literal.string(re.sub(r"\$(\d)", r"\\\1", new.name))
    else:
        raise SqlError("regexp_replace(): the local twin needs the replacement as a text.")
    call = [node.this.copy(), node.expression.copy(), new, exp.Literal.string("g")]
    return exp.Anonymous(this="REGEXP_REPLACE", expressions=call)


def _substring(node: exp.Expr, _: Typer) -> exp.Expr:
    """SUBSTR from 0 is empty; DuckDB starts at the first character."""
    start = node.args.get("start")
    if start is None or (isinstance(start, exp.Literal) and start.name != "0"):
        return node
    zero = exp.EQ(this=exp.Paren(this=start.copy()), expression=exp.Literal.number(0))
    return exp.Case(ifs=[exp.If(this=zero, true=exp.Literal.string(""))], default=node.copy())


def _codepoint(node: exp.Expr, _: Typer) -> exp.Expr:
    return exp.Anonymous(this="UNICODE", expressions=[part.copy() for part in node.expressions])


RULES: Mapping[type[exp.Expr], Callable[[exp.Expr, Typer], exp.Expr]] = {
    exp.Format: _format,
    exp.SplitPart: _split_part,
    exp.Split: _split,
    exp.RegexpExtract: _extract,
    exp.RegexpReplace: _replace,
    exp.Substring: _substring,
}
CALLS: Mapping[str, Callable[[exp.Expr, Typer], exp.Expr]] = {"CODEPOINT": _codepoint}
