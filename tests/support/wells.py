"""Readings and models of an invented well, for tests of scoring."""

from functools import cache

import numpy as np
from sklearn.ensemble import IsolationForest

from ml.training.onnx_export import forest_to_onnx
from petrostream.detection.detector import ModelSet, WellModel, load_model, load_models
from petrostream.detection.extraction import FeatureExtractor, feature_names, series_rows
from petrostream.readings.wells import NO_TIME, Readings, event_id
from petrostream.schema.sensors import SENSOR_INDEX, SENSOR_NAMES
from petrostream.times import to_iso

WELL = "WELL-00011"
FACILITY = "FAC-03"
START = 1_700_000_000_000
SENSORS = ("p_pdg", "p_tpt", "t_tpt", "p_mon_ckp")
CENTER = np.array([2.1e7, 1.4e7, 95.0, 5.0e6])
SCALE = np.array([1.0e4, 1.0e4, 0.05, 1.0e4])
THRESHOLD = 0.57


def table(columns):
    """Sensor values of shape (n, 27) from columns by name; the others are missing."""
    n = len(next(iter(columns.values())))
    values = np.full((n, len(SENSOR_NAMES)), np.nan)
    for name, column in columns.items():
        values[:, SENSOR_INDEX[name]] = column
    return values


def normal_values(n, seed=0):
    noise = np.random.default_rng(seed).normal(size=(n, len(SENSORS)))
    return table(dict(zip(SENSORS, (CENTER + SCALE * noise).T, strict=True)))


def event_values(n=400, at=200, most="p_tpt", seed=11):
    """Normal operation, then every gauge moves by 25 times its noise, and one by 60 times."""
    values = normal_values(n, seed)
    for sensor, scale in zip(SENSORS, SCALE, strict=True):
        values[at:, SENSOR_INDEX[sensor]] += scale * (60 if sensor == most else 25)
    return values


def readings(
    values,
    ts_ms=None,
    *,
    well=WELL,
    methane=None,
    sequence="1",
    source="2/test",
    offset_ms=None,
    feed_id="",
    arrival_ms=None,
):
    n = len(values)
    ts_ms = START + 1000 * np.arange(n) if ts_ms is None else np.asarray(ts_ms, np.int64)
    missing = np.full(n, np.nan)
    wells = [well] * n if isinstance(well, str) else list(well)
    sources = [source] * n if isinstance(source, str) else list(source)
    return Readings(
        well_id=wells,
        facility_id=[FACILITY] * n,
        ts_ms=ts_ms,
        source=sources,
        source_ts_ms=np.full(n, NO_TIME) if offset_ms is None else ts_ms - offset_ms,
        values=values,
        label=[None] * n,
        state=[None] * n,
        methane_ppm=missing if methane is None else np.asarray(methane, np.float64),
        co2_ppm=missing,
        vibration_rms=missing,
        reasons=[()] * n,
        quality=np.full(n, 100.0),
        event_id=list(map(event_id, wells, sources, ts_ms.tolist())),
        sequence=[sequence] * n,
        feed_id=[feed_id] * n if isinstance(feed_id, str) else list(feed_id),
        # As a live well's, unless it is said: each reading arrives when it is taken.
        arrival_ms=ts_ms if arrival_ms is None else np.asarray(arrival_ms, np.int64),
    )


@cache
def training(kind="commissioned"):
    """A fitted forest, the rows of healthy gauges behind it, and their extractor."""
    names = feature_names(kind)
    extractor = FeatureExtractor.build(names, SENSORS, CENTER, SCALE)
    rows, whole = series_rows(START + 1000 * np.arange(900), normal_values(900), extractor)
    healthy = rows[whole]
    # Shifted copies teach the forest where "outside" is; it never splits beyond what it saw.
    rng = np.random.default_rng(1)
    moved = healthy[rng.integers(0, len(healthy), 300)]
    moved = (moved + rng.uniform(-20, 20, moved.shape)).astype(np.float32)
    fitted = IsolationForest(n_estimators=50, random_state=7).fit(np.concatenate([healthy, moved]))
    return fitted, healthy, extractor


def entry(kind="commissioned", changes=None):
    """A manifest entry that fits `training`'s forest."""
    base = {
        "well_id": WELL if kind == "commissioned" else "*",
        "kind": kind,
        "version": "v1",
        "sensors": list(SENSORS),
        "center": CENTER.tolist(),
        "scale": SCALE.tolist(),
        "threshold": THRESHOLD,
        "feature_names": list(feature_names(kind)),
    }
    return {**base, **(changes or {})}


@cache
def model(kind="commissioned") -> WellModel:
    return load_model(entry(kind), forest_to_onnx(training(kind)[0]))


@cache
def recommissioned() -> tuple[WellModel, ...]:
    """Two baselines: the second holds from 1,000 s after the start on, 30 units higher."""
    first = {"source": "2/first", "valid_from": to_iso(START)}
    higher = (CENTER + 30 * SCALE).tolist()
    second = {"source": "2/second", "valid_from": to_iso(START + 1_000_000), "center": higher}
    return load_models(entry(changes={"baselines": [second, first]}), forest_to_onnx(training()[0]))


def models() -> ModelSet:
    return ModelSet("v1", {WELL: (model(),)}, model("fleet"))
