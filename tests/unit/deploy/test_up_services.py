"""`up --services`: room for the images, the images, then what runs from them, each plan asked for."""

import pytest
from typer.testing import CliRunner

from deploy import cli, containers
from deploy.changes import Plan
from deploy.context import Context
from deploy.engine import Answers
from tests.unit.deploy.test_images import names
from toolchain.errors import ToolError

TAG = "0123456789abcdef"


@pytest.fixture
def order(monkeypatch):
    """What is done, in order; the repositories are there once something has been applied."""
    done = []

    def prepare(context, _iac):
        done.append(f"plan {context.answers.image_tag}")
        return containers.up.Prepared(context, None, {}, Plan((), {"x": str(context.answers.image_tag)}))

    monkeypatch.setattr(
        cli.Context, "find", lambda output, _answers: Context(names().place, names(), Answers(), output)
    )
    monkeypatch.setattr(cli.deployment, "prepare", prepare)
    monkeypatch.setattr(
        containers.up, "apply", lambda prepared: done.append(f"apply {prepared.context.answers.image_tag}")
    )
    monkeypatch.setattr(containers.images, "place_exists", lambda _: "apply None" in done)
    monkeypatch.setattr(containers.images, "tag", lambda: TAG)
    monkeypatch.setattr(containers.images, "publish", lambda _names, tag, _say: done.append(f"push {tag}"))
    monkeypatch.setattr(containers, "wait_for_services", lambda _names, _say: done.append("wait"))
    monkeypatch.setattr(cli, "find_builder", lambda: None)
    monkeypatch.setattr(cli, "publish_model", lambda *_: None)
    monkeypatch.setattr(cli, "test_and_record", lambda _: done.append("smoke"))
    monkeypatch.setattr(cli, "_passed", lambda _: None)
    monkeypatch.setattr(cli.show, "plan", lambda *_: None)
    monkeypatch.setattr(cli.show, "next_steps", lambda *_: None)
    return done


def up(*options):
    result = CliRunner().invoke(cli.app, ["up", "--services", "--yes", *options], catch_exceptions=False)
    assert result.exit_code == 0, result.output


def test_a_first_deployment_makes_room_and_a_second_plan_runs_the_services(order):
    up()
    first = ["plan None", "apply None", f"push {TAG}"]
    assert order == [*first, f"plan {TAG}", f"push {TAG}", f"apply {TAG}", "wait", "smoke"]


def test_later_ones_push_before_they_apply(order):
    order.append("apply None")
    up()
    assert order[1:] == [f"plan {TAG}", f"push {TAG}", f"apply {TAG}", "wait", "smoke"]


def test_what_nobody_approved_is_not_applied(order):
    up("--plan", Plan((), {"x": "None"}).digest)
    assert order == ["plan None", "apply None", f"push {TAG}", "smoke"]
    with pytest.raises(ToolError, match="was approved"):
        up("--plan", "000000000000")
    assert f"apply {TAG}" not in order


def test_without_a_builder_nothing_is_planned(order, monkeypatch):
    def missing():
        raise ToolError("Images cannot be built")

    monkeypatch.setattr(cli, "find_builder", missing)
    with pytest.raises(ToolError, match="cannot be built"):
        up()
    assert order == []
