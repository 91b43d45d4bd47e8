"""Tells Firehose the date partition of each block of scored rows, and sends aside what has none.

A record is a block of NDJSON rows of one UTC date. A block that can't be placed (not base64, not JSON, a row
without a readable `ts`, two dates) becomes `ProcessingFailed`: Firehose then keeps the original under its
error prefix. So does a block with a time that the conversion to Parquet refuses: the whole block would fail
there, and nothing would say which line. Bad data never raises, for an exception would hold up the good blocks
beside it.
"""

import base64
import binascii
import os
import re
from datetime import datetime
from typing import Any

import orjson
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

MAX_RESPONSE_BYTES = 6 * 1024 * 1024 - 64 * 1024
"""Lambda refuses a synchronous answer over 6 MB, and Firehose would then fail every record of it."""

RECORD_OVERHEAD = 256
"""Bytes of an answer's record beside its data and recordId, generously."""

TIMESTAMP_COLUMNS = (
    *("ts", "source_ts", "tank_ts", "start_ts", "active_ts", "shelved_until"),
    *("scored_at", "joined_at", "recorded_at"),
)
"""Timestamp columns of the tables behind this function; a test holds them to the schemas (not packaged)."""

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


class Unplaceable(ValueError):  # noqa: N818 - says what the block is
    """A block without one date; the text says why."""


@metrics.log_metrics
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer for every record, in order, with `Ok` and its date or `ProcessingFailed`."""
    answers = transform(event["records"])
    failed = sum(answer["result"] != "Ok" for answer in answers)
    metrics.add_metric(name="BlocksPlaced", unit=MetricUnit.Count, value=len(answers) - failed)
    metrics.add_metric(name="BlocksFailed", unit=MetricUnit.Count, value=failed)
    return {"records": answers}


def transform(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Answers to the records, in order, together under the size of a Lambda response."""
    answers: list[dict[str, Any]] = []
    room = MAX_RESPONSE_BYTES
    for record in records:
        answer = _answer(record)
        size = len(answer["data"]) + len(answer["recordId"]) + RECORD_OVERHEAD
        if size > room:
            logger.error(
                "answer would pass 6 MB, block goes to the error prefix", record_id=answer["recordId"]
            )
            # Firehose keeps the original itself; its own copy is what lands under the error prefix.
            answer = {"recordId": answer["recordId"], "result": "ProcessingFailed", "data": ""}
            size = len(answer["recordId"]) + RECORD_OVERHEAD
        room -= size
        answers.append(answer)
    return answers


def _answer(record: dict[str, Any]) -> dict[str, Any]:
    record_id, encoded = record["recordId"], str(record.get("data") or "")
    try:
        data = base64.b64decode(encoded, validate=True)
        date = date_of(data)
    except (Unplaceable, binascii.Error, ValueError) as error:
        logger.error("block not placed: %s", error, record_id=record_id)  # noqa: TRY400 - the text says all
        return {"recordId": record_id, "result": "ProcessingFailed", "data": encoded}
    if not data.endswith(b"\n"):
        # Firehose writes records one behind another: without it, two rows would share a line.
        encoded = base64.b64encode(data + b"\n").decode()
    return {
        "recordId": record_id,
        "result": "Ok",
        "data": encoded,
        "metadata": {"partitionKeys": {"date": date}},
    }


def date_of(block: bytes) -> str:
    """The one UTC date of a block's rows, `YYYY-MM-DD`.

    Raises:
        Unplaceable: there is no row, a line is no JSON object or has no `ts`, a time is not one that the
            conversion reads, or dates differ.
    """
    found = ""
    for number, line in enumerate(block.split(b"\n")):
        if not line.strip():
            continue
        date = _date_of_line(number, line)
        if found and date != found:
            raise Unplaceable(f"line {number} is of {date}, lines before it of {found}")
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
        raise Unplaceable(f"line {number} has no ts of text")
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
