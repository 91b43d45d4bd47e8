"""At the end of a replay the lake is asked what it has, where it can be asked."""

import pytest
from botocore.exceptions import EndpointConnectionError

from ops.outcome import ReadingCounts, Run
from producer import landing as module
from producer.landing import landing

RUN = Run(10, {"2/x": 5}, {"FAC-01"}, 0, 0, 1)


@pytest.fixture(autouse=True)
def _twin(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr(module, "client", lambda service: service)
    monkeypatch.setattr(module, "objects_under_errors", lambda firehose, s3: 2)
    monkeypatch.setattr(
        module, "outcome_of_run", lambda ask, run, objects: ReadingCounts(7, 1, 2, 1, objects)
    )


def test_counts_come_with_what_lists_them():
    found = list(landing(RUN, sent_now=True))
    assert found[0] == "In the lake so far:"
    assert "7 of 10 readings" in found[1]
    assert any("python -m ops redeliver" in line for line in found)
    assert found[-1].startswith("  not there yet 2")


def test_aws_is_asked_only_when_nothing_was_sent_just_now(monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    (advice,) = landing(RUN, sent_now=True)
    assert "--resume in a few minutes" in advice
    assert len(list(landing(RUN, sent_now=False))) > 5


def test_a_lake_that_cannot_be_asked_is_no_failure_of_the_replay(monkeypatch):
    def refuse(*_):
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    monkeypatch.setattr(module, "outcome_of_run", refuse)
    (line,) = landing(RUN, sent_now=True)
    assert line.startswith("What has landed could not be counted: Could not connect")
