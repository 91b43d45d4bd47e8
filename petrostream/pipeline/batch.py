"""The vocabulary of the pipeline: a record, the ports to the outside, and how a batch ended."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Protocol

from petrostream.aws.firehose import Sink
from petrostream.detection.detector import ModelSet
from petrostream.facility.pairing import JoinMode
from petrostream.live.alerts import Alert
from petrostream.minutes.windows import Window
from petrostream.pipeline.memory import Memory


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
    def told(self) -> frozenset[str]:
        """Identities of events that need no more telling."""

    def tell(self, alerts: Sequence[Alert]) -> None:
        """Tell what has not been told; never raises, what fails is tried again with the next batch."""


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


@dataclass(slots=True)
class Tally:
    """What was committed.

    Attributes:
        readings: well readings scored.
        anomalies: of them.
        alarms: alarms annunciated.
        quarantined: lines rejected.
        records: stream records, those passed over included.
        records_skipped: records passed over, since an earlier batch did them.
        tanks: tank readings.
        matched: joined readings with a tank reading.
        unmatched: joined readings without one.
        late: of the unmatched ones, those that came behind the watermark.
        duplicates: well readings the join dropped as duplicates.
        duplicate_tanks: tank readings it dropped as duplicates.
        without_tanks: well readings left out of the join's rows, as no tank had reported before.
    """

    readings: int = 0
    anomalies: int = 0
    alarms: int = 0
    quarantined: int = 0
    records: int = 0
    records_skipped: int = 0
    tanks: int = 0
    matched: int = 0
    unmatched: int = 0
    late: int = 0
    duplicates: int = 0
    duplicate_tanks: int = 0
    without_tanks: int = 0

    def add(self, other: "Tally") -> None:
        """Count the other in."""
        for count in fields(self):
            setattr(self, count.name, getattr(self, count.name) + getattr(other, count.name))


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
