"""Entries of the raw zone: ordinary gzip to every reader, and each record with its place in the stream."""

import gzip
import os
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrostream.aws.limits import FIREHOSE_ENTRY_BYTES
from petrostream.errors import RawMemberInvalid
from petrostream.lake import MAX_BLOCK_BYTES, RawRecord, lines_of, members, read_members
from petrostream.lake.raw import MAX_MEMBER_RECORDS, MAX_PLACES_BYTES

SEQUENCES = st.integers(0, 10**56 - 1).map(lambda number: str(number).zfill(56)) | st.integers(1, 999).map(
    str
)
RECORDS = st.lists(
    st.builds(
        RawRecord,
        data=st.binary(min_size=1, max_size=60) | st.just(b'{"a":1}\n'),
        sequence=SEQUENCES,
        partition_key=st.text(min_size=1, max_size=12),
        arrival_ms=st.integers(0, 2**45),
        broken=st.sampled_from([None, None, "undecodable_base64:data"]),
    )
    | st.builds(RawRecord, data=st.just(b"{}\n")),
    max_size=30,
)


def _whole(records: list[RawRecord]) -> bytes:
    return b"".join(r.data if r.data.endswith(b"\n") else r.data + b"\n" for r in records)


@given(RECORDS)
def test_records_and_places_come_back_and_gzip_shows_the_bytes_alone(records: list[RawRecord]) -> None:
    body = b"".join(members(records))
    found = read_members("one", body)
    assert [r for r in found.records if r.placed] == [r for r in records if r.placed]
    assert found.unplaced == len(_whole([r for r in records if not r.placed]))
    assert (gzip.decompress(body) if body else b"") == _whole(records)
    assert body == b"".join(members(records))


def _keyed(number: int, key: str, data: bytes = b"{}\n") -> RawRecord:
    return RawRecord(data, str(10**55 + 7919 * number), key, 1_760_000_000_000 + number)


def test_many_records_make_several_members_and_each_fits_an_entry() -> None:
    records = [_keyed(n, f"FAC-{n % 7}") for n in range(2 * MAX_MEMBER_RECORDS + 1)]
    packed = list(members(records))
    assert [len(read_members("one", member).records) for member in packed] == [1000, 1000, 1]
    assert read_members("all", b"".join(packed)).records == records


def test_long_keys_that_all_differ_are_spread_over_members() -> None:
    records = [_keyed(n, os.urandom(128).hex()) for n in range(300)]
    packed = list(members(records))
    assert len(packed) > 1
    assert all(len(member) < MAX_PLACES_BYTES + 2_000 for member in packed)
    assert read_members("all", b"".join(packed)).records == records


def test_lines_that_cannot_be_compressed_fit_an_entry() -> None:
    size = MAX_BLOCK_BYTES // MAX_MEMBER_RECORDS
    records = [_keyed(n, os.urandom(6).hex(), os.urandom(size - 1) + b"\n") for n in range(1000)]
    packed = list(members(records))
    assert all(len(member) <= FIREHOSE_ENTRY_BYTES for member in packed)


def test_what_other_writers_wrote_is_read_without_places() -> None:
    body = gzip.compress(b"{}\n{}\n") + b"".join(members([_keyed(1, "FAC-1")]))
    found = read_members("one", body)
    assert found.records == [RawRecord(b"{}\n{}\n"), _keyed(1, "FAC-1")]
    assert (found.unplaced, read_members("two", b"plain\n").unplaced) == (6, 6)


def test_lines_are_those_that_arrived() -> None:
    assert lines_of(b"".join(members([_keyed(1, "a", b"1\n\n2"), _keyed(2, "a")]))) == [b"1", b"2", b"{}"]
    assert lines_of(b"1\n \r\n2") == [b"1", b"2"]


@pytest.mark.parametrize("cut", [1, 9, 40])
def test_a_damaged_object_is_named(cut: int) -> None:
    body = b"".join(members([_keyed(n, "FAC-1") for n in range(3)]))
    with pytest.raises(RawMemberInvalid, match=r"raw object ingest/one, byte 0: .*restore an earlier"):
        read_members("ingest/one", body[:-cut])


def test_places_of_a_later_release_are_refused() -> None:
    body = next(iter(members([_keyed(1, "FAC-1")])))
    size = int.from_bytes(body[14:16], "little")
    later = zlib.compress(zlib.decompress(body[16 : 16 + size]).replace(b'"format":1', b'"format":9'), 9)
    extra = (len(later) + 4).to_bytes(2, "little") + b"PS" + len(later).to_bytes(2, "little") + later
    with pytest.raises(RawMemberInvalid, match="have format 9, this release reads 1"):
        read_members("one", body[:10] + extra + body[16 + size :])
