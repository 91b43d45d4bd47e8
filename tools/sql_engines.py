"""What each engine answers to the statements of the tests, as docs/adr/0011-statements.md has it.

`python -m tools.sql_engines > docs/adr/0011-statements.md`. The engines: DuckDB given the statement as it
stands; DuckDB given sqlglot's translation alone; sqlglot's executor; the twin (`local/athena`). What Athena
returns is in the statements' file, by Trino's documentation.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import duckdb
import sqlglot
from sqlglot.errors import SqlglotError
from sqlglot.executor import execute

from local.athena import bridge, catalogue, engine, parameters
from local.athena.errors import SqlError
from petrostream.aws.athena import DATABASE
from toolchain.paths import ROOT

FILE = ROOT / "tests" / "unit" / "local" / "athena" / "statements.jsonl"

GoldenStatement = Mapping[str, Any]
QueryRows = list[list[str | None]]


def statements() -> list[GoldenStatement]:
    """Each with its SQL, the page of Athena's or Trino's documentation that it follows, and what it returns.

    `rows` are Athena's texts. `fails` says that Athena fails it; `refused` that the twin does, by name.
    """
    return [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]


def twin(sql: str) -> engine.Answer:
    """What the twin answers to a statement that reads no stored row.

    Raises:
        SqlError: it refuses it.
        duckdb.Error: it fails it.
    """
    views, tables = bridge.load_views(), bridge.lake_tables()
    sql = parameters.executed(sql, lambda _: None)
    found = catalogue.statement(sql, tables, views, DATABASE)
    return found or _on_duckdb(bridge.translate(sql, views))


def _on_duckdb(sql: str) -> engine.Answer:
    with engine.connect() as connection:
        return engine.run(connection, sql)


def _translated(sql: str) -> engine.Answer:
    return _on_duckdb(sqlglot.transpile(sql, read="athena", write="duckdb")[0])


def _executed(sql: str) -> engine.Answer:
    table = execute(sql, dialect="athena")
    rows = [[engine.text_of(value) for value in row] for row in table.rows]
    return engine.Answer(list(table.columns), [], rows)


ENGINES: Mapping[str, Callable[[str], engine.Answer]] = {
    "DuckDB": _on_duckdb,
    "sqlglot → DuckDB": _translated,
    "sqlglot's executor": _executed,
    "the twin": twin,
}


def verdict(entry: GoldenStatement, answer: Callable[[str], engine.Answer]) -> str:
    """`right`, `refused` (it says that it cannot), or `wrong` with what came out."""
    try:
        rows = answer(str(entry["sql"])).rows
    except (SqlError, SqlglotError, duckdb.Error) as error:
        return _failed(entry, error)
    except Exception as error:
        return f"{type(error).__name__}"
    if "fails" not in entry and rows == entry["rows"]:
        return "right"
    return f"**wrong**: `{_short(rows)}`"


def _failed(entry: GoldenStatement, error: Exception) -> str:
    if "fails" in entry:
        return "right"
    return "refused" if isinstance(error, SqlError) else "error"


def _short(rows: QueryRows) -> str:
    text = "; ".join(", ".join("NULL" if value is None else value for value in row) for row in rows)
    return (text if len(text) <= 60 else text[:57] + "…").replace("|", "\\|").replace("`", "'")


_INTRODUCTION = """Written by `python -m tools.sql_engines`; [ADR 11](0011-athena-on-duckdb.md) is the decision.
Expected answers follow the page of [Trino's documentation](https://trino.io/docs/current/) or Athena's that is named.
*right*: the same rows, or an error where Athena has one. *refused*: says that it cannot, and why. *error*: fails
with words of its own. **wrong**: answers something else.
"""  # noqa: E501


def lines() -> Iterator[str]:
    """The page, a line each."""
    found = [(entry, [verdict(entry, answer) for answer in ENGINES.values()]) for entry in statements()]
    yield f"# {len(found)} statements, and what each engine answers\n"
    yield _INTRODUCTION
    yield "| | right | refused | error | wrong |\n|---|---|---|---|---|"
    for place, name in enumerate(ENGINES):
        counts = Counter(_kind(verdicts[place]) for _, verdicts in found)
        yield f"| {name} | {counts['right']} | {counts['refused']} | {counts['error']} | {counts['wrong']} |"
    yield "\n| statement | Athena | page | " + " | ".join(ENGINES) + " |"
    yield "|" + "---|" * (3 + len(ENGINES))
    for entry, verdicts in found:
        expected = (
            "fails" if "fails" in entry else f"`{_short(entry['rows'])}`" if entry["rows"] else "runs it"
        )
        sql = str(entry["sql"]).replace("|", "\\|")
        yield f"| `{sql}` | {expected} | {entry['page']} | " + " | ".join(verdicts) + " |"


def _kind(text: str) -> str:
    known = text if text in {"right", "refused"} else "error"
    return "wrong" if text.startswith("**wrong") else known


def main() -> None:
    """Print the page."""
    for line in lines():
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
