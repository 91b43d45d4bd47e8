"""The service's metrics in its log: what CloudWatch makes metrics of, once a minute."""

import json

import pytest

from lambdas.scoring.cloudwatch import BEHIND, READ, SECONDS, CloudWatch
from lambdas.scoring.counts import COUNTED_ALWAYS
from petrostream.pipeline import Outcome, Tally


class Log:
    """Lines, and a clock that is set by hand."""

    def __init__(self, namespace="PetroStream"):
        self.now = 1_000.0
        self.lines = []
        self.metrics = CloudWatch(namespace, "petrostream-scoring", self.lines.append, lambda: self.now)


def outcome(**counted):
    return Outcome(tally=Tally(**counted))


def test_a_minute_is_one_line_with_its_sums_and_its_worst_delay():
    log = Log()
    log.metrics.batch(outcome(readings=10, quarantined=1), 3)
    log.metrics.behind("a", 2.0)
    log.metrics.behind("b", 7.5)
    assert log.lines == []
    log.now += SECONDS
    log.metrics.batch(outcome(readings=5), 2)
    (line,) = map(json.loads, log.lines)
    assert (line["ReadingsScored"], line["ReadingsQuarantined"], line[READ]) == (15, 1, 5)
    assert line[BEHIND] == 7500
    # The next minute begins from nothing.
    log.now += SECONDS
    log.metrics.behind("a", 0.0)
    second = json.loads(log.lines[1])
    assert (second["ReadingsScored"], second[READ], second[BEHIND]) == (0, 0, 0)


def test_a_line_is_in_the_embedded_metric_format():
    log = Log()
    log.metrics.rejected()
    log.now += SECONDS
    log.metrics.behind("a", 1.0)
    (line,) = map(json.loads, log.lines)
    (described,) = line["_aws"]["CloudWatchMetrics"]
    assert line["_aws"]["Timestamp"] == int(log.now * 1000)
    assert described["Namespace"] == "PetroStream"
    assert described["Dimensions"] == [["service"]]
    assert line["service"] == "petrostream-scoring"
    named = {metric["Name"]: metric["Unit"] for metric in described["Metrics"]}
    assert named == {
        **dict.fromkeys(COUNTED_ALWAYS, "Count"),
        READ: "Count",
        "ModelsRejected": "Count",
        BEHIND: "Milliseconds",
    }
    assert all(isinstance(line[name], int) for name in named)
    assert "\n" not in log.lines[0]


def test_without_a_namespace_nothing_is_written():
    log = Log(namespace="")
    log.now += 10 * SECONDS
    log.metrics.behind("a", 1.0)
    assert log.lines == []


@pytest.mark.parametrize(
    ("environment", "written"), [({}, 0), ({"METRICS_NAMESPACE": "X", "METRICS_SERVICE": "s"}, 1)]
)
def test_the_environment_decides(environment, written, monkeypatch):
    metrics = CloudWatch.from_environment(environment)
    lines = []
    monkeypatch.setattr(metrics, "_write", lines.append)
    monkeypatch.setattr(metrics, "_next", 0.0)
    metrics.behind("a", 1.0)
    assert len(lines) == written
