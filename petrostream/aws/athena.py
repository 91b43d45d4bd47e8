"""Queries the lake in SQL: run one Athena query, wait for it, and return typed rows.

For command lines and jobs; results are fetched by GetQueryResults, which is meant for thousands of rows, not
millions. A query that fails raises Athena's own message, which says where in the SQL the problem is.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from petrostream.aws.athena_values import value_of
from petrostream.aws.clients import client as aws_client
from petrostream.aws.limits import ATHENA_PAGE_ROWS
from petrostream.backoff import Backoff, Deadline
from petrostream.errors import PetroStreamError, ServiceUnavailable

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient

DATABASE = "petrostream"
WORKGROUP = "petrostream"
TIMEOUT_SECONDS = 300.0

_POLLS = Backoff(limit=1_000_000, base=0.05, cap=2.0, draw=lambda _, ceiling: ceiling)


class QueryFailed(PetroStreamError):  # noqa: N818  says what happened, like the other errors
    """Athena refused or failed the query; the text is Athena's reason."""

    def __init__(self, reason: str, query_id: str | None = None) -> None:
        super().__init__(reason)
        self.query_id = query_id


class QueryTimedOut(PetroStreamError):  # noqa: N818
    """The query exceeded its time-out and has been stopped."""

    def __init__(self, query_id: str, seconds: float) -> None:
        super().__init__(
            f"query {query_id} was still running after {seconds:.0f} s and was stopped; "
            "restrict it to the dates it needs (WHERE date = DATE '2026-11-20') or allow more time"
        )
        self.query_id = query_id


@dataclass(frozen=True, slots=True)
class QueryResult:
    """Rows of a query, in order.

    Attributes:
        columns: column names.
        types: Athena's type of each column, for example `double`.
        rows: values in Python types, None for NULL; see `athena_values.value_of`.
        truncated: True if the query has more rows than requested.
        query_id: Athena's query execution ID.
        scanned_bytes: bytes that Athena scanned, which AWS bills.
    """

    columns: tuple[str, ...]
    types: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    truncated: bool
    query_id: str
    scanned_bytes: int

    def dicts(self) -> list[dict[str, Any]]:
        """Rows as dictionaries; of columns with the same name, the last one wins."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def run_sql(
    sql: str,
    *,
    database: str = DATABASE,
    workgroup: str = WORKGROUP,
    max_rows: int | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
    client: "AthenaClient | None" = None,
) -> QueryResult:
    """Run one statement and return its rows.

    Args:
        sql: one statement in Athena's dialect.
        database: Glue database of unqualified table names.
        workgroup: Athena workgroup, which sets the location of results and how much a query may scan.
        max_rows: most rows to return; None returns all.
        timeout_seconds: most seconds the query may take.
        client: an Athena client; the process's shared one by default.

    Raises:
        QueryFailed: Athena rejects or fails the query, or returns a value outside the range of its Python
            type, such as a date after the year 9999.
        QueryTimedOut: the query exceeds the time-out.
        ServiceUnavailable: Athena does not respond.
    """
    athena = client or aws_client("athena")
    deadline = Deadline.after(timeout_seconds)
    query_id = _start(athena, sql, database, workgroup)
    execution = _wait(athena, query_id, deadline, timeout_seconds)
    has_header = execution.get("StatementType") == "DML"
    scanned = int(execution.get("Statistics", {}).get("DataScannedInBytes", 0))
    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    rows: list[tuple[Any, ...]] = []
    for number, page in enumerate(_pages(athena, query_id)):
        info = page["ResultSetMetadata"]["ColumnInfo"]
        columns = tuple(column["Name"] for column in info)
        types = tuple(column["Type"] for column in info)
        first = 1 if has_header and number == 0 else 0
        rows.extend(_row(row, columns, types) for row in page["Rows"][first:])
        if max_rows is not None and len(rows) > max_rows:
            return QueryResult(columns, types, rows[:max_rows], True, query_id, scanned)
    return QueryResult(columns, types, rows, False, query_id, scanned)


def _start(athena: "AthenaClient", sql: str, database: str, workgroup: str) -> str:
    response = _call(
        "StartQueryExecution",
        lambda: athena.start_query_execution(
            QueryString=sql, QueryExecutionContext={"Database": database}, WorkGroup=workgroup
        ),
    )
    return str(response["QueryExecutionId"])


def _wait(
    athena: "AthenaClient", query_id: str, deadline: Deadline, timeout_seconds: float
) -> Mapping[str, Any]:
    for _ in _POLLS.attempts(deadline):
        response = _call("GetQueryExecution", lambda: athena.get_query_execution(QueryExecutionId=query_id))
        execution: Mapping[str, Any] = response["QueryExecution"]
        status = execution["Status"]
        if status["State"] == "SUCCEEDED":
            return execution
        if status["State"] in {"FAILED", "CANCELLED"}:
            raise QueryFailed(
                status.get("StateChangeReason") or f"the query was {status['State'].lower()}", query_id
            )
    _call("StopQueryExecution", lambda: athena.stop_query_execution(QueryExecutionId=query_id))
    raise QueryTimedOut(query_id, timeout_seconds)


def _pages(athena: "AthenaClient", query_id: str) -> Iterator[Mapping[str, Any]]:
    token: str | None = None
    while True:
        response = _call("GetQueryResults", partial(_page, athena, query_id, token))
        yield response["ResultSet"]
        token = response.get("NextToken")
        if not token:
            return


def _page(athena: "AthenaClient", query_id: str, token: str | None) -> Any:  # noqa: ANN401  a boto3 response
    if token is None:
        return athena.get_query_results(QueryExecutionId=query_id, MaxResults=ATHENA_PAGE_ROWS)
    return athena.get_query_results(QueryExecutionId=query_id, MaxResults=ATHENA_PAGE_ROWS, NextToken=token)


def _call(operation: str, request: Callable[[], Any]) -> Mapping[str, Any]:
    """Make one call, with the client's own retries; AWS errors become errors of this package."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  slow to import, used only here

    try:
        response: Mapping[str, Any] = request()
    except ClientError as error:
        details = error.response["Error"]
        if details.get("Code") == "InvalidRequestException":
            raise QueryFailed(details.get("Message", str(error))) from error
        raise ServiceUnavailable("athena", operation, str(error)) from error
    except BotoCoreError as error:
        raise ServiceUnavailable("athena", operation, str(error)) from error
    return response


def _row(row: Mapping[str, Any], columns: tuple[str, ...], types: tuple[str, ...]) -> tuple[Any, ...]:
    texts = [datum.get("VarCharValue") for datum in row["Data"]]
    if len(texts) == 1 < len(columns):  # DESCRIBE: one padded text, with tabs between its columns
        texts = [text.strip() for text in (texts[0] or "").split("\t")]
        texts += [None] * (len(columns) - len(texts))
    values = []
    for text, name, kind in zip(texts, columns, types, strict=True):
        try:
            values.append(value_of(text, kind))
        except ValueError as error:
            raise QueryFailed(f"column {name}: {error}") from error
    return tuple(values)
