"""What a Firehose of the twin could not deliver: an object an entry, in AWS's place and form."""

import base64
import json
import time
from collections.abc import Mapping
from types import ModuleType
from typing import Any

from petrostream.aws.limits import FIREHOSE_ACTIVE_PARTITIONS

PARTITION_ERROR = "activePartitionExceeded"
"""Under this folder of the error prefix AWS writes what is over the quota of active partitions."""

_ERRORS: Mapping[str, tuple[str, str]] = {
    "processing-failed": ("Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record"),
    PARTITION_ERROR: (
        "DynamicPartitioning.ActivePartitionsLimitExceeded",
        f"more than {FIREHOSE_ACTIVE_PARTITIONS} active partitions",
    ),
}


def put_refused(
    firehose: ModuleType,
    stream: Mapping[str, Any],
    destination: Mapping[str, Any],
    payload: bytes,
    kind: str = "processing-failed",
) -> None:
    """Write one refused record where AWS does, in AWS's form."""
    code, message = _ERRORS[kind]
    config = destination["config"]
    arrival = firehose._arrival_time(config)
    now_ms = int(time.time() * 1000)
    document = {
        "attemptsMade": 1,
        "arrivalTimestamp": now_ms,
        "errorCode": code,
        "errorMessage": message,
        "attemptEndingTimestamp": now_ms,
        "rawData": base64.b64encode(payload).decode(),
    }
    prefix = firehose._evaluate_prefix(
        config.get("ErrorOutputPrefix") or f"{kind}/", arrival, error_type=kind
    )
    moment = firehose._java_time("yyyy-MM-dd-HH-mm-ss", arrival)
    key = f"{prefix}{stream['name']}-{stream.get('version', 1)}-{moment}-{firehose.new_uuid()}"
    bucket = firehose._s3_bucket_from_arn(config["BucketARN"])
    firehose._put_s3_object(bucket, key, (json.dumps(document) + "\n").encode())
