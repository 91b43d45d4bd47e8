"""What a run amounts to: the worst verdict, and a text that names every day."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch import BatchSettings, JobContext, JobRequest, RequestInvalid, run_job
from batch.summary import SUBJECT_CHARACTERS, VERDICTS, summed_up
from tests.unit.batch.test_jobs import ENVIRONMENT

ERROR = {"Error": "JobIncomplete", "Cause": '{"errorMessage": "compact: 2026-11-20:\n no such table"}'}


def summary(results, of="nightly"):
    context = JobContext(BatchSettings.from_environment(ENVIRONMENT))
    return run_job(context, JobRequest.from_event({"job": "summary", "of": of, "results": results})).as_dict()


def test_a_failed_day_decides_and_comes_first_with_its_reason():
    answer = summary(
        [
            {"date": "2026-11-19", "verdict": "OK", "summary": "864000 readings"},
            {"date": "2026-11-20", "verdict": "ERROR", "error": ERROR},
            {"date": "2026-11-21", "verdict": "FAILED", "summary": "quarantined share 7.2 %"},
        ]
    )
    assert answer["verdict"] == "ERROR"
    assert answer["subject"] == "PetroStream nightly: 1 ERROR, 1 FAILED, 1 OK"
    first, second, third = answer["text"].splitlines()[1:4]
    assert first.startswith("2026-11-20  ERROR  JobIncomplete: ")
    assert "no such table" in first
    assert second == "2026-11-21  FAILED  quarantined share 7.2 %"
    assert third == "2026-11-19  OK  864000 readings"


def test_a_run_without_days_is_fine():
    answer = summary([])
    assert (answer["verdict"], answer["subject"]) == ("OK", "PetroStream nightly: no day to treat")


@pytest.mark.parametrize(
    "results", [None, "OK", [1], [{"verdict": "OK"}], [{"date": "2026-11-20", "verdict": "FINE"}]]
)
def test_results_that_cannot_be_read_are_refused(results):
    with pytest.raises(RequestInvalid, match="results"):
        summary(results)


@given(st.lists(st.sampled_from(VERDICTS), max_size=400), st.text(max_size=300))
def test_the_verdict_is_the_worst_and_sns_takes_subject_and_text(verdicts, cause):
    results = [
        {"date": f"day {number}", "verdict": verdict, "error": {"Error": "E", "Cause": cause * 20}}
        for number, verdict in enumerate(verdicts)
    ]
    answer = summed_up("nightly", results)
    worst = max(verdicts, key=VERDICTS.index, default="OK")
    assert answer["verdict"] == worst
    assert len(answer["subject"]) <= SUBJECT_CHARACTERS
    assert answer["subject"].isascii()
    assert len(answer["text"].encode()) <= 256 * 1024  # SNS, API reference, Publish
