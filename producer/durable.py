"""Files that survive a crash whole: a reader finds the old content or the new, never half of it."""

import os
from pathlib import Path


def write(path: Path, content: bytes) -> None:
    """Write a file atomically, and sync it and its folder to disk before returning.

    Raises:
        OSError: it can't be written (the disk is full); names it. It has its old content, or is not there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        # The part would keep space that is short, and the error of a write names no file.
        part.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the system supports it."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
