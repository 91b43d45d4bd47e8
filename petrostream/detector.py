"""Isolation Forests of the wells on ONNX Runtime: score, flag, and the sensors that moved a reading most.

Score of a reading, after F. T. Liu, K. M. Ting, Z.-H. Zhou, "Isolation Forest", ICDM 2008, equation 2:
2 ** -(E[h(x)] / c(psi)), with E[h(x)] the mean path length over the trees and c(psi) that of a tree of psi
random points. The ONNX graph gives the sum of path lengths; the rest is here, in float64.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnxruntime

from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.feature_plan import COMMISSIONED, FLEET, FeaturePlan
from petrostream.features import WindowStats
from petrostream.sensors import SENSOR_NAMES

MIN_SENSOR_SHARE = 0.5
"""A reading is scored when at least this share of its model's sensors have all their features."""

TOP_SENSORS = 3
SCORE_DECIMALS = 6
_ERRORS_ONLY = 3


class ModelFormatError(ValueError):
    """A manifest entry or ONNX file that can't be served; the text names the well, field and value."""


@dataclass(frozen=True, slots=True)
class WellModel:
    """One well's detector.

    Attributes:
        well_id: the well, or `*` for the fleet model.
        kind: `commissioned` (the well's own baseline) or `fleet`.
        version: registry version.
        sensors: sensor names.
        center, scale: shape (s,), the baseline, in sensor units.
        threshold: lowest anomalous score.
        feature_names: columns of the forest, k of them.
        plan: how the columns are computed.
        fill: shape (k,), stands in for the features of a missing sensor: the middle of the training data.
        spread: shape (k,), the training data's spread about `fill`.
        session: ONNX Runtime session.
        trees, normaliser: number of trees, c(psi).
    """

    well_id: str
    kind: str
    version: str
    sensors: tuple[str, ...]
    center: FloatArray
    scale: FloatArray
    threshold: float
    feature_names: tuple[str, ...]
    plan: FeaturePlan
    fill: FloatArray
    spread: FloatArray
    session: onnxruntime.InferenceSession
    trees: int
    normaliser: float


@dataclass(frozen=True, slots=True)
class ModelSet:
    """All models of one registry version."""

    version: str
    wells: Mapping[str, WellModel] = field(default_factory=dict)
    fleet: WellModel | None = None

    def for_well(self, well_id: str) -> WellModel | None:
        """The well's own model, else the fleet's, else None."""
        return self.wells.get(well_id, self.fleet)


@dataclass(frozen=True, slots=True)
class Detection:
    """What the forest says of n readings.

    Attributes:
        score: shape (n,), 0 to 1; NaN without enough history or sensors.
        anomalous: shape (n,).
        ranking: shape (n, up to TOP_SENSORS), sensor indices, most deviant first; -1 where not anomalous.
    """

    score: FloatArray
    anomalous: BoolArray
    ranking: IntArray


def load_model(entry: Mapping[str, Any], onnx_bytes: bytes) -> WellModel:
    """A model from its manifest entry and ONNX file.

    Args:
        entry: `well_id`, `kind`, `version`, `sensors`, `center`, `scale`, `threshold`, `feature_names`; and
            optionally `feature_center` and `feature_scale`: middle and spread of the training features.
        onnx_bytes: a graph with input `features` float32 (n, k) and output `path_length` (n, 1), and with
            `n_trees` and `max_samples` in its metadata.

    Raises:
        ModelFormatError: a field is missing or inconsistent, or the graph is not such a graph.
    """
    well = str(entry.get("well_id", "*"))
    try:
        kind, threshold = _kind_and_threshold(entry)
        plan = _plan(entry)
        fill, spread = _training_data(entry, plan.names)
    except KeyError as error:
        raise ModelFormatError(f"model of {well}: manifest lacks {error}; publish it again") from None
    except (TypeError, ValueError) as error:
        raise ModelFormatError(f"model of {well}: {error}") from error
    session, trees, normaliser = _session(well, onnx_bytes, len(plan.names))
    return WellModel(
        well_id=well,
        kind=kind,
        version=str(entry.get("version", "")),
        sensors=tuple(entry["sensors"]),
        center=np.asarray(entry["center"], np.float64),
        scale=np.asarray(entry["scale"], np.float64),
        threshold=threshold,
        feature_names=plan.names,
        plan=plan,
        fill=fill,
        spread=spread,
        session=session,
        trees=trees,
        normaliser=normaliser,
    )


def _kind_and_threshold(entry: Mapping[str, Any]) -> tuple[str, float]:
    kind, threshold = str(entry["kind"]), float(entry["threshold"])
    if kind not in (COMMISSIONED, FLEET):
        raise ValueError(f"kind {kind!r} must be {COMMISSIONED!r} or {FLEET!r}")
    if not 0 < threshold < 1:
        raise ValueError(f"threshold {threshold} must be between 0 and 1")
    return kind, threshold


def _plan(entry: Mapping[str, Any]) -> FeaturePlan:
    sensors, names = tuple(entry["sensors"]), tuple(entry["feature_names"])
    center = _numbers("center", entry["center"], len(sensors))
    scale = _numbers("scale", entry["scale"], len(sensors))
    if not (scale > 0).all() or not names:
        raise ValueError(f"scale {scale.tolist()} must be positive, {len(names)} features more than none")
    return FeaturePlan.build(names, sensors, center, scale)


def _training_data(entry: Mapping[str, Any], names: tuple[str, ...]) -> tuple[FloatArray, FloatArray]:
    """Middle and spread of the training features; those of scaled noise if the entry has none."""
    middle = entry.get("feature_center") or [0.0] * len(names)
    spread = entry.get("feature_scale") or [_usual_spread(name) for name in names]
    fill = _numbers("feature_center", middle, len(names))
    return fill, np.maximum(_numbers("feature_scale", spread, len(names)), 1e-9)


def _numbers(name: str, raw: Any, length: int) -> FloatArray:  # noqa: ANN401  (parsed JSON)
    values = np.asarray(raw, np.float64)
    if values.shape != (length,) or not np.isfinite(values).all():
        raise ValueError(f"{name} must be {length} finite numbers, it is {raw}")
    return values


def _usual_spread(name: str) -> float:
    """Spread of a feature of scaled noise: 1 for a level, 1 / W for the slope over W seconds."""
    feature = name.partition(":")[2]
    return 1.0 / float(feature.removeprefix("slope_")) if feature.startswith("slope_") else 1.0


def _session(well: str, onnx_bytes: bytes, features: int) -> tuple[onnxruntime.InferenceSession, int, float]:
    options = onnxruntime.SessionOptions()
    # A scoring function has one core: more threads only cost their start and their spinning.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = _ERRORS_ONLY
    try:
        session = onnxruntime.InferenceSession(onnx_bytes, options, providers=["CPUExecutionProvider"])
        width = session.get_inputs()[0].shape[1]
        names = (session.get_inputs()[0].name, session.get_outputs()[0].name)
        meta = session.get_modelmeta().custom_metadata_map
        trees, samples = int(meta["n_trees"]), int(meta["max_samples"])
    except Exception as error:  # ONNX Runtime raises bare exceptions of its own, by kind of damage
        raise ModelFormatError(f"model of {well}: not a forest in ONNX: {error!r}") from error
    if names != ("features", "path_length") or width != features or trees < 1 or samples < 2:
        raise ModelFormatError(
            f"model of {well}: graph {names} of {width} features, {trees} trees, {samples} samples does not "
            f"fit the manifest's {features} features"
        )
    return session, trees, average_path_length(samples)


def average_path_length(samples: int) -> float:
    """c(psi): mean path length of an unsuccessful search in a binary search tree of psi >= 2 points.

    Source: Liu, Ting, Zhou 2008, equation 1.
    """
    if samples == 2:
        return 1.0
    return 2.0 * (math.log(samples - 1.0) + float(np.euler_gamma)) - 2.0 * (samples - 1.0) / samples


def detect(model: WellModel, stats: WindowStats) -> Detection:
    """Score the readings of one well.

    Args:
        model: the well's model.
        stats: window statistics of n readings.

    Returns:
        The detection. Features of a missing sensor are set to the middle of the training data, where they
        speak neither for nor against an anomaly; below `MIN_SENSOR_SHARE` there is no score.
    """
    features = model.plan.matrix(stats)
    complete = model.plan.sensor_complete(features)
    known = complete.mean(axis=1) >= MIN_SENSOR_SHARE
    score = np.full(len(features), np.nan)
    ranking = np.full((len(features), min(TOP_SENSORS, len(model.sensors))), -1, np.int64)
    if known.any():
        chosen = features if known.all() else features[known]
        if not complete.all():
            chosen = np.where(np.isnan(chosen), model.fill, chosen)
        score[known] = path_score(model, chosen)
    anomalous = np.nan_to_num(score) >= model.threshold
    if anomalous.any():
        ranking[anomalous] = _rank(model, features[anomalous])
    return Detection(score, anomalous, ranking)


def path_score(model: WellModel, features: FloatArray) -> FloatArray:
    """Scores of a complete feature matrix of shape (n, k): shape (n,), rounded to `SCORE_DECIMALS`."""
    (total,) = model.session.run(["path_length"], {"features": features.astype(np.float32, order="C")})
    mean: FloatArray = np.asarray(total, np.float64)[:, 0] / model.trees
    score: FloatArray = np.exp2(-mean / model.normaliser).round(SCORE_DECIMALS)
    return score


def _rank(model: WellModel, features: FloatArray) -> IntArray:
    """Sensors by their largest deviation from the training data, in spreads: shape (n, up to TOP_SENSORS)."""
    deviation = np.nan_to_num(np.abs(features - model.fill) / model.spread)
    largest: FloatArray = np.zeros((len(features), len(model.sensors)))
    for position in range(len(model.sensors)):
        largest[:, position] = deviation[:, model.plan.owner == position].max(axis=1, initial=0.0)
    order = np.argsort(-largest, axis=1, kind="stable")[:, :TOP_SENSORS]
    ranked: IntArray = model.plan.sensors[order]
    return ranked


def sensor_names(ranking: IntArray) -> list[str]:
    """Names of one row of a ranking, most deviant sensor first."""
    return [SENSOR_NAMES[index] for index in ranking.tolist() if index >= 0]
