"""The function and the service make the same rows of the same stream, byte for byte."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from ml.data.dataset import find_instances, read_instance
from petrostream.aws.leases import LeaseTable
from tests.support.depth import deep_only
from tests.support.lake import CONSUMERS, Lake, wait_for
from tests.support.stream import STREAM, records_of

pytestmark = deep_only

FACILITY = "FAC-CONSUMERS"
TABLES = {
    "well_data": "facility_id",
    "facility_data": "facility_id",
    "alarm_history": "facility_id",
    "quarantine_lines": "partition_key",
}
CLOCK = {"scored_at", "joined_at", "recorded_at", "quarantined_at"}
BY_ARRIVAL = {"quarantine_lines": {"date", "quarantine_id"}}
"""Columns that the moment or the sequence number of the arrival decides; the date of what has no time."""

Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Landed:
    """What a lake holds of the facility.

    Attributes:
        records: data of the stream's records, in order.
        rows: by table, its rows as text, without what names the moment of the work.
        readers: the consumers that read the stream.
    """

    records: list[bytes]
    rows: Rows
    readers: set[str]


def _landed(lake: Lake) -> Landed:
    records = list(records_of(FACILITY))
    # The stream numbers records as they come: the place in the stream is what both lakes have in common.
    places = {sequence: place for place, (sequence, _) in enumerate(records)}
    rows: Rows = {}
    for table, key in TABLES.items():
        left_out = CLOCK | BY_ARRIVAL.get(table, set())
        found = [
            {name: value for name, value in row.items() if name not in left_out}
            | {"kinesis_sequence": places[row["kinesis_sequence"]]}
            for row in lake.sql(f"SELECT * FROM {table} WHERE {key} = '{FACILITY}'")
        ]
        rows[table] = sorted(found, key=lambda row: json.dumps(row, default=str, sort_keys=True))
    return Landed([data for _, data in records], rows, _readers())


def _readers() -> set[str]:
    """Which consumers read the stream now: the function by its mapping, the service by its leases."""
    readers = set()
    mappings = boto3.client("lambda").list_event_source_mappings(FunctionName="petrostream-scoring")
    if any(mapping["State"] == "Enabled" for mapping in mappings["EventSourceMappings"]):
        readers.add("function")
    leases = LeaseTable("petrostream-live", boto3.client("dynamodb"), "nobody").all().values()
    if any(lease.task and lease.until_ms > time.time_ns() // 1_000_000 for lease in leases):
        readers.add("service")
    return readers


@pytest.fixture(scope="module")
def first(lake: Lake, models: Path, tmp_path_factory: pytest.TempPathFactory) -> Landed:
    """A replay with tanks, and a broken line, through the consumer of the other tests."""
    folder = tmp_path_factory.mktemp("consumers")
    data, fleet = folder / "data", folder / "fleet.json"
    lake.run("-m", "ml.simulate", "--out", str(data), "--instances", "3", "--minutes", "40", "--seed", "19")
    for number, path in enumerate(sorted(data.glob("*/*.parquet"))):
        path.rename(path.with_name(f"SIMULATED_{70001 + number}.parquet"))
    files = find_instances(data)
    fleet.write_text(json.dumps({file.well_id: FACILITY for file in files}))
    _put(b"{broken")
    lake.run(
        "producer/replay.py", "--data", str(data), "--speed", "max", "--clock", "original",
        "--fleet", str(fleet), "--with-facility", "--seed", "3", "--name", f"e2e-consumers-{lake.twin.port}",
    )  # fmt: skip
    return _after_a_last_line(lake, sum(len(read_instance(file)) for file in files))


@pytest.fixture(scope="module")
def second(
    lake: Lake,
    first: Landed,
    models: Path,
    deployed: Path | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Landed]:
    """The same records through the other consumer, on a lake of its own."""
    (other,) = set(CONSUMERS) - {lake.consumer}
    home = tmp_path_factory.mktemp("other") / "home"
    with replace(Lake.at(home, deployed), consumer=other, tasks=[]).on() as copy:
        copy.run("-m", "local", "publish-model", str(models))
        for data in first.records[:-1]:
            _put(data)
        yield _after_a_last_line(copy, len(first.rows["well_data"]))


def _put(data: bytes) -> None:
    boto3.client("kinesis").put_record(StreamName=STREAM, Data=data, PartitionKey=FACILITY)


def _after_a_last_line(lake: Lake, readings: int) -> Landed:
    """Rows once everything has landed: a batch begins when the one before it is delivered whole."""
    count = f"SELECT COUNT(DISTINCT event_id) AS n FROM scored_readings WHERE facility_id = '{FACILITY}'"
    wait_for(lambda: int(lake.value(count)) >= readings, "every reading to land")
    _put(b"{last")
    last = f"SELECT COUNT(*) AS n FROM quarantine_lines WHERE partition_key = '{FACILITY}'"
    wait_for(lambda: int(lake.value(last)) == 2, "the last line to be quarantined")
    return _landed(lake)


def test_each_consumer_has_its_lake_to_itself(lake: Lake, first: Landed, second: Landed) -> None:
    assert first.readers == {lake.consumer}
    assert second.readers == set(CONSUMERS) - {lake.consumer}


def test_the_same_records_were_read(first: Landed, second: Landed) -> None:
    assert second.records == first.records


@pytest.mark.parametrize("table", TABLES)
def test_both_consumers_make_the_same_rows(first: Landed, second: Landed, table: str) -> None:
    assert first.rows[table]
    assert len(second.rows[table]) == len(first.rows[table])
    for mine, other in zip(first.rows[table], second.rows[table], strict=True):
        assert other == mine
