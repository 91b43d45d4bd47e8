"""What the twin could not write to disk is not acknowledged: by S3, a Firehose, or the stream before one."""

import asyncio
import base64
import errno
import json

import pytest
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import firehose, kinesis, s3

from local import adaptations

BUCKET = "landing"


@pytest.fixture(scope="module", autouse=True)
def _adapted():
    adaptations.install()
    yield
    firehose.reset()


@pytest.fixture
def disk(tmp_path, monkeypatch):
    """Where objects lie; `full` makes it refuse the bytes of those whose key has that word."""

    class Disk:
        full = None
        folder = tmp_path / "000000000000" / BUCKET

    write = s3._atomic_write

    def atomic_write(path, data, **how):
        if Disk.full is not None and Disk.full in path:
            raise OSError(errno.ENOSPC, "No space left on device", path)
        write(path, data, **how)

    monkeypatch.setattr(s3, "S3_PERSIST", True)
    monkeypatch.setattr(s3, "DATA_DIR", str(tmp_path))
    monkeypatch.setattr(s3, "_atomic_write", atomic_write)
    s3._buckets[BUCKET] = {"created": "now", "objects": {}, "region": "us-east-1"}
    yield Disk
    for name in ("rows", "raw"):
        firehose._streams.pop(name, None)
    s3._buckets.pop(BUCKET, None)
    s3._bucket_versioning.pop(BUCKET, None)


def request(method, key, body=b""):
    return asyncio.run(s3.handle_request(method, f"/{BUCKET}/{key}", {"host": "s3.localhost"}, body, {}))


@pytest.mark.parametrize("versioning", [None, "Enabled"])
def test_an_object_that_is_not_on_disk_is_refused_and_the_old_one_stays(disk, versioning):
    if versioning:
        s3._bucket_versioning[BUCKET] = versioning
    assert request("PUT", "a", b"before")[0] == 200
    disk.full = "/"
    status, _, body = request("PUT", "a", b"after")
    assert (status, b"InternalError" in body) == (500, True)
    assert request("PUT", "b", b"new")[0] == 500
    assert request("GET", "a")[2] == b"before"
    assert request("GET", "b")[0] == 404
    disk.full = None
    assert request("PUT", "a", b"after")[0] == request("PUT", "b", b"new")[0] == 200
    assert (request("GET", "a")[2], request("GET", "b")[2]) == (b"after", b"new")
    assert (disk.folder / "a").read_bytes() == b"after"


def destination(prefix):
    return {"BucketARN": f"arn:aws:s3:::{BUCKET}", "Prefix": prefix, "RoleARN": "r"}


def put_batch(*payloads):
    entries = [{"Data": base64.b64encode(payload).decode()} for payload in payloads]
    request = {"DeliveryStreamName": "rows", "Records": entries}
    status, _, body = firehose._HANDLERS["PutRecordBatch"](request)
    return status, json.loads(body)


def on_disk(disk, prefix):
    files = [path for path in (disk.folder / prefix).rglob("*") if path.is_file() and path.suffix != ".json"]
    return sorted(path.read_bytes() for path in files)


def test_a_firehose_refuses_the_entries_whose_objects_are_not_on_disk(disk):
    conversion = {"ExtendedS3DestinationConfiguration": destination("rows/")}
    firehose._create_delivery_stream({"DeliveryStreamName": "rows", **conversion})
    disk.full = "rows/"
    status, answer = put_batch(b"1\n", b"2\n")
    assert (status, answer["FailedPutCount"]) == (200, 2)
    assert {one["ErrorCode"] for one in answer["RequestResponses"]} == {"ServiceUnavailableException"}
    disk.full = None
    status, answer = put_batch(b"1\n", b"2\n")
    assert (status, answer["FailedPutCount"]) == (200, 0)
    assert on_disk(disk, "rows") == [b"1\n", b"2\n"]


def test_an_entry_that_is_refused_and_cannot_be_set_aside_either_is_sent_again(disk):
    """The error prefix lies on the same disk."""
    settings = destination("rows/!{partitionKeyFromLambda:date}/") | {"ErrorOutputPrefix": "errors/"}
    firehose._create_delivery_stream(
        {"DeliveryStreamName": "rows", "ExtendedS3DestinationConfiguration": settings}
    )
    disk.full = "errors/"
    assert put_batch(b"without a date\n")[1]["FailedPutCount"] == 1
    disk.full = None
    assert put_batch(b"without a date\n")[1]["FailedPutCount"] == 0
    assert len(on_disk(disk, "errors")) == 1


def test_records_without_raw_copies_on_disk_are_not_acknowledged(disk, monkeypatch):
    monkeypatch.setattr(kinesis, "_streams", AccountRegionScopedDict())
    kinesis._create_stream({"StreamName": "ingest", "ShardCount": 1})
    kinesis._streams["ingest"]["StreamStatus"] = "ACTIVE"
    firehose._create_delivery_stream(
        {
            "DeliveryStreamName": "raw",
            "DeliveryStreamType": "KinesisStreamAsSource",
            "KinesisStreamSourceConfiguration": {
                "KinesisStreamARN": kinesis._streams["ingest"]["StreamARN"], "RoleARN": "r",
            },
            "ExtendedS3DestinationConfiguration": destination("raw/"),
        }
    )  # fmt: skip
    body = json.dumps({"StreamName": "ingest", "Records": [{"PartitionKey": "k", "Data": "YQ=="}]}).encode()

    def put_records():
        target = {"x-amz-target": "Kinesis_20131202.PutRecords"}
        return asyncio.run(kinesis.handle_request("POST", "/", target, body, {}))[0]

    disk.full = "raw/"
    assert put_records() == 500
    disk.full = None
    assert put_records() == 200
    assert len(on_disk(disk, "raw")) == 1
