"""What Kinesis and Firehose do with what the adapters send."""

import json

import pytest

from ops.redrive import Redrive
from petrostream.aws.firehose import FirehoseSink
from petrostream.aws.kinesis import KinesisWriter, Record
from petrostream.aws.limits import FIREHOSE_CALL_ENTRIES
from petrostream.aws.stream_errors import StreamMissing
from petrostream.backoff import Backoff
from petrostream.errors import DeliveryFailed
from tests.support.fakes import MISSING

ONCE = Backoff(limit=1, sleep=lambda _: None)
KEYS = ("FAC-01", "FAC-02", "F\u00e4c \U0001f6e2")


def send(writer, records):
    for key, data in records:
        writer.put(Record(key, data, None))
    accepted = []
    while writer.pending():
        accepted += writer.pump()
    return accepted


def test_records_are_on_the_stream_once_in_the_order_of_their_key(services):
    stream = services.stream()
    writer = KinesisWriter(stream, services.client("kinesis"))
    writer.check()
    records = [(key, f"{key} {number}".encode()) for number in range(12) for key in KEYS]
    assert len(send(writer, records)) == len(records)
    found = services.streamed(stream)
    for key in KEYS:
        assert [data for at, data in found if at == key] == [data for at, data in records if at == key]
    assert len(found) == len(records)


def test_bytes_come_back_as_they_were(services):
    stream = services.stream()
    data = bytes(range(256)) * 4_000
    send(KinesisWriter(stream, services.client("kinesis")), [(f"key-{number}", data) for number in range(6)])
    assert [content == data for _, content in services.streamed(stream)] == [True] * 6


def test_a_stream_that_does_not_exist_is_named(services):
    name = f"{MISSING}-stream"
    client = services.client("kinesis")
    if services.name == "fakes":
        client.exists = False
    writer = KinesisWriter(name, client)
    with pytest.raises(StreamMissing, match=name):
        writer.check()
    with pytest.raises(StreamMissing, match=name):
        send(writer, [("FAC-01", b"x")])


def test_a_batch_given_up_is_read_from_its_place_and_sent_again(emulated):
    stream = emulated.stream()
    kinesis, sqs = emulated.client("kinesis"), emulated.client("sqs")
    numbers = [
        kinesis.put_record(StreamName=stream, PartitionKey="FAC-01", Data=str(number).encode())[
            "SequenceNumber"
        ]
        for number in range(6)
    ]
    queue = sqs.create_queue(QueueName=f"failures-{stream}")["QueueUrl"]
    place = {
        "streamArn": f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}",
        "shardId": kinesis.list_shards(StreamName=stream)["Shards"][0]["ShardId"],
        "startSequenceNumber": numbers[2],
        "endSequenceNumber": numbers[4],
        "batchSize": 3,
    }
    sqs.send_message(QueueUrl=queue, MessageBody=json.dumps({"KinesisBatchInfo": place}))
    (result,) = Redrive(sqs, kinesis, queue, stream, backoff=ONCE).run(execute=True)
    assert (result.found, result.sent, result.trouble) == (3, 3, "")
    assert [data for _, data in emulated.streamed(stream)] == [
        b"0",
        b"1",
        b"2",
        b"3",
        b"4",
        b"5",
        b"2",
        b"3",
        b"4",
    ]
    assert Redrive(sqs, kinesis, queue, stream, backoff=ONCE).run(execute=True) == []


def test_every_block_is_delivered_once(services):
    hose = services.hose()
    sink = FirehoseSink(hose, services.client("firehose"))
    for number in range(30):
        sink.write(f"row {number}".encode(), group=f"2026-11-{number % 3 + 1:02d}")
    sink.flush()
    expected = sorted(f"row {number}".encode() for number in range(30))
    assert services.delivered(hose, 30) == expected


def test_more_entries_than_a_call_takes_are_delivered_in_several(services):
    hose = services.hose()
    sink = FirehoseSink(hose, services.client("firehose"))
    rows = [f"{number:04d}".encode() for number in range(FIREHOSE_CALL_ENTRIES + 3)]
    for row in rows:
        sink.write(row, group=row.decode())
    sink.flush()
    assert services.delivered(hose, len(rows)) == rows


def test_large_entries_are_delivered_whole(services):
    hose = services.hose()
    sink = FirehoseSink(hose, services.client("firehose"))
    rows = [letter * 900_000 for letter in (b"a", b"b", b"c", b"d", b"e", b"f")]
    for row in rows:
        sink.write(row)
    sink.flush()
    assert services.delivered(hose, len(rows)) == rows


def test_rows_for_a_stream_that_does_not_exist_are_an_error_at_the_first_attempt(services):
    sink = FirehoseSink(f"{MISSING}-hose", services.client("firehose"))
    sink.write(b"row")
    with pytest.raises(DeliveryFailed, match="ResourceNotFoundException"):
        sink.flush()
