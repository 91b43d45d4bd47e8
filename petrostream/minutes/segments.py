"""The readings of a batch by well, feed and minute, and the statistics of each: all wells at once."""

from dataclasses import dataclass

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.readings import usable_values
from petrostream.schema import SENSOR_INDEX
from petrostream.scoring import Scored

WINDOW_MS = 60_000
GAUGES = np.array([SENSOR_INDEX["p_tpt"], SENSOR_INDEX["t_tpt"]], np.int64)


@dataclass(frozen=True, slots=True)
class Parts:
    """m readings, feed by feed and well by well, each feed's in stream order.

    Attributes:
        at: shape (m,), their positions in the batch.
        starts: shape (p,), where the part of each feed begins among the m.
        well_ids: shape (p,), the well of each part.
        segments: shape (s,), where the readings of each part and minute begin, ascending; a reading before
            the one before it in time may begin another segment of the same minute.
    """

    at: IntArray
    starts: IntArray
    well_ids: list[str]
    segments: IntArray

    @classmethod
    def of(cls, scored: Scored) -> "Parts":
        """Return the readings of a batch that are not too far ahead; wells by first appearance."""
        well_id = scored.readings.well_id
        names = list(dict.fromkeys(well_id))
        code_of = {name: code for code, name in enumerate(names)}
        codes = np.fromiter(map(code_of.__getitem__, well_id), np.int64, len(well_id))
        at = np.flatnonzero(~scored.ahead)
        at = at[np.argsort(codes[at], kind="stable")]
        owner, minute = codes[at], scored.readings.ts_ms[at] // WINDOW_MS
        edge = np.ones(len(at), np.bool_)
        edge[1:] = (owner[1:] != owner[:-1]) | scored.begins[at[1:]]
        starts = np.flatnonzero(edge)
        edge[1:] |= minute[1:] != minute[:-1]
        return cls(at, starts, [names[code] for code in owner[starts].tolist()], np.flatnonzero(edge))

    def rising(self, ts_ms: IntArray, newest_ms: list[int]) -> BoolArray:
        """Return the parts whose times only increase: shape (p,).

        Args:
            ts_ms: shape (m,), times of the readings, epoch ms.
            newest_ms: of each part, the highest time of its feed before it.
        """
        if not len(self.starts):
            return np.zeros(0, np.bool_)
        before = np.concatenate([ts_ms[:1], ts_ms[:-1]])
        before[self.starts] = newest_ms
        rising: BoolArray = np.logical_and.reduceat(ts_ms > before, self.starts)
        return rising


@dataclass(frozen=True, slots=True)
class Sums:
    """What windows hold of pressure and temperature and of risk, for s of them.

    Attributes:
        known: shape (s, 2), numbers of values.
        total, low, high: shape (s, 2), sums, lowest and highest values; infinite if there is none.
        anomalies: shape (s,), number of readings with an anomaly flag.
        max_risk: shape (s,), highest risk score.
    """

    known: IntArray
    total: FloatArray
    low: FloatArray
    high: FloatArray
    anomalies: IntArray
    max_risk: IntArray

    @classmethod
    def nothing(cls, s: int) -> "Sums":
        """Return what windows hold that have no reading."""
        return cls(
            np.zeros((s, 2), np.int64),
            np.zeros((s, 2)),
            np.full((s, 2), np.inf),
            np.full((s, 2), -np.inf),
            np.zeros(s, np.int64),
            np.zeros(s, np.int64),
        )

    def extended(self, scored: Scored, at: IntArray, starts: IntArray) -> "Sums":
        """Return what they hold with further readings, which are added one after another.

        Args:
            scored: the batch.
            at: shape (m,), positions of the readings in it.
            starts: shape (s,), where those of each window begin among the m, ascending; each has some.
        """
        if not len(starts):
            return self
        values = usable_values(scored.readings, at, GAUGES)
        present: BoolArray = ~np.isnan(values)
        anomalies = np.add.reduceat(scored.anomaly_flag[at], starts)
        return Sums(
            self.known + np.add.reduceat(present, starts, axis=0, dtype=np.int64),
            _added(self.total, np.where(present, values, 0.0), starts),
            np.minimum(self.low, np.minimum.reduceat(np.where(present, values, np.inf), starts, axis=0)),
            np.maximum(self.high, np.maximum.reduceat(np.where(present, values, -np.inf), starts, axis=0)),
            self.anomalies + anomalies,
            np.maximum(self.max_risk, np.maximum.reduceat(scored.risk_score[at], starts)),
        )


def _added(total: FloatArray, values: FloatArray, starts: IntArray) -> FloatArray:
    """Sums from left to right: others would round differently, and depend on the batch."""
    if len(values) == len(starts):
        return total + values
    total = total.copy()
    lengths = np.diff(starts, append=len(values))
    # A row of zeros, which follow a segment that is shorter than others of its class.
    values = np.concatenate([values, np.zeros((1, values.shape[1]))])
    # Segments of like length side by side: from each power of two to the next.
    _, classes = np.frexp(lengths)
    for one in np.unique(classes).tolist():
        chosen = np.flatnonzero(classes == one)
        steps = np.arange(lengths[chosen].max())
        inside = steps < lengths[chosen, None]
        rows = values[np.where(inside, starts[chosen, None] + steps, len(values) - 1)]
        total[chosen] = np.cumsum(np.concatenate([total[chosen, None], rows], axis=1), axis=1)[:, -1]
    return total
