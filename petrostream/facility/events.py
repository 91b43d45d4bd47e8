"""The columns of scored readings that the join of wells and tanks uses."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from petrostream.arrays import FloatArray, IntArray, everywhere
from petrostream.readings import NO_TIME
from petrostream.schema import SENSOR_INDEX
from petrostream.scoring import Scored

CARRIED: tuple[str, ...] = (
    "pressure",
    "temperature",
    "methane_ppm",
    "co2_ppm",
    "vibration_rms",
    "anomaly_score",
    "anomaly_flag",
    "emission_risk",
    "process_risk",
)
"""Names of the columns of `WellEvents.carried`, as in the schema `facility_readings`."""

COLUMN: dict[str, int] = {name: index for index, name in enumerate(CARRIED)}


@dataclass(frozen=True, slots=True)
class WellEvents:
    """n scored well readings of one facility in stream order.

    Attributes:
        well_id: n wells.
        source: n sources of the readings.
        event_id: n identities.
        sequence: n Kinesis sequence numbers.
        ts_ms: shape (n,), event time, epoch milliseconds UTC.
        moves_ms: shape (n,), how far each moves the facility's newest time: its event time, at most its
            arrival; `NO_TIME` for one whose time is too far ahead to be right.
        carried: shape (n, 9), columns as `CARRIED`, NaN where missing.
    """

    well_id: list[str]
    source: list[str]
    event_id: list[str]
    sequence: list[str]
    ts_ms: IntArray
    moves_ms: IntArray
    carried: FloatArray

    def __len__(self) -> int:
        return len(self.well_id)

    @staticmethod
    def empty() -> "WellEvents":
        """No readings."""
        times = np.empty(0, np.int64)
        return WellEvents([], [], [], [], times, times, np.empty((0, len(CARRIED))))

    @staticmethod
    def of(scored: Scored) -> "WellEvents":
        """The readings of a scored batch."""
        readings = scored.readings
        carried = np.column_stack(
            [
                readings.values[:, SENSOR_INDEX["p_tpt"]],
                readings.values[:, SENSOR_INDEX["t_tpt"]],
                readings.methane_ppm,
                readings.co2_ppm,
                readings.vibration_rms,
                scored.anomaly_score,
                scored.anomaly_flag,
                _points(scored.emission_risk),
                _points(scored.process_risk),
            ]
        )
        moves_ms = np.where(scored.ahead, NO_TIME, np.minimum(readings.ts_ms, readings.arrival_ms))
        return WellEvents(
            readings.well_id,
            readings.source,
            readings.event_id,
            readings.sequence,
            readings.ts_ms,
            moves_ms,
            carried,
        )

    def take(self, at: IntArray) -> "WellEvents":
        """The readings at these positions, in their order."""
        names = (self.well_id, self.source, self.event_id, self.sequence)
        well_id, source, event_id, sequence = _taken(names, at)
        return WellEvents(
            well_id,
            source,
            event_id,
            sequence,
            self.ts_ms[at],
            self.moves_ms[at],
            self.carried[at],
        )

    @staticmethod
    def concat(parts: Sequence["WellEvents"]) -> "WellEvents":
        """All readings of one or more parts, in order."""
        return WellEvents(
            list(chain.from_iterable(part.well_id for part in parts)),
            list(chain.from_iterable(part.source for part in parts)),
            list(chain.from_iterable(part.event_id for part in parts)),
            list(chain.from_iterable(part.sequence for part in parts)),
            np.concatenate([part.ts_ms for part in parts]),
            np.concatenate([part.moves_ms for part in parts]),
            np.concatenate([part.carried for part in parts]),
        )


def _taken(columns: Sequence[list[str]], at: IntArray) -> list[list[str]]:
    if not len(at):
        return [[] for _ in columns]
    first, last = int(at[0]), int(at[-1])
    if last - first == len(at) - 1 and everywhere(at[1:] > at[:-1]):
        # The newest readings of a batch stand together: a slice takes a twentieth of the time.
        return [column[first : last + 1] for column in columns]
    order = at.tolist()
    return [[column[i] for i in order] for column in columns]


def _points(points: IntArray) -> FloatArray:
    return np.where(points < 0, np.nan, points)
