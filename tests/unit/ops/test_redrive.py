"""Bringing back batches that scoring gave up on: what is sent, what is kept, what is only looked at."""
# ruff: noqa: N803 - the parameters are named as the services name them

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from ops import __main__ as cli
from ops.redrive import MAX_EMPTY_READS, Limits, NoticeInvalid, Redrive, parse
from petrostream.backoff import Backoff
from petrostream.errors import ServiceUnavailable
from tests.support.event_source import EventSource, Mapping, StreamRecord
from tests.support.fakes import THROTTLED as FIREHOSE_REFUSES
from tests.support.fakes import FakeFirehose
from tests.support.scoring_world import START_MS, World, block, reading

STREAM = "petrostream-ingest"
THROTTLED = "ProvisionedThroughputExceededException"


def refused(code, operation="GetRecords"):
    return ClientError({"Error": {"Code": code, "Message": "made up"}}, operation)


@dataclass
class Shard:
    """One shard of a stream. Reads of its empty stretches answer nothing, as Kinesis's do."""

    records: list[tuple[int, str, bytes]] = field(default_factory=list)
    faults: list[Exception | None] = field(default_factory=list)
    empty_reads: int = 0
    refuse_old: bool = False
    page: int = 2
    put: int = 0
    refuse_puts: str = ""

    def get_shard_iterator(self, *, StreamName, ShardId, ShardIteratorType, StartingSequenceNumber="0"):
        first = int(StartingSequenceNumber)
        if self.refuse_old and ShardIteratorType == "AT_SEQUENCE_NUMBER" and first < self.records[0][0]:
            raise refused("InvalidArgumentException", "GetShardIterator")
        return {"ShardIterator": str(first)}

    def get_records(self, *, ShardIterator, Limit):
        if self.faults and (fault := self.faults.pop(0)):
            raise fault
        if self.empty_reads:
            self.empty_reads -= 1
            return {"Records": [], "NextShardIterator": ShardIterator, "MillisBehindLatest": 1000}
        ahead = [record for record in self.records if record[0] >= int(ShardIterator)]
        found = ahead[: min(self.page, Limit)]
        return {
            "Records": [
                {"SequenceNumber": str(at), "PartitionKey": key, "Data": data} for at, key, data in found
            ],
            "NextShardIterator": str(found[-1][0] + 1) if found else ShardIterator,
            "MillisBehindLatest": 0 if len(ahead) <= len(found) else 1000,
        }

    def put_records(self, *, Records, StreamName):
        assert StreamName == STREAM
        if self.refuse_puts:
            raise refused(self.refuse_puts, "PutRecords")
        for entry in Records:
            self.put += 1
            self.records.append((self.records[-1][0] + 1, entry["PartitionKey"], entry["Data"]))
        return {"FailedRecordCount": 0, "Records": [{"SequenceNumber": "1", "ShardId": "s"} for _ in Records]}


@dataclass
class Queue:
    """A standard queue: what is received is hidden until it is let go."""

    bodies: list[str]
    hidden: set[int] = field(default_factory=set)
    deleted: set[int] = field(default_factory=set)

    def get_queue_url(self, *, QueueName):
        return {"QueueUrl": f"queue/{QueueName}"}

    def receive_message(self, *, QueueUrl, MaxNumberOfMessages, VisibilityTimeout, WaitTimeSeconds):
        assert 1 <= MaxNumberOfMessages <= 10
        free = [at for at in range(len(self.bodies)) if at not in self.hidden | self.deleted]
        taken = free[:MaxNumberOfMessages]
        self.hidden.update(taken)
        return {
            "Messages": [
                {"MessageId": f"m{at}", "ReceiptHandle": str(at), "Body": self.bodies[at]} for at in taken
            ]
        }

    def delete_message(self, *, QueueUrl, ReceiptHandle):
        self.deleted.add(int(ReceiptHandle))

    def change_message_visibility(self, *, QueueUrl, ReceiptHandle, VisibilityTimeout):
        assert VisibilityTimeout == 0
        self.hidden.discard(int(ReceiptHandle))

    @property
    def waiting(self):
        return [at for at in range(len(self.bodies)) if at not in self.hidden | self.deleted]


def notice(first=10, last=12, records=3, stream=STREAM):
    return json.dumps(
        {
            "requestContext": {"condition": "RetryAttemptsExhausted"},
            "KinesisBatchInfo": {
                "shardId": "shardId-000000000000",
                "startSequenceNumber": str(first),
                "endSequenceNumber": str(last),
                "approximateArrivalOfFirstRecord": "2026-11-20T09:00:00Z",
                "batchSize": records,
                "streamArn": f"arn:aws:kinesis:us-east-1:000000000000:stream/{stream}",
            },
        }
    )


def stream(first=8, last=15):
    return Shard([(at, f"FAC-0{at % 3}", b"%d" % at) for at in range(first, last + 1)])


def redrive(queue, shard, limits=None):
    return Redrive(queue, shard, "queue", STREAM, limits or Limits(), Backoff(limit=3, sleep=lambda _: None))


def data(shard, since):
    return [record for at, _, record in shard.records if at > since]


def test_without_execute_it_only_looks():
    queue, shard = Queue([notice()]), stream()
    (result,) = redrive(queue, shard).run(execute=False)
    assert (result.found, result.sent, result.trouble) == (3, 0, "")
    assert shard.put == 0
    assert queue.waiting == [0]


def test_the_records_of_the_batch_and_no_others_are_sent_again():
    queue, shard = Queue([notice()]), stream()
    (result,) = redrive(queue, shard).run(execute=True)
    assert (result.found, result.sent, result.trouble) == (3, 3, "")
    assert sorted(data(shard, 15)) == [b"10", b"11", b"12"]
    assert queue.deleted == {0}


def test_records_of_a_facility_keep_their_order():
    shard = Shard([(at, "FAC-01", b"%d" % at) for at in range(10, 20)])
    redrive(Queue([notice(11, 16, 6)]), shard).run(execute=True)
    assert data(shard, 19) == [b"11", b"12", b"13", b"14", b"15", b"16"]


def test_a_batch_that_partly_expired_stays_unless_the_loss_is_accepted():
    queue, shard = Queue([notice(5, 9, 5)]), stream(first=8)
    (result,) = redrive(queue, shard).run(execute=True)
    assert (result.found, result.missing, shard.put) == (2, 3, 0)
    assert "raw zone" in result.trouble
    assert queue.waiting == [0]
    (result,) = redrive(queue, shard).run(execute=True, accept_loss=True)
    assert (result.sent, result.trouble) == (2, "")
    assert queue.deleted == {0}


def test_a_shard_that_refuses_an_expired_position_is_read_from_its_beginning():
    shard = stream(first=8)
    shard.refuse_old = True
    (result,) = redrive(Queue([notice(5, 9, 5)]), shard).run(execute=False)
    assert (result.found, result.missing) == (2, 3)


def test_empty_stretches_of_a_shard_are_passed_and_have_an_end():
    shard = stream()
    shard.empty_reads = 20
    (result,) = redrive(Queue([notice()]), shard).run(execute=False)
    assert result.found == 3
    shard.empty_reads = 10 * MAX_EMPTY_READS
    (result,) = redrive(Queue([notice()]), shard).run(execute=False)
    assert result.missing == 3


def test_throttled_reads_are_repeated_and_others_are_not():
    shard = stream()
    shard.faults = [refused(THROTTLED), None, refused(THROTTLED)]
    (result,) = redrive(Queue([notice()]), shard).run(execute=False)
    assert result.found == 3
    shard.faults = [refused("AccessDeniedException")]
    queue = Queue([notice()])
    with pytest.raises(ServiceUnavailable, match="AccessDenied"):
        redrive(queue, shard).run(execute=True)
    assert queue.waiting == [0]


def test_what_the_stream_refuses_stays_in_the_queue():
    queue, shard = Queue([notice()]), stream()
    shard.refuse_puts = "AccessDeniedException"
    (result,) = redrive(queue, shard).run(execute=True)
    assert "kinesis:PutRecords" in result.trouble
    assert queue.waiting == [0]


def test_messages_that_are_no_notices_or_of_another_stream_are_left_and_named():
    queue = Queue(["hello", notice(stream="other"), notice()])
    results = redrive(queue, stream()).run(execute=True)
    assert ["KinesisBatchInfo" in results[0].trouble, "other" in results[1].trouble] == [True, True]
    assert queue.deleted == {2}
    assert queue.waiting == [0, 1]


def test_a_run_does_no_more_than_its_limits():
    queue = Queue([notice(), notice(8, 15, 8), notice(8, 8, 1), notice()])
    results = redrive(queue, stream(), Limits(notices=3, records=5)).run(execute=True)
    assert [bool(result.trouble) for result in results] == [False, True, False]
    assert queue.waiting == [1, 3]


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"KinesisBatchInfo": {"streamArn": "x"}}', "null"])
def test_anything_but_a_notice_is_refused_by_name(body):
    with pytest.raises(NoticeInvalid, match="m7"):
        parse({"MessageId": "m7", "ReceiptHandle": "r", "Body": body})


def test_every_reading_is_in_the_lake_after_an_outage_longer_than_the_retries():
    """Scoring gives up on a batch, goes on with the next ones, and then the batch comes back."""
    world = World(firehose=FakeFirehose([FIREHOSE_REFUSES] * 6))
    notices: list[dict[str, Any]] = []
    mapping = Mapping(batch_size=2, report_item_failures=True, retry_attempts=1)
    source = EventSource(world.function, mapping, notices.append)
    shard = [
        StreamRecord(str(100 + second), "FAC-01", block(reading(1, second)), START_MS + 60_000 + second)
        for second in range(8)
    ]
    source.run(shard)
    assert notices
    assert len({row["event_id"] for row in world.scored()}) < len(shard)

    kinesis = Shard([(int(record.sequence), record.partition_key, record.data) for record in shard])
    last = kinesis.records[-1][0]
    redrive(Queue([json.dumps(notice) for notice in notices]), kinesis).run(execute=True)
    again = [record for record in kinesis.records if record[0] > last]
    source.run([StreamRecord(str(at), key, block_, START_MS + 120_000) for at, key, block_ in again])
    assert len({row["event_id"] for row in world.scored()}) == len(shard)


@pytest.fixture
def command(monkeypatch):
    def run(queue, shard, *arguments):
        monkeypatch.setattr(cli, "client", {"sqs": queue, "kinesis": shard}.__getitem__)
        monkeypatch.setattr("ops.redrive.PAUSE_SECONDS", 0)
        return CliRunner().invoke(cli.app, ["redrive", *arguments])

    return run


def test_the_command_says_what_it_would_do_and_then_does_it(command):
    queue, shard = Queue([notice()]), stream()
    answer = command(queue, shard)
    assert answer.exit_code == 0, answer.output
    assert "3 of 3 records found, would be sent" in answer.output
    assert "Nothing was changed" in answer.output
    assert (shard.put, queue.waiting) == (0, [0])
    answer = command(queue, shard, "--execute")
    assert "1 batches with 3 records are on the stream again; 0 batches left." in answer.output
    assert (shard.put, queue.deleted) == (3, {0})
    assert "queue is empty" in command(queue, shard).output


def test_the_command_fails_where_something_is_left(command):
    answer = command(Queue([notice(5, 9, 5)]), stream(), "--execute")
    assert answer.exit_code == cli.FAILED
    assert "left in the queue: 3 of 5" in answer.output


def test_the_command_says_what_to_check_when_aws_refuses(command):
    queue = Queue([])
    queue.get_queue_url = lambda **_: (_ for _ in ()).throw(
        refused("AWS.SimpleQueueService.NonExistentQueue")
    )
    answer = command(queue, stream())
    assert answer.exit_code == cli.FAILED
    assert "check region, credentials" in answer.output
