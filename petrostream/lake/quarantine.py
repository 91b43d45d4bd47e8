"""Rejected lines as rows of the table `quarantine`, with every reason and the payload as received."""

import base64
import re
from hashlib import blake2b, sha256
from typing import Any

import orjson

from petrostream.lake.blocks import MAX_BLOCK_BYTES
from petrostream.readings import MAX_LINE_BYTES, Rejected
from petrostream.times import to_sql

# JSON escapes each of these with six characters, which could make a row too large to deliver.
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def quarantine_row(
    rejected: Rejected, *, partition_key: str, sequence: str, quarantined_at: int
) -> dict[str, Any]:
    """The row of a rejected line, with the columns of `schema/quarantine.json`.

    `raw` is text if the line is UTF-8 without control characters, else base64. It has at most the first
    `MAX_LINE_BYTES` bytes; `raw_bytes` and `raw_sha256` always refer to the whole line.

    Args:
        rejected: the line.
        partition_key: partition key of the stream record.
        sequence: Kinesis sequence number of the stream record.
        quarantined_at: the time to write into the row, epoch ms.
    """
    encoding, raw = _text(rejected.raw)
    identity = blake2b(f"{sequence}|{rejected.line}".encode(), digest_size=16)
    return {
        "quarantine_id": identity.hexdigest(),
        "kind": rejected.kind,
        "well_id": rejected.well_id,
        "facility_id": rejected.facility_id,
        "ts": rejected.ts,
        "reasons": list(rejected.reasons),
        "raw": raw,
        "raw_encoding": encoding,
        "raw_bytes": len(rejected.raw),
        "raw_truncated": len(rejected.raw) > MAX_LINE_BYTES,
        "raw_sha256": sha256(rejected.raw).hexdigest(),
        "partition_key": partition_key,
        "kinesis_sequence": sequence,
        "line": rejected.line,
        "quarantined_at": to_sql(quarantined_at),
    }


def quarantine_line(rejected: Rejected, *, partition_key: str, sequence: str, quarantined_at: int) -> bytes:
    """The row of `quarantine_row` as one NDJSON line, shortened if necessary to fit a Firehose entry."""
    row = quarantine_row(
        rejected, partition_key=partition_key, sequence=sequence, quarantined_at=quarantined_at
    )
    line = orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
    if len(line) > MAX_BLOCK_BYTES:
        # A line can have thousands of reasons. A row too large for an entry would block the shard.
        row |= {"raw": row["raw"][: 64 * 1024], "raw_truncated": True, "reasons": row["reasons"][:100]}
        line = orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
    return line


def _text(raw: bytes) -> tuple[str, str]:
    """The encoding of a line, and the line as text in that encoding."""
    start = raw[:MAX_LINE_BYTES]
    if not _CONTROL.search(start):
        try:
            raw.decode()
        except UnicodeDecodeError:
            pass
        else:  # the cut may fall inside a character, which is then left out
            return "utf-8", start.decode(errors="ignore")
    return "base64", base64.b64encode(start).decode()
