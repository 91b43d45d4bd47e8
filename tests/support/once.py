"""What is slow to make and the same for all: made once for a run, by the process that needs it first."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from toolchain.locks import alone


def shared(factory: pytest.TempPathFactory) -> Path:
    """The folder that all processes of this run share."""
    own = factory.getbasetemp()
    return own.parent if own.name.startswith("popen-") else own


def once(folder: Path, make: Callable[[Path], object]) -> Path:
    """`folder`, filled by `make` unless that has been done in this run.

    Another process that needs it meanwhile waits. What a failed attempt left is removed before the next.
    """
    lock, done = (folder.with_name(f"{folder.name}.{what}") for what in ("lock", "done"))
    with alone(lock):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder
