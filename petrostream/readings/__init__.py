"""A stream record's bytes as readings of wells and tanks: decoding, validation, every reason for a rejection.

A bad value condemns the value, a bad structure the reading; a value in another unit is kept and tagged. Must
not know what a reading means for a well: no detector, no rule, no table of the lake.
"""

from petrostream.readings.inspection import MAX_DATES, MAX_NAME_CHARS
from petrostream.readings.lines import Origin, Rows, encode_lines
from petrostream.readings.quality import quality_without, usable_values
from petrostream.readings.rejected import Rejected
from petrostream.readings.tanks import TANK_VALUES, VAPOR, TankReadings, tank_event_id
from petrostream.readings.validated import Block, Validated, ValidatedBlocks
from petrostream.readings.validation import validate_block, validate_blocks
from petrostream.readings.wells import MAX_LINE_BYTES, NO_TIME, Readings, encode_block, event_id
from petrostream.readings.wrong_units import (
    DECIDED,
    UNIT,
    converted,
    decided_units,
    gauge_units,
    is_undecided,
    likely_units,
    reasons_of,
    sensor_of,
    unit_names,
    unusual,
    without_units,
)

__all__ = [
    "DECIDED",
    "MAX_DATES",
    "MAX_LINE_BYTES",
    "MAX_NAME_CHARS",
    "NO_TIME",
    "TANK_VALUES",
    "UNIT",
    "VAPOR",
    "Block",
    "Origin",
    "Readings",
    "Rejected",
    "Rows",
    "TankReadings",
    "Validated",
    "ValidatedBlocks",
    "converted",
    "decided_units",
    "encode_block",
    "encode_lines",
    "event_id",
    "gauge_units",
    "is_undecided",
    "likely_units",
    "quality_without",
    "reasons_of",
    "sensor_of",
    "tank_event_id",
    "unit_names",
    "unusual",
    "usable_values",
    "validate_block",
    "validate_blocks",
    "without_units",
]
