"""Points of the forest, and which readings can be given process points at all."""

import numpy as np

from petrostream.arrays import BoolArray, IntArray, anywhere, everywhere
from petrostream.detection import COMMISSIONED, Detection, WellModel
from petrostream.gauges import WindowStats
from petrostream.risk import MAX_PART, PROCESS_RULES
from petrostream.schema import SENSOR_INDEX

FOREST_MIN_POINTS = 20
FOREST_FULL_MARGIN = 0.1
"""A flagged reading of a commissioned well has 20 points at the threshold, rising to 40 at 0.1 above it."""


def forest_points(model: WellModel, found: Detection) -> IntArray:
    """Return the points of the forest: shape (n,); 0 for a model without the well's own baseline."""
    if model.kind != COMMISSIONED or not anywhere(found.anomalous):
        return np.zeros(len(found.score), np.int64)
    margin = np.clip((np.nan_to_num(found.score) - model.threshold) / FOREST_FULL_MARGIN, 0.0, 1.0)
    scaled = np.rint(FOREST_MIN_POINTS + (MAX_PART - FOREST_MIN_POINTS) * margin).astype(np.int64)
    return np.where(found.anomalous, scaled, 0)


_RULE_INPUTS = sorted({rule.sensors for rule in PROCESS_RULES})


def has_rule_sensors(stats: WindowStats) -> BoolArray:
    """Return which readings had the sensors of at least one process rule: shape (n,)."""
    judged = np.zeros(len(stats), np.bool_)
    known: dict[str, BoolArray] = {}
    for names in _RULE_INPUTS:
        for name in names:
            if name not in known:
                known[name] = ~np.isnan(stats.get(SENSOR_INDEX[name], "slope", 60))
        judged |= np.logical_and.reduce([known[name] for name in names])
        if everywhere(judged):
            break
    return judged
