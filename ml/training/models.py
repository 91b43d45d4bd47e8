"""Trains the models of wells: a baseline per well and date, one forest for all, one for the fleet."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ml.data.dataset import Instance
from ml.training.baseline import (
    TRAIN_SHARE,
    UNREMARKABLE,
    Baseline,
    NoBaselineError,
    instance_baseline,
    normal_period,
)
from ml.training.forest import TREES, Fitted
from ml.training.metrics import Seen
from ml.training.pool import FLEET_SENSORS, Pool, fleet_scale
from petrostream.detection import COMMISSIONED, FLEET, FLEET_WELL, ModelSet, feature_names, load_models
from petrostream.times import DAY_MS, to_iso

DEFAULT_SEED = 7

THRESHOLD = 0.56
FLEET_THRESHOLD = 0.61
"""Lowest anomalous scores. Both are fixed, none is fitted to a well; docs/adr/0007 says on what they were
chosen."""

VALID_DAYS = 7.0
"""How long a baseline is valid after its instance, in days: older ones were wrong more often than right."""

FIT_FIELDS = ("rows", "synthetic_rows", "background_rows", "trees", "max_samples", "seed")

RECORDED_MIN_NORMAL_S = 240.0
"""Shortest period that makes a baseline of a recorded instance. A live well can wait until it has ten
minutes; the length of a 3W instance is fixed, and short baselines are widened."""


Wells = Mapping[str, Iterable[Instance]]
"""Instances by well; each iterable must support repeated iteration."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to train.

    Attributes:
        seed: the same seed and data yield the same models.
        min_normal_s: shortest period that makes a baseline, seconds.
        valid_days: days that a baseline is valid after its instance; None: until the next one.
        trees: of each forest.
    """

    seed: int = DEFAULT_SEED
    min_normal_s: float = RECORDED_MIN_NORMAL_S
    valid_days: float | None = VALID_DAYS
    trees: int = TREES


@dataclass(slots=True)
class Training:
    """What training made.

    Attributes:
        forest: shared by all wells; None if no well has a baseline, and then there are no models at all.
        fleet_forest: for readings without a baseline.
        wells: manifest entries by well, complete except for the files.
        fleet: the fleet's manifest entry.
        refused: why each other well has no baseline.
        skipped: why an instance of a commissioned well made no baseline, by its source.
    """

    forest: Fitted | None = None
    fleet_forest: Fitted | None = None
    wells: dict[str, dict[str, Any]] = field(default_factory=dict)
    fleet: dict[str, Any] | None = None
    refused: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def train(
    wells: Wells, options: Options | None = None, done: Callable[[], object] = lambda: None
) -> Training:
    """Trains on the normal periods of the instances of wells.

    Args:
        wells: instances by well; each well's are read twice, one well at a time.
        options: how.
        done: called twice for each well.

    Returns:
        The models, and how they perform on the rest of the instances.

    Raises:
        ParityError: an ONNX file does not reproduce scikit-learn's scores.
    """
    options = options or Options()
    training, pool = Training(), Pool()
    made: dict[str, list[dict[str, Any]]] = {}
    for well_id, instances in wells.items():
        if found := _baselines(well_id, instances, options, pool, training):
            made[well_id] = found
        done()
    if made:
        training.forest = pool.fit(COMMISSIONED, options.seed, trees=options.trees)
        training.fleet_forest = pool.fit(FLEET, options.seed, trees=options.trees)
        fit = fit_entry(training.forest, options.seed)
        training.wells = {well: well_entry(parts, fit) for well, parts in made.items()}
        training.fleet = fleet_entry(training.fleet_forest, options)
        _measure(wells, training, done)
    return training


def well_entry(baselines: Sequence[Mapping[str, Any]], fit: Mapping[str, Any]) -> dict[str, Any]:
    """Manifest entry of a well, without files and metrics.

    Args:
        baselines: from `baseline_entry`, at least one.
        fit: how the shared forest was fitted, from `fit_entry`.
    """
    ordered = sorted(baselines, key=lambda one: str(one["valid_from"]))
    newest = ordered[-1]
    return {
        "kind": COMMISSIONED,
        "sensors": newest["sensors"],
        "center": newest["center"],
        "scale": newest["scale"],
        "feature_names": list(feature_names(COMMISSIONED)),
        "threshold": THRESHOLD,
        "baselines": ordered,
        "training": {
            "instances": [one["source"] for one in ordered],
            "normal_seconds": sum(one["seconds"] for one in ordered),
            "train_share": TRAIN_SHARE,
            **fit,
        },
    }


def baseline_entry(
    baseline: Baseline, valid_from_ms: int, valid_until_ms: int | None = None
) -> dict[str, Any]:
    """A baseline as the manifest lists it; times in UTC, valid until the next one if it has no end."""
    return {
        "source": baseline.source,
        "valid_from": to_iso(valid_from_ms),
        "valid_until": None if valid_until_ms is None else to_iso(valid_until_ms),
        "from": to_iso(baseline.from_ms),
        "to": to_iso(baseline.to_ms),
        "seconds": baseline.seconds,
        "sensors": list(baseline.sensors),
        "center": baseline.center.tolist(),
        "scale": baseline.scale.tolist(),
        "excluded": {name: why for name, why in baseline.excluded.items() if why not in UNREMARKABLE},
    }


def fleet_entry(forest: Fitted, options: Options) -> dict[str, Any]:
    """Manifest entry of the fleet, without files."""
    return {
        "kind": FLEET,
        "sensors": list(FLEET_SENSORS),
        "center": [0.0] * len(FLEET_SENSORS),
        "scale": fleet_scale().tolist(),
        "feature_names": list(feature_names(FLEET)),
        "threshold": FLEET_THRESHOLD,
        "training": fit_entry(forest, options.seed),
    }


def fit_entry(forest: Fitted, seed: int) -> dict[str, Any]:
    """How a forest was fitted, for the manifest: the fields of `FIT_FIELDS`."""
    return {
        "rows": forest.rows,
        "synthetic_rows": forest.synthetic_rows,
        "background_rows": forest.background_rows,
        "trees": len(forest.forest.estimators_),
        "max_samples": int(forest.forest.max_samples_),
        "seed": seed,
    }


def _baselines(
    well_id: str, instances: Iterable[Instance], options: Options, pool: Pool, training: Training
) -> list[dict[str, Any]]:
    """Baselines of one well; adds their rows to the pool, and reasons for missing ones to the training."""
    made, why = [], {}
    for instance in instances:
        period = normal_period(instance)
        try:
            baseline = instance_baseline(period, options.min_normal_s)
        except NoBaselineError as error:
            why[instance.source] = str(error)
            continue
        pool.add_period(baseline, period)
        begin, end = int(instance.ts_ms[0]), int(instance.ts_ms[-1])
        until = None if options.valid_days is None else end + int(options.valid_days * DAY_MS)
        made.append(baseline_entry(baseline, begin, until))
    if made:
        training.skipped.update(why)
    else:
        training.refused[well_id] = "; ".join(dict.fromkeys(why.values()))
    return made


def _measure(wells: Wells, training: Training, done: Callable[[], object]) -> None:
    """Adds to the entries how the models perform on data they were not trained on."""
    assert training.forest is not None
    assert training.fleet_forest is not None
    assert training.fleet is not None
    shared, fleet_forest = training.forest.load(), training.fleet_forest.load()
    (fleet,) = load_models({**training.fleet, "well_id": FLEET_WELL}, fleet_forest)
    fleet_seen = Seen()
    for well_id, instances in wells.items():
        if entry := training.wells.get(well_id):
            own = load_models({**entry, "well_id": well_id}, shared)
            seen = Seen()
            for instance in instances:
                seen.add(ModelSet("", {well_id: own}, fleet), instance)
                fleet_seen.add(ModelSet("", {}, fleet), instance)
            entry["metrics"] = seen.metrics(training.forest.parity)
        done()
    training.fleet["metrics"] = fleet_seen.metrics(training.fleet_forest.parity)
