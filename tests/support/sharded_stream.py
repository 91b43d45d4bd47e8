"""A Kinesis stream in memory whose shards split and merge as AWS's do: parents close, and stay readable.

The emulator deletes a parent at once, with its records, so what resharding needs is tested here. After the
Kinesis developer guide ("Resharding a stream"; "Strategies for resharding") and the API reference: records go
to the shard whose hash range holds the MD5 of their partition key; a split or merge closes the parents and
opens children; a closed shard is read to its end, where there is no next iterator.
"""
# ruff: noqa: N803 - the parameters are named as the service names them

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import RLock
from typing import Any

from tests.support.fakes import refusal

SPACE = 2**128


@dataclass
class _Shard:
    name: str
    first: int
    last: int
    parents: list[str] = field(default_factory=list)
    closed: bool = False
    records: list[dict[str, Any]] = field(default_factory=list)


class ShardedStream:
    """One stream.

    Args:
        shards: number of shards to begin with.
        now_ms: arrival time of every record, epoch ms.
        page: most records of a read.
    """

    def __init__(self, shards: int, now_ms: int, page: int = 10_000) -> None:
        self._lock = RLock()
        self._now_ms, self._page = now_ms, page
        self._number = 100
        self.shards: dict[str, _Shard] = {}
        for place in range(shards):
            self._open(place * SPACE // shards, (place + 1) * SPACE // shards - 1)

    def put(self, partition_key: str, data: bytes) -> str:
        """Put a record; returns its sequence number."""
        with self._lock:
            place = int.from_bytes(hashlib.md5(partition_key.encode(), usedforsecurity=False).digest(), "big")
            (shard,) = [one for one in self._open_shards() if one.first <= place <= one.last]
            self._number += 1
            shard.records.append(
                {
                    "SequenceNumber": str(self._number),
                    "PartitionKey": partition_key,
                    "Data": data,
                    "ApproximateArrivalTimestamp": datetime.fromtimestamp(self._now_ms / 1000, UTC),
                }
            )
            return str(self._number)

    def double(self) -> None:
        """Split every open shard in two."""
        with self._lock:
            for shard in self._open_shards():
                middle = (shard.first + shard.last) // 2
                shard.closed = True
                self._open(shard.first, middle, [shard.name])
                self._open(middle + 1, shard.last, [shard.name])

    def halve(self) -> None:
        """Merge the open shards in pairs of neighbours."""
        with self._lock:
            shards = sorted(self._open_shards(), key=lambda shard: shard.first)
            for left, right in zip(shards[::2], shards[1::2], strict=True):
                left.closed = right.closed = True
                self._open(left.first, right.last, [left.name, right.name])

    def _open(self, first: int, last: int, parents: list[str] | None = None) -> None:
        name = f"shardId-{len(self.shards):012d}"
        self.shards[name] = _Shard(name, first, last, parents or [])

    def _open_shards(self) -> list[_Shard]:
        return [shard for shard in self.shards.values() if not shard.closed]

    def list_shards(self, *, StreamName: str = "", NextToken: str = "") -> dict[str, Any]:
        """All shards, a few at a time; the second page by its token alone, as the service demands."""
        with self._lock:
            assert bool(StreamName) != bool(NextToken)
            names = list(self.shards)
            start = int(NextToken or 0)
            page = [self._described(self.shards[name]) for name in names[start : start + 3]]
            more = {"NextToken": str(start + 3)} if start + 3 < len(names) else {}
            return {"Shards": page, **more}

    def _described(self, shard: _Shard) -> dict[str, Any]:
        keys = ("ParentShardId", "AdjacentParentShardId")
        return {"ShardId": shard.name, **dict(zip(keys, shard.parents, strict=False))}

    def get_shard_iterator(
        self, *, StreamName: str, ShardId: str, ShardIteratorType: str, StartingSequenceNumber: str = "0"
    ) -> dict[str, Any]:
        """An iterator: the shard and the number that its records must not be under."""
        assert StreamName
        if ShardId not in self.shards:
            raise refusal("ResourceNotFoundException", "GetShardIterator")
        start = int(StartingSequenceNumber) + (ShardIteratorType == "AFTER_SEQUENCE_NUMBER")
        return {"ShardIterator": f"{ShardId}:{0 if ShardIteratorType == 'TRIM_HORIZON' else start}"}

    def get_records(self, *, ShardIterator: str, Limit: int = 10_000) -> dict[str, Any]:
        """The records from an iterator on."""
        with self._lock:
            name, _, start = ShardIterator.partition(":")
            shard = self.shards[name]
            waiting = [one for one in shard.records if int(one["SequenceNumber"]) >= int(start)]
            taken = waiting[: min(Limit, self._page)]
            after = int(taken[-1]["SequenceNumber"]) + 1 if taken else int(start)
            at_end = shard.closed and len(taken) == len(waiting)
            return {
                "Records": taken,
                "NextShardIterator": None if at_end else f"{name}:{after}",
                "MillisBehindLatest": 1000 * (len(waiting) - len(taken)),
            }
