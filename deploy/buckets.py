"""Empty a bucket: objects, their old versions, and delete markers."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from petrostream.aws.clients import client
from toolchain.errors import ToolError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CALL_OBJECTS = 1000
"""Most objects of one DeleteObjects call (S3 API reference)."""

COUNTED = 1_000_000
"""Counting stops here: enough to see how much would be deleted."""

_PASSES = 5
_ATTEMPTS = 6
_TEMPORARY = frozenset(
    {"InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout", "OperationAborted"}
)
_ABSENT = frozenset({"NoSuchBucket", "404"})


@dataclass(frozen=True, slots=True)
class Content:
    """What a bucket holds.

    Attributes:
        versions: number of objects, their old versions, and delete markers.
        size: bytes of all of them.
        complete: False if there are more than were counted.
    """

    versions: int
    size: int
    complete: bool = True


def content(bucket: str, s3: "S3Client | None" = None) -> Content | None:
    """Count what the bucket holds, up to a million versions; None if there is no such bucket.

    Raises:
        ToolError: it cannot be listed.
    """
    count = size = 0
    try:
        for page in _pages(s3 or client("s3"), bucket):
            versions = page.get("Versions", [])
            count += len(versions) + len(page.get("DeleteMarkers", []))
            size += sum(version["Size"] for version in versions)
            if count >= COUNTED:
                return Content(count, size, complete=False)
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return None
        raise ToolError(f"The bucket {bucket} cannot be listed: {error}") from error
    except BotoCoreError as error:
        raise ToolError(f"S3 does not answer: {error}", "Check the network.") from error
    return Content(count, size)


def empty(
    bucket: str,
    s3: "S3Client | None" = None,
    *,
    tick: Callable[[int], None] = lambda deleted: None,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Delete everything in the bucket, until a listing finds nothing.

    Args:
        bucket: its name; one that does not exist counts as empty.
        s3: S3 client.
        tick: called with the number deleted so far.
        sleep: waits that many seconds.

    Returns:
        Number of versions and delete markers that were deleted.

    Raises:
        ToolError: an object cannot be deleted (the message names it), or new ones keep arriving.
    """
    s3 = s3 or client("s3")
    deleted = 0
    try:
        for _ in range(_PASSES):
            found = False
            for page in _pages(s3, bucket):
                entries = [
                    {"Key": row["Key"], "VersionId": row["VersionId"]}
                    for row in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                ]
                for start in range(0, len(entries), CALL_OBJECTS):
                    found = True
                    _delete(s3, bucket, entries[start : start + CALL_OBJECTS], sleep)
                    deleted += len(entries[start : start + CALL_OBJECTS])
                    tick(deleted)
            if not found:
                return deleted
    except ClientError as error:
        if error.response["Error"]["Code"] in _ABSENT:
            return deleted
        raise ToolError(f"The bucket {bucket} cannot be emptied: {error}") from error
    except BotoCoreError as error:
        raise ToolError(f"S3 does not answer: {error}", "Run the same command again.") from error
    raise ToolError(
        f"New objects keep arriving in {bucket}.", "Stop whatever writes to it and run this again."
    )


def _pages(s3: "S3Client", bucket: str) -> Iterator[Mapping[str, Any]]:
    pages: Iterator[Mapping[str, Any]] = iter(
        s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
    )
    return pages


def _delete(
    s3: "S3Client", bucket: str, entries: Sequence[Mapping[str, str]], sleep: Callable[[float], None]
) -> None:
    """One DeleteObjects call, repeated for objects that failed for a temporary reason."""
    left = list(entries)
    for attempt in range(_ATTEMPTS):
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": left, "Quiet": True})  # type: ignore[typeddict-item]
        errors = answer.get("Errors", [])
        if not errors:
            return
        for error in errors:
            if error.get("Code") not in _TEMPORARY:
                raise ToolError(
                    f"s3://{bucket}/{error.get('Key')} cannot be deleted: "
                    f"{error.get('Code')}: {error.get('Message')}"
                )
        failed = {(error.get("Key"), error.get("VersionId")) for error in errors}
        left = [entry for entry in left if (entry["Key"], entry["VersionId"]) in failed] or left
        sleep(min(8.0, 0.5 * 2**attempt))
    raise ToolError(
        f"{len(left)} objects of {bucket} could not be deleted in {_ATTEMPTS} attempts; "
        f"the first is {left[0]['Key']}.",
        "Run the same command again.",
    )
