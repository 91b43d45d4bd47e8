"""The days of a run: those asked for, or the latest finished ones with something to do."""

from datetime import date, timedelta
from types import SimpleNamespace

import pytest

from batch import JobRequest, RequestInvalid, run_job
from tests.support.gold_lake import DAY, gold_lake, readings


@pytest.fixture
def lake(tmp_path, monkeypatch):
    with gold_lake(tmp_path) as lake:
        monkeypatch.setattr(
            "batch.queries.run_sql", lambda sql, **_: SimpleNamespace(dicts=lambda: lake.ask(sql))
        )
        yield lake


def job(lake, name, **event):
    return run_job(lake.context(), JobRequest.from_event({"job": name, **event})).as_dict()


def dates(lake, **given):
    return job(lake, "days", input=given)["dates"]


def test_a_day_is_treated_until_it_is_in_gold_and_has_its_report_and_again_when_rows_come_late(lake):
    lake.now = lake.now.replace(year=2026, month=11, day=22)
    lake.land(readings(), "first")
    assert dates(lake) == [str(DAY)]
    lake.compact(date=str(DAY))
    assert dates(lake) == [str(DAY)]  # the report is missing
    job(lake, "quality", date=str(DAY))
    assert dates(lake) == []
    lake.land(readings(first=200, count=5), "late")
    assert dates(lake) == [str(DAY)]
    lake.compact(date=str(DAY))
    assert dates(lake) == [str(DAY)]  # the report is of the run before
    job(lake, "quality", date=str(DAY))
    assert dates(lake) == []


def test_today_and_days_whose_readings_may_still_come_wait(lake):
    yesterday = lake.now.date() - timedelta(days=1)
    for day in (lake.now.date(), yesterday):
        lake.land(readings(day=day), "one", day=day)
    lake.now = lake.now.replace(hour=5)  # gold.settle_hours is 6
    assert dates(lake) == []
    lake.now = lake.now.replace(hour=7)
    assert dates(lake) == [str(yesterday)]


def test_a_run_looks_back_a_week_or_as_far_as_it_is_told(lake):
    day = lake.now.date() - timedelta(days=8)
    lake.land(readings(day=day), "one", day=day)
    assert dates(lake) == []
    assert dates(lake, days=8) == [str(day)]


@pytest.mark.parametrize(
    "event",
    [
        {"input": {"from": "2026-02-28", "to": "2026-03-01"}},
        {"from": "2026-02-28", "to": "2026-03-01"},
    ],
)
def test_days_that_are_asked_for_are_treated_with_or_without_rows(lake, event):
    assert job(lake, "days", **event)["dates"] == ["2026-02-28", "2026-03-01"]


def test_one_date_is_a_day(lake):
    assert dates(lake, date=str(date(2026, 11, 1))) == ["2026-11-01"]


@pytest.mark.parametrize(
    "given", ["2026-11-20", {"days": 0}, {"days": True}, {"days": "7"}, {"days": 400}, {"from": "2026-11-20"}]
)
def test_an_input_that_cannot_be_used_is_refused(lake, given):
    with pytest.raises(RequestInvalid):
        job(lake, "days", input=given)
