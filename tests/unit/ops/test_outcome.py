"""What became of sent readings is counted once each, of the run alone, and each count says what lists it."""

import json
import re

import pytest

from ops.outcome import MAX_SOURCES, ReadingCounts, Run, lines, outcome_of_lake, outcome_of_run
from petrostream.lake.blocks import RowBlock
from petrostream.times import parse_ms
from tests.support.duck_lake import DuckLake
from tests.support.paths import ROOT

DATE = "2026-11-20"
SINCE = parse_ms(f"{DATE}T09:00:00Z")


def reading(number, **values):
    return {
        "event_id": f"e{number}",
        "well_id": "WELL-00001",
        "facility_id": "FAC-01",
        "source": "2/WELL-00001_x",
        "ts": f"{DATE} 09:00:{number:02d}.000",
        "source_ts": f"2017-02-01 01:02:{number:02d}.000",
        "kinesis_sequence": str(number),
        "scored_at": f"{DATE} 09:01:00.000",
        "anomaly_score": 0.4,
        "validation_reasons": [],
        **values,
    }


def line(number, **values):
    return {
        "quarantine_id": f"q{number}",
        "kind": "well",
        "reasons": ["missing:well_id"],
        "partition_key": "FAC-01",
        "quarantined_at": f"{DATE} 09:00:30.000",
        **values,
    }


def block(*rows):
    data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    return RowBlock(DATE, data, len(rows))


SHIFT = parse_ms(f"{DATE}T09:00:00Z") - parse_ms("2017-02-01T01:02:00Z")
READINGS = (
    reading(1),
    reading(2, anomaly_score=None),
    reading(3, anomaly_score=None, validation_reasons=["late:ts", "out_of_range:p_pdg"]),
    reading(4, validation_reasons=None),
    # A copy, as a retry leaves it: the view shows one.
    reading(4, validation_reasons=None, scored_at=f"{DATE} 09:02:00.000"),
    # Another replay of the same instance, fifteen seconds later.
    reading(1, event_id="other", ts=f"{DATE} 09:00:16.000"),
    # The same well's reading of another source.
    reading(5, source="2/it's another", anomaly_score=None, validation_reasons=["late:ts"]),
)
QUARANTINE = (
    line(1),
    line(2, kind=None),
    line(3, kind="tank"),
    line(4, partition_key="FAC-02"),
    line(5, quarantined_at=f"{DATE} 08:59:59.000"),
)


@pytest.fixture(scope="module")
def lake():
    return DuckLake({"scored_readings": [block(*READINGS)], "quarantine": [block(*QUARANTINE)]})


def run(**changes):
    known = {
        "readings": 7, "shift_ms": {"2/WELL-00001_x": SHIFT}, "facilities": {"FAC-01"}, "since_ms": SINCE,
        "first_ms": SINCE, "last_ms": SINCE + 4000,
    }  # fmt: skip
    return Run(**known | changes)


def test_everything_in_the_lake_is_counted_once(lake):
    assert outcome_of_lake(lake.ask, 3) == ReadingCounts(
        landed=6, late=2, unscored=1, quarantined=4, objects=3
    )


def test_a_run_is_told_from_another_replay_of_the_same_instance(lake):
    assert outcome_of_run(lake.ask, run(), 0) == ReadingCounts(4, 1, 1, 2, 0)
    later = run(shift_ms={"2/WELL-00001_x": SHIFT + 15_000})
    assert outcome_of_run(lake.ask, later, 0).landed == 1


def test_a_name_with_a_quote_is_a_name(lake):
    other = run(shift_ms={"2/it's another": SHIFT}, facilities={"it's none"})
    assert outcome_of_run(lake.ask, other, 0) == ReadingCounts(1, 1, 0, 0, 0)


def test_a_run_on_other_dates_is_not_there(lake):
    tomorrow = run(first_ms=SINCE + 86_400_000, last_ms=SINCE + 86_400_000)
    assert outcome_of_run(lake.ask, tomorrow, 0).landed == 0


def test_many_instances_are_counted_in_several_queries(lake):
    others = {f"2/other-{number}": number for number in range(MAX_SOURCES)}
    asked = []

    def ask(sql):
        asked.append(sql)
        return lake.ask(sql)

    assert outcome_of_run(ask, run(shift_ms=others | {"2/WELL-00001_x": SHIFT}), 0).landed == 4
    assert len(asked) == 3


def test_each_count_names_what_lists_it():
    text = "\n".join(lines(ReadingCounts(90, 5, 6, 7, 8), sent=100))
    assert "90 of 100 readings" in text
    assert "8 objects of all runs   python -m ops redeliver" in text
    assert re.search(r"not there yet 3 .*--resume", text)
    files = re.findall(r"sql --file (\S+)", text)
    assert len(files) == 3
    assert all((ROOT / file).is_file() for file in files)


def test_what_is_all_there_needs_no_command():
    assert not any("python" in line for line in lines(ReadingCounts(100, 0, 0, 0, 0), sent=100))
    assert len(list(lines(ReadingCounts(100, 0, 0, 0, 0)))) == 5


@pytest.mark.parametrize(("name", "count"), [("late_readings", "2"), ("unscored_readings", "1")])
def test_the_queries_list_what_is_counted(lake, name, count):
    sql = (ROOT / "sql" / "queries" / f"{name}.sql").read_text()
    # The data has a date of its own, not one of the last 7 days.
    found = lake.ask(sql.replace("FROM recent_readings", "FROM well_data"))
    assert sum(row["readings"] for row in found) == int(count)
