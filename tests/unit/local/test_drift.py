"""`petrostream drift`: the statement it asks, and that the twin understands it."""

from types import SimpleNamespace

import pytest

pytest.importorskip("duckdb")

from local import drift
from petrostream.lake.scored_readings import rows_to_blocks
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from tests.support.duck_lake import DuckLake
from tests.support.wells import FACILITY, START, WELL, models, normal_values, readings


def test_the_statement_keeps_the_wells_and_days_asked_for():
    rows = score_batch(
        FacilityState(FACILITY), readings(normal_values(120)), models(), scored_at_ms=START
    ).rows
    lake = DuckLake({"scored_readings": rows_to_blocks(rows)})

    assert lake.ask(drift.statement([], 1)) == []
    (day,) = lake.ask(drift.statement([WELL, "O'Hara"], 30_000))
    assert (day["well_id"], day["level_shift_sensor"] is not None) == (WELL, True)
    assert lake.ask(drift.statement(["WELL-00099"], 30_000)) == []


def test_the_table_is_printed(monkeypatch, capsys):
    answer = SimpleNamespace(rows=[("WELL-00001",)])

    def query(sql, max_rows):
        asked.append((sql, max_rows))
        return answer

    asked = []
    monkeypatch.setattr(drift.sql_client, "query", query)
    monkeypatch.setattr(drift.sql_client, "print_table", lambda result, console: print(result.rows))
    drift.main(wells=["WELL-00001"], days=7)

    assert "INTERVAL '7' DAY AND well_id IN ('WELL-00001')" in asked[0][0]
    assert "WELL-00001" in capsys.readouterr().out
