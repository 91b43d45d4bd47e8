"""Fetch what runs a Lambda package for arm64 on x86-64 Debian: `python -m tools.arm64_runtime`.

An aarch64 Python of Lambda's version and QEMU's user-mode emulator, unpacked into build/arm64. Both come from
Debian, by apt with folders and lists of its own: nothing is installed, and the machine's apt stays as it is.
tests/infra/test_arm64.py then runs the scoring function's package. QEMU 7.2, that of Debian 12, ends with a
segmentation fault when it loads ONNX Runtime; 10.0 does not.
"""

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from toolchain.errors import ToolError
from toolchain.paths import ROOT
from toolchain.run import run_quietly

FOLDER = ROOT / "build" / "arm64"
QEMU = FOLDER / "usr" / "bin" / "qemu-aarch64"
SYSTEM = FOLDER / "system"
PYTHON = SYSTEM / "usr" / "bin" / "python3.13"

_SUITE = "trixie"  # the Debian whose Python is 3.13
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_LIBRARIES = (
    *("libc6", "libgcc-s1", "libstdc++6", "libpython3.13-minimal", "libpython3.13-stdlib"),
    *("libbz2-1.0", "libexpat1", "libffi8", "liblzma5", "libsqlite3-0", "libssl3t64", "libuuid1"),
    *("libzstd1", "zlib1g"),
)
_HINT = "The machine needs apt, dpkg-deb, Debian's keyring and the network."


def fetch() -> None:
    """Fetch and unpack the emulator and the aarch64 system; what is there is replaced.

    Raises:
        ToolError: apt or dpkg-deb is missing or fails.
    """
    shutil.rmtree(FOLDER, ignore_errors=True)
    SYSTEM.mkdir(parents=True)
    _unpack("amd64", ["qemu-user"], FOLDER)
    for emulator in QEMU.parent.iterdir():
        if emulator != QEMU:  # those of thirty other processors
            emulator.unlink()
    _unpack("arm64", ["python3.13-minimal", *_LIBRARIES], SYSTEM)
    # Packages rely on Debian's links of the root's folders, which debootstrap would make.
    (SYSTEM / "lib").symlink_to("usr/lib")


def _unpack(architecture: str, packages: Sequence[str], target: Path) -> None:
    with _apt(architecture) as (folder, options):
        what = f"Fetching {packages[0]} for {architecture}"
        run_quietly(["apt-get", *options, "update"], folder, what=what, hint=_HINT)
        run_quietly(["apt-get", *options, "download", *packages], folder, what=what, hint=_HINT)
        for package in sorted(folder.glob("*.deb")):
            run_quietly(
                ["dpkg-deb", "-x", str(package), str(target)],
                folder,
                what=f"Unpacking {package.name}",
                hint=_HINT,
            )


def _archive(folder: Path) -> str:
    """Debian's archive, at the address from which this machine takes its own packages."""
    asked = ["apt-get", "indextargets", "--format", "$(SITE)"]
    sites = run_quietly(asked, folder, what="Reading apt's sources", hint=_HINT).split()
    for site in sites:
        if site.rstrip("/").endswith("/debian"):
            return site
    raise ToolError("apt has no source with Debian's archive.", f"{_HINT} Run apt-get update once.")


@contextmanager
def _apt(architecture: str) -> Iterator[tuple[Path, list[str]]]:
    """A folder, and options of apt that keep everything in it."""
    with TemporaryDirectory(prefix="apt-") as name:
        folder = Path(name)
        for part in ("state/lists/partial", "cache/archives/partial"):
            (folder / part).mkdir(parents=True)
        (folder / "status").touch()
        source = f"deb [signed-by={_KEYRING}] {_archive(folder)} {_SUITE} main\n"
        (folder / "sources.list").write_text(source, encoding="utf-8")
        settings = {
            "Dir::Etc::sourcelist": folder / "sources.list",
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::State": folder / "state",
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "cache",
            "APT::Architecture": architecture,
            "APT::Architectures": architecture,
            "APT::Sandbox::User": "",
            "Acquire::Retries": 3,
        }
        yield folder, [part for key, value in settings.items() for part in ("-o", f"{key}={value}")]


def main() -> int:
    """Fetch, and say where it is."""
    try:
        fetch()
    except ToolError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"An aarch64 Python and its emulator are in {FOLDER.relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
