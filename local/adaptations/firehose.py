"""Firehose: delivery that neither piles up, nor blocks the emulator, nor loses what a transform refuses.

What the emulator does, and what is different here:

* It keeps every record it ever delivered in memory and writes them all to disk when it stops. Here a
  record is forgotten once it is delivered.
* It holds the one lock of all delivery streams while the transform runs and the Parquet is written.
  PutRecords on a stream with a Firehose behind it takes that lock on the event loop, so everything stood
  still for as long as a delivery took. Here the lock covers the lookup only.
* It calls the transform once for each record. AWS sends a buffer at a time; here a batch of up to the
  transform's `BufferSizeInMBs`, 3 MiB (AWS's largest) where it names none, goes in one call.
* It knows no quotas of calls and partitions. Here, as on AWS, a call of over 4 MiB is refused, and what would
  be the 501st partition in a stream's buffer goes under the error prefix. The buffer itself is not imitated:
  a partition counts as active for the buffer's seconds.
* It drops a record whose transform answers ProcessingFailed. AWS writes it under the error prefix; so does
  this.
* It acknowledges a record whose object S3 refuses. AWS keeps it, and tries for 24 hours; this has nowhere to
  keep it, and refuses the entry (ServiceUnavailableException), which scoring then sends again.
* It hands over records of a stream without their places in it; see `raw_places.py`.
* It converts to Parquet row by row; see `parquet.py`.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from local.adaptations import guard, raw_places
from local.adaptations.guard import Response
from local.adaptations.objects import firehose_put, noting_failures
from local.adaptations.parquet import converter
from local.adaptations.partitions import ActivePartitions
from local.adaptations.refused import PARTITION_ERROR, put_refused
from petrostream.aws.limits import (
    FIREHOSE_CALL_BYTES,
    FIREHOSE_CALL_ENTRIES,
    FIREHOSE_ENTRY_BYTES,
    FIREHOSE_TRANSFORM_MB,
    MIB,
)

_KNOWN = {
    "_convert_to_parquet": "08264c81ebac8d92",
    "_conversion_error": "d23fde1bcf4eb55f",
    "_put_record_batch": "5e868d2aec51e622",
    "ingest_from_kinesis_source": "7dceac1c06ae2037",
    "_deliver_records_to_s3": "1f7d459024276df3",
    "_apply_lambda_processors": "94ce432c4f584230",
    "_deliver_to_s3": "35b6b7a4699157b0",
    "_put_s3_object": "f96f3d026aa21530",
    "_evaluate_prefix": "d407ad1dba8f3b4c",
}

_BUFFER_BYTES = FIREHOSE_TRANSFORM_MB * MIB
_active = ActivePartitions()

FirehoseEntry = tuple[str, bytes]

_UNWRITTEN = {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Its object could not be written"}


def install() -> None:
    """Put the adaptations in place.

    Raises:
        IncompatibleEmulatorError: the emulator's Firehose is not the known one.
    """
    # The emulator reads its variables when it is imported.
    from ministack.services import firehose, glue, kinesis, lambda_svc, s3  # noqa: PLC0415

    guard.check(firehose, _KNOWN)

    def columns_of(conversion: Mapping[str, Any]) -> Sequence[Mapping[str, str]]:
        schema = conversion.get("SchemaConfiguration") or {}
        table = glue._tables.get(f"{schema.get('DatabaseName', '')}/{schema.get('TableName', '')}") or {}
        columns: Sequence[Mapping[str, str]] = (table.get("StorageDescriptor") or {}).get("Columns") or []
        return columns

    def mismatch() -> Exception:
        error: Exception = firehose._conversion_error("mismatch")
        return error

    guard.replace(
        firehose, "_convert_to_parquet", converter(firehose._convert_to_parquet, columns_of, mismatch)
    )
    guard.replace(firehose, "_put_record_batch", _batch_handler(firehose))
    guard.replace(firehose, "ingest_from_kinesis_source", _forgetful_source(firehose, kinesis))
    guard.replace(firehose, "_deliver_records_to_s3", _deliverer(firehose))
    guard.replace(firehose, "_put_s3_object", firehose_put(firehose._put_s3_object, s3))
    guard.replace(lambda_svc, "_execute_function", _listening(lambda_svc._execute_function))
    firehose._HANDLERS["PutRecordBatch"] = firehose._put_record_batch


def _batch_handler(firehose: ModuleType) -> Callable[[Mapping[str, Any]], Response]:
    """PutRecordBatch: the emulator's checks and answer, with the delivery outside the lock."""

    def put_record_batch(data: Mapping[str, Any]) -> Response:
        name, entries = data.get("DeliveryStreamName", ""), data.get("Records", [])
        with firehose._lock:
            stream = firehose._streams.get(name)
            plain = stream is not None and _delivers_to_s3_only(stream) and stream["status"] == "ACTIVE"
        if not plain or not 0 < len(entries) <= FIREHOSE_CALL_ENTRIES:
            answer: Response = put_record_batch.original(data)  # type: ignore[attr-defined]
            return answer
        if sum(_size(entry) for entry in entries) > FIREHOSE_CALL_BYTES:
            refused: Response = firehose._invalid("Records size exceeds 4 MB limit")
            return refused
        accepted: list[FirehoseEntry] = []
        responses: list[dict[str, Any]] = []
        for entry in entries:
            try:
                accepted.append((firehose._record_id(), _decoded(entry)))
            except ValueError as error:
                responses.append({"ErrorCode": "ServiceUnavailableException", "ErrorMessage": str(error)})
            else:
                responses.append({"RecordId": accepted[-1][0], "Encrypted": False})
        undelivered: set[str] = set()
        for destination in list(stream["destinations"]):
            for buffer in _buffers(accepted, _buffer_bytes(destination)):
                undelivered |= firehose._deliver_records_to_s3(stream, destination, buffer)
        responses = [_UNWRITTEN if one.get("RecordId") in undelivered else one for one in responses]
        failed = sum("ErrorCode" in one for one in responses)
        result: Response = firehose.json_response(
            {"FailedPutCount": failed, "Encrypted": False, "RequestResponses": responses}
        )
        return result

    return put_record_batch


def _delivers_to_s3_only(stream: Mapping[str, Any]) -> bool:
    return all(destination["type"] in {"ExtendedS3", "S3"} for destination in stream["destinations"])


def _size(entry: Mapping[str, Any]) -> int:
    """Bytes of an entry's data, from its base64."""
    text: str = entry.get("Data", "")
    return len(text) // 4 * 3 - text.endswith("=") - text.endswith("==")


def _decoded(entry: Mapping[str, Any]) -> bytes:
    data = base64.b64decode(entry.get("Data", ""))
    if len(data) > FIREHOSE_ENTRY_BYTES:
        raise ValueError("Record too large")
    return data


def _buffer_bytes(destination: Mapping[str, Any]) -> float:
    """Most bytes that a transform gets at once: those of its own buffer, where it names one."""
    processing = (destination.get("config") or {}).get("ProcessingConfiguration") or {}
    for processor in processing.get("Processors") or []:
        for parameter in processor.get("Parameters") or []:
            if parameter.get("ParameterName") == "BufferSizeInMBs":
                return float(parameter["ParameterValue"]) * MIB
    return _BUFFER_BYTES


def _buffers(entries: Sequence[FirehoseEntry], most_bytes: float) -> Iterator[list[FirehoseEntry]]:
    """Entries in runs of up to so many bytes."""
    buffer: list[FirehoseEntry] = []
    size = 0
    for entry in entries:
        if buffer and size + len(entry[1]) > most_bytes:
            yield buffer
            buffer, size = [], 0
        buffer.append(entry)
        size += len(entry[1])
    if buffer:
        yield buffer


def _forgetful_source(firehose: ModuleType, kinesis: ModuleType) -> Callable[[str, list[Any]], None]:
    """A stream as source: each record with its place, delivered as the emulator does it, then forgotten."""

    def ingest_from_kinesis_source(stream_arn: str, records: list[Any]) -> None:
        entries = raw_places.packed(kinesis, stream_arn, records)
        ingest_from_kinesis_source.original(stream_arn, entries)  # type: ignore[attr-defined]
        with firehose._lock:
            for stream in firehose._streams.values():
                if (stream.get("kinesis_source") or {}).get("KinesisStreamARN") == stream_arn:
                    for destination in stream["destinations"]:
                        destination["records"].clear()

    return ingest_from_kinesis_source


Deliver = Callable[[dict[str, Any], dict[str, Any], list[FirehoseEntry]], set[str]]


def _deliverer(firehose: ModuleType) -> Deliver:
    """Transform and deliver, with what the transform failed under the error prefix.

    It returns the records whose objects S3 refused.
    """

    def deliver(
        stream: dict[str, Any], destination: dict[str, Any], records: list[FirehoseEntry]
    ) -> set[str]:
        undelivered: set[str] = set()
        keys: dict[str, dict[str, str]] = {}
        refused: set[str] = set()
        token = _refused.set(refused)
        try:
            done = firehose._apply_lambda_processors(stream, destination, records, partition_sink=keys)
        finally:
            _refused.reset(token)
        for record_id, payload in done:
            with noting_failures() as failed:
                if _active.admits(stream["name"], destination, keys.get(record_id)):
                    firehose._deliver_to_s3(stream, destination, payload, keys.get(record_id))
                else:
                    put_refused(firehose, stream, destination, payload, PARTITION_ERROR)
            undelivered |= {record_id} if failed else set()
        for record_id, payload in records:
            if record_id in refused:
                with noting_failures() as failed:
                    put_refused(firehose, stream, destination, payload)
                undelivered |= {record_id} if failed else set()
        return undelivered

    return deliver


_refused: ContextVar[set[str] | None] = ContextVar("_refused", default=None)
"""Collects the records the transform fails, while one runs in this thread."""


def _listening(execute: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """The emulator's way to run a function, noting what a transform answers ProcessingFailed."""

    def execute_function(*arguments: object, **options: object) -> dict[str, Any]:
        result = execute(*arguments, **options)
        sink = _refused.get()
        if sink is not None and not result.get("error"):
            sink.update(_failed_records(result.get("body")))
        return result

    return execute_function


def _failed_records(body: object) -> Iterator[str]:
    if isinstance(body, str | bytes):
        try:
            body = json.loads(body)
        except ValueError:
            return
    for record in body.get("records", []) if isinstance(body, dict) else []:
        if isinstance(record, dict) and record.get("result") == "ProcessingFailed":
            yield str(record.get("recordId"))
