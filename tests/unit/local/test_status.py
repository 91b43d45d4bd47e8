"""The state of a running twin, for people and programs."""

import json
from datetime import datetime
from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError
from typer.testing import CliRunner

from local import cli, lifecycle, status
from ops.outcome import ReadingCounts


@pytest.fixture
def up(monkeypatch, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "data").write_bytes(b"x" * 2_000_000)
    monkeypatch.setenv("PETROSTREAM_HOME", str(home))
    monkeypatch.setenv("PETROSTREAM_PORT", "4599")
    monkeypatch.setattr(lifecycle, "health", lambda target: {"home": str(target.home), "pid": 77})
    monkeypatch.setattr(cli, "point_at_twin", lambda **_: None)
    monkeypatch.setattr(status.deployment, "states", lambda target: {"PetroStreamLake": None})
    monkeypatch.setattr(status, "client", lambda service: service)
    monkeypatch.setattr(status, "objects_under_errors", lambda firehose, s3: 3)
    rows = [
        {
            "well_id": "WELL-00011\x1b[2J",
            "gauge": "p_tpt",
            "likely_unit": "kPa/psi",
            "readings": 1234,
            "first_ts": datetime(2026, 11, 27, 9, tzinfo=None),
            "last_ts": datetime(2026, 11, 27, 10, tzinfo=None),
        }
    ]
    monkeypatch.setattr(status, "run_sql", lambda sql: SimpleNamespace(dicts=lambda: rows * 12))
    monkeypatch.setattr(status, "outcome_of_lake", lambda ask, objects: ReadingCounts(90, 1, 2, 4, objects))


def run(*arguments):
    return CliRunner().invoke(cli.app, list(arguments))


def test_status_counts_what_needs_a_look_and_says_what_lists_it(up):
    output = run("status").output
    assert "Data" in output and "(2.0 MB)" in output  # noqa: PT018
    assert "PetroStreamLake: not deployed" in output
    assert "Readings   landed        90" in output
    assert "Readings   late          1   python -m local sql --file sql/queries/late_readings.sql" in output
    assert "Readings   undelivered   3 objects of all runs   python -m ops redeliver" in output


def test_status_names_gauges_in_another_unit_and_the_key_to_set(up):
    lines = [line for line in run("status").output.splitlines() if line.startswith("Units")]
    assert len(lines) == 11
    assert lines[0] == (
        r"Units      WELL-00011\x1b[2J: p_tpt looks like kPa/psi in 1,234 readings, last at "
        r"2026-11-27T10:00:00Z; set wells.WELL-00011\x1b[2J.units.p_tpt in the producer's fleet file"
    )
    assert lines[-1] == (
        "Units      and 2 more gauges   python -m local sql --file sql/queries/wrong_units.sql"
    )
    assert json.loads(run("status", "--json").output)["units"][0]["last_ts"] == "2026-11-27T10:00:00Z"


def test_status_for_programs(up):
    known = json.loads(run("status", "--json").output)
    assert known["process"] == 77
    assert known["readings"] == {"landed": 90, "late": 1, "unscored": 2, "quarantined": 4, "objects": 3}


def test_a_lake_that_is_not_deployed_has_no_counts(up, monkeypatch):
    def refuse(*_):
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:4599")

    monkeypatch.setattr(status, "objects_under_errors", refuse)
    assert "not counted" in run("status").output
    assert json.loads(run("status", "--json").output)["readings"] is None
