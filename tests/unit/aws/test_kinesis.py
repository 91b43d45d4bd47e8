import itertools
import random

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError
from hypothesis import given
from hypothesis import strategies as st

from petrostream.aws.kinesis import LONGEST_WAIT_S, KinesisWriter, Record, RetryLimits
from petrostream.aws.stream_errors import EndpointUnreachable, StreamMissing, StreamStalled, WriteRefused
from petrostream.errors import EntryTooLarge
from tests.support.fake_kinesis import THROTTLED, FakeKinesis, FakeTime, client_error
from tests.support.mocked import mock_aws


def writer_to(stream, seed=0, **patience):
    time = FakeTime()
    draw = random.Random(seed).uniform
    return KinesisWriter(
        "readings", stream, RetryLimits(clock=time.seconds, sleep=time.sleep, draw=draw, **patience)
    )


def put(writer, keys):
    """Queue one record per key, numbered in the order of its key."""
    numbers = {}
    for key in keys:
        numbers[key] = numbers.get(key, -1) + 1
        writer.put(Record(key, f"{key} {numbers[key]}".encode(), numbers[key]))


def deliver(writer):
    accepted = []
    while writer.pending():
        accepted += writer.pump()
    return accepted


def expected(keys):
    return {key: [f"{key} {n}".encode() for n in range(len(list(group)))] for key, group in grouped(keys)}


def grouped(keys):
    return itertools.groupby(sorted(keys))


keys_of_records = st.lists(st.sampled_from(["FAC-01", "FAC-02", "FAC-03"]), min_size=1, max_size=40)


@given(keys_of_records, st.integers(0, 2**32), st.floats(0, 0.8))
def test_refused_records_arrive_once_each_in_the_order_of_their_key(keys, seed, share):
    chance = random.Random(seed)
    stream = FakeKinesis(refuse=lambda key, data: chance.random() < share)
    writer = writer_to(stream, seed, limit_s=1e9)
    put(writer, keys)
    accepted = deliver(writer)
    assert {key: stream.of(key) for key, _ in grouped(keys)} == expected(keys)
    assert len(accepted) == writer.totals.records == len(keys)
    for key, _ in grouped(keys):
        assert [record.tag for record in accepted if record.key == key] == list(range(keys.count(key)))


@given(keys_of_records, st.integers(0, 2**32))
def test_a_record_without_a_response_is_repeated_before_later_ones_of_its_key(keys, seed):
    chance = random.Random(seed)
    disturbances = [None, None, "lost", client_error("InternalFailure", 500), client_error(THROTTLED)]
    stream = FakeKinesis(disturb=lambda call: chance.choice(disturbances) if call > 1 else None)
    writer = writer_to(stream, seed, limit_s=1e9)
    put(writer, keys)
    deliver(writer)
    for key, in_order in expected(keys).items():
        assert [data for data, _ in itertools.groupby(stream.of(key))] == in_order


def test_no_call_carries_two_records_of_one_key():
    stream = FakeKinesis()
    writer = writer_to(stream)
    put(writer, ["FAC-01", "FAC-01", "FAC-02"])
    deliver(writer)
    assert stream.calls == [["FAC-01", "FAC-02"], ["FAC-01"]]


def test_a_refused_key_does_not_hold_up_the_others():
    stream = FakeKinesis(refuse=lambda key, data: key == "FAC-01" and len(stream.calls) < 4)
    writer = writer_to(stream, base_s=5.0, cap_s=60.0)
    put(writer, ["FAC-01", "FAC-02", "FAC-02", "FAC-02"])
    while writer.pending("FAC-02"):
        writer.pump()
    assert len(stream.of("FAC-02")) == 3
    assert writer.pending("FAC-01") == 1
    assert writer.oldest("FAC-01").data == b"FAC-01 0"


def test_calls_keep_to_500_records_and_5_mib():
    stream = FakeKinesis()
    writer = writer_to(stream)
    for number in range(501):
        writer.put(Record(f"key-{number}", b"x", None))
    for number in range(6):
        writer.put(Record(f"big-{number}", b"x" * 1_000_000, None))
    deliver(writer)
    assert len(stream.records) == 507
    assert len(stream.calls) >= 2


def test_a_record_over_the_limit_is_refused_at_once():
    with pytest.raises(EntryTooLarge, match="1048577"):
        writer_to(FakeKinesis()).put(Record("k", b"x" * 1024 * 1024, None))


def test_waiting_is_cut_short_so_that_the_caller_stays_responsive():
    time = FakeTime()
    naps = []

    def sleep(seconds):
        naps.append(seconds)
        time.sleep(seconds)

    stream = FakeKinesis(refuse=lambda key, data: len(stream.calls) < 3)
    writer = KinesisWriter(
        "readings",
        stream,
        RetryLimits(base_s=3, clock=time.seconds, sleep=sleep, draw=lambda low, high: high),
    )
    put(writer, ["FAC-01"])
    deliver(writer)
    assert max(naps) <= LONGEST_WAIT_S
    assert sum(naps) == pytest.approx(3 + 5, abs=0.3)


def test_a_record_refused_for_too_long_raises_the_cause_and_stays_queued():
    stream = FakeKinesis(refuse=lambda key, data: key == "FAC-01")
    writer = writer_to(stream, limit_s=20)
    put(writer, ["FAC-01", "FAC-01", "FAC-02"])
    accepted = writer.pump()
    with pytest.raises(StreamStalled, match=r"FAC-01 was refused \d+ times.*ProvisionedThroughput.*resume"):
        deliver(writer)
    assert [record.key for record in accepted] == ["FAC-02"]
    assert writer.pending("FAC-01") == 2
    assert writer.totals.retries > 3


def test_a_missing_stream_is_named_with_what_to_do():
    writer = writer_to(FakeKinesis(exists=False))
    with pytest.raises(StreamMissing, match=r"'readings'.*project_up\.sh"):
        writer.check()
    put(writer, ["FAC-01"])
    with pytest.raises(StreamMissing):
        writer.pump()


def test_an_unreachable_endpoint_is_named_with_what_to_do():
    nobody = EndpointConnectionError(endpoint_url="http://127.0.0.1:4566/")
    writer = writer_to(FakeKinesis(disturb=lambda call: nobody))
    put(writer, ["FAC-01"])
    with pytest.raises(EndpointUnreachable, match=r"127\.0\.0\.1:4566.*project_up\.sh"):
        writer.pump()


def test_an_answer_lost_to_the_first_write_is_no_missing_endpoint_after_a_check():
    stream = FakeKinesis(disturb=lambda call: "lost" if call == 1 else None)
    writer = writer_to(stream)
    writer.check()
    put(writer, ["FAC-01"])
    assert len(deliver(writer)) == 1
    assert stream.of("FAC-01") == [b"FAC-01 0"] * 2
    unchecked = writer_to(FakeKinesis(disturb=lambda call: "lost"))
    put(unchecked, ["FAC-01"])
    with pytest.raises(EndpointUnreachable):
        unchecked.pump()


def test_no_record_is_lost_while_the_endpoint_is_away():
    nobody = EndpointConnectionError(endpoint_url="http://127.0.0.1:4566/")
    gone = client_error("ResourceNotFoundException")
    stream = FakeKinesis(disturb={2: nobody, 3: gone}.get)
    writer = writer_to(stream)
    put(writer, ["FAC-01"] * 3)
    deliver(writer)
    assert stream.of("FAC-01") == [b"FAC-01 0", b"FAC-01 1", b"FAC-01 2"]
    assert writer.totals.retries == 2


@pytest.mark.parametrize("refusal", [client_error("AccessDeniedException"), NoCredentialsError()])
def test_a_permanent_refusal_is_not_retried(refusal):
    stream = FakeKinesis(disturb=lambda call: refusal)
    writer = writer_to(stream)
    put(writer, ["FAC-01"])
    with pytest.raises(WriteRefused, match="kinesis:PutRecords"):
        writer.pump()
    assert len(stream.calls) == 1


@mock_aws
def test_records_can_be_read_back_from_a_stream(monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    kinesis = boto3.client("kinesis", region_name="us-east-1")
    with pytest.raises(StreamMissing):
        KinesisWriter("readings", kinesis).check()
    kinesis.create_stream(StreamName="readings", ShardCount=1)
    writer = KinesisWriter("readings", kinesis)
    writer.check()
    put(writer, ["FAC-01", "FAC-02", "FAC-01"])
    deliver(writer)
    shard = kinesis.list_shards(StreamName="readings")["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(
        StreamName="readings", ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    read = [(r["PartitionKey"], r["Data"]) for r in kinesis.get_records(ShardIterator=iterator)["Records"]]
    assert read == [("FAC-01", b"FAC-01 0"), ("FAC-02", b"FAC-02 0"), ("FAC-01", b"FAC-01 1")]
