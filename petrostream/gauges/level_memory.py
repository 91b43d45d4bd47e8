"""What is remembered of the levels of a well, and how readings see it (`petrostream.gauges.level`)."""

from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from petrostream.arrays import BoolArray, FloatArray, IntArray, anywhere, everywhere
from petrostream.gauges.features import QUANTA
from petrostream.gauges.level_steps import (
    AWAY,
    AWAY_CENTER,
    CENTER,
    KNOWN,
    KNOWN_MIN,
    LEVEL_FIELDS,
    MOVED,
    SPREAD,
)
from petrostream.records import record

_Scalar = TypeVar("_Scalar", bound=np.generic)

STILL_AWAY_MIN = 5
MAX_WIDENING = 2.0
"""As in `ml.training.baseline`."""


@record(frozen=True, slots=True, eq=False)
class LevelMemory:
    """The levels of a well between batches, for s gauges.

    Attributes:
        sensors: shape (s,), ascending sensor indices; pressures and temperatures.
        begin_ms: the first reading, from which minutes are counted, epoch ms.
        minute: the open minute.
        total, square, number: shape (s,), sum, sum of squares and number of the counts in it.
        table: shape (s, len(LEVEL_FIELDS)); levels and spreads in counts.
        operated: whether an operator's move has been seen since the levels were last found.
        operating: whether it was still going on at the last reading.
        baseline: identity of the baseline in force, 0 for none.
    """

    sensors: IntArray
    begin_ms: int
    minute: int
    total: IntArray
    square: IntArray
    number: IntArray
    table: IntArray
    operated: bool = False
    operating: bool = False
    baseline: int = 0

    @classmethod
    def start(cls, ts_ms: int) -> "LevelMemory":
        """Return the empty memory of a feed whose first reading is at `ts_ms`."""
        nothing = np.empty(0, np.int64)
        return cls(nothing, ts_ms, 0, nothing, nothing, nothing, np.empty((0, len(LEVEL_FIELDS)), np.int64))

    def widened(self, sensors: IntArray) -> "LevelMemory":
        """Return a copy for more gauges, the new ones unknown.

        Args:
            sensors: ascending sensor indices that include those of this memory.
        """
        if len(sensors) == len(self.sensors):
            return self
        at = np.searchsorted(sensors, self.sensors)

        def wide(values: IntArray) -> IntArray:
            new = np.zeros((len(sensors), *values.shape[1:]), np.int64)
            new[at] = values
            return new

        return replace(
            self,
            sensors=sensors,
            total=wide(self.total),
            square=wide(self.square),
            number=wide(self.number),
            table=wide(self.table),
        )


@record(frozen=True, slots=True, eq=False)
class Levels:
    """Levels as seen by n readings in m minutes, for s gauges.

    Attributes:
        sensors: shape (s,), ascending sensor indices.
        rows: shape (n,), each reading's minute, as a position among the m minutes.
        table: shape (m, s, len(LEVEL_FIELDS)), as each minute begins.
        lost: shape (n,), readings after an operator's move whose levels are not found yet.
        baselines: shape (m,), identity of the baseline in force as each minute begins, 0 for none.
    """

    sensors: IntArray
    rows: IntArray
    table: IntArray
    lost: BoolArray
    baselines: IntArray

    @property
    def unsettled(self) -> bool:
        """Whether any gauge is away from its level, or on a new one."""
        return anywhere(self.table[:, :, AWAY] != 0) or anywhere(self.table[:, :, MOVED] != 0)

    def take(self, rows: IntArray) -> "Levels":
        """Return the levels of the readings at these positions."""
        return replace(self, rows=self.rows[rows], lost=self.lost[rows])

    def center(self, sensors: IntArray) -> FloatArray:
        """Return the centre of some gauges: shape (len(sensors), n), sensor units, NaN where not known."""
        fields = self._of(sensors)
        center = np.where(fields[KNOWN] >= KNOWN_MIN, fields[CENTER] * QUANTA[sensors, None], np.nan)
        center = self.seen(center)
        if anywhere(self.lost):
            center[:, self.lost] = np.nan
        return center

    def scale(self, sensors: IntArray, usual: FloatArray, window_min: float) -> FloatArray:
        """Return the unit of some gauges' deviations: shape (len(sensors), n), sensor units.

        It is the gauge's own spread. Where its level has been known for less than `window_min` minutes, they
        do not show yet how far it wanders: it is multiplied by `sqrt(window_min / minutes)`, two at most, as
        in the training of a baseline.

        Args:
            sensors: shape (s,), sensor indices.
            usual: shape (3, s), the scale where no level is known, and the least and largest spread.
            window_min: see above.
        """
        fields = self._of(sensors)
        minutes = fields[KNOWN]
        known = minutes >= KNOWN_MIN
        spread = np.where(known, fields[SPREAD] * QUANTA[sensors, None], usual[0][:, None])
        spread = np.minimum(np.maximum(spread, usual[1][:, None]), usual[2][:, None])
        if anywhere(minutes < window_min):
            youth = np.sqrt(np.where(known, window_min / np.maximum(minutes, 1), 1.0))
            spread = spread * np.minimum(np.maximum(youth, 1.0), MAX_WIDENING)
        return self.seen(spread)

    def recommissioned(self, identity: int) -> BoolArray:
        """Return which readings are the first of another baseline, until levels know of it: shape (n,)."""
        other: BoolArray = (self.baselines != 0) & (self.baselines != identity)
        return self.seen(other)

    def sought(self, sensors: IntArray) -> BoolArray:
        """Return which of some gauges' levels are being found after an operator's move: shape as above."""
        sought: BoolArray = self.seen(self._of(sensors)[KNOWN] < 0) | self.lost
        return sought

    def away(self, sensors: IntArray) -> BoolArray:
        """Return which of some gauges are away from their level: shape (len(sensors), n)."""
        away: BoolArray = self._of(sensors)[AWAY] > 0
        return self.seen(away)

    def still_away(self, sensors: IntArray) -> FloatArray:
        """Return where some gauges keep still away from their level: shape (len(sensors), n), sensor units.

        NaN for a gauge that is not away, or has not kept still for `STILL_AWAY_MIN` minutes.
        """
        fields = self._of(sensors)
        center = fields[AWAY_CENTER] * QUANTA[sensors, None]
        still: FloatArray = np.where(fields[AWAY] >= STILL_AWAY_MIN, center, np.nan)
        return self.seen(still)

    def moved(self, sensors: IntArray) -> BoolArray:
        """Return which of some gauges are on a new level: shape (len(sensors), n)."""
        moved: BoolArray = self._of(sensors)[MOVED] > 0
        return self.seen(moved)

    def seen(self, fields: npt.NDArray[_Scalar]) -> npt.NDArray[_Scalar]:
        """Return what each reading sees of a table of the minutes: (..., m) becomes (..., n)."""
        return fields if len(self.rows) == fields.shape[-1] == 1 else fields[..., self.rows]

    def _of(self, sensors: IntArray) -> IntArray:
        """The fields of some gauges, 0 where unknown: shape (len(LEVEL_FIELDS), len(sensors), m)."""
        if self.sensors.tobytes() == sensors.tobytes():
            return self.table.T
        position, held = _places(self.sensors.tobytes(), sensors.tobytes())
        if everywhere(held):
            return self.table[:, position].T
        values = np.zeros((len(LEVEL_FIELDS), len(sensors), len(self.table)), np.int64)
        values[:, held] = self.table[:, position[held]].T
        return values


@lru_cache(maxsize=256)
def _places(held: bytes, wanted: bytes) -> tuple[IntArray, BoolArray]:
    """Places of wanted sensors among those held, and which are held; given as the bytes of their arrays."""
    sensors, among = np.frombuffer(wanted, np.int64), np.frombuffer(held, np.int64)
    places = np.searchsorted(among, sensors)
    return places, np.append(among, -1)[places] == sensors
