"""The forest's score of readings in an operator's transition, without the gauges that the move explains."""

import numpy as np

from petrostream.arrays import FloatArray
from petrostream.detection import Detection
from petrostream.gauges import Moves, WindowStats
from petrostream.risk import directions


def unexplained_score(found: Detection, stats: WindowStats, moves: Moves, center: FloatArray) -> FloatArray:
    """Return the highest score of the sensors whose deviation the moves do not explain: shape (n,).

    A sensor is explained if its level or its change over 60 s has a direction that a move makes it take.
    Where all are explained the score is 0; outside a transition it is the score itself.

    Args:
        found: the forest's result for n readings.
        stats: their window statistics.
        moves: their transitions.
        center: shape (s, n) or (s, 1), usual level of the model's sensors, in sensor units; NaN where it is
            unknown.
    """
    rows = np.flatnonzero(moves.in_transition)
    if not len(rows):
        return found.score
    part, sensors = stats.take(rows), found.sensors
    may_rise, may_fall = directions(moves.codes[rows], sensors)
    usual = center[:, rows] if center.shape[1] > 1 else center
    level = part.get_all(sensors, "mean", 60) - usual
    change = part.get_all(sensors, "slope", 60)
    explained = (may_rise & ((level > 0) | (change > 0))) | (may_fall & ((level < 0) | (change < 0)))
    own = found.sensor_score[rows].T
    score = found.score.copy()
    score[rows] = np.fmax.reduce(np.where(explained & ~np.isnan(own), 0.0, own), axis=0)
    return score
