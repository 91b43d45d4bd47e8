"""Ports that keep memories exact: snapshots, owners and places of shards, the stream itself."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from petrostream.backoff import Deadline
from petrostream.live import WellStatus
from petrostream.pipeline.batch import StreamRecord
from petrostream.pipeline.memory import Memory


class States(Protocol):
    """Where snapshots of the facilities' memories are stored; see `petrostream.aws.state.StateStore`."""

    def load(self, facility_id: str) -> tuple[Memory, int]:
        """Return the memory and its version."""

    def save(self, memory: Memory, version: int) -> tuple[Memory, int]:
        """Write the memory that follows the one at `version`; return it as it is stored, and its version.

        Raises:
            StateConflict: the stored memory is no longer at `version`.
        """


@dataclass(frozen=True, slots=True)
class Stretch:
    """Records that one facility's snapshot lacks, because a takeover could not bring it up to them.

    Attributes:
        shard_id: the shard they are on.
        first: sequence number of the first of them.
        last: sequence number of the last of them. What the facility sent after it was not delivered.
    """

    shard_id: str
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class ShardPlace:
    """How far a shard is processed.

    Attributes:
        epoch: number of the claim under which this was noted; a later claim has a higher one.
        done: sequence number of the last record up to which everything was delivered or given up on by the
            event source; None before the first.
        since: the first record that the snapshot of some facility lacks, None if none lacks any.
        unsettled: by facility, what its snapshot lacks where a takeover failed for that facility; `since` is
            about the others.
    """

    epoch: int
    done: str | None = None
    since: str | None = None
    unsettled: Mapping[str, Stretch] = field(default_factory=dict)


class Shards(Protocol):
    """Who owns which shard, and how far it is processed; see `petrostream.aws.shards.ShardTable`."""

    def owned(self, shard_id: str, epoch: int) -> bool:
        """Whether this process's claim of that epoch is the shard's latest."""

    def claim(self, shard_id: str) -> ShardPlace:
        """Claim a shard: no earlier owner can note a place from now on.

        Returns:
            Its place, under the epoch of this claim.

        Raises:
            ShardClaimed: another process claims it at this moment.
        """

    def note(
        self, shard_id: str, place: ShardPlace, statuses: Mapping[str, Mapping[str, WellStatus]]
    ) -> None:
        """Write a place, and the latest statuses by facility and well that no snapshot has.

        Raises:
            ShardClaimed: another process has claimed the shard since.
        """


class Stream(Protocol):
    """The stream, to read again what was processed; see `petrostream.aws.stream_reader.StreamReader`."""

    def read(self, shard_id: str, first: str, last: str, deadline: Deadline) -> Iterable[StreamRecord]:
        """The records of a shard from `first` to `last`, both included, as far as the stream has them.

        Raises:
            ServiceUnavailable: the stream did not respond in time.
            TimeShort: the deadline came first.
        """

    def parents(self, shard_id: str) -> Sequence[str]:
        """The shards that this one was split or merged from, as far as the stream has them."""
