import json
import math

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.settings import load_settings
from lambdas.firehose_transform import handler as transform
from petrostream.aws import limits
from petrostream.aws.firehose import COMPRESSED_FROM_BYTES, MAX_RATIO, FirehoseSink, compressed
from petrostream.aws.limits import FIREHOSE_ENTRY_BYTES
from petrostream.backoff import Backoff
from petrostream.errors import DeliveryFailed, EntryTooLarge
from petrostream.lake.blocks import MAX_BLOCK_BYTES
from petrostream.schema import schema
from tests.support.fakes import LOST, OK, PARTIAL, THROTTLED, FakeFirehose, refusal
from tests.support.mocked import mock_aws

STREAM = "delivery"
KIB = 1024


def sink(firehose, limit=4):
    return FirehoseSink(STREAM, firehose, backoff=Backoff(limit=limit, sleep=lambda _: None))


def line(text, size=0):
    return text.encode().ljust(size, b".") + b"\n"


def test_blocks_of_one_group_share_an_entry_and_keep_their_order():
    firehose = FakeFirehose()
    port = sink(firehose)
    for text, group in [("a", "1"), ("b", "2"), ("c", "1")]:
        port.write(line(text), group)
    port.flush()
    assert firehose.entries[STREAM] == [b"a\nc\n", b"b\n"]
    assert firehose.call_sizes == [2]


def test_a_block_without_its_last_line_feed_gets_one():
    firehose = FakeFirehose()
    port = sink(firehose)
    port.write(b"a")
    port.write(b"b")
    port.flush()
    assert firehose.entries[STREAM] == [b"a\nb\n"]


def test_no_block_means_no_call():
    firehose = FakeFirehose()
    port = sink(firehose)
    port.write(b"")
    port.flush()
    assert firehose.calls == 0


def test_a_flushed_block_is_not_sent_again():
    firehose = FakeFirehose()
    port = sink(firehose)
    port.write(line("a"))
    port.flush()
    port.flush()
    assert firehose.entries[STREAM] == [b"a\n"]


def test_calls_stay_under_500_entries():
    firehose = FakeFirehose()
    port = sink(firehose)
    for i in range(1203):
        port.write(line(str(i)), group=str(i))
    port.flush()
    assert firehose.call_sizes == [500, 500, 203]
    assert [row.decode() for row in firehose.entries[STREAM]] == [f"{i}\n" for i in range(1203)]


def test_calls_stay_under_4_mib():
    firehose = FakeFirehose()
    port = sink(firehose)
    for i in range(9):
        port.write(line(str(i), 900 * KIB))
    port.flush()
    assert len(firehose.entries[STREAM]) == 9
    assert max(firehose.call_sizes) == 4


def test_a_block_no_entry_can_hold_is_an_error_at_once():
    with pytest.raises(EntryTooLarge, match=str(FIREHOSE_ENTRY_BYTES)):
        sink(FakeFirehose()).write(b"x" * FIREHOSE_ENTRY_BYTES + b"\n")


def test_only_refused_entries_are_sent_again():
    firehose = FakeFirehose([PARTIAL, PARTIAL])
    port = sink(firehose)
    for text in "abcd":
        port.write(line(text), group=text)
    port.flush()
    assert sorted(firehose.entries[STREAM]) == [b"a\n", b"b\n", b"c\n", b"d\n"]
    assert firehose.call_sizes == [4, 2, 1]


def test_throttled_entries_are_retried():
    firehose = FakeFirehose([THROTTLED, THROTTLED, OK])
    port = sink(firehose)
    port.write(line("a"))
    port.flush()
    assert firehose.entries[STREAM] == [b"a\n"]


def test_an_entry_without_a_response_is_sent_again():
    firehose = FakeFirehose([LOST])
    port = sink(firehose)
    port.write(line("a"))
    port.flush()
    assert firehose.entries[STREAM] == [b"a\n", b"a\n"]


def test_after_the_last_attempt_the_error_says_what_is_missing():
    port = sink(FakeFirehose([PARTIAL, THROTTLED, THROTTLED]), limit=3)
    for text in "abcd":
        port.write(line(text), group=text)
    with pytest.raises(DeliveryFailed, match=r"delivery: 2 entries.*ThrottlingException"):
        port.flush()


def test_a_sink_that_failed_stays_failed():
    port = sink(FakeFirehose([THROTTLED]), limit=1)
    port.write(line("a"))
    with pytest.raises(DeliveryFailed):
        port.flush()
    port.write(line("b"))
    with pytest.raises(DeliveryFailed):
        port.flush()


def test_a_permanent_refusal_is_not_retried():
    class Denied(FakeFirehose):
        def put_record_batch(self, **_):
            self.calls += 1
            raise refusal("AccessDeniedException", "PutRecordBatch")

    firehose = Denied()
    port = sink(firehose)
    port.write(line("a"))
    with pytest.raises(DeliveryFailed, match="AccessDeniedException"):
        port.flush()
    assert firehose.calls == 1


@settings(max_examples=60, deadline=None)
@given(
    blocks=st.lists(st.tuples(st.integers(1, 700 * KIB), st.sampled_from("abc")), max_size=25),
    faults=st.lists(st.sampled_from([OK, PARTIAL, THROTTLED]), max_size=5),
)
def test_every_block_arrives_once_in_an_entry_of_its_group(blocks, faults):
    firehose = FakeFirehose(faults)
    port = sink(firehose, limit=10)
    written = []
    for number, (size, group) in enumerate(blocks):
        written.append(f"{group}{number}.".encode())
        port.write(written[-1].ljust(size, b".") + b"\n", group)
    port.flush()
    entries = firehose.entries[STREAM]
    arrived = [row.split(b".")[0] + b"." for entry in entries for row in entry.splitlines()]
    assert sorted(arrived) == sorted(written)
    assert all(len({row[:1] for row in entry.splitlines()}) == 1 for entry in entries)
    assert all(len(entry) <= MAX_BLOCK_BYTES for entry in entries)


@mock_aws
def test_blocks_reach_a_stream_through_the_real_client(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="lake")
    firehose = boto3.client("firehose", region_name="us-east-1")
    firehose.create_delivery_stream(
        DeliveryStreamName=STREAM,
        ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::000000000000:role/r",
            "BucketARN": "arn:aws:s3:::lake",
        },
    )
    port = sink(firehose)
    port.write(line("a"), group="1")
    port.write(line("b"), group="2")
    port.flush()
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="lake")["Contents"]]
    content = b"".join(s3.get_object(Bucket="lake", Key=key)["Body"].read() for key in keys)
    # One object for each entry, named at random: their order says nothing.
    assert sorted(content.splitlines()) == [b"a", b"b"]
    missing = FirehoseSink("no-such-stream", firehose)
    missing.write(line("a"))
    with pytest.raises(DeliveryFailed, match="ResourceNotFoundException"):
        missing.flush()


ROWS = st.lists(st.dictionaries(st.sampled_from("abc"), st.text(max_size=3000)), min_size=1, max_size=8)


@given(ROWS, st.integers(1, 12))
def test_what_a_transform_decompresses_is_what_was_written(rows, repeats):
    firehose = FakeFirehose()
    port = FirehoseSink(STREAM, firehose, pack=compressed)
    blocks = [json.dumps(row).encode() * repeats + b"\n" for row in rows]
    for number, block in enumerate(blocks):
        port.write(block, str(number))
    port.flush()
    assert firehose.entries[STREAM] == blocks
    for block, size in zip(blocks, firehose.sizes[STREAM], strict=True):
        assert size <= len(block) <= MAX_RATIO * size


def test_ten_rows_are_billed_as_five_kilobytes():
    rows = [
        {
            name: round(math.exp(i + place / 7), 9)
            for place, name in enumerate(schema("scored_readings").names)
        }
        for i in range(10)
    ]
    block = b"".join(json.dumps(row, separators=(",", ":")).encode()[:730] + b"\n" for row in rows)
    assert len(block) > 5 * KIB >= len(compressed(block))


def test_a_small_entry_is_sent_as_it_is_and_so_is_one_that_would_shrink_too_much():
    small, dense = b"a" * COMPRESSED_FROM_BYTES, b"a" * 900_000
    assert compressed(small) is small
    # The transform's response would pass the limit if many such entries came in one buffer.
    assert compressed(dense) is dense


def test_one_buffer_of_a_transform_never_passes_the_response_of_lambda():
    hoses = load_settings().firehose
    for hose in (hoses.delivery, hoses.facility, hoses.alarms):
        most = hose.transform_buffer_mb * limits.MIB * MAX_RATIO + limits.FIREHOSE_ENTRY_BYTES
        assert 4 / 3 * most < transform.MAX_RESPONSE_BYTES
