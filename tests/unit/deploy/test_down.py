"""The order of a removal, and what it does when something arrives meanwhile."""

from types import SimpleNamespace

import pytest

from deploy import down
from deploy.buckets import Content
from deploy.context import Context
from deploy.engine import Answers, Iac
from deploy.names import Names
from deploy.output import Output
from deploy.place import Place
from infra.settings import load_settings
from toolchain.errors import ToolError


@pytest.fixture
def world(monkeypatch):
    """An account in which every step is noted."""
    place = Place("123456789012", "eu-west-1", "me")
    told = SimpleNamespace(done=[], failures=0, held={})
    names = Names(load_settings(), place)
    context = Context(place, names, Answers(), Output(told.done.append))

    def finish():
        told.done.append("finish")
        if told.failures:
            told.failures -= 1
            raise ToolError("BucketNotEmpty")

    told.engine = SimpleNamespace(iac=Iac.cdk, stop=lambda: told.done.append("stop"), finish=finish)
    monkeypatch.setattr(down.buckets, "empty", lambda bucket, **_: told.done.append("empty"))
    monkeypatch.setattr(down, "contents", lambda _: told.held)
    monkeypatch.setattr(down, "_forget_logs", lambda _: told.done.append("logs"))
    monkeypatch.setattr(down, "receipt", lambda _: "receipt")

    def remove(engine=told.engine, *, keep_data=False):
        answer = down.remove(context, engine, keep_data=keep_data, tick=lambda _: None)
        assert answer == "receipt"
        return [step for at, step in enumerate(told.done) if at == 0 or step != told.done[at - 1]]

    return told, remove


def test_what_writes_goes_before_the_buckets_are_emptied(world):
    _, remove = world
    assert remove() == ["stop", "empty", "finish", "logs"]


def test_kept_data_are_not_touched(world):
    _, remove = world
    assert remove(keep_data=True) == ["stop", "logs"]


def test_a_late_delivery_is_emptied_once_more(world):
    told, remove = world
    told.failures, told.held = 1, {"raw": Content(1, 10)}
    steps = remove()
    assert steps.count("finish") == 2
    assert steps.count("empty") == 2


def test_a_failure_that_is_not_a_full_bucket_is_not_repeated(world):
    told, remove = world
    told.failures = 1
    with pytest.raises(ToolError, match="BucketNotEmpty"):
        remove()
    assert told.done.count("finish") == 1


def test_buckets_that_never_get_empty_are_given_up(world):
    told, remove = world
    told.failures, told.held = 99, {"raw": Content(1, 10)}
    with pytest.raises(ToolError, match="BucketNotEmpty"):
        remove()
    assert told.done.count("finish") == 3


def test_buckets_outside_any_tool_are_removed_too(world, monkeypatch):
    _, remove = world
    deleted = []
    s3 = SimpleNamespace(delete_bucket=lambda Bucket: deleted.append(Bucket))  # noqa: N803, PLW0108
    monkeypatch.setattr(down, "client", lambda _: s3)
    assert remove(None) == ["empty", "logs"]
    assert len(deleted) == 5
