"""A catalogue that takes CREATE VIEW as Athena does: every relation a view reads must be there by then."""

from collections.abc import Iterable
from typing import Any

import sqlglot
from sqlglot import exp


class CatalogueAthena:
    """An Athena client over a set of relations; a statement it refuses is a failed query.

    Attributes:
        views: names of the views created, in order.
        texts: the statement that created each.
    """

    def __init__(self, tables: Iterable[str]) -> None:
        self._relations = set(tables)
        self.views: list[str] = []
        self.texts: dict[str, str] = {}
        self._failures: dict[str, str] = {}

    def start_query_execution(self, QueryString: str, **_: Any) -> dict[str, str]:  # noqa: N803
        query_id = f"q{len(self.views) + len(self._failures)}"
        statement = sqlglot.parse_one(QueryString, read="athena")
        assert isinstance(statement, exp.Create)
        assert statement.kind == "VIEW"
        missing = self._missing(statement.expression)
        if missing:
            self._failures[query_id] = f"TABLE_NOT_FOUND: line 1:1: Table '{missing}' does not exist"
        else:
            self.views.append(statement.this.name)
            self.texts[statement.this.name] = QueryString
            self._relations.add(statement.this.name)
        return {"QueryExecutionId": query_id}

    def _missing(self, query: exp.Expr) -> str | None:
        ctes = {cte.alias for cte in query.find_all(exp.CTE)}
        names = {table.name for table in query.find_all(exp.Table)} - ctes
        return min(names - self._relations, default=None)

    def get_query_execution(self, QueryExecutionId: str) -> dict[str, Any]:  # noqa: N803
        reason = self._failures.get(QueryExecutionId)
        state = "FAILED" if reason else "SUCCEEDED"
        return {
            "QueryExecution": {
                "Status": {"State": state, "StateChangeReason": reason or ""},
                "StatementType": "DDL",
            }
        }

    def get_query_results(self, **_: Any) -> dict[str, Any]:
        return {"ResultSet": {"Rows": [], "ResultSetMetadata": {"ColumnInfo": []}}}
