"""Arrays, maps and what counts in buckets as Athena has them, in the words of DuckDB.

Source: Trino's documentation, "Array functions and operators", "Map functions and operators", "Lambda
expressions", "Mathematical functions" (WIDTH_BUCKET).
"""

from collections.abc import Callable, Mapping

from sqlglot import exp
from sqlglot.expressions.builders import apply_index_offset

from local.athena.arithmetic import failure
from local.athena.errors import SqlError
from local.athena.inference import Typer

_PAST = "INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to array length"
_NO_KEY = "INVALID_FUNCTION_ARGUMENT: Key not present in map"


def _call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=[part.copy() for part in arguments])


def _element(node: exp.Expr, typer: Typer) -> exp.Expr:
    """An element by its place or key: an error where there is none, but NULL for ELEMENT_AT."""
    kind = typer.of(node.this)
    # The parser counts from 0 where the text counts from 1.
    (key,) = apply_index_offset(
        node.this, node.expressions, 1 - (node.args.get("offset") or 0), dialect="athena"
    )
    name = "MAP_EXTRACT_VALUE" if kind is not None and kind.name == "map" else "LIST_EXTRACT"
    found = _call(name, node.this, key)
    if node.args.get("safe"):
        return found
    if name == "LIST_EXTRACT":
        missing: exp.Expr = exp.Not(
            this=exp.Between(
                this=exp.Paren(this=key.copy()), low=exp.Literal.number(1), high=_call("LEN", node.this)
            )
        )
        return exp.Case(ifs=[exp.If(this=missing, true=failure(node, _PAST))], default=found)
    missing = exp.Not(this=_call("MAP_CONTAINS", node.this, key))
    return exp.Case(ifs=[exp.If(this=missing, true=failure(node, _NO_KEY))], default=found)


def _slice(node: exp.Expr, _: Typer) -> exp.Expr:
    """SLICE(array, start, length); DuckDB's takes the last place."""
    start, length = _whole(node.args.get("start")), _whole(node.args.get("end"))
    if start is None or length is None or start == 0 or length < 0:
        raise SqlError("slice(): the local twin needs start and length as numbers, start not 0.")
    last = start + length - 1
    if start < 0:
        last = min(last, -1)
    if length == 0:
        return exp.Anonymous(this="LIST_SLICE", expressions=[node.this.copy(), _number(1), _number(0)])
    return exp.Anonymous(this="LIST_SLICE", expressions=[node.this.copy(), _number(start), _number(last)])


def _whole(node: exp.Expr | None) -> int | None:
    if isinstance(node, exp.Neg):
        inner = _whole(node.this)
        return None if inner is None else -inner
    return int(node.name) if isinstance(node, exp.Literal) and node.is_int else None


def _number(value: int) -> exp.Expr:
    number = exp.Literal.number(abs(value))
    return exp.Neg(this=number) if value < 0 else number


def _distinct(node: exp.Expr, _: Typer) -> exp.Expr:
    """ARRAY_DISTINCT keeps the order of first appearance."""
    return _template("LIST_FILTER(__a, lambda x, i: LIST_POSITION(__a, x) = i)", node.this)


def _position(node: exp.Expr, _: Typer) -> exp.Expr:
    return _template("COALESCE(LIST_POSITION(__a, __b), 0)", node.this, node.expression)


def _reduce(node: exp.Expr, _: Typer) -> exp.Expr:
    """REDUCE with a start; its last function is applied to what comes out."""
    reduced = exp.Reduce(
        this=node.this.copy(), initial=node.args["initial"].copy(), merge=node.args["merge"].copy()
    )
    finish = node.args.get("finish")
    if finish is None:
        return reduced
    name, body = finish.expressions[0].name, finish.this.copy()
    holder = exp.Paren(this=body)
    for part in list(holder.find_all(exp.Column, exp.Identifier)):
        if part.name == name and not isinstance(part.parent, exp.Column | exp.Dot):
            part.replace(reduced.copy())
    return holder


def _match(template: str) -> Callable[[exp.Expr, Typer], exp.Expr]:
    def rule(node: exp.Expr, _: Typer) -> exp.Expr:
        array, function = node.expressions
        made = exp.Transform(this=array.copy(), expression=function.copy())
        return _template(template, made)

    return rule


def _template(text: str, *parts: exp.Expr) -> exp.Expr:
    """DuckDB's SQL in which `__a`, `__b`, … stand for expressions."""
    made: exp.Expr = exp.Paren(this=exp.maybe_parse(text, dialect="duckdb"))
    names = {f"__{chr(ord('a') + place)}": part for place, part in enumerate(parts)}
    for column in list(made.find_all(exp.Column)):
        if column.name in names:
            column.replace(names[column.name].copy())
    return made


def _map_agg(node: exp.Expr, _: Typer) -> exp.Expr:
    """MAP_AGG, without the pairs whose key is null. A key that comes twice is an error here."""
    key, value = node.expressions
    return _template("MAP_FROM_ENTRIES(LIST({k: __a, v: __b}) FILTER (WHERE __a IS NOT NULL))", key, value)


def _width_bucket(node: exp.Expr, _: Typer) -> exp.Expr:
    x, low = node.this, node.args["min_value"]
    high, count = node.args.get("max_value"), node.args.get("num_buckets")
    if high is None or count is None:
        return _template("CAST(LEN(LIST_FILTER(__a, lambda b: b <= __b)) AS BIGINT)", low, x)
    return _template(
        "CASE WHEN __b < __c AND __a < __b THEN 0 WHEN __b < __c AND __a >= __c THEN __d + 1"
        " WHEN __b > __c AND __a > __b THEN 0 WHEN __b > __c AND __a <= __c THEN __d + 1"
        " ELSE CAST(FLOOR(__d * (CAST(__a AS DOUBLE) - __b) / (CAST(__c AS DOUBLE) - __b)) AS BIGINT)"
        " + 1 END",
        x, low, high, count,
    )  # fmt: skip


def _size(node: exp.Expr, typer: Typer) -> exp.Expr:
    kind = typer.of(node.this)
    return _call("CARDINALITY" if kind is not None and kind.name == "map" else "LEN", node.this)


def _histogram(node: exp.Expr, _: Typer) -> exp.Expr:
    return _call("HISTOGRAM", *node.expressions)


def _best(node: exp.Expr, _: Typer) -> exp.Expr:
    if len([part for part in node.args.values() if part]) > 2:
        raise SqlError("max_by() and min_by() of several rows work on AWS, but not on the local twin.")
    return node


RULES: Mapping[type[exp.Expr], Callable[[exp.Expr, Typer], exp.Expr]] = {
    exp.Bracket: _element,
    exp.ArraySlice: _slice,
    exp.ArraySize: _size,
    exp.ArrayDistinct: _distinct,
    exp.ArrayPosition: _position,
    exp.Reduce: _reduce,
    exp.WidthBucket: _width_bucket,
    exp.ArgMax: _best,
    exp.ArgMin: _best,
}
_ANY = (
    "CASE WHEN LEN(LIST_FILTER(__a, lambda x: x)) > 0 THEN {}"
    " WHEN LEN(LIST_FILTER(__a, lambda x: x IS NULL)) > 0 THEN NULL"
    " ELSE {} END"
)
CALLS: Mapping[str, Callable[[exp.Expr, Typer], exp.Expr]] = {
    "MAP_AGG": _map_agg,
    "HISTOGRAM": _histogram,
    "ANY_MATCH": _match(_ANY.format("TRUE", "FALSE")),
    "NONE_MATCH": _match(_ANY.format("FALSE", "TRUE")),
    "ALL_MATCH": _match(
        "CASE WHEN LEN(LIST_FILTER(__a, lambda x: NOT x)) > 0 THEN FALSE"
        " WHEN LEN(LIST_FILTER(__a, lambda x: x IS NULL)) > 0 THEN NULL ELSE TRUE END"
    ),
}
