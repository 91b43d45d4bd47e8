"""Reads a stretch of a shard again: the records between a facility's snapshot and what was delivered.

A shard answers five reads and 2 MB a second to all of its readers together (Kinesis quotas): the event source
and the raw copy's Firehose take two of the five. A read of up to 10 MB may be followed by some seconds of
refusals. So refused reads are repeated with growing waits, until the deadline.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from petrostream.aws.calls import error_code, repeatable
from petrostream.backoff import NO_DEADLINE, Backoff, Deadline
from petrostream.errors import ServiceUnavailable, TimeShort
from petrostream.pipeline import StreamRecord

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

MAX_EMPTY_READS = 60
"""Reads in a row without a record after which the shard is taken to have no more: each skips some minutes."""

PAUSE_SECONDS = 0.25
"""Between two reads."""


class StreamReader:
    """The shards of one account's streams, for reading again.

    A shard is named `<stream>/<shard>`, as in the live table.

    Args:
        client: Kinesis client with time-outs and retries of its own.
        backoff: how refused reads are repeated.
    """

    def __init__(self, client: "KinesisClient", backoff: Backoff | None = None) -> None:
        self._client = client
        self._backoff = backoff or Backoff(limit=12, base=0.2, cap=3.0)

    def read(
        self, shard_id: str, first: str, last: str, deadline: Deadline = NO_DEADLINE
    ) -> Iterator[StreamRecord]:
        """The records from `first` to `last`, both included, as far as the stream still has them.

        Raises:
            ServiceUnavailable: the stream refused or did not respond.
            TimeShort: the deadline came first.
        """
        iterator: str | None = self._iterator(shard_id, first, deadline)
        end, empty = int(last), 0
        while iterator is not None and empty < MAX_EMPTY_READS:
            if deadline.remaining() <= 0:
                raise TimeShort(f"reading shard {shard_id} again", 0.0)
            response = self._call(self._client.get_records, deadline, ShardIterator=iterator)
            for record in response["Records"]:
                if int(record["SequenceNumber"]) > end:
                    return
                yield _record(record)
                if int(record["SequenceNumber"]) == end:
                    return
            empty = 0 if response["Records"] else empty + 1
            if not response["Records"] and response.get("MillisBehindLatest") == 0:
                return
            iterator = response.get("NextShardIterator")
            self._backoff.sleep(PAUSE_SECONDS)

    def parents(self, shard_id: str) -> list[str]:
        """The shards that this one was split or merged from, as far as the stream has them.

        Raises:
            ServiceUnavailable: the stream refused or did not respond.
        """
        stream, _, name = shard_id.partition("/")
        shards: dict[str, Any] = {}
        more: dict[str, str] = {"StreamName": stream}
        while more:
            response = self._call(self._client.list_shards, NO_DEADLINE, **more)
            shards |= {shard["ShardId"]: shard for shard in response["Shards"]}
            more = {"NextToken": response["NextToken"]} if response.get("NextToken") else {}
        found = shards.get(name, {})
        parents = (found.get("ParentShardId"), found.get("AdjacentParentShardId"))
        return [f"{stream}/{parent}" for parent in parents if parent in shards]

    def _iterator(self, shard_id: str, first: str, deadline: Deadline) -> str:
        """Where `first` is, or where the shard begins if that has left the stream."""
        stream, _, name = shard_id.partition("/")
        where = {"StreamName": stream, "ShardId": name}
        try:
            response = self._call(
                self._client.get_shard_iterator,
                deadline,
                **where,
                ShardIteratorType="AT_SEQUENCE_NUMBER",
                StartingSequenceNumber=first,
            )
        except ServiceUnavailable as error:
            if not error.cause.startswith("InvalidArgumentException"):
                raise
            response = self._call(
                self._client.get_shard_iterator, deadline, **where, ShardIteratorType="TRIM_HORIZON"
            )
        return str(response["ShardIterator"])

    def _call(self, call: Callable[..., Any], deadline: Deadline, **request: str) -> Any:  # noqa: ANN401 - responses
        cause = "no attempt made"
        for _ in self._backoff.attempts(deadline):
            try:
                return call(**request)
            except Exception as error:
                cause = f"{error_code(error)}: {error}"
                if not repeatable(error):
                    break
        raise ServiceUnavailable("Kinesis", getattr(call, "__name__", "read"), cause)


def _record(record: Any) -> StreamRecord:  # noqa: ANN401 - a record of GetRecords
    return StreamRecord(
        sequence=record["SequenceNumber"],
        partition_key=record["PartitionKey"],
        data=record["Data"],
        arrival_ms=round(record["ApproximateArrivalTimestamp"].timestamp() * 1000),
    )
