"""A historian under load: transactions that commit late, a poller that is killed, and what the lake has.

`python bench/cdc.py` runs it with a hundred thousand rows, tests/e2e/test_cdc.py with a slice of them.
"""

import json
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from petrostream.readings import event_id
from petrostream.times import parse_ms
from producer.cdc.credentials import URL
from producer.cdc.keys import RowKey
from tests.support.lake import Lake, wait_for
from tests.support.postgres import PostgresServer

TABLE = """
CREATE TABLE readings (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, site text NOT NULL, well text NOT NULL,
  measured_at timestamptz NOT NULL,
  pressure double precision, temperature numeric(6, 2), updated_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON readings (updated_at, id)
"""
SOURCE = "historian/e2e"
MAP = f"""
[source]
table = "readings"
name = "{SOURCE}"
[columns]
facility_id = "site"
well_id = "well"
ts = "measured_at"
p_pdg = "pressure"
t_tpt = "temperature"
"""
WELLS = tuple(f"CDC-{number:05d}" for number in range(1, 7))
SITES = ("CDC-A", "CDC-B")
"""Facilities of these wells alone: the lake has other tests' wells too."""
INSERT = (
    "INSERT INTO readings (site, well, measured_at, pressure, temperature, updated_at) "
    "VALUES (%s, %s, %s, %s, %s, {at})"
)


HOLD_AT_MOST_S = 60.0


@dataclass
class Outcome:
    """What a run came to.

    Attributes:
        rows: committed.
        landed, distinct: rows of `well_data`, and their different identities.
        missing, foreign: identities that are not there, or should not be.
        stored: rows of `scored_readings`: what the kills sent twice is there twice.
        behind_mark: committed rows whose time was behind the poller's mark when they became visible.
        longest_s: the longest transaction.
        rolled_back: rows that were written, and taken back.
        kills: of the poller.
        write_s, read_s, total_s: seconds of the writers, until the poller was done, and until all had landed.
    """

    rows: int = 0
    landed: int = 0
    distinct: int = 0
    missing: int = 0
    foreign: int = 0
    stored: int = 0
    behind_mark: int = 0
    longest_s: float = 0.0
    rolled_back: int = 0
    kills: int = 0
    write_s: float = 0.0
    read_s: float = 0.0
    total_s: float = 0.0

    @property
    def as_json(self) -> str:
        return json.dumps({name: round(value, 1) for name, value in asdict(self).items()})


@dataclass(frozen=True)
class Held:
    """An open transaction: when it began, by the server's clock and by this one, and how long it stays."""

    began: datetime
    since: float
    stays_s: float

    @classmethod
    def of(cls, connection: psycopg.Connection, stays_s: float) -> "Held":
        (began,) = connection.execute("SELECT now()").fetchone()
        return cls(began, time.monotonic(), stays_s)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.since

    def is_late(self, mark: datetime | None) -> bool:
        """Whether its rows will appear behind the mark; True as well when that takes too long."""
        passed = mark is not None and mark > self.began
        return self.seconds > HOLD_AT_MOST_S or (passed and self.seconds > self.stays_s)


@dataclass
class Historian:
    """The table, the map, and the state file of the poller.

    Attributes:
        server: has the table.
        lake: where the rows go.
        folder: for the map.
        kills: how often the poller is to be killed.
        batch: rows the poller reads at once.
        failed: whether the poller has failed, and nobody need wait for it.
    """

    server: PostgresServer
    lake: Lake
    folder: Path
    kills: int = 5
    batch: int = 1000
    failed: bool = False
    outcome: Outcome = field(default_factory=Outcome)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def map_file(self) -> Path:
        return self.folder / "historian.toml"

    @property
    def state_file(self) -> Path:
        return self.lake.twin.home / "cdc-e2e.json"

    def create(self) -> None:
        self.map_file.write_text(MAP)
        with self.server.connect(autocommit=True) as connection:
            connection.execute("DROP TABLE IF EXISTS readings")
            connection.execute(TABLE)

    def poller(self, *options: str) -> subprocess.Popen[str]:
        environment = {**self.lake.environment, URL: self.server.dsn}
        lake = Lake(self.lake.twin, environment)
        arguments = ("--map", str(self.map_file), "--name", "e2e", "--batch", str(self.batch), *options)
        return lake.start("-m", "producer.cdc", *arguments)

    def mark(self) -> datetime | None:
        """Time of the last row that the poller has sent and noted."""
        try:
            text = json.loads(self.state_file.read_text())["mark"]
        except FileNotFoundError:
            return None
        return None if text is None else RowKey.parse(text).at

    def write(self, writer: int, writers: int, rows: int, rng: random.Random, base: datetime) -> None:
        """Write every `writers`-th row, in transactions of many kinds; one in ten is held open for seconds,
        and until the poller's mark has passed it.

        A part of the rows is written after each kill, so that the poller dies at work.
        """
        mine = iter(range(writer, rows, writers))
        with self.server.connect() as connection, self.server.connect() as slow:
            left = True
            held: Held | None = None
            while left:
                self._wait_for_kills(mine.__length_hint__() * writers / rows)
                open_one = held is None and rng.random() < 0.1
                target = slow if open_one else connection
                left = self._transaction(target, mine, rng, base, writer * 1000)
                if open_one:
                    held = Held.of(slow, rng.uniform(1, 6))
                else:
                    self._commit(connection)
                while held is not None and not left and not held.is_late(self.mark()):
                    time.sleep(0.1)
                if held is not None and held.is_late(self.mark()):
                    self._note_held(held.seconds)
                    self._commit(slow)
                    held = None
                time.sleep(rng.uniform(0, 0.02))

    def _transaction(
        self,
        connection: psycopg.Connection,
        mine: Iterator[int],
        rng: random.Random,
        base: datetime,
        salt: int,
    ) -> bool:
        """Write some rows; returns whether any are left."""
        at = rng.choice(("now()", "now()", "clock_timestamp()"))
        count = rng.choice((1, 5, 50, 200))
        chosen = [number for _, number in zip(range(count), mine, strict=False)]
        rows = [
            (
                SITES[n % 2],
                WELLS[n % len(WELLS)],
                base + timedelta(seconds=n // len(WELLS)),
                2.1e7 + n % 977,
                110 + n % 7,
            )
            for n in chosen
        ]
        if rng.random() < 0.1:  # written and taken back: never to be seen
            with connection.transaction(force_rollback=True):
                ghost = base - timedelta(days=1, seconds=salt + rng.randrange(900))
                connection.execute(INSERT.format(at=at), (SITES[0], WELLS[0], ghost, 1e7, 1))
                with self._lock:
                    self.outcome.rolled_back += 1
        if rng.random() < 0.3:
            with connection.transaction():
                connection.cursor().executemany(INSERT.format(at=at), rows)
        else:
            connection.cursor().executemany(INSERT.format(at=at), rows)
        return len(chosen) == count

    def _commit(self, connection: psycopg.Connection) -> None:
        """Commit, and count the rows that appear behind the mark."""
        mark = self.mark()
        behind = 0
        if mark is not None:
            own = "xmin::text = pg_current_xact_id()::text"
            query = f"SELECT count(*) FROM readings WHERE updated_at <= %s AND {own}"
            (behind,) = connection.execute(query, [mark]).fetchone() or (0,)
        connection.commit()
        with self._lock:
            self.outcome.behind_mark += behind

    def _wait_for_kills(self, left: float) -> None:
        while 1 - left > (self.outcome.kills + 1) / (self.kills + 1) and not self.failed:
            time.sleep(0.05)

    def _note_held(self, seconds: float) -> None:
        with self._lock:
            self.outcome.longest_s = max(self.outcome.longest_s, seconds)

    def expected(self) -> set[str]:
        """Identities of all rows of the table."""
        with self.server.connect() as connection:
            rows = connection.execute("SELECT well, measured_at FROM readings").fetchall()
        return {event_id(well, SOURCE, parse_ms(at.isoformat())) for well, at in rows}


@contextmanager
def killed_and_restarted(historian: Historian, rng: random.Random, pause: float) -> Iterator[None]:
    """Poll meanwhile, with a process that is killed and started again; ends when all kills are done."""
    kills = historian.kills
    done = threading.Event()
    failures: list[str] = []

    def keep_polling() -> None:
        while not done.is_set():
            process = historian.poller("--interval", "1")
            before = historian.mark()
            try:
                # Kill it at work: once it has moved the mark, some moments later.
                wait_for(
                    lambda at=before: done.is_set() or historian.mark() != at, "the poller to send rows", 120
                )
                done.wait(rng.uniform(0.0, pause))
                if historian.outcome.kills < kills:
                    process.send_signal(signal.SIGKILL)
                    historian.outcome.kills += 1
                else:
                    done.wait()
                    process.send_signal(signal.SIGTERM)
            except AssertionError as error:
                process.kill()
                failures.append(f"{error}: {process.communicate()[0]}")
                historian.failed = True
                return
            output, _ = process.communicate(timeout=60)
            # A process that has hardly begun does not catch the last signal yet.
            if process.returncode not in (-signal.SIGKILL, 128 + signal.SIGTERM, -signal.SIGTERM):
                failures.append(f"exit code {process.returncode}: {output}")
                historian.failed = True
                return

    thread = threading.Thread(target=keep_polling)
    thread.start()
    try:
        yield
        wait_for(lambda: historian.outcome.kills >= kills or bool(failures), "all kills", 300)
    finally:
        done.set()
        thread.join(120)
    assert not failures, failures[0]


def run(
    server: PostgresServer,
    lake: Lake,
    folder: Path,
    *,
    rows: int,
    kills: int,
    writers: int = 3,
    seed: int = 7,
) -> Outcome:
    """Write rows by several writers while the poller is killed; returns what the lake has at the end."""
    historian = Historian(server, lake, folder, kills)
    historian.create()
    outcome, began = historian.outcome, time.monotonic()
    base = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=rows // len(WELLS) + 3600)
    threads = [
        threading.Thread(
            target=historian.write, args=(one, writers, rows, random.Random(seed * 100 + one), base)
        )
        for one in range(writers)
    ]
    with killed_and_restarted(historian, random.Random(seed), pause=2.0):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        outcome.write_s = time.monotonic() - began
    last = historian.poller("--once")
    output, _ = last.communicate(timeout=600)
    assert last.returncode == 0, output
    outcome.read_s = time.monotonic() - began
    expected = historian.expected()
    outcome.rows = len(expected)
    where = f"WHERE source = '{SOURCE}'"
    landed = f"SELECT COUNT(DISTINCT event_id) AS n FROM scored_readings {where}"
    wait_for(lambda: int(lake.value(landed)) >= outcome.rows, "every row to land", max(180.0, rows / 100))
    found = [row["event_id"] for row in lake.sql(f"SELECT event_id FROM well_data {where}")]
    outcome.total_s = time.monotonic() - began
    outcome.landed, outcome.distinct = len(found), len(set(found))
    outcome.missing, outcome.foreign = len(expected - set(found)), len(set(found) - expected)
    outcome.stored = int(lake.value(f"SELECT COUNT(*) AS n FROM scored_readings {where}"))
    return outcome


def environment_rows(default: int) -> int:
    """How many rows: CDC_ROWS, else the default."""
    return int(os.environ.get("CDC_ROWS", default))
