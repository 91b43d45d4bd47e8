"""Numbers on the twin are Athena's: decimals keep their scale, whole numbers are cut off."""

from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext

import duckdb
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.athena import bridge
from local.athena.errors import SqlError
from petrostream.lake.blocks import RowBlock
from tests.support.duck_lake import DuckLake

CONNECTION = duckdb.connect()


def one(sql):
    row = CONNECTION.execute(bridge.translate(sql, {})).fetchone()
    return row[0] if len(row) == 1 else row


# Expected values by Trino's rules: scale(x / y) = max(scale x, scale y), rounded half up.
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1.0 * 1 / 21", "0.0"),
        ("1.00 / 21", "0.05"),
        ("1 / 3.000", "0.333"),
        ("2.0 / 3", "0.7"),
        ("-2.0 / 3", "-0.7"),
        ("1.0 / 4", "0.3"),
        ("100.0 * 4 / 10000", "0.0"),
        ("ROUND(1.2345, 2)", "1.2300"),
        ("DECIMAL '1.50' * DECIMAL '2.0'", "3.000"),
        ("DECIMAL '1.50' / DECIMAL '0.7'", "2.14"),
        ("CAST(7 AS decimal(10, 2)) / 2", "3.50"),
        ("2.50 % 1", "0.50"),
        ("(SELECT SUM(x) / COUNT(*) FROM (VALUES 0.1, 0.1, 0.3) AS t (x))", "0.2"),
        ("(SELECT AVG(x) FROM (VALUES 0.1, 0.2) AS t (x))", "0.2"),
        ("(SELECT AVG(x) FILTER (WHERE x > 0.1) FROM (VALUES 0.10, 0.20, 0.25) AS t (x))", "0.23"),
        ("COALESCE(NULL, 1.0) / 3", "0.3"),
        ("CASE WHEN TRUE THEN 1 ELSE 1.50 END / 4", "0.25"),
        ("(WITH t AS (SELECT 1.0 AS a), u AS (SELECT a AS b FROM t) SELECT b / 3 FROM u)", "0.3"),
    ],
)
def test_decimals_keep_their_scale(expression, expected):
    found = one(f"SELECT {expression}")
    assert isinstance(found, Decimal)
    assert str(found) == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("(SELECT n / 2 FROM (SELECT COUNT(*) AS n FROM (VALUES 1, 2, 3) AS t (x)))", 1),
        ("(SELECT SUM(x) / 2 FROM (VALUES 1, 2, 4) AS t (x))", 3),
        ("3600e0 * 1 / 90000", 0.04),
        ("1395 / 3600e0", 0.3875),
        ("100e0 * 4 / 10000", 0.04),
        ("CAST(1 AS double) / 8", 0.125),
        ("1e0 / 0", float("inf")),
        ("NULL / 2", None),
    ],
)
def test_whole_numbers_are_cut_off_and_doubles_are_exact(expression, expected):
    assert one(f"SELECT {expression}") == expected


COUNTED = "(SELECT 1 / (COUNT(*) - 1) FROM (VALUES 1) AS t (x))"


@pytest.mark.parametrize("expression", ["1 / 0", "1.0 / 0", "1 % 0", COUNTED])
def test_dividing_by_zero_fails_as_on_athena(expression):
    with pytest.raises(duckdb.Error, match="Division by zero"):
        one(f"SELECT {expression}")


def test_division_of_what_cannot_be_typed_is_refused_with_the_remedy():
    with pytest.raises(SqlError, match=r"x / y: .*CAST\(… AS double\)"):
        bridge.translate("SELECT x / y FROM somewhere_unknown", {})


_DECIMALS = st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 6))


@given(_DECIMALS, _DECIMALS.filter(lambda value: value[0] != 0))
def test_a_quotient_is_the_exact_one_rounded_half_up(dividend, divisor):
    (a, x), (b, y) = dividend, divisor
    left = f"CAST('{Decimal(a).scaleb(-x):f}' AS decimal(18, {x}))"
    right = f"CAST('{Decimal(b).scaleb(-y):f}' AS decimal(18, {y}))"
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(a).scaleb(-x) / Decimal(b).scaleb(-y)
        expected = exact.quantize(Decimal(1).scaleb(-max(x, y)), ROUND_HALF_UP)
    assert one(f"SELECT {left} / {right}") == expected


START = datetime(2026, 11, 20)
WELL = {"well_id": "W1", "facility_id": "F1", "source": "0/a"}


def _reading(minute):
    moment = (START + timedelta(minutes=minute)).isoformat()
    return {
        **WELL,
        "event_id": f"e{minute}",
        "ts": moment,
        "source_ts": moment,
        "class": 0,
        "model_kind": "commissioned",
        "alarm_active": 1 if 0 < minute <= 23 else 0,
        "anomaly_flag": 1 if minute == 5 else 0,
        "kinesis_sequence": str(minute),
        "scored_at": moment,
    }


def _transition():
    moment = (START + timedelta(minutes=1)).isoformat()
    return {
        **WELL,
        "transition_id": "t1",
        "alarm_id": "a1",
        "event": "activated",
        "alarm_group": "process",
        "class": 0,
        "ts": moment,
        "source_ts": moment,
        "kinesis_sequence": "1",
        "recorded_at": moment,
    }


@pytest.fixture(scope="module")
def lake():
    """A well watched for 90,000 s of normal operation, 1,380 s of them in one false alarm."""

    def block(rows):
        lines = [orjson.dumps(row) for row in rows]
        return [RowBlock(date="2026-11-20", data=b"\n".join(lines), rows=len(lines))]

    return DuckLake({"scored_readings": block(map(_reading, range(1501))), "alarms": block([_transition()])})


def test_the_scoreboard_counts_one_false_alarm_in_90000_seconds_as_0_04_an_hour(lake):
    (row,) = lake.ask("SELECT * FROM detector_scoreboard")
    assert row["normal_hours"] == pytest.approx(90_001 / 3600)
    assert row["normal_hours_in_alarm"] == pytest.approx(1380 / 3600)
    assert row["false_alarms"] == 1
    assert row["false_alarms_per_hour"] == pytest.approx(0.04, rel=1e-4)
    (total,) = lake.named("scoreboard")
    assert total["false_alarms_per_hour"] == pytest.approx(0.04, rel=1e-4)


def test_percentages_are_not_rounded_by_a_decimals_scale(lake):
    (day,) = [row for row in lake.named("anomalies_by_well_and_day") if row["anomalies"]]
    assert day["anomalies_pct"] == 0.07
    (normal,) = lake.named("confusion_by_class")
    assert normal["flagged_pct"] == 0.07
