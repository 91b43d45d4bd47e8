"""Commissions a well: makes a baseline from a period of its operation, and publishes it.

    python -m ml.commission --well WELL-00011 --from 2026-11-20T08:00:00Z --to 2026-11-20T09:00:00Z \
        --registry s3://petrostream-artifacts-...

The readings come from the lake by SQL, or with `--data DIR` from files in the 3W layout. The period is
refused, with every reason, if a gauge seems to be in another unit, if the period is too short, if readings or
gauges are missing or frozen, if a level drifts or the well was not in production, or if there is an event or
alarm in it. The new version has the live models and forest plus one baseline, valid from its start on.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import orjson
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from ml.data.dataset import DatasetError
from ml.data.units import UnitRepair, unit_repair
from ml.registry import (
    Registry,
    RegistryError,
    check_version,
    open_registry,
    publish,
    read_live,
    write_whole,
)
from ml.training.baseline import (
    MIN_NORMAL_S,
    TRAIN_SHARE,
    Baseline,
    NoBaselineError,
    make_baseline,
)
from ml.training.files import forest_files
from ml.training.forest import ParityError
from ml.training.models import (
    DEFAULT_SEED,
    FIT_FIELDS,
    Options,
    baseline_entry,
    fit_entry,
    fleet_entry,
    well_entry,
)
from ml.training.period import (
    NotCommissionedError,
    Period,
    PeriodError,
    first_part_baseline,
    flagged,
    from_files,
    from_lake,
    problems,
)
from ml.training.pool import Pool
from ml.training.report import baseline_table, markdown
from petrostream.aws.athena import run_sql
from petrostream.aws.model_registry import FORMAT, MANIFEST
from petrostream.detection import COMMISSIONED, FLEET, WellModel, feature_names, load_models
from petrostream.errors import PetroStreamError
from petrostream.gauges import WINDOWS_S
from petrostream.times import parse_ms, to_iso
from toolchain import commands
from toolchain.terminal import print_error

app = typer.Typer(add_completion=False, rich_markup_mode=None)
console = Console()


_EXPLAINED = (
    NotCommissionedError,
    PeriodError,
    DatasetError,
    ParityError,
    RegistryError,
    PetroStreamError,
    BotoCoreError,
    ClientError,
    OSError,
)


@dataclass(slots=True)
class Base:
    """What a new version is built on: the live one, or forests from synthetic gauges.

    Attributes:
        manifest: its manifest.
        files: content of its files, by path.
        shared: files and training record of the forest that all wells share.
    """

    manifest: dict[str, Any]
    files: dict[str, bytes]
    shared: dict[str, Any]

    def models(self, name: str, entry: dict[str, Any], source: str = "") -> tuple[WellModel, ...]:
        """Models of a manifest entry."""
        onnx = self.files[str(entry["onnx"]["path"])]
        return load_models({"source": source, **entry, "well_id": name}, onnx)


def base(registry: Registry, seed: int) -> Base:
    """The live version, or a first version whose forests are trained on synthetic gauges only.

    Raises:
        RegistryError: the live version can't be read, or is of another kind of model.
    """
    live = read_live(registry)
    if live is None:
        return _first_base(seed)
    manifest, files = live
    names = list(feature_names(COMMISSIONED))
    entries = [entry for entry in manifest["wells"].values() if entry["feature_names"] == names]
    if not entries or len(entries) < len(manifest["wells"]):
        raise RegistryError(
            f"version {manifest['version']} does not consist of one forest that all wells share; train again"
        )
    shared = {kind: entries[0][kind] for kind in ("onnx", "joblib")}
    shared["training"] = {name: entries[0]["training"][name] for name in FIT_FIELDS}
    shared["parity"] = entries[0]["metrics"]["parity"]
    return Base(manifest, files, shared)


def _first_base(seed: int) -> Base:
    pool = Pool()
    forest, fleet = pool.fit(COMMISSIONED, seed), pool.fit(FLEET, seed)
    shared, files = forest_files("shared", forest)
    listed, more = forest_files("fleet", fleet)
    nothing = {"held_out_rows": 0, "held_out_flagged": 0.0, "events": []}
    fleets = {**fleet_entry(fleet, Options(seed)), **listed, "metrics": {"parity": fleet.parity, **nothing}}
    manifest = {"format": FORMAT, "features": {"windows_s": list(WINDOWS_S)}, "wells": {}, "fleet": fleets}
    record = {**shared, "training": fit_entry(forest, seed), "parity": forest.parity}
    return Base({**manifest, "refused": {}, "skipped": {}}, {**files, **more}, record)


def commission(
    registry: Registry,
    period: Period,
    *,
    version: str,
    created_at: datetime,
    min_normal_s: float = MIN_NORMAL_S,
    seed: int = DEFAULT_SEED,
) -> Baseline:
    """Adds a baseline to the live version and publishes the result.

    Args:
        registry: the registry.
        period: the readings.
        version: name of the new version.
        created_at: UTC time to record.
        min_normal_s: shortest period, seconds.
        seed: of the forests, where there is no live version yet.

    Returns:
        The baseline.

    Raises:
        NotCommissionedError: the period can't commission the well.
        RegistryError: the registry can't be read or written.
    """
    built = base(registry, seed)
    well = period.well_id
    before = built.manifest["wells"].get(well)
    if period.wrong_units:
        raise NotCommissionedError(well, list(period.wrong_units))
    try:
        baseline = make_baseline(
            well, ", ".join(period.sources), period.ts_ms, period.values, min_normal_s=min_normal_s
        )
        trial = _trial(built, period)
    except NoBaselineError as error:
        raise NotCommissionedError(well, [str(error)]) from error
    models = [trial]
    if built.manifest["fleet"]:
        models += built.models("*", built.manifest["fleet"], "the fleet's model, which ignores levels")
    expected = tuple(before["sensors"]) if before else ()
    if reasons := problems(period, baseline, expected, models):
        raise NotCommissionedError(well, reasons)
    entry = baseline_entry(baseline, baseline.from_ms)
    earlier = [one for one in (before or {}).get("baselines", []) if one["valid_from"] != entry["valid_from"]]
    listed = {kind: built.shared[kind] for kind in ("onnx", "joblib")}
    fresh = {**well_entry([*earlier, entry], built.shared["training"]), **listed}
    fresh["metrics"] = _metrics(built, period, trial, before)
    manifest = {**built.manifest, "version": version, "created_at": created_at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    manifest["wells"] = dict(sorted({**manifest["wells"], well: fresh}.items()))
    manifest["refused"] = {name: why for name, why in manifest.get("refused", {}).items() if name != well}
    _publish(registry, manifest, built.files)
    return baseline


def _trial(built: Base, period: Period) -> WellModel:
    """The shared forest on a baseline of the first part of the period."""
    part = baseline_entry(first_part_baseline(period), int(period.ts_ms[0]))
    entry = {**well_entry([part], built.shared["training"]), "onnx": built.shared["onnx"], "baselines": []}
    return built.models(period.well_id, entry, "a baseline of the period's first part")[0]


def _metrics(built: Base, period: Period, trial: WellModel, before: dict[str, Any] | None) -> dict[str, Any]:
    rest = np.flatnonzero(np.arange(len(period)) >= len(period.head(TRAIN_SHARE)))
    return {
        **(before["metrics"] if before else {"events": []}),
        "parity": built.shared["parity"],
        "held_out_rows": len(rest),
        "held_out_flagged": float(flagged(period, trial)[rest].mean()),
    }


def _publish(registry: Registry, manifest: dict[str, Any], files: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path, content in files.items():
            write_whole(folder / path, content)
        write_whole(folder / "report.md", markdown(manifest).encode())
        write_whole(folder / MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
        publish(folder, registry)


@app.command()
def main(  # noqa: PLR0913, PLR0917  (one option of the command line each)
    well: Annotated[str, typer.Option(help="The well, such as WELL-00011.")],
    begin: Annotated[str, typer.Option("--from", help="Start of the period, ISO 8601 with a zone.")],
    end: Annotated[str, typer.Option("--to", help="End of the period (not included).")],
    registry: Annotated[str, typer.Option(help="s3://<artifacts bucket>, or a folder.")],
    data: Annotated[
        Path | None, typer.Option(help="Take readings from this folder in the 3W layout, not from the lake.")
    ] = None,
    units: Annotated[
        str | None,
        typer.Option(help="With --data: convert gauges as this fleet file says, or `detect` their units."),
    ] = None,
    min_normal: Annotated[float, typer.Option(min=60, help="Shortest period, seconds.")] = MIN_NORMAL_S,
    version: Annotated[
        str | None,
        typer.Option("--model-version", help="Name of the version; the current UTC time by default."),
    ] = None,
) -> None:
    """Make a baseline for a well from a period of its normal operation, and publish it."""
    with _explained():
        created_at = datetime.now(UTC)
        name = check_version(version or created_at.strftime("%Y%m%dT%H%M%SZ"))
        from_ms, to_ms = _time("--from", begin), _time("--to", end)
        repair = _repair(units, data)
        read = partial(from_files, data, read=repair.read) if data else partial(from_lake, ask=run_sql)
        period = read(well, from_ms, to_ms)
        for line in repair.lines():
            _say(line)
        if not len(period):
            where = f"folder {data}" if data else "the lake"
            raise PeriodError(f"{where} has no readings of {well} from {to_iso(from_ms)} to {to_iso(to_ms)}")
        store = open_registry(registry)
        baseline = commission(store, period, version=name, created_at=created_at, min_normal_s=min_normal)
        console.print(baseline_table(baseline))
        _say(f"Version {name} is live at {registry}. {well} is measured against this baseline")
        _say(f"from {to_iso(baseline.from_ms)} on, until the next one.")


def _repair(units: str | None, data: Path | None) -> UnitRepair:
    if units and not data:
        why = "only readings of files can be converted; those of the lake are converted by the producer"
        raise typer.BadParameter(why, param_hint="--units")
    return unit_repair(units)


def _time(option: str, text: str) -> int:
    try:
        return parse_ms(text)
    except ValueError as error:
        raise PeriodError(f"{option}: {error}") from error


def _say(text: str, style: str | None = None) -> None:
    console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _explained() -> Iterator[None]:
    """Prints expected errors as one line, without a traceback."""
    try:
        yield
    except _EXPLAINED as error:
        print_error(str(error))
        raise typer.Exit(1) from error


if __name__ == "__main__":
    commands.run(app)
