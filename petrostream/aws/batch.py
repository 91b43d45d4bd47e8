"""The vocabulary of the pipeline: a record, the ports to the outside, and how a batch ended."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from petrostream.aws.firehose import Sink
from petrostream.detector import ModelSet
from petrostream.history import FacilityState


class States(Protocol):
    """Where facility states live; see `petrostream.aws.state.StateStore`."""

    def load(self, facility_id: str) -> tuple[FacilityState, int]:
        """The state and its version."""

    def save(self, state: FacilityState, version: int) -> int:
        """Write the state that follows the one at `version`; the new version.

        Where it fails, the next `load` tells what is stored, not what was remembered.
        """


class Models(Protocol):
    """Where models come from; see `petrostream.aws.models.ModelStore`."""

    def current(self) -> ModelSet | None:
        """The models to score with."""


@dataclass(frozen=True, slots=True)
class Record:
    """One stream record.

    Attributes:
        sequence: its sequence number.
        partition_key: the facility.
        data: its bytes.
        arrival_ms: when the stream took it in, epoch milliseconds. It is the present that event times are
            judged by, so that a retry judges as the first attempt did.
        broken: why `data` is not what was put on the stream, None if it is.
    """

    sequence: str
    partition_key: str
    data: bytes
    arrival_ms: int
    broken: str | None = None


@dataclass(frozen=True, slots=True)
class Ports:
    """What a batch needs from outside."""

    states: States
    models: Models
    delivery: Sink
    quarantine: Sink
    now_ms: Callable[[], int]


@dataclass(slots=True)
class Tally:
    """What was committed."""

    readings: int = 0
    anomalies: int = 0
    quarantined: int = 0
    records: int = 0
    records_skipped: int = 0

    def add(self, other: "Tally") -> None:
        """Count the other in."""
        self.readings += other.readings
        self.anomalies += other.anomalies
        self.quarantined += other.quarantined
        self.records += other.records
        self.records_skipped += other.records_skipped


@dataclass(slots=True)
class Outcome:
    """How a batch ended.

    Attributes:
        failed: for each facility not wholly committed, the sequence number of its first record not committed.
        troubles: why, one for each.
        tally: what was committed.
        model_version: version of the models used, None without models.
    """

    failed: list[str] = field(default_factory=list)
    troubles: list[Exception] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    model_version: str | None = None

    @property
    def lowest_failed(self) -> str | None:
        """Where the stream must be read again from; None when all is committed."""
        return min(self.failed, key=int, default=None)
