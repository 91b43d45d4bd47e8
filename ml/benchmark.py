"""The published anomaly-detection benchmark of 3W, for its own methods and for PetroStream's detector.

    python -m ml.benchmark --data data/3w --json build/benchmark.json

Protocol, windows and score are those of `ml.evaluation.vargas`; the other methods are in
`ml.evaluation.methods`, VUS-PR is in `ml.evaluation.ranking`. Of the evaluated instance PetroStream sees only
what the other methods see before the test windows: nine windows of normal operation, which make the baseline.
The forest is trained on the normal operation of other wells (`ml.evaluation.models`). A window is judged on
its own, by the serving code and from a cold start.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean, stdev
from typing import Annotated, Any

import typer
from rich.table import Column, Table

from ml.data.dataset import DatasetError, Instance, InstanceFile, find_instances, read_instance
from ml.evaluation.judge import HOLD_S, WARM_UP_S, judge_windows, score_rows
from ml.evaluation.limits import LIMITS, MAHALANOBIS, MAX_Z
from ml.evaluation.methods import (
    KERNELS,
    NEIGHBOURS,
    USUAL_NEIGHBOURS,
    LargestZ,
    Lof,
    Mahalanobis,
    Method,
    OneClass,
    PlainForest,
    dummy,
)
from ml.evaluation.models import LeftOut
from ml.evaluation.ranking import BUFFER, STEP, rank, rank_rows
from ml.evaluation.terminal import console, explained, library_versions, number, say, tracked, write_json
from ml.evaluation.vargas import (
    EVENT_CLASSES,
    MAX_WINDOWS,
    MIN_NORMAL_S,
    MIN_STD,
    TRAIN_SHARE,
    VARIABLES,
    WINDOW,
    Windows,
    cut_windows,
    micro_f1,
    why_not,
    window_features,
)
from toolchain import commands

DEFAULT_SEED = 1
"""The published Isolation Forest's."""

PETROSTREAM = "petrostream"
FOREST = "isolation_forest"
LOF = "lof"
LIMITED = {f"{PETROSTREAM}_{kind}": kind for kind in LIMITS}
"""PetroStream with a plain limit on the same features in the forest's place."""

OURS = (PETROSTREAM, *LIMITED)
METHODS = ("dummy", FOREST, *(f"ocsvm_{kernel}" for kernel in KERNELS), LOF, *LIMITS, *OURS)

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@dataclass(frozen=True, slots=True)
class Case:
    """One eligible instance: its file, windows, and each method's micro-F1 and VUS-PR so far."""

    file: InstanceFile
    windows: Windows
    scores: dict[str, float]
    ranks: dict[str, float]


def run(files: Sequence[InstanceFile], methods: Sequence[str], seed: int) -> dict[str, Any]:
    """Runs the benchmark.

    Args:
        files: instances; those that the protocol excludes are listed with the reason.
        methods: names of `METHODS`.
        seed: seed of both forests.

    Returns:
        What the JSON file holds.

    Raises:
        DatasetError: a file can't be read.
    """
    cases: list[Case] = []
    skipped: dict[str, str] = {}
    ours = [name for name in OURS if name in methods]
    left_out = LeftOut(seed)
    judges = _judges(methods, seed)
    for file in tracked(files, "Reading instances"):
        instance = read_instance(file)
        if ours and instance.is_real:
            left_out.learn(instance)
        reason = why_not(instance)
        if reason is None:
            cases.append(_case(instance, judges))
        else:
            skipped[file.source] = reason
    for case in tracked(cases if ours else [], "Judging with PetroStream"):
        instance = read_instance(case.file)
        for name in ours:
            models = partial(left_out.limited, LIMITED[name]) if name in LIMITED else left_out.commissioned
            judged = judge_windows(instance, case.windows, models)
            case.scores[name] = micro_f1(judged, case.windows.anomalous)
            case.ranks[name] = rank_rows(instance, case.windows, score_rows(instance, case.windows, models))
    choices = _choose_neighbours(cases) if LOF in methods else {}
    return _result(cases, skipped, methods, seed, choices)


def _judges(methods: Sequence[str], seed: int) -> dict[str, Method]:
    every: dict[str, Method] = {"dummy": dummy, FOREST: PlainForest(seed)}
    every |= {MAX_Z: LargestZ(), MAHALANOBIS: Mahalanobis()}
    every |= {f"ocsvm_{kernel}": OneClass(kernel) for kernel in KERNELS}
    judges = {name: judge for name, judge in every.items() if name in methods}
    if LOF in methods:
        judges |= {_lof(near): Lof(near) for near in NEIGHBOURS}
    return judges


def _lof(neighbours: int) -> str:
    return f"{LOF}_{neighbours}"


def _case(instance: Instance, judges: Mapping[str, Method]) -> Case:
    windows = cut_windows(instance.label, instance.event_class)
    train, test = window_features(instance, windows)
    scores = {name: micro_f1(judge(train, test), windows.anomalous) for name, judge in judges.items()}
    ranks = rank(instance, windows, judges)
    return Case(InstanceFile(instance.path, instance.event_class, instance.well_id), windows, scores, ranks)


def _choose_neighbours(cases: Sequence[Case]) -> dict[str, int]:
    """LOF's number of neighbours for each well, by its score on the other wells; ties go to the fewest."""
    chosen = {}
    for well in sorted({case.file.well_id for case in cases}):
        others = [case for case in cases if case.file.well_id != well]
        best = USUAL_NEIGHBOURS
        if others:
            best = max(NEIGHBOURS, key=lambda near: (fmean(one.scores[_lof(near)] for one in others), -near))
        chosen[well] = best
        for case in cases:
            if case.file.well_id == well:
                case.scores[LOF], case.ranks[LOF] = case.scores[_lof(best)], case.ranks[_lof(best)]
    return chosen


def _result(
    cases: Sequence[Case],
    skipped: Mapping[str, str],
    methods: Sequence[str],
    seed: int,
    neighbours: Mapping[str, int],
) -> dict[str, Any]:
    return {
        "protocol": {
            "source": "Vargas et al. 2019, doi 10.1016/j.petrol.2019.106223",
            "metric": "micro-averaged F1 of the windows of an instance",
            "event_classes": list(EVENT_CLASSES),
            "min_normal_s": MIN_NORMAL_S,
            "window": WINDOW,
            "max_normal_windows": MAX_WINDOWS,
            "train_share": TRAIN_SHARE,
            "variables": list(VARIABLES),
            "min_std": MIN_STD,
            "petrostream_hold_s": HOLD_S,
            "petrostream_warm_up_s": WARM_UP_S,
            "vus_pr_step": STEP,
            "vus_pr_buffer": BUFFER,
        },
        "seed": seed,
        "versions": library_versions(),
        "eligible": [_eligible(case) for case in cases],
        "skipped": dict(skipped),
        "methods": {name: _summary(cases, name) for name in METHODS if name in methods},
        "lof_neighbours": dict(neighbours),
    }


def _eligible(case: Case) -> dict[str, Any]:
    anomalous = int(case.windows.anomalous.sum())
    return {
        "instance": case.file.source,
        "well_id": case.file.well_id,
        "class": case.file.event_class,
        "train_windows": len(case.windows.train),
        "normal_windows": len(case.windows.test) - anomalous,
        "anomalous_windows": anomalous,
    }


def _summary(cases: Sequence[Case], name: str) -> dict[str, Any]:
    scores = {case.file.source: case.scores[name] for case in cases}
    values = list(scores.values())
    ranks = {case.file.source: case.ranks[name] for case in cases}
    return {
        "mean": fmean(values) if values else None,
        "std": stdev(values) if len(values) > 1 else None,
        "per_instance": scores,
        "vus_pr": {"mean": fmean(ranks.values()) if ranks else None, "per_instance": ranks},
    }


@app.command()
def main(
    data: Annotated[Path, typer.Option(help="Folder in the 3W layout.")],
    json: Annotated[Path | None, typer.Option(help="Write all figures to this file.")] = None,
    methods: Annotated[str, typer.Option(help=f"Comma-separated, of: {', '.join(METHODS)}.")] = ",".join(
        METHODS
    ),
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of both forests; 1 is that of the publication.")
    ] = DEFAULT_SEED,
) -> None:
    """Run the 3W anomaly-detection benchmark (Vargas et al. 2019) on the real instances of a folder."""
    chosen = _chosen(methods)
    with explained():
        result = run(find_instances(data), chosen, seed)
        if not result["eligible"]:
            raise DatasetError(data, _nothing(result["skipped"]))
        if json:
            write_json(json, result)
    _show(result)
    if json:
        say(f"All figures: {json}")


def _chosen(methods: str) -> list[str]:
    wanted = [name.strip() for name in methods.split(",") if name.strip()]
    unknown = sorted(set(wanted) - set(METHODS))
    if unknown or not wanted:
        raise typer.BadParameter(
            f"{', '.join(unknown) or 'nothing'} is not a method; choose from {', '.join(METHODS)}",
            param_hint="--methods",
        )
    return [name for name in METHODS if name in wanted]


def _nothing(skipped: Mapping[str, str]) -> str:
    reasons = "; ".join(f"{source}: {reason}" for source, reason in list(skipped.items())[:3])
    more = f"; and {len(skipped) - 3} more" if len(skipped) > 3 else ""
    return f"holds no instance that the benchmark can use ({reasons}{more})"


def _show(result: Mapping[str, Any]) -> None:
    methods = result["methods"]
    table = Table(
        "method", *(Column(name, justify="right") for name in ("mean", "std", "lowest", "highest", "VUS-PR"))
    )
    table.title = "Micro-F1 on the 3W anomaly-detection benchmark"
    for name, method in methods.items():
        scores = method["per_instance"].values()
        figures = (method["mean"], method["std"], min(scores), max(scores), method["vus_pr"]["mean"])
        table.add_row(name, *(number(figure, 3) for figure in figures))
    console.print(table)
    shown = [name for name in (FOREST, LOF, PETROSTREAM) if name in methods]
    if shown:
        detail = Table("instance", *(Column(name, justify="right") for name in shown))
        for case in result["eligible"]:
            source = case["instance"]
            detail.add_row(source, *(number(methods[name]["per_instance"][source], 3) for name in shown))
        console.print(detail)
    say(f"{len(result['eligible'])} eligible instances, {len(result['skipped'])} left out.")


if __name__ == "__main__":
    commands.run(app)
