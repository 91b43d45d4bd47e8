"""Trains the detectors of a set of wells and writes them as one registry version.

    python -m ml.train --data data/simulated --out build/models

Below `--out` appear `<version>/manifest.json`, per well `model.onnx` (served) and `model.joblib` (for people;
a pickle, so open it only where you trust its origin), the same for the fleet, `report.md`, and
`current.json`, which names the newest version. The same data, seed and version give the same ONNX files and
numbers.
"""

import hashlib
import io
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import joblib
import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ml.dataset import DatasetError, Instance, InstanceFile, find_instances, read_instance
from ml.forest import ParityError
from ml.models import Fleet, TrainedModel, train_fleet, train_wells
from ml.registry import check_version, publish
from ml.registry_stores import MANIFEST, POINTER, RegistryError, open_registry, write_whole
from ml.report import console_table, markdown, worst_parity
from petrostream.features import WINDOWS_S

DEFAULT_SEED = 7
FORMAT = 1

app = typer.Typer(add_completion=False, rich_markup_mode=None)
console = Console()


def write_version(
    folder: Path,
    version: str,
    fleet: Fleet,
    fleet_model: TrainedModel | None,
    *,
    created_at: datetime,
) -> dict[str, Any]:
    """Writes one version below `folder` and points `folder/current.json` at it.

    Args:
        folder: the models folder.
        version: name of the version, and of its folder.
        fleet: what was trained.
        fleet_model: the model for wells without a baseline.
        created_at: UTC time to record.

    Returns:
        The manifest.

    Raises:
        RegistryError: the version's name can't be a folder name.
        OSError: the folder can't be written.
    """
    check_version(version)
    target = folder / version
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "version": version,
        "created_at": created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "features": {"windows_s": list(WINDOWS_S), "statistics": ["mean", "std", "slope"]},
        "wells": {well: _write_model(target, well, model) for well, model in fleet.trained.items()},
        "fleet": _write_model(target, "fleet", fleet_model) if fleet_model else None,
        "refused": fleet.refused,
    }
    write_whole(target / "report.md", markdown(manifest).encode())
    # The manifest is written after what it lists, and the pointer after the manifest.
    write_whole(target / MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    write_whole(folder / POINTER, orjson.dumps({"version": version}))
    return manifest


def _write_model(target: Path, name: str, model: TrainedModel) -> dict[str, Any]:
    pickled = io.BytesIO()
    joblib.dump(model.forest, pickled, compress=3)
    files = {"onnx": model.onnx, "joblib": pickled.getvalue()}
    listed = {}
    for kind, content in files.items():
        path = f"{name}/model.{kind}"
        write_whole(target / path, content)
        digest = hashlib.sha256(content).hexdigest()
        listed[kind] = {"path": path, "sha256": digest, "bytes": len(content)}
    return {**model.entry, **listed}


@app.command()
def main(
    data: Annotated[Path, typer.Option(help="Folder in the 3W layout.")],
    out: Annotated[Path, typer.Option(help="Models folder; the version becomes a folder in it.")] = Path(
        "build/models"
    ),
    wells: Annotated[
        list[str] | None, typer.Option("--well", help="Only this well; repeat for more.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same models.")] = DEFAULT_SEED,
    version: Annotated[
        str | None, typer.Option(help="Name of the version; the time in UTC if left out.")
    ] = None,
    publish_to: Annotated[
        str | None, typer.Option("--publish", help="Publish to this bucket (s3://name) or folder at once.")
    ] = None,
) -> None:
    """Train one detector per well and one for the fleet, and report what they do on held-out normal time."""
    with _explained():
        created_at = datetime.now(UTC)
        name = check_version(version or created_at.strftime("%Y%m%dT%H%M%SZ"))
        started = time.monotonic()
        fleet, fleet_model = _train(_by_well(find_instances(data, wells=wells)), seed)
        manifest = write_version(out, name, fleet, fleet_model, created_at=created_at)
        _show(manifest, out / name / "report.md", time.monotonic() - started)
        if not fleet.trained and fleet_model is None:
            _say("No well could be commissioned: nothing to publish.", "red")
            raise typer.Exit(1)
        if publish_to:
            _say(f"Published {publish(out / name, open_registry(publish_to))} to {publish_to}")


def _show(manifest: Mapping[str, Any], report: Path, seconds: float) -> None:
    console.print(console_table(manifest))
    for well, why in manifest["refused"].items():
        _say(f"{well}: no baseline, {why}", "yellow")
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


class _Lazy(Mapping[str, Iterable[Instance]]):
    """Instances by well, read when a well's turn comes: a whole dataset never is in memory at once."""

    def __init__(self, files: Mapping[str, list[InstanceFile]]) -> None:
        self._files = files

    def __getitem__(self, well: str) -> Iterable[Instance]:
        return (read_instance(file) for file in self._files[well])

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def _train(files: Mapping[str, list[InstanceFile]], seed: int) -> tuple[Fleet, TrainedModel | None]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Training wells", total=len(files) + 1)
        fleet = train_wells(_Lazy(files), seed, done=lambda: progress.advance(task))
        progress.update(task, description="Training the fleet model")
        fleet_model = train_fleet(fleet, seed)
        progress.advance(task)
    return fleet, fleet_model


if __name__ == "__main__":
    app()
