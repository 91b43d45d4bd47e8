"""Athena SQL on the twin's engine: the views, the example queries and the figures they give."""

import re
from datetime import UTC, date, datetime, timedelta

import duckdb
import pyarrow as pa
import pytest
from sqlglot import exp

from local.athena.bridge import TABLES, SqlError, expand, load_views, parse, translate
from petrostream.schema.sensors import schema
from tests.support.paths import ROOT
from tools.sql_render import SQL

_ARROW = {
    "string": pa.string(),
    "double": pa.float64(),
    "int": pa.int32(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
    "array<string>": pa.list_(pa.string()),
}


def reading(well, second, **values):
    ts = datetime(2026, 11, 20, 9, second // 60, second % 60)
    return {
        "event_id": f"{well}-{second}",
        "well_id": well,
        "ts": ts,
        "date": ts.date(),
        "pressure": 2.0e7,
        "class": 0,
        "anomaly_flag": 0,
        "anomaly_score": 0.4,
        "risk_score": 0,
        "well_status": "NORMAL",
        "data_quality_score": 100.0,
        "validation_reasons": [],
        "scored_at": datetime(2026, 11, 20, 10, 0),
        "kinesis_sequence": "1",
        **values,
    }


def again(row, **values):
    """The same reading, landed once more by a later attempt."""
    return {**row, "scored_at": datetime(2026, 11, 20, 10, 5), **values}


TWICE = reading("W1", 1, anomaly_flag=0)
SENT_AGAIN = reading(
    "W2", 3, **{"class": 1}, pressure=None, validation_reasons=["out_of_range:pressure"], kinesis_sequence="9"
)
READINGS = [
    reading("W1", 0, pressure=1.0e7),
    TWICE,
    again(TWICE, anomaly_flag=1, risk_score=40, well_status="ALERT", pressure=3.0e7),
    TWICE,
    reading("W1", 2, **{"class": None}, anomaly_score=None, anomaly_flag=None),
    reading("W1", 61, **{"class": 101}, anomaly_flag=1, risk_score=20),
    SENT_AGAIN,
    again(SENT_AGAIN, kinesis_sequence="10", anomaly_score=None, anomaly_flag=0),
    reading(
        "W2",
        4,
        validation_reasons=["out_of_range:pressure", "unknown_field:x", "unit:p_pdg:kPa/psi?"],
        data_quality_score=80.0,
    ),
]


def joined(event_id, **values):
    moment = datetime(2026, 11, 20, 10, 0)
    row = {
        "event_id": event_id,
        "well_id": "W1",
        "facility_id": "FAC-01",
        "ts": moment,
        "date": moment.date(),
    }
    return {**row, "kinesis_sequence": "9", "joined_at": moment, "status": "NORMAL", "dt_ms": None, **values}


def matched(event_id, **values):
    return joined(event_id, **{"pairing_status": "MATCHED", "tank_id": "T", "dt_ms": 1000, **values})


def unmatched(event_id, **values):
    return joined(event_id, **{"pairing_status": "UNMATCHED", "unmatched_reason": "no_tank", **values})


LATER = datetime(2026, 11, 20, 10, 5)
PAIRS = [
    unmatched("sent again, then with a tank"),
    matched("sent again, then with a tank", kinesis_sequence="10", joined_at=LATER),
    matched("joined too early", dt_ms=4000),
    matched("joined too early", dt_ms=1000, joined_at=LATER),
    matched("sent again, late", dt_ms=1000),
    matched("sent again, late", dt_ms=3000, kinesis_sequence="10", joined_at=LATER),
    matched("joined too late", dt_ms=1000),
    matched("joined too late", dt_ms=4000, joined_at=LATER),
    matched("twice in one batch", dt_ms=-3000),
    matched("twice in one batch", dt_ms=2000),
    unmatched("alone", unmatched_reason="late"),
    unmatched("alone", unmatched_reason="late", joined_at=LATER),
]
LINE = {"quarantine_id": "q1", "reasons": ["missing:well_id", "wrong_type:p_pdg"], "facility_id": "FAC-01"}
LINES = [
    {**LINE, "quarantined_at": datetime(2026, 11, 20, 23, 59), "date": date(2026, 11, 20)},
    {**LINE, "quarantined_at": datetime(2026, 11, 21, 0, 1), "date": date(2026, 11, 21)},
    {
        "quarantine_id": "q2",
        "reasons": ["missing:well_id"],
        "facility_id": "FAC-01",
        "quarantined_at": datetime(2026, 11, 20, 12, 0),
        "date": date(2026, 11, 20),
    },
]


def parquet(name, rows, path):
    fields = [*schema(name).fields, *schema(name).partitions]
    kinds = pa.schema([(field.name, _ARROW[field.type]) for field in fields])
    pa.parquet.write_table(pa.Table.from_pylist(rows, schema=kinds), path)


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """Runs Athena SQL on a small lake of Parquet files; rows as dictionaries."""
    import pyarrow.parquet  # noqa: F401

    folder = tmp_path_factory.mktemp("lake")
    connection = duckdb.connect()
    connection.execute("CREATE SCHEMA petrostream; USE petrostream")
    tables = {"scored_readings": READINGS, "quarantine": LINES, "facility_readings": PAIRS}
    for name, rows in tables.items():
        parquet(name, rows, folder / f"{name}.parquet")
        connection.execute(f"CREATE VIEW {name} AS FROM read_parquet('{folder / name}.parquet')")

    def run(sql):
        done = connection.execute(translate(sql, load_views()))
        names = [column[0] for column in done.description]
        return [dict(zip(names, row, strict=True)) for row in done.fetchall()]

    return run


def example(name):
    return (SQL / "queries" / f"{name}.sql").read_text()


def test_a_reading_landed_three_times_is_one_row_the_last_scored(ask):
    rows = ask("SELECT event_id, anomaly_flag FROM well_data")
    assert len(rows) == 6
    assert [row["anomaly_flag"] for row in rows if row["event_id"] == "W1-1"] == [1]


def test_a_reading_sent_again_keeps_the_score_of_its_first_record(ask):
    late = {"event_id": "W2-3", "anomaly_score": 0.4, "kinesis_sequence": "9"}
    assert ask("SELECT event_id, anomaly_score, kinesis_sequence FROM well_data WHERE event_id = 'W2-3'") == [
        late
    ]


def test_a_joined_reading_is_one_row_with_its_tank_and_of_copies_the_committed_one(ask):
    rows = ask("SELECT event_id, pairing_status, dt_ms FROM facility_data ORDER BY event_id")
    assert [tuple(row.values()) for row in rows] == [
        ("alone", "UNMATCHED", None),
        ("joined too early", "MATCHED", 1000),
        ("joined too late", "MATCHED", 1000),
        ("sent again, late", "MATCHED", 1000),
        ("sent again, then with a tank", "MATCHED", 1000),
        ("twice in one batch", "MATCHED", 2000),
    ]
    (found,) = ask(example("pairing_by_facility"))
    assert (found["readings"], found["matched"], found["unmatched"]) == (6, 5, 1)
    assert found["mean_distance_ms"] == 1200


def test_the_view_has_the_tables_columns_and_no_other(ask):
    (row,) = ask("SELECT * FROM well_data LIMIT 1")
    table = schema("scored_readings")
    assert tuple(row) == (*table.names, "date")


def test_recent_views_hold_the_last_days_and_keep_the_columns(tmp_path):
    import pyarrow.parquet  # noqa: F401

    today = datetime.now(UTC).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    rows = [
        {**reading("W1", place), "ts": today - timedelta(days), "date": (today - timedelta(days)).date()}
        for place, days in enumerate((0, 6, 8, 4000))
    ]
    parquet("scored_readings", rows, tmp_path / "rows.parquet")
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA petrostream; USE petrostream")
    connection.execute(f"CREATE VIEW scored_readings AS FROM read_parquet('{tmp_path / 'rows.parquet'}')")
    found = connection.execute(translate("SELECT * FROM recent_readings ORDER BY ts DESC", load_views()))
    names = [column[0] for column in found.description]
    assert names == [*schema("scored_readings").names, "date"]
    assert [row[names.index("event_id")] for row in found.fetchall()] == ["W1-0", "W1-1"]


def test_the_readmes_first_queries_and_the_recent_scoreboard_name_dates():
    """Every scan of a table lies under a condition on its partition."""
    queries = re.findall(r'make sql Q="([^"]+)"', (ROOT / "README.md").read_text())
    assert len(queries) >= 3
    for sql in (*queries, example("scoreboard_recent")):
        tree = expand(parse(sql), load_views())
        tables = [table for table in tree.find_all(exp.Table) if table.name in TABLES]
        assert tables
        for table in tables:
            selects = [node for node in ancestors(table) if isinstance(node, exp.Select)]
            assert any("CURRENT_DATE" in str(select.args.get("where") or "") for select in selects), sql


def ancestors(node):
    while node.parent is not None:
        node = node.parent
        yield node


def test_the_plans_two_queries_run_as_they_stand(ask):
    flagged = ask("SELECT * FROM well_data WHERE anomaly_flag = 1")
    assert {row["event_id"] for row in flagged} == {"W1-1", "W1-61"}
    means = ask("SELECT well_id, AVG(pressure) FROM well_data GROUP BY well_id")
    assert {tuple(row.values()) for row in means} == {("W1", 2.0e7), ("W2", 2.0e7)}
    for name, text in (
        ("anomalies", "SELECT * FROM well_data WHERE anomaly_flag = 1"),
        ("average_pressure_by_well", "SELECT well_id, AVG(pressure) FROM well_data GROUP BY well_id"),
    ):
        assert re.sub(r"^--.*\n", "", example(name), flags=re.MULTILINE).strip() == text


def test_anomalies_by_well_and_day(ask):
    first = ask(example("anomalies_by_well_and_day"))[0]
    assert (first["well_id"], first["day"], first["readings"]) == ("W1", date(2026, 11, 20), 4)
    assert (first["anomalies"], first["anomalies_pct"], first["highest_risk"]) == (2, 50.0, 40)
    assert first["first_anomaly"] == datetime(2026, 11, 20, 9, 0, 1)


def test_confusion_against_the_labels(ask):
    rows = {(row["label"], row["class"]): row for row in ask(example("confusion_by_class"))}
    assert set(rows) == {("normal", 0), ("event", 1), ("transient", 101), ("unlabelled", None)}
    normal = rows["normal", 0]
    assert (normal["readings"], normal["flagged"], normal["not_flagged"]) == (3, 1, 2)
    assert rows["unlabelled", None]["not_scored"] == 1
    assert rows["unlabelled", None]["not_flagged"] == 1
    assert sum(row["readings"] for row in rows.values()) == 6


def test_data_quality_names_the_commonest_reason(ask):
    worst, best = ask(example("data_quality_by_well"))
    assert (worst["well_id"], worst["mean_quality"], worst["pressure_missing_pct"]) == ("W2", 90.0, 50.0)
    assert (worst["commonest_reason"], worst["commonest_reason_readings"]) == ("out_of_range:pressure", 2)
    assert (best["well_id"], best["commonest_reason"], best["readings_with_reasons"]) == ("W1", None, 0)


def test_gauges_in_another_unit_are_named_with_the_likely_one(ask):
    (found,) = ask(example("wrong_units"))
    assert (found["well_id"], found["gauge"], found["likely_unit"]) == ("W2", "p_pdg", "kPa/psi")
    assert (found["readings"], found["first_ts"]) == (1, found["last_ts"])
    assert [row["readings_in_other_units"] for row in ask(example("data_quality_by_well"))] == [1, 0]


def test_worst_minutes_come_first(ask):
    first, second, *_ = ask(example("worst_minutes"))
    assert (first["minute"], first["highest_risk"]) == (datetime(2026, 11, 20, 9, 0), 40)
    assert first["alert_readings"] == 1
    assert (second["minute"], second["anomalies"]) == (datetime(2026, 11, 20, 9, 1), 1)


def test_quarantined_lines_count_once_over_midnight(ask):
    rows = {row["reason"]: row["lines"] for row in ask(example("quarantine_by_reason"))}
    assert rows == {"missing:well_id": 2, "wrong_type:p_pdg": 1}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT COUNT(*) AS n FROM petrostream.well_data",
        'SELECT COUNT("petrostream"."well_data"."ts") AS n FROM "petrostream"."well_data"',
        'SELECT COUNT(w.ts) AS n FROM "AwsDataCatalog"."petrostream"."well_data" w',
        "SELECT COUNT(*) AS n FROM WELL_DATA;",
        "WITH recent AS (SELECT * FROM well_data) SELECT COUNT(*) AS n FROM recent",
        "WITH well_data AS (SELECT * FROM well_data) SELECT COUNT(*) AS n FROM well_data",
        "SELECT COUNT(*) AS n FROM (SELECT * FROM (SELECT * FROM well_data) a) b",
        "SELECT (SELECT COUNT(*) FROM well_data) AS n",
        "SELECT COUNT(*) AS n FROM well_data a JOIN well_data b ON a.event_id = b.event_id",
        "SELECT COUNT(*) AS n FROM well_data a, (SELECT 1 AS one) b",
        "SELECT COUNT(*) AS n FROM well_data WHERE event_id IN (SELECT event_id FROM well_data)",
    ],
)
def test_a_view_is_found_wherever_and_however_it_is_named(ask, sql):
    assert ask(sql) == [{"n": 6}]


def test_a_name_bound_by_with_hides_the_view(ask):
    assert ask("WITH well_data AS (SELECT 1 AS x) SELECT COUNT(*) AS n FROM well_data") == [{"n": 1}]
    assert "scored_readings" not in translate("SELECT * FROM other.well_data", load_views())


def test_views_of_views_work_and_circles_are_refused():
    views = load_views()
    views["flagged"] = parse(
        "CREATE VIEW flagged AS SELECT * FROM well_data WHERE anomaly_flag = 1"
    ).expression
    assert "scored_readings" in translate("SELECT * FROM flagged", views)
    views["circle"] = parse("CREATE VIEW circle AS SELECT * FROM circle").expression
    with pytest.raises(SqlError, match="part of itself"):
        translate("SELECT * FROM circle", views)


def test_a_query_from_another_database_names_the_views(ask):
    sql = translate("SELECT COUNT(*) FROM petrostream.well_data", load_views(), current="default")
    assert "petrostream.scored_readings" in sql
    assert "scored_readings" not in translate("SELECT * FROM well_data", load_views(), current="default")


def test_athenas_arithmetic_and_counting(ask):
    (row,) = ask(
        """SELECT 7 / 2 AS whole, -7 / 2 AS negative, 7.0 / 2 AS exact,
                  SUM(anomaly_flag) / COUNT(*) AS share, 1.0 * SUM(anomaly_flag) / COUNT(*) AS exact_share,
                  COUNT_IF(co2_ppm > 0) AS none
           FROM well_data WHERE well_id = 'W1'"""
    )
    assert (row["whole"], row["negative"], float(row["exact"]), row["share"]) == (3, -3, 3.5, 0)
    assert row["exact_share"] == pytest.approx(0.5)
    assert row["none"] == 0


def test_functions_of_an_analyst(ask):
    (row,) = ask(
        """SELECT approx_percentile(pressure, 0.5) AS median, date_format(MIN(ts), '%Y-%m-%d') AS day,
                  date_diff('second', MIN(ts), MAX(ts)) AS seconds, max_by(event_id, ts) AS newest,
                  COUNT(*) FILTER (WHERE regexp_like(well_id, '^W')) AS wells,
                  MIN(from_iso8601_timestamp('2026-11-20T09:00:00Z')) IS NULL AS missing,
                  cardinality(array_agg(DISTINCT well_id)) AS distinct_wells
           FROM well_data WHERE "date" >= DATE '2026-11-20' AND ts < TIMESTAMP '2026-11-20 23:00:00.000'"""
    )
    assert row["day"] == "2026-11-20"
    assert (row["seconds"], row["newest"], row["wells"], row["distinct_wells"]) == (61, "W1-61", 6, 2)
    assert row["missing"] is False
    assert row["median"] == 2.0e7


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT FROM WHERE", r"^line 1:\d+: "),
        ("SELECT 'abc", "does not end"),
        ("SELECT 1; SELECT 2", "found 2 statements"),
        ("-- nothing", "no statement"),
        ("CREATE VIEW x AS SELECT 1", "sql/views"),
        ("DESCRIBE nowhere", "Table 'petrostream.nowhere' does not exist"),
        (
            "SELECT 1 FROM information_schema.triggers",
            "information_schema.triggers: the local twin has columns",
        ),
        ("SELECT multimap_agg(a, b) FROM t", r"multimap_agg\(\) .*array_agg\(key\).* works on both"),
    ],
)
def test_what_the_twin_cannot_run_is_refused_in_plain_words(sql, message):
    with pytest.raises(SqlError, match=message):
        translate(sql, load_views())


def test_a_file_that_is_no_view_is_named(tmp_path):
    (tmp_path / "broken.sql").write_text("SELECT 1")
    with pytest.raises(SqlError, match=r"broken\.sql: expected one CREATE VIEW"):
        load_views(tmp_path)
