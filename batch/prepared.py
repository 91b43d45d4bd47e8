"""Rows that another engine has scored: Parquet by `date`, as `batch/spark.py` writes it."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from batch.columns import SourceUnreadable, conform
from batch.recompute import TABLE

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class PreparedRows:
    """Rows in a folder, or below `s3://bucket/prefix/`.

    Attributes:
        place: where they are.
        s3: reads them from a bucket.
    """

    place: str
    s3: "S3Client"

    def listed(self, day: date) -> list[tuple[str, str]]:
        """Files of a day: the name of each, and what changes with its content."""
        if not self.place.startswith("s3://"):
            paths = sorted((Path(self.place) / f"date={day}").glob("*.parquet"))
            return [(str(path), f"{path.stat().st_mtime_ns} {path.stat().st_size}") for path in paths]
        bucket, prefix = self._bucket()
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=bucket, Prefix=f"{prefix}date={day}/"
        )
        found = [one for page in pages for one in page.get("Contents", [])]
        return [(one["Key"], one["ETag"]) for one in found if one["Key"].endswith(".parquet")]

    def rows(self, day: date) -> Iterator[pa.Table]:
        """Rows of a day, a file at a time.

        Raises:
            SourceUnreadable: a file is damaged, or has columns of other types.
        """
        for name, _ in self.listed(day):
            try:
                with pq.ParquetFile(self._open(name)) as file:
                    yield conform(file.read(), TABLE, f"{self.place}: {name}")
            except (pa.ArrowException, OSError) as error:
                raise SourceUnreadable(f"{self.place}: {name}", error) from error

    def _open(self, name: str) -> io.BytesIO:
        if not self.place.startswith("s3://"):
            return io.BytesIO(Path(name).read_bytes())
        return io.BytesIO(self.s3.get_object(Bucket=self._bucket()[0], Key=name)["Body"].read())

    def _bucket(self) -> tuple[str, str]:
        bucket, _, prefix = self.place.removeprefix("s3://").partition("/")
        return bucket, f"{prefix.rstrip('/')}/" if prefix else ""
