"""The ingest stream of a running lake, and what the join of one facility's records should come to."""

from collections.abc import Iterator
from typing import Any

import boto3

from petrostream.facility.events import WellEvents
from petrostream.facility.join import join
from petrostream.facility.state import JoinState
from petrostream.lake.facility_readings import MATCHED, UNMATCHED
from petrostream.readings.validation import Validated, validate_block
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from tests.support.lake import Lake

STREAM = "petrostream-ingest"

Pairs = dict[str, tuple[str, str | None]]


def records_of(partition_key: str) -> Iterator[tuple[str, bytes]]:
    """Sequence number and data of every record of a partition key, in stream order."""
    kinesis = boto3.client("kinesis")
    for shard in kinesis.list_shards(StreamName=STREAM)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=STREAM, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while True:
            answer = kinesis.get_records(ShardIterator=iterator, Limit=1000)
            for record in answer["Records"]:
                if record["PartitionKey"] == partition_key:
                    yield record["SequenceNumber"], record["Data"]
            if not answer["Records"] and not answer["MillisBehindLatest"]:
                break
            iterator = answer["NextShardIterator"]


def readings_of(partition_key: str) -> Validated:
    """What the stream holds of a partition key, validated."""
    return Validated.concat(
        [
            validate_block(data, sequence=sequence, now_ms=2**50, tanks=True)
            for sequence, data in records_of(partition_key)
        ]
    )


def expected_pairs(facility_id: str, unit: Validated) -> Pairs:
    """By event id, status and tank reading of the join of the stream as if nothing had been interrupted."""
    scored = score_batch(FacilityState(facility_id), unit.readings, None, scored_at_ms=0).rows
    pairs = join(JoinState(), WellEvents.of(scored), unit.tanks, unit.tank_at).pairs
    expected: Pairs = {}
    # What the producer sent twice can be joined twice: a pair counts first, then the first record.
    order = sorted(range(len(pairs)), key=lambda i: (pairs.tank[i] < 0, int(pairs.wells.sequence[i])))
    for i in order:
        at = int(pairs.tank[i])
        found = (UNMATCHED, None) if at < 0 else (MATCHED, pairs.tanks.event_id[at])
        expected.setdefault(pairs.wells.event_id[i], found)
    return expected


def landed_pairs(lake: Lake, facility_id: str) -> Pairs:
    """By event id, what `facility_data` has of a facility."""
    rows: list[dict[str, Any]] = lake.sql(
        "SELECT event_id, pairing_status, tank_event_id FROM facility_data "
        f"WHERE facility_id = '{facility_id}'"
    )
    return {row["event_id"]: (row["pairing_status"], row["tank_event_id"] or None) for row in rows}
