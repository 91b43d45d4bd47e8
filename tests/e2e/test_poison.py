"""Poison on the stream is quarantined with its reasons, and the readings behind it land."""

import json
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from tests.support.lake import Lake, wait_for

FACILITY = "FAC-POISON"
WELL = "WELL-POISON"


def _reading(seconds: int, **changes: object) -> dict[str, object]:
    at = datetime.now(UTC) - timedelta(seconds=60 - seconds)
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "kind": "well", "well_id": WELL, "facility_id": FACILITY, "ts": stamp, "source": "test/poison",
        "p_tpt": 1.2e7, "t_tpt": 100.0,
    } | changes  # fmt: skip


def _line(reading: dict[str, object]) -> bytes:
    return json.dumps(reading).encode()


TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat()

POISON = {
    "not UTF-8": (b'{"kind": "well", "well_id": "\xff\xfe"}', "not_utf8"),
    "not JSON": (b"pressure=12;temperature=100", "not_json"),
    "a 300 KiB line": (_line(_reading(1, source="x" * 300 * 1024)), "too_long"),
    "a text where a number belongs": (_line(_reading(2, p_tpt="high")), "wrong_type:p_tpt"),
    "NaN": (_line(_reading(3, p_tpt=float("nan"))), "not_json"),
    "an unknown kind": (_line(_reading(4, kind="drone")), "unknown_kind"),
    "a time of tomorrow": (_line(_reading(5, ts=TOMORROW)), "time_in_future:ts"),
    "a well that clears the screen": (_line(_reading(7, well_id="W\x1b[2J")), "control_character:well_id"),
    "no well": (_line({k: v for k, v in _reading(6).items() if k != "well_id"}), "missing:well_id"),
}


@pytest.fixture(scope="module")
def poisoned(lake: Lake) -> int:
    """Poison, each piece a record of its own, then readings; gives how many readings."""
    kinesis = boto3.client("kinesis")
    records = [data for data, _ in POISON.values()]
    good = [_line(_reading(10 + i)) for i in range(20)]
    records += [b"\n".join(good[:10]) + b"\n" + b"{broken\n" + b"\n".join(good[10:])]
    entries = [{"Data": data, "PartitionKey": FACILITY} for data in records]
    answer = kinesis.put_records(StreamName="petrostream-ingest", Records=entries)
    assert answer["FailedRecordCount"] == 0
    landed = f"SELECT COUNT(*) AS n FROM well_data WHERE well_id = '{WELL}'"
    wait_for(lambda: int(lake.value(landed)) == len(good), "the readings behind the poison to land")
    lines = f"SELECT COUNT(*) AS n FROM quarantine_lines WHERE partition_key = '{FACILITY}'"
    wait_for(lambda: int(lake.value(lines)) == len(POISON) + 1, "the poison to be quarantined")
    return len(good)


def test_every_piece_is_in_quarantine_with_its_reason(lake: Lake, poisoned: int) -> None:
    rows = lake.sql(
        "SELECT ARRAY_JOIN(reasons, ' ') AS reasons, raw, raw_bytes FROM quarantine_lines "
        f"WHERE partition_key = '{FACILITY}' ORDER BY kinesis_sequence, line"
    )
    assert len(rows) == len(POISON) + 1
    found = " | ".join(str(row["reasons"]) for row in rows)
    missing = {name: reason for name, (_, reason) in POISON.items() if reason not in found}
    assert not missing, found
    assert all(row["raw"] for row in rows)


def test_an_impossible_value_costs_the_value_not_the_reading(lake: Lake) -> None:
    well = "WELL-GAUGE"
    reading = _reading(30, well_id=well, p_pdg=-1.2e42)
    boto3.client("kinesis").put_record(
        StreamName="petrostream-ingest", Data=_line(reading), PartitionKey=FACILITY
    )
    query = (
        "SELECT p_pdg, pressure, data_quality_score, ARRAY_JOIN(validation_reasons, ' ') AS reasons "
        f"FROM well_data WHERE well_id = '{well}'"
    )
    wait_for(lambda: bool(lake.sql(query)), "the reading to land")
    (row,) = lake.sql(query)
    assert row["p_pdg"] in (None, "")
    assert float(row["pressure"]) == 1.2e7
    assert "out_of_range:p_pdg" in row["reasons"]
    assert 0 < float(row["data_quality_score"]) < 100
