"""The poll of a table, on a real PostgreSQL: late commits, kills, clocks, columns, types, TLS."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import psycopg
import pytest
from rich.console import Console

from petrostream.aws.kinesis import KinesisWriter, RetryLimits
from petrostream.readings import validate_block
from producer.cdc import credentials
from producer.cdc.display import PollDisplay
from producer.cdc.errors import ColumnMissing, ColumnUnsuitable, SourceGone, SourceInvalid
from producer.cdc.keys import RowKey
from producer.cdc.mapping import read_map
from producer.cdc.notes import notes_of
from producer.cdc.poll import Poller, Position, Written
from producer.cdc.postgres import PostgresTable
from producer.cdc.run import Patience, Polling
from producer.cdc.sink import StreamSink
from producer.cdc.sqltable import SqlTable
from producer.cdc.start import converter_of
from tests.support.fake_kinesis import FakeKinesis
from tests.support.paths import ROOT
from tests.support.postgres import needs_postgres, postgres

pytestmark = needs_postgres

MAP = """
[source]
table = "{table}"
{source}
[columns]
well_id = "well"
ts = "measured_at"
p_pdg = "pressure"
t_tpt = "temperature"
class = "label"
{columns}
[poll]
look_back = "10m"
"""
COLUMNS = (
    "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, well text, measured_at timestamptz, "
    "pressure numeric, temperature double precision, label smallint"
)
NOW = datetime.now(UTC).replace(microsecond=0)
names = count(1)


@pytest.fixture(scope="module")
def server():
    with postgres() as found:
        yield found


@dataclass
class Historian:
    """A table and the poll of it."""

    server: object
    name: str
    folder: Path
    kinesis: FakeKinesis = field(default_factory=FakeKinesis)
    position: Position = field(default_factory=Position)
    output: io.StringIO = field(default_factory=io.StringIO)
    source: str = ""
    columns: str = ""
    user: str = ""
    written: int = 0
    retries: RetryLimits = field(default_factory=lambda: RetryLimits(limit_s=30.0, base_s=0.05, cap_s=0.3))

    def sql(self, text, *values):
        with self.server.connect(autocommit=True) as connection:
            return connection.execute(text.replace("TABLE_", self.name), values)

    def insert(self, connection=None, well="WELL-00001", at="now()", **values):
        """A row, in a transaction of its own or that of a connection."""
        self.written += 1
        row = {
            "well": well,
            "measured_at": NOW - timedelta(hours=12) + timedelta(seconds=self.written),
            **values,
        }
        text = (
            f"INSERT INTO {self.name} ({', '.join(row)}, updated_at) "
            f"VALUES ({', '.join(['%s'] * len(row))}, {at})"
        )
        if connection is None:
            with self.server.connect(autocommit=True) as own:
                own.execute(text, list(row.values()))
        else:
            connection.execute(text, list(row.values()))

    @property
    def mapping(self):
        path = self.folder / "map.toml"
        path.write_text(MAP.format(table=self.name, source=self.source, columns=self.columns))
        return read_map(path)

    def table(self):
        parameters = psycopg.conninfo.conninfo_to_dict(self.server.dsn) | (
            {"user": self.user} if self.user else {}
        )
        return PostgresTable(self.mapping, lambda: parameters)

    def polling(self, table, limit=100, **options):
        converter = converter_of(self.mapping, None)
        display = PollDisplay(Console(file=self.output, width=500), converter)
        polling = Polling(
            poller=Poller(table, self.position, timedelta(seconds=self.mapping.look_back_s), limit),
            converter=converter,
            sink=StreamSink(KinesisWriter("stream", self.kinesis), 50_000, lambda: False, lambda _: None),
            save=lambda _: setattr(self, "position", polling.poller.position),
            patience=Patience("PostgreSQL", display.say, lambda: False, self.retries),
            interval_s=0.2,
            once=True,
            stopped=lambda: False,
            display=display,
        )
        for name, value in options.items():
            setattr(polling, name, value)
        return polling

    def poll(self, **options):
        """Poll once, as a process that is started for it."""
        table = self.table()
        try:
            polling = self.polling(table, **options)
            polling.run()
        finally:
            table.close()
        return polling

    @property
    def lines(self):
        return [json.loads(line) for _, data in self.kinesis.records for line in data.splitlines()]

    @property
    def readings(self):
        """What the stream has, as scoring sees it: event id by well and time."""
        found = [
            validate_block(data, sequence="1", now_ms=int(time.time() * 1000), partition_key=key)
            for key, data in self.kinesis.records
        ]
        return Counter(one for block in found for one in block.readings.event_id)

    @property
    def rejected(self):
        found = [
            validate_block(data, sequence="1", now_ms=int(time.time() * 1000), partition_key=key)
            for key, data in self.kinesis.records
        ]
        return [one.reasons for block in found for one in block.rejected]


@pytest.fixture
def historian(server, tmp_path):
    return make(server, tmp_path)


def make(server, folder, stamp="timestamptz", columns=COLUMNS, kind=Historian, **options):
    found = kind(server, f"readings_{next(names)}", folder, **options)
    found.sql(f"CREATE TABLE TABLE_ ({columns}, updated_at {stamp} DEFAULT now())")
    found.sql("CREATE INDEX ON TABLE_ (updated_at, id)")
    return found


def test_rows_arrive_once_and_updated_ones_again(historian):
    for _ in range(250):
        historian.insert(pressure=21_000_000, temperature=110.2, label=0)
    historian.poll()
    historian.poll()
    assert historian.readings.total() == len(historian.readings) == 250
    assert historian.lines[0]["p_pdg"] == 21_000_000.0
    assert historian.lines[0]["class"] == 0
    assert historian.lines[0]["source"] == f"cdc/{historian.name}"
    historian.sql("UPDATE TABLE_ SET pressure = 2.2e7, updated_at = now() WHERE id <= 3")
    historian.poll()
    # The same well, source and time: the same identity.
    assert historian.readings.total() == 253
    assert len(historian.readings) == 250


def test_a_late_commit_is_found_behind_the_mark(historian):
    with historian.server.connect() as slow:
        historian.insert(slow)
        with slow.transaction():  # a savepoint: its rows have a number of their own
            historian.insert(slow)
        time.sleep(0.02)
        historian.insert()
        historian.poll()
        assert len(historian.readings) == 1
        mark = historian.position.mark
        historian.insert()
        historian.poll()
        assert len(historian.readings) == 2
        assert historian.position.mark.at > mark.at
        slow.commit()
    polling = historian.poll()
    assert polling.counts.late >= 2
    assert len(historian.readings) == historian.written == 4


def test_a_transaction_that_waits_before_it_writes_is_found_too(historian):
    """Its rows have the time at which it began, and it has no number until it writes."""
    with historian.server.connect() as slow:
        began = slow.execute("SELECT now()").fetchone()[0]
        historian.insert()
        historian.poll()
        # As if the look-back were over: the statistics say when the transaction began.
        assert historian.position.settled is not None
        assert historian.position.settled <= began
        historian.insert(slow)
        slow.commit()
    historian.poll()
    assert len(historian.readings) == 2


def test_without_numbers_a_late_commit_would_be_missed(historian):
    """What the look behind the mark is for: keyset polling alone does not see the row."""
    with historian.server.connect() as slow:
        historian.insert(slow)
        time.sleep(0.02)
        historian.insert()
        historian.poll()
        slow.commit()
    naive = historian.table()
    with naive.view() as view:
        assert view.rows(historian.position.mark, None, 10, Written()) == []
    naive.close()
    historian.poll()
    assert len(historian.readings) == 2


def test_the_database_is_killed_and_comes_back(server, tmp_path):
    historian = make(server, tmp_path)
    for _ in range(30):
        historian.insert()
    stop = threading.Event()
    table = historian.table()
    polling = historian.polling(table, limit=7, once=False, stopped=stop.is_set)
    runner = threading.Thread(target=polling.run)
    runner.start()
    try:
        wait_for(lambda: len(historian.readings) == 30)
        server.kill()
        wait_for(lambda: "Next attempt" in historian.output.getvalue())
        server.start()
        for _ in range(5):
            historian.insert()
        wait_for(lambda: len(historian.readings) == 35)
    finally:
        stop.set()
        runner.join(30)
        table.close()
    assert historian.readings.total() == 35


def test_a_database_that_stays_away_ends_the_run_with_what_to_do(tmp_path):
    class Nowhere:
        dsn = f"postgresql://nobody@/nothing?host={tmp_path}"

    historian = Historian(
        Nowhere(), "readings", tmp_path, retries=RetryLimits(limit_s=0.3, base_s=0.1, cap_s=0.1)
    )
    with pytest.raises(SourceGone, match="run the same command again"):
        historian.poll()


def test_the_clock_of_the_server_may_step_back(historian):
    """Rows have times of an hour before the mark, within the look-back of when they are written."""
    historian.insert(at="now() + interval '1 hour'")
    historian.poll()
    for minutes in range(9):
        historian.insert(at=f"now() - interval '{minutes} minutes'")
    historian.poll()
    assert len(historian.readings) == historian.written == 10


def test_a_renamed_column_is_named_at_the_start_and_in_the_middle(historian):
    historian.insert()
    historian.poll()
    table = historian.table()
    with table.view():
        pass
    historian.sql("ALTER TABLE TABLE_ RENAME pressure TO pressure_pa")
    for one in (table, historian.table()):
        with pytest.raises(
            ColumnMissing, match=r"no column 'pressure'.* p_pdg; did you mean pressure_pa"
        ) as caught:
            historian.polling(one).run()
        assert historian.name in str(caught.value)
        one.close()
    historian.sql("ALTER TABLE TABLE_ RENAME pressure_pa TO pressure")
    historian.insert()
    historian.poll()
    assert len(historian.readings) == 2


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("jsonb", "jsonb"), ("interval", "interval"), ("double precision[]", r"double precision\[\]")],
)
def test_a_column_of_an_unsuitable_type_is_named(historian, kind, expected):
    historian.sql(f"ALTER TABLE TABLE_ ADD payload {kind}")
    historian.columns = 'p_tpt = "payload"'
    with pytest.raises(ColumnUnsuitable, match=f"column payload is {expected}, which can't become p_tpt"):
        historian.poll()


def test_nulls_and_bad_values_are_kept_with_their_reasons(historian):
    historian.sql("ALTER TABLE TABLE_ ALTER temperature TYPE text")
    historian.insert(pressure=None)
    historian.insert(well=None)
    historian.insert(measured_at=None)
    historian.insert(measured_at="infinity")
    historian.insert(pressure="NaN")
    historian.insert(pressure="Infinity")
    historian.insert(temperature="110,2")
    historian.insert(temperature=" 110.2 ")
    historian.poll()
    assert len(historian.lines) == historian.written == 8
    assert sorted(historian.rejected) == [
        ("missing:ts",),
        ("missing:well_id",),
        ("unparsable_time:ts",),
        ("wrong_type:t_tpt",),
    ]
    assert len(historian.readings) == 4
    said = historian.output.getvalue()
    assert f"{historian.name}, id 7: temperature = '110,2' (no t_tpt)" in said
    assert f"{historian.name}, id 2: well = None (no well_id)" in said
    assert [line["t_tpt"] for line in historian.lines if line.get("t_tpt") == 110.2] == [110.2]


def test_rows_without_a_time_of_update_are_named(historian):
    historian.insert(at="NULL")
    historian.insert(at="'infinity'")
    historian.insert()
    table = historian.table()
    polling = historian.polling(table)
    polling.run()
    notes = list(notes_of(table, {}, []))
    table.close()
    assert len(historian.readings) == 1
    assert any("they are never read" in note for note in notes)
    assert not any("No index" in note for note in notes)


def test_a_missing_index_is_named(historian):
    historian.sql("DROP INDEX TABLE__updated_at_id_idx".replace("TABLE_", historian.name))
    table = historian.table()
    with table.view():
        pass
    notes = list(notes_of(table, {}, []))
    table.close()
    assert any("CREATE INDEX CONCURRENTLY" in note for note in notes)


@pytest.mark.parametrize("session", ["UTC", "America/Sao_Paulo", "Asia/Kolkata"])
def test_times_with_a_zone_do_not_depend_on_anybodys_settings(historian, session):
    with historian.server.connect(autocommit=True) as connection:
        connection.execute("SELECT set_config('timezone', %s, false)", [session])
        historian.insert(connection, measured_at=datetime(2026, 11, 20, 9, tzinfo=UTC))
    historian.poll()
    assert historian.lines[0]["ts"] == "2026-11-20T09:00:00.000Z"


def test_times_without_a_zone_are_in_the_zone_of_the_map(server, tmp_path):
    columns = COLUMNS.replace("measured_at timestamptz", "measured_at timestamp")
    historian = make(
        server, tmp_path, stamp="timestamp", columns=columns, source='time_zone = "America/Sao_Paulo"'
    )
    local = "now() AT TIME ZONE 'America/Sao_Paulo'"
    historian.insert(measured_at=datetime(2026, 7, 1, 6, 30), at=local)
    historian.poll()
    assert historian.lines[0]["ts"] == "2026-07-01T09:30:00.000Z"
    assert historian.position.mark.at.tzinfo is None
    with historian.server.connect() as slow:
        slow.execute(
            f"INSERT INTO {historian.name} (well, measured_at, updated_at) VALUES ('W', '2026-07-01', "
            f"{local})"
        )
        historian.insert(at=local)
        historian.poll()
        slow.commit()
    historian.insert(at=f"{local} - interval '5 minutes'")
    historian.poll()
    assert len(historian.readings) == 4


def test_numbers_of_one_moment_are_read_in_the_order_of_numbers(historian):
    """As text, 10 comes before 9: a batch that ends in between would leave 9 behind for ever."""
    with historian.server.connect() as one:
        for _ in range(123):
            historian.insert(one)
    historian.poll(limit=7)
    assert historian.readings.total() == len(historian.readings) == 123


def test_other_ids_than_numbers_order_rows_too(server, tmp_path):
    for kind, value in (
        ("uuid", "gen_random_uuid()"),
        ("text", "md5(random()::text)"),
        ("char(8)", "left(md5(random()::text), 8)"),
    ):
        columns = COLUMNS.replace("bigint GENERATED ALWAYS AS IDENTITY", f"{kind} DEFAULT {value}")
        historian = make(server, tmp_path, columns=columns)
        with historian.server.connect() as one:
            for _ in range(40):
                historian.insert(one)
        historian.poll(limit=7)
        assert historian.readings.total() == len(historian.readings) == 40


def test_partitions_are_read_and_views_are_refused_with_advice(server, tmp_path):
    historian = make(server, tmp_path)
    historian.sql("DROP TABLE TABLE_")
    historian.sql(
        f"CREATE TABLE TABLE_ ({COLUMNS.replace('PRIMARY KEY', '')}, updated_at timestamptz) PARTITION BY "
        "RANGE (updated_at)"
    )
    historian.sql("CREATE TABLE TABLE__all PARTITION OF TABLE_ DEFAULT")
    historian.insert()
    historian.poll()
    assert len(historian.readings) == 1
    historian.sql("CREATE VIEW TABLE__view AS SELECT * FROM TABLE_")
    with pytest.raises(SourceInvalid, match='kind = "sqlalchemy"'):
        replace(historian, name=f"{historian.name}_view").poll()


def test_a_role_that_may_only_read_the_table_is_enough(historian):
    role = f"reader_{historian.name}"
    historian.sql(f"CREATE ROLE {role} LOGIN")
    historian.insert()
    historian.user = role
    with pytest.raises(SourceInvalid, match=r"GRANT|permission denied"):
        historian.poll()
    historian.sql(f"GRANT SELECT ON TABLE_ TO {role}")
    with historian.server.connect() as slow:
        historian.insert(slow)
        historian.insert()
        historian.poll()
        slow.commit()
    historian.poll()
    assert len(historian.readings) == 3


def test_numbers_of_transactions_wrap_around(historian):
    """A row's 32 bits are completed from the snapshot's 64."""
    historian.insert()
    table = historian.table()
    with table.view() as view:
        later = replace(view, horizon=replace(view.horizon, high=view.horizon.high + 3 * 2**32))
        (row,) = view.rows(start(), None, 10, Written())
        (wrapped,) = later.rows(start(), None, 10, Written())
        before = replace(view, horizon=replace(view.horizon, high=row.xid % 2**32 - 1 + 2**32))
        (of_last_round,) = before.rows(start(), None, 10, Written())
    table.close()
    assert row.xid < view.horizon.high
    assert wrapped.xid == row.xid + 3 * 2**32
    assert of_last_round.xid == row.xid


def start():
    return RowKey(datetime(2000, 1, 1, tzinfo=UTC))


def wait_for(ready, seconds=30.0):
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_a_poller_that_is_killed_goes_on_where_its_state_is(historian, tmp_path):
    """The real command, killed between what the stream has accepted and what the state file says."""
    log = tmp_path / "stream.ndjson"
    program = (
        "import sys; from producer.cdc import start; from tests.support.fake_kinesis import FakeKinesis; "
        f"log = open({str(log)!r}, 'ab', buffering=0); "
        "fake = FakeKinesis(on_store=lambda key, data: log.write(data)); start.client = lambda _: fake; "
        "from producer.cdc.cli import app; from toolchain import commands; commands.run(app)"
    )
    assert historian.mapping.path.exists()
    environment = os.environ | {
        credentials.URL: historian.server.dsn,
        "PETROSTREAM_HOME": str(tmp_path / "home"),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    }

    def begin():
        command = [sys.executable, "-c", program, "--map", str(historian.mapping.path), "--batch", "20"]
        return subprocess.Popen([*command, "--interval", "1"], cwd=ROOT, env=environment)

    def arrived():
        lines = log.read_bytes().splitlines() if log.exists() else []
        return Counter((one["well_id"], one["ts"]) for one in map(json.loads, lines))

    with historian.server.connect() as slow:
        historian.insert(slow)
        for round_ in range(1, 4):
            process = begin()
            for _ in range(50):
                historian.insert()
            wait_for(lambda wanted=20 * round_: len(arrived()) > wanted, 60)
            process.send_signal(signal.SIGKILL)
            process.wait()
        slow.commit()
    process = begin()
    wait_for(lambda: len(arrived()) == historian.written, 60)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 128 + signal.SIGTERM
    assert historian.written == 151


class ByLookBack(Historian):
    """Read through SQLAlchemy, as a view is."""

    view = "readings_wide"

    @property
    def mapping(self):
        path = self.folder / "map.toml"
        path.write_text(
            f'[source]\nkind = "sqlalchemy"\ntable = "{self.view}"\n[columns]\nwell_id = "well"\n'
            'ts = "measured_at"\np_pdg = "pdg_pressure"\nt_tpt = "tree_temperature"\n'
        )
        return read_map(path)

    def table(self):
        host = psycopg.conninfo.conninfo_to_dict(self.server.dsn)["host"]
        return SqlTable(self.mapping, lambda: f"postgresql+psycopg://postgres@/postgres?host={host}")


def test_the_guides_view_of_tags_is_read_and_late_commits_of_it_are_found(server, tmp_path):
    guide = (ROOT / "docs" / "guides" / "historian.md").read_text(encoding="utf-8")
    (view,) = [block for block in re.findall(r"```sql\n(.*?)```", guide, re.S) if "readings_wide" in block]
    with server.connect(autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE tag_values (well text, tag text, measured_at timestamptz, value double precision, "
            "updated_at timestamptz DEFAULT now())"
        )
        connection.execute(view)
    historian = ByLookBack(server, "tag_values", tmp_path)

    def write(connection, second):
        at = NOW - timedelta(hours=12) + timedelta(seconds=second)
        for tag, value in (("PDG.P", 2.1e7), ("TPT.T", 110.0)):
            connection.execute(
                "INSERT INTO tag_values (well, tag, measured_at, value) VALUES ('WELL-00001', %s, %s, %s)",
                [tag, at, value],
            )

    table = historian.table()
    polling = historian.polling(table, limit=3)
    with server.connect() as slow:
        write(slow, 0)
        time.sleep(0.02)
        for second in range(1, 9):
            with server.connect() as connection:
                write(connection, second)
        polling.run()
        assert len(historian.readings) == 8
        slow.commit()
    polling.run()
    table.close()
    assert historian.readings.total() == len(historian.readings) == 9
    assert {(line["p_pdg"], line["t_tpt"]) for line in historian.lines} == {(2.1e7, 110.0)}
