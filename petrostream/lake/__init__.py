"""Encodes rows of the lake's tables as NDJSON blocks of one date; each table has a module with its name.

A block fits one Firehose entry. `raw` packs what arrived, as it arrived.
Must not know how a block is delivered, nor compute what a row contains.
"""

from petrostream.lake.alarms import action_rows_to_blocks, alarm_rows_to_blocks
from petrostream.lake.blocks import MAX_BLOCK_BYTES
from petrostream.lake.facility_readings import facility_rows_to_blocks
from petrostream.lake.quarantine import quarantine_line
from petrostream.lake.raw import NOT_BASE64, RawFile, RawRecord, lines_of, members, read_members
from petrostream.lake.scored_readings import rows_to_blocks

__all__ = [
    "MAX_BLOCK_BYTES",
    "NOT_BASE64",
    "RawFile",
    "RawRecord",
    "action_rows_to_blocks",
    "alarm_rows_to_blocks",
    "facility_rows_to_blocks",
    "lines_of",
    "members",
    "quarantine_line",
    "read_members",
    "rows_to_blocks",
]
