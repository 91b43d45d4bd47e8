"""The function of jobs runs what its event names, within its time."""

from datetime import date
from types import SimpleNamespace

import pytest

from batch import JobResult, RequestInvalid, jobs
from lambdas.batch.handler import MARGIN_SECONDS, JobIncomplete, handler
from tests.unit.batch.test_jobs import ENVIRONMENT


@pytest.fixture
def context(monkeypatch):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    return SimpleNamespace(
        get_remaining_time_in_millis=lambda: 100_000,
        function_name="petrostream-batch",
        memory_limit_in_mb=1024,
        invoked_function_arn="arn",
        aws_request_id="1",
    )


def test_the_job_of_the_event_is_run_and_answers(context, monkeypatch):
    seen = []

    def job(surroundings, request):
        seen.append((surroundings, request))
        return JobResult("count", {day: {"rows": 3} for day in request.days()})

    monkeypatch.setitem(jobs.JOBS, "count", job)
    answer = handler({"job": "count", "date": "2026-11-20"}, context)
    assert answer == {"job": "count", "days": {"2026-11-20": {"rows": 3}}, "left": [], "failed": {}}
    surroundings, request = seen[0]
    assert surroundings.settings.curated_bucket == "curated"
    assert 100 - MARGIN_SECONDS - 5 < surroundings.deadline.remaining() <= 100 - MARGIN_SECONDS
    assert request.job == "count"


def test_days_that_failed_or_were_not_reached_fail_the_invocation(context, monkeypatch):
    """Step Functions sees an error only; an answer with failures in it would be a success."""
    day = date(2026, 11, 20)
    for result in (JobResult("count", failed={day: "no such table"}), JobResult("count", left=(day,))):
        monkeypatch.setitem(jobs.JOBS, "count", lambda *_, result=result: result)
        with pytest.raises(JobIncomplete, match=r"count: 2026-11-20: no(t reached| such table)"):
            handler({"job": "count", "date": "2026-11-20"}, context)


def test_an_unknown_job_is_an_error(context):
    with pytest.raises(RequestInvalid, match="job = 'tidy'"):
        handler({"job": "tidy"}, context)
