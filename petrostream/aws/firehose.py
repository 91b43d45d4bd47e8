"""Delivers blocks of NDJSON rows to a Firehose stream: every block is accepted, or an error is raised.

Limits (Amazon Data Firehose quotas): 500 entries and 4 MiB a PutRecordBatch call, 1,000 KiB an entry, counted
before base64. A call may accept some entries and refuse others; only the refused ones are sent again, with
full jitter, until all are accepted or the deadline is near. An entry whose response was lost is sent again,
so a row may arrive twice; readers keep one row per event_id (quarantine: per quarantine_id).

Entries for a Firehose with a transform are compressed: Firehose bills what it takes in, each entry as a
multiple of 5 KB, and the transform decompresses them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from isal import isal_zlib

from petrostream.aws.calls import error_code, repeatable
from petrostream.aws.limits import FIREHOSE_CALL_BYTES, FIREHOSE_CALL_ENTRIES, FIREHOSE_ENTRY_BYTES
from petrostream.backoff import NO_DEADLINE, Backoff, Deadline
from petrostream.errors import DeliveryFailed, EntryTooLarge
from petrostream.lake import MAX_BLOCK_BYTES

if TYPE_CHECKING:
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_firehose.type_defs import PutRecordBatchResponseEntryTypeDef


COMPRESSION_LEVEL = 1
"""Of ISA-L: rows become 4 to 10 % smaller than by level 1 of zlib, in a fifth to a half of the time."""

COMPRESSED_FROM_BYTES = 5 * 1024
"""Entries up to the unit that Firehose bills are sent as they are."""

COMPRESSED = b"\x78"
"""How a compressed entry begins: zlib data with the usual window (RFC 1950); no line of JSON does."""

MAX_RATIO = 12
"""An entry that would become smaller than its twelfth is sent as it is.

So the transform's response is bounded by its buffer: 0.25 MB and an entry are at most 4 MB of rows, and
5.4 MB in base64, where Lambda takes 6 MB.
"""


@dataclass(slots=True)
class _OpenEntry:
    """Blocks of one group that will be one entry, and their bytes together."""

    blocks: list[bytes] = field(default_factory=list)
    size: int = 0


class FirehoseSink:
    """A `petrostream.pipeline.ports.Sink` on one Firehose delivery stream, for one batch of records.

    Args:
        stream: name of the delivery stream.
        client: Firehose client with time-outs of its own.
        deadline: no retry starts after it.
        backoff: number of attempts and delays between them.
        pack: what is done to an entry before it is sent; `compressed` for a stream with a transform.
    """

    def __init__(
        self,
        stream: str,
        client: "FirehoseClient",
        deadline: Deadline = NO_DEADLINE,
        backoff: Backoff | None = None,
        *,
        pack: Callable[[bytes], bytes] = lambda entry: entry,
    ) -> None:
        self._stream = stream
        self._client = client
        self._deadline = deadline
        self._backoff = backoff or Backoff(limit=12)
        self._pack = pack
        self._open: dict[str, _OpenEntry] = {}
        self._ready: list[bytes] = []
        self._failure: DeliveryFailed | None = None

    def write(self, block: bytes, group: str = "") -> None:
        """Buffer a block for the next flush, joined with earlier blocks of its group as long as they fit.

        A full call is sent at once: the buffer holds at most one call and one open entry for each group.

        Raises:
            EntryTooLarge: the block exceeds the limit of an entry.
            DeliveryFailed: see `flush`.
        """
        if not block:
            return
        if not block.endswith(b"\n"):
            block += b"\n"
        if len(block) > FIREHOSE_ENTRY_BYTES:
            raise EntryTooLarge(self._stream, len(block), FIREHOSE_ENTRY_BYTES)
        entry = self._open.setdefault(group, _OpenEntry())
        if entry.blocks and entry.size + len(block) > MAX_BLOCK_BYTES:
            self._ready.append(b"".join(entry.blocks))
            entry = self._open[group] = _OpenEntry()
            if sum(map(len, self._ready)) >= FIREHOSE_CALL_BYTES:
                self._send_ready()
        entry.blocks.append(block)
        entry.size += len(block)

    def write_entry(self, entry: bytes) -> None:
        """Buffer an entry for the next flush, to be sent by itself; it need not be text.

        Raises:
            EntryTooLarge: it exceeds the limit of an entry.
            DeliveryFailed: see `flush`.
        """
        if len(entry) > FIREHOSE_ENTRY_BYTES:
            raise EntryTooLarge(self._stream, len(entry), FIREHOSE_ENTRY_BYTES)
        self._ready.append(entry)
        if sum(map(len, self._ready)) >= FIREHOSE_CALL_BYTES:
            self._send_ready()

    def flush(self) -> None:
        """Send everything written so far, and return once all of it is accepted.

        Raises:
            DeliveryFailed: entries are still refused at the deadline or after the last attempt, or the
                service refuses the call permanently (no such stream, no permission). The sink then stays
                failed: the retried batch brings what was not accepted.
        """
        if self._failure:
            raise self._failure
        self._ready.extend(b"".join(entry.blocks) for entry in self._open.values() if entry.blocks)
        self._open.clear()
        self._send_ready()

    def _send_ready(self) -> None:
        entries, self._ready = [self._pack(entry) for entry in self._ready], []
        try:
            for call in calls_of(entries):
                self._send(call)
        except DeliveryFailed as failure:
            self._failure = failure
            raise

    def _send(self, entries: Sequence[bytes]) -> None:
        left = list(entries)
        cause = "no attempt made"
        for _ in self._backoff.attempts(self._deadline):
            try:
                response = self._client.put_record_batch(
                    DeliveryStreamName=self._stream, Records=[{"Data": entry} for entry in left]
                )
            except Exception as error:
                cause = error_code(error)
                if not repeatable(error):
                    raise DeliveryFailed(self._stream, len(left), f"{cause}: {error}") from error
                continue
            left, cause = _refused(left, response["RequestResponses"])
            if not left:
                return
        raise DeliveryFailed(self._stream, len(left), cause)


def compressed(entry: bytes) -> bytes:
    """An entry as a Firehose with a transform gets it: zlib, or unchanged where that is not worth it."""
    if len(entry) <= COMPRESSED_FROM_BYTES:
        return entry
    packed = isal_zlib.compress(entry, COMPRESSION_LEVEL)
    return packed if len(packed) < len(entry) <= MAX_RATIO * len(packed) else entry


def _refused(
    entries: list[bytes], results: Sequence["PutRecordBatchResponseEntryTypeDef"]
) -> tuple[list[bytes], str]:
    """The entries that the service did not accept, in order, and its error codes."""
    # By the result of each entry, not by FailedPutCount: an entry without a result is not accepted.
    bad = [i for i in range(len(entries)) if i >= len(results) or "RecordId" not in results[i]]
    codes = {results[i].get("ErrorCode", "no RecordId") if i < len(results) else "no result" for i in bad}
    return [entries[i] for i in bad], ", ".join(sorted(codes))


def calls_of(entries: Sequence[bytes]) -> list[list[bytes]]:
    """Split entries, in order, into lists that each fit one PutRecordBatch call."""
    calls: list[list[bytes]] = []
    room = 0
    for entry in entries:
        if not calls or len(calls[-1]) == FIREHOSE_CALL_ENTRIES or len(entry) > room:
            calls.append([])
            room = FIREHOSE_CALL_BYTES
        calls[-1].append(entry)
        room -= len(entry)
    return calls
