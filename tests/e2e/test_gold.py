"""A past day on the twin: compacted by the command, read through the views, and again after late readings."""

import io
from datetime import date

import boto3
import pyarrow.parquet as pq
import pytest

from tests.support.gold_lake import readings
from tests.support.lake import Lake

DAY = date(2013, 2, 3)
WELL = "WELL-GOLD"
"""A day and a well that no other file knows."""

OF_THE_DAY = f"FROM well_data WHERE \"date\" = DATE '{DAY}'"


def _land(name: str, **which: int) -> None:
    """Write an object of the curated zone, as Firehose would have that day."""
    sink = io.BytesIO()
    pq.write_table(readings(WELL, day=DAY, **which), sink, use_deprecated_int96_timestamps=True)
    (curated,) = (b["Name"] for b in boto3.client("s3").list_buckets()["Buckets"] if "-curated-" in b["Name"])
    boto3.client("s3").put_object(
        Bucket=curated, Key=f"scored_readings/date={DAY}/{name}.parquet", Body=sink.getvalue()
    )


@pytest.fixture(scope="module")
def counts(lake: Lake) -> list[dict[str, int]]:
    """What the view counts before gold, with gold, with late readings, and after the next compaction."""
    seen: list[dict[str, int]] = []

    def look() -> None:
        seen.append(lake.sql(f"SELECT COUNT(*) AS n, COUNT(DISTINCT event_id) AS readings {OF_THE_DAY}")[0])

    for part in range(4):
        _land(f"{part}", first=25 * part, count=25)
    _land("again", first=10, count=9, copy=1)
    look()
    lake.run("-m", "batch", "compact", "--date", str(DAY))
    look()
    _land("late", first=100, count=7)
    look()
    lake.run("-m", "batch", "compact", "--date", str(DAY))
    look()
    return seen


def test_each_reading_is_there_once_before_gold_and_in_it(counts: list[dict[str, int]]) -> None:
    assert counts[0] == counts[1] == {"n": 100, "readings": 100}


def test_late_readings_are_there_after_the_next_compaction(lake: Lake, counts: list[dict[str, int]]) -> None:
    assert counts[2] == {"n": 100, "readings": 100}
    assert lake.value(f"SELECT COUNT(*) AS n FROM curated_data WHERE \"date\" = DATE '{DAY}'") == 107
    assert counts[3] == {"n": 107, "readings": 107}


def test_hours_and_days_come_from_gold_and_runs_can_be_read(lake: Lake, counts: list[dict[str, int]]) -> None:
    assert counts
    assert lake.sql(f"SELECT readings, hours FROM well_days WHERE \"date\" = DATE '{DAY}'") == [
        {"readings": 107, "hours": 2}
    ]
    assert lake.value(f"SELECT SUM(readings) AS n FROM gold_hours WHERE \"date\" = DATE '{DAY}'") == 107
    runs = f"SELECT run, COUNT(*) AS n FROM well_data_runs WHERE \"date\" = DATE '{DAY}' GROUP BY run"
    assert sorted(row["n"] for row in lake.sql(runs)) == [100, 107]
