"""The pipeline's ports: what a batch needs from outside, and nothing of how it is done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from petrostream.detection import ModelSet
from petrostream.facility import JoinMode
from petrostream.live import Alert
from petrostream.minutes import Window
from petrostream.pipeline.memory import Memory


class Sink(Protocol):
    """Where scoring puts its rows."""

    def write(self, block: bytes, group: str = "") -> None:
        """Take a block of newline-terminated rows; blocks of one group may share an entry."""

    def flush(self) -> None:
        """Return once every block written so far is safely accepted; raise otherwise."""


class States(Protocol):
    """Where facilities' memories live; see `petrostream.aws.state.StateStore`."""

    def load(self, facility_id: str) -> tuple[Memory, int]:
        """The memory and its version."""

    def save(self, memory: Memory, version: int) -> int:
        """Write the memory that follows the one at `version`; the new version.

        Where it fails, the next `load` tells what is stored, not what was remembered.
        """


class Live(Protocol):
    """Where the fleet's list and closed minutes go; see `petrostream.aws.live_writer.LiveWriter`."""

    def list_facility(self, facility_id: str) -> None:
        """Note that the facility exists."""

    def put_windows(self, facility_id: str, closed: Sequence[Window], version: int, now_ms: int) -> None:
        """Write closed minutes that belong to the memory's `version`, never over those of a newer one."""


class Alerts(Protocol):
    """Where events are told; see `petrostream.aws.alerts.AlertTopic`."""

    @property
    def published_ids(self) -> frozenset[str]:
        """Identities of events that need no more telling."""

    def publish(self, alerts: Sequence[Alert]) -> None:
        """Tell what has not been told; never raises, what fails is tried again with the next batch."""


class Models(Protocol):
    """Where models come from; see `petrostream.aws.models.ModelStore`."""

    def current(self) -> ModelSet | None:
        """The models to score with."""


@dataclass(frozen=True, slots=True)
class Ports:
    """What a batch needs from outside.

    Attributes:
        states: what is remembered of the facilities.
        models: what to score with.
        delivery: where scored readings go.
        quarantine: where rejected lines go.
        facility: where joined readings go.
        alarms: where transitions of alarms go.
        live: where closed minutes go.
        alerts: where changes are told.
        now_ms: the clock, epoch milliseconds.
        join: which facilities' readings are joined with tank readings.
    """

    states: States
    models: Models
    delivery: Sink
    quarantine: Sink
    facility: Sink
    alarms: Sink
    live: Live
    alerts: Alerts
    now_ms: Callable[[], int]
    join: JoinMode = "tanks"

    @property
    def sinks(self) -> tuple[Sink, ...]:
        """All that must have accepted everything before a state is saved."""
        return self.delivery, self.quarantine, self.facility, self.alarms
