"""After the days of a run: older days with late readings, months, and runs that were replaced."""

from datetime import timedelta

import pytest

from batch import JobRequest, run_job
from tests.support.gold_lake import DAY, NOW, gold_lake, readings


@pytest.fixture
def lake(tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with gold_lake(tmp_path) as made:
        yield made


def test_an_old_day_with_late_readings_is_taken_and_its_replaced_run_goes(lake):
    lake.land(readings(), "a")
    lake.compact()
    lake.land(readings(first=100, count=7), "late")
    found = run_job(lake.context(), JobRequest("keep"))
    assert (found.job, found.days[DAY]["readings"]) == ("keep", 107)
    assert found.details["months"] == ["2026-11-01"]
    lake.now = NOW + timedelta(days=30)
    assert run_job(lake.context(), JobRequest("keep")).details["runs_deleted"] == 4
    assert lake.ask("SELECT COUNT(*) AS n FROM well_data") == [{"n": 107}]
