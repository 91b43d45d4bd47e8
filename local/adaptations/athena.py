"""Athena: tables and values as the catalogue and the service define them.

Why: the emulator guesses the columns of a JSON table from its content, so a text that looks like a time
becomes one, and a column that happens to be null in every line does not exist. Here a JSON table has the
columns of its Glue definition. An empty table keeps its array columns. A table may stand on the right of a
join: the emulator gives the type of its partition key as a name, which DuckDB there takes for a column.
Values come back as Athena writes them: `true`, `[a, b]`, `2026-11-20 09:00:00.000`, where the emulator gives
Python's spelling. The result file lies where GetQueryExecution says, which is where awswrangler looks for
it. And the emulator hands SQL to DuckDB as it is and has no views: `local/athena/bridge.py` translates and
expands them.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime
from types import ModuleType
from typing import Any

from local.adaptations import guard
from local.athena import bridge as athena_bridge

_KNOWN = {
    "_table_relation": "a1a2686723d2ddff",
    "_empty_relation": "9b6b848915d99854",
    "_run_duckdb": "734c2e91cdac17e0",
    "_data_format": "bc4df505c286ca5e",
    "_path_partition_keys": "6550b4f0b81372b5",
    "_hive_options": "a174ecd8a3fd81dd",
    "_save_query_results": "4ff2ac770a744f4b",
    "_start_query_execution": "405753f7beaf6c7c",
}

# A quarantined line may hold 256 KiB of raw payload; this is DuckDB's own default, stated.
_MAX_OBJECT_BYTES = 16 * 1024 * 1024

Table = Mapping[str, Any]


def install() -> None:
    """Put the adaptations in place.

    Raises:
        IncompatibleEmulatorError: the emulator's Athena is not the known one.
    """
    # The emulator reads its variables when it is imported.
    from ministack.services import athena, firehose  # noqa: PLC0415

    guard.check(athena, _KNOWN)
    duck_type: Callable[[str], str] = firehose._hive_to_duckdb_type
    guard.replace(athena, "_table_relation", _relation(athena, duck_type))
    guard.replace(athena, "_hive_options", lambda partitions: hive_options(partitions, duck_type))
    guard.replace(athena, "_empty_relation", lambda table: empty_relation(table, duck_type))
    guard.replace(athena, "_run_duckdb", _athena_query(athena._run_duckdb))
    guard.replace(athena, "_save_query_results", _result_at_its_place(athena))


def _relation(athena: ModuleType, duck_type: Callable[[str], str]) -> Callable[[Table, Sequence[str]], str]:
    def table_relation(table: Table, files: Sequence[str]) -> str:
        columns = (table.get("StorageDescriptor") or {}).get("Columns") or []
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


def hive_options(partitions: Sequence[Mapping[str, str]], duck_type: Callable[[str], str]) -> str:
    """Options of a reader whose files lie in folders `key=value`, with the types of those keys as texts."""
    if not partitions:
        return "hive_partitioning = false"
    types = ", ".join(f"{_text(key['Name'])}: {_text(duck_type(key['Type']))}" for key in partitions)
    return f"hive_partitioning = true, hive_types = {{{types}}}"


def empty_relation(table: Table, duck_type: Callable[[str], str]) -> str:
    """SQL of zero rows with a table's columns and partition keys, arrays included."""
    columns = [
        *((table.get("StorageDescriptor") or {}).get("Columns") or []),
        *(table.get("PartitionKeys") or []),
    ]
    if not columns:
        return "(SELECT 1 WHERE FALSE)"
    listed = ", ".join(
        f"CAST(NULL AS {duck_type(c.get('Type', 'string'))}) AS {_name(c['Name'])}" for c in columns
    )
    return f"(SELECT {listed} WHERE FALSE)"


def _athena_query(original: Callable[..., Awaitable[dict[str, Any]]]) -> Callable[..., Any]:
    """Run a query written for Athena: translated, views expanded, values spelt as Athena does."""

    async def run_duckdb(query: str, database: str, catalog: str | None = None) -> dict[str, Any]:
        translated = athena_bridge.translate(query, athena_bridge.load_views(), current=database)
        result = await original(translated, database, catalog)
        result["rows"] = [[athena_value(value) for value in row] for row in result["rows"]]
        return result

    return run_duckdb


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


def athena_value(value: object) -> object:
    """A result value as Athena writes it; what it writes as Python does is returned as it is."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return "[" + ", ".join("null" if item is None else str(athena_value(item)) for item in value) + "]"
    return value


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _name(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'
