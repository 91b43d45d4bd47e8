"""What a well's readings are measured against: the level it keeps by itself, else that of its baseline."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.detection import Detection, Usual, WellModel
from petrostream.gauges import (
    Anchor,
    CountArray,
    LevelMemory,
    LevelRules,
    Levels,
    WindowStats,
    follow_levels,
    spread_bounds,
)

FURTHER_SCALES = 12.0
"""Where the forest calls the level of a quiet gauge anomalous, at its threshold of 0.56."""


@dataclass(frozen=True, slots=True, eq=False)
class Taken:
    """Where and when n readings of one feed were taken.

    Attributes:
        source: the recording or simulation they came from.
        measured_ms: shape (n,), the time at their source where they have one, epoch ms.
    """

    source: str
    measured_ms: IntArray

    def trusted(self, model: WellModel, row: int) -> bool:
        """Whether a baseline's own centre counts for a reading."""
        return model.trusted(self.source, int(self.measured_ms[row]))


def follow(
    memory: LevelMemory | None,
    ts_ms: IntArray,
    counts: CountArray,
    sensors: IntArray,
    operated: BoolArray,
    model_of: Callable[[int], WellModel | None],
    taken: Taken,
) -> tuple[Levels, LevelMemory]:
    """Follow a well's levels over the next readings of its feed.

    Nothing is learned while an operator moves a choke or valve or keeps the well in another operating state;
    levels are found anew after that.

    Args:
        memory: of the readings before these n, None at the beginning of a feed.
        ts_ms: shape (n,), their times, epoch ms.
        counts: shape (n, c), their values as counts; `MISSING` where a gauge is bad or was a moment ago.
        sensors: shape (c,), ascending, the sensor index of each column.
        operated: shape (n,), readings while an operator changes the well.
        model_of: returns the model that scores a reading, given its position; None without one.
        taken: where and when they were taken.
    """
    made: dict[tuple[WellModel, bool], Anchor | None] = {}

    def anchor(row: int) -> Anchor | None:
        model = model_of(row)
        if model is None:
            return None
        key = model, taken.trusted(model, row)
        if key not in made:
            made[key] = model.anchor(trusted=key[1])
        return made[key]

    return follow_levels(memory, ts_ms, counts, sensors, operated, anchor)


def fresh_score(found: Detection, stats: WindowStats, levels: Levels, against: Usual) -> FloatArray:
    """Return the score of what is new, with gauges that keep still away from their level measured from there.

    Such a gauge counts as anomalous where its mean of 30 s is `FURTHER_SCALES` from where it has been
    keeping still, and not at all otherwise: the forest has no say of it before it is on a new level.

    Args:
        found: the forest's result for n readings.
        stats: their window statistics.
        levels: the levels as they see them.
        against: what they were measured against.
    """
    still = levels.still_away(found.sensors)
    known = ~np.isnan(still)
    if not known.any():
        return found.score
    means = np.array([stats.get(sensor, "mean", 30) for sensor in found.sensors.tolist()])
    further = np.abs(means - still) > FURTHER_SCALES * against.scale
    own = np.where(known, np.where(further, 1.0, 0.0), found.sensor_score.T)
    highest: FloatArray = np.fmax.reduce(own, axis=0)
    return highest


def usual(model: WellModel, levels: Levels, taken: Taken) -> Usual | None:
    """Return what a model's sensors are measured against; None for the baseline itself.

    Args:
        model: the model that scores the readings.
        levels: the levels as they see them.
        taken: where and when they were taken.
    """
    rules, extractor = model.level, model.extractor
    if rules is None or not model.is_own:
        return None
    center = levels.center(extractor.sensors)
    unknown = np.isnan(center) | levels.recommissioned(model.valid_from_ms)
    if unknown.any():
        trusted = np.array([taken.trusted(model, row) for row in range(len(taken.measured_ms))])
        own = unknown & trusted & ~levels.sought(extractor.sensors)
        center = np.where(own, extractor.center[:, None], center)
    widths = _widths(rules, extractor.sensors.tobytes(), extractor.scale.tobytes())
    return Usual(center, levels.scale(extractor.sensors, widths, rules.window_min))


# By content: a cache of models would keep the forests of replaced ones alive.


@lru_cache(maxsize=256)
def _widths(rules: LevelRules, sensors: bytes, scales: bytes) -> FloatArray:
    """The scales of some gauges (float64), and the least and largest spread that counts: shape (3, s)."""
    scale = np.frombuffer(scales)
    return np.array([scale, *spread_bounds(rules, np.frombuffer(sensors, np.int64), scale)])
