"""Anomaly scores, flags and the sensors behind them: one small forest scores each sensor of a well in turn.

A reading's score is the highest of its sensors' scores. One moving gauge is therefore enough, steady gauges
cannot outvote it, a missing gauge does not weaken the others, and every score names its sensors.
"""

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray, anywhere, everywhere, filled, filled_whole
from petrostream.detection.extraction import RowArray, Usual
from petrostream.detection.models import ModelFormatError, ModelSet, WellModel, load_model, load_models
from petrostream.gauges import WindowStats
from petrostream.records import record
from petrostream.schema import SENSOR_NAMES

TOP_SENSORS = 3


@record(frozen=True, slots=True)
class Detection:
    """The forest's result for n readings.

    Attributes:
        score: shape (n,), 0 to 1, the highest of the sensors' scores; NaN where none has enough history.
        anomalous: shape (n,), whether the score is at or above the model's threshold.
        ranking: shape (n, up to TOP_SENSORS), indices of the sensors whose own score is anomalous, the one
            with the largest deviation (in units of its baseline) first; padded with -1.
        sensors: shape (s,), sensor indices of the model.
        sensor_score: shape (n, s), each sensor's own score, NaN without enough history.
        size: shape (n,), largest deviation of a sensor whose own score is anomalous, in scales; else 0.
    """

    score: FloatArray
    anomalous: BoolArray
    ranking: IntArray
    sensors: IntArray
    sensor_score: FloatArray
    size: FloatArray

    def part(self, rows: slice) -> "Detection":
        """Return the result for consecutive readings, without copying it."""
        return Detection(
            self.score[rows],
            self.anomalous[rows],
            self.ranking[rows],
            self.sensors,
            self.sensor_score[rows],
            self.size[rows],
        )


def detect(model: WellModel, stats: WindowStats, usual: Usual | None = None) -> Detection:
    """Score n readings of one well.

    Args:
        model: the well's model.
        stats: window statistics of the n readings; sensors absent from them count as missing.
        usual: what the model's sensors are measured against, by default its baseline.
    """
    rows, whole = model.extractor.rows(stats, usual)
    if everywhere(whole):
        scores = model.forest.score(rows.reshape(-1, rows.shape[2])).reshape(whole.shape)
    else:
        scores = filled(whole.shape, np.nan)
        if anywhere(whole):
            scores[whole] = model.forest.score(rows[whole])
    highest: FloatArray = np.fmax.reduce(scores, axis=0)
    anomalous = highest >= model.threshold
    ranking = filled_whole((len(stats), min(TOP_SENSORS, len(whole))), -1)
    size = np.zeros(len(stats))
    if anywhere(anomalous):
        ranking[anomalous], size[anomalous] = _rank(model, scores[:, anomalous], rows[:, anomalous])
    return Detection(highest, anomalous, ranking, model.extractor.sensors, scores.T, size)


def _rank(model: WellModel, scores: FloatArray, rows: RowArray) -> tuple[IntArray, FloatArray]:
    """Rank the sensors whose own score is anomalous by deviation: shape (n, up to TOP_SENSORS).

    Also returns the largest deviation, shape (n,).

    Scores select and deviations order: far outside its training rows a forest cannot tell distances apart.
    """
    itself = scores >= model.threshold
    moved = np.where(itself, np.nan_to_num(np.abs(rows)).max(axis=2), -1.0)
    order = np.argsort(-moved, axis=0, kind="stable")[:TOP_SENSORS]
    chosen = np.take_along_axis(itself, order, axis=0)
    ranked: IntArray = np.where(chosen, model.extractor.sensors[order], -1)
    return ranked.T, moved.max(axis=0)


def sensor_names(ranking: IntArray) -> list[str]:
    """Return the sensor names of one row of a ranking, largest deviation first."""
    return [SENSOR_NAMES[index] for index in ranking.tolist() if index >= 0]


__all__ = [
    "TOP_SENSORS",
    "Detection",
    "ModelFormatError",
    "ModelSet",
    "WellModel",
    "detect",
    "load_model",
    "load_models",
    "sensor_names",
]
