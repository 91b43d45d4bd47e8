"""The lake of a trial: deliveries go through the transform into tables, which the views are asked about."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from petrostream.lake.blocks import RowBlock
from tests.chaos.deliveries import Deliveries
from tests.chaos.weather import Weather
from tests.support.duck_lake import DuckLake
from tests.support.fakes import FakeFirehose

TABLES = {"delivery": "scored_readings", "facility": "facility_readings", "alarms": "alarms"}
"""Tables by delivery stream, those behind the transform."""

VIEWS = {
    "well_data": "event_id",
    "facility_data": "event_id",
    "alarm_history": "transition_id",
    "quarantine_lines": "quarantine_id",
}
"""Identities by view."""

MOMENTS = {"scored_at", "joined_at", "recorded_at", "quarantined_at"}
"""Columns that say when something was processed."""


@dataclass(frozen=True)
class Seen:
    """What people see.

    Attributes:
        rows: by view and identity.
        counts: rows by view.
        stored: rows of all tables, copies included.
    """

    rows: dict[str, dict[str, dict[str, Any]]]
    counts: dict[str, int]
    stored: int


def seen(firehose: FakeFirehose, weather: Weather) -> Seen:
    """Deliver every entry, and ask the views."""
    deliveries = Deliveries(firehose, weather)
    blocks = {table: deliveries.blocks(stream) for stream, table in TABLES.items()}
    blocks["quarantine"] = list(_as_they_are(firehose.entries["quarantine"]))
    lake = DuckLake(blocks)
    rows, counts = {}, {}
    for view, identity in VIEWS.items():
        found = lake.ask(f"SELECT * FROM {view}")
        counts[view] = len(found)
        rows[view] = {
            row[identity]: {name: value for name, value in row.items() if name not in MOMENTS}
            for row in found
        }
    stored = sum(block.rows for table in blocks.values() for block in table)
    return Seen(rows, counts, stored)


def _as_they_are(entries: list[bytes]) -> Iterator[RowBlock]:
    """The quarantine has no transform: rows lie under the date of their delivery."""
    for entry in entries:
        for line in entry.splitlines(keepends=True):
            yield RowBlock(json.loads(line)["quarantined_at"][:10], line, 1)
