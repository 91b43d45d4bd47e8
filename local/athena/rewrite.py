"""Replace what DuckDB would compute otherwise than Athena, from the leaves of a query to its root."""

from collections.abc import Callable, Mapping

from sqlglot import exp

from local.athena import arithmetic, arrays, documents, moments, texts
from local.athena.inference import Typer

RewriteRule = Callable[[exp.Expr, Typer], exp.Expr]

_RULES: Mapping[type[exp.Expr], RewriteRule] = {
    exp.Div: arithmetic.divide,
    exp.Mod: arithmetic.modulo,
    exp.Sum: arithmetic.aggregate,
    exp.Avg: arithmetic.aggregate,
    exp.Filter: arithmetic.aggregate,
    exp.Window: arithmetic.aggregate,
    exp.CountIf: arithmetic.count_if,
    exp.Round: arithmetic.rounded,
    exp.Sign: arithmetic.sign,
    exp.Cbrt: arithmetic.cube_root,
    **moments.RULES,
    **texts.RULES,
    **arrays.RULES,
    **documents.RULES,
}


def rewrite(tree: exp.Expr, typer: Typer) -> None:
    """Rewrite a query in place.

    Raises:
        SqlError: it needs something that the twin cannot compute as Athena does.
    """
    nodes = list(tree.walk(bfs=False))
    for node in nodes:  # of the query as it was written: what replaces a node has its type
        typer.of(node)
    for node in reversed(nodes):
        rule = _RULES.get(type(node))
        new = node if rule is None else rule(node, typer)
        if new is not node:
            typer.adopt(new, node)
            nodes.append(new)  # kept alive: types are known by identity
            node.replace(new)
