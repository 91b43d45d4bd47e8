"""`python -m local sql`: run Athena SQL on the twin, or on AWS, and print a table or CSV."""

import csv
import json
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TextIO

from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from local import lifecycle
from petrostream.aws import athena
from petrostream.errors import PetroStreamError
from petrostream.names import shown, without_formula
from toolchain.errors import ToolError, UsageError
from toolchain.twin import point_at_twin, twin

_UNSEEN_WIDTH = 200


def console_of(stream: TextIO) -> Console:
    """A console that does not wrap output to a file or pipe at 80 columns."""
    return Console(file=stream, width=None if stream.isatty() else _UNSEEN_WIDTH, highlight=False)


def query(sql: str, *, max_rows: int | None = None) -> athena.QueryResult:
    """Run SQL on the twin.

    Raises:
        ToolError: the twin is down, or the query fails.
    """
    target = twin()
    if not lifecycle.is_running(target):
        raise ToolError(f"The twin is not running on port {target.port}.", "Start it with ./project_up.sh")
    point_at_twin(target=target)
    return _run(sql, max_rows)


def query_aws(sql: str, *, max_rows: int | None = None) -> athena.QueryResult:
    """Run SQL on AWS, with the credentials and region of the environment.

    Raises:
        ToolError: Athena refuses the query, or it fails.
    """
    if os.environ.get("AWS_ENDPOINT_URL"):
        raise ToolError("AWS_ENDPOINT_URL is set: this would not reach AWS.", "Unset it, or leave out --aws.")
    return _run(sql, max_rows)


def _run(sql: str, max_rows: int | None) -> athena.QueryResult:
    try:
        return athena.run_sql(sql, max_rows=max_rows)
    except athena.QueryFailed as error:
        raise ToolError(f"The SQL failed: {error}") from error
    except PetroStreamError as error:
        raise ToolError(str(error)) from error


def read(sql: str | None, file: Path | None) -> str:
    """The statement from the command line, from a file, or from standard input (`-`).

    Raises:
        ToolError: there is no statement, there are two, or the file cannot be read.
    """
    if (sql is None) == (file is None):
        raise UsageError("Give one query: as text, or with --file.", 'For example: make sql Q="SELECT …"')
    try:
        text = sys.stdin.read() if sql == "-" else sql or Path(str(file)).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ToolError(f"The query could not be read: {error}") from error
    if not text.strip():
        raise UsageError("The query is empty.", 'For example: make sql Q="SELECT * FROM well_data LIMIT 5"')
    return text


def write_csv(result: athena.QueryResult, target: TextIO, *, escape_formulas: bool = True) -> None:
    """Write the rows as CSV with a header; NULL is an empty field.

    On a terminal, control characters are escaped; a file or pipe gets the data as it is.

    Args:
        result: the rows.
        target: where to write.
        escape_formulas: put an apostrophe before text that a spreadsheet would run as a formula (OWASP, "CSV
            Injection"). Numbers stay numbers, also those in a column of text.
    """

    def field(value: object) -> object:
        plain = _plain(value)
        if not isinstance(plain, str):
            return plain
        if escape_formulas:
            plain = without_formula(plain)
        return shown(plain) if target.isatty() else plain

    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(map(field, result.columns))
    writer.writerows(map(field, row) for row in result.rows)


def print_table(result: athena.QueryResult, console: Console) -> None:
    """Print the rows as a table; if it is too wide for the screen, as one record below another."""
    cells = [[_cell(value) for value in row] for row in result.rows]
    if _natural_width(result.columns, cells) <= console.width or not cells:
        table = Table()
        for name, kind in zip(result.columns, result.types, strict=True):
            justify: JustifyMethod = "right" if kind in _NUMBERS else "left"
            table.add_column(Text(shown(name)), justify=justify, overflow="fold")
        for row in cells:
            table.add_row(*row)
        console.print(table)
    else:
        for number, row in enumerate(cells, start=1):
            console.rule(f"row {number}", align="left")
            grid = Table.grid(padding=(0, 2))
            for name, cell in zip(result.columns, row, strict=True):
                grid.add_row(Text(shown(name), style="bold"), cell)
            console.print(grid)
    count = f"{len(result.rows):,} row" + ("" if len(result.rows) == 1 else "s")
    console.print(count + ("; there are more, raise --limit" if result.truncated else ""), style="dim")


def _natural_width(columns: Sequence[str], cells: Sequence[Sequence[Text]]) -> int:
    """Characters the table needs: each column's widest cell, its padding, and the borders."""
    widths = [
        max([len(name), *(row[index].cell_len for row in cells)]) + 3 for index, name in enumerate(columns)
    ]
    return sum(widths) + 1


_NUMBERS = frozenset(
    ("tinyint", "smallint", "integer", "int", "bigint", "float", "real", "double", "decimal")
)


def _cell(value: object) -> Text:
    """A value for people; text of the data is never read as markup, nor by the terminal."""
    if value is None:
        return Text("null", style="dim")
    return Text(f"{value:.10g}" if isinstance(value, float) else shown(str(_plain(value))))


def _plain(value: object) -> object:
    """A value as Athena spells it; NULL is empty, bytes are hexadecimal."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat(" ", "milliseconds")
    if isinstance(value, bytes):
        return value.hex(" ")
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else value
