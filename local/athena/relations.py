"""Which columns a query has, and of which type: names resolved through joins, subqueries, WITH and UNNEST."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from local.athena.types import BIGINT, SqlType, common

ColumnTypes = list[tuple[str, SqlType | None]]
TypeOf = Callable[[exp.Expr], SqlType | None]
TableColumns = Mapping[str, Mapping[str, SqlType | None]]


@dataclass(frozen=True, slots=True)
class Resolver:
    """Columns of the queries of one statement whose views are already expanded.

    Attributes:
        tables: the catalogue's tables by name, each with its columns in order.
        type_of: the type of an expression; see `inference.Typer`.
        known: columns of queries already looked at, by identity.
    """

    tables: TableColumns
    type_of: TypeOf
    known: dict[int, ColumnTypes | None]

    def columns(self, query: exp.Expr | None) -> ColumnTypes | None:
        """Names and types of the columns a query returns, in order; None where they are not known."""
        if query is None:
            return None
        if id(query) not in self.known:
            self.known[id(query)] = None  # a recursive WITH looks at itself: not known
            self.known[id(query)] = self._columns(query)
        return self.known[id(query)]

    def _columns(self, query: exp.Expr) -> ColumnTypes | None:
        if isinstance(query, exp.Subquery):
            return self.columns(query.this)
        if isinstance(query, exp.SetOperation):
            left, right = self.columns(query.this), self.columns(query.expression)
            if left is None or right is None or len(left) != len(right):
                return left
            return [(name, common((kind, right[place][1]))) for place, (name, kind) in enumerate(left)]
        if isinstance(query, exp.Values):
            rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in query.expressions]
            return [
                (f"_col{place}", common(self.type_of(cell) for cell in cells))
                for place, cells in enumerate(zip(*rows, strict=False))
            ]
        return self._selected(query) if isinstance(query, exp.Select) else None

    def _selected(self, query: exp.Select) -> ColumnTypes | None:
        found: ColumnTypes = []
        for projection in query.expressions:
            if projection.is_star:
                starred = self._star(query, projection)
                if starred is None:
                    return None
                found.extend(starred)
            else:
                name = projection.alias_or_name if is_named(projection) else f"_col{len(found)}"
                found.append((name, self.type_of(projection)))
        return found

    def _star(self, query: exp.Select, projection: exp.Expr) -> ColumnTypes | None:
        wanted = projection.table.lower() if isinstance(projection, exp.Column) else ""
        found: ColumnTypes = []
        for name, relation in relations(query):
            if wanted and name.lower() != wanted:
                continue
            columns = self.of_relation(relation)
            if columns is None:
                return None
            found.extend(columns)
        return found

    def column(self, column: exp.Column) -> SqlType | None:
        """Type of a column; None where its relation is not known."""
        table, name = column.table.lower(), column.name.lower()
        node: exp.Expr | None = column
        while node is not None:
            node = node.parent
            if not isinstance(node, exp.Select):
                continue
            for alias, relation in relations(node):
                if table and alias.lower() != table:
                    continue
                found = {key.lower(): kind for key, kind in self.of_relation(relation) or []}
                if name in found:
                    return found[name]
            for projection in node.expressions:  # ORDER BY names columns of the result
                if not table and isinstance(projection, exp.Alias) and projection.alias.lower() == name:
                    return None if _inside(column, projection) else self.type_of(projection.this)
        return None

    def of_relation(self, relation: exp.Expr) -> ColumnTypes | None:
        """Columns of one relation of FROM or JOIN, under its own names for them."""
        if isinstance(relation, exp.Unnest):
            columns = self._unnested(relation)
        elif isinstance(relation, exp.Lateral):
            columns = None
        elif isinstance(relation, exp.Table):
            columns = self._of_table(relation)
        else:
            columns = self.columns(relation)
        alias = relation.args.get("alias")
        names = [identifier.name for identifier in alias.columns] if isinstance(alias, exp.TableAlias) else []
        if not names or columns is None:
            return columns
        return [(name, kind) for name, (_, kind) in zip(names, columns, strict=False)]

    def _of_table(self, table: exp.Table) -> ColumnTypes | None:
        cte = None if table.db else bound(table)
        if cte is not None:
            columns = self.columns(cte.this)
            names = [identifier.name for identifier in cte.args["alias"].columns]
            if names and columns:
                return [(name, kind) for name, (_, kind) in zip(names, columns, strict=False)]
            return columns
        known = self.tables.get(table.name.lower())
        return None if known is None else list(known.items())

    def _unnested(self, unnest: exp.Unnest) -> ColumnTypes | None:
        found: ColumnTypes = []
        for array in unnest.expressions:
            kind = self.type_of(array)
            parts = kind.inner if kind is not None and kind.name in {"array", "map"} else (None,)
            if parts and parts[0] is not None and parts[0].name == "row":
                return None
            found.extend(("", part) for part in parts)
        if unnest.args.get("offset"):
            found.append(("ordinality", BIGINT))
        return found


def relations(query: exp.Select) -> Iterator[tuple[str, exp.Expr]]:
    """The relations of FROM and JOIN, each with the name that columns may have before the dot."""
    start = query.args.get("from_") or query.args.get("from")
    first = [start.this] if start is not None else []
    joins = [join.this for join in query.args.get("joins") or []]
    for relation in (*first, *joins, *(query.args.get("laterals") or [])):
        yield relation.alias_or_name, relation
        for join in relation.args.get("joins") or []:
            yield join.this.alias_or_name, join.this


def bound(table: exp.Table) -> exp.CTE | None:
    """The entry of a WITH around a name that binds it; such a name hides a table or view."""
    inside: exp.Expr = table
    parent = table.parent
    while parent is not None:
        scope = parent.args.get("with_") or parent.args.get("with")
        if isinstance(parent, exp.With):
            # The body of an entry sees the entries before it, not itself.
            entries = parent.expressions[: parent.expressions.index(inside)]
        else:
            entries = scope.expressions if scope is not None and scope is not inside else []
        for cte in entries:
            if cte.alias.lower() == table.name.lower():
                return cte  # type: ignore[no-any-return]
        inside, parent = parent, parent.parent
    return None


def is_named(projection: exp.Expr) -> bool:
    """Whether a column of a result has a name: an alias, or that of the column it is."""
    return isinstance(projection, exp.Alias | exp.Column | exp.Dot) and bool(projection.alias_or_name)


def _inside(node: exp.Expr, ancestor: exp.Expr) -> bool:
    parent = node.parent
    while parent is not None:
        if parent is ancestor:
            return True
        parent = parent.parent
    return False
