"""What a well's readings are measured against: the level it keeps by itself, else that of its baseline."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from petrostream.arrays import FloatArray, IntArray, anywhere
from petrostream.detection import Detection, Usual, WellModel
from petrostream.gauges import (
    LEVEL_FIELDS,
    Anchor,
    LevelRules,
    Levels,
    WindowStats,
    spread_bounds,
)
from petrostream.readings import Readings
from petrostream.records import record

FURTHER_SCALES = 12.0
"""Where the forest calls the level of a quiet gauge anomalous, at its threshold of 0.56."""


@record(frozen=True, slots=True, eq=False)
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


class Anchors:
    """The baselines in force at readings of w wells, as levels need them.

    Args:
        readings: a batch.
        at: shape (n, w), positions of the readings in it.
        model_of: returns the model that scores the reading at a position of the batch; None without one.
    """

    def __init__(self, readings: Readings, at: IntArray, model_of: Callable[[int], WellModel | None]) -> None:
        self._readings, self._at, self._model_of = readings, at, model_of
        self._made: dict[tuple[WellModel, bool], Anchor | None] = {}

    def __call__(self, well: int, row: int) -> Anchor | None:
        """Return the baseline in force at a reading, given the well's and the reading's position."""
        at = self._at[row, well : well + 1]
        model = self._model_of(int(at[0]))
        if model is None:
            return None
        taken = Taken(self._readings.source[int(at[0])], self._readings.measured_ms(at))
        key = model, taken.trusted(model, 0)
        if key not in self._made:
            self._made[key] = model.anchor(trusted=key[1])
        return self._made[key]


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
    if not anywhere(known):
        return found.score
    means = stats.get_all(found.sensors, "mean", 30)
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
    sensors, scales = extractor.sensors.tobytes(), extractor.scale.tobytes()
    if len(levels.table) == 1 and not anywhere(levels.lost):
        held = levels.sensors.tobytes(), levels.table.tobytes()
        center, scale, whole = _of_minute(rules, sensors, scales, *held)
        if whole and levels.baselines[0] in (0, model.valid_from_ms):
            # By far the most frequent case.
            return Usual(levels.seen(center), levels.seen(scale))
    center = levels.center(extractor.sensors)
    unknown = np.isnan(center) | levels.recommissioned(model.valid_from_ms)
    if anywhere(unknown):
        trusted = np.array([taken.trusted(model, row) for row in range(len(taken.measured_ms))])
        own = unknown & trusted & ~levels.sought(extractor.sensors)
        center = np.where(own, extractor.center[:, None], center)
    widths = _widths(rules, sensors, scales)
    return Usual(center, levels.scale(extractor.sensors, widths, rules.window_min))


# By content: a cache of models would keep the forests of replaced ones alive.


@lru_cache(maxsize=256)
def _of_minute(
    rules: LevelRules, sensors: bytes, scales: bytes, held: bytes, table: bytes
) -> tuple[FloatArray, FloatArray, bool]:
    """Centre and scale of some gauges in a minute, shape (s, 1) each, and whether all centres are known.

    Levels change every minute, and are asked for with every batch.

    Args:
        rules: how levels are followed.
        sensors: the gauges.
        scales: their scales in the baseline, float64.
        held: the gauges whose levels are known.
        table: as `Levels.table` of one minute.
    """
    once, wanted = np.zeros(1, np.int64), np.frombuffer(sensors, np.int64)
    known = np.frombuffer(held, np.int64)
    fields = np.frombuffer(table, np.int64).reshape(1, len(known), len(LEVEL_FIELDS))
    levels = Levels(known, once, fields, np.zeros(1, np.bool_), once)
    center = levels.center(wanted)
    scale = levels.scale(wanted, _widths(rules, sensors, scales), rules.window_min)
    # Shared by every reading of the minute.
    center.setflags(write=False)
    scale.setflags(write=False)
    return center, scale, not anywhere(np.isnan(center))


@lru_cache(maxsize=256)
def _widths(rules: LevelRules, sensors: bytes, scales: bytes) -> FloatArray:
    """The scales of some gauges (float64), and the least and largest spread that counts: shape (3, s)."""
    scale = np.frombuffer(scales)
    return np.array([scale, *spread_bounds(rules, np.frombuffer(sensors, np.int64), scale)])
