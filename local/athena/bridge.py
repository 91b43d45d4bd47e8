"""Athena SQL for the twin: translate to the emulator's engine (DuckDB), and know the views of sql/views.

Queries are written in Athena's dialect everywhere; only the emulator differs. So the translation happens in
the emulator's process (`adaptations/athena.py`), and every client of the twin (boto3, awswrangler, the
dashboard, the AWS command line) sends the SQL it would send to AWS.

What Athena accepts and the twin cannot run is refused by name, with what to use instead; nothing is guessed.
Every expression gets the type that Athena gives it (`inference.py`); what DuckDB would compute otherwise is
replaced (`rewrite.py`). What Athena refuses may still run here: `checks.py` knows some of it.
"""

import logging
from collections.abc import Mapping
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError, TokenError, UnsupportedError
from sqlglot.tokenizer_core import TokenType

from batch.views import GoldDates, with_dates
from local.athena import catalogue, types
from local.athena.checks import check
from local.athena.errors import SqlError
from local.athena.inference import Typer
from local.athena.relations import TableColumns, bound, is_named
from local.athena.rewrite import rewrite
from petrostream.aws.athena import DATABASE
from petrostream.schema import TABLES, schema
from toolchain.paths import VIEWS

# It warns of statements it knows by name only; they are refused here in plain words.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

CATALOG = "awsdatacatalog"

_DEEPEST_VIEW = 10


@cache
def lake_tables() -> TableColumns:
    """Columns and types of the lake's tables, partitions last."""
    return {name: _columns_of(name) for name in TABLES}


def _columns_of(name: str) -> dict[str, types.SqlType | None]:
    fields = (*schema(name).fields, *schema(name).partitions)
    return {field.name: types.of_text(field.type) for field in fields}


def load_views(folder: Path = VIEWS, dates: GoldDates | None = None) -> dict[str, exp.Query]:
    """The views of a folder by name: each file holds one CREATE VIEW statement.

    Args:
        folder: where the files are.
        dates: dates that the views read from gold; none when left out.

    Raises:
        SqlError: a file holds something else; names it.
    """
    paths = sorted(folder.glob("*.sql"))
    return dict(_view(path.name, with_dates(path.read_text(encoding="utf-8"), dates or {})) for path in paths)


@lru_cache(maxsize=256)
def _view(file: str, text: str) -> tuple[str, exp.Query]:
    """Name and query of the view that a file creates."""
    statement = parse(text, where=f"{file}: ")
    query = statement.expression if isinstance(statement, exp.Create) else None
    if not isinstance(statement, exp.Create) or statement.kind != "VIEW" or not isinstance(query, exp.Query):
        raise SqlError(f"{file}: expected one CREATE VIEW statement")
    return str(statement.this.name).lower(), _without_empty_sides(query)


def _without_empty_sides(query: exp.Query) -> exp.Query:
    """A view without the side of its UNION that has no dates: its table need not be read at all."""
    if isinstance(query, exp.Union) and isinstance(query.this, exp.Select):
        where = query.this.args.get("where")
        conditions = [] if where is None else list(where.this.flatten())
        if any(isinstance(one, exp.Boolean) and not one.this for one in [where and where.this, *conditions]):
            right: exp.Query = query.expression
            return right
    return query


def translate(
    sql: str,
    views: Mapping[str, exp.Query],
    database: str = DATABASE,
    current: str | None = None,
    tables: TableColumns | None = None,
) -> str:
    """One Athena query as DuckDB runs it, with every view replaced by its query.

    Args:
        sql: the query; a closing semicolon is allowed.
        views: see `load_views`.
        database: the Glue database the views are in.
        current: the database of names without one; `database` when left out.
        tables: columns of the database's tables; those of the lake when left out.

    Raises:
        SqlError: the SQL does not parse, is not a query, or uses what the twin cannot run.
    """
    known = lake_tables() if tables is None else tables
    if catalogue.statement(sql, known, views, database) is not None:
        raise SqlError("this statement is answered from the catalogue, not by a query")
    statement = parse(sql)
    if isinstance(statement, exp.Values):
        statement = exp.select("*").from_(exp.Subquery(this=statement))
    if not isinstance(statement, exp.Query):
        raise SqlError(
            f"{statement.key.upper()} works on AWS, but the local twin answers SELECT and WITH only."
        )
    tree = expand(statement, views, database, current)
    catalogue.expand_schema(tree, known, views, database)
    _shorten_names(tree, database)
    _join_commas(tree)
    typer = Typer(known)
    check(tree, typer)
    _name_columns(tree, typer)
    rewrite(tree, typer)
    try:
        return tree.sql("duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE)
    except UnsupportedError as error:
        raise SqlError(f"The local twin cannot run this query: {error}") from error


def expand(
    query: exp.Query, views: Mapping[str, exp.Query], database: str = DATABASE, current: str | None = None
) -> exp.Query:
    """A copy of a query in which each view is replaced by its query.

    Raises:
        SqlError: the views are nested too deep.
    """
    return _expand(query.copy(), views, database, current or database, depth=0)


def parse(sql: str, where: str = "") -> exp.Expr:
    """The one statement of a text in Athena's dialect.

    Raises:
        SqlError: it does not parse, or is none or several.
    """
    try:
        statements = [one for one in sqlglot.parse(_with_decimals(sql), read="athena") if one is not None]
    except TokenError as error:
        raise SqlError(f"{where}a quotation or comment does not end: {error}") from error
    except SqlglotError as error:
        raise SqlError(where + _located(error)) from error
    if len(statements) != 1:
        count = f"{len(statements)} statements" if statements else "no statement"
        raise SqlError(f"{where}expected one SQL statement, found {count}")
    return statements[0]


def _with_decimals(sql: str) -> str:
    """`DECIMAL '1.50'` as a cast that keeps its digits; the parser would take it for a `decimal(38, 0)`."""
    tokens = sqlglot.tokenize(sql, read="athena")
    for word, text in reversed(list(pairwise(tokens))):
        if word.token_type == TokenType.DECIMAL and text.token_type == TokenType.STRING:
            whole, _, fraction = text.text.strip().lstrip("+-").partition(".")
            digits = max(1, len(whole) + len(fraction))
            cast = f"CAST('{text.text.strip()}' AS DECIMAL({digits}, {len(fraction)}))"
            sql = sql[: word.start] + cast + sql[text.end + 1 :]
    return sql


def _located(error: SqlglotError) -> str:
    """A parser's error as Athena words one: `line 1:8: …`."""
    details = getattr(error, "errors", None)
    if not details:
        return str(error)
    first = details[0]
    description = str(first["description"]).partition(" but got <Token")[0]
    found = first.get("highlight")
    return f"line {first['line']}:{first['col']}: {description.rstrip('.')}" + (
        f", found {found!r}" if found else ""
    )


def _expand(
    tree: exp.Query, views: Mapping[str, exp.Query], database: str, current: str, depth: int
) -> exp.Query:
    """Replace each view in the query by a subquery of the view's name or alias, in place."""
    if depth > _DEEPEST_VIEW:
        raise SqlError(
            f"The views of sql/views are nested more than {_DEEPEST_VIEW} deep: is one part of itself?"
        )
    for table in list(tree.find_all(exp.Table)):
        if _is_cte(table):
            continue
        name = table.name.lower()
        if name not in views or not _in_database(table, database, current):
            if depth and not table.db:
                table.set("db", exp.to_identifier(database))
            continue
        body = _expand(views[name].copy(), views, database, database, depth + 1)
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name, quoted=True))
        subquery = exp.Subquery(this=body, alias=alias.copy())
        for part in ("joins", "sample"):
            subquery.set(part, table.args.get(part))
        table.replace(subquery)
    return tree


def _in_database(table: exp.Table, database: str, current: str) -> bool:
    return (table.db or current).lower() == database.lower() and table.catalog.lower() in {"", CATALOG}


def _is_cte(table: exp.Table) -> bool:
    """Whether the name is bound by a WITH around it: such a name hides a table or view."""
    return not table.db and bound(table) is not None


def _shorten_names(tree: exp.Query, database: str) -> None:
    """Drop catalogue names, and the database from columns: `petrostream.well_data.ts` is `well_data.ts`."""
    for table in tree.find_all(exp.Table):
        if table.catalog.lower() == CATALOG:
            table.set("catalog", None)
    for column in tree.find_all(exp.Column):
        if column.catalog.lower() == CATALOG:
            column.set("catalog", None)
        if column.db.lower() == database.lower():
            column.set("db", None)


def _join_commas(tree: exp.Query) -> None:
    """Write `FROM a, b` as `a CROSS JOIN b`: the emulator finds a table after FROM or JOIN only."""
    for join in tree.find_all(exp.Join):
        plain = not any(join.args.get(part) for part in ("kind", "side", "method", "on", "using"))
        if plain and isinstance(join.this, exp.Table):
            join.set("kind", "CROSS")


def _name_columns(tree: exp.Query, typer: Typer) -> None:
    """Name the columns of the result that have no name: `_col0`, `_col1` and so on."""
    query: exp.Expr = tree
    while isinstance(query, exp.SetOperation | exp.Subquery):
        query = query.this
    columns = typer.columns(query)
    if not isinstance(query, exp.Select) or columns is None:
        return
    stars = [part for part in query.expressions if part.is_star]
    if len(stars) > 1:
        return
    after = 0 if not stars else len(columns) - len(query.expressions)
    for place, part in enumerate(list(query.expressions)):
        shift = after if stars and place > query.expressions.index(stars[0]) else 0
        if not part.is_star and not is_named(part):
            part.replace(exp.alias_(part.copy(), f"_col{place + shift}", quoted=True))
