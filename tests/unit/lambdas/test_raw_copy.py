"""The raw copy: every record of the stream reaches the raw zone, whole and in order, in few entries."""

import gzip
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.raw_copy import handler
from lambdas.scoring.handler import to_record
from ops.raw_zone import RawZone
from petrostream.aws import firehose as sinks
from petrostream.aws.limits import FIREHOSE_ENTRY_BYTES
from petrostream.errors import DeliveryFailed
from petrostream.lake import MAX_BLOCK_BYTES, NOT_BASE64, RawRecord, read_members
from tests.support.event_source import Context, EventSource, Mapping, StreamRecord, event_of
from tests.support.fakes import (
    CRASH_AFTER,
    CRASH_BEFORE,
    LOST,
    MISSING,
    PARTIAL,
    THROTTLED,
    Crash,
    FakeBucket,
    FakeFirehose,
)
from tests.support.scoring_world import NO_WAIT

FAULTS = st.lists(st.sampled_from([PARTIAL, THROTTLED, LOST, CRASH_BEFORE, CRASH_AFTER]), max_size=6)


@pytest.fixture
def firehose(monkeypatch: pytest.MonkeyPatch) -> FakeFirehose:
    fake = FakeFirehose()
    _connect(monkeypatch, fake)
    return fake


def _connect(monkeypatch: pytest.MonkeyPatch, fake: FakeFirehose, stream: str = "raw") -> None:
    monkeypatch.setenv("RAW_STREAM", stream)
    monkeypatch.setattr(handler, "client", lambda _: fake)
    monkeypatch.setattr(sinks, "Backoff", lambda limit: NO_WAIT)


def _records(*blocks: bytes) -> list[StreamRecord]:
    return [StreamRecord(str(n), "FAC-01", data, 1000 * n) for n, data in enumerate(blocks)]


def _landed(firehose: FakeFirehose) -> list[bytes]:
    """The entries, decompressed."""
    return [gzip.decompress(entry) for entry in firehose.entries["raw"]]


def _copies(firehose: FakeFirehose) -> list[RawRecord]:
    return read_members("one", b"".join(firehose.entries["raw"])).records


def _copy(*blocks: bytes) -> None:
    handler.handler(event_of(_records(*blocks)), Context())


def test_a_minute_of_small_records_is_one_entry(firehose: FakeFirehose) -> None:
    blocks = [b'{"n":%d}\n' % n for n in range(420)]
    _copy(*blocks)
    assert _landed(firehose) == [b"".join(blocks)]
    assert firehose.sizes["raw"][0] < len(b"".join(blocks)) / 3


def test_records_without_a_last_line_feed_do_not_share_a_line(firehose: FakeFirehose) -> None:
    _copy(b'{"a":1}', b'{"b":2}\n', b'{"c":3}')
    assert _landed(firehose) == [b'{"a":1}\n{"b":2}\n{"c":3}\n']


def test_what_scoring_cannot_read_is_copied(firehose: FakeFirehose) -> None:
    event: dict[str, Any] = event_of(_records(b"\xff\xfe not UTF-8", b""))
    event["Records"][1]["kinesis"]["data"] = "@@@ not base64"
    handler.handler(event, Context())
    assert _landed(firehose) == [b"\xff\xfe not UTF-8\n@@@ not base64\n"]
    told = [to_record(record).broken for record in event["Records"]]
    assert [record.broken for record in _copies(firehose)] == told == [None, NOT_BASE64]


def test_a_record_without_a_place_is_copied(firehose: FakeFirehose) -> None:
    event: dict[str, Any] = event_of(_records(b"{}\n"))
    event["Records"].append({"kinesis": {"data": "e30K"}})
    handler.handler(event, Context())
    assert _landed(firehose) == [b"{}\n", b"{}\n"]
    assert [record.placed for record in _copies(firehose)] == [True, False]


def test_a_record_keeps_its_place_in_the_stream(firehose: FakeFirehose) -> None:
    _copy(b'{"a":1}', b'{"b":2}\n', b"")
    assert _copies(firehose) == [
        RawRecord(b'{"a":1}', "0", "FAC-01", 0),
        RawRecord(b'{"b":2}\n', "1", "FAC-01", 1000),
    ]


@given(st.lists(st.sampled_from([b"\n", b"a", b"bcd", b"x" * 9])).map(b"".join), st.integers(1, 12))
def test_a_record_of_any_size_is_cut_into_parts_that_fit(data: bytes, limit: int) -> None:
    parts = list(handler.parts_of(data, limit))
    assert b"".join(parts) == data
    assert all(0 < len(part) <= limit for part in parts[:-1])
    assert len(parts[-1]) <= limit
    # Cut inside a line only where the line itself does not fit.
    ends = [part for part in parts[:-1] if not part.endswith(b"\n")]
    assert all(len(part) == limit and b"\n" not in part for part in ends)


def test_the_largest_record_of_a_stream_is_copied(firehose: FakeFirehose) -> None:
    _copy(b"x" * (FIREHOSE_ENTRY_BYTES + 1))
    assert [len(entry) for entry in _landed(firehose)] == [
        MAX_BLOCK_BYTES + 1,
        FIREHOSE_ENTRY_BYTES - MAX_BLOCK_BYTES + 2,
    ]
    parts = _copies(firehose)
    assert [(record.sequence, record.part, record.parts) for record in parts] == [("0", 0, 2), ("0", 1, 2)]
    assert b"".join(record.data for record in parts) == b"x" * (FIREHOSE_ENTRY_BYTES + 1)


def test_a_batch_that_is_not_accepted_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    _connect(monkeypatch, FakeFirehose(), f"{MISSING}-raw")
    with pytest.raises(DeliveryFailed):
        _copy(b"{}\n")


@given(faults=FAULTS)
def test_nothing_is_lost_whatever_firehose_does(faults: list[str]) -> None:
    fake = FakeFirehose(faults)
    blocks = [b'{"n":%d,"pad":"%b"}\n' % (n, b"x" * 40_000) for n in range(60)]
    with pytest.MonkeyPatch.context() as patch:
        _connect(patch, fake)
        source = EventSource(handler.handler, Mapping(batch_size=50, window_ms=10_000))
        source.run(_records(*blocks))
    landed = b"".join(_landed(fake)).splitlines(keepends=True)
    # A record may land twice. First copies are in the order of the stream, unless entries were refused.
    assert set(landed) == set(blocks)
    if PARTIAL not in faults:
        assert list(dict.fromkeys(landed)) == blocks


def test_a_process_that_dies_copies_again(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeFirehose([CRASH_AFTER])
    _connect(monkeypatch, fake)
    with pytest.raises(Crash):
        _copy(b"{}\n")
    _copy(b"{}\n")
    assert _landed(fake) == [b"{}\n", b"{}\n"]


def test_entries_one_after_another_are_one_gzip_file_that_the_project_reads(firehose: FakeFirehose) -> None:
    _copy(b'{"a":1}')
    _copy(b'{"b":2}')
    written = b"".join(firehose.entries["raw"])
    zone = RawZone("raw", "ingest/", FakeBucket({"ingest/one": written}))  # type: ignore[arg-type]
    assert zone.lines("ingest/one") == [b'{"a":1}', b'{"b":2}']
