"""A batch of stream records, what was committed of it, and how it ended."""

from dataclasses import dataclass, field, fields


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One stream record.

    Attributes:
        sequence: its sequence number.
        partition_key: the facility.
        data: its bytes.
        arrival_ms: when it arrived in the stream, epoch milliseconds. Event times are checked against it and
            not against the clock, so that a retry reaches the same verdict as the first attempt.
        broken: reason why `data` is not what was put on the stream, None if it is.
    """

    sequence: str
    partition_key: str
    data: bytes
    arrival_ms: int
    broken: str | None = None


@dataclass(slots=True)
class Tally:
    """What was committed.

    Attributes:
        readings: well readings scored.
        anomalies: well readings flagged as anomalous.
        alarms: alarms annunciated.
        quarantined: lines rejected.
        records: stream records, skipped ones included.
        records_skipped: records that an earlier batch had already processed.
        tanks: tank readings.
        matched: joined readings with a tank reading.
        unmatched: joined readings without one.
        late: unmatched readings that arrived after the watermark had passed them.
        duplicates: well readings the join dropped as duplicates.
        duplicate_tanks: tank readings the join dropped as duplicates.
        without_tanks: well readings without a joined row, because no tank had reported yet.
        join_wait_ms: how long the joined readings waited for their pair, together, ms of event time.
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
    join_wait_ms: int = 0

    def add(self, other: "Tally") -> None:
        """Add the counts of `other` to these."""
        for count in fields(self):
            setattr(self, count.name, getattr(self, count.name) + getattr(other, count.name))


@dataclass(slots=True)
class Outcome:
    """How a batch ended.

    Attributes:
        failed: for each facility not fully committed, the sequence number of its first uncommitted record.
        errors: the cause of each entry of `failed`, in the same order.
        tally: what was committed.
        model_version: version of the models used, None without models.
    """

    failed: list[str] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    model_version: str | None = None

    @property
    def lowest_failed(self) -> str | None:
        """Sequence number from which the stream must be read again; None if everything is committed."""
        return min(self.failed, key=int, default=None)
