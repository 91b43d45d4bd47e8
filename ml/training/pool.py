"""The rows, of all wells and of synthetic gauges, that the shared and the fleet's forest are fitted on."""

import zlib
from dataclasses import dataclass, field

import numpy as np

from ml.training.baseline import Baseline, NormalPeriod
from ml.training.forest import TREES, Fitted, fit_forest
from ml.training.synthetic import synthetic_rows
from petrostream.arrays import FloatArray, IntArray
from petrostream.detection import COMMISSIONED, FLEET, FeatureExtractor, RowArray, feature_names, series_rows
from petrostream.schema import SENSORS

ROWS_PER_WELL = 10_000
WELL_ROWS = 10_000
"""Rows of all wells together; more are thinned evenly."""

SYNTHETIC_ROWS = 30_000
"""Rows of synthetic gauges beside them. Wells differ in how quiet they are, and a forest of quiet ones finds
every other well loud: with three synthetic rows to one, scores hardly depend on which wells there are."""

WARM_ROWS = 30
FLEET_WARM_ROWS = 60
"""First rows of a period, left out of training because their windows are not full."""

FLEET_SENSORS = tuple(sensor.name for sensor in SENSORS if sensor.quantity in ("pressure", "temperature"))
FLEET_SCALES = {"pressure": 5e4, "temperature": 0.2}
"""Units of the fleet's features, since a well without a baseline has none of its own: Pa and degC."""


@dataclass(slots=True)
class Pool:
    """Rows of healthy gauges by well.

    Attributes:
        rows: for the shared forest, in units of the wells' baselines, shape (n, k) each.
        fleet_rows: for the fleet's forest, without level, in absolute units.
    """

    rows: dict[str, list[RowArray]] = field(default_factory=dict)
    fleet_rows: dict[str, list[RowArray]] = field(default_factory=dict)

    def add(self, baseline: Baseline, ts_ms: IntArray, values: FloatArray) -> None:
        """Adds the rows of a period.

        Args:
            baseline: the period's baseline.
            ts_ms: shape (n,), strictly increasing, epoch ms.
            values: shape (n, 27), possible values only, NaN where missing.
        """
        for rows, extractor, skip in (
            (self.rows, baseline_extractor(baseline), WARM_ROWS),
            (self.fleet_rows, fleet_extractor(baseline.sensors), FLEET_WARM_ROWS),
        ):
            made, whole = series_rows(ts_ms, values, extractor)
            rows.setdefault(baseline.well_id, []).append(made[:, skip:][whole[:, skip:]])

    def add_period(self, baseline: Baseline, period: NormalPeriod) -> None:
        """Adds the rows of an instance's normal period that made its baseline."""
        used = slice(period.start, period.split)
        self.add(baseline, period.instance.ts_ms[used], period.values[used])

    def fit(self, kind: str, seed: int, *, without: str | None = None, trees: int = TREES) -> Fitted:
        """A forest from rows of every well, which may be none, and of synthetic gauges.

        Args:
            kind: `commissioned` for the shared forest, `fleet` for that of wells without a baseline.
            seed: the same seed and rows yield the same forest.
            without: a well to leave out, for measuring on it.
            trees: number of trees.

        Raises:
            ParityError: the ONNX file does not reproduce scikit-learn's scores.
        """
        rows, synthetic = self.training_rows(kind, seed, without=without)
        rng = _rng(seed, kind, "forest")
        return fit_forest(rows, feature_names(kind), rng, trees=trees, synthetic=synthetic)

    def training_rows(self, kind: str, seed: int, *, without: str | None = None) -> tuple[RowArray, int]:
        """The rows that a forest is fitted on, and how many of them, at the end, are synthetic.

        Args:
            kind: as in `fit`.
            seed: as in `fit`.
            without: as in `fit`.
        """
        pools = self.rows if kind == COMMISSIONED else self.fleet_rows
        drawn = [
            _draw(np.concatenate(parts), _rng(seed, kind, well))
            for well, parts in sorted(pools.items())
            if well != without
        ]
        rows = np.concatenate([np.empty((0, len(feature_names(kind))), np.float32), *drawn])
        if len(rows) > WELL_ROWS:
            rows = rows[np.linspace(0, len(rows) - 1, WELL_ROWS).astype(np.int64)]
        made = synthetic_rows(kind, SYNTHETIC_ROWS, _rng(seed, kind, "synthetic"))
        return np.concatenate([rows, made]), len(made)


def baseline_extractor(baseline: Baseline) -> FeatureExtractor:
    """Features of a well in units of its baseline."""
    names = feature_names(COMMISSIONED)
    return FeatureExtractor.build(names, baseline.sensors, baseline.center, baseline.scale)


def fleet_scale(sensors: tuple[str, ...] = FLEET_SENSORS) -> FloatArray:
    """Units of the fleet's features: shape (s,)."""
    quantities = {sensor.name: str(sensor.quantity) for sensor in SENSORS}
    return np.array([FLEET_SCALES[quantities[name]] for name in sensors])


def fleet_extractor(sensors: tuple[str, ...] = FLEET_SENSORS) -> FeatureExtractor:
    """Features of a well without a baseline."""
    return FeatureExtractor.build(feature_names(FLEET), sensors, np.zeros(len(sensors)), fleet_scale(sensors))


def _draw(rows: RowArray, rng: np.random.Generator) -> RowArray:
    return rows[rng.integers(0, len(rows), ROWS_PER_WELL)] if len(rows) else rows


def _rng(seed: int, kind: str, what: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(f"{kind}/{what}".encode())])
