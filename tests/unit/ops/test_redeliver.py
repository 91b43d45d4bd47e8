"""What a Firehose could not deliver is sent to it again, and deleted only when all of it was accepted."""
# ruff: noqa: N803 - the parameters are named as the services name them

import base64
import gzip
import io
import json
import random
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from lambdas.firehose_transform.handler import transform
from ops import __main__ as cli
from ops.redeliver import ErrorObjectInvalid, entries_of, redeliver
from petrostream.aws.firehose import compressed
from petrostream.aws.undelivered import undelivered
from petrostream.backoff import Backoff

ARN = "arn:aws:s3:::bucket-of-"


def document(*entries):
    lines = [{"ErrorCode": "x", "rawData": base64.b64encode(entry).decode()} for entry in entries]
    return "\n".join(json.dumps(line) for line in lines).encode()


class Bucket:
    """Objects of all buckets by key, listed two at a time."""

    def __init__(self, objects):
        self.objects = dict(objects)

    def get_paginator(self, _):
        return self

    def paginate(self, *, Bucket, Prefix):
        found = [key for key in self.objects if key.startswith(Prefix)]
        items = [
            {"Key": key, "Size": len(self.objects[key]), "LastModified": datetime(2026, 1, 1, tzinfo=UTC)}
            for key in sorted(found, reverse=True)
        ]
        return [{"Contents": items[:2]}, {"Contents": items[2:]}, {}]

    def get_object(self, *, Bucket, Key):
        return {"Body": io.BytesIO(self.objects[Key])}

    def delete_object(self, *, Bucket, Key):
        del self.objects[Key]


class Firehose:
    """Accepts entries, but for those that hold a word."""

    def __init__(self, refused=b"\0"):
        self.refused, self.taken = refused, []

    def describe_delivery_stream(self, *, DeliveryStreamName):
        destination = {
            "BucketARN": ARN + DeliveryStreamName,
            "ErrorOutputPrefix": f"errors/{DeliveryStreamName}/!{{firehose:error-output-type}}/",
        }
        described = {"Destinations": [{"ExtendedS3DestinationDescription": destination}]}
        return {"DeliveryStreamDescription": described}

    def put_record_batch(self, *, DeliveryStreamName, Records):
        results = []
        for record in Records:
            bad = self.refused in record["Data"]
            results.append({"ErrorCode": "Busy"} if bad else {"RecordId": "1"})
            if not bad:
                self.taken.append((DeliveryStreamName, record["Data"]))
        return {"FailedPutCount": 0, "RequestResponses": results}


ONCE = Backoff(limit=1)


def test_every_entry_is_sent_apart_and_its_object_deleted():
    s3 = Bucket(
        {
            "errors/a/processing-failed/1": document(b'{"x":1}\n', b'{"x":2}'),
            "errors/a/format-conversion-failed/2": gzip.compress(document(b'{"x":3}\n')),
            "errors/ab/other": document(b"not ours"),
            "a/data": b"data",
        }
    )
    firehose = Firehose()
    (found,) = undelivered(["a"], firehose, s3)
    assert (found.bucket, len(found.keys)) == ("bucket-of-a", 2)
    assert found.bytes == sum(len(s3.objects[key]) for key in found.keys)
    done = redeliver(found, firehose, s3, backoff=ONCE)
    assert sorted(firehose.taken) == [("a", b'{"x":1}\n'), ("a", b'{"x":2}\n'), ("a", b'{"x":3}\n')]
    assert (done.entries, done.keys, done.troubles) == (3, (), ())
    assert set(s3.objects) == {"errors/ab/other", "a/data"}


@given(st.integers(0, 2**32))
def test_a_compressed_entry_is_sent_byte_for_byte_and_can_be_placed_again(seed):
    """Firehose keeps what it handed to the transform: the entry as scoring compressed it."""
    noise = random.Random(seed)
    rows = "".join(f'{{"ts":"2026-01-01 00:00:00","x":{noise.random()}}}\n' for _ in range(200))
    entry = compressed(rows.encode())
    assert len(entry) < len(rows)
    s3 = Bucket({"errors/a/processing-failed/1": document(entry, b'{"x":1}\n', entry)})
    firehose = Firehose(refused=b'"never"')
    (found,) = undelivered(["a"], firehose, s3)
    done = redeliver(found, firehose, s3, backoff=ONCE)
    assert (done.entries, done.troubles) == (3, ())
    sent = [data for _, data in firehose.taken]
    assert sorted(sent) == sorted([entry, b'{"x":1}\n', entry])
    records = [{"recordId": "1", "data": base64.b64encode(data).decode()} for data in sent if data == entry]
    assert [result["result"] for result in transform(records)] == ["Ok", "Ok"]


def test_an_object_of_which_an_entry_is_refused_stays_with_the_reason():
    s3 = Bucket({"errors/a/1": document(b"good\n", b"bad\n"), "errors/a/2": document(b"fine\n")})
    firehose = Firehose(refused=b"bad")
    (found,) = undelivered(["a"], firehose, s3)
    done = redeliver(found, firehose, s3, backoff=ONCE)
    assert (done.entries, done.keys) == (1, ("errors/a/1",))
    assert "errors/a/1: " in done.troubles[0]
    assert "Busy" in done.troubles[0]
    assert set(s3.objects) == {"errors/a/1"}


@pytest.mark.parametrize("body", [b"rows", b"{}", b'{"rawData": "%"}', b"[]"])
def test_an_object_of_another_form_is_named_and_kept(body):
    with pytest.raises(ErrorObjectInvalid, match="line 0 is no error of a Firehose"):
        list(entries_of(body))
    s3 = Bucket({"errors/a/1": body})
    (found,) = undelivered(["a"], Firehose(), s3)
    assert redeliver(found, Firehose(), s3, backoff=ONCE).keys == ("errors/a/1",)
    assert s3.objects


@pytest.fixture
def services(monkeypatch):
    s3 = Bucket({"errors/petrostream-delivery/1": document(b"row\n"), "errors/petrostream-raw/1": b"odd"})
    made = {"firehose": Firehose(), "s3": s3}
    monkeypatch.setattr(cli, "client", made.__getitem__)
    return made


def test_a_dry_run_counts_every_stream_and_changes_nothing(services):
    before = dict(services["s3"].objects)
    answer = CliRunner().invoke(cli.app, ["redeliver"])
    assert answer.exit_code == 0
    for line in ("petrostream-delivery: 1 objects to send", "petrostream-alarms: 0 objects", "Add --execute"):
        assert line in answer.output
    assert services["s3"].objects == before
    assert services["firehose"].taken == []


def test_what_is_left_makes_the_command_fail(services):
    answer = CliRunner().invoke(cli.app, ["redeliver", "--execute"])
    assert answer.exit_code == cli.FAILED
    assert "petrostream-delivery: 1 entries sent, 0 objects left" in answer.output
    assert "left: errors/petrostream-raw/1: line 0" in answer.output


def test_a_missing_firehose_is_named(services, monkeypatch):
    error = {"Error": {"Code": "ResourceNotFoundException", "Message": "petrostream-raw not found"}}

    def refuse(**_):
        raise ClientError(error, "DescribeDeliveryStream")

    monkeypatch.setattr(services["firehose"], "describe_delivery_stream", refuse)
    answer = CliRunner().invoke(cli.app, ["redeliver"])
    assert answer.exit_code == cli.FAILED
