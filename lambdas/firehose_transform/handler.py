"""Returns the date partition of each block of rows to Firehose, and rejects blocks without one.

A record is a block of NDJSON rows of one UTC date, as it is or compressed by zlib. A block that can't be
placed (not base64, damaged, not JSON, a row without a readable `ts`, two dates) becomes `ProcessingFailed`:
Firehose then stores the original under its error prefix. So does a block with a time that the conversion to
Parquet refuses: the whole block would fail there, without a hint at the line. Bad data never raises: an
exception would fail the good blocks of the same call.
"""

import base64
import binascii
import os
import re
import zlib
from datetime import datetime
from typing import Any

import orjson
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

MAX_RESPONSE_BYTES = 6 * 1024 * 1024 - 64 * 1024
"""Lambda refuses a synchronous response over 6 MB, and Firehose would then fail every record of it."""

MAX_BLOCK_BYTES = 4 * 1024 * 1024
"""Most bytes that a block is decompressed to: no block of the project is over 1 MB."""

ZLIB = b"\x78"
"""First byte of zlib data with the usual window (RFC 1950); no line of JSON begins with it."""

RECORD_OVERHEAD = 256
"""Upper bound of a result's bytes besides its data and recordId."""

TIMESTAMP_COLUMNS = (
    *("ts", "source_ts", "tank_ts", "start_ts", "active_ts", "shelved_until"),
    *("scored_at", "joined_at", "recorded_at"),
)
"""Timestamp columns of the tables behind this function; a test compares them with the schemas."""

# The texts that Firehose's OpenX JSON SerDe reads as a timestamp (Firehose Developer Guide, "Convert input
# data format"): yyyy-[M]M-[d]d HH:mm:ss[.S] and yyyy-MM-dd'T'HH:mm:ss[.S]'Z', up to nine digits of fraction.
_TIMESTAMP = re.compile(
    r"[0-9]{4}-(?:[0-9]{1,2}-[0-9]{1,2} [0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?|"
    r"[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?Z)"
)
_EXPECTED = "expected UTC as YYYY-MM-DD HH:MM:SS.mmm or YYYY-MM-DDTHH:MM:SS.mmmZ"

SERVICE = "petrostream-firehose-transform"
logger = Logger(service=os.environ.get("POWERTOOLS_SERVICE_NAME", SERVICE))
metrics = Metrics(
    namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "PetroStream"),
    service=os.environ.get("POWERTOOLS_SERVICE_NAME", SERVICE),
)


class Unplaceable(ValueError):  # noqa: N818 - describes the block
    """A block without one date; the text says why."""


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return a result for every record, in order: `Ok` with its date, or `ProcessingFailed`."""
    results = transform(event["records"])
    failed = sum(result["result"] != "Ok" for result in results)
    # A metric is billed for every hour in which it has a value, and Firehose counts the blocks for nothing.
    if failed:
        metrics.add_metric(name="BlocksFailed", unit=MetricUnit.Count, value=failed)
        metrics.flush_metrics()
    return {"records": results}


def transform(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Results of the records, in order, together within the size of a Lambda response."""
    results: list[dict[str, Any]] = []
    room = MAX_RESPONSE_BYTES
    for record in records:
        result = _result_of(record)
        size = len(result["data"]) + len(result["recordId"]) + RECORD_OVERHEAD
        if size > room:
            logger.error(
                "response would exceed 6 MB, block goes to the error prefix", record_id=result["recordId"]
            )
            # Firehose stores its own copy of the original under the error prefix.
            result = {"recordId": result["recordId"], "result": "ProcessingFailed", "data": ""}
            size = len(result["recordId"]) + RECORD_OVERHEAD
        room -= size
        results.append(result)
    return results


def _result_of(record: dict[str, Any]) -> dict[str, Any]:
    record_id, encoded = record["recordId"], str(record.get("data") or "")
    try:
        received = base64.b64decode(encoded, validate=True)
        data = plain(received)
        date = date_of(data)
    except (Unplaceable, binascii.Error, ValueError) as error:
        logger.error("block not placed: %s", error, record_id=record_id)  # noqa: TRY400 - the text is enough
        return {"recordId": record_id, "result": "ProcessingFailed", "data": encoded}
    if not data.endswith(b"\n"):
        # Firehose concatenates records: without the line feed, two rows would share a line.
        data += b"\n"
    return {
        "recordId": record_id,
        "result": "Ok",
        "data": encoded if data is received else base64.b64encode(data).decode(),
        "metadata": {"partitionKeys": {"date": date}},
    }


def plain(data: bytes) -> bytes:
    """The rows of a block; the data itself where it is not compressed.

    Raises:
        Unplaceable: it is damaged, truncated, too long, or has bytes after its end.
    """
    if not data.startswith(ZLIB):
        return data
    unpacker = zlib.decompressobj()
    try:
        rows = unpacker.decompress(data, MAX_BLOCK_BYTES)
    except zlib.error as error:
        raise Unplaceable(f"its {len(data)} bytes cannot be decompressed: {error}") from None
    if not unpacker.eof or unpacker.unused_data:
        raise Unplaceable(f"its {len(data)} bytes are truncated, too long, or have bytes after their end")
    return rows


def date_of(block: bytes) -> str:
    """The UTC date that all rows of a block share, `YYYY-MM-DD`.

    Raises:
        Unplaceable: there is no row, a line is not a JSON object or has no `ts`, a time is not one that the
            conversion reads, or dates differ.
    """
    found = ""
    for number, line in enumerate(block.split(b"\n")):
        if not line.strip():
            continue
        date = _date_of_line(number, line)
        if found and date != found:
            raise Unplaceable(f"line {number} is of {date}, earlier lines of {found}")
        found = date
    if not found:
        raise Unplaceable("no rows")
    return found


def _date_of_line(number: int, line: bytes) -> str:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise Unplaceable(f"line {number} is not JSON: {error}") from None
    if not isinstance(row, dict) or not isinstance(row.get("ts"), str):
        raise Unplaceable(f"line {number} is not an object with a text ts")
    for column in TIMESTAMP_COLUMNS[1:]:
        value = row.get(column)
        if value is not None:
            _date_of_time(number, column, value)
    return _date_of_time(number, "ts", row["ts"])


def _date_of_time(number: int, column: str, value: object) -> str:
    """The date of a time that the conversion reads. It reads epoch numbers too, but no row here has them."""
    if not isinstance(value, str) or not _TIMESTAMP.fullmatch(value):
        raise Unplaceable(f"line {number} has {column} {str(value)[:40]!r}, {_EXPECTED}")
    if value[10] not in " T":  # a month or a day of one digit
        date, _, time = value.partition(" ")
        value = "-".join(part.zfill(2) for part in date.split("-")) + f" {time}"
    try:
        return datetime.fromisoformat(value[:19]).date().isoformat()
    except ValueError as error:
        raise Unplaceable(f"line {number} has {column} {value[:40]!r}: {error}") from None
