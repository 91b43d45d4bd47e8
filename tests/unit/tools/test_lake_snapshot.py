import json
from types import SimpleNamespace

from petrostream.schema import TABLES, schema
from tools import lake_snapshot


def _lake(rows, monkeypatch):
    columns = ("event_id", "pressure", "scored_at", "kinesis_sequence")
    monkeypatch.setattr(lake_snapshot, "VIEWS", {"well_data": ("event_id",)})
    monkeypatch.setattr(lake_snapshot, "query", lambda _: SimpleNamespace(columns=columns, rows=rows))


def test_two_runs_that_land_the_same_rows_leave_the_same_bytes(tmp_path, monkeypatch):
    for run in ("before", "after"):
        _lake([("a", 2.1e7, f"scored {run}", f"sequence {run}")], monkeypatch)
        lake_snapshot.main(tmp_path / run)
    before, after = (tmp_path / run / "well_data.jsonl" for run in ("before", "after"))
    assert before.read_bytes() == after.read_bytes()
    assert json.loads(before.read_text()) == {"event_id": "a", "pressure": 2.1e7}


def test_the_last_digit_of_a_value_makes_a_difference(tmp_path, monkeypatch):
    contents = []
    for value in (0.1 + 0.2, 0.3):
        _lake([("a", value, None, None)], monkeypatch)
        lake_snapshot.main(tmp_path / str(value))
        contents.append((tmp_path / str(value) / "well_data.jsonl").read_bytes())
    assert contents[0] != contents[1]


def test_columns_left_out_exist():
    assert lake_snapshot.OF_THE_RUN - {"date"} <= {name for table in TABLES for name in schema(table).names}
