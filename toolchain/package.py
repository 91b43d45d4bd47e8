"""Build the function packages, without Docker: `python -m toolchain.package --target aws|twin|host`.

- `aws`: build/lambda/<function>.zip with code and compiled wheels for the runtime in infra/settings.json.
- `host`: the same for this interpreter, in build/lambda-host, to try and to measure a package where it runs.
- `twin`: build/lambda-local/<function>.zip with code only; the emulator's interpreter has the libraries.

The same input yields the same bytes, so a deployment changes a function only if its code or libraries did.
Modules are compiled ahead if this machine has a Python of the runtime's version; otherwise they start slower.
"""

import hashlib
import logging
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from infra.settings import load_settings
from toolchain import bytecode, commands
from toolchain.errors import ToolError
from toolchain.locks import alone
from toolchain.paths import ROOT
from toolchain.terminal import print_error
from toolchain.wheels import Platform, install

FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "scoring": ("petrostream", "lambdas/scoring"),
    "raw_copy": ("petrostream", "lambdas/raw_copy"),
    "firehose_transform": ("lambdas/firehose_transform",),
    "batch": ("petrostream", "batch", "sql", "ml/registry", "lambdas/batch"),
}
"""Functions by name, and the folders of source each is made of."""

MAX_UNPACKED_BYTES = 160_000_000
"""The project's own limit: Lambda refuses a function over 250 MB unpacked; every byte slows a cold start."""

MAX_BATCH_BYTES = 240_000_000
"""The same for the jobs, which read and write Parquet, and whose start nobody waits for."""

_CODE = frozenset({".py", ".json", ".sql", ".typed"})
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest time a zip can hold: files must not differ by when they were fetched."""


class Target(StrEnum):
    """What a package is for."""

    aws = "aws"
    twin = "twin"
    host = "host"


@dataclass(frozen=True, slots=True)
class Package:
    """A built package: its zip, its sizes in bytes, and the SHA-256 of the zip."""

    path: Path
    packed_bytes: int
    unpacked_bytes: int
    sha256: str


def folder_of(target: Target) -> Path:
    """Folder of the packages of a target."""
    return ROOT / "build" / {"aws": "lambda", "twin": "lambda-local", "host": "lambda-host"}[target.value]


def build(target: Target, *, folder: Path | None = None) -> dict[str, Package]:
    """Build every function's package.

    Args:
        target: where it will run.
        folder: where the zips go; by default `folder_of(target)`.

    Returns:
        The packages by function name.

    Raises:
        ToolError: a wheel is missing, a module does not compile, or a package is too large.
        infra.settings.SettingsError: the settings name no usable runtime.
    """
    folder = folder or folder_of(target)
    folder.mkdir(parents=True, exist_ok=True)
    # Two lakes of one checkout may be deployed at once, and both build into the same folder.
    with alone(folder.with_name(f"{folder.name}.lock")):
        return {name: _build_one(name, target, folder) for name in FUNCTIONS}


def _build_one(name: str, target: Target, folder: Path) -> Package:
    with tempfile.TemporaryDirectory(dir=folder, prefix=f"{name}-") as text:
        stage = Path(text)
        _copy(_code(name), stage)
        _copy(_libraries(name, target, folder), stage)
        _compile(name, target, stage)
        unpacked = sum(path.stat().st_size for path in _files(stage))
        limit = MAX_BATCH_BYTES if name == "batch" else MAX_UNPACKED_BYTES
        if unpacked > limit:
            raise ToolError(
                f"The package of {name} is {unpacked / 1e6:.0f} MB unpacked; the limit is "
                f"{limit / 1e6:.0f} MB.",
                f"Remove libraries from lambdas/{name}/requirements.txt.",
            )
        path = folder / f"{name}.zip"
        temporary = path.with_suffix(".zip.tmp")
        _write_zip(temporary, stage)
    temporary.replace(path)  # a build that is stopped leaves the last good package
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Package(path, path.stat().st_size, unpacked, digest)


def _code(name: str) -> Iterator[tuple[str, Path]]:
    """Name in the package, and file, of the project's own code in a function."""
    yield "lambdas/__init__.py", ROOT / "lambdas" / "__init__.py"
    for source in FUNCTIONS[name]:
        for path in _files(ROOT / source):
            if path.suffix in _CODE:
                yield path.relative_to(ROOT).as_posix(), path


def _libraries(name: str, target: Target, folder: Path) -> Iterator[tuple[str, Path]]:
    """Name in the package, and file, of the libraries of a function."""
    platform = _platform(target)
    if platform is None:
        return
    try:
        site = install(
            ROOT / "lambdas" / name / "requirements.txt",
            constraints=ROOT / "constraints.txt",
            platform=platform,
            cache=folder / "libraries",
        )
    except ToolError as error:
        raise ToolError(
            f"The libraries of {name} could not be fetched.\n{error.args[0]}", error.hint
        ) from error
    for path in _files(site):
        yield path.relative_to(site).as_posix(), path


def _platform(target: Target) -> Platform | None:
    """Where the function will run; None for the twin, whose interpreter has the libraries."""
    if target is Target.twin:
        return None
    if target is Target.host:
        return Platform.of_host()
    runtime = load_settings().runtime
    return Platform(python=runtime.python, architecture=runtime.architecture)


def _compile(name: str, target: Target, stage: Path) -> None:
    platform = _platform(target)
    if platform is None:
        return
    python = bytecode.interpreter(platform.python)
    if python is None:
        logging.getLogger(__name__).warning(
            "No Python %s to compile %s with: the function will work, but start more slowly",
            platform.python,
            name,
        )
        return
    try:
        bytecode.compile_folder(stage, python)
    except ToolError as error:
        raise ToolError(f"The package of {name} could not be compiled.\n{error}") from error


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _copy(content: Iterator[tuple[str, Path]], stage: Path) -> None:
    for name, path in content:
        target = stage / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


def _write_zip(path: Path, stage: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, file in sorted((file.relative_to(stage).as_posix(), file) for file in _files(stage)):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever it is built: the next line is a Unix mode
            entry.external_attr = (0o755 if name.endswith(".so") else 0o644) << 16
            archive.writestr(entry, file.read_bytes())


def main(
    target: Annotated[Target, typer.Option(help="Where the functions will run")] = Target.aws,
    *,
    clean: Annotated[bool, typer.Option("--clean", help="Fetch every library again")] = False,
) -> None:
    """Build the function packages."""
    console = Console(highlight=False)
    folder = folder_of(target)
    if clean:
        shutil.rmtree(folder, ignore_errors=True)
    try:
        with console.status(f"Building packages for {target.value} …"):
            packages = build(target, folder=folder)
    except (ToolError, ValueError) as error:
        print_error(str(error))
        sys.exit(1)
    for name, package in packages.items():
        console.print(
            f"{name:20} {package.packed_bytes / 1e6:6.1f} MB packed "
            f"{package.unpacked_bytes / 1e6:7.1f} MB unpacked  {package.sha256[:12]}  "
            f"{package.path.relative_to(ROOT)}"
        )


if __name__ == "__main__":
    commands.run(main)
