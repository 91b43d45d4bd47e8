"""Check every file of sql/: `python -m tools.sql_lint`, part of `make lint`.

Each file begins with a comment that says what it answers, holds one statement that parses as Athena's
dialect, and, where it is a query, can be run by the twin. Generated files are as the generator writes them.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from sqlglot import exp

from local.athena import bridge as athena_bridge
from local.athena.bridge import SqlError
from toolchain.paths import ROOT
from tools import sql_render


def problems(folder: Path = sql_render.SQL) -> Iterator[str]:
    """What is wrong, a line each; nothing when all is well."""
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
        elif isinstance(statement, exp.Query):
            athena_bridge.translate(text, views)
    except SqlError as error:
        yield str(error)


def outdated() -> Iterator[str]:
    """Generated files that differ from what the schema says."""
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
    sys.exit(main())
