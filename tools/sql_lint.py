"""Check every file of sql/: `python -m tools.sql_lint`, part of `make lint`.

Each file begins with a comment that says what it answers, holds one statement that parses as Athena's
dialect, and, where it is a query, can be run by the twin. A quotient has a double on one side: Athena keeps
the scale of decimals and cuts off whole numbers. No view has a column of type varchar(0), which Athena
refuses: that is the type of ''. Generated files are as the generator writes them.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from sqlglot import exp

from local.athena import bridge as athena_bridge
from local.athena.errors import SqlError
from local.athena.inference import Typer
from local.athena.types import SqlType, is_float
from toolchain import commands
from toolchain.paths import ROOT
from tools import sql_render


def problems(folder: Path = sql_render.SQL) -> Iterator[str]:
    """Findings, one a line; none if everything is right."""
    files = sorted(folder.rglob("*.sql"))
    if not files:
        yield f"{folder}: there is no SQL file"
    views = {}
    try:
        views = athena_bridge.load_views(folder / "views")
    except SqlError as error:
        yield str(error)
    for path in files:
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(folder)
        if not text.startswith("-- "):
            yield f"{name}: begin with a comment that says what question it answers"
        yield from (f"{name}: {problem}" for problem in _statement_problems(text, views))


def _statement_problems(text: str, views: dict[str, exp.Query]) -> Iterator[str]:
    try:
        statement = athena_bridge.parse(text)
        if isinstance(statement, exp.Command):
            yield "this is not Athena SQL that can be checked"
            return
        query = statement.expression if isinstance(statement, exp.Create) else statement
        if isinstance(query, exp.Query):
            athena_bridge.translate(text if query is statement else query.sql("athena"), views)
            yield from _type_problems(query, views, is_view=query is not statement)
    except SqlError as error:
        yield str(error)


def _type_problems(query: exp.Query, views: dict[str, exp.Query], *, is_view: bool) -> Iterator[str]:
    """What Athena's types would make of the expressions that a query itself holds."""
    own = {division.sql("athena") for division in query.find_all(exp.Div)}
    query = athena_bridge.expand(query, views)
    typer = Typer(athena_bridge.lake_tables())
    for division in query.find_all(exp.Div):
        text = division.sql("athena")
        exact = is_float(typer.of(division.this)) or is_float(typer.of(division.expression))
        if text in own and not exact:
            yield f"{text}: make one side a double (100e0 *, or CAST(… AS double))"
    for name, kind in (typer.columns(query) or []) if is_view else []:
        if kind == _EMPTY:
            yield f"column {name} is an empty text of type varchar(0): CAST(… AS varchar)"


_EMPTY = SqlType("varchar", 0)


def outdated() -> Iterator[str]:
    """Generated files that do not match the schema."""
    for path, text in sql_render.rendered().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            yield f"{path.relative_to(ROOT)}: not as generated; run python -m tools.sql_render"


def main() -> int:
    """Print every problem; the exit code is 1 when there is one."""
    found = [*problems(), *outdated()]
    for problem in found:
        sys.stderr.write(problem + "\n")
    if not found:
        sys.stdout.write("Every SQL file parses as Athena SQL.\n")
    return 1 if found else 0


if __name__ == "__main__":
    commands.run(main)
