"""What Firehoses could not deliver: the objects under their error prefixes. Nothing is read or changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Undelivered:
    """What lies under the error prefix of one Firehose.

    Attributes:
        stream: name of the Firehose.
        bucket: its bucket.
        keys: objects, oldest first.
        bytes: their size.
        entries: entries put on the Firehose again; 0 after a look.
        troubles: why objects were left, each with its key.
    """

    stream: str
    bucket: str
    keys: tuple[str, ...]
    bytes: int
    entries: int = 0
    troubles: tuple[str, ...] = ()


def undelivered(streams: Sequence[str], firehose: "FirehoseClient", s3: "S3Client") -> list[Undelivered]:
    """What lies under the error prefix of each Firehose; reads no object.

    Args:
        streams: names of Firehoses.
        firehose: says where each writes its errors.
        s3: lists them.

    Raises:
        botocore.exceptions.ClientError: a Firehose or bucket is not there, or must not be read.
    """
    return [_look(stream, firehose, s3) for stream in streams]


def _look(stream: str, firehose: "FirehoseClient", s3: "S3Client") -> Undelivered:
    description = firehose.describe_delivery_stream(DeliveryStreamName=stream)["DeliveryStreamDescription"]
    destination = description["Destinations"][0]["ExtendedS3DestinationDescription"]
    bucket = destination["BucketARN"].rpartition(":")[2]
    prefix = destination.get("ErrorOutputPrefix", "").partition("!{")[0]
    if not prefix:  # without one, errors lie among the data
        return Undelivered(stream, bucket, (), 0)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    found = [item for page in pages for item in page.get("Contents", [])]
    found.sort(key=lambda item: (item["LastModified"], item["Key"]))
    return Undelivered(
        stream, bucket, tuple(item["Key"] for item in found), sum(item["Size"] for item in found)
    )
