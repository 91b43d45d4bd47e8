"""The ingest stream as the service reads it: its shards, and their records from a place on.

A shard answers five reads and 2 MB a second to all of its readers together (Kinesis quotas). A refused read
is repeated with growing waits; an iterator is good for five minutes.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from petrostream.aws.calls import error_code, repeatable
from petrostream.backoff import NO_DEADLINE, Backoff, Deadline
from petrostream.errors import IteratorExpired, ServiceUnavailable
from petrostream.pipeline import Fetched, Shard, StreamRecord

if TYPE_CHECKING:
    from mypy_boto3_kinesis import KinesisClient

EXPIRED = "ExpiredIteratorException"
GONE = "InvalidArgumentException"
"""Kinesis' answer to a sequence number that has left the stream, among others."""


class ShardStream:
    """One stream, for reading. A shard is named `<stream>/<shard>`.

    Args:
        stream: name of the stream.
        client: Kinesis client with time-outs and retries of its own.
        backoff: how refused calls are repeated.
    """

    def __init__(self, stream: str, client: "KinesisClient", backoff: Backoff | None = None) -> None:
        self._stream = stream
        self._client = client
        self._backoff = backoff or Backoff(limit=6, base=0.2, cap=3.0)

    def shards(self) -> list[Shard]:
        """All shards that the stream lists, closed ones included.

        Raises:
            ServiceUnavailable: the stream refused or did not respond.
        """
        found: list[Any] = []
        more: dict[str, Any] = {"StreamName": self._stream}
        while more:
            response = self._call(self._client.list_shards, NO_DEADLINE, **more)
            found += response["Shards"]
            more = {"NextToken": response["NextToken"]} if response.get("NextToken") else {}
        return [
            Shard(
                self._name(shard["ShardId"]),
                tuple(
                    self._name(shard[parent])
                    for parent in ("ParentShardId", "AdjacentParentShardId")
                    if shard.get(parent)
                ),
            )
            for shard in found
        ]

    def iterator(self, shard_id: str, after: str | None) -> str:
        """Where the records after a sequence number begin; where the shard begins, if it is None or gone.

        Raises:
            ServiceUnavailable: the stream refused or did not respond.
        """
        where = {"StreamName": self._stream, "ShardId": shard_id.rpartition("/")[2]}
        call = self._client.get_shard_iterator
        if after is not None:
            try:
                found = self._call(
                    call,
                    NO_DEADLINE,
                    **where,
                    ShardIteratorType="AFTER_SEQUENCE_NUMBER",
                    StartingSequenceNumber=after,
                )
                return str(found["ShardIterator"])
            except ServiceUnavailable as error:
                if not error.cause.startswith(GONE):
                    raise
        return str(self._call(call, NO_DEADLINE, **where, ShardIteratorType="TRIM_HORIZON")["ShardIterator"])

    def fetch(self, iterator: str, most: int, deadline: Deadline = NO_DEADLINE) -> Fetched:
        """Read on from an iterator.

        Args:
            iterator: from `iterator`, or from the last read.
            most: most records to read.
            deadline: no attempt begins after it.

        Raises:
            IteratorExpired: the iterator is over five minutes old.
            ServiceUnavailable: the stream refused or did not respond.
        """
        response = self._call(self._client.get_records, deadline, ShardIterator=iterator, Limit=most)
        records = tuple(
            StreamRecord(
                sequence=record["SequenceNumber"],
                partition_key=record["PartitionKey"],
                data=record["Data"],
                arrival_ms=round(record["ApproximateArrivalTimestamp"].timestamp() * 1000),
            )
            for record in response["Records"]
        )
        behind = int(response.get("MillisBehindLatest") or 0)
        return Fetched(records, response.get("NextShardIterator"), behind)

    def _name(self, shard: str) -> str:
        return f"{self._stream}/{shard}"

    def _call(self, call: Callable[..., Any], deadline: Deadline, **request: Any) -> Any:  # noqa: ANN401
        cause = "no attempt made"
        for _ in self._backoff.attempts(deadline):
            try:
                return call(**request)
            except Exception as error:
                if error_code(error) == EXPIRED:
                    raise IteratorExpired(str(error)) from error
                cause = f"{error_code(error)}: {error}"
                if not repeatable(error):
                    break
        raise ServiceUnavailable("Kinesis", getattr(call, "__name__", "read"), cause)
