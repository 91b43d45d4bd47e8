"""Unpacks a dataset's archive, which is not trusted."""

import shutil
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from ml.data.fetch import DownloadError

MAX_UNPACKED_BYTES = 20 * 1024**3
"""More than ten times the dataset: an archive that unpacks to this is not the dataset."""


def unpack(archive: Path, folder: Path, progress: Callable[[int, int], object] = lambda _a, _b: None) -> int:
    """Unpacks a zip file so that its class folders are directly in `folder`, at whatever depth they were.

    Each file appears whole or not at all.

    Args:
        archive: the zip file.
        folder: where to; existing files of the same names are replaced.
        progress: called with the bytes unpacked so far and the total.

    Returns:
        How many files were written.

    Raises:
        DownloadError: it is not a zip file, a path points outside the folder, an entry is a link or damaged,
            or it would unpack to an absurd size or to more than the free space.
        OSError: a file can't be written.
    """
    try:
        with zipfile.ZipFile(archive) as bundle:
            members = [member for member in bundle.infolist() if not member.is_dir()]
            total = sum(member.file_size for member in members)
            for member in members:
                _check(archive, member)
            _check_room(archive, folder, total)
            root = _root([_path(member) for member in members])
            done = 0
            for member in members:
                path = _path(member)
                _write(
                    bundle, member, folder / (path.relative_to(root) if path.is_relative_to(root) else path)
                )
                done += member.file_size
                progress(done, total)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as error:
        raise DownloadError(
            f"{archive} is not a readable zip file ({error}); delete it and run again"
        ) from error
    return len(members)


def _check(archive: Path, member: zipfile.ZipInfo) -> None:
    path = _path(member)
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise DownloadError(f"{archive}: entry {member.filename!r} points outside its folder; not unpacked")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise DownloadError(f"{archive}: entry {member.filename!r} is a link; not unpacked")


def _check_room(archive: Path, folder: Path, total: int) -> None:
    if total > MAX_UNPACKED_BYTES:
        raise DownloadError(
            f"{archive} would unpack to {total:,} bytes, too much for the 3W dataset; not unpacked"
        )
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if total > free:
        raise DownloadError(
            f"{folder}: {free:,} bytes are free, {total:,} are needed; make room or choose --out"
        )


def _path(member: zipfile.ZipInfo) -> PurePosixPath:
    return PurePosixPath(member.filename.replace("\\", "/"))


def _root(paths: list[PurePosixPath]) -> PurePosixPath:
    """The folder in the archive that holds all class folders; the archive's root if there is none."""
    roots = {path.parent.parent for path in paths if path.suffix == ".parquet" and path.parent.name.isdigit()}
    return roots.pop() if len(roots) == 1 else PurePosixPath()


def _write(bundle: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    # Reading an entry to its end checks its CRC.
    with bundle.open(member) as source, part.open("wb") as out:
        shutil.copyfileobj(source, out, 1 << 20)
    part.replace(target)
