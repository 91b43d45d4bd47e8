"""Kinesis: records survive a crash of the emulator, with their sequence numbers and each reader's place.

A record is in the journal before PutRecords answers. A mapping's place is noted after every poll, as the
sequence number of the last record its function has taken. The place may lag behind what the function has
committed: the function skips what its state says is done.

Records are not in the emulator's snapshot any more. It would write every one of them again at each stop.
"""

import json
import logging
import sqlite3
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from local.adaptations.guard import Response
from local.adaptations.journal import Journal, KinesisRecord, SqlStatement

Put = Callable[[Mapping[str, Any]], Response]

_APPEND = "INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?)"
_PLACE = "INSERT OR REPLACE INTO place VALUES (?, ?, ?)"

logger = logging.getLogger("petrostream")


def journaled(original: Put, kinesis: ModuleType, journal: Journal) -> Put:
    """PutRecord or PutRecords that answers only when the journal has the records.

    Where they cannot be written (the disk is full), the answer is an error, and the producer sends again.
    """

    def put(data: Mapping[str, Any]) -> Response:
        answer = original(data)
        if answer[0] != 200:
            return answer
        _, stream = kinesis._resolve_stream(data)
        try:
            rows = [_row(stream["StreamARN"], shard, record) for shard, record in _accepted(stream, answer)]
            journal.write_many(_APPEND, rows)
        except sqlite3.Error as error:
            logger.exception("Records are not in the journal")
            refused: Response = kinesis.error_response_json("InternalFailure", f"Not written: {error}", 500)
            return refused
        return answer

    return put


def _accepted(stream: Mapping[str, Any], answer: Response) -> Iterator[tuple[str, KinesisRecord]]:
    """The records that an answer acknowledges, with their shards."""
    document = json.loads(answer[2])
    wanted: dict[str, set[str]] = {}
    for entry in document.get("Records", [document]):
        wanted.setdefault(entry["ShardId"], set()).add(entry["SequenceNumber"])
    for shard, sequences in wanted.items():
        # They are at the end. Counted from there, they stay where they are while old records expire.
        for record in reversed(stream["shards"][shard]["records"][:]):
            if record["SequenceNumber"] in sequences:
                sequences.discard(record["SequenceNumber"])
                yield shard, record
            if not sequences:
                break


def _row(stream_arn: str, shard: str, record: KinesisRecord) -> tuple[Any, ...]:
    sequence, arrival = record["SequenceNumber"], record["ApproximateArrivalTimestamp"]
    return stream_arn, shard, sequence, arrival, record["PartitionKey"], record["Data"]


class Places:
    """Notes how far each mapping has read, when that has changed."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._noted: dict[tuple[str, str], str] = {}

    def note(self, stream: Mapping[str, Any], places: Mapping[str, Mapping[str, int]]) -> None:
        """Write the places of one stream's mappings: from mapping and shard to the index of the next record.

        Raises:
            sqlite3.Error: they could not be written; the next poll tries again.
        """
        changed: dict[tuple[str, str], str] = {}
        for mapping, indices in places.items():
            for shard, index in indices.items():
                records = stream["shards"].get(shard, {}).get("records", [])
                last = records[index - 1]["SequenceNumber"] if 0 < index <= len(records) else ""
                # A shard whose records have all expired keeps the place it had.
                if last > self._noted.get((mapping, shard), "") or (mapping, shard) not in self._noted:
                    changed[mapping, shard] = last
        if changed:
            self._journal.write_many(_PLACE, [(*key, last) for key, last in changed.items()])
            self._noted |= changed


def forget(journal: Journal, stream_arn: str, *, before: float) -> None:
    """Delete a stream's records that arrived before an instant, in seconds since the epoch.

    Raises:
        sqlite3.Error: they could not be deleted.
    """
    expired: SqlStatement = ("DELETE FROM record WHERE stream = ? AND arrival < ?", (stream_arn, before))
    journal.write([expired])


def restore(
    kinesis: ModuleType, mappings: Mapping[str, tuple[str, dict[str, int]]], journal: Journal
) -> tuple[int, int]:
    """Put records back on the streams that are there, and mappings at their places.

    Args:
        kinesis: the emulator's Kinesis, its snapshot loaded.
        mappings: of each event source mapping, the ARN of its stream and its places (shard to index of the
            next record), which are changed in place.
        journal: the journal.

    Returns:
        How many records are on the streams, and how many of them some function has not taken yet.

    Raises:
        sqlite3.Error: the journal cannot be read; nothing has changed.
    """
    noted = {(mapping, shard): last for mapping, shard, last in journal.rows("SELECT * FROM place")}
    started = {mapping for mapping, _ in noted}
    contents = {
        stream["StreamARN"]: _records(kinesis, stream, journal) for stream in kinesis._streams.all_values()
    }
    total = waiting = 0
    for stream in kinesis._streams.all_values():
        arn = stream["StreamARN"]
        for shard_id, shard in stream["shards"].items():
            before, records = shard["records"], contents[arn][shard_id]
            shard["records"] = records
            sequences = [record["SequenceNumber"] for record in records]
            behind = 0
            for mapping, (source, indices) in mappings.items():
                if source != arn:
                    continue
                if (mapping, shard_id) in noted:
                    indices[shard_id] = bisect_right(sequences, noted[mapping, shard_id])
                elif shard_id in indices:
                    indices[shard_id] = min(indices[shard_id], len(before))
                elif mapping in started:
                    indices[shard_id] = 0
                behind = max(behind, len(records) - indices.get(shard_id, 0))
            total, waiting = total + len(records), waiting + behind
    return total, waiting


def _records(
    kinesis: ModuleType, stream: Mapping[str, Any], journal: Journal
) -> dict[str, list[KinesisRecord]]:
    """A stream's records by shard, in order: the journal's, and those of a snapshot that is older than it."""
    arn, shards = stream["StreamARN"], stream["shards"]
    oldest = time.time() - stream["RetentionPeriodHours"] * 3600
    rows = journal.rows("SELECT * FROM record WHERE stream = ? AND arrival >= ?", (arn, oldest))
    known = {row[2] for row in rows}
    old = [
        _row(arn, shard_id, record)
        for shard_id, shard in shards.items()
        for record in shard["records"]
        if record["SequenceNumber"] not in known
    ]
    if old:
        journal.write_many(_APPEND, old)
    found: dict[str, list[KinesisRecord]] = {shard_id: [] for shard_id in shards}
    for _, shard_id, sequence, arrival, key, data in sorted([*rows, *old], key=lambda row: str(row[2])):
        # A shard that was split after the last snapshot is not known; another then takes its records.
        here = (
            shard_id
            if shard_id in shards
            else kinesis._route_to_shard(kinesis._partition_key_to_hash(key), stream)
        )
        # A stream that was deleted and created again begins without the old one's records.
        if sequence >= shards[here]["starting_sequence_number"]:
            found[here].append(
                {
                    "SequenceNumber": sequence,
                    "ApproximateArrivalTimestamp": arrival,
                    "Data": data,
                    "PartitionKey": key,
                }
            )
    return found


def newest(journal: Journal) -> int:
    """The highest sequence number the journal knows, 0 if none."""
    ((found,),) = journal.rows(
        "SELECT MAX(sequence) FROM (SELECT sequence FROM record UNION ALL SELECT sequence FROM place)"
    )
    return int(found or 0)


def last_arrival(journal: Journal) -> float:
    """When the last record in the journal arrived, in seconds since the epoch; 0 if there is none."""
    ((found,),) = journal.rows("SELECT MAX(arrival) FROM record")
    return float(found or 0.0)
