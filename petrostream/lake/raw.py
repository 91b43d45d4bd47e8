"""Entries of the raw zone: stream records as they arrived, and each record's place in the stream.

An entry is a gzip member (RFC 1952) of whole lines. Members one after another are a gzip file that every
reader of gzip reads: what it sees are the records' bytes and nothing else. Where each record begins, and its
sequence number, partition key and time of arrival, are in the member's extra field, which such readers skip.
From that the stream can be processed again as it was (`batch.recompute`).

The extra field (RFC 1952, section 2.3.1.1) holds one subfield, `PS`: columns of the member's records as
zlib-compressed JSON. Numbers are written as differences to the record before.
"""

import gzip
import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any

from petrostream.errors import RawMemberInvalid
from petrostream.lake.blocks import MAX_BLOCK_BYTES

MAX_MEMBER_RECORDS = 1_000
"""Most records of a member: their places then take some 12 kB, and at most `MAX_PLACES_BYTES`."""

MAX_PLACES_BYTES = 20_000
"""Most bytes of the places of a member: with `MAX_BLOCK_BYTES` of lines that gzip cannot compress, the member
still fits a Firehose entry (1,000 KiB) and the extra field (65,535 bytes)."""

NOT_BASE64 = "undecodable_base64:data"
"""What is wrong with a record whose data is not base64 in its event."""

COMPRESSION_LEVEL = 6
GZIP = b"\x1f\x8b"

_ID = b"PS"
_FORMAT = 1
_HEADER = struct.Struct("<2sBBIBB")
_TRAILER = struct.Struct("<II")
_PIECE_BYTES = 64 * 1024
_DEFLATE, _HAS_EXTRA, _ANY_SYSTEM = 8, 4, 255


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A stream record, or a part of one, in the raw zone.

    Attributes:
        data: its bytes.
        sequence: its sequence number; "" if the raw zone does not have it.
        partition_key: its partition key; "" if the raw zone does not have it.
        arrival_ms: when it arrived in the stream, epoch ms; 0 if the raw zone does not have it.
        broken: reason why `data` is not what was put on the stream, None if it is.
        part: number of the part, from 0.
        parts: how many parts the record has: more than one only where it is over `MAX_BLOCK_BYTES`.
    """

    data: bytes
    sequence: str = ""
    partition_key: str = ""
    arrival_ms: int = 0
    broken: str | None = None
    part: int = 0
    parts: int = 1

    @property
    def placed(self) -> bool:
        """Whether its place in the stream is known."""
        return bool(self.sequence)


def members(records: Iterable[RawRecord]) -> Iterator[bytes]:
    """Pack records into gzip members, in order; each fits a Firehose entry.

    A record that does not end with a line feed gets one. Records without any byte are left out. Those without
    a place are in members without places. The same records always make the same bytes.

    Args:
        records: the records, each of at most `MAX_BLOCK_BYTES`.
    """
    run: list[RawRecord] = []
    size = 0
    for record in records:
        if not record.data:
            continue
        length = len(record.data) + (not record.data.endswith(b"\n"))
        full = size + length > MAX_BLOCK_BYTES or len(run) == MAX_MEMBER_RECORDS
        if run and (full or run[0].placed != record.placed):
            yield from _fitting(run)
            run, size = [], 0
        run.append(record)
        size += length
    if run:
        yield from _fitting(run)


def _fitting(run: Sequence[RawRecord]) -> Iterator[bytes]:
    places = _encoded_places(run) if run[0].placed else b""
    if len(places) > MAX_PLACES_BYTES and len(run) > 1:
        # Partition keys may be long, and differ from record to record.
        half = len(run) // 2
        yield from _fitting(run[:half])
        yield from _fitting(run[half:])
        return
    lines = b"".join(record.data if record.data.endswith(b"\n") else record.data + b"\n" for record in run)
    deflate = zlib.compressobj(COMPRESSION_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    extra = struct.pack("<H2sH", len(places) + 4, _ID, len(places)) + places if places else b""
    yield b"".join(
        [
            _HEADER.pack(GZIP, _DEFLATE, _HAS_EXTRA if extra else 0, 0, 0, _ANY_SYSTEM),
            extra,
            deflate.compress(lines) + deflate.flush(),
            _TRAILER.pack(zlib.crc32(lines), len(lines) & 0xFFFFFFFF),
        ]
    )


def _encoded_places(run: Sequence[RawRecord]) -> bytes:
    keys = list(dict.fromkeys(record.partition_key for record in run))
    number = {key: place for place, key in enumerate(keys)}
    sequences = [int(record.sequence) for record in run]
    document: dict[str, Any] = {
        "format": _FORMAT,
        "keys": keys,
        # Digits are kept: a shard takes a sequence number only as it was given.
        "digits": [len(record.sequence) for record in run],
        "sequence": _differences(sequences),
        "arrival_ms": _differences([record.arrival_ms for record in run]),
        "key": [number[record.partition_key] for record in run],
        "bytes": [len(record.data) for record in run],
    }
    broken = {place: record.broken for place, record in enumerate(run) if record.broken is not None}
    parts = {place: [record.part, record.parts] for place, record in enumerate(run) if record.parts > 1}
    document |= {name: found for name, found in (("broken", broken), ("parts", parts)) if found}
    return zlib.compress(json.dumps(document, separators=(",", ":")).encode(), 9)


def _differences(numbers: Sequence[int]) -> list[int]:
    return [*numbers[:1], *(after - before for before, after in pairwise(numbers))]


@dataclass(slots=True)
class RawFile:
    """What an object of the raw zone holds.

    Attributes:
        records: records whose place in the stream is known, and one of everything else.
        unplaced: how many bytes have no place in the stream.
    """

    records: list[RawRecord] = field(default_factory=list)
    unplaced: int = 0


def read_members(where: str, body: bytes) -> RawFile:
    """Read an object of the raw zone: members of this module, other gzip members, or plain lines.

    Args:
        where: name of the object, for errors.
        body: its bytes.

    Raises:
        RawMemberInvalid: it is damaged.
    """
    found, start = RawFile(), 0
    while start < len(body):
        if not body.startswith(GZIP, start):
            _add_unplaced(found, body[start:])
            break
        lines, end = _inflated(where, body, start)
        places = _places(where, body, start)
        if places is None:
            _add_unplaced(found, lines)
        else:
            found.records += _records(where, places, lines)
        start = end
    return found


def _add_unplaced(found: RawFile, lines: bytes) -> None:
    found.records.append(RawRecord(lines))
    found.unplaced += len(lines)


def _inflated(where: str, body: bytes, start: int) -> tuple[bytes, int]:
    """What a member that begins at `start` holds, and where it ends."""
    inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
    pieces, end = [], start
    try:
        # In pieces: what follows the member would be copied, for each member of a large object.
        while not inflate.eof and end < len(body):
            pieces.append(inflate.decompress(body[end : end + _PIECE_BYTES]))
            end = min(end + _PIECE_BYTES, len(body))
    except zlib.error as error:
        raise RawMemberInvalid(where, start, str(error)) from error
    if not inflate.eof:
        raise RawMemberInvalid(where, start, "it ends in the middle")
    return b"".join(pieces), end - len(inflate.unused_data)


def lines_of(body: bytes) -> list[bytes]:
    """The lines of an object that are not blank, as they arrived.

    Raises:
        gzip.BadGzipFile, EOFError: it is damaged.
    """
    data = gzip.decompress(body) if body.startswith(GZIP) else body
    return [line for line in data.split(b"\n") if line.strip(b" \t\r")]


def _places(where: str, body: bytes, start: int) -> dict[str, Any] | None:
    """The places of the records of a whole member that begins at `start`, None if it has none."""
    if not body[start + 3] & _HAS_EXTRA:
        return None
    (length,) = struct.unpack_from("<H", body, start + _HEADER.size)
    at = start + _HEADER.size + 2
    end = at + length
    while at + 4 <= end:
        name, size = struct.unpack_from("<2sH", body, at)
        at += 4
        if name == _ID:
            return _decoded_places(where, at, body[at : at + size])
        at += size
    return None


def _decoded_places(where: str, at: int, content: bytes) -> dict[str, Any]:
    try:
        document: dict[str, Any] = json.loads(zlib.decompress(content))
    except (ValueError, zlib.error) as error:
        raise RawMemberInvalid(where, at, f"its places cannot be read ({error})") from error
    if document.get("format") != _FORMAT:
        found = f"its places have format {document.get('format')!r}, this release reads {_FORMAT}"
        raise RawMemberInvalid(where, at, found)
    return document


def _records(where: str, places: dict[str, Any], lines: bytes) -> Iterator[RawRecord]:
    columns = [accumulate(places["sequence"]), accumulate(places["arrival_ms"])]
    start = 0
    rows = zip(*columns, places["digits"], places["key"], places["bytes"], strict=True)
    for place, (sequence, arrival_ms, digits, key, size) in enumerate(rows):
        data = lines[start : start + size]
        start += size + (not data.endswith(b"\n"))
        part, parts = places.get("parts", {}).get(str(place), (0, 1))
        yield RawRecord(
            data,
            str(sequence).zfill(digits),
            places["keys"][key],
            arrival_ms,
            places.get("broken", {}).get(str(place)),
            part,
            parts,
        )
    if start != len(lines):
        raise RawMemberInvalid(where, start, f"its places are of {start} bytes, it has {len(lines)}")
