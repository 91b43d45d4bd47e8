"""A batch of stream records, what was committed of it, and how it ended."""

from dataclasses import dataclass, field, fields


@dataclass(frozen=True, slots=True)
class StreamRecord:
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
