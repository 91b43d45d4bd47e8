"""What the evaluation commands share: progress bars, errors in one line, JSON, versions behind figures."""

import platform
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ml.data.dataset import DatasetError, InstanceFile
from ml.registry import RegistryError
from petrostream.names import shown
from toolchain.terminal import print_error

console = Console()

_BEHIND_FIGURES = ("numpy", "scikit-learn", "onnxruntime", "pyarrow")
_T = TypeVar("_T")


def library_versions() -> dict[str, str]:
    """Versions of what the figures depend on."""
    return {
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in _BEHIND_FIGURES},
    }


def tracked(items: Sequence[_T], what: str) -> Iterator[_T]:
    """The items, with a progress bar on a terminal."""
    if not console.is_terminal:
        yield from items
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield from progress.track(items, description=what)


def say(text: str, style: str | None = None) -> None:
    """Prints one line unwrapped, so that paths can be copied."""
    console.print(shown(text), style=style, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def explained() -> Iterator[None]:
    """Prints expected errors as one line, without a traceback; the exit code is 1."""
    try:
        yield
    except (DatasetError, RegistryError, OSError) as error:
        print_error(str(error))
        raise typer.Exit(1) from error


def write_json(path: Path, content: Any) -> None:  # noqa: ANN401  (anything JSON can hold)
    """Writes a JSON file, creating its folder.

    Raises:
        OSError: it can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY))


def number(value: float | None, digits: int = 2, unit: str = "") -> str:
    """A figure as text, a dash for None."""
    return "-" if value is None else f"{value:.{digits}f}{unit}"


def count(items: Iterable[InstanceFile]) -> str:
    """`4 instances of 2 wells`."""
    files = list(items)
    wells = len({file.well_id for file in files})
    return f"{len(files)} instance{'s' * (len(files) != 1)} of {wells} well{'s' * (wells != 1)}"
