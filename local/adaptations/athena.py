"""Athena: tables and values as the catalogue and the service define them.

Why: the emulator guesses the columns of a JSON table from its content, so a text that looks like a time
becomes one, and a column that happens to be null in every line does not exist. Here a JSON table has the
columns of its Glue definition. An empty table keeps its array columns. A table may stand on the right of a
join: the emulator gives the type of its partition key as a name, which DuckDB there takes for a column.
Values come back as Athena writes them: `true`, `[a, b]`, `2026-11-20 09:00:00.000`, where the emulator uses
Python's spelling. The result file lies where GetQueryExecution says, which is where awswrangler looks for
it. The emulator hands SQL to DuckDB as it is and has no views: `local/athena/bridge.py` translates it and
expands them. Its own parser acts on CREATE TABLE and DROP TABLE before any query runs: here no statement
changes the catalogue. And it ignores the values for `?`: here they are put in their places. It reads every
file below a table's location: of a table with registered partitions, here it reads those that the catalogue
names, and views read the dates from gold that are registered (batch/views.py).
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

from local.adaptations import guard
from local.adaptations.registered import CatalogueFiles, GlueTable, is_registered, registered_dates
from local.athena import bridge, catalogue, engine, parameters, types
from local.athena.errors import SqlError
from petrostream.aws.athena import DATABASE

_KNOWN = {
    "_table_relation": "a1a2686723d2ddff",
    "_empty_relation": "9b6b848915d99854",
    "_run_duckdb": "734c2e91cdac17e0",
    "_data_format": "bc4df505c286ca5e",
    "_path_partition_keys": "6550b4f0b81372b5",
    "_hive_options": "a174ecd8a3fd81dd",
    "_save_query_results": "4ff2ac770a744f4b",
    "_start_query_execution": "405753f7beaf6c7c",
    "_execute_query": "0c4e4ef194947b64",
    "_parse_ddl": "28404b7ed0da4aca",
    "_rewrite_data_paths": "1437b9af110a4d56",
    "_materialize_table_files": "e4f134f666f9c516",
}

# A quarantined line may hold 256 KiB of raw payload; this is DuckDB's own default, stated.
_MAX_OBJECT_BYTES = 16 * 1024 * 1024


def install() -> None:
    """Put the adaptations in place.

    Raises:
        IncompatibleEmulatorError: the emulator's Athena is not the known one.
    """
    # The emulator reads its variables when it is imported.
    from ministack.services import athena, firehose  # noqa: PLC0415

    guard.check(athena, _KNOWN)
    duck_type: Callable[[str], str] = firehose._hive_to_duckdb_type
    found = CatalogueFiles()
    guard.replace(athena, "_materialize_table_files", found.materialize())
    guard.replace(athena, "_table_relation", _relation(athena, duck_type, found))
    guard.replace(athena, "_hive_options", lambda partitions: hive_options(partitions, duck_type))
    guard.replace(athena, "_empty_relation", lambda table: empty_relation(table, duck_type))
    guard.replace(athena, "_run_duckdb", _athena_query(athena))
    guard.replace(athena, "_parse_ddl", lambda _: None)
    guard.replace(athena, "_start_query_execution", _with_parameters(athena))
    guard.replace(athena, "_save_query_results", _result_at_its_place(athena))


def _relation(
    athena: ModuleType, duck_type: Callable[[str], str], found: CatalogueFiles
) -> Callable[[GlueTable, Sequence[str]], str]:
    def table_relation(table: GlueTable, files: Sequence[str]) -> str:
        columns = (table.get("StorageDescriptor") or {}).get("Columns") or []
        if is_registered(table):
            copies = found.copy(table)
            options = hive_options(table["PartitionKeys"], duck_type)
            return (
                _of_these_columns(table, athena._sql_list(copies), options)
                if copies
                else empty_relation(table, duck_type)
            )
        if athena._data_format(table) != "json" or not columns:
            other: str = table_relation.original(table, files)  # type: ignore[attr-defined]
            return other
        partitions = athena._path_partition_keys(table, files)
        types = ", ".join(f"{_text(c['Name'])}: {_text(duck_type(c.get('Type', 'string')))}" for c in columns)
        options = f"format = 'newline_delimited', maximum_object_size = {_MAX_OBJECT_BYTES}"
        return (
            f"read_json({athena._sql_list(files)}, {options}, columns = {{{types}}}, "
            f"{athena._hive_options(partitions)})"
        )

    return table_relation


def _of_these_columns(table: GlueTable, files: str, hive: str) -> str:
    """A relation with a table's columns alone: folders of its files may have keys that it does not have."""
    listed = ", ".join(_name(column["Name"]) for column in _columns(table))
    return f"(SELECT {listed} FROM read_parquet({files}, union_by_name = true, {hive}))"  # noqa: S608


def hive_options(partitions: Sequence[Mapping[str, str]], duck_type: Callable[[str], str]) -> str:
    """Options of a reader whose files lie in folders `key=value`, with the types of those keys as texts."""
    if not partitions:
        return "hive_partitioning = false"
    types = ", ".join(f"{_text(key['Name'])}: {_text(duck_type(key['Type']))}" for key in partitions)
    return f"hive_partitioning = true, hive_types = {{{types}}}"


def empty_relation(table: GlueTable, duck_type: Callable[[str], str]) -> str:
    """SQL of zero rows with a table's columns and partition keys, arrays included."""
    columns = _columns(table)
    if not columns:
        return "(SELECT 1 WHERE FALSE)"
    listed = ", ".join(
        f"CAST(NULL AS {duck_type(c.get('Type', 'string'))}) AS {_name(c['Name'])}" for c in columns
    )
    return f"(SELECT {listed} WHERE FALSE)"


def _athena_query(athena: ModuleType) -> Callable[..., Any]:
    """Run a statement written for Athena: answered from the catalogue, or translated for DuckDB."""

    async def run_duckdb(query: str, database: str, catalog: str | None = None) -> dict[str, Any]:
        views = bridge.load_views(dates=registered_dates())
        tables = _tables_of(DATABASE)
        answer = catalogue.statement(query, tables, views, database)
        if answer is None:
            translated = bridge.translate(query, views, current=database, tables=tables)
            answer = await _on_duckdb(athena, translated, database, catalog)
        return {"columns": answer.columns, "column_types": answer.types, "rows": answer.rows}

    return run_duckdb


async def _on_duckdb(athena: ModuleType, sql: str, database: str, catalog: str | None) -> engine.Answer:
    """Run a query off the event loop, over the files of the tables it names."""
    rewritten, buckets, folders = await athena._rewrite_data_paths(sql, database, catalog)

    def run() -> engine.Answer:
        if not buckets:
            with engine.session() as connection:
                return engine.run(connection, rewritten)
        with engine.connect() as connection:
            athena._attach_s3_table_buckets(connection, buckets)
            return engine.run(connection, rewritten)

    try:
        return await asyncio.to_thread(run)
    finally:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def _tables_of(database: str) -> dict[str, dict[str, types.SqlType | None]]:
    """Columns and types of the tables in the catalogue."""
    from ministack.services import glue  # noqa: PLC0415  imported with the emulator

    found = {}
    for key, table in glue._tables.items():
        place, _, name = str(key).partition("/")
        if place == database:
            columns = _columns(table)
            found[name] = {column["Name"]: types.of_text(column.get("Type", "string")) for column in columns}
    return found


def _columns(table: GlueTable) -> list[Mapping[str, str]]:
    """Columns of a table of the catalogue, partition keys last."""
    stored = (table.get("StorageDescriptor") or {}).get("Columns") or []
    return [*stored, *(table.get("PartitionKeys") or [])]


def _with_parameters(athena: ModuleType) -> Callable[[dict[str, Any]], Any]:
    """Put values in the places of `?`: from the call or from EXECUTE … USING; the emulator ignores both."""

    def start_query_execution(data: dict[str, Any]) -> Any:  # noqa: ANN401  the emulator's response
        group = data.get("WorkGroup", "primary")

        def prepared(name: str) -> str | None:
            found = athena._prepared_statements.get(f"{group}/{name}")
            return None if found is None else str(found["QueryStatement"])

        try:
            sql = parameters.executed(data.get("QueryString", ""), prepared)
            if data.get("ExecutionParameters"):
                sql = parameters.bind(sql, data["ExecutionParameters"])
        except SqlError as error:
            return athena.error_response_json("InvalidRequestException", str(error), 400)
        return start_query_execution.original({**data, "QueryString": sql})  # type: ignore[attr-defined]

    return start_query_execution


def _result_at_its_place(athena: ModuleType) -> Callable[[str], Awaitable[None]]:
    """Write the result where the execution says it is; the emulator takes that object's name for a folder."""

    async def save_query_results(query_id: str) -> None:
        configuration = athena._executions[query_id]["ResultConfiguration"]
        location = configuration["OutputLocation"]
        configuration["OutputLocation"] = location.removesuffix(f"{query_id}.csv")
        try:
            await save_query_results.original(query_id)  # type: ignore[attr-defined]
        finally:
            configuration["OutputLocation"] = location

    return save_query_results


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'
