"""JSON, casts and functions known by name as Athena has them, in the words of DuckDB.

Source: Trino's documentation, "JSON functions and operators", "Conversion functions".
"""

from collections.abc import Callable, Mapping

from sqlglot import exp

from local.athena import arithmetic, arrays, moments, texts, types
from local.athena.errors import SqlError
from local.athena.inference import Typer


def _cast(node: exp.Expr, typer: Typer) -> exp.Expr:
    source, target = typer.of(node.this), typer.of(node)
    if target is None or source is None:
        return node
    if target.name == "json":
        return exp.Anonymous(this="TO_JSON", expressions=[node.this.copy()])
    if source.name == "json" and target.name == "varchar":
        root = exp.Literal.string("$")
        return exp.Anonymous(this="JSON_EXTRACT_STRING", expressions=[node.this.copy(), root])
    if types.is_float(source) and target.name == "varchar":
        raise SqlError(
            f"{node.sql('athena')}: Athena writes a double as text with an exponent, the local twin without. "
            "format('%.3f', x) and CAST(… AS decimal(18, 3)) work on both."
        )
    return arithmetic.cast(node, typer)


def _scalar(node: exp.Expr, _: Typer) -> exp.Expr:
    """JSON_EXTRACT_SCALAR is NULL for an object or an array; DuckDB returns their text."""
    found = exp.JSONExtract(this=node.this.copy(), expression=node.expression.copy())
    nested = exp.In(
        this=exp.Anonymous(this="JSON_TYPE", expressions=[found]),
        expressions=[exp.Literal.string("OBJECT"), exp.Literal.string("ARRAY")],
    )
    return exp.Case(ifs=[exp.If(this=exp.Not(this=exp.Paren(this=nested)), true=exp.Paren(this=node.copy()))])


def _document(node: exp.Expr, _: Typer) -> exp.Expr:
    return exp.Paren(this=node.copy())


def _typeof(node: exp.Expr, typer: Typer) -> exp.Expr:
    kind = typer.of(node.this)
    if kind is None:
        raise SqlError(f"typeof({node.this.sql('athena')}): the local twin cannot tell this type.")
    text = str(kind).replace(", ", ",")
    return exp.Literal.string(text.replace("timestamp", "timestamp(3)", 1))


def _call(node: exp.Expr, typer: Typer) -> exp.Expr:
    """A function that the parser knows by its name alone.

    Raises:
        SqlError: the twin does not have it; says what to use instead, where there is something.
    """
    name = str(node.this).upper()
    rule = _CALLS.get(name)
    if rule is not None:
        return rule(node, typer)
    if name in _CONSTANTS:
        return exp.Cast(this=exp.Literal.string(_CONSTANTS[name]), to=exp.DataType.build("DOUBLE"))
    if name in _SAME:
        return exp.Anonymous(this=_SAME[name], expressions=[part.copy() for part in node.expressions])
    instead = _INSTEAD.get(name)
    hint = f"; {instead} works on both" if instead else ""
    raise SqlError(f"{name.lower()}() is not a function the local twin knows{hint}.")


_CALLS: Mapping[str, Callable[[exp.Expr, Typer], exp.Expr]] = moments.CALLS | texts.CALLS | arrays.CALLS  # type: ignore[operator]
# Functions that DuckDB has too, and by which name.
_SAME: Mapping[str, str] = {
    "EVERY": "BOOL_AND", "MAP_VALUES": "MAP_VALUES", "IS_FINITE": "ISFINITE", "IS_INFINITE": "ISINF",
    "GEOMETRIC_MEAN": "GEOMETRIC_MEAN",
    "JSON_ARRAY_LENGTH": "JSON_ARRAY_LENGTH", "NORMALIZE": "NFC_NORMALIZE",
}  # fmt: skip
_CONSTANTS = {"E": "2.718281828459045", "INFINITY": "Infinity", "NAN": "NaN"}
_INSTEAD: Mapping[str, str] = {
    "MULTIMAP_AGG": "array_agg(key) and array_agg(value)",
    "ZIP": "element_at()",
    "APPROX_MOST_FREQUENT": "COUNT(*) … ORDER BY … LIMIT",
    "TO_ISO8601": "date_format(ts, '%Y-%m-%dT%H:%i:%s')",
    "WITH_TIMEZONE": "CAST(… AT TIME ZONE 'zone' AS timestamp)",
    "AT_TIMEZONE": "AT TIME ZONE 'zone'",
}

RULES: Mapping[type[exp.Expr], Callable[[exp.Expr, Typer], exp.Expr]] = {
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.JSONExtractScalar: _scalar,
    exp.JSONExtract: _document,
    exp.Typeof: _typeof,
    exp.Anonymous: _call,
}
