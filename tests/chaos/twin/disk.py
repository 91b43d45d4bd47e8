"""A disk that can be full: a file system in memory, which root can make small and large again.

Small, it refuses writes as a full disk does; nothing has to be filled.
"""

import os
import subprocess
from pathlib import Path

LARGE = "size=4g,nr_inodes=1m"
"""What the twin asks for at its start is free, and no memory is used for it."""

ROOM = 64 * 1024
"""What is left of a full disk: a line of a log, and what the kernel rounds up."""

STEP_SECONDS = 30.0


class DiskRefused(RuntimeError):  # noqa: N818 - says what happened
    """Such a disk can't be made here."""


class Disk:
    """A tmpfs at a folder, from `mount` to `unmount`.

    Args:
        folder: where it is mounted.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mount(self) -> None:
        """Mount it.

        Raises:
            DiskRefused: this user must not, or the system has no tmpfs.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        owner = f"uid={os.getuid()},gid={os.getgid()},mode=700"
        _run("mount", "-t", "tmpfs", "-o", f"{LARGE},{owner}", "petrostream-chaos", str(self.folder))

    def fill(self) -> None:
        """Leave next to no space on it.

        Raises:
            DiskRefused: it could not be made small.
        """
        found = os.statvfs(self.folder)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        _run("mount", "-o", f"remount,size={used + ROOM}", str(self.folder))

    def fill_inodes(self) -> None:
        """Let files that are there grow, and no other begin: all inodes are in use.

        Raises:
            DiskRefused: it could not be done.
        """
        found = os.statvfs(self.folder)
        _run("mount", "-o", f"remount,nr_inodes={found.f_files - found.f_ffree}", str(self.folder))

    def free(self) -> None:
        """Make it large again.

        Raises:
            DiskRefused: it could not be.
        """
        _run("mount", "-o", f"remount,{LARGE}", str(self.folder))

    def unmount(self) -> None:
        """Remove it, with all that it holds."""
        _run("umount", "--lazy", str(self.folder))


def _run(*command: str) -> None:
    sudo = () if os.geteuid() == 0 else ("sudo", "--non-interactive")
    try:
        subprocess.run([*sudo, *command], check=True, capture_output=True, text=True, timeout=STEP_SECONDS)
    except FileNotFoundError as error:
        raise DiskRefused(f"no {error.filename} on this system") from error
    except subprocess.CalledProcessError as error:
        raise DiskRefused(f"{' '.join(command[:3])}: {error.stderr.strip()}") from error
