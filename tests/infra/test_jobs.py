"""State machines in the words of Amazon States Language: valid, retried, bounded, and never silent."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from batch import JOBS
from infra import machines, watch
from infra.settings import load_settings
from tests.support.paths import ROOT

SETTINGS = load_settings()
PLACE = watch.AccountRegion(account="123456789012", region="eu-north-1", partition="aws")


@pytest.fixture(scope="module", params=machines.MACHINES)
def machine(request) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(machines.definition(request.param, SETTINGS, PLACE))
    return document


def _graphs(machine: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The machine, and the graph of each of its maps."""
    yield machine
    for state in machine["States"].values():
        if state["Type"] == "Map":
            yield from _graphs(state["ItemProcessor"])


def _states(machine: dict[str, Any], kind: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for graph in _graphs(machine):
        for name, state in graph["States"].items():
            if kind in ("", state["Type"]):
                yield name, state


def _next(state: dict[str, Any]) -> set[str]:
    """Names of the states that may follow."""
    rows = (state, *state.get("Catch", ()), *state.get("Choices", ()))
    return {row["Next"] for row in rows if "Next" in row} | {
        state[key] for key in ("Default",) if key in state
    }


def test_every_state_is_reached_and_leads_to_an_end(machine):
    for graph in _graphs(machine):
        states = graph["States"]
        reached, waiting = set(), [graph["StartAt"]]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += _next(states[name])
        assert reached == set(states)
        ends = [s for s in states.values() if s.get("End") or s["Type"] in ("Succeed", "Fail")]
        assert ends


def test_every_call_of_a_job_is_bounded_retried_with_jitter_and_caught(machine):
    calls = [(n, s) for n, s in _states(machine, "Task") if s["Resource"].endswith(":lambda:invoke")]
    assert calls
    for name, state in calls:
        assert state["TimeoutSeconds"] == SETTINGS.batch.timeout_seconds + machines.GRACE_SECONDS, name
        refused, *retriers = state["Retry"]
        # What is wrong with a request is wrong again.
        assert refused == {"ErrorEquals": ["RequestInvalid", "SettingInvalid"], "MaxAttempts": 0}
        for retrier in retriers:
            assert retrier["BackoffRate"] == 2
            assert retrier["JitterStrategy"] == "FULL"
            assert retrier["MaxDelaySeconds"] <= 60
            assert 1 <= retrier["MaxAttempts"] <= 6
        # The emulator and AWS name the errors of functions differently: one retrier takes what no other does.
        assert "States.TaskFailed" in retriers[-1]["ErrorEquals"]
        assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"]


def test_no_failure_is_silent(machine):
    """Whatever ends in Fail went through a message, unless that could not be sent."""
    states = machine["States"]
    into_failure = {name for name, state in states.items() if "Failed" in _next(state)}
    assert into_failure <= {"Report", "ReportError"}
    for name in into_failure:
        assert states[name]["Resource"].endswith(":sns:publish")
        topic = f"arn:aws:sns:{PLACE.region}:{PLACE.account}:{SETTINGS.ops.topic}"
        assert states[name]["Parameters"]["TopicArn"] == topic
    assert (ROOT / states["Failed"]["Cause"].rsplit(" ", 1)[1]).is_file()


def test_a_day_that_fails_leaves_the_others_alone(machine):
    for _, state in _states(machine, "Map"):
        assert state["MaxConcurrency"] == SETTINGS.batch.concurrency
        inner = state["ItemProcessor"]["States"]
        assert not [s for s in inner.values() if s["Type"] == "Fail"]
        assert inner["DayFailed"]["End"] is True
        for name, step in inner.items():
            if step["Type"] == "Task":
                assert step["Catch"][-1]["Next"] == "DayFailed", name


def test_a_distributed_map_has_what_the_emulator_runs_and_nothing_that_it_ignores(machine):
    """It ignores ItemBatcher, ResultWriter and JSONata, and would succeed all the same."""
    text = json.dumps(machine)
    for word in ("ItemBatcher", "ResultWriter", "JSONata", "QueryLanguage", "MaxConcurrencyPath", ".sync"):
        assert word not in text


def test_every_job_a_machine_calls_is_one_there_is(machine):
    named = [state["Parameters"]["Payload"]["job"] for _, state in _states(machine, "Task")
             if state["Resource"].endswith(":lambda:invoke")]  # fmt: skip
    assert named
    assert set(named) <= set(JOBS)


def test_both_definitions_schedule_what_the_settings_say(aws):
    schedules = {
        s["Properties"]["Name"]: s["Properties"] for s in aws.resources("AWS::Scheduler::Schedule").values()
    }
    batch = SETTINGS.batch
    assert {name: s["ScheduleExpression"] for name, s in schedules.items()} == {
        batch.nightly: batch.nightly_schedule,
        batch.weekly: batch.weekly_schedule,
    }
    assert {s["State"] for s in schedules.values()} == {"ENABLED"}
    assert json.loads(schedules[batch.nightly]["Target"]["Input"]) == {"days": batch.days}
    for schedule in schedules.values():
        assert schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 5
        assert schedule["Target"]["DeadLetterConfig"]


def test_nothing_starts_by_itself_on_the_twin_or_where_the_settings_say_so(twin, synth):
    quiet = synth("aws", lambda settings: settings["batch"].update(scheduled=False))
    for templates in (twin, quiet):
        states = [s["Properties"]["State"] for s in templates.resources("AWS::Scheduler::Schedule").values()]
        assert states == ["DISABLED", "DISABLED"]
    topics = {t["Properties"]["TopicName"] for t in twin.resources("AWS::SNS::Topic").values()}
    assert SETTINGS.ops.topic in topics


def test_the_package_goes_through_a_bucket_since_it_is_too_large_for_a_call(aws_plan):
    rows = json.dumps(aws_plan["planned_values"])
    assert "functions/batch.zip" in rows
