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


def divide(node: exp.Expr, typer: Typer) -> exp.Expr:
    """A quotient.

    Raises:
        SqlError: the types of its sides cannot be told.
    """
    kind, left, right = typer.of(node), typer.of(node.this), typer.of(node.expression)
    if types.is_float(left) or types.is_float(right):
        return exp.Div(this=_cast(node.this, "DOUBLE"), expression=_cast(node.expression, "DOUBLE"))
    if kind is None or left is None or right is None:
        raise SqlError(
            f"{_shown(node)}: the local twin cannot tell the types of both sides. Athena keeps the scale of "
            "decimals and cuts off whole numbers: write CAST(… AS double) around one side to divide exactly."
        )
    if types.UNKNOWN in (left, right):
        return exp.null()
    if types.is_integer(kind):
        quotient = exp.IntDiv(this=node.this.copy(), expression=node.expression.copy())
        return _unless_zero(node, _cast(quotient, _NAMES[kind.name]))
    if not types.is_decimal(kind):
        raise SqlError(f"TYPE_MISMATCH: {_shown(node)}: Cannot apply operator: {left} / {right}")
    return _unless_zero(node, quotient_of_decimals(node.this, left, node.expression, right, kind))


_NAMES = {"tinyint": "TINYINT", "smallint": "SMALLINT", "integer": "INT", "bigint": "BIGINT"}


def modulo(node: exp.Expr, typer: Typer) -> exp.Expr:
    """A remainder; of whole numbers and decimals by zero it is an error."""
    kind = typer.of(node)
    exact = types.is_integer(kind) or types.is_decimal(kind)
    return _unless_zero(node, node.copy()) if exact else node


def aggregate(node: exp.Expr, typer: Typer) -> exp.Expr:
    """SUM and AVG, with the FILTER and OVER around them, in the type that Athena gives them."""
    core: exp.Expr = node
    parent = node.parent
    while isinstance(core, exp.Filter | exp.Window) and isinstance(core.this, exp.Expr):
        core = core.this
    if isinstance(parent, exp.Filter | exp.Window) and node.arg_key == "this":
        return node
    kind = typer.of(core)
    if isinstance(core, exp.Sum) and types.is_integer(kind):
        return _cast(node, "BIGINT")
    if isinstance(core, exp.Avg) and kind is not None and types.is_decimal(kind):
        summed = types.summed(kind)
        assert summed is not None
        count = exp.Nullif(this=_as(node, exp.Count), expression=exp.Literal.number(0))
        return quotient_of_decimals(_as(node, exp.Sum), summed, count, types.BIGINT, kind)
    return node


def _as(node: exp.Expr, made: type[exp.Func]) -> exp.Expr:
    """The same aggregate with another function."""
    copy: exp.Expr = node.copy()
    core = copy.find(exp.Avg)
    assert core is not None
    other: exp.Expr = made(this=core.this.copy())
    if core is copy:
        return other
    core.replace(other)
    return copy


def count_if(node: exp.Expr, _: Typer) -> exp.Expr:
    """COUNT_IF of nothing but nulls is 0 in Athena, null in DuckDB."""
    one = exp.Literal.number(1)
    return exp.Count(this=exp.Case(ifs=[exp.If(this=node.this.copy(), true=one)]))


def rounded(node: exp.Expr, typer: Typer) -> exp.Expr:
    """ROUND, which keeps the scale of a decimal."""
    kind = typer.of(node)
    if kind is not None and types.is_decimal(kind):
        return _cast(node, f"DECIMAL({kind.precision}, {kind.scale})")
    return node


def sign(node: exp.Expr, typer: Typer) -> exp.Expr:
    """SIGN, which has the type of what it is given."""
    kind = typer.of(node)
    return _cast(node, _NAMES.get(kind.name, str(kind))) if kind is not None else node


def cube_root(node: exp.Expr, _: Typer) -> exp.Expr:
    """CBRT, which DuckDB computes as a power: `CBRT(27)` is 3.0000000000000004 there."""
    raise SqlError("cbrt() is not a function the local twin knows: DuckDB's is not exact.")


def _lossy(kind: SqlType | None, target: SqlType | None) -> bool:
    return types.is_float(kind) and types.is_integer(target)


def cast(node: exp.Expr, typer: Typer) -> exp.Expr:
    """A double cast to a whole number is rounded half away from zero; DuckDB rounds half to even."""
    if _lossy(typer.of(node.this), typer.of(node)):
        copy = node.copy()
        copy.set("this", exp.Round(this=copy.this))
        return copy
    return node


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
    return template


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


def _cast(node: exp.Expr, kind: str) -> exp.Cast:
    return exp.Cast(this=node.copy(), to=exp.DataType.build(kind, dialect="duckdb"))


def _unless_zero(node: exp.Expr, quotient: exp.Expr) -> exp.Expr:
    """The quotient; Athena's error where the divisor is zero, NULL within TRY."""
    divisor = node.expression
    if isinstance(divisor, exp.Literal) and float(divisor.name) != 0:
        return exp.Paren(this=quotient)
    zero = exp.EQ(this=exp.Paren(this=divisor.copy()), expression=exp.Literal.number(0))
    return exp.Case(ifs=[exp.If(this=zero, true=failure(node, _BY_ZERO))], default=quotient)


def failure(node: exp.Expr, message: str) -> exp.Expr:
    """An expression that fails the query; NULL in place of something within TRY."""
    if node.find_ancestor(exp.Try) is not None:
        return exp.null()
    return exp.Anonymous(this="error", expressions=[exp.Literal.string(message)])


def _shown(node: exp.Expr) -> str:
    text = node.sql("athena")
    return text if len(text) <= 80 else text[:77] + "…"
