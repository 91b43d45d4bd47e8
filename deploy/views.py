"""The views of sql/views, each after those it reads: Athena resolves names when a view is created."""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.scope import traverse_scope

from toolchain.errors import ToolError


def in_order(folder: Path) -> list[Path]:
    """The files of a folder, one CREATE VIEW each, in an order in which Athena accepts them.

    Raises:
        ToolError: a file does not parse or is no view, two create the same one, or views read each other.
    """
    files: dict[str, Path] = {}
    reads: dict[str, set[str]] = {}
    for path in sorted(folder.glob("*.sql")):
        name, sources = _view(path)
        if name in files:
            raise ToolError(f"{path.name} creates the view {name}, as {files[name].name} does.")
        files[name] = path
        reads[name] = sources
    return [files[name] for name in _sorted(reads)]


def _sorted(reads: Mapping[str, set[str]]) -> list[str]:
    graph = {name: {source for source in reads[name] if source in reads} for name in reads}
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = " -> ".join(error.args[1])
        raise ToolError(f"Views of sql/views read each other: {circle}.", "Break the circle.") from error


def _view(path: Path) -> tuple[str, set[str]]:
    """Name of the view a file creates, and of the relations it reads, names of WITH left out."""
    try:
        statement = sqlglot.parse_one(path.read_text(encoding="utf-8"), read="athena")
    except SqlglotError as error:
        raise ToolError(f"{path.name} does not parse: {error}") from error
    query = statement.expression if isinstance(statement, exp.Create) else None
    if not isinstance(statement, exp.Create) or statement.kind != "VIEW" or not isinstance(query, exp.Query):
        raise ToolError(f"{path.name}: expected one CREATE VIEW statement")
    sources = {
        table.name.lower()
        for scope in traverse_scope(query)
        for table in scope.sources.values()
        if isinstance(table, exp.Table)
    }
    return statement.this.name.lower(), sources
