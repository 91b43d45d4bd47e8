"""The facilities' memories in this process, by shard: ahead of their snapshots in the table.

The stream is the log, and a stored memory a snapshot of it. A shard's place says from which record to which
the snapshots lack what has been delivered, so a process that takes over reads those records again
(`petrostream.pipeline.takeover`). A process uses its memories only while it owns the shard; in any doubt it
forgets them, and takes over anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from petrostream.live import WellStatus
from petrostream.pipeline.memory import Memory
from petrostream.pipeline.places import ShardPlace, Shards, States, Stream, Stretch


@dataclass(slots=True)
class Held:
    """One facility's memory in this process.

    Attributes:
        memory: after the last record delivered.
        version: of the snapshot in the table.
        first: the first record that the snapshot lacks, None if it lacks nothing.
    """

    memory: Memory
    version: int
    first: str | None = None


@dataclass(slots=True)
class ShardMemory:
    """One shard's memories, as long as this process owns it.

    Attributes:
        shard_id: the shard.
        epoch: number of the claim.
        done: the last record up to which everything was delivered or given up on; None before the first.
        committed_ms: when the last snapshots were due, epoch ms.
        facilities: memories of the facilities processed here. The snapshots of all others lack nothing,
            but for those of `unsettled`.
        unsettled: by facility, what its snapshot lacks where a takeover failed for that facility alone.
        bytes_since: stream bytes processed since the snapshots of all facilities were written.
        model_version: of the models that the records after the snapshots were scored with.
    """

    shard_id: str
    epoch: int
    done: str | None
    committed_ms: int
    facilities: dict[str, Held] = field(default_factory=dict)
    unsettled: dict[str, Stretch] = field(default_factory=dict)
    bytes_since: int = 0
    model_version: str | None = None

    @property
    def since(self) -> str | None:
        """The first record that some snapshot lacks, None if none lacks any."""
        firsts = [held.first for held in self.facilities.values() if held.first is not None]
        return min(firsts, key=int, default=None)

    def behind(self) -> list[str]:
        """Facilities whose snapshot lacks something."""
        return [name for name, held in self.facilities.items() if held.first is not None]

    @property
    def place(self) -> ShardPlace:
        """How far the shard is processed."""
        return ShardPlace(self.epoch, self.done, self.since, dict(self.unsettled))

    def statuses(self) -> dict[str, dict[str, WellStatus]]:
        """Latest statuses that no snapshot has, by facility and well."""
        return {name: dict(self.facilities[name].memory.live.wells) for name in self.behind()}


class Memories:
    """Memories by shard, of one process.

    Args:
        states: where snapshots are stored.
        shards: who owns which shard, and the shards' places.
        stream: the stream, to read again what snapshots lack.
        commit_seconds: seconds between two snapshots of a facility that nothing urgent happens to; with 0
            each batch writes one.
        commit_bytes: stream bytes delivered since a shard's snapshots, after which they are written in any
            case: a process that takes over reads and scores that much again within an invocation.
    """

    def __init__(
        self,
        states: States,
        shards: Shards,
        stream: Stream,
        commit_seconds: float,
        commit_bytes: int,
    ) -> None:
        self.states = states
        self.shards = shards
        self.stream = stream
        self._commit_ms = commit_seconds * 1000
        self._commit_bytes = commit_bytes
        self._held: dict[str, ShardMemory] = {}

    def owned(self, shard_id: str) -> ShardMemory | None:
        """The shard's memories if no other process has claimed it since; None if it must be taken over."""
        held = self._held.get(shard_id)
        if held is None or not self.shards.owned(shard_id, held.epoch):
            self.forget(shard_id)
            return None
        return held

    def keep(self, shard: ShardMemory) -> None:
        """Use these memories for the shard's next batches."""
        self._held[shard.shard_id] = shard

    def forget(self, shard_id: str) -> None:
        """Forget a shard's memories: its next batch takes it over anew."""
        self._held.pop(shard_id, None)

    def load(self, shard: ShardMemory, facility_id: str) -> Held:
        """A facility's memory, from this process or else from its snapshot.

        Raises:
            StateUnreadable, ServiceUnavailable: see `States.load`.
        """
        held = shard.facilities.get(facility_id)
        return Held(*self.states.load(facility_id)) if held is None else held

    def due(self, shard: ShardMemory, now_ms: int) -> bool:
        """Whether it is time for snapshots of all facilities."""
        return now_ms - shard.committed_ms >= self._commit_ms or shard.bytes_since >= self._commit_bytes

    def hold(self, shard: ShardMemory, facility_id: str, held: Held) -> None:
        """Remember a facility's memory after records that were delivered; `held.first` is their first."""
        before = shard.facilities.get(facility_id)
        if before is not None and before.first is not None:
            held.first = before.first
        shard.facilities[facility_id] = held

    def commit(self, shard: ShardMemory, facilities: Iterable[str], now_ms: int) -> None:
        """Write snapshots. After a failure the shard's memories are forgotten: what is stored is uncertain.

        Raises:
            StateConflict: another process has written one of them.
            ServiceUnavailable: see `States.save`.
        """
        self.forget(shard.shard_id)
        for name in facilities:
            held = shard.facilities[name]
            shard.facilities[name] = Held(*self.states.save(held.memory, held.version))
        self.keep(shard)
        if shard.since is None:
            shard.committed_ms, shard.bytes_since = now_ms, 0

    def note(self, shard: ShardMemory, done: str) -> None:
        """Record that everything up to `done` is delivered, and show the latest statuses.

        After a failure the shard's memories are forgotten.

        Raises:
            ShardClaimed: another process has claimed the shard.
            ServiceUnavailable: the table did not respond in time.
        """
        self.forget(shard.shard_id)
        if shard.done is None or int(done) > int(shard.done):
            shard.done = done
        self.shards.note(shard.shard_id, shard.place, shard.statuses())
        self.keep(shard)
