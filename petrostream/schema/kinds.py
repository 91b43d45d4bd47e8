"""The kinds of reading on the ingest stream, with the fields of their schemas by role."""

from dataclasses import dataclass
from functools import cached_property

from petrostream.schema.sensors import Field, Schema, schema


@dataclass(frozen=True)
class Kind:
    """A kind of reading: the value of its field `kind`, and its schema."""

    name: str
    schema: Schema

    @cached_property
    def known(self) -> frozenset[str]:
        """Names of all fields of the schema."""
        return frozenset(self.schema.names)

    @cached_property
    def names(self) -> tuple[Field, ...]:
        """The fields that identify what a reading belongs to; all are required."""
        return tuple(f for f in self.schema.fields if f.type == "string" and f.required and f.name != "kind")

    @cached_property
    def optional_names(self) -> tuple[Field, ...]:
        """The other names a reading may bear."""
        return tuple(f for f in self.schema.fields if f.type == "string" and not (f.required or f.encoding))

    @cached_property
    def measured(self) -> tuple[Field, ...]:
        """The fields with a measured number."""
        return tuple(f for f in self.schema.fields if f.type == "double")

    @cached_property
    def places(self) -> dict[str, int]:
        """Position of each measured field among them."""
        return {f.name: at for at, f in enumerate(self.measured)}

    @cached_property
    def whole(self) -> tuple[Field, ...]:
        """The fields with a code, a whole number within bounds."""
        return tuple(f for f in self.schema.fields if f.type == "int")

    @cached_property
    def frames(self) -> tuple[Field, ...]:
        """The fields with a vibration frame."""
        return tuple(f for f in self.schema.fields if f.encoding == "base64")

    @cached_property
    def values(self) -> frozenset[str]:
        """Names of the fields whose loss lowers the data quality score."""
        return frozenset(f.name for f in (*self.measured, *self.frames))

    @cached_property
    def numbers(self) -> frozenset[str]:
        """Names of the measured fields."""
        return frozenset(f.name for f in self.measured)

    @cached_property
    def labels(self) -> dict[str, frozenset[int | None]]:
        """The values allowed in each code field."""
        return {f.name: frozenset((*range(int(f.min or 0), int(f.max or 0) + 1), None)) for f in self.whole}


WELL = Kind("well", schema("well_reading"))
TANK = Kind("tank", schema("tank_reading"))
