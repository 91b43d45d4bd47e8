"""How good PetroStream's alarms are in operation: instances streamed through the code that runs in Lambda.

    python -m ml.streaming_eval --data data/3w --json build/streaming.json --html build/streaming.html

Each instance with a normal period commissions its well with the first 60 % of it, and is watched from there
on; the forest is trained on other wells alone (`ml.evaluation.models`). What counts as a false alarm, a
detection or a miss is defined in `ml.evaluation.verdicts`. The model for wells without a baseline is tried on
every instance too, as on wells it has never seen; in operation only the physics rules raise alarms there.

    python -m ml.streaming_eval --data data/3w --baseline previous
    python -m ml.streaming_eval --data data/3w --baseline age --max-age 30

judge each instance by an earlier baseline of its well instead (`ml.evaluation.ageing`).
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from ml.data.dataset import Instance, InstanceFile, find_instances, read_instance
from ml.data.units import Reader, unit_repair
from ml.evaluation.ageing import Baselines, Choice, Judge, age_band, bands
from ml.evaluation.files import choose_files
from ml.evaluation.html import page
from ml.evaluation.models import LeftOut, live_models
from ml.evaluation.rows import (
    By,
    Row,
    age_groups,
    as_json,
    by_class,
    by_well,
    groups,
    make_row,
    named_events,
    summary,
)
from ml.evaluation.stream import BLOCK_S, stream, with_forest_alarms
from ml.evaluation.summary import show
from ml.evaluation.terminal import (
    explained,
    library_versions,
    say,
    tracked,
    write_json,
)
from ml.registry import open_registry
from ml.training.baseline import TRAIN_SHARE, NoBaselineError, NormalPeriod, instance_baseline, normal_period
from ml.training.models import FLEET_THRESHOLD, RECORDED_MIN_NORMAL_S, THRESHOLD
from petrostream.alarms import DEFAULT_LIMITS
from petrostream.detection import ModelSet
from toolchain import commands

DEFAULT_SEED = 1

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class Evaluation:
    """Collects the rows of an evaluation.

    Args:
        seed: seed of the forests.
        models: models trained on the wells; by default each well gets a forest trained without it.
        block_s: seconds of observations in a block.
        baselines: which baseline an instance is judged by; its own by default.
        read: reads an instance, such as one that converts units.

    Attributes:
        commissioned: instances on a baseline of their well, a row for each baseline tried.
        fleet: instances on the model for wells without one; only where instances have their own baselines.
        uncommissioned: why each other instance has no baseline, by `source`.
    """

    def __init__(
        self,
        seed: int,
        models: ModelSet | None = None,
        block_s: int = BLOCK_S,
        baselines: Baselines | None = None,
        read: Reader = read_instance,
    ) -> None:
        self.commissioned: list[Row] = []
        self.fleet: list[Row] = []
        self.uncommissioned: dict[str, str] = {}
        self._left_out = LeftOut(seed)
        self._models = models
        self._block_s = block_s
        self._baselines = baselines or Baselines()
        self._read = read

    def learn(self, files: Sequence[InstanceFile]) -> None:
        """Adds the normal operation of all wells to the training pool.

        Raises:
            DatasetError: a file can't be read.
        """
        for file in tracked(files, "Learning what is normal"):
            instance = self._read(file)
            period = self._left_out.learn(instance)
            with suppress(NoBaselineError):
                self._baselines.learn(instance, instance_baseline(period, RECORDED_MIN_NORMAL_S))

    def watch(self, instance: Instance) -> None:
        """Streams one instance through its own model and the fleet's, or through those of earlier days."""
        period = normal_period(instance)
        if self._baselines.choice != Choice.FRESH:
            judges = self._baselines.earlier(period)
            for judge in judges:
                self._judge(period, judge)
            if not judges:
                none = "no earlier baseline of its well" if period.end > period.start else "no normal period"
                self.uncommissioned[instance.source] = none
            return
        try:
            baseline = instance_baseline(period, RECORDED_MIN_NORMAL_S)
        except NoBaselineError as error:
            self.uncommissioned[instance.source] = str(error)
        else:
            self._judge(period, Judge(baseline, period.split))
        models = self._left_out.fleet(instance.well_id)
        found = stream(instance, models, block_s=self._block_s)
        found = with_forest_alarms(instance, found, FLEET_THRESHOLD)
        self.fleet.append(make_row(instance, found, 0, None, FLEET_THRESHOLD))

    def _judge(self, period: NormalPeriod, judge: Judge) -> None:
        instance, baseline = period.instance, judge.baseline
        begins_ms = int(instance.ts_ms[judge.watched_from])
        models = self._models or self._left_out.commissioned(baseline, begins_ms)
        found = stream(instance, models, block_s=self._block_s)
        made_of = {"seconds": baseline.seconds, "sensors": list(baseline.sensors)}
        if judge.age_days is not None:
            band = age_band(judge.age_days, bands(self._baselines.choice))
            made_of |= {"source": baseline.source, "age_days": judge.age_days, "age": band}
        model = models.for_well(instance.well_id, begins_ms)
        threshold = THRESHOLD if model is None else model.threshold
        self.commissioned.append(make_row(instance, found, judge.watched_from, made_of, threshold))

    def result(self, seed: int) -> dict[str, Any]:
        """What the JSON file holds."""
        rows = self.commissioned
        return {
            "summary": summary(rows),
            "by_class": groups(rows, by_class),
            "by_well": groups(rows, by_well),
            "by_age": age_groups(rows),
            "forest_alone": summary(rows, "forest"),
            "rules_alone": summary(rows, "rules"),
            "forest_by_age": age_groups(rows, "forest"),
            "rules_by_age": age_groups(rows, "rules"),
            "named_events": named_events(rows),
            "instances": [as_json(row) for row in rows],
            "not_commissioned": self.uncommissioned,
            "fleet": {
                "forest": _fleet(self.fleet, "forest"),
                "rules": _fleet(self.fleet, "rules"),
                "named_events": named_events(self.fleet),
                "instances": [as_json(row) for row in self.fleet],
            },
            "settings": {
                "seed": seed,
                "baseline": str(self._baselines.choice),
                "models": self._models.version if self._models else "leave-one-well-out",
                "baseline_share": TRAIN_SHARE,
                "min_baseline_s": RECORDED_MIN_NORMAL_S,
                "thresholds": sorted({row.trace.threshold for row in rows}),
                "fleet_threshold": FLEET_THRESHOLD,
                "score_deadband": DEFAULT_LIMITS.score_deadband,
                "on_delay_s": {one.id: one.on_delay_s for one in DEFAULT_LIMITS.types.values()},
            },
            "versions": library_versions(),
        }


def _fleet(rows: Sequence[Row], by: By) -> dict[str, Any]:
    """Figures of wells never seen; instances without normal operation stand apart."""
    return {
        "with_normal_period": summary([row for row in rows if row.verdict.normal_s > 0], by),
        "without_normal_period": summary([row for row in rows if row.verdict.normal_s == 0], by),
        "by_class": groups(rows, by_class, by),
        "by_well": groups(rows, by_well, by),
    }


@app.command()
def main(  # noqa: PLR0913, PLR0917  (one option of the command line each)
    data: Annotated[Path, typer.Option(help="Folder in the 3W layout.")],
    json: Annotated[Path | None, typer.Option(help="Write all figures to this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report with plots to this file.")] = None,
    wells: Annotated[
        list[str] | None, typer.Option("--well", help="Only this well; repeat the option for more.")
    ] = None,
    classes: Annotated[
        list[int] | None, typer.Option("--class", help="Evaluate this class only; repeat for more.")
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(help="Use the live models of this registry (s3://bucket or folder), not held-out ones."),
    ] = None,
    baseline: Annotated[
        Choice,
        typer.Option(help="Judge by the instance's own baseline, the one before it, or every earlier one."),
    ] = Choice.FRESH,
    max_age: Annotated[
        float | None,
        typer.Option(min=0, help="Days: what --baseline age leaves out is older."),
    ] = None,
    units: Annotated[
        str | None,
        typer.Option(help="Convert gauges as this fleet file says, or `detect` their units, first."),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the forests.")] = DEFAULT_SEED,
) -> None:
    """Stream instances through the serving code and measure its alarms as an operator would."""
    baselines = _baselines(baseline, max_age, models)
    with explained():
        everything = find_instances(data)
        chosen = choose_files(everything, data, wells, classes)
        live = live_models(open_registry(models)) if models else None
        repair = unit_repair(units)
        evaluation = Evaluation(seed, live, baselines=baselines, read=repair.read)
        evaluation.learn([file for file in everything if file.is_real == chosen[0].is_real])
        for file in tracked(chosen, "Streaming"):
            evaluation.watch(repair.read(file))
        result = {**evaluation.result(seed), "units": repair.done}
        if json:
            write_json(json, result)
        if html:
            html.parent.mkdir(parents=True, exist_ok=True)
            html.write_text(page(result, evaluation.commissioned, evaluation.fleet), encoding="utf-8")
    show(result)
    for line in repair.lines():
        say(line)
    for path in (json, html):
        if path:
            say(f"Written: {path}")


def _baselines(choice: Choice, max_age: float | None, models: str | None) -> Baselines:
    if max_age is not None and choice != Choice.AGE:
        raise typer.BadParameter("only --baseline age has a greatest age", param_hint="--max-age")
    if models and choice != Choice.FRESH:
        raise typer.BadParameter(
            f"models of a registry have baselines of their own; leave out --models or --baseline {choice}",
            param_hint="--baseline",
        )
    return Baselines(choice, float("inf") if max_age is None else max_age)


if __name__ == "__main__":
    commands.run(app)
