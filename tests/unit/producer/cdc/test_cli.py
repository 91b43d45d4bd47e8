"""The command on CSV files and SQLite: what is sent, what is said, how it stops."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from petrostream.readings import validate_block
from producer.cdc import start
from producer.cdc.cli import app
from producer.cdc.credentials import URL
from tests.support.fake_kinesis import FakeKinesis
from tests.support.paths import ROOT

COLUMNS = '[columns]\nwell_id = "well"\nts = "measured_at"\np_pdg = "pressure"\n'
SQL_MAP = f'[source]\nkind = "sqlalchemy"\ntable = "readings"\n{COLUMNS}'
CSV_MAP = f'[source]\nkind = "csv"\nfile = "export.csv"\n{COLUMNS}'
HEADER = "id,updated_at,well,measured_at,pressure\n"
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def stream(monkeypatch, tmp_path):
    fake = FakeKinesis()
    monkeypatch.setattr(start, "client", lambda _: fake)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("PETROSTREAM_HOME", str(tmp_path / "home"))
    for name in (*os.environ,):
        if name.startswith(("PG", "PETROSTREAM_CDC")):
            monkeypatch.delenv(name)
    return fake


@pytest.fixture
def database(tmp_path, monkeypatch):
    path = tmp_path / "historian.db"
    monkeypatch.setenv(URL, f"sqlite:///{path}")
    (tmp_path / "map.toml").write_text(SQL_MAP)
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE readings (id INTEGER PRIMARY KEY, updated_at DATETIME, well TEXT, measured_at "
            "DATETIME, "
            "pressure REAL)"
        )
    return path


def insert(database, *rows):
    """Rows by minutes: of the update, and of the measurement."""
    with sqlite3.connect(database) as connection:
        for updated, measured in rows:
            texts = [
                (NOW + timedelta(minutes=one)).strftime("%Y-%m-%d %H:%M:%S") for one in (updated, measured)
            ]
            connection.execute(
                "INSERT INTO readings (updated_at, well, measured_at, pressure) VALUES (?, 'WELL-00001', ?, "
                "2e7)",
                texts,
            )


def run(tmp_path, *options):
    return CliRunner().invoke(app, ["--map", str(tmp_path / "map.toml"), *options])


def events(stream):
    now_ms = int(time.time() * 1000)
    found = [
        validate_block(data, sequence="1", now_ms=now_ms, partition_key=key) for key, data in stream.records
    ]
    return [one for block in found for one in block.readings.event_id]


def saved(tmp_path, name="default"):
    return json.loads((tmp_path / "home" / f"cdc-{name}.json").read_text())


def test_once_sends_what_is_there_and_the_next_run_what_is_new_or_late(stream, database, tmp_path):
    insert(database, *((-n, -100 - n) for n in range(30, 0, -1)))
    result = run(tmp_path, "--once", "--batch", "7")
    assert result.exit_code == 0, result.output
    assert len(events(stream)) == 30
    assert saved(tmp_path)["mark"].endswith("|30")
    assert "30 rows sent" in result.output
    # One appears five minutes behind the mark, one eleven: within the look-back, and beyond it.
    insert(database, (-6, -200), (-12, -201), (0, -202))
    stream.records.clear()
    result = run(tmp_path, "--once")
    assert len(set(events(stream))) == 2 + 10  # a new process does not remember what was sent
    assert saved(tmp_path)["rows"] == 42


def test_since_leaves_out_what_was_there(stream, database, tmp_path):
    insert(database, (-20, -100), (-10, -99), (-1, -98))
    since = (NOW - timedelta(minutes=10)).isoformat()
    assert run(tmp_path, "--once", "--since", since).exit_code == 0
    assert len(events(stream)) == 1
    assert run(tmp_path, "--once").exit_code == 0
    assert len(set(events(stream))) == 1


def test_a_csv_file_may_grow(stream, tmp_path):
    (tmp_path / "map.toml").write_text(CSV_MAP)
    file = tmp_path / "export.csv"
    rows = [
        f"{n},{(NOW - timedelta(seconds=60 - n)).isoformat()},WELL-00002,2026-11-20 09:00:{n:02d},2.1e7\n"
        for n in range(1, 21)
    ]
    file.write_text(HEADER + "".join(rows[:9]) + rows[9][:25])
    assert run(tmp_path, "--once").exit_code == 0
    assert len(events(stream)) == 9
    file.write_text(HEADER + "".join(rows))
    assert run(tmp_path, "--once", "--batch", "3").exit_code == 0
    assert len(set(events(stream))) == 20


def test_a_last_line_without_line_feed_counts_when_the_file_is_still(stream, tmp_path):
    (tmp_path / "map.toml").write_text(CSV_MAP)
    file = tmp_path / "export.csv"
    file.write_text(
        HEADER
        + "1,2026-11-20 10:00,WELL-00002,2026-11-20 09:00,2e7\n"
        + "2,2026-11-20 10:00,WELL-00002,2026-11-20 09:01,2e7"
    )
    os.utime(file, (time.time() - 60,) * 2)
    assert run(tmp_path, "--once").exit_code == 0
    assert len(events(stream)) == 2


def test_bad_cells_of_a_csv_file_are_sent_for_the_quarantine(stream, tmp_path):
    (tmp_path / "map.toml").write_text(CSV_MAP)
    (tmp_path / "export.csv").write_text(
        HEADER
        + "10,2026-11-20 10:00,WELL-00002,2026-11-20 09:00,abc\n9,2026-11-20 10:00,,2026-11-20 09:01,2e7\n"
        + "7,no time,WELL-00002,2026-11-20 09:02,2e7\n,2026-11-20 10:01,WELL-00002,2026-11-20 09:03\n"
    )
    result = run(tmp_path, "--once")
    assert result.exit_code == 0, result.output
    lines = [json.loads(line) for _, data in stream.records for line in data.splitlines()]
    assert len(lines) == 4
    assert len(events(stream)) == 2
    assert "id 10: pressure = 'abc' (no p_pdg)" in result.output
    assert "2 for the quarantine" in result.output


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("DROP TABLE readings", "there is no table readings in this database"),
        (
            "ALTER TABLE readings RENAME pressure TO pressure_pa",
            "no column 'pressure', .* p_pdg; did you mean pressure_pa",
        ),
        ("ALTER TABLE readings RENAME updated_at TO changed_at", "no column 'updated_at'"),
    ],
)
def test_a_table_that_is_not_as_the_map_says_is_named(stream, database, tmp_path, change, problem):
    with sqlite3.connect(database) as connection:
        connection.execute(change)
    result = run(tmp_path, "--once")
    assert result.exit_code == 1
    assert re.search(problem, result.output)
    assert not stream.records


def test_a_dry_run_shows_the_next_rows_and_sends_nothing(stream, database, tmp_path):
    insert(database, (-2, -100), (-1, -99))
    result = run(tmp_path, "--dry-run")
    assert result.exit_code == 0
    assert '"well_id":"WELL-00001"' in result.output
    assert "2 rows from the beginning and no more; nothing was sent" in result.output
    assert not stream.records
    assert not (tmp_path / "home").exists()


def test_a_password_is_in_no_message(stream, tmp_path, monkeypatch):
    (tmp_path / "map.toml").write_text(SQL_MAP)
    for url in (
        "nonsense://reader:hush@db/plant",
        "mssql+pyodbc://reader:hush@db:port/plant",
        "postgresql+psycopg://r:hush@127.0.0.1:1/x",
    ):
        monkeypatch.setenv(URL, url)
        result = run(tmp_path, "--dry-run")
        assert result.exit_code == 1
        assert "hush" not in result.output


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--since", "yesterday"], "--since is 'yesterday'; expected a time with zone"),
        (["--since", "2026-11-20T00:00:00"], "a time with zone"),
        (["--interval", "soon"], "--interval is 'soon'"),
        (["--name", "../x"], "--name is"),
        (["--batch", "0"], "--batch"),
    ],
)
def test_unusable_options_end_with_2(stream, database, tmp_path, options, problem):
    result = run(tmp_path, *options)
    assert result.exit_code == 2
    assert problem in " ".join(result.output.replace("│", " ").split())


def test_a_state_of_another_table_is_refused(stream, database, tmp_path):
    insert(database, (-1, -99))
    assert run(tmp_path, "--once").exit_code == 0
    (tmp_path / "map.toml").write_text(SQL_MAP.replace("[columns]", 'id = "well"\n[columns]'))
    result = run(tmp_path, "--once")
    assert result.exit_code == 1
    assert "belongs to table 'sqlalchemy readings by updated_at, id'" in result.output


def test_the_stream_refuses_and_the_state_stays(stream, database, tmp_path):
    insert(database, (-1, -99))
    stream.exists = False
    result = run(tmp_path, "--once")
    assert result.exit_code == 1
    assert "there is no stream" in result.output
    assert not (tmp_path / "home" / "cdc-default.json").exists()


def test_sigterm_ends_a_poll_with_143_and_its_state_saved(tmp_path):
    (tmp_path / "map.toml").write_text(CSV_MAP)
    (tmp_path / "export.csv").write_text(HEADER)
    program = (
        "import sys; from producer.cdc import start; from tests.support.fake_kinesis import FakeKinesis; "
        "start.client = lambda _: FakeKinesis(); from producer.cdc.cli import app; from toolchain import "
        "commands; "
        "commands.run(app)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, "--map", str(tmp_path / "map.toml"), "--interval", "1h"],
        cwd=ROOT,
        env={
            **os.environ,
            "PETROSTREAM_HOME": str(tmp_path / "home"),
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    state = tmp_path / "home" / "cdc-default.json"
    end = time.monotonic() + 60
    while not state.exists() and time.monotonic() < end:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM
    assert "Stopped: 0 rows sent" in output
    assert Path(state).exists()
