"""The pipeline's ports: what a batch needs from outside, independent of any implementation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from petrostream.detection import ModelSet
from petrostream.facility import JoinMode
from petrostream.live import Alert
from petrostream.minutes import Window
from petrostream.pipeline.memories import Memories


class Sink(Protocol):
    """A delivery stream for rows."""

    def write(self, block: bytes, group: str = "") -> None:
        """Accept a block of newline-terminated rows; blocks of one group may share an entry."""

    def flush(self) -> None:
        """Return once every block written so far has been accepted; raise otherwise."""


class Live(Protocol):
    """Where the fleet's list and closed windows go; see `petrostream.aws.live_writer.LiveWriter`."""

    def list_facility(self, facility_id: str) -> None:
        """Add the facility to the fleet's list."""

    def put_windows(self, facility_id: str, closed: Sequence[Window], version: int, now_ms: int) -> None:
        """Write closed windows of the memory at `version`; never overwrites those of a newer version."""


class Alerts(Protocol):
    """Where alerts are published; see `petrostream.aws.alerts.AlertTopic`."""

    @property
    def published_ids(self) -> frozenset[str]:
        """Identities of alerts that are already published."""

    def publish(self, alerts: Sequence[Alert]) -> None:
        """Publish the alerts not yet published; never raises, the next batch retries what failed."""


class Models(Protocol):
    """Where models come from; see `petrostream.aws.models.ModelStore`."""

    def current(self) -> ModelSet | None:
        """The models to score with, None before the first one is published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Where the rows of a facility's records go.

    Attributes:
        delivery: where scored readings go.
        quarantine: where rejected lines go.
        facility: where joined readings go.
        alarms: where alarm transitions go.
        now_ms: the clock, epoch milliseconds.
        join: which facilities' readings are joined with tank readings.
    """

    delivery: Sink
    quarantine: Sink
    facility: Sink
    alarms: Sink
    now_ms: Callable[[], int]
    join: JoinMode = "tanks"

    @property
    def sinks(self) -> tuple[Sink, ...]:
        """The sinks that must have accepted every row before a state is saved."""
        return self.delivery, self.quarantine, self.facility, self.alarms


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports(Outputs):
    """What a batch needs from outside, besides the outputs of its rows.

    Attributes:
        memories: the facilities' memories, and how far each shard is processed.
        models: the models to score with.
        live: where closed windows go.
        alerts: where alerts are published.
    """

    memories: Memories
    models: Models
    live: Live
    alerts: Alerts
