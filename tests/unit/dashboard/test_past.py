"""The pages Facility, History, Detector and Pipeline in each of their states, run over ports in memory."""

import io
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.charts.bands import Stretches
from dashboard.charts.downloads import csv_of, parquet_of
from dashboard.data.ports import Spend
from dashboard.units import SI
from dashboard.views.detector import baseline_rows, score_tiles
from dashboard.views.facility import trend_charts
from dashboard.views.history import raw_text, refusal
from dashboard.views.pipeline import cost_tile, error_tile, flow_tiles
from petrostream.aws.athena import QueryFailed
from petrostream.aws.undelivered import Undelivered
from tests.support.dashboard import (
    NOW_MS,
    FakeLake,
    FakeLive,
    FakePipeline,
    World,
    fleet,
    instant,
    page,
    reading,
    texts,
    unavailable,
    well,
)

PAGES = ("facility", "history", "detector", "pipeline")
END = datetime.fromtimestamp(NOW_MS / 1000, UTC)
START = END - timedelta(hours=1)
DAY = pd.Timestamp(NOW_MS, unit="ms").normalize()

TREND = pd.DataFrame(
    {
        "bucket": [instant(NOW_MS - 60_000 * n) for n in (3, 2, 1)],
        "readings": [60.0] * 3,
        "matched": [60.0, 30.0, 0.0],
        "methane_mean": [1000.0, 2000.0, 9000.0],
        "methane_max": [1100.0, 2100.0, 9900.0],
        "vapor_mean": [float("nan")] * 3,
        "vapor_max": [float("nan")] * 3,
        "level_mean": [40.0, 41.0, 42.0],
        "tank_pressure_max": [2e5] * 3,
        "risk_max": [0.0, 0.0, 80.0],
        "alerts": [0.0, 0.0, 3.0],
    }
)
SUMMARY = pd.DataFrame({"facility_id": ["FAC-01"], "readings": [180.0], "date": [DAY]})
DAYS = pd.DataFrame(
    {
        "well_id": ["WELL-00001", "WELL-00002"],
        "day": [DAY, DAY],
        "readings": [100.0, 200.0],
        "anomalies": [10.0, 0.0],
        "anomalies_pct": [10.0, 0.0],
        "readings_in_alarm": [5.0, 0.0],
        "max_risk": [60.0, 0.0],
        "data_quality_mean": [99.0, 70.0],
        "data_quality_min": [80.0, 30.0],
        "readings_with_reasons": [1.0, 50.0],
    }
)
REASONS = pd.DataFrame({"reason": ["late:ts"], "readings": [50.0], "wells": [1.0]})
REJECTED = pd.DataFrame({"reason": ["not_json"], "lines": [2.0]})
LINES = pd.DataFrame(
    {
        "quarantined_at": [instant(NOW_MS), instant(NOW_MS)],
        "reasons": ["not_json", "missing:ts"],
        "raw_bytes": [24.0, 9.0],
        "raw_truncated": [False, False],
        "raw_encoding": ["utf-8", "base64"],
        "raw": ["<script>alert(1)</script>\x1b[2J", "/w=="],
    }
)
BOARD = pd.DataFrame(
    {
        "instances": [3.0], "events": [3.0], "missed": [1.0], "early": [0.0], "normal_hours": [2.0],
        "false_alarms": [1.0], "false_alarms_per_hour": [0.5], "median_false_alarms_per_hour": [0.0],
        "normal_share_in_alarm": [0.01], "median_delay_s": [12.0], "p90_delay_s": [30.0],
    }
)  # fmt: skip
RUNS = pd.DataFrame({"well_id": ["WELL-00001"], "source": ["real/a"], "missed": [1.0]})
MODELS = pd.DataFrame(
    {
        "well_id": ["WELL-00001", "WELL-00002", "WELL-00003"],
        "model_version": ["v1", "v1", None],
        "model_kind": ["commissioned", "fleet", None],
        "versions": [1.0, 1.0, 0.0],
        "baseline_age_days": [2.0, float("nan"), float("nan")],
        "readings": [100.0, 100.0, 100.0],
        "scored": [90.0, 80.0, 0.0],
        "last_reading": [instant(NOW_MS)] * 3,
    }
)
DRIFT = pd.DataFrame(
    {
        "well_id": ["WELL-00001", "WELL-00001"],
        "day": [DAY - pd.Timedelta(days=1), DAY],
        "readings": [100.0, 100.0],
        "level_shift": [1.0, -7.0],
        "level_shift_sensor": ["p_tpt", "p_tpt"],
        "outdated_hours": [0.0, 3.0],
    }
)
FLOW = pd.DataFrame(
    {
        "bucket": [instant(NOW_MS - 60_000 * n) for n in (2, 1, 0)],
        "readings": [600.0, 600.0, 10.0],
        "late": [3.0, 0.0, 0.0],
        "unscored": [0.0, 6.0, 0.0],
        "lag_median_s": [1.5, 2.0, 1.0],
        "lag_max_s": [3.0, 9.0, 1.0],
    }
)
FRESH = pd.DataFrame(
    {
        "table_name": ["alarms", "facility_readings", "quarantine", "scored_readings"],
        "landed": [3.0, 0.0, 10.0, 1210.0],
        "last_row": [instant(NOW_MS), pd.NaT, instant(NOW_MS - 3_600_000), instant(NOW_MS - 2000)],
    }
)
FRAMES = {
    "FROM facility_data": TREND,
    "FROM facility_days": SUMMARY,
    "FROM well_days": DAYS,
    "FROM quality_days": REASONS,
    "SELECT\n  reason": REJECTED,
    "ARRAY_JOIN(reasons": LINES,
    "median_delay_s": BOARD,
    "FROM recent_scoreboard\nORDER": RUNS,
    "AS model_version": MODELS,
    "FROM well_drift": DRIFT,
    "lag_median_s": FLOW,
    "COUNT(*) AS quarantined": pd.DataFrame({"quarantined": [10.0]}),
    "AS table_name": FRESH,
}


def _world(**changes: object) -> World:
    live = FakeLive(fleet(well("WELL-00001", methane_ppm=9000.0), well("WELL-00002", "FAC-02")))
    return World(**({"live": live, "lake": FakeLake(FRAMES)} | changes))


def _open(app: AppTest, tab: str) -> AppTest:
    """Open a tab of History."""
    app.session_state["history_tabs"] = tab
    return app.run()


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_an_empty_lake_says_what_to_do(monkeypatch, name):
    empty = {word: frame.iloc[:0] for word, frame in FRAMES.items()}
    with reading(World(lake=FakeLake(empty)), monkeypatch):
        app = page(name)
    assert not app.exception
    assert "Nothing to show" in texts(app)


@pytest.mark.parametrize("name", PAGES)
def test_a_failing_athena_is_explained_on_each_page(monkeypatch, name):
    with reading(_world(lake=FakeLake(error=QueryFailed("TABLE_NOT_FOUND: line 3"))), monkeypatch):
        app = page(name)
    assert not app.exception
    assert "Athena failed the query." in texts(app)
    assert "TABLE_NOT_FOUND: line 3" in texts(app)


@pytest.mark.parametrize("name", PAGES)
def test_expired_credentials_are_named_on_each_page(monkeypatch, name):
    lake = FakeLake(error=unavailable("Athena", "ExpiredTokenException"))
    with reading(_world(lake=lake), monkeypatch):
        app = page(name)
    assert not app.exception
    assert "The AWS credentials have expired." in texts(app)


def test_a_facility_shows_its_present_and_what_reports(monkeypatch):
    with reading(_world(), monkeypatch):
        app = page("facility")
    said = texts(app)
    assert not app.exception
    assert "Methane at the wells, ppm" in said
    assert '<div class="ps-value">9,000</div>' in said
    charts = [name for name, _ in trend_charts(Stretches(TREND, START, END, 60), SI)]
    assert charts == ["methane_max", "level_mean", "tank_pressure", "risk_max", "share"]


def test_an_unknown_facility_is_named(monkeypatch):
    with reading(_world(), monkeypatch):
        app = page("facility", {"facility": "FAC-99"})
    assert not app.exception
    assert "No facility FAC-99 has sent a reading." in texts(app)


def test_history_asks_only_for_the_open_tab(monkeypatch):
    world = _world()
    with reading(world, monkeypatch):
        app = page("history")
        assert not app.exception
        assert all("FROM well_days" in sql for sql in world.lake.asked)
        app = _open(app, "Quarantine")
    assert not app.exception
    assert any("quarantine_lines" in sql for sql in world.lake.asked)
    assert not any("quality_days" in sql for sql in world.lake.asked)


def test_a_quarantined_line_is_shown_as_it_was_sent_and_harmless(monkeypatch):
    with reading(_world(), monkeypatch):
        app = _open(page("history"), "Quarantine")
    assert not app.exception
    assert "<script>alert(1)</script>\\x1b[2J" in [code.value for code in app.code]


def test_own_sql_runs_once_it_is_asked_and_only_if_it_reads(monkeypatch):
    rows = pd.DataFrame({"n": [1.0]})
    world = _world(lake=FakeLake({"own question": rows, **FRAMES}))
    with reading(world, monkeypatch):
        app = _open(page("history"), "SQL")
        app.text_area(key="own_sql_text").input("SELECT 1 AS n -- own question;")
        app.button(key="FormSubmitter:own_sql-Run").click().run()
        assert not app.exception
        assert world.lake.asked[-1] == "SELECT 1 AS n -- own question"
        app.text_area(key="own_sql_text").input("DROP TABLE scored_readings")
        app.button(key="FormSubmitter:own_sql-Run").click().run()
    assert not app.exception
    assert "DROP is not run here" in app.warning[0].value
    assert not any("DROP" in sql for sql in world.lake.asked)


def test_the_detector_page_has_its_figures(monkeypatch):
    with reading(_world(), monkeypatch):
        app = page("detector")
    said = texts(app)
    assert not app.exception
    missed = said.partition('data-tile="missed"')[2].partition("data-tile")[0]
    assert '<span class="ps-flag">abnormal</span>' in missed
    assert '<div class="ps-value">12 s</div>' in said
    assert '<div class="ps-value">0.50</div>' in said


def test_the_pipeline_page_has_its_figures(monkeypatch):
    waiting = Undelivered("petrostream-delivery", "bucket", ("errors/a", "errors/b"), 10)
    pipeline = FakePipeline([waiting], Spend(12.5, 31.0, 25.0))
    with reading(_world(pipeline=pipeline), monkeypatch):
        app = page("pipeline")
    said = texts(app)
    assert not app.exception
    assert "petrostream-delivery: 2" in said
    assert "of $25.00, $31.00 expected" in said
    assert "0.25 % of 1,210" in said


def test_a_firehose_that_may_not_be_read_leaves_the_bill(monkeypatch):
    pipeline = FakePipeline(error=unavailable("Firehose", "AccessDeniedException"))
    with reading(_world(pipeline=pipeline), monkeypatch):
        app = page("pipeline")
    assert not app.exception
    assert "The credentials may not read" in texts(app)
    assert "this lake runs on this machine" in texts(app)


def test_downloads_keep_types_and_defuse_formulas():
    frame = pd.DataFrame(
        {"well_id": ["=cmd()", "-1.5"], "ts": [instant(NOW_MS)] * 2, "p": [1.5, float("nan")]}
    )
    lines = csv_of(frame).decode().splitlines()
    assert lines[1] == "'=cmd(),2025-11-27T10:03:00.000000Z,1.5"
    assert lines[2] == "-1.5,2025-11-27T10:03:00.000000Z,"
    back = pd.read_parquet(io.BytesIO(parquet_of(frame)))
    pd.testing.assert_frame_equal(back, frame)


@pytest.mark.parametrize(
    ("sql", "runs"),
    [
        ("SELECT 1", True),
        ("-- why\nWITH a AS (SELECT 1) SELECT * FROM a", True),
        ("(SELECT 1)", True),
        ("show tables", True),
        ("DELETE FROM well_data", False),
        ("create table x as select 1", False),
        ("", False),
        ("-- only a comment", False),
        ("SELECT 1; DROP TABLE scored_readings", False),
        ("SELECT 1 AS a;\nSELECT 2 AS b;", False),
        ("SELECT 'a;b' AS t, \"c;d\" FROM x -- e;f", True),
        ("SELECT 1; -- that is all;", True),
        ("/* what; is */ DELETE FROM well_data", False),
        ("/* what is */ SELECT 1", True),
        ("-- what is\nDELETE FROM well_data", False),
        ("/* SELECT */", False),
    ],
)
def test_the_box_runs_what_reads(sql, runs):
    assert (refusal(sql) is None) == runs


def test_wells_without_a_baseline_come_first_with_what_to_do():
    rows = baseline_rows(MODELS)
    assert rows["well_id"].tolist() == ["WELL-00002", "WELL-00003", "WELL-00001"]
    assert rows["to_do"].tolist() == [
        "no valid baseline: petrostream commission", "no model: petrostream publish-model", "",
    ]  # fmt: skip
    assert rows["scored_pct"].tolist() == [80.0, 0.0, 90.0]


def test_a_scoreboard_without_events_claims_nothing():
    board = BOARD.assign(events=0.0, missed=0.0, normal_hours=0.0, median_delay_s=float("nan"))
    values = {tile.key: tile.value for tile in score_tiles(board)}
    assert (values["delay"], values["false_alarms"], values["in_alarm"]) == ("-", "-", "-")


def test_quarantined_lines_are_no_readings_but_count_in_the_whole():
    tiles = {tile.key: tile for tile in flow_tiles(FLOW, 90, 60)}
    assert tiles["late"].note == "0.25 % of 1,210"
    assert tiles["quarantined"].note == "6.92 % of 1,300"
    assert tiles["quarantined"].abnormal
    assert not tiles["late"].abnormal
    # Of the stretch before the last, which is over.
    assert tiles["throughput"].value == "10.0"


def test_each_run_of_the_scoreboard_is_asked_for_only_if_wanted(monkeypatch):
    world = _world()
    with reading(world, monkeypatch):
        app = page("detector")
        assert not any("FROM recent_scoreboard\nORDER" in sql for sql in world.lake.asked)
        app.toggle(key="scoreboard_runs").set_value(True).run()
    assert not app.exception
    assert any("FROM recent_scoreboard\nORDER" in sql for sql in world.lake.asked)


def test_nothing_undelivered_and_no_bill_are_said():
    nothing = error_tile([Undelivered("petrostream-delivery", "bucket", (), 0)])
    assert (nothing.value, nothing.abnormal) == ("0", False)
    assert cost_tile(None, billed=False).value == "$0.00"
    assert cost_tile(Spend(1.0, None, 25.0), billed=True).note == "of $25.00"
    assert cost_tile(Spend(26.0, None, 25.0), billed=True).abnormal


def test_what_is_not_watched_is_no_good_news():
    assert error_tile([]).value == "-"
    assert cost_tile(None, billed=True).value == "-"


def test_a_line_that_was_no_text_says_so():
    assert raw_text(LINES.iloc[1].to_dict()) == "(base64: the line was no valid text)\n/w=="


def test_no_line_of_a_facility_or_of_the_lag_crosses_a_gap():
    rows = pd.DataFrame(
        {
            "bucket": [START + timedelta(minutes=n) for n in (0, 1, 30, 31)],
            "mean": [1.0] * 4,
            "most": [2.0] * 4,
        }
    )
    drawn = Stretches(rows, START, END, 60).bands("mean", "most", "a title").to_dict()
    (data,) = [one for one in drawn["datasets"].values() if "mean" in one[0]]
    assert [row["mean"] for row in data] == [1.0, 1.0, None, 1.0, 1.0]
