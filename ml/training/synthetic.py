"""Synthetic healthy gauges, in units of their own baseline, generated from a seed.

A forest learns from its training wells how quiet a gauge is, and other wells are less quiet. These rows
cover every noise level up to the baseline's own variation: noise of any correlation time (a first-order
autoregression), held and linearly interpolated as a historian's compression leaves it.
"""

import numpy as np

from petrostream.arrays import FloatArray
from petrostream.detection import FeatureExtractor, RowArray, feature_names
from petrostream.gauges import QUANTA, window_stats
from petrostream.schema import SENSOR_INDEX

SERIES = 96
SECONDS = 1500
WARM_S = 60
_GAUGE = "p_tpt"
_QUANTUM = float(QUANTA[SENSOR_INDEX[_GAUGE]])
_UNIT = 2.0**16
"""One unit of the baseline in counts, fine enough to hide rounding."""


def synthetic_rows(kind: str, rows: int, rng: np.random.Generator) -> RowArray:
    """Rows of healthy gauges.

    Args:
        kind: `commissioned` or `fleet`: which features.
        rows: how many.
        rng: random generator.

    Returns:
        Shape (rows, k).
    """
    extractor = FeatureExtractor.build(
        feature_names(kind), (_GAUGE,), np.zeros(1), np.array([_UNIT * _QUANTUM])
    )
    pool = np.concatenate([_rows_of(one, extractor) for one in series(rng)])
    return pool[rng.integers(0, len(pool), rows)]


def series(rng: np.random.Generator) -> FloatArray:
    """Gauges at rest about zero, in units of their baseline, a value a second: shape (SERIES, SECONDS)."""
    correlation = 1.0 - 10.0 ** rng.uniform(-3.0, -0.3, SERIES)
    noise = np.sqrt(1.0 - correlation**2) * rng.normal(size=(SECONDS, SERIES))
    values = np.empty((SECONDS, SERIES))
    values[0] = rng.normal(size=SERIES)
    for at in range(1, SECONDS):
        values[at] = correlation * values[at - 1] + noise[at]
    values *= 10.0 ** rng.uniform(-1.0, 0.0, SERIES)
    seconds, steps = np.arange(SECONDS), rng.integers(1, 40, SERIES).tolist()
    return np.array(
        [np.interp(seconds, seconds[::step], one[::step]) for one, step in zip(values.T, steps, strict=True)]
    )


def _rows_of(values: FloatArray, extractor: FeatureExtractor) -> RowArray:
    counts = np.rint(values * _UNIT).astype(np.int32)[:, None]
    rows, whole = extractor.rows(window_stats(1000 * np.arange(SECONDS), counts, extractor.sensors))
    return rows[0, WARM_S:][whole[0, WARM_S:]]
