"""The raw zone of the twin has each record's place in the stream, as the raw copy writes it on AWS.

The twin's Firehose of the raw zone reads the stream itself, and the emulator hands it the records without
their sequence numbers and times of arrival. Here they are looked up, and each record is packed as
`lambdas.raw_copy` packs it.
"""

import base64
import binascii
import logging
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from petrostream.lake import NOT_BASE64, RawRecord, members

logger = logging.getLogger("petrostream")


def packed(
    kinesis: ModuleType, stream_arn: str, records: Sequence[tuple[str, bytes]]
) -> list[tuple[str, bytes]]:
    """Records that were just put on a stream, each as an entry of the raw zone.

    Args:
        kinesis: the emulator's Kinesis, which has them at the end of its shards.
        stream_arn: the stream.
        records: partition key and data of each.
    """
    newest = _newest(kinesis, stream_arn, len(records))
    if [record["PartitionKey"] for record in newest] != [key for key, _ in records]:
        logger.warning("%d records are in the raw zone without their places in the stream", len(records))
        return list(records)
    return [
        (key, member)
        for (key, data), record in zip(records, newest, strict=True)
        for member in members([_raw_record(data, record)])
    ]


def _newest(kinesis: ModuleType, stream_arn: str, number: int) -> list[Mapping[str, Any]]:
    """The records of a stream that were put last, in the order in which they were put."""
    found: list[Mapping[str, Any]] = []
    for _, stream in list(kinesis._streams.all_items()):
        if stream["StreamARN"] == stream_arn:
            for shard in stream["shards"].values():
                found += shard["records"][-number:]
    return sorted(found, key=lambda record: int(record["SequenceNumber"]))[-number:]


def _raw_record(data: bytes, record: Mapping[str, Any]) -> RawRecord:
    try:
        base64.b64decode(record["Data"], validate=True)
        broken = None
    except (binascii.Error, ValueError):
        broken = NOT_BASE64
    arrival_ms = round(float(record["ApproximateArrivalTimestamp"]) * 1000)
    return RawRecord(data, record["SequenceNumber"], record["PartitionKey"], arrival_ms, broken)
