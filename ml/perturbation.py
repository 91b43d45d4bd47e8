"""How alarms bear ordinary life: operators' moves, drifting and failing gauges, wrong units.

    python -m ml.perturbation --data data/3w --json build/perturbation.json --html build/perturbation.html

Each real instance with a baseline and an event becomes a course of hours: its normal period mirrored in time
(`ml.evaluation.mirror`), then its own event. Each row changes every course in one way
(`ml.evaluation.perturbations`), streams it through the code that scores in operation, and counts the alarms
of the change, how long they stand, and whether the event that follows is still found. The forest is trained
on other wells alone (`ml.evaluation.models`).
"""

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ml.data.dataset import DatasetError, InstanceFile, find_instances, read_instance
from ml.evaluation.files import choose_files
from ml.evaluation.mirror import HOURS, SETTLE_S, WellCourse, make_course
from ml.evaluation.models import LeftOut
from ml.evaluation.perturbation_report import page, show
from ml.evaluation.perturbations import PERTURBATIONS, Perturbation
from ml.evaluation.terminal import explained, library_versions, say, tracked, write_json
from ml.evaluation.trials import Trial, listed, summarise, try_out
from ml.training.baseline import NoBaselineError, instance_baseline
from ml.training.models import RECORDED_MIN_NORMAL_S
from toolchain import commands

DEFAULT_SEED = 1
EVENT_CLASSES = (2, 6)
"""Quick events, which an alarm must find within minutes; slow ones have an evaluation of their own."""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class Bench:
    """Runs rows over courses.

    Args:
        seed: seed of the forests and of what a row draws.
        hours: length of the normal part of a course.
        keep_slow: whether courses keep the slow part of the normal period (`ml.evaluation.mirror`).

    Attributes:
        hours: length of the normal part of a course.
        keep_slow: see above.
        courses: what is changed.
        left_out: why each other instance makes no course, by `source`.
    """

    def __init__(self, seed: int, hours: float = HOURS, *, keep_slow: bool = False) -> None:
        self.courses: list[WellCourse] = []
        self.left_out: dict[str, str] = {}
        self._seed = seed
        self.hours = hours
        self.keep_slow = keep_slow
        self._models = LeftOut(seed)

    def prepare(self, everything: Sequence[InstanceFile], chosen: Sequence[InstanceFile]) -> None:
        """Trains on the wells of a folder, and makes the courses of the chosen instances.

        Raises:
            DatasetError: a file can't be read.
        """
        wanted = {file.source for file in chosen}
        for file in tracked(everything, "Learning what is normal"):
            period = self._models.learn(read_instance(file))
            if file.source not in wanted:
                continue
            try:
                baseline = instance_baseline(period, RECORDED_MIN_NORMAL_S)
            except NoBaselineError as error:
                self.left_out[file.source] = str(error)
                continue
            self.courses.append(make_course(period, baseline, self.hours, keep_slow=self.keep_slow))

    def run(self, perturbation: Perturbation) -> list[Trial]:
        """Every course under one perturbation."""
        trials = []
        for course in self.courses:
            drawn_from = zlib.crc32(f"{perturbation.id}/{course.instance.source}".encode())
            changed = perturbation.change(course, np.random.default_rng([self._seed, drawn_from]))
            models = self._models.commissioned(course.baseline, int(changed.instance.ts_ms[0]))
            trials.append(try_out(changed, models, perturbation))
        return trials


def run(bench: Bench, rows: Sequence[Perturbation], seed: int) -> dict[str, Any]:
    """Runs rows; returns what the JSON file holds.

    Args:
        bench: with its courses.
        rows: what to try.
        seed: of the bench, for the record.
    """
    figures: dict[str, Any] = {}
    for row in tracked(rows, "Perturbing"):
        trials = bench.run(row)
        figures[row.id] = {
            "description": row.description,
            **summarise(trials),
            "trials": [listed(trial) for trial in trials],
        }
    return {
        "rows": figures,
        "left_out": bench.left_out,
        "settings": {
            "seed": seed,
            "hours": bench.hours,
            "settle_s": SETTLE_S,
            "keep_slow": bench.keep_slow,
        },
        "versions": library_versions(),
    }


@app.command()
def main(  # noqa: PLR0913, PLR0917  (one option of the command line each)
    data: Annotated[Path, typer.Option(help="Folder in the 3W layout.")],
    json: Annotated[Path | None, typer.Option(help="Write all figures to this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report to this file.")] = None,
    rows: Annotated[
        list[str] | None,
        typer.Option("--row", help=f"This row only; repeat for more. Of: {', '.join(PERTURBATIONS)}."),
    ] = None,
    wells: Annotated[
        list[str] | None, typer.Option("--well", help="Only this well; repeat the option for more.")
    ] = None,
    classes: Annotated[
        list[int] | None, typer.Option("--class", help="This class only (default 2 and 6); repeat for more.")
    ] = None,
    hours: Annotated[
        float, typer.Option(min=1.5, max=48.0, help="Length of the normal part of each course.")
    ] = HOURS,
    keep_slow: Annotated[
        bool,
        typer.Option(
            "--keep-slow",
            help="Keep what varies slower than half the normal period; mirroring makes swings of it.",
        ),
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the forests and of what is drawn.")
    ] = DEFAULT_SEED,
) -> None:
    """Change real normal operation as ordinary life does, and count the alarms of each change."""
    chosen_rows = _rows(rows)
    bench = Bench(seed, hours, keep_slow=keep_slow)
    with explained():
        everything = find_instances(data)
        chosen = choose_files(everything, data, wells, classes or EVENT_CLASSES)
        bench.prepare([file for file in everything if file.is_real == chosen[0].is_real], chosen)
        if not bench.courses:
            raise DatasetError(data, f"none of {len(chosen)} instances has a baseline to judge it by")
        result = run(bench, chosen_rows, seed)
        if json:
            write_json(json, result)
        if html:
            html.parent.mkdir(parents=True, exist_ok=True)
            html.write_text(page(result), encoding="utf-8")
    show(result)
    for path in (json, html):
        if path:
            say(f"Written: {path}")


def _rows(names: Sequence[str] | None) -> list[Perturbation]:
    unknown = sorted(set(names or ()) - set(PERTURBATIONS))
    if unknown:
        known = ", ".join(PERTURBATIONS)
        raise typer.BadParameter(
            f"{', '.join(unknown)} is not a row; choose from {known}", param_hint="--row"
        )
    return [row for name, row in PERTURBATIONS.items() if not names or name in names]


if __name__ == "__main__":
    commands.run(app)
