"""Kinesis: records that expire must not move the event source mapping's place in the stream.

Why: a mapping remembers its place as an index into the shard's list of records, and the emulator drops
expired records from the front of that list whenever somebody writes. A day after the first reading the index
would point past records the function never saw. Here records expire between two polls, in the poller's own
thread, and every place in the stream moves along.

Also, sequence numbers never go back: they begin with the clock's time, and a clock that is set back would
make the scoring function take new readings for ones it has done. Records outlive a crash, see
`stream_journal.py`. And PutRecords answers only when a Firehose that reads the stream has its copies on disk;
the emulator leaves that for later, and a crash in between would leave a gap in the raw zone. Where they can't
be written the answer is an error, and the producer sends again.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from local.adaptations import guard, objects, stream_journal
from local.adaptations.guard import Response
from local.adaptations.journal import Journal
from local.adaptations.objects import Handler

logger = logging.getLogger("petrostream")

_KNOWN = {
    "_expire_records": "9f3968926430b696",
    "_next_sequence_number": "763b641fd10ba5c7",
    "_put_record": "010c2796f340429f",
    "_put_records": "e8f7755ae6b89960",
    "_resolve_stream": "e679aec9275e46b3",
    "_route_to_shard": "e45cf7a2b75843a3",
    "get_state": "2158987106fa3b66",
    "handle_request": "e41884372bfdc1aa",
}
_KNOWN_POLLER = {
    "_poll_kinesis": "0d590120d060b0a8",
    "_iter_all_esms": "7db06c0627a59696",
}


def install(journal: Journal | None = None) -> None:
    """Put the adaptations in place.

    Args:
        journal: where acknowledged records go; without one they are in memory only, as the emulator has it.

    Raises:
        IncompatibleEmulatorError: the emulator's Kinesis is not the known one.
    """
    # The emulator reads its variables when it is imported.
    from ministack.services import kinesis, lambda_svc  # noqa: PLC0415

    guard.check(kinesis, _KNOWN)
    guard.check(lambda_svc, _KNOWN_POLLER)
    guard.replace(kinesis, "_expire_records", lambda stream: None)
    guard.replace(kinesis, "_next_sequence_number", Increasing(kinesis._next_sequence_number))
    guard.replace(kinesis, "handle_request", _waiting_for_firehose(kinesis.handle_request, kinesis))
    guard.replace(lambda_svc, "_poll_kinesis", _expiring_poll(kinesis, lambda_svc, journal))
    if journal is not None:
        for name in ("_put_record", "_put_records"):
            guard.replace(kinesis, name, stream_journal.journaled(getattr(kinesis, name), kinesis, journal))
        guard.replace(kinesis, "get_state", _without_records(kinesis.get_state))


def recover(journal: Journal) -> tuple[int, int]:
    """Put back what the journal has, once the emulator has read its snapshot.

    Returns:
        How many records are on the streams, and how many of them some function has not taken yet.

    Raises:
        sqlite3.Error: the journal cannot be read; nothing has changed.
    """
    from ministack.services import kinesis, lambda_svc  # noqa: PLC0415

    kinesis._next_sequence_number.after(stream_journal.newest(journal))
    readers: dict[str, tuple[str, dict[str, int]]] = {}
    scopes = {}
    for account, region, mapping in lambda_svc._iter_all_esms():
        if ":kinesis:" in mapping.get("EventSourceArn", ""):
            uuid = mapping["UUID"]
            scopes[uuid] = (account, region, uuid)
            indices = lambda_svc._kinesis_positions.get_scoped(account, region, uuid)
            readers[uuid] = (mapping["EventSourceArn"], dict(indices or {}))
    counts = stream_journal.restore(kinesis, readers, journal)
    for uuid, (_, indices) in readers.items():
        # One without a place is left to the emulator, which looks at its starting position.
        if indices:
            lambda_svc._kinesis_positions.set_scoped(*scopes[uuid], indices)
    return counts


class Increasing:
    """Sequence numbers of the emulator, each at least one more than the one before."""

    def __init__(self, original: Callable[[], str]) -> None:
        self._draw = original
        self._lock = threading.Lock()
        self._last = 0

    def __call__(self) -> str:
        """The next sequence number."""
        with self._lock:
            text = self._draw()
            self._last = max(self._last + 1, int(text))
            return str(self._last).zfill(len(text))

    def after(self, number: int) -> None:
        """Draw only numbers over this one from now on."""
        with self._lock:
            self._last = max(self._last, number)


def _waiting_for_firehose(original: Handler, kinesis: ModuleType) -> Handler:
    async def handle_request(*arguments: object) -> Response:
        with objects.deliveries() as pending:
            try:
                answer = await original(*arguments)
            finally:
                outcomes = await asyncio.gather(*pending, return_exceptions=True)
        if all(map(objects.written, outcomes)):
            return answer
        logger.error(
            "Records are not in the raw zone: %s", [one for one in outcomes if not objects.written(one)]
        )
        refused: Response = kinesis.error_response_json("InternalFailure", "Not in the raw zone", 500)
        return refused

    return handle_request


def _without_records(original: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """The snapshot of Kinesis without its records: they are in the journal."""

    def get_state() -> dict[str, Any]:
        state = original()
        for stream in state["streams"].all_values():
            for shard in stream["shards"].values():
                shard["records"] = []
        return state

    return get_state


def _expiring_poll(
    kinesis: ModuleType, lambda_svc: ModuleType, journal: Journal | None
) -> Callable[[], bool]:
    places = stream_journal.Places(journal) if journal is not None else None

    def poll_kinesis() -> bool:
        if journal is not None and not journal.ready.is_set():
            return False
        for (account, region, _), stream in list(kinesis._streams.all_items()):
            oldest = time.time() - stream["RetentionPeriodHours"] * 3600
            gone = expire(stream, list(_places(lambda_svc, stream, account, region).values()), before=oldest)
            if gone and journal is not None:
                stream_journal.forget(journal, stream["StreamARN"], before=oldest)
        advanced: bool = poll_kinesis.original()  # type: ignore[attr-defined]
        if places is not None:
            for (account, region, _), stream in list(kinesis._streams.all_items()):
                places.note(stream, _places(lambda_svc, stream, account, region))
        return advanced

    return poll_kinesis


def _places(
    lambda_svc: ModuleType, stream: Mapping[str, Any], account: str, region: str
) -> dict[str, dict[str, int]]:
    """The mappings' places in one stream: of each mapping, shard to index, to be changed in place."""
    found = {
        mapping["UUID"]: lambda_svc._kinesis_positions.get_scoped(account, region, mapping["UUID"])
        for _, _, mapping in lambda_svc._iter_all_esms()
        if mapping.get("EventSourceArn") == stream["StreamARN"]
    }
    return {mapping: place for mapping, place in found.items() if place is not None}


def expire(stream: Mapping[str, Any], places: list[dict[str, int]], *, before: float) -> int:
    """Drop what is older than the stream's retention, and move the places back by as much.

    Args:
        stream: the emulator's stream; its shards' record lists are shortened in place.
        places: of each reader, shard to index; changed in place.
        before: what arrived before this instant goes, in seconds since the epoch.

    Returns:
        How many records went.
    """
    total = 0
    for shard_id, shard in stream["shards"].items():
        records = shard["records"]
        gone = 0
        while gone < len(records) and records[gone]["ApproximateArrivalTimestamp"] < before:
            gone += 1
        if gone:
            del records[:gone]
            for place in places:
                if shard_id in place:
                    place[shard_id] = max(0, place[shard_id] - gone)
        total += gone
    return total
