"""The usual case of `petrostream.gauges.health`, without its work: readings with nothing to judge.

A well that is well sends good values all day. To see that takes a dozen array operations; to judge the gauges
takes eighty, which for a single reading is much of what its scoring costs.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray, anywhere, everywhere
from petrostream.gauges.features import DEAD_AT_ZERO, GAP_MS
from petrostream.gauges.memory import NEVER, GaugeMemory, GaugeTable
from petrostream.schema import SENSORS

REFILL_MS = 60_000
"""A gauge that was bad is used again once the forest's windows have refilled: values just before it was found
bad, such as a historian's line from the last good value down to zero, are not trusted."""

STEP = {"pressure": 50e5, "temperature": 10.0}
"""Largest plausible step between two values, Pa and degC. Working gauges in 3W's real instances step by up to
17.5 bar (P-PDG as the DHSV shuts) and 0.5 degC within a second."""

STEPS: FloatArray = np.array([STEP.get(str(sensor.quantity), np.inf) for sensor in SENSORS])
"""The same for each of the 27 gauges."""

STEPS_JUDGED: BoolArray = np.array([str(sensor.quantity) in STEP for sensor in SENSORS])
"""Which of the 27 gauges have such a limit."""

PATIENCE_FACTOR = 3


def undisturbed(
    memories: Sequence[GaugeMemory | None], ts_ms: IntArray, values: FloatArray, expected: BoolArray | None
) -> list[GaugeMemory] | None:
    """Return the memories after readings at which every gauge is ok, none excluded, and no rule applies.

    The wells have the same gauges, and no others than those of their memories. Each has sent a good value in
    every reading and before, without a gap, has not stepped, was not bad a minute ago, and neither is nor was
    constant for long.

    Args:
        memories: from the previous readings of w wells.
        ts_ms: shape (n, w), n >= 1, strictly increasing and after those, epoch ms.
        values: shape (n, w, 27), sensor units, NaN where missing; none is condemned.
        expected: shape (n, w, 27) or (1, w, 27), the sensors each well should have; None if not known.

    Returns:
        The memories, None if any of this is not so of any well.
    """
    before = _side_by_side(memories, ts_ms[0])
    if before is None:
        return None
    sensors = before.sensors
    others, steps, alive, judged = _of_gauges(sensors.tobytes())
    if not everywhere(np.isnan(values[..., others])):
        return None
    if expected is not None and anywhere(expected[..., others]):
        return None
    x = values[..., sensors]
    previous = np.empty_like(x)
    previous[0], previous[1:] = before.value, x[:-1]
    # A missing value makes the comparison false. Zero means dead, of a pressure or temperature.
    if not _ready(before, ts_ms) or not everywhere((np.abs(x - previous) <= steps) & ((x != 0.0) | alive)):
        return None
    changed_ms = np.where(x == previous, NEVER, ts_ms[..., None])
    changed_ms[0] = np.maximum(changed_ms[0], before.changed_ms)
    since = before.changed_ms[None]
    if len(x) > 1:
        changed_ms = np.maximum.accumulate(changed_ms, axis=0)
        since = np.concatenate([since, changed_ms[:-1]])
    # Neither is any gauge frozen, nor does the end of a constant stretch teach patience.
    if anywhere(judged & (PATIENCE_FACTOR * (ts_ms[..., None] - since) > before.patience_ms)):
        return None
    return [
        _after(memory, last_ms, x[-1, well].copy(), changed_ms[-1, well].copy())
        for well, (memory, last_ms) in enumerate(zip(memories, ts_ms[-1].tolist(), strict=True))
        if memory is not None
    ]


def _side_by_side(memories: Sequence[GaugeMemory | None], first_ms: IntArray) -> GaugeTable | None:
    """The memories as one table; None if they are not of the same gauges."""
    one = memories[0]
    if one is None:
        return None
    gauges = one.sensors.tobytes()
    if any(memory is None or memory.sensors.tobytes() != gauges for memory in memories[1:]):
        return None
    return GaugeTable.of(memories, one.sensors, first_ms)


def _after(before: GaugeMemory, last_ms: int, value: FloatArray, changed_ms: IntArray) -> GaugeMemory:
    newest = np.empty_like(before.value_ms)
    newest.fill(last_ms)
    return GaugeMemory(
        sensors=before.sensors,
        value=value,
        value_ms=newest,
        seen_ms=newest,
        changed_ms=changed_ms,
        patience_ms=before.patience_ms,
        frozen=before.frozen,
        level=before.level,
        stepped_ms=before.stepped_ms,
        bad_ms=before.bad_ms,
        run_ms=before.run_ms,
        last_ms=last_ms,
    )


@lru_cache(maxsize=256)
def _of_gauges(sensors: bytes) -> tuple[IntArray, FloatArray, BoolArray, BoolArray]:
    """The other gauges; and of these `STEPS`, not `DEAD_AT_ZERO`, `STEPS_JUDGED`; by their array's bytes."""
    chosen = np.frombuffer(sensors, np.int64)
    others = np.ones(len(SENSORS), np.bool_)
    others[chosen] = False
    return np.flatnonzero(others), STEPS[chosen], ~DEAD_AT_ZERO[chosen], STEPS_JUDGED[chosen]


def _ready(before: GaugeTable, ts_ms: IntArray) -> bool:
    """Whether all gauges have been good for a while, and the readings follow without a gap."""
    if anywhere(ts_ms[0] - before.last_ms > GAP_MS):
        return False
    if len(ts_ms) > 1 and anywhere(ts_ms[1:] - ts_ms[:-1] > GAP_MS):
        return False
    if anywhere(before.frozen) or not everywhere(np.isnan(before.level)):
        return False
    lately = ts_ms[0][:, None] - REFILL_MS
    return everywhere((before.value_ms >= before.run_ms[:, None]) & (before.bad_ms < lately))
