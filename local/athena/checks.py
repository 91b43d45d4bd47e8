"""What Athena refuses and DuckDB would run: names that are not there, types that do not compare."""

from sqlglot import exp

from local.athena.errors import SqlError
from local.athena.inference import Typer
from local.athena.relations import relations
from local.athena.types import UNKNOWN, SqlType, is_number

_COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE)
_SIGNS = {exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">="}


def check(tree: exp.Expr, typer: Typer) -> None:
    """Refuse a query that Athena refuses for its types or names, in its words.

    Raises:
        SqlError: Athena's error.
    """
    for name, kind in typer.columns(tree) or []:
        if kind is not None and kind.name == "interval year to month":
            raise SqlError(f"{name}: the local twin has no interval of years and months as a result.")
    for node in tree.walk():
        if isinstance(node, _COMPARISONS):
            _comparable(_SIGNS[type(node)], typer.of(node.this), typer.of(node.expression))
        elif isinstance(node, exp.Between):
            _comparable("BETWEEN", typer.of(node.this), typer.of(node.args["low"]))
        elif isinstance(node, exp.Column) and not node.table and not isinstance(node.this, exp.Star):
            _bound(node, typer)


def _comparable(sign: str, left: SqlType | None, right: SqlType | None) -> None:
    if left is None or right is None or UNKNOWN in (left, right):
        return
    if _family(left) != _family(right):
        raise SqlError(f"TYPE_MISMATCH: Cannot apply operator: {left} {sign} {right}")


def _family(kind: SqlType) -> str:
    if is_number(kind):
        return "number"
    if kind.name in {"varchar", "char"}:
        return "text"
    return "moment" if kind.name in {"date", "timestamp", "timestamp with time zone"} else kind.name


def _bound(column: exp.Column, typer: Typer) -> None:
    """A name of the result (SELECT … AS x) is known in ORDER BY alone; DuckDB knows it everywhere."""
    select = column.find_ancestor(exp.Select)
    if select is None or column.find_ancestor(exp.Order, exp.Lambda) is not None:
        return
    aliases = {part.alias.lower() for part in select.expressions if isinstance(part, exp.Alias)}
    if column.name.lower() not in aliases:
        return
    name = column.name.lower()
    for _, relation in relations(select):
        columns = typer.columns_of(relation)
        if columns is None or any(name == known.lower() for known, _ in columns):
            return
    if select.find_ancestor(exp.Select) is None:
        raise SqlError(f"COLUMN_NOT_FOUND: Column '{column.name}' cannot be resolved")
