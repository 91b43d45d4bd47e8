"""Shards to read again, in memory: the reading side of Kinesis, with faults on demand."""
# ruff: noqa: N803 - the parameters are named as the service names them

import base64
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from tests.support.fakes import _Faulty, refusal

MAX_READ_BYTES = 10 * 1024 * 1024
MAX_READ_RECORDS = 10_000


class FakeStream(_Faulty):
    """A stream's shards. Every read may be refused by the script.

    Args:
        faults: one for each call to come.
        page: most records of a read; each second read of a shard answers nothing, as the service may.
    """

    def __init__(self, faults: list[str] | None = None, page: int = MAX_READ_RECORDS) -> None:
        super().__init__(faults or [])
        self.parents: dict[str, list[str]] = {}
        self._page = page
        self._records: dict[str, dict[int, dict[str, Any]]] = defaultdict(dict)
        self._stream = "petrostream-ingest"
        self._reads = 0

    def put(self, event: dict[str, Any]) -> None:
        """Remember the records of an event: what is delivered is on the stream."""
        for one in event["Records"]:
            self._stream = one["eventSourceARN"].split("/")[1]
            kinesis = one["kinesis"]
            try:
                data = base64.b64decode(kinesis["data"], validate=True)
            except ValueError:
                continue
            arrival = datetime.fromtimestamp(kinesis["approximateArrivalTimestamp"], UTC)
            self._records[one["eventID"].partition(":")[0]][int(kinesis["sequenceNumber"])] = {
                "SequenceNumber": kinesis["sequenceNumber"],
                "PartitionKey": kinesis["partitionKey"],
                "Data": data,
                "ApproximateArrivalTimestamp": arrival,
            }

    def shards(self) -> list[str]:
        """Names of the shards with records, as the live table has them."""
        return [f"{self._stream}/{shard}" for shard in self._records]

    def expire(self, before: int) -> None:
        """Drop the records whose retention is over, those before a sequence number."""
        for records in self._records.values():
            for number in [number for number in records if number < before]:
                del records[number]

    def get_shard_iterator(
        self, *, StreamName: str, ShardId: str, ShardIteratorType: str, StartingSequenceNumber: str = "0"
    ) -> dict[str, Any]:
        fault = self._next()
        self._before(fault, "GetShardIterator")
        self._after(fault, "GetShardIterator")
        assert StreamName == self._stream
        assert ShardIteratorType in {"AT_SEQUENCE_NUMBER", "TRIM_HORIZON"}
        oldest = min(self._records[ShardId], default=0)
        if ShardIteratorType == "AT_SEQUENCE_NUMBER" and int(StartingSequenceNumber) < oldest:
            raise refusal("InvalidArgumentException", "GetShardIterator")
        return {"ShardIterator": f"{ShardId}:{StartingSequenceNumber}"}

    def get_records(self, *, ShardIterator: str) -> dict[str, Any]:
        fault = self._next()
        self._before(fault, "GetRecords")
        self._after(fault, "GetRecords")
        shard, _, start = ShardIterator.partition(":")
        self._reads += 1
        waiting = sorted(number for number in self._records[shard] if number >= int(start))
        if waiting and self._reads % 2 == 0:
            return {"Records": [], "NextShardIterator": ShardIterator, "MillisBehindLatest": 1000}
        taken, size = [], 0
        for number in waiting[: self._page]:
            size += len(self._records[shard][number]["Data"])
            if taken and size > MAX_READ_BYTES:
                break
            taken.append(number)
        after = taken[-1] + 1 if taken else int(start)
        return {
            "Records": [self._records[shard][number] for number in taken],
            "NextShardIterator": f"{shard}:{after}",
            "MillisBehindLatest": 1000 if len(taken) < len(waiting) else 0,
        }

    def list_shards(self, *, StreamName: str = "", NextToken: str = "") -> dict[str, Any]:
        fault = self._next()
        self._before(fault, "ListShards")
        self._after(fault, "ListShards")
        names = sorted(
            {*self._records, *self.parents, *(one for some in self.parents.values() for one in some)}
        )
        shards = []
        for name in names:
            ancestors = zip(
                ("ParentShardId", "AdjacentParentShardId"), self.parents.get(name, []), strict=False
            )
            shards.append({"ShardId": name, **dict(ancestors)})
        # Two pages, the second by its token alone.
        half = len(shards) // 2 if StreamName else 0
        if NextToken:
            return {"Shards": shards[len(shards) // 2 :]}
        return {"Shards": shards[:half], "NextToken": "more"}
