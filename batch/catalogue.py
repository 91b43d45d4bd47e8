"""Registered partitions of gold's tables: where the catalogue says that a day is read from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from batch.views import GoldDates
from petrostream.errors import PetroStreamError

TABLES_OF_VIEWS = ("well_data_gold", "gold_hours", "gold_days", "gold_months", "alarm_history_gold")


class CatalogueRefused(PetroStreamError):  # noqa: N818 - says what happened
    """Glue did not change a partition; the text has its reason."""

    def __init__(self, table: str, values: Sequence[str], reason: str) -> None:
        super().__init__(f"table {table}, partition {'/'.join(values)}: not changed: {reason}")


@dataclass(frozen=True, slots=True)
class Partition:
    """One partition of a table.

    Attributes:
        values: values of the partition keys.
        location: `s3://bucket/prefix/`.
        facts: what its writer noted: the run, counts, what it was made of.
    """

    values: tuple[str, ...]
    location: str
    facts: Mapping[str, str]

    @property
    def run(self) -> str:
        """The run that wrote it."""
        return self.facts.get("run", "")


@dataclass
class Catalogue:
    """The gold tables of a Glue database."""

    glue: Any
    database: str
    _storage: dict[str, dict[str, Any]] = field(default_factory=dict)

    def location(self, table: str) -> str:
        """Where a table is: `s3://bucket/prefix/`."""
        return str(self._descriptor(table)["Location"])

    def partitions(self, table: str) -> dict[tuple[str, ...], Partition]:
        """Every partition of a table by its values."""
        pages = self.glue.get_paginator("get_partitions").paginate(
            DatabaseName=self.database, TableName=table, ExcludeColumnSchema=True
        )
        found = (_partition(one) for page in pages for one in page["Partitions"])
        return {one.values: one for one in found}

    def partition(self, table: str, values: Sequence[str]) -> Partition | None:
        """One partition; None where it is not registered."""
        try:
            found = self.glue.get_partition(
                DatabaseName=self.database, TableName=table, PartitionValues=list(values)
            )
        except self.glue.exceptions.EntityNotFoundException:
            return None
        return _partition(found["Partition"])

    def point(self, table: str, values: Sequence[str], location: str, facts: Mapping[str, str]) -> None:
        """Read a partition from another place from now on; register it if it is new.

        One call changes it: a query planned before reads the old place, one planned after the new.

        Raises:
            CatalogueRefused: Glue refuses.
        """
        described = {
            "Values": list(values),
            "StorageDescriptor": {**self._descriptor(table), "Location": location},
            "Parameters": dict(facts),
        }
        where = {"DatabaseName": self.database, "TableName": table}
        entry = {"PartitionValueList": list(values), "PartitionInput": described}
        changed = self.glue.batch_update_partition(**where, Entries=[entry])
        for error in changed.get("Errors") or []:
            detail = error.get("ErrorDetail", {})
            if detail.get("ErrorCode") != "EntityNotFoundException":
                raise CatalogueRefused(table, values, detail.get("ErrorMessage", "no reason given"))
            try:
                self.glue.create_partition(**where, PartitionInput=described)
            except self.glue.exceptions.AlreadyExistsException:  # another run registered it meanwhile
                self.point(table, values, location, facts)

    def forget(self, table: str, values: Sequence[str]) -> None:
        """Take a partition out of the catalogue; its files stay."""
        try:
            self.glue.delete_partition(
                DatabaseName=self.database, TableName=table, PartitionValues=list(values)
            )
        except self.glue.exceptions.EntityNotFoundException:
            return

    def _descriptor(self, table: str) -> dict[str, Any]:
        if table not in self._storage:
            found = self.glue.get_table(DatabaseName=self.database, Name=table)["Table"]
            self._storage[table] = found["StorageDescriptor"]
        return self._storage[table]


def _partition(found: Mapping[str, Any]) -> Partition:
    return Partition(
        values=tuple(found["Values"]),
        location=str(found["StorageDescriptor"]["Location"]),
        facts=dict(found.get("Parameters") or {}),
    )


def gold_dates(catalogue: Catalogue) -> GoldDates:
    """Dates registered in each gold table that views read."""
    return {
        table: frozenset(date.fromisoformat(values[0]) for values in catalogue.partitions(table))
        for table in TABLES_OF_VIEWS
    }
