"""Where DuckDB makes something else of the same words than Athena, use words that mean the same."""

from sqlglot import exp

from petrostream.schema.sensors import schema

_INTEGER_TYPES = frozenset(("tinyint", "smallint", "int", "integer", "bigint"))
_INTEGER_COLUMNS = frozenset(
    field.name
    for table in ("scored_readings", "facility_readings", "alarms", "quarantine")
    for field in schema(table).fields
    if field.type in _INTEGER_TYPES
)
_COUNTS = (exp.Count, exp.CountIf, exp.ApproxDistinct, exp.ArraySize, exp.DateDiff, exp.Length, exp.RowNumber)
_KEEPS_TYPE = (exp.Sum, exp.Min, exp.Max, exp.Paren, exp.Neg, exp.Abs, exp.Window, exp.Filter, exp.Coalesce)
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Mod, exp.Div, exp.IntDiv)


def align(tree: exp.Expr) -> None:
    """Rewrite a query, in place, so that DuckDB gives Athena's answer.

    * COUNT_IF of nothing but nulls is 0 in Athena, null in DuckDB.
    * A whole number divided by a whole number is a whole number in Athena, cut off towards zero. DuckDB
      divides exactly. Where both sides are seen to be whole numbers (counts, literals, the tables' integer
      columns and sums of them), Athena's division is used.
    """
    for division in list(tree.find_all(exp.Div)):
        if _is_integer(division.this) and _is_integer(division.expression):
            division.replace(exp.IntDiv(this=division.this, expression=division.expression))
    for count in list(tree.find_all(exp.CountIf)):
        one = exp.Literal.number(1)
        count.replace(exp.Count(this=exp.Case(ifs=[exp.If(this=count.this, true=one)])))


def _is_integer(node: exp.Expr | None) -> bool:
    """Whether an expression is surely a whole number."""
    if isinstance(node, exp.Literal):
        return node.is_int
    if isinstance(node, exp.Column):
        return node.name.lower() in _INTEGER_COLUMNS
    if isinstance(node, exp.Cast):
        return node.to.this in exp.DataType.INTEGER_TYPES
    if isinstance(node, _KEEPS_TYPE):
        return _is_integer(node.this) and all(_is_integer(other) for other in node.expressions)
    if isinstance(node, _ARITHMETIC):
        return _is_integer(node.this) and _is_integer(node.expression)
    return isinstance(node, _COUNTS)
