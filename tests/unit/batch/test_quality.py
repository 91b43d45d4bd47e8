"""A day's report is asked in SQL, kept in gold, and replaced as a whole; a training looks for quiet hours."""

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pyarrow as pa
import pytest

from batch import JobRequest, RequestInvalid, run_job
from batch.queries import statement
from petrostream.aws.athena import QueryFailed
from tests.support.gold_lake import DAY, gold_lake, readings


@pytest.fixture
def lake(tmp_path, monkeypatch):
    with gold_lake(tmp_path) as lake:
        monkeypatch.setattr(
            "batch.queries.run_sql", lambda sql, **_: SimpleNamespace(dicts=lambda: lake.ask(sql))
        )
        yield lake


def report(lake, day=DAY):
    return run_job(lake.context(), JobRequest.from_event({"job": "quality", "date": str(day)}))


def kept(lake, measure, well="WELL-00001"):
    rows = lake.ask(
        f"SELECT * FROM gold_quality WHERE date = DATE '{DAY}' AND measure = '{measure}' "
        f"AND COALESCE(well_id, 'lake') = '{well}'"
    )
    assert len(rows) == 1, rows
    return rows[0]


@pytest.mark.parametrize("compacted", [False, True])
def test_a_days_report_counts_what_landed_in_gold_or_before_it(lake, compacted):
    lake.land(readings(count=100, every_s=1.0), "a")
    lake.land(readings(count=100, every_s=1.0), "again")
    lake.land(readings("WELL-00002", count=50, every_s=1.0, first=0), "b")
    if compacted:
        lake.compact(date=str(DAY))
    result = report(lake)
    assert result.days[DAY]["summary"].startswith("150 readings of 2 wells")
    assert kept(lake, "duplicate_share", "lake")["value"] == pytest.approx(100 / 250)
    assert kept(lake, "duplicate_share", "lake")["verdict"] == "WARN"
    assert kept(lake, "missing_share", "lake")["value"] == 0
    assert kept(lake, "readings")["value"] == 100
    assert kept(lake, "completeness", "WELL-00002")["value"] == 1
    assert result.as_dict()["verdict"] == result.days[DAY]["verdict"]


def test_gaps_are_counted_and_measured(lake):
    lake.land(readings(count=10, every_s=1.0), "a")
    lake.land(readings(count=10, every_s=1.0, first=3600), "b")
    report(lake)
    assert kept(lake, "gaps")["value"] == 1
    assert kept(lake, "longest_gap")["value"] == 3600 - 9
    assert kept(lake, "completeness")["value"] == pytest.approx(2 / 61)
    assert kept(lake, "completeness")["verdict"] == "FAILED"


def test_a_second_report_replaces_the_first_as_a_whole(lake):
    lake.land(readings(count=10, every_s=1.0), "a")
    report(lake)
    lake.land(readings(count=10, every_s=1.0, first=10), "b")
    report(lake)
    assert kept(lake, "readings")["value"] == 20
    assert len({key.split("/run=")[1].split("/")[0] for key in lake.keys("gold/quality/")}) == 2


def test_a_day_without_readings_has_a_report_of_the_lake(lake):
    result = report(lake)
    assert result.days[DAY] == {"verdict": "OK", "summary": "0 readings of 0 wells"}
    assert kept(lake, "readings", "lake")["value"] == 0


def test_a_query_that_fails_is_the_days_reason_and_no_report_is_kept(lake, monkeypatch):
    def refuse(sql, **_):
        raise QueryFailed("SYNTAX_ERROR: line 1:1")

    monkeypatch.setattr("batch.queries.run_sql", refuse)
    assert report(lake).failed == {DAY: "SYNTAX_ERROR: line 1:1"}
    assert not lake.keys("gold/quality/")


def test_a_report_is_of_named_days(lake):
    with pytest.raises(RequestInvalid, match="name a day"):
        run_job(lake.context(), JobRequest.from_event({"job": "quality"}))


def test_normal_stretches_end_where_a_label_an_alarm_or_a_gap_begins(lake):
    """Forty minutes, an alarm, forty minutes; then twenty, which are too few."""
    rows = [
        readings(count=40, every_s=60.0, source="0/A", alarm_active=0),
        readings(count=1, every_s=60.0, first=40, source="0/A", alarm_active=1),
        readings(count=40, every_s=60.0, first=41, source="0/A", alarm_active=0),
        readings(count=20, every_s=60.0, first=120, source="0/A", alarm_active=0),
    ]
    lake.land(pa.concat_tables(rows), "a")
    found = lake.ask(statement("normal_stretches", first_day=DAY, last_day=DAY))
    spans = [(row["began"].strftime("%H:%M"), row["ended"].strftime("%H:%M")) for row in found]
    assert spans == [("00:41", "01:21"), ("00:00", "00:40")]


def test_the_models_week_is_counted_well_by_well(lake):
    rows = readings(count=100, every_s=1.0, model_kind="commissioned", alarm_active=1, baseline_age_days=8.5)
    lake.land(rows, "a")
    lake.now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    answer = run_job(lake.context(), JobRequest.from_event({"job": "evaluate"})).as_dict()
    assert answer["verdict"] == "DUE"
    assert "its baseline is 8 days old" in answer["text"]
    assert answer["wells"]["WELL-00001"]["normal_readings"] == 100
    before = {"from": str(date(2026, 11, 1)), "to": str(date(2026, 11, 19))}
    assert (
        run_job(lake.context(), JobRequest.from_event({"job": "evaluate", **before})).as_dict()["wells"] == {}
    )
