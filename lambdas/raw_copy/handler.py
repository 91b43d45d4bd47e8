"""Lambda handler of the raw copy: puts the records of a Kinesis event on the Firehose of the raw zone.

Records are joined into few large entries, and these compressed, since Firehose bills what it takes in, each
entry as a multiple of 5 KB. An entry is a gzip member that also has each record's place in the stream
(`petrostream.lake.raw`); members one after another are a gzip file, which is what Firehose writes. Nothing
looks at what is in a record. A batch whose entries are not all accepted raises, and the event source delivers
it again: the raw zone may hold a record twice, and misses none that the stream still has.
"""

import os
from collections.abc import Iterator
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from petrostream.aws.clients import client
from petrostream.aws.firehose import FirehoseSink
from petrostream.aws.record_data import decoded
from petrostream.backoff import Deadline
from petrostream.lake import MAX_BLOCK_BYTES, RawRecord, members

MARGIN_SECONDS = 3.0
"""Time between the last attempt to deliver and the function's time-out, to report the failure."""

logger = Logger(service=os.environ.get("POWERTOOLS_SERVICE_NAME", "petrostream-raw-copy"))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Copy a batch.

    Raises:
        DeliveryFailed: Firehose did not accept all of it in time.
    """
    seconds = max(0.0, context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS)
    deadline = Deadline.after(seconds)
    sink = FirehoseSink(os.environ["RAW_STREAM"], client("firehose"), deadline)
    for member in members(part for record in event["Records"] for part in raw_records(record["kinesis"])):
        sink.write_entry(member)
    sink.flush()


def raw_records(kinesis: dict[str, Any]) -> list[RawRecord]:
    """A record of a Kinesis event as the raw zone keeps it, in parts that fit an entry.

    Data that is not base64 is passed on as it is.
    """
    data, broken = decoded(str(kinesis.get("data") or ""))
    parts = list(parts_of(data))
    sequence = str(kinesis.get("sequenceNumber", ""))
    if not sequence.isdecimal():
        # Only an event that is not of Kinesis: copied all the same, without a place.
        return [RawRecord(part) for part in parts]
    key, arrival_ms = (
        str(kinesis["partitionKey"]),
        round(float(kinesis["approximateArrivalTimestamp"]) * 1000),
    )
    return [
        RawRecord(part, sequence, key, arrival_ms, broken, number, len(parts))
        for number, part in enumerate(parts)
    ]


def parts_of(data: bytes, limit: int = MAX_BLOCK_BYTES) -> Iterator[bytes]:
    """A record in parts of at most `limit` bytes, which fit an entry. Joined again they are the record.

    Only a record of over 1 MB is cut, which no producer of this project sends: at line feeds where there are
    any. Each part ends a line of the raw zone.
    """
    start = 0
    while len(data) - start > limit:
        end = data.rfind(b"\n", start, start + limit) + 1
        if not end:
            logger.warning("a line over %s bytes is cut in the raw zone", limit)
            end = start + limit
        yield data[start:end]
        start = end
    yield data[start:]
