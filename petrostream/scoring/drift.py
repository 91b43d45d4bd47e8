"""How far a well has moved from its baseline: a figure a minute, and whether to propose recommissioning.

A level shift is the mean of a gauge's last 60 s less the baseline's centre, in the baseline's scales; that of
a reading is its largest by size. It goes into the lake with the first reading of each minute, beside the
baseline's age, where SQL makes a figure a day of it (`sql/views/well_drift.sql`).
"""

from collections.abc import Sequence

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray, filled, filled_whole
from petrostream.detection import WellModel
from petrostream.gauges import WindowStats
from petrostream.readings import Readings
from petrostream.records import record
from petrostream.scoring.columns import Columns
from petrostream.scoring.memory import suppressed
from petrostream.scoring.together import Look
from petrostream.times import DAY_MS, MINUTE_MS

OUTDATED_SCALES = 5.0
"""Level shift at which a baseline no longer describes its well: just above the largest feature among the rows
that the forest is fitted on (4.9), so beyond all that it has learned as normal."""


@record(frozen=True, slots=True)
class Drift:
    """The drift of n readings.

    Attributes:
        shift: shape (n,), the largest level shift, scales; NaN without a baseline or a level.
        sensor: shape (n,), index of its gauge, -1 for none.
        expired: shape (n,), readings that no baseline of the well is valid for any more.
    """

    shift: FloatArray
    sensor: IntArray
    expired: BoolArray

    @classmethod
    def unknown(cls, expired: BoolArray) -> "Drift":
        """Return the drift of n readings whose shift is not known."""
        return cls(filled(len(expired), np.nan), filled_whole(len(expired), -1), expired)

    def part(self, rows: slice) -> "Drift":
        """Return the drift of consecutive readings, without copying it."""
        return Drift(self.shift[rows], self.sensor[rows], self.expired[rows])

    @property
    def outdated(self) -> BoolArray:
        """Whether the well should be commissioned again, shape (n,)."""
        return self.expired | (np.abs(self.shift) >= OUTDATED_SCALES)


class DriftNotes:
    """Measures the drift of a look's readings, and fills in the columns of each minute's first one.

    Readings in an operating state that suppresses the forest are not measured, whatever their levels.

    Args:
        columns: of the batch, to be filled in.
        drift: of the look's readings, to be filled in.
        readings: the batch.
        seen: the look.
    """

    def __init__(self, columns: Columns, drift: Drift, readings: Readings, seen: Look) -> None:
        self._columns, self._drift, self._readings, self._at = columns, drift, readings, seen.at
        self._measured = ~suppressed(columns.governs[seen.at])[-1]
        self._first = _first_of_minutes(readings, seen)

    def note(
        self, models: Sequence[WellModel], lengths: Sequence[int], stats: WindowStats, rows: IntArray
    ) -> None:
        """Measure readings of wells with the same gauges.

        Args:
            models: the baselines of m runs of readings, of the same sensors.
            lengths: how many readings each run has.
            stats: window statistics of the n readings, run by run.
            rows: shape (n,), their positions among those of the look.
        """
        measured = self._measured[rows]
        shift, sensor = _shifts(models, lengths, stats)
        self._drift.shift[rows] = np.where(measured, shift, np.nan)
        self._drift.sensor[rows] = np.where(measured, sensor, -1)
        noted = np.flatnonzero(measured & self._first[rows])
        if len(noted):
            at = self._at[rows[noted]]
            self._columns.level_shift[at], self._columns.shifted[at] = shift[noted], sensor[noted]
            made_ms = _each(np.array([_made_ms(model) for model in models]), lengths)[noted]
            self._columns.baseline_age[at] = (self._readings.measured_ms(at) - made_ms) / DAY_MS


def _first_of_minutes(readings: Readings, seen: Look) -> BoolArray:
    """Which of a look's readings are the first of their feed in a minute: shape (n,)."""
    minutes = readings.ts_ms[seen.at] // MINUTE_MS
    first = np.empty(len(minutes), np.bool_)
    first[1:] = minutes[1:] != minutes[:-1]
    for step, start in zip(seen.steps, seen.starts, strict=False):
        first[start] = not step.start or minutes[start] != step.history.ts_ms[step.start - 1] // MINUTE_MS
    return first


def _shifts(
    models: Sequence[WellModel], lengths: Sequence[int], stats: WindowStats
) -> tuple[FloatArray, IntArray]:
    """The largest level shift of n readings, and its gauge, -1 for none: shape (n,) each."""
    sensors = models[0].extractor.sensors
    center = _each(np.array([model.center for model in models]), lengths).T
    scale = _each(np.array([model.extractor.scale for model in models]), lengths).T
    shifts = (stats.get_all(sensors, "mean", 60) - center) / scale
    # Of NaN and a number, the number.
    size = np.fmax(np.abs(shifts), -1.0)
    most = size.argmax(axis=0)
    each = np.arange(len(most))
    return shifts[most, each], np.where(size[most, each] < 0, -1, sensors[most])


def _each(of_models: FloatArray, lengths: Sequence[int]) -> FloatArray:
    """What each reading has of a value of each run's model: the first axis becomes that of readings."""
    return of_models if len(of_models) == lengths[0] == 1 else of_models.repeat(lengths, axis=0)


def _made_ms(model: WellModel) -> float:
    """When a baseline was made, at the source's time, epoch ms; NaN where that is not known."""
    return np.nan if model.since_ms is None else float(model.since_ms)
