"""What SHOW, DESCRIBE and information_schema say of the tables and views; what EXPLAIN and DDL are told."""

import re
from collections.abc import Mapping

from sqlglot import exp

from batch.views import GOLD_VIEWS
from local.athena import engine
from local.athena.errors import SqlError
from local.athena.inference import Typer
from local.athena.relations import ColumnTypes, TableColumns
from local.athena.types import SqlType

_CATALOG = "awsdatacatalog"
_NAME = r"(?:`?\"?[\w]+`?\"?\.)?[`\"]?(?P<name>\w+)[`\"]?"
_SHOW = (
    (re.compile(r"SHOW\s+(?:DATABASES|SCHEMAS)\s*$", re.IGNORECASE), "databases"),
    (re.compile(r"SHOW\s+TABLES(?:\s+IN\s+[`\"]?\w+[`\"]?)?\s*$", re.IGNORECASE), "tables"),
    (re.compile(r"SHOW\s+VIEWS(?:\s+IN\s+[`\"]?\w+[`\"]?)?\s*$", re.IGNORECASE), "views"),
    (re.compile(rf"SHOW\s+COLUMNS\s+(?:IN|FROM)\s+{_NAME}\s*$", re.IGNORECASE), "columns"),
    (re.compile(rf"(?:DESCRIBE|DESC)\s+(?:FORMATTED\s+|EXTENDED\s+)?{_NAME}\s*$", re.IGNORECASE), "describe"),
)
_VIEW = re.compile(rf"CREATE\s+OR\s+REPLACE\s+VIEW\s+{_NAME}\s+AS\b", re.IGNORECASE)
_HIVE = {"varchar": "string", "integer": "int", "real": "float", "varbinary": "binary"}
_REFUSED = {
    "EXPLAIN": "EXPLAIN shows Athena's plan, and the local twin has another engine: ask it on AWS.",
    "PREPARE": "PREPARE works on AWS; on the local twin use CreatePreparedStatement, or EXECUTE IMMEDIATE.",
    "DEALLOCATE": "DEALLOCATE works on AWS; the local twin keeps no prepared statements of SQL.",
}
_NO_CTAS = " From awswrangler: pass ctas_approach=False."


def statement(
    sql: str, tables: TableColumns, views: Mapping[str, exp.Query], database: str
) -> engine.Answer | None:
    """The answer to a SHOW or DESCRIBE, and to CREATE OR REPLACE VIEW of a view of gold; None for a query.

    Raises:
        SqlError: the statement is one that the twin refuses, or names what is not there.
    """
    text = (
        re.sub(r"^(\s|--[^\n]*\n|/\*.*?\*/)*", "", sql, flags=re.DOTALL).rstrip().removesuffix(";").rstrip()
    )
    word = text.split(None, 1)[0].upper() if text else ""
    for pattern, kind in _SHOW:
        found = pattern.match(text)
        if found is not None:
            name = found.groupdict().get("name")
            return _shown(kind, name, tables, views, database)
    if word in {"SHOW", "DESCRIBE", "DESC"}:
        raise SqlError(
            f"{text.split('(')[0][:40]} works on AWS, but not on the local twin, which knows SHOW DATABASES, "
            "TABLES, VIEWS, COLUMNS IN and DESCRIBE."
        )
    named = _VIEW.match(text)
    if named is not None and named["name"].lower() in GOLD_VIEWS:
        return engine.table([], [])  # a job puts dates into the view; here they are read from the catalogue
    if word in _REFUSED:
        raise SqlError(_REFUSED[word])
    if word and not text.startswith(("(", "--")) and word not in {"SELECT", "WITH", "VALUES", "TABLE"}:
        raise SqlError(_refusal(word, text))
    return None


def _refusal(word: str, text: str) -> str:
    if re.match(r"CREATE\s+(OR\s+REPLACE\s+)?VIEW", text, re.IGNORECASE):
        return (
            "The views of the local twin are the files of sql/views: put the statement there, and it is live."
        )
    hint = _NO_CTAS if re.match(r"(CREATE\s+TABLE|UNLOAD)\b", text, re.IGNORECASE) else ""
    return (
        f"{word} works on AWS, but the local twin answers SELECT and WITH only. Its tables are those the "
        f"deployment creates; its views are the files of sql/views.{hint}"
    )


def _shown(
    kind: str, name: str | None, tables: TableColumns, views: Mapping[str, exp.Query], database: str
) -> engine.Answer:
    if kind == "databases":
        return engine.table(["database_name"], [[database]])
    if kind == "tables":
        return engine.table(["tab_name"], [[known] for known in sorted({*tables, *views})])
    if kind == "views":
        return engine.table(["views"], [[known] for known in sorted(views)])
    columns = columns_of(str(name), tables, views)
    if columns is None:
        raise SqlError(f"TABLE_NOT_FOUND: Table '{database}.{name}' does not exist")
    if kind == "columns":
        return engine.table(["field"], [[column] for column, _ in columns])
    rows = [[column, _hive(type_), ""] for column, type_ in columns]
    return engine.table(["col_name", "data_type", "comment"], rows)


def columns_of(name: str, tables: TableColumns, views: Mapping[str, exp.Query]) -> ColumnTypes | None:
    """Columns of a table or view; None where there is no such one."""
    name = name.lower()
    if name in tables:
        return list(tables[name].items())
    if name not in views:
        return None
    # Views of views are told apart by their names, as tables are.
    inner = {
        view: dict(columns_of(view, tables, views) or []) for view in _names(views[name]) if view in views
    }
    return Typer({**tables, **inner}).columns(views[name])


def _names(query: exp.Query) -> set[str]:
    return {table.name.lower() for table in query.find_all(exp.Table)}


def _hive(kind: SqlType | None) -> str:
    if kind is None:
        return "string"
    if kind.name == "array":
        return f"array<{_hive(kind.inner[0])}>"
    return _HIVE.get(kind.name, str(kind).replace(" ", ""))


def _trino(kind: SqlType | None) -> str:
    if kind is None:
        return "varchar"
    return "timestamp(3)" if kind.name == "timestamp" else str(kind).replace(", ", ",")


def expand_schema(
    tree: exp.Expr, tables: TableColumns, views: Mapping[str, exp.Query], database: str
) -> None:
    """Replace the tables of information_schema in a query, in place.

    Raises:
        SqlError: one that the twin does not have.
    """
    for table in list(tree.find_all(exp.Table)):
        if table.db.lower() != "information_schema":
            continue
        name = table.name.lower()
        if name not in _SCHEMA:
            raise SqlError(f"information_schema.{name}: the local twin has {', '.join(sorted(_SCHEMA))}.")
        rows = list(_rows(name, tables, views, database))
        cells = [exp.Tuple(expressions=[_cell(value) for value in row]) for row in rows]
        names = [exp.to_identifier(column) for column in _SCHEMA[name]]
        inner = exp.TableAlias(this=exp.to_identifier("t"), columns=names)
        query = exp.select(*_SCHEMA[name]).from_(exp.Values(expressions=cells, alias=inner))
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(name))
        table.replace(exp.Subquery(this=query, alias=alias.copy()))


_SCHEMA = {
    "schemata": ("catalog_name", "schema_name"),
    "tables": ("table_catalog", "table_schema", "table_name", "table_type"),
    "views": ("table_catalog", "table_schema", "table_name"),
    "columns": (
        "table_catalog", "table_schema", "table_name", "column_name", "ordinal_position", "is_nullable",
        "data_type",
    ),
}  # fmt: skip


def _rows(
    name: str, tables: TableColumns, views: Mapping[str, exp.Query], database: str
) -> "list[tuple[str | int, ...]]":
    known = [(table, "BASE TABLE") for table in sorted(tables)] + [(view, "VIEW") for view in sorted(views)]
    if name == "schemata":
        return [(_CATALOG, database)]
    if name == "tables":
        return [(_CATALOG, database, *entry) for entry in known]
    if name == "views":
        return [(_CATALOG, database, view) for view in sorted(views)]
    return [
        (_CATALOG, database, table, column, place, "YES", _trino(kind))
        for table, _ in known
        for place, (column, kind) in enumerate(columns_of(table, tables, views) or [], 1)
    ]


def _cell(value: str | int) -> exp.Expr:
    if isinstance(value, int):
        return exp.Cast(this=exp.Literal.number(value), to=exp.DataType.build("bigint"))
    return exp.Cast(this=exp.Literal.string(value), to=exp.DataType.build("varchar"))
