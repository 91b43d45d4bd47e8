"""What a query reads of each table: the columns, as Athena's planner leaves them over, and their bytes."""

import io
from collections import Counter, defaultdict
from collections.abc import Iterable

import pyarrow.parquet as pq
from sqlglot import exp
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

from local.athena import bridge


def columns_read(sql: str) -> dict[str, list[set[str]]]:
    """Columns of each time a table appears in a query, by table; views are expanded, partitions left out.

    A column that nothing above uses is not read: Parquet keeps columns apart.
    """
    tables = {
        name: {column: str(kind or "varchar") for column, kind in columns.items()}
        for name, columns in bridge.lake_tables().items()
    }
    query = _inlined(bridge.expand(bridge.parse(sql), bridge.load_views())).transform(_without_lambda)
    qualified = qualify(query, schema=tables, dialect="athena", validate_qualify_columns=False)
    qualified = pushdown_projections(qualified)
    found: dict[str, list[set[str]]] = defaultdict(list)
    for scope in traverse_scope(qualified):
        for alias, source in scope.sources.items():
            if isinstance(source, exp.Table) and source.name in tables:
                names = {column.name for column in scope.source_columns(alias)}
                found[source.name].append(names - {"date"})
    return dict(found)


def _inlined(query: exp.Query) -> exp.Query:
    """The query with each name of WITH replaced by what it stands for: Athena reads it for each use."""
    for names in list(query.find_all(exp.With)):
        parent = names.parent
        for cte in names.expressions:
            for table in list(parent.find_all(exp.Table)):
                if table.name == cte.alias and not table.db:
                    alias = exp.TableAlias(this=exp.to_identifier(table.alias_or_name))
                    table.replace(exp.Subquery(this=cte.this.copy(), alias=alias))
        names.pop()
    return query


def _without_lambda(node: exp.Expr) -> exp.Expr:
    """A function with a lambda stands for its array: the optimizer takes it for one that may return rows."""
    if isinstance(node, exp.Func) and any(isinstance(part, exp.Lambda) for part in node.iter_expressions()):
        array = node.expressions[0] if isinstance(node, exp.Anonymous) else node.this
        return exp.ArraySize(this=array)
    return node


def column_bytes(files: Iterable[bytes]) -> tuple[Counter, int]:
    """Compressed bytes of each column in Parquet files, and their rows."""
    sizes, rows = Counter(), 0
    for content in files:
        metadata = pq.ParquetFile(io.BytesIO(content)).metadata
        rows += metadata.num_rows
        for group in range(metadata.num_row_groups):
            for place in range(metadata.num_columns):
                column = metadata.row_group(group).column(place)
                sizes[column.path_in_schema.split(".")[0]] += column.total_compressed_size
    return sizes, rows
