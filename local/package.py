"""Build the function packages, without Docker: `python -m local.package --target aws|twin|host`.

- `aws`: build/lambda/<function>.zip with code and compiled wheels for the runtime in infra/settings.json.
- `host`: the same for this interpreter, in build/lambda-host, to try and to measure a package where it runs.
- `twin`: build/lambda-local/<function>.zip with code only; the emulator's interpreter has the libraries.

The same input gives the same bytes, so a deployment changes a function only if its code or libraries changed.
"""

import hashlib
import shutil
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from infra.settings import load_settings
from local.wheels import Platform, WheelError, install

ROOT = Path(__file__).resolve().parent.parent

FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "scoring": ("petrostream", "lambdas/scoring"),
    "firehose_transform": ("lambdas/firehose_transform",),
}
"""Functions by name, and the folders of source each is made of."""

MAX_UNPACKED_BYTES = 160_000_000
"""Our own bound; Lambda refuses a function over 250 MB unpacked, and a cold start pays for every byte."""

_CODE = frozenset({".py", ".json", ".typed"})
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The oldest time a zip can hold: files must not differ by when they were fetched."""


class Target(StrEnum):
    """What a package is for."""

    aws = "aws"
    twin = "twin"
    host = "host"


class PackageError(Exception):
    """A package could not be built; the message says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Package:
    """A built package: its zip, its sizes in bytes, and the SHA-256 of the zip."""

    path: Path
    packed_bytes: int
    unpacked_bytes: int
    sha256: str


def folder_of(target: Target) -> Path:
    """Where the packages of a target lie."""
    return ROOT / "build" / {"aws": "lambda", "twin": "lambda-local", "host": "lambda-host"}[target.value]


def build(target: Target, *, folder: Path | None = None) -> dict[str, Package]:
    """Builds every function's package.

    Args:
        target: where it will run.
        folder: where the zips go; by default `folder_of(target)`.

    Returns:
        The packages by function name.

    Raises:
        PackageError: a wheel is missing or a package is too large.
        infra.settings.SettingsError: the settings name no usable runtime.
    """
    folder = folder or folder_of(target)
    folder.mkdir(parents=True, exist_ok=True)
    return {name: _build_one(name, target, folder) for name in FUNCTIONS}


def _build_one(name: str, target: Target, folder: Path) -> Package:
    content = dict(_code(name))
    if target is not Target.twin:
        content.update(_libraries(name, target, folder))
    unpacked = sum(path.stat().st_size for path in content.values())
    if unpacked > MAX_UNPACKED_BYTES:
        raise PackageError(
            f"The package of {name} is {unpacked / 1e6:.0f} MB unpacked; it may have "
            f"{MAX_UNPACKED_BYTES / 1e6:.0f} MB. Take libraries out of lambdas/{name}/requirements.txt."
        )
    path = folder / f"{name}.zip"
    temporary = path.with_suffix(".zip.tmp")
    _write_zip(temporary, content)
    temporary.replace(path)  # a build that is stopped leaves the last good package
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Package(path, path.stat().st_size, unpacked, digest)


def _code(name: str) -> Iterator[tuple[str, Path]]:
    """Archive name and file of the project's own code in a function."""
    yield "lambdas/__init__.py", ROOT / "lambdas" / "__init__.py"
    for source in FUNCTIONS[name]:
        for path in (ROOT / source).rglob("*"):
            if path.is_file() and path.suffix in _CODE:
                yield path.relative_to(ROOT).as_posix(), path


def _libraries(name: str, target: Target, folder: Path) -> Iterator[tuple[str, Path]]:
    runtime = load_settings().runtime
    platform = (
        Platform.of_host()
        if target is Target.host
        else Platform(python=runtime.python, architecture=runtime.architecture)
    )
    try:
        site = install(
            ROOT / "lambdas" / name / "requirements.txt",
            constraints=ROOT / "constraints.txt",
            platform=platform,
            cache=folder / "libraries",
        )
    except WheelError as error:
        raise PackageError(f"The libraries of {name} could not be fetched.\n{error}") from error
    for path in site.rglob("*"):
        if path.is_file():
            yield path.relative_to(site).as_posix(), path


def _write_zip(path: Path, content: Mapping[str, Path]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(content):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, wherever it is built: the next line is a Unix mode
            entry.external_attr = (0o755 if name.endswith(".so") else 0o644) << 16
            archive.writestr(entry, content[name].read_bytes())


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
    except (PackageError, ValueError) as error:
        console.print(f"error: {error}", style="red", markup=False)
        sys.exit(1)
    for name, package in packages.items():
        console.print(
            f"{name:20} {package.packed_bytes / 1e6:6.1f} MB packed "
            f"{package.unpacked_bytes / 1e6:7.1f} MB unpacked  {package.sha256[:12]}  "
            f"{package.path.relative_to(ROOT)}"
        )


if __name__ == "__main__":
    typer.run(main)
