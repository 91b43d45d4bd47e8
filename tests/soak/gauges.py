"""What may grow: memory, open files and threads of every process, stored state, the twin's folder."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

import psutil

from petrostream.aws.clients import client
from petrostream.live import facility_key
from tests.support.lake import Lake

EMULATOR, SERVICE = "emulator", "service"
MEMORY, FILES, THREADS = "memory, MB", "open files", "threads"
STATE, LARGEST = "stored state, kB", "largest state item, kB"
MB = 1e6

_FUNCTION = re.compile(r"ministack-lambda-petrostream-(.+)-[^-/]+/_worker\.py")

Key = tuple[str, str]
"""Who is measured, and what."""


def sample(lake: Lake, table: str, facilities: Iterable[str]) -> Mapping[Key, float]:
    """Measure every process of the lake, and the snapshots of these facilities.

    Args:
        lake: a lake that is on.
        table: its live table.
        facilities: whose snapshots count.
    """
    found: dict[Key, float] = defaultdict(float)
    for who, process in _processes(lake):
        try:
            with process.oneshot():
                memory, threads = process.memory_info().rss, process.num_threads()
            files = process.num_fds()
        except psutil.NoSuchProcess:
            continue
        found[who, MEMORY] += memory / MB
        found[who, FILES] += files
        found[who, THREADS] += threads
    sizes = [_size(table, facility) / 1000 for facility in facilities]
    found["live table", STATE], found["live table", LARGEST] = sum(sizes), max(sizes, default=0.0)
    return dict(found)


def _processes(lake: Lake) -> Iterable[tuple[str, psutil.Process]]:
    emulator = psutil.Process(int(lake.twin.pid_file.read_text()))
    yield EMULATOR, emulator
    for child in emulator.children(recursive=True):
        try:
            function = _FUNCTION.search(" ".join(child.cmdline()))
        except psutil.NoSuchProcess:
            continue
        if function:
            yield f"function {function[1]}", child
    for task in lake.tasks:
        yield SERVICE, psutil.Process(task.pid)


def _size(table: str, facility: str) -> int:
    """Bytes of a facility's snapshot; 0 before the first."""
    item = client("dynamodb").get_item(TableName=table, Key=facility_key(facility)).get("Item", {})
    return sum(len(bytes(value["B"])) for value in item.values() if "B" in value)


def folder_mb(folder: Path) -> float:
    """Size of a folder's files in MB; files that go meanwhile do not count."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total / MB
