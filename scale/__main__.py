"""The command line: `python -m scale`, which models every step on what `bench/scale.py` measured."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from cost.prices import PricesError
from infra.settings import SettingsError
from petrostream.errors import PetroStreamError
from scale.markdown import tables
from scale.model import Modelled, modelled
from scale.report import STEP_COLUMNS, as_text, page, steps_rows
from scale.speed import load_measurements
from scale.steps import STEPS, document, settings_of, step
from toolchain import commands
from toolchain.paths import ROOT
from toolchain.terminal import print_error

FAILED = 1
_SHOWN = (0, 2, 7, 8, 9, 10)
"""Columns that a terminal has room for."""


def main(
    measured: Annotated[
        Path | None, typer.Option(help="Figures of bench/scale.py. Default: those that came with the code.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of scale.html, scale.json and the steps' settings.")] = (
        ROOT / "build" / "scale"
    ),
    steps: Annotated[str, typer.Option(help="Steps to model, by commas.")] = ",".join(STEPS),
    seconds: Annotated[int, typer.Option(min=10, help="Normal operation to simulate.")] = 60,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print the tables of the documentation.")
    ] = False,
    outage: Annotated[bool, typer.Option(help="Simulate an hour's outage as well.")] = True,
) -> None:
    """Model a thousand to a million readings a second: lag, hot shards, throttles, recovery, bill."""
    try:
        figures = load_measurements(measured)
        found: list[Modelled] = []
        for name in steps.split(","):
            watched_s = 4 * 3600.0 if outage else 0.0
            built = settings_of(name)
            found += modelled(step(name), built, figures.speed, seconds=seconds, watched_s=watched_s)
    except (PetroStreamError, SettingsError, PricesError) as error:
        print_error(str(error))
        raise typer.Exit(FAILED) from error
    out.mkdir(parents=True, exist_ok=True)
    (out / "scale.json").write_text(as_text(figures, found), encoding="utf-8")
    (out / "scale.html").write_text(page(figures, found), encoding="utf-8")
    for name in steps.split(","):
        text = json.dumps(document(name), indent=2) + "\n"
        (out / f"settings-{name}.json").write_text(text, encoding="utf-8")
    if markdown:
        typer.echo(tables(figures, found))
        return
    view = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for place in _SHOWN:
        view.add_column(STEP_COLUMNS[place], overflow="fold")
    for row in steps_rows(found):
        # Names of quotas break at spaces, those of steps at the comma only.
        shown = [str(row[place]).replace("_", " ") for place in _SHOWN]
        view.add_row(shown[0].replace(", ", "\n"), *shown[1:])
    console = Console(highlight=False)
    console.print(view)
    console.print(f"Report: {out / 'scale.html'}, {out / 'scale.json'}", soft_wrap=True)


if __name__ == "__main__":
    commands.run(main)
