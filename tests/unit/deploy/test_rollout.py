"""A deployment of the services ends when the new tasks run, and fails where ECS gives them up."""

import pytest

from deploy import rollout
from tests.unit.deploy.test_images import names
from toolchain.errors import ToolError

NEW, OLD = "arn:aws:ecs:eu-west-1:123456789012:task-definition/x:2", "…/x:1"
EVENTS = [{"message": "(service x) failed container health checks."}]


def service(name, definition=NEW, state="COMPLETED", others=0, running=1, **more):
    primary = {"status": "PRIMARY", "rolloutState": state, **more}
    return {
        "serviceName": name, "status": "ACTIVE", "taskDefinition": definition, "desiredCount": 1,
        "runningCount": running, "events": EVENTS, "deployments": [primary, *[{"status": "ACTIVE"}] * others],
    }  # fmt: skip


class Ecs:
    """Answers one after the other, the last one for ever."""

    def __init__(self, *answers):
        self.answers = list(answers)

    def describe_services(self, cluster, services):
        assert (cluster, services) == ("petrostream-services", [SCORING, DASHBOARD])
        return {"services": self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]}


SCORING, DASHBOARD = "petrostream-scoring-service", "petrostream-dashboard"


def wait(monkeypatch, *answers):
    ecs = Ecs(*answers)
    monkeypatch.setattr(rollout, "client", lambda _: ecs)
    now = [0.0]

    def sleep(seconds):
        now[0] += seconds

    rollout.wait_for_services(names(), print, sleep, lambda: now[0])
    return now[0]


def test_it_waits_until_every_service_runs_only_the_new_tasks(monkeypatch):
    done = [service(SCORING), service(DASHBOARD)]
    seconds = wait(
        monkeypatch,
        [service(SCORING, state="IN_PROGRESS"), service(DASHBOARD)],
        [service(SCORING, state="IN_PROGRESS"), service(DASHBOARD)],
        [service(SCORING, others=1), service(DASHBOARD)],
        [service(SCORING, running=0), service(DASHBOARD)],
        done,
    )
    assert seconds == 3 * rollout.POLL_SECONDS


def test_a_rollback_by_the_circuit_breaker_is_a_failure(monkeypatch):
    with pytest.raises(
        ToolError, match=r"rolled petrostream-scoring-service back to x:1(.|\n)*health checks"
    ):
        wait(
            monkeypatch,
            [service(SCORING, state="IN_PROGRESS"), service(DASHBOARD)],
            [service(SCORING, OLD), service(DASHBOARD)],
        )


def test_a_deployment_that_fails_says_why(monkeypatch):
    failed = service(DASHBOARD, state="FAILED", rolloutStateReason="tasks failed to start")
    with pytest.raises(ToolError, match="tasks failed to start"):
        wait(monkeypatch, [service(SCORING), failed])


def test_it_does_not_wait_for_ever(monkeypatch):
    with pytest.raises(
        ToolError, match=r"petrostream-dashboard is not stable after 1200 s(.|\n)*health checks"
    ):
        wait(monkeypatch, [service(SCORING), service(DASHBOARD, state="IN_PROGRESS")])


def test_a_service_that_is_not_there_is_named(monkeypatch):
    with pytest.raises(ToolError, match="no service petrostream-dashboard"):
        wait(monkeypatch, [service(SCORING)])
