"""State of a well's gauges between batches, and that of many wells as arrays with an axis of wells."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray, everywhere
from petrostream.records import record
from petrostream.schema import SENSORS

LEAST_PATIENCE_MS = {"pressure": 15 * 60_000, "temperature": 60 * 60_000}
"""In 3W's real instances healthy pressures stay constant for up to 601 s, temperatures for up to 2400 s."""

NEVER = np.iinfo(np.int64).min // 4
_PATIENCE: IntArray = np.array([LEAST_PATIENCE_MS.get(str(sensor.quantity), 1 << 60) for sensor in SENSORS])


@record(frozen=True, slots=True)
class GaugeMemory:
    """State of the s gauges of a well that have ever been seen. Times are epoch ms, `NEVER` if none.

    Attributes:
        sensors: shape (s,), ascending sensor indices.
        value: shape (s,), last value that was neither missing, zeroed nor condemned, in sensor units; NaN
            before the first.
        value_ms: shape (s,), its time.
        seen_ms: shape (s,), when the gauge last sent anything.
        changed_ms: shape (s,), since when `value` has been constant.
        patience_ms: shape (s,), how long it may stay constant, ms.
        frozen: shape (s,), whether it is frozen.
        level: shape (s,), last plausible value before an implausible step, in sensor units; NaN without one.
        stepped_ms: shape (s,), time of that step.
        bad_ms: shape (s,), when the gauge was last frozen, zeroed or implausible.
        run_ms: when the well's readings began, or resumed after a gap.
        last_ms: the well's last reading.
    """

    sensors: IntArray
    value: FloatArray
    value_ms: IntArray
    seen_ms: IntArray
    changed_ms: IntArray
    patience_ms: IntArray
    frozen: BoolArray
    level: FloatArray
    stepped_ms: IntArray
    bad_ms: IntArray
    run_ms: int
    last_ms: int


PER_GAUGE = (
    "value",
    "value_ms",
    "seen_ms",
    "changed_ms",
    "patience_ms",
    "frozen",
    "level",
    "stepped_ms",
    "bad_ms",
)
"""Names of the arrays with one entry per gauge, besides `sensors`."""


@record(frozen=True, slots=True)
class GaugeTable:
    """States of w wells for the same s gauges, as in `GaugeMemory`; some wells may not know some of them.

    Attributes:
        sensors: shape (s,), ascending sensor indices.
        value, value_ms, seen_ms, changed_ms, patience_ms, frozen, level, stepped_ms, bad_ms: shape (w, s).
        run_ms, last_ms: shape (w,).
    """

    sensors: IntArray
    value: FloatArray
    value_ms: IntArray
    seen_ms: IntArray
    changed_ms: IntArray
    patience_ms: IntArray
    frozen: BoolArray
    level: FloatArray
    stepped_ms: IntArray
    bad_ms: IntArray
    run_ms: IntArray
    last_ms: IntArray

    @classmethod
    def of(
        cls, memories: Sequence[GaugeMemory | None], sensors: IntArray, first_ms: IntArray
    ) -> "GaugeTable":
        """Lay the states of wells side by side.

        Args:
            memories: of w wells, None before a well's first reading.
            sensors: shape (s,), ascending sensor indices that include those of all memories.
            first_ms: shape (w,), where the readings of a well without a memory begin.
        """
        one = memories[0]
        if len(memories) == 1 and one is not None and len(one.sensors) == len(sensors):
            return cls(
                sensors,
                one.value[None],
                one.value_ms[None],
                one.seen_ms[None],
                one.changed_ms[None],
                one.patience_ms[None],
                one.frozen[None],
                one.level[None],
                one.stepped_ms[None],
                one.bad_ms[None],
                np.array([one.run_ms]),
                np.array([one.last_ms]),
            )
        shape = (len(memories), len(sensors))
        table = cls._unknown(sensors, shape, first_ms)
        known = [(row, memory) for row, memory in enumerate(memories) if memory is not None]
        if known:
            rows = [row for row, _ in known]
            at = np.repeat(rows, [len(memory.sensors) for _, memory in known])
            column = np.searchsorted(sensors, np.concatenate([memory.sensors for _, memory in known]))
            for name in PER_GAUGE:
                getattr(table, name)[at, column] = np.concatenate([getattr(one, name) for _, one in known])
            table.run_ms[rows] = [memory.run_ms for _, memory in known]
            table.last_ms[rows] = [memory.last_ms for _, memory in known]
        return table

    @classmethod
    def _unknown(cls, sensors: IntArray, shape: tuple[int, int], first_ms: IntArray) -> "GaugeTable":
        return cls(
            sensors=sensors,
            value=np.full(shape, np.nan),
            value_ms=np.full(shape, NEVER),
            seen_ms=np.full(shape, NEVER),
            changed_ms=np.full(shape, NEVER),
            patience_ms=np.tile(_PATIENCE[sensors], (shape[0], 1)),
            frozen=np.zeros(shape, np.bool_),
            level=np.full(shape, np.nan),
            stepped_ms=np.full(shape, NEVER),
            bad_ms=np.full(shape, NEVER),
            run_ms=first_ms.copy(),
            last_ms=first_ms.copy(),
        )

    def split(self, known: BoolArray) -> list[GaugeMemory]:
        """Return the state of each well by itself.

        Args:
            known: shape (w, s), the gauges that each well has.
        """
        columns: list[Any] = [getattr(self, name) for name in PER_GAUGE]
        times: list[Any] = [self.run_ms.tolist(), self.last_ms.tolist()]
        # Copies, so that a well's state does not keep those of all others alive.
        if everywhere(known):
            return [
                GaugeMemory(self.sensors, *[field.copy() for field in row[:-2]], *row[-2:])
                for row in zip(*columns, *times, strict=True)
            ]
        return [
            GaugeMemory(self.sensors[own], *[field[own] for field in row[:-2]], *row[-2:])
            for own, row in zip(known, zip(*columns, *times, strict=True), strict=True)
        ]
