"""Cache, queries, frames, problems and the last hour's anomalies."""

import io
import json
import threading
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.charts.downloads import columns_of, csv_of, parquet_of
from dashboard.data import past, queries
from dashboard.data.cache import FAILURE_SECONDS, TtlCache
from dashboard.data.frames import frame_of
from dashboard.data.problems import problem_of
from dashboard.data.recent import AGAIN_MS, AT_ONCE, HOUR_MS, RecentAnomalies
from dashboard.data.sites import load_sites
from dashboard.data.sql import FOLDERS, literal, query
from dashboard.settings import DashboardSettings
from local.athena import bridge
from petrostream.aws.athena import QueryResult, QueryTimedOut
from petrostream.errors import SettingInvalid, Throttled
from tests.support.dashboard import NOW_MS, SETTINGS, FakeLive, minute, unavailable, well

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
WEEK = past.Days.back(NOON, 7)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_a_value_is_made_once_until_its_time_is_up():
    clock, made = Clock(), []
    cache = TtlCache(clock=clock)
    for second in (0, 5, 9.9, 10, 15):
        clock.now = second
        cache.get("key", 10, lambda: made.append(1) or len(made))
    assert len(made) == 2
    cache.forget("key")
    assert cache.peek("key") is None
    assert cache.get("key", 10, lambda: "new") == "new"
    clock.now = 1000
    assert cache.peek("key") == "new"


def test_a_failure_is_not_repeated_at_once_and_not_kept_for_long():
    clock, calls = Clock(), []
    cache = TtlCache(clock=clock)

    def fail():
        calls.append(clock.now)
        raise ValueError("down")

    for second in (0, 1, FAILURE_SECONDS - 0.1, FAILURE_SECONDS):
        clock.now = second
        with pytest.raises(ValueError, match="down"):
            cache.get("key", 3600, fail)
    assert calls == [0, FAILURE_SECONDS]


def test_many_viewers_make_one_read():
    cache, made, start = TtlCache(), [], threading.Barrier(8)

    def view():
        start.wait()
        cache.get("key", 10, lambda: made.append(1))

    threads = [threading.Thread(target=view) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_the_cache_drops_what_was_used_longest_ago():
    cache = TtlCache(most=2)
    for key in ("a", "b", "a", "c"):
        cache.get(key, 10, lambda key=key: key)
    assert [cache.peek(key) for key in ("a", "b", "c")] == ["a", None, "c"]


@given(st.text())
def test_text_stays_one_literal_whatever_it_holds(text):
    shown = literal(text)
    assert shown[0] == shown[-1] == "'"
    assert shown[1:-1].replace("''", "") == text.replace("'", "")
    assert shown[1:-1].count("'") == 2 * text.count("'")


def test_literals_of_athena():
    assert literal(date(2026, 11, 20)) == "DATE '2026-11-20'"
    assert literal(NOON) == "TIMESTAMP '2026-11-20 12:00:00.000'"
    assert literal(5) == "5"
    with pytest.raises(ValueError, match="time zone"):
        literal(datetime(2026, 11, 20))
    with pytest.raises(ValueError, match="not finite"):
        literal(float("nan"))


def test_a_query_needs_its_values_and_its_places():
    with pytest.raises(KeyError, match="well_id"):
        query("well_trend", {"seconds": 1}, seconds=1)
    with pytest.raises(KeyError, match="no place"):
        query("anomalies_total", seconds=1, places={"gauges": "1"})


def test_a_well_with_a_name_like_sql_is_only_a_name():
    made = queries.well_trend("x' OR 1=1 --", NOON - timedelta(hours=1), NOON, ["p_tpt"])
    assert "well_id = 'x'' OR 1=1 --'" in made.sql
    assert bridge.parse(made.sql)


def test_every_file_is_asked_for_and_parses_when_filled_in():
    made = [
        queries.anomalies_total(),
        queries.annunciations(NOON, 24),
        queries.well_trend("W", NOON - timedelta(hours=6), NOON, ["p_tpt", "t_tpt"]),
        queries.well_alarms("W", NOON - timedelta(hours=6), NOON),
        past.facility_trend("F", NOON - timedelta(hours=6), NOON),
        past.facility_summary(WEEK),
        past.anomaly_days(WEEK),
        past.quality_reasons(WEEK),
        past.quarantine_reasons(WEEK),
        past.quarantine_lines(WEEK, "missing:ts"),
        past.scoreboard_runs(),
        past.models(WEEK),
        past.drift(WEEK),
        past.throughput(NOON - timedelta(hours=1), NOON),
        past.freshness(WEEK),
        past.set_aside(NOON - timedelta(hours=1), NOON),
    ]
    assert {one.name for one in made} == {path.stem for path in FOLDERS[0].glob("*.sql")}
    for one in [*made, past.scoreboard()]:
        bridge.translate(one.sql, bridge.load_views())


@given(st.floats(1, 400 * 86400))
def test_a_range_has_at_most_so_many_stretches(seconds):
    length = queries.bucket_seconds(NOON - timedelta(seconds=seconds), NOON)
    assert length == queries.BUCKET_SECONDS[-1] or seconds / length <= queries.BUCKETS
    shorter = [one for one in queries.BUCKET_SECONDS if one < length]
    assert not shorter or seconds / shorter[-1] > queries.BUCKETS


def test_a_range_up_to_midnight_reads_no_day_more():
    midnight = datetime(2026, 11, 21, tzinfo=UTC)
    assert queries.span(NOON, midnight)["last_date"] == date(2026, 11, 20)


def test_frames_have_gaps_for_null_and_times_in_utc():
    result = QueryResult(
        ("n", "x", "at", "day", "name"),
        ("bigint", "double", "timestamp", "date", "varchar"),
        [(1, None, datetime(2026, 11, 20, 12), date(2026, 11, 20), "a"), (None, 2.5, None, None, None)],
        False, "id", 10,
    )  # fmt: skip
    frame = frame_of(result)
    assert [str(kind) for kind in frame.dtypes[:4]] == [
        "float64", "float64", "datetime64[ms, UTC]", "datetime64[ms]",
    ]  # fmt: skip
    assert frame["at"][0] == pd.Timestamp(NOON)
    assert frame["name"].tolist() == ["a", None]
    assert frame_of(QueryResult(("at",), ("timestamp",), [], False, "id", 0)).empty


def test_whole_numbers_are_handed_out_as_such():
    frame = frame_of(QueryResult(("n", "x"), ("bigint", "double"), [(5, 5.0), (None, None)], False, "id", 0))
    assert csv_of(frame).decode().splitlines() == ["n,x", "5,5.0", ","]
    assert pd.read_parquet(io.BytesIO(parquet_of(frame))).dtypes.astype(str).tolist() == ["Int64", "float64"]
    assert columns_of(frame)["n"]["type_config"]["format"] == "localized"
    assert "x" not in columns_of(frame)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (unavailable("athena", "ExpiredTokenException"), "credentials"),
        (unavailable("athena", "AccessDeniedException"), "rights"),
        (unavailable("athena", "ReadTimeoutError"), "unreachable"),
        (Throttled("DynamoDB", "Query", "slow down"), "throttled"),
        (QueryTimedOut("id", 60), "slow"),
        (SettingInvalid("LIVE_TABLE", None, "a name"), "settings"),
        (ZeroDivisionError("x"), "unknown"),
    ],
)
def test_a_problem_says_what_to_do(error, kind):
    problem = problem_of(error)
    assert problem.kind == kind
    assert problem.title.endswith(".")
    assert problem.remedy.endswith(".")


def test_the_last_hour_is_read_once_and_then_a_few_wells_at_a_time():
    names = [f"W{n:02d}" for n in range(10)]
    live = FakeLive(closed={name: [minute(name, 5, 2), minute(name, 61, 50)] for name in names})
    recent = RecentAnomalies(live)
    opened = (minute("W00", 0, 3, closed=False),)
    wells = [well("W00", minutes=opened), *(well(name) for name in names[1:])]
    assert recent.counts(wells, NOW_MS) == {name: 5 if name == "W00" else 2 for name in names}
    assert len(live.calls) == 10
    recent.counts(wells, NOW_MS + 1000)
    assert len(live.calls) == 10
    recent.counts(wells, NOW_MS + AGAIN_MS + 1)
    assert len(live.calls) == 10 + AT_ONCE
    assert sum(recent.counts(wells, NOW_MS + HOUR_MS).values()) == 0
    assert set(recent.counts(wells[:2], NOW_MS)) == {"W00", "W01"}


def test_positions_come_only_from_a_file_that_says_they_are_invented(tmp_path):
    path = tmp_path / "fleet.json"
    assert len(load_sites(SETTINGS.fleet_file).by_facility) == 8
    assert load_sites(None).by_facility == {}
    for document in (
        {"coordinates": "surveyed", "facilities": {"F": {"latitude": 1, "longitude": 2}}},
        {"coordinates": "illustrative", "facilities": {"F": {"latitude": "north"}}},
        {"facilities": []},
        [],
    ):
        path.write_text(json.dumps(document))
        assert load_sites(path).by_facility == {}
    path.write_text("{")
    assert load_sites(path).by_facility == {}


def test_settings_name_what_is_wrong():
    known = {"LIVE_TABLE": "live", "ALARM_STREAM": "alarms"}
    assert DashboardSettings.from_environment(known).workgroup == "petrostream"
    with pytest.raises(SettingInvalid, match="ALARM_STREAM"):
        DashboardSettings.from_environment({"LIVE_TABLE": "live"})
    with pytest.raises(SettingInvalid, match="POWERBI_URL"):
        DashboardSettings.from_environment(known | {"POWERBI_URL": "javascript:alert(1)"})
