"""Which process listens on a loopback port, for the message when it is not the twin."""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from toolchain.run import probe
from toolchain.twin import HOST

_LISTEN = "0A"


def is_open(port: int) -> bool:
    """Whether something accepts connections on the loopback port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((HOST, port)) == 0


def owner(port: int) -> str | None:
    """The process that listens on the port, as `name (process 123)`; None if it is not visible.

    Another user's process is visible to the administrator only.
    """
    process = _owner_from_proc(port) if Path("/proc/net/tcp").exists() else _owner_from_lsof(port)
    return f"{_name(process)} (process {process})" if process else None


def _owner_from_proc(port: int) -> int | None:
    """Linux: match the listening socket's inode with the open files of every visible process."""
    sockets = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _inodes(table, port)}
    for folder in Path("/proc").glob("[0-9]*/fd"):
        if not sockets.isdisjoint(_open_files(folder)):
            return int(folder.parent.name)
    return None


def _open_files(folder: Path) -> Iterator[str]:
    """What a process has open, as far as this user may see it and it has not been closed meanwhile."""
    with suppress(OSError):
        for entry in folder.iterdir():
            with suppress(OSError):
                yield os.readlink(entry)  # noqa: PTH115


def _inodes(table: str, port: int) -> list[str]:
    try:
        lines = Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return []
    rows = [line.split() for line in lines]
    return [row[9] for row in rows if row[3] == _LISTEN and int(row[1].rpartition(":")[2], 16) == port]


def _owner_from_lsof(port: int) -> int | None:
    """MacOS and others."""
    command = shutil.which("lsof")
    if command is None:
        return None
    answer = probe([command, "-nP", "-t", f"-iTCP:{port}", "-sTCP:LISTEN"], seconds=10.0)
    first = (answer or "").split()
    return int(first[0]) if first else None


def _name(process: int) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text(encoding="utf-8").strip()
    except OSError:
        return "a program"
