"""Encodes a well's memory as bytes and a few JSON values, for a facility's state.

Arrays (one number a gauge or minute) become bytes, which the state compresses; names and single values become
JSON. Minute means are stored as series (`petrostream.scoring.series_codec`).
"""

from functools import lru_cache
from typing import Any

import numpy as np

from petrostream.gauges import (
    ACTUATORS,
    AT_REST,
    BINS,
    NOT_MOVED,
    PER_GAUGE,
    SWING_SENSORS,
    TREND_SENSORS,
    CountArray,
    GaugeMemory,
    MoveMemory,
    Swing,
    TrendMemory,
)
from petrostream.risk import StateMemory
from petrostream.schema import SENSOR_NAMES
from petrostream.scoring import level_codec, series_codec, slow_codec
from petrostream.scoring.level_codec import ascending
from petrostream.scoring.memory import WellMemory

_SUMS = 2
_LEVELS_AT = 5
_WORD, _MEAN = 8, 4
_VALUE, _LEVEL, _FROZEN = (PER_GAUGE.index(name) for name in ("value", "level", "frozen"))
_TIMES = np.array([at for at in range(len(PER_GAUGE)) if at not in (_VALUE, _LEVEL, _FROZEN)])
"""Rows of a gauge's table by type."""


def to_parts(memory: WellMemory) -> tuple[list[Any], bytes]:
    """Encode a memory as JSON values and bytes for `from_parts`."""
    gauges, trend = memory.gauges, memory.trend
    plain: list[Any] = [None, None, [memory.operating.code, memory.operating.until_ms]]
    if memory.moves != AT_REST or memory.slow is not None or memory.levels is not None:
        plain.append(_moves_to_plain(memory.moves))
    parts = []
    if gauges is not None:
        names = [SENSOR_NAMES[sensor] for sensor in gauges.sensors.tolist()]
        plain[0] = [gauges.last_ms, gauges.run_ms, names]
        # float64 holds every millisecond until the year 287396 exactly.
        table = np.empty((len(PER_GAUGE), len(names)), "<f8")
        for row, name in enumerate(PER_GAUGE):
            table[row] = getattr(gauges, name)
        parts.append(table.tobytes())
    if trend is not None:
        swings = [[swing.direction, swing.low, swing.high, list(swing.turns)] for swing in trend.swings]
        forms, means = _bytes_of_means(trend.bins.tobytes())
        plain[1] = [trend.minute, len(trend.bins), list(TREND_SENSORS), swings, forms]
        parts += [trend.total.astype("<i8").tobytes(), trend.number.astype("<i8").tobytes(), means]
    if memory.slow is not None:
        plain.append(slow_codec.to_plain(memory.slow))
        parts.append(slow_codec.to_bytes(memory.slow))
    if memory.levels is not None:
        plain += [None] * (_LEVELS_AT - len(plain))
        plain.append(level_codec.to_plain(memory.levels))
        parts.append(level_codec.to_bytes(memory.levels))
    return plain, b"".join(parts)


def from_parts(plain: list[Any], data: bytes) -> WellMemory:
    """Decode what `to_parts` returned.

    Raises:
        ValueError, TypeError: the values are not an encoded memory.
        KeyError: a sensor is unknown to this release.
    """
    # States of earlier releases have no moves, drifts over hours, or levels.
    gauges, trend, (code, until_ms), *later = plain
    moves, slow, levels = (*later, None, None, None)[:3]
    split = len(data) - (0 if levels is None else level_codec.size(levels))
    data, of_levels = data[:split], data[split:]
    size = 0 if gauges is None else _WORD * len(PER_GAUGE) * len(gauges[2])
    end = len(data) - (0 if slow is None else slow_codec.size(slow))
    return WellMemory(
        None if gauges is None else _gauges(gauges, data[:size]),
        None if trend is None else _trend(trend, data[size:end]),
        StateMemory(int(code), int(until_ms)),
        AT_REST if moves is None else _moves(moves),
        None if slow is None else slow_codec.from_parts(slow, data[end:]),
        None if levels is None else level_codec.from_parts(levels, of_levels),
    )


def _moves_to_plain(memory: MoveMemory) -> list[Any]:
    """Times, and name, position and moves of each choke and valve that reports."""
    known = [i for i, position in enumerate(memory.positions) if position >= 0]
    each = [[ACTUATORS[i], memory.positions[i], memory.code >> 2 * i & 3] for i in known]
    opened = memory.opened_ms != NOT_MOVED
    return [[memory.opened_ms, memory.moved_ms - memory.opened_ms] if opened else None, each]


def _moves(plain: list[Any]) -> MoveMemory:
    times, each = plain
    opened_ms, length_ms = (NOT_MOVED, 0) if times is None else map(int, times)
    positions, code = list(AT_REST.positions), 0
    for name, position, bits in each:
        i = ACTUATORS.index(name)
        positions[i] = int(position)
        code |= int(bits) << 2 * i
    return MoveMemory(tuple(positions), opened_ms, opened_ms + length_ms, code)


def _gauges(plain: list[Any], data: bytes) -> GaugeMemory:
    last_ms, run_ms, names = plain
    sensors, order = ascending(tuple(names))
    table = np.frombuffer(data, "<f8").reshape(len(PER_GAUGE), len(names))[:, order]
    times = table.take(_TIMES, axis=0).astype(np.int64)
    value_ms, seen_ms, changed_ms, patience_ms, stepped_ms, bad_ms = times
    return GaugeMemory(
        sensors=sensors,
        value=table[_VALUE].astype(np.float64),
        value_ms=value_ms,
        seen_ms=seen_ms,
        changed_ms=changed_ms,
        patience_ms=patience_ms,
        frozen=table[_FROZEN] != 0.0,
        level=table[_LEVEL].astype(np.float64),
        stepped_ms=stepped_ms,
        bad_ms=bad_ms,
        run_ms=int(run_ms),
        last_ms=int(last_ms),
    )


def _trend(plain: list[Any], data: bytes) -> TrendMemory | None:
    # In states of earlier releases means are stored as changes, in no form.
    minute, length, names, swings, *form = plain
    sums = _SUMS * _WORD * len(names)
    of_means = series_codec.size(form[0], length) if form else _MEAN * length * len(names)
    if not 0 <= length <= BINS or len(data) != sums + (of_means if length else 0):
        raise ValueError(
            f"a trend memory of {length} minutes and {len(names)} gauges does not fit {len(data)} bytes"
        )
    if names != list(TREND_SENSORS) or len(swings) != len(SWING_SENSORS):
        # The other release followed other gauges: its trends cannot be used.
        return None
    total, number = np.frombuffer(data[:sums], "<i8").reshape(_SUMS, len(names)).astype(np.int64)
    return TrendMemory(
        minute=int(minute),
        total=total,
        number=number,
        bins=_means(data[sums:], length, form[0] if form else None),
        swings=tuple(
            Swing(int(direction), int(low), int(high), tuple(map(int, turns)))
            for direction, low, high, turns in swings
        ),
    )


# Means change every minute, and a state is read and written with every batch.


@lru_cache(maxsize=512)
def _bytes_of_means(bins: bytes) -> tuple[list[int], bytes]:
    """Forms and bytes of minute means, given as the bytes of their array."""
    means = np.frombuffer(bins, np.int32).reshape(-1, len(TREND_SENSORS))
    return series_codec.to_bytes(means.T) if len(means) else ([], b"")


def _means(data: bytes, length: int, forms: list[int] | None) -> CountArray:
    """Minute means: shape (length, trend sensors)."""
    gauges = len(TREND_SENSORS)
    if not length:
        return np.empty((0, gauges), np.int32)
    if forms is None:
        changes = np.frombuffer(data, "<i4").reshape(gauges, length)
        return np.cumsum(changes.T, axis=0, dtype=np.int32)
    if len(forms) != gauges:
        raise ValueError(f"{len(forms)} series of the means of {gauges} gauges")
    return _means_in_forms(data, length, tuple(forms))


@lru_cache(maxsize=512)
def _means_in_forms(data: bytes, length: int, forms: tuple[int, ...]) -> CountArray:
    means = np.ascontiguousarray(series_codec.from_bytes(forms, data, length).T)
    # Shared by every state with these means.
    means.setflags(write=False)
    return means
