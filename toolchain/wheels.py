"""Fetch the wheels of a function for the machine it will run on, without what it never imports."""

import hashlib
import platform as host
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import ToolError
from toolchain.run import run_quietly

_ARCHITECTURES = {"arm64": "aarch64", "aarch64": "aarch64", "x86_64": "x86_64", "amd64": "x86_64"}

# glibc 2.28 and older: the Python runtimes of Lambda from 3.12 on have 2.34.
_GLIBC = ("manylinux_2_28", "manylinux_2_27", "manylinux_2_17", "manylinux2014")

_UNUSED_PARTS = frozenset({"__pycache__", "tests", "bin"})
_UNUSED_FOLDERS = (
    "numpy/_pyinstaller",
    "numpy/doc",
    "numpy/f2py",
    "onnxruntime/backend",
    "onnxruntime/datasets",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    "pyarrow/include",
    "pyarrow/includes",
    "pyarrow/src",
)
_UNUSED_SUFFIXES = frozenset({".pyi", ".pyx", ".pxd", ".h", ".c", ".a", ".lib"})

# Of pyarrow: servers, foreign file systems, and the names of a library that other programs link against.
_UNUSED_NAMES = re.compile(
    r"(_flight|_azurefs|_gcsfs|_hdfs|_orc)\.(cpython|cp\d)[^/]*\.so$"
    r"|^libarrow(_python)?_flight\.so"
    r"|^lib(arrow|parquet)[a-z_]*\.so$|^lib(arrow|parquet)[a-z_]*\.so\.\d+\.\d+\.\d+$"
)

# Of a wheel's own notes, its licence and its name and version stay: importlib.metadata reads the latter.
_UNUSED_NOTES = frozenset(
    {"RECORD", "INSTALLER", "REQUESTED", "WHEEL", "direct_url.json", "entry_points.txt", "top_level.txt"}
)
_LAYOUT = 2  # raise it when the rules above change: it invalidates the cache
_FETCH_SECONDS = 900.0
_REFETCH = "Check the network and try again; python -m toolchain.package --clean fetches every library again."


@dataclass(frozen=True, slots=True)
class Platform:
    """Python version (as "3.13") and processor of the machine a package is for."""

    python: str
    architecture: str

    @classmethod
    def of_host(cls) -> "Platform":
        """This interpreter on this machine."""
        return cls(f"{sys.version_info.major}.{sys.version_info.minor}", host.machine().lower())

    @property
    def tags(self) -> list[str]:
        """Wheel platform tags, newest first.

        Raises:
            ToolError: Lambda does not run on that processor.
        """
        machine = _ARCHITECTURES.get(self.architecture)
        if machine is None:
            raise ToolError(f"Lambda has no {self.architecture} processor.", "Use arm64 or x86_64.")
        return [f"{glibc}_{machine}" for glibc in _GLIBC]


def install(requirements: Path, *, constraints: Path, platform: Platform, cache: Path) -> Path:
    """Fetch the requirements for `platform`, unpacked and pruned; a second call takes them from the cache.

    Args:
        requirements: file with the names of all distributions; their dependencies are not followed.
        constraints: file with the versions.
        platform: where it will run.
        cache: folder for what was fetched, under a digest of all of the above.

    Returns:
        A folder to put on `sys.path`.

    Raises:
        ToolError: a wheel is missing for that platform, or the index could not be reached.
    """
    site = cache / _key(requirements, constraints, platform)
    if site.is_dir():
        return site
    partial = site.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    _pip(requirements, constraints, platform, partial)
    prune(partial)
    partial.replace(site)
    return site


def _key(requirements: Path, constraints: Path, platform: Platform) -> str:
    digest = hashlib.sha256(f"{_LAYOUT} {platform.python} {platform.architecture}\n".encode())
    digest.update(requirements.read_bytes())
    digest.update(constraints.read_bytes())
    return f"{requirements.parent.name}-{digest.hexdigest()[:16]}"


def _pip(requirements: Path, constraints: Path, platform: Platform, folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",
    ]
    command += ["--no-deps", "--only-binary=:all:", "--implementation", "cp"]
    command += ["--python-version", platform.python, "--target", str(folder)]
    for tag in platform.tags:
        command += ["--platform", tag]
    command += ["--requirement", str(requirements), "--constraint", str(constraints)]
    run_quietly(command, folder, what="pip install", hint=_REFETCH, seconds=_FETCH_SECONDS)


def prune(site: Path) -> None:
    """Delete from a folder of unpacked wheels what a function never imports."""
    for folder in _UNUSED_FOLDERS:
        shutil.rmtree(site / folder, ignore_errors=True)
    for path in sorted(site.rglob("*"), reverse=True):  # children before their folders
        if path.is_dir():
            if path.name in _UNUSED_PARTS or not any(path.iterdir()):
                shutil.rmtree(path)
        elif path.suffix in _UNUSED_SUFFIXES or _is_note(path) or _UNUSED_NAMES.search(path.name):
            path.unlink()


def _is_note(path: Path) -> bool:
    return path.parent.suffix == ".dist-info" and path.name in _UNUSED_NOTES
