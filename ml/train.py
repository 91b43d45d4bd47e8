"""Trains the detectors of a set of wells and writes them as one registry version.

    python -m ml.train --data data/simulated --out build/models

Below `--out` appear `<version>/manifest.json` with the baselines of every well, `shared/model.onnx` (the
forest that scores all wells) and `shared/model.joblib` (for inspection; a pickle, so load it only if you
trust its origin), `fleet/` with the same for readings without a baseline, `report.md`, and `current.json`,
which names the newest version. The same data, seed and version yield the same ONNX files and numbers.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ml.data.dataset import DatasetError, Instance, InstanceFile, find_instances
from ml.data.units import Reader, unit_repair
from ml.registry import RegistryError, check_version, open_registry, publish
from ml.training.files import write_version
from ml.training.forest import ParityError
from ml.training.models import DEFAULT_SEED, RECORDED_MIN_NORMAL_S, VALID_DAYS, Options, Training, train
from ml.training.report import console_table, worst_parity
from toolchain import commands
from toolchain.terminal import print_error

app = typer.Typer(add_completion=False, rich_markup_mode=None)
console = Console()


@app.command()
def main(  # noqa: PLR0913, PLR0917  (one option of the command line each)
    data: Annotated[Path, typer.Option(help="Folder in the 3W layout.")],
    out: Annotated[Path, typer.Option(help="Models folder; the version becomes a folder in it.")] = Path(
        "build/models"
    ),
    wells: Annotated[
        list[str] | None, typer.Option("--well", help="Only this well; repeat the option for more.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same models.")] = DEFAULT_SEED,
    min_normal: Annotated[
        float, typer.Option(min=60, help="Shortest period that makes a baseline, seconds.")
    ] = RECORDED_MIN_NORMAL_S,
    valid_days: Annotated[
        float,
        typer.Option(min=0, help="Days that a baseline is valid after its instance; 0: until the next one."),
    ] = VALID_DAYS,
    version: Annotated[
        str | None,
        typer.Option("--model-version", help="Name of the version; the current UTC time by default."),
    ] = None,
    units: Annotated[
        str | None,
        typer.Option(help="Convert gauges as this fleet file says, or `detect` their units, first."),
    ] = None,
    publish_to: Annotated[
        str | None, typer.Option("--publish", help="Publish to this bucket (s3://name) or folder at once.")
    ] = None,
) -> None:
    """Make a baseline per well and date, train the forest that all wells share, and report on both."""
    with _explained():
        created_at = datetime.now(UTC)
        name = check_version(version or created_at.strftime("%Y%m%dT%H%M%SZ"))
        started = time.monotonic()
        options = Options(seed, min_normal, valid_days or None)
        repair = unit_repair(units)
        training = _train(_by_well(find_instances(data, wells=wells)), options, repair.read)
        for line in repair.lines():
            _say(line)
        manifest = write_version(out, name, training, created_at=created_at)
        _show(manifest, out / name / "report.md", time.monotonic() - started)
        if training.forest is None:
            _say("No well could be commissioned: nothing to publish.", "red")
            raise typer.Exit(1)
        if publish_to:
            _say(f"Published {publish(out / name, open_registry(publish_to))} to {publish_to}")


def _show(manifest: Mapping[str, Any], report: Path, seconds: float) -> None:
    console.print(console_table(manifest))
    for name, why in {**manifest["refused"], **manifest["skipped"]}.items():
        _say(f"{name}: no baseline, {why}", "yellow")
    _say(f"ONNX and scikit-learn scores agree to {worst_parity(manifest):.1e}")
    fleet = "yes" if manifest["fleet"] else "no"
    _say(
        f"Version {manifest['version']}: {len(manifest['wells'])} wells, fleet model {fleet}, "
        f"{seconds:.1f} s. Report: {report}"
    )


def _say(text: str, style: str | None = None) -> None:
    """Prints one line unwrapped, so that paths can be copied."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _explained() -> Iterator[None]:
    """Prints expected errors as one line, without a traceback."""
    try:
        yield
    except (DatasetError, ParityError, RegistryError, OSError) as error:
        print_error(str(error))
        raise typer.Exit(1) from error


def _by_well(files: Iterable[InstanceFile]) -> dict[str, list[InstanceFile]]:
    wells: dict[str, list[InstanceFile]] = {}
    for file in files:
        wells.setdefault(file.well_id, []).append(file)
    return dict(sorted(wells.items()))


class _Read(Iterable[Instance]):
    """Instances that are read again on each iteration."""

    def __init__(self, files: Sequence[InstanceFile], read: Reader) -> None:
        self._files = files
        self._read = read

    def __iter__(self) -> Iterator[Instance]:
        return map(self._read, self._files)


class _Lazy(Mapping[str, Iterable[Instance]]):
    """Instances by well, read when iterated: the whole dataset is never in memory at once."""

    def __init__(self, files: Mapping[str, list[InstanceFile]], read: Reader) -> None:
        self._files = files
        self._read = read

    def __getitem__(self, well: str) -> Iterable[Instance]:
        return _Read(self._files[well], self._read)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def _train(files: Mapping[str, list[InstanceFile]], options: Options, read: Reader) -> Training:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Training, then measuring", total=2 * len(files))
        return train(_Lazy(files, read), options, done=lambda: progress.advance(task))


if __name__ == "__main__":
    commands.run(app)
