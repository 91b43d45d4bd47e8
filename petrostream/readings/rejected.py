"""A line of a stream record without a usable reading."""

from dataclasses import dataclass

from petrostream.readings.decoding import JsonObject
from petrostream.readings.inspection import MAX_NAME_CHARS


@dataclass(frozen=True, slots=True)
class Rejected:
    """A rejected line.

    Attributes:
        line: its number within the stream record, from 0.
        raw: the line as received.
        reasons: every reason, those that fail the reading first.
        kind: the kind as written, None if missing or not text.
        well_id: the well as written, None if missing or not text.
        facility_id: the facility as written, None if missing or not text.
        ts: the event time as written, None if missing or not text.
    """

    line: int
    raw: bytes
    reasons: tuple[str, ...]
    kind: str | None = None
    well_id: str | None = None
    facility_id: str | None = None
    ts: str | None = None

    @staticmethod
    def of(line: int, raw: bytes, reasons: tuple[str, ...], record: JsonObject | None = None) -> "Rejected":
        """A rejected line with whatever identity `record` has."""
        kind, well_id, facility_id, ts = (
            _text(record.get(name)) if record else None for name in ("kind", "well_id", "facility_id", "ts")
        )
        return Rejected(line, raw, reasons, kind, well_id, facility_id, ts)


def _text(value: object) -> str | None:
    return value[:MAX_NAME_CHARS] if isinstance(value, str) else None
