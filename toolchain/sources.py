"""The files that something is made from: all of some folders of the project, in order, and their digest."""

import hashlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from toolchain.paths import ROOT


def files(sources: Collection[str], skipped: Collection[str] = ()) -> Iterator[Path]:
    """Every file of the sources, in order.

    Args:
        sources: folders and files, relative to the repository.
        skipped: names of folders that are not entered: npm may be filling one of them.
    """
    for source in sources:
        path = ROOT / source
        if path.is_file():
            yield path
            continue
        found = []
        for folder, folders, names in os.walk(path):
            folders[:] = [name for name in folders if name not in skipped]
            found += [Path(folder, name) for name in names]
        yield from sorted(found)


def digest(sources: Collection[str], skipped: Collection[str] = ()) -> str:
    """SHA-256, in hexadecimal, of the names and the contents of `files`."""
    whole = hashlib.sha256()
    for path in files(sources, skipped):
        whole.update(f"{path.relative_to(ROOT)}\n".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()
