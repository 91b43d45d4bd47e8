"""Kinesis: records that expire must not move the event source mapping's place in the stream.

Why: a mapping remembers its place as an index into the shard's list of records, and the emulator drops
expired records from the front of that list whenever somebody writes. A day after the first reading the index
would point past records the function never saw. Here records expire between two polls, in the poller's own
thread, and every place in the stream moves along.

Also, sequence numbers never go back: they begin with the clock's time, and a clock that is set back would
make the scoring function take new readings for ones it has done.
"""

import threading
import time
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from local.adaptations import guard

_KNOWN = {
    "_expire_records": "9f3968926430b696",
    "_next_sequence_number": "763b641fd10ba5c7",
}
_KNOWN_POLLER = {
    "_poll_kinesis": "0d590120d060b0a8",
    "_iter_all_esms": "7db06c0627a59696",
}


def install() -> None:
    """Put the adaptations in place.

    Raises:
        IncompatibleEmulatorError: the emulator's Kinesis is not the known one.
    """
    # The emulator reads its variables when it is imported.
    from ministack.services import kinesis, lambda_svc  # noqa: PLC0415

    guard.check(kinesis, _KNOWN)
    guard.check(lambda_svc, _KNOWN_POLLER)
    guard.replace(kinesis, "_expire_records", lambda stream: None)
    guard.replace(kinesis, "_next_sequence_number", increasing(kinesis._next_sequence_number))
    guard.replace(lambda_svc, "_poll_kinesis", _expiring_poll(kinesis, lambda_svc))


def increasing(original: Callable[[], str]) -> Callable[[], str]:
    """Sequence numbers of `original`, each at least one more than the one before."""
    lock = threading.Lock()
    last = 0

    def next_sequence_number() -> str:
        nonlocal last
        with lock:
            text = original()
            last = max(last + 1, int(text))
            return str(last).zfill(len(text))

    return next_sequence_number


def _expiring_poll(kinesis: ModuleType, lambda_svc: ModuleType) -> Callable[[], bool]:
    def poll_kinesis() -> bool:
        for (account, region, _), stream in list(kinesis._streams.all_items()):
            expire(stream, _places(lambda_svc, stream, account, region), now=time.time())
        advanced: bool = poll_kinesis.original()  # type: ignore[attr-defined]
        return advanced

    return poll_kinesis


def _places(
    lambda_svc: ModuleType, stream: Mapping[str, Any], account: str, region: str
) -> list[dict[str, int]]:
    """The mappings' places in one stream: shard to index, to be changed in place."""
    found = [
        lambda_svc._kinesis_positions.get_scoped(account, region, mapping["UUID"])
        for _, _, mapping in lambda_svc._iter_all_esms()
        if mapping.get("EventSourceArn") == stream["StreamARN"]
    ]
    return [place for place in found if place is not None]


def expire(stream: Mapping[str, Any], places: list[dict[str, int]], *, now: float) -> None:
    """Drop what is older than the stream's retention, and move the places back by as much.

    Args:
        stream: the emulator's stream; its shards' record lists are shortened in place.
        places: of each reader, shard to index; changed in place.
        now: seconds since the epoch.
    """
    oldest = now - stream["RetentionPeriodHours"] * 3600
    for shard_id, shard in stream["shards"].items():
        records = shard["records"]
        gone = 0
        while gone < len(records) and records[gone]["ApproximateArrivalTimestamp"] < oldest:
            gone += 1
        if gone:
            del records[:gone]
            for place in places:
                if shard_id in place:
                    place[shard_id] = max(0, place[shard_id] - gone)
