"""What the records, tables and sensors are: columns, types, units, bounds, zones.

The ground of the domain: one JSON file a record or table, and typed access to them. Must not know what is
done with a column, by the code or by a service.
"""

from petrostream.schema.kinds import TANK, WELL, Kind
from petrostream.schema.sensors import (
    GOLD_TABLES,
    NAME_OF_THREE_W,
    SENSOR_INDEX,
    SENSOR_NAMES,
    SENSORS,
    STREAMED_TABLES,
    TABLES,
    Field,
    Schema,
    bounds,
    schema,
)

__all__ = [
    "GOLD_TABLES",
    "NAME_OF_THREE_W",
    "SENSORS",
    "SENSOR_INDEX",
    "SENSOR_NAMES",
    "STREAMED_TABLES",
    "TABLES",
    "TANK",
    "WELL",
    "Field",
    "Kind",
    "Schema",
    "bounds",
    "schema",
]
