"""`petrostream alarms` as an operator reads it."""

import json
import re

import pytest
from typer.testing import CliRunner

from ops import alarms as cli
from petrostream.errors import ServiceUnavailable
from tests.support.alarm_desk import desk_of
from tests.unit.aws.test_alarm_desk import NOW, leaking
from tests.unit.pipeline.test_live import NO_METRICS
from toolchain import commands

WELL, TYPE = "WELL-00001", "methane_high"
pytestmark = NO_METRICS


@pytest.fixture
def desk(monkeypatch):
    desk = desk_of(leaking(), lambda: NOW)
    monkeypatch.setattr(cli, "_desk", lambda _: desk)
    monkeypatch.setattr(cli, "_now_ms", lambda: NOW)
    monkeypatch.setattr(cli, "_actor", lambda by: by or "login")
    return desk


def call(*arguments):
    result = CliRunner().invoke(commands.application(cli.app), arguments)
    return result.exit_code, re.sub(r"\s+", " ", result.output), result.exception


def test_what_stands_is_listed_with_its_state_and_sentence(desk):
    code, text, _ = call("list")
    assert code == 0
    assert f"high {WELL} {TYPE} active unacknowledged" in text
    (row,) = json.loads(call("list", "--json")[1])
    assert (row["state"], row["well_id"], row["facility_id"]) == ("active_unacknowledged", WELL, "FAC-01")


def test_every_action_says_what_became_of_the_alarm(desk):
    assert f"{WELL}/{TYPE}: acknowledged, now active acknowledged" in call("ack", WELL)[1]
    shelved = call("shelve", WELL, TYPE, "--hours", "2", "-m", "calibration", "--by", "ana")[1]
    assert re.search(rf"{WELL}/{TYPE}: shelved until 2025-10-09T\S+Z, now shelved", shelved)
    assert "by ana: calibration" in call("list")[1]
    assert "now active acknowledged" in call("unshelve", WELL, TYPE)[1]
    assert "now out of service" in call("remove", WELL, TYPE, "-m", "new sensor")[1]
    assert "now active acknowledged" in call("return", WELL, TYPE)[1]
    assert "commented" in call("comment", WELL, TYPE, "-m", "done")[1]


def test_nothing_to_list_is_said(desk):
    desk._live.fleet = list
    assert call("list")[1].startswith("No alarm is active")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("ack", "WELL-00002"), "no unacknowledged alarm"),
        (("unshelve", WELL, TYPE), "requires a shelved alarm"),
        (("ack", "WELL-9", TYPE), "no such well"),
        (("ack", WELL, "methan"), "alarm type 'methan'"),
        (("shelve", WELL, TYPE, "--hours", "99", "-m", "x"), "99 h"),
    ],
)
def test_what_cannot_be_done_is_explained(desk, arguments, told):
    code, _, error = call(*arguments)
    assert code == 1
    assert told in str(error)


def test_a_reason_is_asked_for_by_the_command_line_itself(desk):
    assert call("shelve", WELL, TYPE, "--hours", "1")[0] == 2


def test_a_lake_that_does_not_answer_is_named_with_what_to_do(desk, monkeypatch):
    def down():
        raise ServiceUnavailable("DynamoDB", "Query", "EndpointConnectionError")

    monkeypatch.setattr(desk._tags, "all", down)
    error = call("list")[2]
    assert "did not answer: EndpointConnectionError" in str(error)
    assert "project_up.sh" in error.hint


def test_a_row_that_waits_is_said(desk, monkeypatch):
    monkeypatch.setattr(desk, "_deliver", lambda _: False)
    assert "not delivered yet" in call("ack", WELL)[1]
