"""Where a model registry can live: a bucket, or a folder for tests and for machines without a bucket."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from petrostream.aws.model_registry import MANIFEST, PREFIX

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class RegistryError(RuntimeError):
    """A version or the registry is invalid; the message names it and says what to do."""


class Registry(Protocol):
    """A store for the registry: S3-like keys, and values as bytes."""

    def get(self, key: str) -> bytes | None:
        """The value of a key, None if there is none."""

    def put(self, key: str, value: bytes) -> None:
        """Writes a value atomically."""

    def manifests(self) -> Iterator[str]:
        """Keys of all manifests."""


@dataclass(frozen=True, slots=True)
class FolderRegistry:
    """A registry in a folder, for tests and for machines without a bucket."""

    folder: Path

    def get(self, key: str) -> bytes | None:
        """The value of a key, None if there is none."""
        try:
            return (self.folder / key).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, key: str, value: bytes) -> None:
        """Writes a value atomically."""
        write_whole(self.folder / key, value)

    def manifests(self) -> Iterator[str]:
        """Keys of all manifests."""
        for path in sorted((self.folder / PREFIX).glob(f"*/{MANIFEST}")):
            yield path.relative_to(self.folder).as_posix()


@dataclass(frozen=True, slots=True)
class S3Registry:
    """A registry in a bucket; the client brings time-outs and retries."""

    bucket: str
    client: "S3Client"

    def get(self, key: str) -> bytes | None:
        """The value of a key, None if there is none."""
        try:
            return self.client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except self.client.exceptions.NoSuchKey:
            return None

    def put(self, key: str, value: bytes) -> None:
        """Writes a value atomically."""
        self.client.put_object(Bucket=self.bucket, Key=key, Body=value)

    def manifests(self) -> Iterator[str]:
        """Keys of all manifests."""
        pages = self.client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=f"{PREFIX}/", Delimiter="/"
        )
        for page in pages:
            for prefix in page.get("CommonPrefixes", []):
                yield f"{prefix['Prefix']}{MANIFEST}"


def open_registry(where: str, client: "S3Client | None" = None) -> Registry:
    """The registry at `s3://bucket`, or in a folder.

    Raises:
        RegistryError: the address names something below a bucket; scoring reads `models/` at its root.
    """
    if not where.startswith("s3://"):
        return FolderRegistry(Path(where))
    bucket, _, rest = where.removeprefix("s3://").partition("/")
    if not bucket or rest.strip("/"):
        raise RegistryError(f"{where}: the registry must be at the root of a bucket; use s3://<bucket>")
    if client is None:
        from petrostream.aws import clients  # noqa: PLC0415  (a folder needs no boto3)

        client = clients.client("s3")
    return S3Registry(bucket, client)


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file atomically: a reader sees the old content or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(content)
    part.replace(path)
