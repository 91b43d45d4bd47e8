"""Redrive batches that scoring gave up on: `python -m ops redrive`, a dry run without --execute.

The event source mapping leaves a notice in the failure queue for each batch it gave up on: the batch's
position on its shard, not its content. For each notice this reads those records from the stream and puts them
on it again, unchanged. Invoking the scoring function with them again would do nothing: a facility's state has
moved past them, and the function skips what it takes for done. As new records they are scored like any late
reading; a reading that did land before lands twice and appears once in every view. A rejected line that was
quarantined before is there twice: its identity is that of its record.

A notice leaves the queue only when all of its records are on the stream again. Run it as often as needed.
"""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from petrostream.aws.calls import error_code, repeatable
from petrostream.aws.kinesis import KinesisWriter, Record
from petrostream.backoff import Backoff
from petrostream.errors import PetroStreamError, ServiceUnavailable

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_sqs import SQSClient

HIDE_SECONDS = 900
"""How long a notice is hidden from other runs while this one works on it."""

MAX_EMPTY_READS = 60
"""Reads in a row without a record after which the shard is taken to have no more: each skips some minutes."""

PAUSE_SECONDS = 0.25
"""Between two reads: a shard answers five a second, to all its readers together."""

READ_RECORDS = 500

logger = logging.getLogger(__name__)


class NoticeInvalid(PetroStreamError):  # noqa: N818 - says what the notice is
    """A message of the failure queue is not a notice of an event source mapping."""

    def __init__(self, message_id: str, problem: str) -> None:
        super().__init__(f"message {message_id}: {problem}; inspect it in the queue, and delete it by hand")


@dataclass(frozen=True, slots=True)
class Notice:
    """A batch that scoring gave up on: its position on the shard, and why.

    `first` is the sequence number as the notice has it: a shard takes nothing else, leading zeros included.
    """

    message_id: str
    receipt: str
    stream: str
    shard: str
    first: str
    last: int
    records: int
    reason: str
    arrived: str


@dataclass(slots=True)
class RedriveResult:
    """The outcome of a notice.

    Attributes:
        notice: the notice.
        found: records of it that are still on the stream.
        sent: records put on the stream again.
        trouble: why it was left in the queue, "" if it is done or this is a dry run.
    """

    notice: Notice
    found: int = 0
    sent: int = 0
    trouble: str = ""

    @property
    def missing(self) -> int:
        """Records of the notice that the stream no longer has."""
        return max(0, self.notice.records - self.found)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one run."""

    notices: int = 10
    records: int = 10_000


@dataclass(frozen=True, slots=True)
class Redrive:
    """One run over the failure queue.

    Attributes:
        sqs: client of the queue.
        kinesis: client of the stream.
        queue_url: the failure queue.
        stream: the only stream whose notices are taken, and where records go again.
        limits: bounds of the run.
        backoff: how refused reads are repeated; its `sleep` also paces them.
    """

    sqs: "SQSClient"
    kinesis: "KinesisClient"
    queue_url: str
    stream: str
    limits: Limits = field(default_factory=Limits)
    backoff: Backoff = field(default_factory=Backoff)

    def run(
        self,
        *,
        execute: bool,
        accept_loss: bool = False,
        on_result: Callable[[RedriveResult], None] = lambda _: None,
    ) -> list[RedriveResult]:
        """Work through the queue in the order in which SQS returns notices.

        Args:
            execute: put records on the stream and delete notices. Otherwise nothing is changed.
            accept_loss: redrive what is left of a batch of which some records have expired, and delete its
                notice. Otherwise such a notice stays.
            on_result: called with each result as soon as it is known.

        Raises:
            ServiceUnavailable: the queue or the stream does not answer.
        """
        results: list[RedriveResult] = []
        room = self.limits.records
        held: list[str] = []
        try:
            for message in self._messages(held):
                result = self._one(message, room, execute, accept_loss)
                room -= result.found
                results.append(result)
                on_result(result)
                if execute and not result.trouble:
                    self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=result.notice.receipt)
                    held.remove(result.notice.receipt)
        finally:
            for receipt in held:
                self._release(receipt)
        return results

    def _one(self, message: dict[str, Any], room: int, execute: bool, accept_loss: bool) -> RedriveResult:
        try:
            notice = parse(message)
        except NoticeInvalid as invalid:
            unknown = Notice(
                str(message["MessageId"]), str(message["ReceiptHandle"]), "", "", "", 0, 0, "", ""
            )
            return RedriveResult(unknown, trouble=str(invalid))
        result = RedriveResult(notice)
        if notice.stream != self.stream:
            result.trouble = f"is about stream {notice.stream}, not {self.stream}"
        elif notice.records > room:
            result.trouble = f"has {notice.records} records, {room} are left of this run's limit"
        if result.trouble:
            return result
        records = list(self._read(notice))
        result.found = len(records)
        if result.missing and not accept_loss:
            result.trouble = (
                f"{result.missing} of {notice.records} records are no longer on the stream; they are in the "
                "raw zone (docs/runbooks/batches-given-up.md). --accept-loss redrives the others"
            )
        elif execute:
            result.sent, result.trouble = self._send(records)
        return result

    def _messages(self, held: list[str]) -> Iterator[dict[str, Any]]:
        """Messages of the queue, each once, up to the limit; receipts go to `held`."""
        seen: set[str] = set()
        while len(seen) < self.limits.notices:
            answer = self.sqs.receive_message(
                QueueUrl=self.queue_url,
                MaxNumberOfMessages=min(10, self.limits.notices - len(seen)),
                VisibilityTimeout=HIDE_SECONDS,
                WaitTimeSeconds=1,
            )
            messages = [dict(message) for message in answer.get("Messages", [])]
            held.extend(str(message["ReceiptHandle"]) for message in messages)
            fresh = [message for message in messages if message["MessageId"] not in seen]
            if not fresh:
                return
            seen.update(str(message["MessageId"]) for message in fresh)
            yield from fresh

    def _release(self, receipt: str) -> None:
        """Make a notice visible to others again at once, not after `HIDE_SECONDS`."""
        try:
            self.sqs.change_message_visibility(
                QueueUrl=self.queue_url, ReceiptHandle=receipt, VisibilityTimeout=0
            )
        except Exception as error:
            logger.warning("a notice stays hidden for up to %d s: %s", HIDE_SECONDS, error_code(error))

    def _read(self, notice: Notice) -> Iterator[tuple[str, bytes]]:
        """Partition key and data of the notice's records that the stream still has, in order."""
        iterator: str | None = self._iterator(notice)
        empty = 0
        while iterator is not None and empty < MAX_EMPTY_READS:
            get = partial(self.kinesis.get_records, ShardIterator=iterator, Limit=READ_RECORDS)
            answer = self._call("GetRecords", get)
            for record in answer["Records"]:
                if int(record["SequenceNumber"]) > notice.last:
                    return
                yield record["PartitionKey"], record["Data"]
                if int(record["SequenceNumber"]) == notice.last:
                    return
            empty = 0 if answer["Records"] else empty + 1
            if not answer["Records"] and answer.get("MillisBehindLatest") == 0:
                return
            iterator = answer.get("NextShardIterator")
            self.backoff.sleep(PAUSE_SECONDS)

    def _iterator(self, notice: Notice) -> str:
        """Where the batch begins, or where the shard does when the batch's beginning has expired."""

        def ask(**where: str) -> str:
            answer = self._call(
                "GetShardIterator",
                lambda: self.kinesis.get_shard_iterator(
                    StreamName=notice.stream,
                    ShardId=notice.shard,
                    **where,  # type: ignore[arg-type]
                ),
            )
            return str(answer["ShardIterator"])

        try:
            return ask(ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber=notice.first)
        except ServiceUnavailable as error:
            if "InvalidArgumentException" not in error.cause:
                raise
        return ask(ShardIteratorType="TRIM_HORIZON")

    def _call(self, operation: str, call: Callable[[], Any]) -> Any:  # noqa: ANN401 - the client's own answers
        cause = ""
        for _ in self.backoff.attempts():
            try:
                return call()
            except Exception as error:
                cause = f"{error_code(error)}: {error}"
                if not repeatable(error):
                    raise ServiceUnavailable("Kinesis", operation, cause) from error
        raise ServiceUnavailable("Kinesis", operation, cause)

    def _send(self, records: Sequence[tuple[str, bytes]]) -> tuple[int, str]:
        """Put records on the stream, each key's in order; returns how many, and why not all."""
        writer: KinesisWriter[None] = KinesisWriter(self.stream, self.kinesis)
        try:
            for key, data in records:
                writer.put(Record(key, data, None))
            while writer.pending():
                writer.pump()
        except PetroStreamError as trouble:
            return writer.totals.records, str(trouble)
        return writer.totals.records, ""


def parse(message: dict[str, Any]) -> Notice:
    """The notice in a message of the failure queue.

    Raises:
        NoticeInvalid: the body is not what an event source mapping writes.
    """
    message_id = str(message["MessageId"])
    try:
        body = json.loads(message["Body"])
        batch = body["KinesisBatchInfo"]
        return Notice(
            message_id=message_id,
            receipt=str(message["ReceiptHandle"]),
            stream=str(batch["streamArn"]).rsplit("/", 1)[1],
            shard=str(batch["shardId"]),
            first=_sequence_number(batch["startSequenceNumber"]),
            last=int(batch["endSequenceNumber"]),
            records=int(batch["batchSize"]),
            reason=str(body.get("requestContext", {}).get("condition", "unknown")),
            arrived=str(batch.get("approximateArrivalOfFirstRecord", "")),
        )
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise NoticeInvalid(
            message_id, f"no KinesisBatchInfo to read ({type(error).__name__}: {error})"
        ) from error


def _sequence_number(value: object) -> str:
    text = str(value)
    int(text)
    return text
