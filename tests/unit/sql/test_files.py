"""The files of sql/ are sound, and the generated ones say what the schema says."""

import json

import sqlglot
from sqlglot import exp

from local.athena import bridge as athena_bridge
from petrostream.aws import athena
from petrostream.schema.sensors import schema
from tests.support.paths import ROOT
from tools import sql_lint, sql_render


def test_every_file_is_sound_and_as_generated():
    assert list(sql_lint.problems()) == []
    assert list(sql_lint.outdated()) == []


def test_table_definitions_have_the_columns_and_types_of_the_schema():
    for name in ("scored_readings", "facility_readings", "quarantine"):
        table = schema(name)
        statement = sqlglot.parse_one((sql_render.SQL / "ddl" / f"{name}.sql").read_text(), read="athena")
        assert statement.find(exp.Table).sql() == f"petrostream.{name}"
        columns = [
            (column.name, column.args["kind"].sql("hive").lower())
            for column in statement.find_all(exp.ColumnDef)
        ]
        expected = [(field.name, field.type) for field in (*table.fields, *table.partitions)]
        assert columns == expected
        text = statement.sql("athena")
        assert f"/{table.prefix}" in text
        assert "projection.date.range" in text


def test_an_apostrophe_in_a_description_keeps_the_statement_whole():
    field = schema("scored_readings").field("anomaly_flag")
    assert "'" in field.description
    statement = sqlglot.parse_one((sql_render.SQL / "ddl" / "scored_readings.sql").read_text(), read="athena")
    comments = {
        column.name: column.find(exp.CommentColumnConstraint) for column in statement.find_all(exp.ColumnDef)
    }
    assert comments["anomaly_flag"].this.name.startswith(field.description)


def test_bad_files_are_named_with_their_fault(tmp_path):
    (tmp_path / "views").mkdir()
    (tmp_path / "silent.sql").write_text("SELECT 1")
    (tmp_path / "wrong.sql").write_text("-- Why?\nSELECT FROM WHERE")
    (tmp_path / "other.sql").write_text("-- What?\nFROBNICATE the lake")
    (tmp_path / "aws_only.sql").write_text(
        "-- When?\nSELECT human_readable_seconds(class) FROM scored_readings"
    )
    found = "\n".join(sql_lint.problems(tmp_path))
    assert "silent.sql: begin with a comment" in found
    assert "wrong.sql: line 2:" in found
    assert "other.sql: FROBNICATE works" in found or "other.sql: line 2" in found
    assert "aws_only.sql: human_readable_seconds() is not a function the local twin knows" in found


def test_a_quotient_without_a_double_and_a_column_of_varchar_0_are_named(tmp_path):
    (tmp_path / "views").mkdir()
    (tmp_path / "views" / "empty.sql").write_text(
        "-- What?\nCREATE VIEW empty AS SELECT a, b FROM (VALUES ('', 'x')) AS t (a, b)"
    )
    (tmp_path / "views" / "plain.sql").write_text("-- What?\nCREATE VIEW plain AS SELECT '' AS c, 1 AS n")
    (tmp_path / "share.sql").write_text("-- What?\nSELECT 100.0 * SUM(class) / COUNT(*) FROM scored_readings")
    (tmp_path / "half.sql").write_text("-- What?\nSELECT n / 2 AS half, n / 2e0 AS exact FROM plain")
    (tmp_path / "good.sql").write_text(
        "-- What?\nSELECT pressure / 1000, 1e2 * class / 3 FROM scored_readings"
    )
    assert list(sql_lint.problems(tmp_path)) == [
        "half.sql: n / 2: make one side a double (100e0 *, or CAST(… AS double))",
        "share.sql: 100.0 * SUM(class) / COUNT(*): make one side a double (100e0 *, or CAST(… AS double))",
        "views/empty.sql: column a is an empty text of type varchar(0): CAST(… AS varchar)",
        "views/plain.sql: column c is an empty text of type varchar(0): CAST(… AS varchar)",
    ]


def test_an_empty_folder_is_a_problem(tmp_path):
    assert list(sql_lint.problems(tmp_path)) == [f"{tmp_path}: there is no SQL file"]


def test_code_and_settings_name_the_same_database_and_work_group():
    lake = json.loads((ROOT / "infra" / "settings.json").read_text())["lake"]
    assert (lake["database"], lake["workgroup"]) == (athena.DATABASE, athena.WORKGROUP)
    assert lake["database"] == athena_bridge.DATABASE
