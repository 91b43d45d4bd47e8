"""The commands of jobs pass on what was asked for, and say by their exit code whether all of it was done."""

from datetime import date

import pytest
from typer.testing import CliRunner

from batch import JobResult
from batch import __main__ as cli

DAY = date(2026, 11, 20)


@pytest.fixture
def asked(monkeypatch):
    """Requests that commands made; `asked.result` is what they get."""

    class Asked(list):
        result = JobResult("backfill", {DAY: {"readings": 3, "changed_flags": 1}}, details={"model": "v2"})

    found = Asked()

    def start(job, event, *, aws):
        found.append((job, {name: value for name, value in event.items() if value}, aws))
        return found.result

    monkeypatch.setattr(cli, "start", start)
    return found


def run(*arguments):
    return CliRunner().invoke(cli.app, arguments)


def test_a_backfill_names_its_days_and_model(asked):
    given = ("--from", "2026-11-19", "--to", "2026-11-20", "--model", "v2", "--arrived-to", "2026-11-22")
    done = run("backfill", *given, "--promote", "--aws")
    days = {"from": "2026-11-19", "to": "2026-11-20", "arrived_to": "2026-11-22"}
    assert asked == [("backfill", {**days, "model": "v2", "promote": True, "warm_up_days": 1}, True)]
    assert done.exit_code == 0
    assert "2026-11-20  readings 3  changed flags 1" in done.output


def test_a_day_that_failed_or_was_not_reached_is_an_exit_code(asked):
    asked.result = JobResult("backfill", failed={DAY: "no raw object"})
    assert run("backfill", "--date", "2026-11-20").exit_code == 1
    asked.result = JobResult("backfill", left=(DAY,))
    assert run("backfill", "--date", "2026-11-20").exit_code == 1


def test_a_file_that_was_not_scored_is_an_exit_code(asked):
    asked.result = JobResult("score-folder", details={"files": 2})
    assert run("score-folder", "in", "--out", "out").exit_code == 0
    assert asked == [("score-folder", {"folder": "in", "out": "out"}, False)]
    asked.result = JobResult("score-folder", details={"files": 1, "not_scored": {"a.csv": "no time"}})
    assert run("score-folder", "in", "--out", "out").exit_code == 1
