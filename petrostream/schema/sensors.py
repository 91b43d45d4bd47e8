"""Typed access to `petrostream/schema/*.json`, the only definition of columns, types, units and bounds."""

import json
import math
import pkgutil
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from petrostream.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Field:
    """One column of a record or table.

    Attributes:
        name: its name.
        type: its Glue type.
        description: what it means.
        unit: of its values, None without one.
        required: whether a record without it is rejected.
        min, max: inclusive bounds, in the unit; None if unbounded.
        three_w: its name in the 3W dataset.
        quantity: what a sensor measures: pressure, temperature, opening, valve_state or flow.
        encoding: of a text that carries binary data: base64.
    """

    name: str
    type: str
    description: str
    unit: str | None = None
    required: bool = False
    min: float | None = None
    max: float | None = None
    three_w: str | None = None
    quantity: str | None = None
    encoding: str | None = None

    @property
    def low(self) -> float:
        """The lower bound, minus infinity if unbounded."""
        return -math.inf if self.min is None else self.min

    @property
    def high(self) -> float:
        """The upper bound, infinity if unbounded."""
        return math.inf if self.max is None else self.max


@dataclass(frozen=True, slots=True)
class Schema:
    """A record or table: ordered fields; for a table its partitions, zone (bucket), S3 prefix and format.

    Attributes:
        partitioning: where a partition's files are: `projected` from its values, at a fixed place below the
            prefix; or where they are `registered` in the catalogue, which can be changed at once.
    """

    name: str
    description: str
    fields: tuple[Field, ...]
    partitions: tuple[Field, ...] = ()
    zone: str | None = None
    prefix: str | None = None
    format: str | None = None
    partitioning: str = "projected"

    @property
    def names(self) -> tuple[str, ...]:
        """Field names in column order, partitions not included."""
        return tuple(field.name for field in self.fields)

    def field(self, name: str) -> Field:
        """Return the field of that name.

        Raises:
            KeyError: the schema has no such field.
        """
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"{self.name} has no field {name!r}; it has {', '.join(self.names)}")


@cache
def schema(name: str) -> Schema:
    """Load the schema `petrostream/schema/<name>.json`, with its `include` entries resolved.

    Raises:
        FileNotFoundError: there is no schema of that name.
    """
    raw = _read(name)
    return Schema(
        name=raw["name"],
        description=raw["description"],
        fields=tuple(_fields(raw["fields"])),
        partitions=tuple(_fields(raw.get("partitions", []))),
        zone=raw.get("zone"),
        prefix=raw.get("prefix"),
        format=raw.get("format"),
        partitioning=raw.get("partitioning", "projected"),
    )


STREAMED_TABLES = ("scored_readings", "facility_readings", "alarms", "quarantine")
"""Names of the tables that Firehose writes."""

GOLD_TABLES = (
    *("well_data_gold", "well_data_runs", "gold_hours", "gold_days", "gold_months"),
    "alarm_history_gold",
    "gold_quality",
)
"""Names of the tables that jobs write."""

TABLES = (*STREAMED_TABLES, *GOLD_TABLES)
"""Names of the lake's tables: schemas that have a zone."""


def _read(name: str) -> dict[str, Any]:
    # From a package in a zip too; importlib.resources takes longer to import than all schemas to read.
    data = pkgutil.get_data(__package__, f"{name}.json")
    if data is None:
        raise FileNotFoundError(f"{__package__} cannot read {name}.json: its loader has no data")
    raw: dict[str, Any] = json.loads(data)
    return raw


def _fields(entries: list[dict[str, Any]]) -> list[Field]:
    fields: list[Field] = []
    for entry in entries:
        if "include" in entry:
            fields.extend(schema(entry["include"]).fields)
        else:
            fields.append(Field(**entry))
    return fields


SENSORS: tuple[Field, ...] = schema("sensors").fields
"""The 27 variables of 3W, in the column order of every `values` matrix of this package."""

SENSOR_NAMES: tuple[str, ...] = tuple(sensor.name for sensor in SENSORS)

SENSOR_INDEX: dict[str, int] = {name: index for index, name in enumerate(SENSOR_NAMES)}

NAME_OF_THREE_W: dict[str, str] = {str(sensor.three_w): sensor.name for sensor in SENSORS}


def bounds() -> tuple[FloatArray, FloatArray]:
    """Return the lowest and highest plausible value of each sensor: shape (27,) each, in sensor units."""
    return np.array([sensor.low for sensor in SENSORS]), np.array([sensor.high for sensor in SENSORS])
