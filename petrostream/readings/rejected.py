"""A line that carries no usable reading, and its row in the quarantine."""

import base64
import re
from dataclasses import dataclass
from hashlib import blake2b, sha256
from typing import Any

from petrostream.readings.decoding import Record
from petrostream.readings.inspection import MAX_NAME_CHARS
from petrostream.readings.wells import MAX_LINE_BYTES
from petrostream.times import to_sql

# JSON spells these with six characters each, which could make a row too large to deliver.
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Rejected:
    """A rejected line.

    Attributes:
        line: its place among the lines of the stream record, from 0.
        raw: the line as received.
        reasons: every reason, those that fail the reading first.
        kind: the kind it claims, None if unreadable; so are the others.
        well_id: the well it names.
        facility_id: the facility it names.
        ts: the event time as written.
    """

    line: int
    raw: bytes
    reasons: tuple[str, ...]
    kind: str | None = None
    well_id: str | None = None
    facility_id: str | None = None
    ts: str | None = None

    @staticmethod
    def of(line: int, raw: bytes, reasons: tuple[str, ...], record: Record | None = None) -> "Rejected":
        """A rejected line whose identity is read from `record` as far as it goes."""
        kind, well_id, facility_id, ts = (
            _text(record.get(name)) if record else None for name in ("kind", "well_id", "facility_id", "ts")
        )
        return Rejected(line, raw, reasons, kind, well_id, facility_id, ts)

    def to_row(self, *, partition_key: str, sequence: str, quarantined_at: int) -> dict[str, Any]:
        """The row of `schema/quarantine.json`.

        `raw` is text where the line is UTF-8 without control characters, else base64. It holds at most
        the first `MAX_LINE_BYTES` bytes; `raw_bytes` and `raw_sha256` are always of the whole line. So a
        row stays under 600 kB whatever the line was.

        Args:
            partition_key: partition key of the stream record.
            sequence: Kinesis sequence number of the stream record.
            quarantined_at: the present, epoch milliseconds.
        """
        encoding, raw = _readable(self.raw)
        identity = blake2b(f"{sequence}|{self.line}".encode(), digest_size=16)
        return {
            "quarantine_id": identity.hexdigest(),
            "kind": self.kind,
            "well_id": self.well_id,
            "facility_id": self.facility_id,
            "ts": self.ts,
            "reasons": list(self.reasons),
            "raw": raw,
            "raw_encoding": encoding,
            "raw_bytes": len(self.raw),
            "raw_truncated": len(self.raw) > MAX_LINE_BYTES,
            "raw_sha256": sha256(self.raw).hexdigest(),
            "partition_key": partition_key,
            "kinesis_sequence": sequence,
            "line": self.line,
            "quarantined_at": to_sql(quarantined_at),
        }


def _text(value: object) -> str | None:
    return value[:MAX_NAME_CHARS] if isinstance(value, str) else None


def _readable(raw: bytes) -> tuple[str, str]:
    start = raw[:MAX_LINE_BYTES]
    if not _CONTROL.search(start):
        try:
            raw.decode()
        except UnicodeDecodeError:
            pass
        else:  # the cut may fall inside a character, which is then left out
            return "utf-8", start.decode(errors="ignore")
    return "base64", base64.b64encode(start).decode()
