"""Trains the models of a set of wells: one per well with a baseline, and one for the fleet."""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from sklearn.ensemble import IsolationForest

from ml.baseline import TRAIN_SHARE, Baseline, NoBaselineError, NormalPeriod, make_baseline, normal_period
from ml.dataset import Instance
from ml.forest import COMMISSIONED_LIMITS, FLEET_LIMITS, Fitted, choose_threshold, fit_forest
from petrostream.arrays import FloatArray
from petrostream.detector import MIN_SENSOR_SHARE, Detection, WellModel, detect, load_model
from petrostream.feature_plan import COMMISSIONED, FLEET, FeaturePlan, feature_names
from petrostream.features import WINDOWS_S, quantise, window_stats

FLEET_WELL = "*"
MIN_FLEET_WELLS = 2
MIN_FLEET_SENSOR_SHARE = 0.5
FLEET_ROWS_PER_WELL = 1500
MIN_TRAINING_ROWS = 200
MAX_HELD_OUT_FLAGGED = 0.2
"""Above this share of its own later normal operation flagged, a well was not steady while commissioned."""

SUSTAINED_S = 10


@dataclass(frozen=True, slots=True, eq=False)
class TrainedModel:
    """A model and its manifest entry, which lacks only the files."""

    well_id: str
    entry: dict[str, Any]
    forest: IsolationForest
    onnx: bytes


@dataclass(slots=True)
class Fleet:
    """What training collects over the wells.

    Attributes:
        trained: models by well.
        refused: why each other well has none.
        periods: normal periods of the commissioned wells, for the fleet model.
        baselines: their baselines.
    """

    trained: dict[str, TrainedModel] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    periods: dict[str, list[NormalPeriod]] = field(default_factory=dict)
    baselines: dict[str, Baseline] = field(default_factory=dict)


def train_wells(
    wells: Mapping[str, Iterable[Instance]], seed: int, done: Callable[[], object] = lambda: None
) -> Fleet:
    """Trains one model per well, in the order of the mapping.

    Args:
        wells: instances by well; read one well at a time.
        seed: seed of the set; a well's model depends on it and on the well alone.
        done: called after each well.
    """
    fleet = Fleet()
    for well_id, instances in wells.items():
        periods = [normal_period(instance) for instance in instances]
        try:
            baseline = make_baseline(well_id, periods)
            fleet.trained[well_id] = _train_well(baseline, periods, seed)
        except NoBaselineError as error:
            fleet.refused[well_id] = str(error)
        else:
            fleet.baselines[well_id] = baseline
            fleet.periods[well_id] = [_normal_only(period) for period in periods if period.end > period.start]
        done()
    return fleet


def train_fleet(fleet: Fleet, seed: int) -> TrainedModel | None:
    """The model for wells without a baseline, on features without level; None from fewer than two wells."""
    if len(fleet.baselines) < MIN_FLEET_WELLS:
        return None
    shared = _shared_sensors(fleet.baselines.values())
    baseline = Baseline(FLEET_WELL, shared, *_usual(shared, fleet.baselines.values()), excluded={})
    names = feature_names(shared, FLEET)
    plan = FeaturePlan.build(names, shared, baseline.center, baseline.scale)
    parts = []
    for periods in fleet.periods.values():
        rows = _training_rows(plan, periods)
        parts.append(rows[:: max(1, len(rows) // FLEET_ROWS_PER_WELL)])
    features = np.concatenate(parts)
    if len(features) < MIN_TRAINING_ROWS or np.isnan(features).all(axis=0).any():
        return None
    fitted = fit_forest(features, names, _rng(seed, FLEET_WELL))
    everyone = [period for periods in fleet.periods.values() for period in periods]
    return _model(baseline, FLEET, names, fitted, everyone, seed)


def _train_well(baseline: Baseline, periods: Sequence[NormalPeriod], seed: int) -> TrainedModel:
    names = feature_names(baseline.sensors, COMMISSIONED)
    plan = FeaturePlan.build(names, baseline.sensors, baseline.center, baseline.scale)
    features = _training_rows(plan, periods)
    if len(features) < MIN_TRAINING_ROWS:
        raise NoBaselineError(
            f"only {len(features)} normal readings have warm windows and at least half of the gauges; "
            f"{MIN_TRAINING_ROWS} are needed"
        )
    fitted = fit_forest(features, names, _rng(seed, baseline.well_id))
    model = _model(baseline, COMMISSIONED, names, fitted, periods, seed)
    flagged = float(model.entry["metrics"]["held_out_flagged"])
    if flagged > MAX_HELD_OUT_FLAGGED:
        raise NoBaselineError(
            f"its normal operation is not steady: {flagged:.0%} of the held-out normal readings look "
            f"anomalous against the first {TRAIN_SHARE:.0%}"
        )
    return model


def _model(
    baseline: Baseline,
    kind: str,
    names: tuple[str, ...],
    fitted: Fitted,
    periods: Sequence[NormalPeriod],
    seed: int,
) -> TrainedModel:
    limits = COMMISSIONED_LIMITS if kind == COMMISSIONED else FLEET_LIMITS
    entry: dict[str, Any] = {
        "kind": kind,
        "sensors": list(baseline.sensors),
        "center": baseline.center.tolist(),
        "scale": baseline.scale.tolist(),
        "feature_names": list(names),
        "feature_center": fitted.feature_center.tolist(),
        "feature_scale": fitted.feature_scale.tolist(),
        "threshold": limits[1],
    }
    model = load_model({**entry, "well_id": baseline.well_id}, fitted.onnx)
    found = [_detect(model, period) for period in periods]
    held_out = np.concatenate(
        [one.score[part.split : part.end] for one, part in zip(found, periods, strict=True)]
    )
    threshold = choose_threshold(held_out, limits)
    model = replace(model, threshold=threshold)
    entry["threshold"] = threshold
    entry["training"] = _training(baseline, fitted, periods, seed)
    entry["metrics"] = {
        "parity": fitted.parity,
        **_held_out(held_out, threshold),
        "events": [
            event
            for one, part in zip(found, periods, strict=True)
            if (event := _event(part, np.nan_to_num(one.score) >= threshold))
        ],
    }
    return TrainedModel(baseline.well_id, entry, fitted.forest, fitted.onnx)


def _training(
    baseline: Baseline, fitted: Fitted, periods: Sequence[NormalPeriod], seed: int
) -> dict[str, Any]:
    return {
        "instances": [part.instance.source for part in periods if part.end > part.start],
        "normal_seconds": sum(part.end - part.start for part in periods),
        "train_share": TRAIN_SHARE,
        "windows_s": list(WINDOWS_S),
        "rows": fitted.rows,
        "background_rows": fitted.background_rows,
        "trees": len(fitted.forest.estimators_),
        "max_samples": int(fitted.forest.max_samples_),
        "seed": seed,
        "excluded": baseline.excluded,
    }


def _held_out(scores: FloatArray, threshold: float) -> dict[str, float | int | None]:
    known = scores[np.isfinite(scores)]
    return {
        "held_out_rows": len(known),
        "held_out_flagged": float((known >= threshold).mean()) if len(known) else 0.0,
        "held_out_median": float(np.median(known)) if len(known) else None,
        "held_out_p999": float(np.quantile(known, 0.999)) if len(known) else None,
    }


def _event(part: NormalPeriod, flagged: "np.ndarray[Any, np.dtype[np.bool_]]") -> dict[str, Any] | None:
    """How an instance's event was seen; for the report only, nothing is chosen by it."""
    rows = np.flatnonzero(part.instance.in_event)
    if len(rows) == 0:
        return None
    run = np.convolve(flagged, np.ones(SUSTAINED_S), "full")[: len(flagged)] >= SUSTAINED_S
    after = np.flatnonzero(run[rows[0] :])
    return {
        "instance": part.instance.source,
        "delay_s": int(after[0]) if len(after) else None,
        "flagged": float(flagged[rows].mean()),
    }


def _training_rows(plan: FeaturePlan, periods: Sequence[NormalPeriod]) -> FloatArray:
    """Commissioning rows with at least half of the sensors complete, shape (n, k), NaN where incomplete."""
    parts = [np.empty((0, len(plan.names)))]
    for period in periods:
        stop = period.split
        if stop == period.start:
            continue
        counts = quantise(period.values[:stop, plan.sensors], plan.sensors)
        rows = plan.matrix(window_stats(period.instance.ts_ms[:stop], counts, plan.sensors, period.start))
        parts.append(rows[plan.sensor_complete(rows).mean(axis=1) >= MIN_SENSOR_SHARE])
    return np.concatenate(parts)


def _detect(model: WellModel, period: NormalPeriod) -> Detection:
    """What serving would have said of the whole instance."""
    counts = quantise(period.values[:, model.plan.sensors], model.plan.sensors)
    return detect(model, window_stats(period.instance.ts_ms, counts, model.plan.sensors))


def _normal_only(period: NormalPeriod) -> NormalPeriod:
    """The period without what follows it, so that no event is kept in memory for the fleet model."""
    kept = slice(0, period.end)
    one = period.instance
    instance = replace(one, ts_ms=one.ts_ms[kept], values=one.values[:0], label=one.label[kept])
    return replace(period, instance=instance, values=period.values[kept].copy())


def _shared_sensors(baselines: Iterable[Baseline]) -> tuple[str, ...]:
    known = list(baselines)
    names = dict.fromkeys(name for baseline in known for name in baseline.sensors)
    shared = [
        name
        for name in names
        if sum(name in baseline.sensors for baseline in known) >= MIN_FLEET_SENSOR_SHARE * len(known)
    ]
    return tuple(shared or names)


def _usual(sensors: Sequence[str], baselines: Iterable[Baseline]) -> tuple[FloatArray, FloatArray]:
    """Median centre and scale of each sensor over the wells that have it."""
    known = list(baselines)

    def median(values: str, sensor: str) -> float:
        found = [getattr(one, values)[one.sensors.index(sensor)] for one in known if sensor in one.sensors]
        return float(np.median(found))

    return (
        np.array([median("center", sensor) for sensor in sensors]),
        np.array([median("scale", sensor) for sensor in sensors]),
    )


def _rng(seed: int, well_id: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(well_id.encode())])
