"""The demo's figures of wells and tanks, on a small lake: what adds up, and ALERTs in their place alone."""

import io
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest
from rich.console import Console

from local.athena.bridge import load_views, translate
from local.demo.facility import holds, read_alerts, read_pairing, show, summary, wait_until_joined
from local.demo.queries import LandingWait, NotLandedError
from petrostream.schema.sensors import schema

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MS = int(START.timestamp() * 1000)
_ARROW = {
    "string": pa.string(), "double": pa.float64(), "int": pa.int32(), "bigint": pa.int64(),
    "timestamp": pa.timestamp("us"), "date": pa.date32(), "array<string>": pa.list_(pa.string()),
}  # fmt: skip


def at(second):
    return (START + timedelta(seconds=second)).replace(tzinfo=None)


def well(second, facility="FAC-01", scored=START):
    row = {"event_id": f"{facility}-{second}", "well_id": "W1", "facility_id": facility, "ts": at(second)}
    return {**row, "date": START.date(), "scored_at": scored.replace(tzinfo=None), "kinesis_sequence": "1"}


def pair(second, facility="FAC-01", **values):
    row = {**well(second, facility), "pairing_status": "MATCHED", "joined_at": at(0), "status": "NORMAL"}
    row |= {"tank_id": "T1", "tank_ts": at(second), "emission_risk": 0, "vapor_risk": 10}
    return {name: value for name, value in {**row, **values}.items() if name != "scored_at"}


def alone(second, reason="no_tank"):
    return pair(second, pairing_status="UNMATCHED", unmatched_reason=reason, tank_id=None, tank_ts=None)


@pytest.fixture
def lake(tmp_path):
    """Gives a function that asks a lake of these well readings and joined readings."""

    def fill(wells, pairs):
        connection = duckdb.connect()
        connection.execute("CREATE SCHEMA petrostream; USE petrostream")
        for name, rows in (("scored_readings", wells), ("facility_readings", pairs)):
            fields = [*schema(name).fields, *schema(name).partitions]
            kinds = pa.schema([(field.name, _ARROW[field.type]) for field in fields])
            path = tmp_path / f"{name}.parquet"
            pa.parquet.write_table(pa.Table.from_pylist(rows, schema=kinds), path)
            connection.execute(f"CREATE VIEW {name} AS FROM read_parquet('{path}')")

        def ask(sql):
            done = connection.execute(translate(sql, load_views()))
            names = [column[0] for column in done.description]
            return [dict(zip(names, row, strict=True)) for row in done.fetchall()]

        return ask

    return fill


def test_every_reading_of_the_run_is_in_one_count(lake):
    wells = [well(second) for second in range(20)] + [well(-60, scored=START - timedelta(hours=1))]
    pairs = [pair(second) for second in range(2, 13)] + [alone(13), alone(14, "late")]
    pairs += [pair(5, joined_at=at(60))]  # landed twice
    found = read_pairing(lake(wells, pairs), START)
    (row,) = found.facilities
    assert row == {
        "facility_id": "FAC-01", "readings": 20, "duplicates": 0, "matched": 11, "no_tank": 1, "late": 1,
        "crowded": 0, "waiting": 5, "before_tanks": 2, "missing": 0, "alerts": 0,
    }  # fmt: skip


def test_a_reading_that_should_be_joined_and_is_not_is_missing(lake):
    wells = [well(second) for second in range(20)]
    found = read_pairing(lake(wells, [pair(second) for second in range(15) if second != 7]), START)
    assert found.total("missing") == 1


def test_a_facility_without_any_joined_reading_is_all_missing_but_the_last(lake):
    found = read_pairing(lake([well(second) for second in range(20)], []), START)
    assert (found.total("missing"), found.total("waiting")) == (14, 6)


def raised(subject, condition, first, last):
    return {"subject": subject, "condition": condition, "start_ms": MS + first, "end_ms": MS + last}


STRETCHES = [
    raised("W1", "methane_medium", 2_000, 9_000),
    raised("W1", "methane_high", 4_000, 6_999),
    raised("T1", "vapor_high", 8_500, 12_000),
    raised("T1", "vapor_critical", 11_000, 11_500),
]
TRUE_RISK = {second: {"emission_risk": 20} for second in (2, 3, 7, 8)}
TRUE_RISK |= {second: {"emission_risk": 40} for second in (4, 5, 6)}
TRUE_RISK |= {9: {"emission_risk": 20, "vapor_risk": 20}, 10: {"vapor_risk": 20}, 11: {"vapor_risk": 40}}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (5, 0, 0)),
        ({5: {"emission_risk": 0}}, (4, 0, 1)),
        ({5: {"emission_risk": None}}, (4, 0, 0)),  # not sent
        ({11: {"vapor_risk": None}}, (4, 0, 0)),
        ({7: {"emission_risk": 40}}, (6, 1, 0)),
        ({14: {"vapor_risk": 40}}, (6, 1, 0)),
        ({14: {"process_risk": 40, "status": "ALERT"}}, (5, 0, 0)),  # not by gas or vapor
    ],
)
def test_alerts_are_held_against_what_was_raised(lake, changes, expected):
    pairs = [pair(second, **{**TRUE_RISK.get(second, {}), **changes.get(second, {})}) for second in range(16)]
    ask = lake([well(second) for second in range(16)], pairs)
    found = read_alerts(ask, START, STRETCHES)
    assert (found["raised"], found["unexpected"], found["missed"]) == expected


def test_with_nothing_raised_no_alert_is_expected(lake):
    ask = lake([well(0), well(1)], [pair(0), pair(1, emission_risk=40)])
    assert read_alerts(ask, START, []) == {"raised": 1, "unexpected": 1, "missed": 0}


def figures(lake, wells=20, **changes):
    ask = lake([well(second) for second in range(wells)], [pair(second) for second in range(15)])
    pairing = read_pairing(ask, START)
    alerts = read_alerts(ask, START, []) | changes
    return summary(pairing, alerts, {"seed": 7, "readings": 10, "raised": []})


def test_the_summary_adds_up_and_says_so(lake):
    report = figures(lake)
    assert holds(report)
    assert (report["readings"], report["matched"], report["waiting"], report["missing"]) == (20, 15, 5, 0)
    assert report["unmatched_reasons"] == {"no_tank": 0, "late": 0, "crowded": 0}
    page = io.StringIO()
    show(report, Console(file=page, width=200))
    assert (
        "20 well readings with 10 tank readings = 15 pairs + 0 unmatched + 5 still waiting: yes"
        in page.getvalue()
    )
    assert "there and nowhere else: yes" in page.getvalue()


@pytest.mark.parametrize("changes", [{"unexpected": 1}, {"missed": 1}, {"wells": 30}])
def test_what_does_not_hold_is_reported(lake, changes):
    report = figures(lake, **changes)
    assert not holds(report)
    page = io.StringIO()
    show(report, Console(file=page, width=200))
    assert "NO" in page.getvalue()


def test_waits_until_nothing_is_missing_and_gives_up_when_nothing_comes(lake):
    wells = [well(second) for second in range(20)]
    answers = iter([7, 12, 15])
    seen = []

    def read():
        return read_pairing(lake(wells, [pair(second) for second in range(next(answers, 15))]), START)

    now = [0.0]
    patience = LandingWait(10, 1, lambda: now[0], lambda seconds: now.__setitem__(0, now[0] + seconds))
    assert wait_until_joined(read, 20, seen.append, patience).total("missing") == 0
    assert seen == [13, 18, 20]
    with pytest.raises(NotLandedError, match="5 of 25 readings are not in facility_data"):
        wait_until_joined(read, 25, seen.append, patience)
