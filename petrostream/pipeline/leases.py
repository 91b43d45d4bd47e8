"""Which task of a service reads which shard: a pure plan from the shards, the leases and the time.

A lease is a task's claim of a shard for some seconds, renewed while the task lives. It only spares work: that
nothing is delivered twice is up to the shard's owner and place (`petrostream.pipeline.memories`), which hold
even where two tasks believe that they have a lease.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from petrostream.pipeline.batch import StreamRecord

LEASE_MS = 15_000
"""Time after which a lease that was not renewed is anybody's: twice what DynamoDB's client may take to give
up on a renewal (5 s), and half of the 30 s within which a killed task's shards must be read again."""

RENEW_MS = 4_000
"""Time between two renewals: three may fail before the lease is lost."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard of the stream.

    Attributes:
        shard_id: its name.
        parents: shards that it was split or merged from, as far as the stream still lists them.
    """

    shard_id: str
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a read of a shard returned.

    Attributes:
        records: the records, in shard order.
        iterator: where to read on, None at the end of a closed shard.
        behind_ms: how far behind the newest record this read was.
    """

    records: tuple[StreamRecord, ...]
    iterator: str | None
    behind_ms: int


@dataclass(frozen=True, slots=True)
class Lease:
    """The lease of a shard.

    Attributes:
        shard_id: the shard.
        task: the task that has it; empty if it was given back.
        until_ms: when it ends unless it is renewed, epoch ms.
        version: number of writes of its item; 0 before the first.
        read_to_end: whether the shard is closed and everything in it is processed.
    """

    shard_id: str
    task: str = ""
    until_ms: int = 0
    version: int = 0
    read_to_end: bool = False

    def held(self, now_ms: int) -> bool:
        """Whether a task has it at a time, epoch ms."""
        return bool(self.task) and now_ms < self.until_ms


@dataclass(frozen=True, slots=True)
class LeasePlan:
    """What a task should do now.

    Attributes:
        take: leases to take, in this order; each may be refused, since others plan too.
        give_back: shards to hand over, since this task has more than its share.
    """

    take: tuple[Lease, ...] = ()
    give_back: tuple[str, ...] = ()


def readable(shards: Iterable[Shard], leases: Mapping[str, Lease]) -> list[Shard]:
    """The shards that may be read: not read to their end, all of their parents read to theirs.

    A parent that the stream no longer lists has expired, and holds nobody up.
    """
    listed = list(shards)
    open_parents = {
        shard.shard_id for shard in listed if not leases.get(shard.shard_id, Lease("")).read_to_end
    }
    return [
        shard
        for shard in listed
        if shard.shard_id in open_parents and not open_parents.intersection(shard.parents)
    ]


def plan(
    task: str, shards: Sequence[Shard], leases: Mapping[str, Lease], others: int, most: int, now_ms: int
) -> LeasePlan:
    """LeasePlan a task's leases: free shards are taken up to its share, what is over its share is given back.

    Args:
        task: this task's name.
        shards: all shards that the stream lists.
        leases: their leases, by shard.
        others: number of other tasks that live.
        most: most shards that a task reads.
        now_ms: the present, epoch ms.
    """
    candidates = readable(shards, leases)
    mine = sorted(name for name, lease in leases.items() if lease.task == task and lease.held(now_ms))
    reading = [name for name in mine if any(shard.shard_id == name for shard in candidates)]
    share = min(most, math.ceil(len(candidates) / (others + 1)))
    free = [
        leases.get(shard.shard_id, Lease(shard.shard_id))
        for shard in candidates
        if not leases.get(shard.shard_id, Lease(shard.shard_id)).held(now_ms)
    ]
    # Each task begins elsewhere, so that tasks that plan at the same moment rarely want the same shard.
    start = sum(task.encode()) % len(free) if free else 0
    wanted = (*free[start:], *free[:start])
    # One at a time: a shard must not change hands again and again while tasks come and go.
    over = reading[-1:] if len(reading) > share else []
    return LeasePlan(wanted[: max(0, share - len(reading))], tuple(over))
