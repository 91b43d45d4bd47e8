"""Numbers as Athena computes them, in the words of DuckDB.

DuckDB divides whole numbers and decimals as doubles. Athena cuts the quotient of whole numbers off towards
zero, rounds that of decimals half up to the larger of the two scales, and keeps a decimal's scale in AVG and
ROUND (Trino's documentation, "Decimal functions and operators"). So `1.0 * 1 / 21` is 0.0.
"""

from sqlglot import exp

from local.athena import types
from local.athena.errors import SqlError
from local.athena.inference import Typer
from local.athena.types import SqlType

_BY_ZERO = "DIVISION_BY_ZERO: Division by zero"


def align(tree: exp.Expr, typer: Typer) -> None:
    """Rewrite a query's arithmetic, in place, so that DuckDB computes what Athena does.

    Raises:
        SqlError: it divides by or into something whose type cannot be told.
    """
    # Types first, of the query as it was written: a rewritten node has none.
    found = [
        (node, typer.of(node), typer.of(node.this), _right(typer, node))
        for node in tree.walk(bfs=False)
        if isinstance(node, exp.Div | exp.Mod | exp.Sum | exp.Avg | exp.Round | exp.CountIf)
    ]
    for node, kind, left, right in reversed(found):
        if isinstance(node, exp.Div):
            _divide(node, kind, left, right)
        elif isinstance(node, exp.Mod):
            _modulo(node, kind)
        elif isinstance(node, exp.Sum) and types.is_integer(left):
            _wrap(_whole(node), "BIGINT")
        elif isinstance(node, exp.Avg) and kind is not None and types.is_decimal(kind):
            _average(node, kind)
        elif isinstance(node, exp.Round) and kind is not None and types.is_decimal(kind):
            _wrap(node, f"DECIMAL({kind.precision}, {kind.scale})")
        elif isinstance(node, exp.CountIf):  # of nothing but nulls: 0 in Athena, null in DuckDB
            one = exp.Literal.number(1)
            node.replace(exp.Count(this=exp.Case(ifs=[exp.If(this=node.this, true=one)])))


def _right(typer: Typer, node: exp.Expr) -> SqlType | None:
    return typer.of(node.expression) if isinstance(node, exp.Binary) else None


def _divide(node: exp.Div, kind: SqlType | None, left: SqlType | None, right: SqlType | None) -> None:
    if types.is_float(left) or types.is_float(right):
        node.replace(exp.Div(this=_cast(node.this, "DOUBLE"), expression=_cast(node.expression, "DOUBLE")))
        return
    if kind is None:
        raise SqlError(
            f"{_shown(node)}: the local twin cannot tell the types of both sides. Athena keeps the scale of "
            "decimals and cuts off whole numbers: write CAST(… AS double) around one side to divide exactly."
        )
    if kind == types.UNKNOWN:
        node.replace(exp.null())
    elif types.is_integer(kind):
        quotient = exp.IntDiv(this=node.this.copy(), expression=node.expression.copy())
        node.replace(_unless_zero(node.expression, _cast(quotient, _NAMES[kind.name])))
    elif kind.name == "decimal" and left is not None and right is not None:
        node.replace(quotient_of_decimals(node.this, left, node.expression, right, kind))


_NAMES = {"tinyint": "TINYINT", "smallint": "SMALLINT", "integer": "INT", "bigint": "BIGINT"}


def _modulo(node: exp.Mod, kind: SqlType | None) -> None:
    if kind is not None and (types.is_integer(kind) or types.is_decimal(kind)):
        node.replace(_unless_zero(node.expression, node.copy()))


def quotient_of_decimals(
    left: exp.Expr, left_type: SqlType, right: exp.Expr, right_type: SqlType, kind: SqlType
) -> exp.Expr:
    """Exact quotient of two decimals, rounded half up to the scale of `kind`, by 128-bit whole numbers."""
    x, y = types.as_decimal(left_type), types.as_decimal(right_type)
    template: exp.Expr = exp.maybe_parse(
        _QUOTIENT.format(
            above=_unscaled("__left", x, kind.scale + y.scale),
            below=_unscaled("__right", y, y.scale),
            unit=f"CAST('{_power(-kind.scale)}' AS DECIMAL({max(kind.scale, 1) + 1}, {kind.scale}))",
            kind=f"DECIMAL({kind.precision}, {kind.scale})",
        ),
        dialect="duckdb",
    )
    for column in list(template.find_all(exp.Column)):
        column.replace((left if column.name == "__left" else right).copy())
    return _unless_zero(right, template)


_QUOTIENT = (
    "CAST(CAST(SIGN({above}) * SIGN({below}) * ((2 * ABS({above}) + ABS({below})) // (2 * ABS({below})))"
    " AS DECIMAL(38, 0)) * {unit} AS {kind})"
)


def _unscaled(value: str, kind: SqlType, places: int) -> str:
    """SQL of `value * 10^places` as a whole number."""
    text = f"CAST({value} AS DECIMAL(38, {kind.scale}))"
    return f"CAST({text} * CAST('{_power(places)}' AS DECIMAL({places + 1}, 0)) AS HUGEINT)"


def _power(exponent: int) -> str:
    return "1" + "0" * exponent if exponent >= 0 else "0." + "0" * (-exponent - 1) + "1"


def _average(node: exp.Avg, kind: SqlType) -> None:
    """AVG of decimals: their exact sum by their number, over the same rows and windows."""
    whole = _whole(node)
    total, count = whole.copy(), whole.copy()
    for copy, aggregate in ((total, exp.Sum), (count, exp.Count)):
        inner = copy if isinstance(copy, exp.Avg) else copy.find(exp.Avg)
        made = aggregate(this=inner.this.copy())  # type: ignore[union-attr]
        if inner is copy:
            total, count = (made, count) if aggregate is exp.Sum else (total, made)
        else:
            inner.replace(made)  # type: ignore[union-attr]
    counted = exp.Nullif(this=count, expression=exp.Literal.number(0))
    summed = types.summed(kind)
    assert summed is not None
    whole.replace(quotient_of_decimals(total, summed, counted, types.BIGINT, kind))


def _whole(node: exp.Expr) -> exp.Expr:
    """An aggregate with the FILTER and OVER around it."""
    while isinstance(node.parent, exp.Filter | exp.Window | exp.WithinGroup) and node.parent.this is node:
        node = node.parent
    return node


def _wrap(node: exp.Expr, kind: str) -> None:
    node.replace(_cast(node, kind))


def _cast(node: exp.Expr, kind: str) -> exp.Cast:
    return exp.Cast(this=node.copy(), to=exp.DataType.build(kind, dialect="duckdb"))


def _unless_zero(divisor: exp.Expr, quotient: exp.Expr) -> exp.Expr:
    """The quotient; Athena's error where the divisor is zero."""
    if isinstance(divisor, exp.Literal) and float(divisor.name) != 0:
        return exp.Paren(this=quotient)
    zero = exp.EQ(this=exp.Paren(this=divisor.copy()), expression=exp.Literal.number(0))
    error = exp.Anonymous(this="error", expressions=[exp.Literal.string(_BY_ZERO)])
    return exp.Case(ifs=[exp.If(this=zero, true=error)], default=quotient)


def _shown(node: exp.Expr) -> str:
    text = node.sql("athena")
    return text if len(text) <= 80 else text[:77] + "…"
