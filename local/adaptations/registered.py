"""Tables with registered partitions: the twin reads the files that the catalogue names, as Athena does.

Why: the emulator copies every file below a table's location. A gold table has the files of replaced runs
there too, which Athena does not see, and two tables share a location.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlparse

from batch.views import GoldDates
from petrostream.aws.athena import DATABASE
from petrostream.schema import GOLD_TABLES

GlueTable = Mapping[str, Any]

PLACEHOLDER = "of the catalogue"
"""Stands for the files of a table until its name is known."""


class CatalogueFiles:
    """Copies of the files of registered partitions, for one query each."""

    def __init__(self) -> None:
        self._folders: list[str] = []

    def materialize(self) -> Callable[[str, list[str]], list[str]]:
        """In place of the emulator's function, which is told a location, and not the table."""

        def materialize_table_files(location: str, workdirs: list[str]) -> list[str]:
            if any(is_registered(table) and location_of(table) == location for table in _tables().values()):
                self._folders = workdirs  # the emulator empties them after the query
                return [PLACEHOLDER]
            files: list[str] = materialize_table_files.original(location, workdirs)  # type: ignore[attr-defined]
            return files

        return materialize_table_files

    def copy(self, table: GlueTable) -> list[str]:
        """Copy the files of a table's partitions, into folders of their keys and values."""
        from ministack.services import s3  # noqa: PLC0415  imported with the emulator

        root = Path(tempfile.mkdtemp(prefix="petrostream-athena-"))
        self._folders.append(str(root))
        names = [key["Name"] for key in table["PartitionKeys"]]
        files = []
        for partition in partitions_of(table["Name"]):
            place = "/".join(
                f"{name}={value}" for name, value in zip(names, partition["Values"], strict=True)
            )
            for bucket, key in _objects(partition["StorageDescriptor"]["Location"], s3):
                data = s3._get_object_data(bucket, key)
                if data is not None:
                    path = root / place / key.rsplit("/", 1)[-1]
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(data)
                    files.append(str(path))
        return files


def is_registered(table: GlueTable) -> bool:
    """Whether a table's partitions are in the catalogue, and not projected."""
    return bool(table.get("PartitionKeys")) and table.get("Name") in GOLD_TABLES


def location_of(table: GlueTable) -> str:
    """Where a table is."""
    return str((table.get("StorageDescriptor") or {}).get("Location"))


def partitions_of(table: str, database: str = DATABASE) -> Sequence[Mapping[str, Any]]:
    """The registered partitions of a table."""
    from ministack.services import glue  # noqa: PLC0415  imported with the emulator

    return list(glue._partitions.get(f"{database}/{table}", []))


def registered_dates() -> GoldDates:
    """Dates that the views read from gold; on AWS, a job writes them into the views."""
    return {
        table: {date.fromisoformat(partition["Values"][0]) for partition in partitions_of(table)}
        for table in GOLD_TABLES
    }


def _tables() -> Mapping[str, GlueTable]:
    from ministack.services import glue  # noqa: PLC0415  imported with the emulator

    return {name: table for name, table in glue._tables.items() if str(name).startswith(f"{DATABASE}/")}


def _objects(location: str, s3: ModuleType) -> Iterator[tuple[str, str]]:
    """Bucket and key of the data at a location; names with a leading `_` or `.` are none."""
    place = urlparse(location)
    prefix = place.path.strip("/") + "/"
    bucket = s3._buckets.get(place.netloc)
    for key in sorted((bucket or {}).get("objects", {})):
        if key.startswith(prefix) and not key.rsplit("/", 1)[-1].startswith(("_", ".")):
            yield place.netloc, key
