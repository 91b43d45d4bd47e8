"""A stream record's bytes as readings of wells and tanks: decoding, validation, every reason for a rejection.

A bad value condemns the value, a bad structure the reading. Must not know what a reading means for a well:
no detector, no rule, no table of the lake.
"""

from petrostream.readings.lines import Origin, Rows, encode_lines
from petrostream.readings.validation import validate_block

__all__ = [
    "Origin",
    "Rows",
    "encode_lines",
    "validate_block",
]
