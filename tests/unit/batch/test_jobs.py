"""Requests are what an event names, or are refused by name; results are JSON."""

import json
from datetime import date

import pytest

from batch import BatchSettings, JobContext, JobRequest, JobResult, RequestInvalid, jobs, run_job
from petrostream.errors import SettingInvalid

ENVIRONMENT = {
    "LAKE_DATABASE": "petrostream",
    "ATHENA_WORKGROUP": "petrostream",
    "RAW_BUCKET": "raw",
    "RAW_PREFIX": "ingest/",
    "CURATED_BUCKET": "curated",
    "QUARANTINE_BUCKET": "quarantine",
    "ARTIFACTS_BUCKET": "artifacts",
    "GOLD_KEEP_DAYS": "7",
    "GOLD_SETTLE_HOURS": "6",
}


@pytest.fixture(autouse=True)
def one_job(monkeypatch):
    monkeypatch.setitem(
        jobs.JOBS,
        "count",
        lambda _, request: JobResult("count", {day: {"done": 1} for day in request.days()}),
    )


def test_a_request_has_the_days_of_its_event():
    asked = JobRequest.from_event({"job": "count", "from": "2026-02-27", "to": "2026-03-02", "model": "v3"})
    assert [str(day) for day in asked.days()] == ["2026-02-27", "2026-02-28", "2026-03-01", "2026-03-02"]
    assert asked.options == {"model": "v3"}


def test_a_date_is_a_range_of_one_day():
    asked = JobRequest.from_event({"job": "count", "date": "2026-11-20"})
    assert list(asked.days()) == [date(2026, 11, 20)]


def test_without_a_date_the_job_chooses():
    asked = JobRequest.from_event({"job": "count"})
    assert (asked.first, asked.last, list(asked.days())) == (None, None, [])


@pytest.mark.parametrize(
    ("event", "named"),
    [
        ({}, "job = None: must be one of"),
        ({"job": "tidy"}, "job = 'tidy': must be one of"),
        ({"job": "count", "date": "20.11.2026"}, "date = '20.11.2026'"),
        ({"job": "count", "from": "2026-11-20"}, "to = None: name both ends"),
        ({"job": "count", "to": "2026-11-20"}, "from = None: name both ends"),
        ({"job": "count", "from": "2026-11-20", "to": "2026-11-19"}, "to = '2026-11-19'"),
        ({"job": "count", "from": "1026-11-20", "to": "2026-11-19"}, "to = '2026-11-19'"),
        (
            {"job": "count", "date": "2026-11-20", "from": "2026-11-20", "to": "2026-11-20"},
            "date = '2026-11-20': goes",
        ),
    ],
)
def test_an_unusable_request_is_refused_by_name(event, named):
    with pytest.raises(RequestInvalid, match=r"^request ") as refused:
        JobRequest.from_event(event)
    assert named in str(refused.value)


def test_a_result_is_json():
    context = JobContext(BatchSettings.from_environment(ENVIRONMENT))
    result = run_job(context, JobRequest.from_event({"job": "count", "date": "2026-11-20"}))
    assert json.loads(json.dumps(result.as_dict())) == {
        "job": "count",
        "days": {"2026-11-20": {"done": 1}},
        "left": [],
        "failed": {},
    }


@pytest.mark.parametrize("name", sorted(ENVIRONMENT))
def test_a_missing_setting_is_named(name):
    with pytest.raises(SettingInvalid, match=name):
        BatchSettings.from_environment({key: value for key, value in ENVIRONMENT.items() if key != name})


def test_a_grace_period_is_a_day_at_least():
    with pytest.raises(SettingInvalid, match="GOLD_KEEP_DAYS is '0'"):
        BatchSettings.from_environment(ENVIRONMENT | {"GOLD_KEEP_DAYS": "0"})
