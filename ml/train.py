"""Trains the detectors of a set of wells and writes them as one registry version.

    python -m ml.train --data data/simulated --out build/models

Below `--out` appear `<version>/manifest.json` with the baselines of every well, `shared/model.onnx` (the
forest that scores all wells) and `shared/model.joblib` (for people; a pickle, so open it only where you trust
its origin), `fleet/` with the same for readings without a baseline, `report.md`, and `current.json`, which
names the newest version. The same data, seed and version give the same ONNX files and numbers.
"""

import hashlib
import io
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import joblib
import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ml.data.dataset import DatasetError, Instance, InstanceFile, find_instances, read_instance
from ml.registry import check_version, publish
from ml.registry_stores import MANIFEST, POINTER, RegistryError, open_registry, write_whole
from ml.training.forest import Fitted, ParityError
from ml.training.models import RECORDED_MIN_NORMAL_S, VALID_DAYS, Options, Training, train
from ml.training.report import console_table, markdown, worst_parity
from petrostream.gauges.features import WINDOWS_S

DEFAULT_SEED = 7
FORMAT = 1

app = typer.Typer(add_completion=False, rich_markup_mode=None)
console = Console()


def write_version(folder: Path, version: str, training: Training, *, created_at: datetime) -> dict[str, Any]:
    """Writes one version below `folder` and points `folder/current.json` at it.

    Args:
        folder: the models folder.
        version: name of the version, and of its folder.
        training: what was trained.
        created_at: UTC time to record.

    Returns:
        The manifest.

    Raises:
        RegistryError: the version's name can't be a folder name.
        OSError: the folder can't be written.
    """
    check_version(version)
    target = folder / version
    shared, files = forest_files("shared", training.forest)
    fleet, more = forest_files("fleet", training.fleet_forest)
    for path, content in {**files, **more}.items():
        write_whole(target / path, content)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "version": version,
        "created_at": created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "features": {"windows_s": list(WINDOWS_S), "statistics": ["mean", "std", "change", "diff"]},
        "wells": {well: {**entry, **shared} for well, entry in training.wells.items()},
        "fleet": {**training.fleet, **fleet} if training.fleet else None,
        "refused": training.refused,
        "skipped": training.skipped,
    }
    write_whole(target / "report.md", markdown(manifest).encode())
    # The manifest is written after what it lists, and the pointer after the manifest.
    write_whole(target / MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    write_whole(folder / POINTER, orjson.dumps({"version": version}))
    return manifest


def forest_files(name: str, forest: Fitted | None) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A forest as files.

    Args:
        name: the folder they go into.
        forest: the forest.

    Returns:
        Fields of every manifest entry that uses it (path, digest and size of each file), and the files by
        path.
    """
    if forest is None:
        return {}, {}
    pickled = io.BytesIO()
    joblib.dump(forest.forest, pickled, compress=3)
    listed, files = {}, {}
    for kind, content in (("onnx", forest.onnx), ("joblib", pickled.getvalue())):
        path = f"{name}/model.{kind}"
        files[path] = content
        digest = hashlib.sha256(content).hexdigest()
        listed[kind] = {"path": path, "sha256": digest, "bytes": len(content)}
    return listed, files


@app.command()
def main(  # noqa: PLR0913, PLR0917  (one option of the command line each)
    data: Annotated[Path, typer.Option(help="Folder in the 3W layout.")],
    out: Annotated[Path, typer.Option(help="Models folder; the version becomes a folder in it.")] = Path(
        "build/models"
    ),
    wells: Annotated[
        list[str] | None, typer.Option("--well", help="Only this well; repeat for more.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same models.")] = DEFAULT_SEED,
    min_normal: Annotated[
        float, typer.Option(min=60, help="Shortest period that makes a baseline, seconds.")
    ] = RECORDED_MIN_NORMAL_S,
    valid_days: Annotated[
        float, typer.Option(min=0, help="Days that a baseline holds after its instance; 0: until the next.")
    ] = VALID_DAYS,
    version: Annotated[
        str | None, typer.Option(help="Name of the version; the time in UTC if left out.")
    ] = None,
    publish_to: Annotated[
        str | None, typer.Option("--publish", help="Publish to this bucket (s3://name) or folder at once.")
    ] = None,
) -> None:
    """Make a baseline per well and date, train the forest that all wells share, and report what they do."""
    with _explained():
        created_at = datetime.now(UTC)
        name = check_version(version or created_at.strftime("%Y%m%dT%H%M%SZ"))
        started = time.monotonic()
        options = Options(seed, min_normal, valid_days or None)
        training = _train(_by_well(find_instances(data, wells=wells)), options)
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
    """One line as it is: paths stay whole, so that they can be copied."""
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _explained() -> Iterator[None]:
    """Shows errors that their text explains as one line, without a traceback."""
    try:
        yield
    except (DatasetError, ParityError, RegistryError, OSError) as error:
        _say(str(error), "red")
        raise typer.Exit(1) from error


def _by_well(files: Iterable[InstanceFile]) -> dict[str, list[InstanceFile]]:
    wells: dict[str, list[InstanceFile]] = {}
    for file in files:
        wells.setdefault(file.well_id, []).append(file)
    return dict(sorted(wells.items()))


class _Read(Iterable[Instance]):
    """Instances that are read again each time they are gone through."""

    def __init__(self, files: Sequence[InstanceFile]) -> None:
        self._files = files

    def __iter__(self) -> Iterator[Instance]:
        return map(read_instance, self._files)


class _Lazy(Mapping[str, Iterable[Instance]]):
    """Instances by well, read when a well's turn comes: a whole dataset never is in memory at once."""

    def __init__(self, files: Mapping[str, list[InstanceFile]]) -> None:
        self._files = files

    def __getitem__(self, well: str) -> Iterable[Instance]:
        return _Read(self._files[well])

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def _train(files: Mapping[str, list[InstanceFile]], options: Options) -> Training:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Training, then measuring", total=2 * len(files))
        return train(_Lazy(files), options, done=lambda: progress.advance(task))


if __name__ == "__main__":
    app()
