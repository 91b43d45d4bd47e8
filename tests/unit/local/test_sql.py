"""Asking the lake in SQL: typed rows, limits, time, and errors in Athena's words."""

import io
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from local import sql as sql_cli
from petrostream.aws import athena
from petrostream.errors import ServiceUnavailable
from toolchain.errors import ToolError

COLUMNS = [
    ("n", "bigint"), ("x", "double"), ("ok", "boolean"), ("d", "date"), ("t", "timestamp"), ("s", "varchar"),
]  # fmt: skip
ROW = ("7", "2.5", "true", "2026-11-20", "2026-11-20 09:00:00.250", "[a, b]")


def datum(text):
    return {} if text is None else {"VarCharValue": text}


class FakeAthena:
    """Answers as Athena does: states in turn, then pages whose first has the header."""

    def __init__(
        self, rows, states=("QUEUED", "RUNNING", "SUCCEEDED"), columns=COLUMNS, kind="DML", reason=""
    ):
        header = [tuple(name for name, _ in columns)] if kind == "DML" else []
        self.rows, self.columns, self.kind, self.reason = [*header, *rows], columns, kind, reason
        self.states = list(states)
        self.stopped = False
        self.error = None

    def start_query_execution(self, **request):
        if self.error:
            raise self.error
        self.request = request
        return {"QueryExecutionId": "q1"}

    def get_query_execution(self, **_):
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        status = {"State": state, "StateChangeReason": self.reason}
        return {
            "QueryExecution": {
                "Status": status,
                "StatementType": self.kind,
                "Statistics": {"DataScannedInBytes": 10},
            }
        }

    def stop_query_execution(self, **_):
        self.stopped = True

    def get_query_results(self, MaxResults, NextToken="0", **_):  # noqa: N803
        start = int(NextToken)
        page = self.rows[start : start + MaxResults]
        described = [{"Name": name, "Type": kind} for name, kind in self.columns]
        answer = {
            "ResultSet": {
                "Rows": [{"Data": [datum(text) for text in row]} for row in page],
                "ResultSetMetadata": {"ColumnInfo": described},
            }
        }
        if start + MaxResults < len(self.rows):
            answer["NextToken"] = str(start + MaxResults)
        return answer


def test_values_have_their_types_and_null_is_none():
    fake = FakeAthena([ROW, (None,) * 6])
    result = athena.run_sql("SELECT …", client=fake)
    assert result.rows[0] == (
        7,
        2.5,
        True,
        date(2026, 11, 20),
        datetime(2026, 11, 20, 9, 0, 0, 250000),
        "[a, b]",
    )
    assert result.rows[1] == (None,) * 6
    assert result.dicts()[0]["n"] == 7
    assert (result.truncated, result.scanned_bytes) == (False, 10)
    assert fake.request["QueryExecutionContext"] == {"Database": "petrostream"}
    assert fake.request["WorkGroup"] == "petrostream"


def test_a_time_with_a_zone_is_returned_in_utc():
    columns = [("a", "timestamp with time zone"), ("t", "timestamp")]
    fake = FakeAthena(
        [
            ("2026-11-20 06:00:00.000 America/Sao_Paulo", "2026-11-20 09:00:00.000 UTC"),
            ("2026-11-20 10:00:00.000 +01:00", "2026-11-20T10:00:00+01:00"),
        ],
        columns=columns,
    )
    rows = athena.run_sql("SELECT …", client=fake).rows
    assert {moment for row in rows for moment in row} == {datetime(2026, 11, 20, 9, 0)}


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("boolean", "false", False),
        ("tinyint", "-128", -128),
        ("smallint", "32767", 32767),
        ("integer", "-7", -7),
        ("bigint", "9223372036854775807", 2**63 - 1),
        ("float", "0.1", 0.1),
        ("real", "-Infinity", float("-inf")),
        ("double", "1.5E-7", 1.5e-7),
        ("decimal", "0.10", Decimal("0.10")),
        ("decimal(38,10)", "12345678901234567890.0123456789", Decimal("12345678901234567890.0123456789")),
        ("char", "ab ", "ab "),
        ("varchar", "", ""),
        ("string", "x", "x"),
        ("varbinary", "65 68 3f", b"eh?"),
        ("varbinary", "", b""),
        ("date", "2026-11-20", date(2026, 11, 20)),
        ("time", "09:00:00.250", time(9, 0, 0, 250000)),
        ("timestamp", "2026-11-20 09:00:00.250", datetime(2026, 11, 20, 9, 0, 0, 250000)),
        ("timestamp(3)", "2026-11-20 09:00:00.250", datetime(2026, 11, 20, 9, 0, 0, 250000)),
        ("timestamp(3) with time zone", "2026-11-20 09:00:00.000 UTC", datetime(2026, 11, 20, 9)),
        ("interval day to second", "2 03:04:05.678", timedelta(2, 3 * 3600 + 4 * 60 + 5, 678000)),
        ("interval day to second", "-0 00:00:05.000", timedelta(seconds=-5)),
        ("interval year to month", "1-2", "1-2"),
        ("json", '{"a":[1,null,"x"]}', {"a": [1, None, "x"]}),
        ("json", "null", None),
        ("uuid", "12151fd2-7586-11e9-8f9e-2a86e4085a59", UUID("12151fd2-7586-11e9-8f9e-2a86e4085a59")),
        ("array", "[a, b]", "[a, b]"),
        ("map", "{k=v}", "{k=v}"),
        ("row", "{a=1, b=x}", "{a=1, b=x}"),
        ("ipaddress", "10.0.0.1", "10.0.0.1"),
    ],
)
def test_each_type_of_athena_becomes_pythons_and_null_is_none(kind, text, expected):
    fake = FakeAthena([(text,), (None,)], columns=[("x", kind)])
    rows = athena.run_sql("SELECT …", client=fake).rows
    assert rows == [(expected,), (None,)]
    assert type(rows[0][0]) is type(expected)


def test_a_value_that_python_cannot_hold_is_named_with_the_remedy():
    fake = FakeAthena([("+12026-11-20",)], columns=[("d", "date")])
    with pytest.raises(
        athena.QueryFailed, match=r"column d: '\+12026-11-20' is no date .* CAST it AS varchar"
    ):
        athena.run_sql("SELECT …", client=fake)


def test_csv_spells_bytes_decimals_and_json_as_athena_does():
    columns = [("b", "varbinary"), ("d", "decimal"), ("j", "json")]
    fake = FakeAthena([("65 68", "0.10", '{"a": [1]}')], columns=columns)
    target = io.StringIO()
    sql_cli.write_csv(athena.run_sql("SELECT …", client=fake), target)
    assert target.getvalue().splitlines()[1] == '65 68,0.10,"{""a"": [1]}"'


@pytest.mark.parametrize("count", [0, 999, 1000, 2500])
def test_all_pages_are_read_and_the_header_is_no_row(count):
    fake = FakeAthena([(str(number),) for number in range(count)], columns=[("n", "bigint")])
    assert [n for (n,) in athena.run_sql("SELECT …", client=fake).rows] == list(range(count))


def test_a_statement_without_a_header_loses_no_row():
    fake = FakeAthena([("a",), ("b",)], columns=[("tab_name", "string")], kind="UTILITY")
    assert athena.run_sql("SHOW TABLES", client=fake).rows == [("a",), ("b",)]


def test_the_padded_lines_of_describe_become_their_columns():
    columns = [("col_name", "string"), ("data_type", "string"), ("comment", "string")]
    fake = FakeAthena(
        [("ts      \ttimestamp \tEvent time ",), ("well_id\tstring",)], columns=columns, kind="UTILITY"
    )
    assert athena.run_sql("DESCRIBE well_data", client=fake).rows == [
        ("ts", "timestamp", "Event time"),
        ("well_id", "string", None),
    ]


def test_a_limit_is_kept_and_reported():
    fake = FakeAthena([("1",), ("2",), ("3",)], columns=[("n", "bigint")])
    result = athena.run_sql("SELECT …", max_rows=2, client=fake)
    assert (result.rows, result.truncated) == ([(1,), (2,)], True)
    assert not athena.run_sql("SELECT …", max_rows=3, client=fake).truncated


def test_a_failed_query_raises_athenas_reason():
    fake = FakeAthena(
        [], states=["FAILED"], reason="COLUMN_NOT_FOUND: line 1:8: Column 'foo' cannot be resolved"
    )
    with pytest.raises(athena.QueryFailed, match="line 1:8: Column 'foo'"):
        athena.run_sql("SELECT foo", client=fake)


def test_a_refused_query_and_an_absent_service_are_distinguished():
    fake = FakeAthena([])
    refusal = {"Error": {"Code": "InvalidRequestException", "Message": "line 1:1: mismatched input"}}
    fake.error = ClientError(refusal, "StartQueryExecution")
    with pytest.raises(athena.QueryFailed, match="mismatched input"):
        athena.run_sql("SELEC", client=fake)
    fake.error = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
    with pytest.raises(ServiceUnavailable, match="StartQueryExecution"):
        athena.run_sql("SELECT 1", client=fake)


def test_a_query_over_its_time_is_stopped():
    fake = FakeAthena([], states=["RUNNING"])
    with pytest.raises(athena.QueryTimedOut, match="stopped"):
        athena.run_sql("SELECT …", timeout_seconds=0.01, client=fake)
    assert fake.stopped


@pytest.fixture
def result():
    return athena.run_sql("SELECT …", client=FakeAthena([ROW, (None,) * 6]))


def test_csv_has_a_header_and_empty_fields_for_null(result):
    target = io.StringIO()
    sql_cli.write_csv(result, target)
    assert target.getvalue().splitlines() == [
        "n,x,ok,d,t,s",
        '7,2.5,true,2026-11-20,2026-11-20 09:00:00.250,"[a, b]"',
        ",,,,,",
    ]


def test_a_table_shows_text_as_it_is_and_the_number_of_rows(result):
    target = io.StringIO()
    sql_cli.print_table(result, sql_cli.console_of(target))
    assert "[a, b]" in target.getvalue()
    assert "null" in target.getvalue()
    assert "2 rows" in target.getvalue()


def test_rows_too_wide_for_the_screen_are_printed_one_below_another():
    columns = [(f"column_{number}", "varchar") for number in range(40)]
    wide = athena.run_sql("SELECT …", client=FakeAthena([("some value",) * 40], columns=columns))
    target = io.StringIO()
    sql_cli.print_table(wide, sql_cli.console_of(target))
    assert "row 1" in target.getvalue()
    assert len([line for line in target.getvalue().splitlines() if "some value" in line]) == 40


def test_the_query_comes_from_one_place(tmp_path):
    file = tmp_path / "query.sql"
    file.write_text("SELECT 1")
    assert sql_cli.read("SELECT 2", None) == "SELECT 2"
    assert sql_cli.read(None, file) == "SELECT 1"
    for sql, path in ((None, None), ("SELECT 1", file), ("  ", None), (None, tmp_path / "missing.sql")):
        with pytest.raises(ToolError):
            sql_cli.read(sql, path)


def test_requests_to_aws_ignore_the_twins_address(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    with pytest.raises(ToolError, match="would not reach AWS"):
        sql_cli.query_aws("SELECT 1")


def texts(*values):
    return athena.run_sql(
        "SELECT …", client=FakeAthena([(text,) for text in values], columns=[("s", "varchar")])
    )


def as_csv(result, **options):
    target = options.pop("target", None) or io.StringIO()
    sql_cli.write_csv(result, target, **options)
    return target.getvalue().splitlines()[1:]


@pytest.mark.parametrize(
    "text", ["=cmd()", "+A1", "-A1", "@SUM(A1)", "\tx", "\u003d1+1", "\uff1dcmd()", "--1"]
)
def test_csv_makes_formulas_harmless_unless_told_not_to(text):
    assert as_csv(texts(text)) == [f"'{text}"]
    assert as_csv(texts(text), escape_formulas=False) == [text]


def test_csv_leaves_numbers_and_other_text_alone():
    values = ["-5", "+3.5e-2", "-.5", "WELL-00011", "a=b"]
    assert as_csv(texts(*values)) == values
    numbers = athena.run_sql("SELECT …", client=FakeAthena([("-7", "-2.5")], columns=COLUMNS[:2]))
    assert as_csv(numbers) == ["-7,-2.5"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_csv_is_the_data_in_a_file_and_escaped_on_a_terminal():
    assert as_csv(texts("W\x1b[2J")) == ["W\x1b[2J"]
    assert as_csv(texts("W\x1b[2J"), target=Terminal()) == [r"W\x1b[2J"]


@pytest.mark.parametrize("width", [1, 30])
@pytest.mark.parametrize("name", ["\x1b]0;owned\x07", "W\x00", "W\x9b31m", "W\u202e", "W\rX"])
def test_neither_form_of_a_table_sends_control_characters(name, width):
    wide = [("s", "varchar"), *((f"column_{number}", "varchar") for number in range(width))]
    rows = [(name, *["some value"] * width)]
    target = io.StringIO()
    sql_cli.print_table(
        athena.run_sql("SELECT …", client=FakeAthena(rows, columns=wide)), sql_cli.console_of(target)
    )
    assert not any(ord(letter) in {0, 7, 13, 27, 0x9B, 0x202E} for letter in target.getvalue())
    assert "\\x" in target.getvalue() or "\\u202e" in target.getvalue() or "\\r" in target.getvalue()
