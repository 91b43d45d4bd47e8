"""The days of a run: those asked for, or the latest finished ones with rows."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from batch import BatchSettings, JobContext, JobRequest, RequestInvalid, run_job
from tests.unit.batch.test_jobs import ENVIRONMENT


class Curated:
    """A bucket with an object on some dates."""

    def __init__(self, *days: str) -> None:
        self.days = set(days)
        self.asked: list[str] = []

    def list_objects_v2(self, **request: str | int) -> dict[str, int]:
        assert (request["Bucket"], request["MaxKeys"]) == ("curated", 1)
        prefix = str(request["Prefix"])
        self.asked.append(prefix)
        return {"KeyCount": int(any(prefix == f"scored_readings/date={day}/" for day in self.days))}


def dates(event, bucket=None, now=datetime(2026, 11, 27, 6, 30, tzinfo=UTC)):
    context = JobContext(
        BatchSettings.from_environment(ENVIRONMENT), client=lambda _: bucket or Curated(), clock=lambda: now
    )
    return run_job(context, JobRequest.from_event({"job": "days", **event})).as_dict()["dates"]


def test_without_a_wish_the_finished_days_with_rows_are_treated_oldest_first():
    bucket = Curated("2026-11-19", "2026-11-20", "2026-11-26", "2026-11-27")
    assert dates({"input": {}}, bucket) == ["2026-11-20", "2026-11-26"]
    # Today is not over.
    assert not any("11-27" in prefix for prefix in bucket.asked)


def test_a_run_may_look_back_further():
    assert dates({"input": {"days": 8}}, Curated("2026-11-19")) == ["2026-11-19"]


def test_days_are_those_of_utc_whatever_the_clock_says():
    late = datetime(2026, 11, 27, 1, 0, tzinfo=timezone(timedelta(hours=3)))  # 22:00 of the 26th in UTC
    assert dates({"input": {"days": 1}}, Curated("2026-11-26", "2026-11-25"), late) == ["2026-11-25"]


@pytest.mark.parametrize("event", [{"input": {"from": "2026-02-28", "to": "2026-03-01"}},
                                   {"from": "2026-02-28", "to": "2026-03-01"}])  # fmt: skip
def test_days_that_are_asked_for_are_treated_with_or_without_rows(event):
    assert dates(event) == ["2026-02-28", "2026-03-01"]


def test_one_date_is_a_day():
    assert dates({"input": {"date": str(date(2026, 11, 1))}}) == ["2026-11-01"]


@pytest.mark.parametrize(
    "given", ["2026-11-20", {"days": 0}, {"days": True}, {"days": "7"}, {"days": 400}, {"from": "2026-11-20"}]
)
def test_an_input_that_cannot_be_used_is_refused(given):
    with pytest.raises(RequestInvalid):
        dates({"input": given})
