"""The receipt: nothing that costs is overlooked, nothing that is gone is charged."""

import io
from fractions import Fraction

import pytest
from botocore.exceptions import ClientError
from rich.console import Console

from deploy import receipt, remains
from deploy.names import Names
from deploy.place import Place
from deploy.remains import Remain
from infra.settings import load_settings


@pytest.fixture
def names():
    return Names(load_settings(), Place("123456789012", "eu-west-1", "arn:aws:iam::123456789012:user/x"))


def shown(found):
    console = Console(file=io.StringIO(), width=200)
    receipt.show(found, console, place="here")
    return console.file.getvalue()


def test_nothing_left_costs_nothing(names):
    found = receipt.assemble(names, [], [], [])
    assert found.clear
    assert "Nothing of the lake remains: $0.00 a month." in shown(found)


def test_what_a_name_finds_is_charged(names):
    stream = Remain(names.arn("kinesis", "stream/petrostream-ingest"), "stream", Fraction("10.95"))
    found = receipt.assemble(names, [stream], [stream.arn], [])
    assert not found.clear
    assert found.left == (stream,)
    assert "$10.95 a month" in shown(found)


def test_a_tag_of_what_names_cannot_find_any_more_is_stale(names):
    table = names.arn("dynamodb", "table/petrostream-live")
    log = names.arn("logs", "log-group:/aws/lambda/petrostream-scoring")
    found = receipt.assemble(names, [], [table, log], [])
    assert found.clear
    assert found.stale == (table, log)
    assert "its tag stays listed" in shown(found)


def test_a_tagged_thing_of_another_name_is_left_and_its_price_unknown(names):
    found = receipt.assemble(names, [], [names.arn("ec2", "instance/i-1")], [])
    assert not found.clear
    assert found.monthly is None
    assert "unknown" in shown(found)


def test_a_tagged_role_is_left_and_free(names):
    found = receipt.assemble(names, [], ["arn:aws:iam::123456789012:role/petrostream-analyst"], [])
    assert found.clear
    assert len(found.left) == 1


def test_the_bootstrap_is_shown_and_not_counted(names):
    state = Remain(names.arn("s3", names.state_bucket), "bucket", Fraction("0.001"), shared=True)
    found = receipt.assemble(names, [], [state.arn], [state])
    assert found.clear
    assert "The bootstrap stays" in shown(found)
    assert "under 0.01" in shown(found)


def test_every_firehose_function_and_bucket_of_the_settings_is_looked_for(names):
    looked_for = [check.arn for check in remains.checks(names)]
    assert len([arn for arn in looked_for if ":firehose:" in arn]) >= 3
    assert len([arn for arn in looked_for if ":lambda:" in arn]) == len(names.functions)
    assert all(remains.named(names, names.arn("s3", bucket)) for bucket in names.buckets.values())


class Refusing:
    def __init__(self, code, message=""):
        self.error = ClientError({"Error": {"Code": code, "Message": message}}, "Describe")

    def describe_stream_summary(self, **_):
        raise self.error


@pytest.mark.parametrize(
    ("code", "message"),
    [("ResourceNotFoundException", ""), ("InvalidRequestException", "WorkGroup x not found."), ("404", "")],
)
def test_absence_is_told_from_refusal(monkeypatch, code, message):
    monkeypatch.setattr(remains, "client", lambda _: Refusing(code, message))
    assert remains._ask("kinesis", "describe_stream_summary", {}) is None


@pytest.mark.parametrize("code", ["AccessDenied", "AccessDeniedException", "Throttling"])
def test_a_refusal_is_never_an_absence(monkeypatch, code):
    monkeypatch.setattr(remains, "client", lambda _: Refusing(code, "not authorized"))
    with pytest.raises(remains.Unseen, match="what is left is unknown"):
        remains._ask("kinesis", "describe_stream_summary", {})


def test_a_stream_costs_its_shards_or_its_hours():
    provisioned = {"StreamModeDetails": {"StreamMode": "PROVISIONED"}, "OpenShardCount": 2}
    assert remains._stream(provisioned) == Fraction("21.90")
    assert remains._stream({"StreamModeDetails": {"StreamMode": "ON_DEMAND"}}) == Fraction("29.20")
