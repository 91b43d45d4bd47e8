"""Objects of the lake in S3: what a day is made of, and what a run has written."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

SOURCES_FILE = "_sources.json"
"""Beside a run's files, the keys it was made of; Athena reads no file whose name begins with `_`."""

FETCHES = 8
"""Downloads at once: an S3 request waits rather than works."""


@dataclass(frozen=True, slots=True, order=True)
class StoredObject:
    """An object: its key, its size in bytes, its ETag, and when it was written."""

    key: str
    size: int
    etag: str
    modified: datetime

    @property
    def identity(self) -> str:
        """Changes whenever the object is written again."""
        return f"{self.key} {self.size} {self.etag}"


@dataclass(frozen=True, slots=True)
class Sources:
    """What a day is made of.

    Attributes:
        objects: the objects of the day, by key.
        gone: identities of objects that are no longer there, and whose rows are taken from an earlier run.
    """

    objects: tuple[StoredObject, ...] = ()
    gone: frozenset[str] = frozenset()

    @property
    def digest(self) -> str:
        """Changes when an object is added, written again or gone."""
        return hashlib.sha256("\n".join(one.identity for one in self.objects).encode()).hexdigest()

    @property
    def identities(self) -> frozenset[str]:
        """Identities of the objects."""
        return frozenset(one.identity for one in self.objects)

    def to_json(self) -> bytes:
        """The identities, as `SOURCES_FILE` has them."""
        return json.dumps(sorted(self.identities | self.gone)).encode()


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of the lake."""

    s3: Any
    name: str

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        """Objects below a prefix, by key."""
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix):
            for found in page.get("Contents", []):
                yield StoredObject(
                    found["Key"], found["Size"], found["ETag"].strip('"'), found["LastModified"]
                )

    def dates(self, prefix: str) -> list[date]:
        """Dates with a folder `date=…` right below a prefix, oldest first."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=prefix, Delimiter="/"
        )
        folders = (folder["Prefix"] for page in pages for folder in page.get("CommonPrefixes", []))
        texts = (folder.removeprefix(f"{prefix}date=").rstrip("/") for folder in folders)
        return sorted(day for text in texts if (day := _date(text)) is not None)

    def sources(self, prefix: str, day: date) -> Sources:
        """The objects of a day of a table. Names with a leading `_` or `.` are no data, as for Athena."""
        found = self.objects(f"{prefix}date={day}/")
        return Sources(
            tuple(
                sorted(
                    one for one in found if one.size and not one.key.rsplit("/", 1)[-1].startswith(("_", "."))
                )
            )
        )

    def fetch(self, objects: Sequence[StoredObject], folder: Path) -> Iterator[tuple[StoredObject, Path]]:
        """Download objects, a few at once; each with its file, in order. The caller removes the files."""

        def load(place: int) -> Path:
            path = folder / f"{place:06d}"
            self.s3.download_file(self.name, objects[place].key, str(path))
            return path

        with ThreadPoolExecutor(FETCHES) as pool:
            for start in range(0, len(objects), 4 * FETCHES):
                places = range(start, min(start + 4 * FETCHES, len(objects)))
                yield from zip((objects[place] for place in places), pool.map(load, places), strict=True)

    def put(self, key: str, body: bytes) -> None:
        """Write a small object."""
        self.s3.put_object(Bucket=self.name, Key=key, Body=body)

    def upload(self, path: Path, key: str) -> None:
        """Write a file, in parts where it is large."""
        self.s3.upload_file(str(path), self.name, key)

    def read_sources(self, prefix: str) -> frozenset[str]:
        """Identities of what a run was made of; none where it noted nothing."""
        try:
            body = self.s3.get_object(Bucket=self.name, Key=f"{prefix}{SOURCES_FILE}")["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            return frozenset()
        return frozenset(json.loads(body))

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; one that is not there is no error."""
        for start in range(0, len(keys), 1000):
            names = [{"Key": key} for key in keys[start : start + 1000]]
            answer = self.s3.delete_objects(Bucket=self.name, Delete={"Objects": names, "Quiet": True})
            for error in answer.get("Errors") or []:
                raise OSError(f"s3://{self.name}/{error['Key']}: not deleted: {error['Message']}")


def place_of(location: str) -> tuple[str, str]:
    """Bucket and prefix of a location `s3://bucket/prefix/`."""
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    return bucket, prefix if prefix.endswith("/") else f"{prefix}/"


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
