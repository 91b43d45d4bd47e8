"""The lake of a trial: deliveries go through the transform into tables, which the views are asked about."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra.settings import load_settings
from lambdas.firehose_transform.handler import handler
from petrostream.aws.firehose import compressed
from petrostream.lake.blocks import RowBlock
from tests.chaos.weather import Weather
from tests.support.duck_lake import DuckLake
from tests.support.event_source import Context
from tests.support.fakes import CRASH_BEFORE, LOST, OK, FakeFirehose

TABLES = {"delivery": "scored_readings", "facility": "facility_readings", "alarms": "alarms"}
"""Tables by delivery stream, those behind the transform."""

VIEWS = {
    "well_data": "event_id",
    "facility_data": "event_id",
    "alarm_history": "transition_id",
    "quarantine_lines": "quarantine_id",
}
"""Identities by view."""

TRANSFORM_ATTEMPTS = 4
"""Firehose repeats a failed invocation three times by default (developer guide, "Data transformation")."""

ENTRIES = 4
"""Most entries of an invocation: a trial is short, and has few."""

MOMENTS = {"scored_at", "joined_at", "recorded_at", "quarantined_at"}
"""Columns that say when something was processed."""


class Undelivered(AssertionError):  # noqa: N818 - says what is wrong
    """The transform cannot place an entry."""


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
    blocks = {table: list(_delivered(firehose.entries[stream], weather)) for stream, table in TABLES.items()}
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


def _delivered(entries: list[bytes], weather: Weather) -> Iterator[RowBlock]:
    for records in _buffered(entries):
        results = _transformed(records, weather)
        if results is None:
            # They lie under the error prefix, and `python -m ops redeliver` hands them in again.
            weather.note("ops", "redelivered")
            results = _invoked(records)
        for result in results:
            if result["result"] != "Ok":
                raise Undelivered(json.dumps(result)[:200])
            data = base64.b64decode(result["data"])
            block = RowBlock(result["metadata"]["partitionKeys"]["date"], data, data.count(b"\n"))
            yield block
            if weather.strike("delivery") != OK:
                # Firehose delivers at least once.
                yield block


def _buffered(entries: list[bytes]) -> Iterator[list[dict[str, str]]]:
    """Entries as Firehose hands them to the transform: up to the size of its buffer, as they were sent."""
    limit = float(load_settings().firehose.delivery.transform_buffer_mb) * 1024 * 1024
    records: list[dict[str, str]] = []
    size = 0
    for number, entry in enumerate(entries):
        packed = compressed(entry)
        if records and (size + len(packed) > limit or len(records) == ENTRIES):
            yield records
            records, size = [], 0
        records.append({"recordId": str(number), "data": base64.b64encode(packed).decode()})
        size += len(packed)
    if records:
        yield records


def _transformed(records: list[dict[str, str]], weather: Weather) -> list[dict[str, Any]] | None:
    """Results of the first invocation that Firehose hears of; None if it gives up."""
    for _ in range(TRANSFORM_ATTEMPTS):
        outcome = weather.strike("transform")
        if outcome == CRASH_BEFORE:
            continue
        results = _invoked(records)
        if outcome != LOST:
            return results
    return None


def _invoked(records: list[dict[str, str]]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = handler({"records": records}, Context())["records"]
    return results
