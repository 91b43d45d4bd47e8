"""Objects of the raw zone by their date of arrival."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from petrostream.aws.clients import client
from petrostream.lake import RawFile, read_members

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_DATE = re.compile(r"date=(\d{4}-\d\d-\d\d)/")
_ARRIVED = re.compile(r"\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class ArrivedObject:
    """An object of the raw zone.

    Attributes:
        key: its key.
        arrived: when its first record reached Firehose, to the second; from its name.
        written: when it was written.
        etag: its ETag, which changes with its content.
    """

    key: str
    arrived: datetime
    written: datetime
    etag: str

    @property
    def written_ms(self) -> int:
        """When it was written, epoch ms."""
        return round(self.written.timestamp() * 1000)


class RawObjects(Protocol):
    """Raw objects by date of arrival."""

    def dates(self) -> list[date]:
        """Dates of arrival that have an object, oldest first."""

    def objects(self, day: date) -> list[ArrivedObject]:
        """Objects of a date of arrival, in the order in which they arrived."""

    def read(self, key: str) -> RawFile:
        """What an object holds."""


@dataclass(frozen=True, slots=True)
class RawBucket:
    """The raw zone in its bucket, read by date of arrival.

    Attributes:
        bucket: its bucket.
        prefix: what all keys begin with.
        s3: reads it.
    """

    bucket: str
    prefix: str
    s3: "S3Client"

    def dates(self) -> list[date]:
        """Dates of arrival that have an object, oldest first.

        Raises:
            botocore.exceptions.ClientError: the bucket is not there, or must not be listed.
        """
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.prefix, Delimiter="/"
        )
        folders = [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", [])]
        found = [_DATE.search(folder.removeprefix(self.prefix)) for folder in folders]
        return sorted(date.fromisoformat(match[1]) for match in found if match)

    def objects(self, day: date) -> list[ArrivedObject]:
        """Objects of a date of arrival, in the order in which they arrived.

        Raises:
            botocore.exceptions.ClientError: the bucket is not there, or must not be listed.
        """
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{self.prefix}date={day}/"
        )
        found = [raw_object(item) for page in pages for item in page.get("Contents", [])]
        return _in_order(found)

    def read(self, key: str) -> RawFile:
        """What an object holds.

        Raises:
            RawMemberInvalid: it is damaged.
            botocore.exceptions.ClientError: it is not there any more, or must not be read.
        """
        return read_members(key, self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())


@dataclass(frozen=True, slots=True)
class RawFolder:
    """A copy of the raw zone in a folder: `date=…/…`."""

    folder: Path

    def dates(self) -> list[date]:
        """Dates of arrival that have an object, oldest first."""
        found = [_DATE.fullmatch(f"{path.name}/") for path in self.folder.iterdir() if path.is_dir()]
        return sorted(date.fromisoformat(match[1]) for match in found if match)

    def objects(self, day: date) -> list[ArrivedObject]:
        """Objects of a date of arrival, in the order in which they arrived."""
        found = []
        for path in (self.folder / f"date={day}").rglob("*"):
            if path.is_file():
                facts = path.stat()
                written = datetime.fromtimestamp(facts.st_mtime, UTC)
                item = {"Key": path.relative_to(self.folder).as_posix(), "LastModified": written}
                found.append(raw_object(item | {"ETag": f"{facts.st_mtime_ns}-{facts.st_size}"}))
        return _in_order(found)

    def read(self, key: str) -> RawFile:
        """What an object holds.

        Raises:
            RawMemberInvalid: it is damaged.
            OSError: it is not there any more, or can't be read.
        """
        return read_members(key, (self.folder / key).read_bytes())


def open_raw(place: str) -> RawObjects:
    """The raw zone at `s3://bucket/prefix/`, or its copy in a folder."""
    if not place.startswith("s3://"):
        return RawFolder(Path(place))
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    return RawBucket(bucket, prefix, client("s3"))


def _in_order(found: list[ArrivedObject]) -> list[ArrivedObject]:
    return sorted(found, key=lambda item: (item.arrived, item.written, item.key))


def raw_object(item: Any) -> ArrivedObject:  # noqa: ANN401 - boto3's own type is there for type checkers only
    """An object of a listing."""
    named = _ARRIVED.search(item["Key"].rpartition("/")[2])
    arrived = (
        datetime.strptime(named[0], "%Y-%m-%d-%H-%M-%S").replace(tzinfo=UTC)
        if named
        else item["LastModified"]
    )
    return ArrivedObject(item["Key"], arrived, item["LastModified"], item["ETag"].strip('"'))
