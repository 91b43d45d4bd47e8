"""How far a well has moved from its baseline: a figure a minute, and whether to propose recommissioning.

A level shift is the mean of a gauge's last 60 s less the baseline's centre, in the baseline's scales; that of
a reading is its largest by size. It goes into the lake with the first reading of each minute, beside the
baseline's age, where SQL makes a figure a day of it (`sql/views/well_drift.sql`).
"""

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray, filled, filled_whole
from petrostream.detection import WellModel
from petrostream.gauges import WindowStats
from petrostream.readings import Readings
from petrostream.records import record
from petrostream.scoring.columns import Columns
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


def find_drift(
    columns: Columns,
    drift: Drift,
    stats: WindowStats,
    readings: Readings,
    at: IntArray,
    measured: BoolArray,
    last_ms: int | None,
) -> None:
    """Measure the drift of one well's readings, and fill in the columns of a minute's first reading.

    Args:
        columns: with the model of each reading.
        drift: of the readings, to be filled in.
        stats: window statistics of the readings.
        readings: the batch.
        at: shape (n,), n >= 1, positions of the readings in it, oldest first.
        measured: shape (n,), readings that are measured: not those in an operating state that suppresses the
            forest, whatever their levels.
        last_ms: time of the reading before them, epoch ms, None without one.
    """
    chosen = columns.model[at]
    minutes = readings.ts_ms[at] // MINUTE_MS
    first = np.empty(len(at), np.bool_)
    first[0] = minutes[0] != (-1 if last_ms is None else last_ms // MINUTE_MS)
    first[1:] = minutes[1:] != minutes[:-1]
    for number in sorted(set(chosen.tolist()) - {-1}):
        model = columns.models[number]
        if not model.is_own:
            continue
        rows: IntArray = ((chosen == number) & measured).nonzero()[0]
        drift.shift[rows], drift.sensor[rows] = _shift(model, stats, rows)
        noted = rows[first[rows]]
        if len(noted):
            columns.level_shift[at[noted]] = drift.shift[noted]
            columns.shifted[at[noted]] = drift.sensor[noted]
            columns.baseline_age[at[noted]] = _age_days(model, readings, at[noted])


def _shift(model: WellModel, stats: WindowStats, rows: IntArray) -> tuple[FloatArray, IntArray]:
    """The largest level shift of some readings, and its gauge: shape (len(rows),) each."""
    sensors = model.extractor.sensors
    means = stats.get_all(sensors, "mean", 60)
    if len(rows) < len(stats):
        means = means[:, rows]
    shifts = (means - model.center[:, None]) / model.extractor.scale[:, None]
    # Of NaN and a number, the number.
    size = np.fmax(np.abs(shifts), -1.0)
    most = size.argmax(axis=0)
    each = np.arange(len(rows))
    return shifts[most, each], np.where(size[most, each] < 0, -1, sensors[most])


def _age_days(model: WellModel, readings: Readings, at: IntArray) -> FloatArray:
    """Days since the baseline was made, at the source's time; NaN where that is not known."""
    if model.since_ms is None:
        return np.full(len(at), np.nan)
    days: FloatArray = (readings.measured_ms(at) - model.since_ms) / DAY_MS
    return days
