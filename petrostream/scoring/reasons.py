"""Explanations of anomalous readings and of alarms in plain words, derived from the readings themselves.

A reading's reason states how far its most anomalous sensors are from the well's baseline:
`P-TPT 14 bar below normal, T-TPT 6.2 °C above normal`. An alarm's sentence states what changed in the minute
before it, which valve stayed as it was, and what that resembles: `P-PDG rose 14 bar and T-TPT fell 6 °C in
60 s while M1 stayed open: like a spurious DHSV closure`. Sensors have their 3W names. Equal readings produce
equal words.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from petrostream.arrays import FloatArray, IntArray, anywhere
from petrostream.gauges import GAP_MS, MISSING, QUANTA, CountArray, WindowStats
from petrostream.schema import SENSOR_INDEX, SENSORS

CHANGE_MS = 60_000
SHORTEST_MS = 10_000
"""A change over less time than this is not mentioned: it may be noise."""

MOST_NAMED = 3
AVERAGED_MS = 5_000
"""A change is measured between means over this much time at either end, so that one outlier is no change."""

UNLIKE_NORMAL = "unlike this well's normal operation"

_UNITS = {"pressure": (1e5, "bar"), "temperature": (1.0, "°C"), "opening": (1.0, "%"), "flow": (1e-3, "L/s")}
_LEAST = {"pressure": 1e4, "temperature": 0.1, "opening": 1.0, "flow": 0.005}
"""Smallest change mentioned, in sensor units: about the noise of a healthy gauge."""

_VALVES = ("estado_m1", "estado_w1", "estado_dhsv", "estado_sdv_p")
"""Valves in the path of the oil; the first one with known states is mentioned."""


def size(sensor: int, change: float) -> str:
    """Format a change in the sensor's everyday unit: `14 bar`, `6.2 °C`, `6 °C`.

    Args:
        sensor: sensor index.
        change: in sensor units; the sign is dropped.
    """
    factor, unit = _UNITS[str(SENSORS[sensor].quantity)]
    amount = abs(change) / factor
    return f"{amount:.0f} {unit}" if round(amount, 1) >= 10 else f"{round(amount, 1):g} {unit}"


def name(sensor: int) -> str:
    """A sensor's 3W name, such as P-PDG; a valve's without ESTADO, such as M1."""
    return str(SENSORS[sensor].three_w).removeprefix("ESTADO-")


def deviations(ranking: IntArray, stats: WindowStats, sensors: IntArray, center: FloatArray) -> FloatArray:
    """How far ranked sensors are from the well's usual level.

    Args:
        ranking: shape (n, k), sensor indices, -1 for none.
        stats: window statistics of the n readings.
        sensors: shape (s,), sensors with a usual level.
        center: shape (s, n) or (s, 1), that level at each reading, in sensor units; NaN where not known.

    Returns:
        Shape (n, k), mean over the last 30 s minus the level, in sensor units; NaN for index -1 and where
        there is no level.
    """
    level = np.full((len(SENSORS) + 1, len(stats)), np.nan)
    level[sensors] = center
    column = np.full(len(SENSORS) + 1, len(stats.sensors), np.int64)
    column[stats.sensors] = np.arange(len(stats.sensors))
    means = np.full((len(stats.sensors) + 1, len(stats)), np.nan)
    means[:-1] = stats.table[0, 0]
    # Index -1 selects the NaN at the end of each.
    row = np.arange(len(stats))[:, None]
    deviation: FloatArray = means[column[ranking], row] - level[ranking, row]
    return deviation


def reading_reasons(ranking: IntArray, deviation: FloatArray) -> list[str | None]:
    """Why readings are anomalous.

    Args:
        ranking: shape (n, k), indices of their sensors, most anomalous first; -1 for none.
        deviation: shape (n, k), as returned by `deviations`.

    Returns:
        n phrases, None for a reading without sensors.
    """
    phrases: list[str | None] = [None] * len(ranking)
    named = ranking >= 0
    if anywhere(named):
        rows = np.flatnonzero(named.any(axis=1))
        sensors = ranking[rows]
        keys = zip(sensors.tolist(), _coarse(sensors, deviation[rows]).tolist(), strict=True)
        for row, (names, tenths) in zip(rows.tolist(), keys, strict=True):
            phrases[row] = _reason(tuple(names), tuple(tenths))
    return phrases


def recommission_sentence(sensor: int, shift: float) -> str:
    """The message of an alarm that proposes recommissioning.

    Args:
        sensor: index of the gauge that has moved most, -1 if the baseline is past its validity.
        shift: how far, in the baseline's scales.
    """
    if sensor < 0:
        return "No baseline of the well is valid any more: commission it again"
    where = f"{abs(shift):.0f} usual variations {'above' if shift > 0 else 'below'} its baseline"
    return f"{name(sensor)} has stood {where} for hours: commission the well again"


_FACTOR = np.array([_UNITS.get(str(sensor.quantity), (np.nan, ""))[0] for sensor in SENSORS])
_UNKNOWN = 1 << 40


def _coarse(sensors: IntArray, deviation: FloatArray) -> IntArray:
    """Deviations in tenths of the everyday unit, from ten units on in whole units, as in the words."""
    tenths = np.rint(deviation / _FACTOR[sensors] * 10)
    tenths = np.where(np.abs(tenths) < 100, tenths, np.rint(tenths / 10) * 10)
    return np.where(np.isfinite(tenths), tenths, _UNKNOWN).astype(np.int64)


@lru_cache(maxsize=16384)
def _reason(sensors: tuple[int, ...], tenths: tuple[int, ...]) -> str:
    pairs = zip(sensors, tenths, strict=True)
    return ", ".join(_deviation(sensor, amount) for sensor, amount in pairs if sensor >= 0)


def _deviation(sensor: int, tenths: int) -> str:
    if tenths == _UNKNOWN:
        return f"{name(sensor)} moves unlike normal"
    if tenths == 0:
        return f"{name(sensor)} moves about its usual level"
    factor = _UNITS[str(SENSORS[sensor].quantity)][0]
    side = "above" if tenths > 0 else "below"
    return f"{name(sensor)} {size(sensor, tenths * factor / 10)} {side} normal"


def alarm_sentence(
    ts_ms: IntArray,
    counts: CountArray,
    sensors: IntArray,
    at: int,
    *,
    first: Sequence[int],
    meaning: str,
    otherwise: str | None = None,
) -> str:
    """What changed in the minute up to an alarm, and what that resembles.

    Args:
        ts_ms: shape (h,), strictly increasing: times of the well's readings, epoch ms.
        counts: shape (h, c), from `petrostream.gauges.features.quantise`.
        sensors: shape (c,), the sensor index of each column.
        at: row of the reading that raised the alarm.
        first: sensors to name before any other, if they changed.
        meaning: phrase that completes the sentence.
        otherwise: used instead if nothing changed in that minute; a reading's reason.
    """
    begin = _beginning(ts_ms, at)
    seconds = round(float(ts_ms[at] - ts_ms[begin]) / 1000)
    if ts_ms[at] - ts_ms[begin] < SHORTEST_MS:
        return _short(otherwise, None, meaning)
    then, now = _level(ts_ms, counts, begin, 1), _level(ts_ms, counts, at, -1)
    change = (now - then) * QUANTA[sensors]
    moved = _moved(sensors.tolist(), change.tolist(), first)
    valve = _valve(sensors, counts[begin : at + 1])
    if not moved:
        return _short(otherwise, valve, meaning)
    what = _enumerated([f"{name(s)} {'rose' if by > 0 else 'fell'} {size(s, by)}" for s, by in moved])
    return f"{what} in {seconds} s{f' {valve}' if valve else ''}: {meaning}"


def _short(what: str | None, valve: str | None, meaning: str) -> str:
    clause = f" {valve}" if valve else ""
    return f"{what}{clause}: {meaning}" if what else f"{meaning[:1].upper()}{meaning[1:]}{clause}"


def drift_sentence(drifts: Sequence[tuple[int, float]], hours: float, meaning: str) -> str:
    """The sentence of an alarm on steady drifts over hours.

    Args:
        drifts: sensor indices, and their changes in sensor units.
        hours: over how long.
        meaning: phrase that completes the sentence.
    """
    what = _enumerated([f"{name(s)} {'rose' if by > 0 else 'fell'} {_small(s, by)}" for s, by in drifts])
    return f"{what} in {hours:g} h: {meaning}"


def _small(sensor: int, change: float) -> str:
    """As `size`, to two digits after the point: drifts are small."""
    factor, unit = _UNITS[str(SENSORS[sensor].quantity)]
    amount = abs(change) / factor
    return size(sensor, change) if amount >= 1 else f"{amount:.2g} {unit}"


def gas_sentence(methane_ppm: float, limit_ppm: float, meaning: str) -> str:
    """The sentence of a methane alarm."""
    return f"Methane is {methane_ppm:.0f} ppm, above {limit_ppm:.0f} ppm: {meaning}"


def _beginning(ts_ms: IntArray, at: int) -> int:
    """Row of the oldest reading within the last minute and after the last gap."""
    begin = int(np.searchsorted(ts_ms, ts_ms[at] - CHANGE_MS))
    gaps = np.flatnonzero(np.diff(ts_ms[begin : at + 1]) > GAP_MS)
    return begin + (int(gaps[-1]) + 1 if len(gaps) else 0)


def _level(ts_ms: IntArray, counts: CountArray, row: int, step: int) -> FloatArray:
    """Mean count of each sensor over `AVERAGED_MS` after a row, or before it: shape (c,), NaN if missing."""
    if step > 0:
        rows = slice(row, int(np.searchsorted(ts_ms, ts_ms[row] + AVERAGED_MS)))
    else:
        rows = slice(int(np.searchsorted(ts_ms, ts_ms[row] - AVERAGED_MS, side="right")), row + 1)
    chosen = counts[rows]
    known = chosen != MISSING
    number = known.sum(axis=0)
    total = np.where(known, chosen, 0).sum(axis=0, dtype=np.int64)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _moved(sensors: list[int], change: list[float], first: Sequence[int]) -> list[tuple[int, float]]:
    """The sensors to name and their changes: those in `first`, then by size relative to the gauge's noise."""
    candidates = []
    for sensor, by in zip(sensors, change, strict=True):
        least = _LEAST.get(str(SENSORS[sensor].quantity))
        if least is not None and abs(by) >= least:
            rank = first.index(sensor) if sensor in first else len(first)
            candidates.append((rank, -abs(by) / least, sensor, by))
    return [(sensor, by) for _, _, sensor, by in sorted(candidates)[:MOST_NAMED]]


def _valve(sensors: IntArray, counts: CountArray) -> str | None:
    """What the first valve with known states did, None if there is none."""
    columns = sensors.tolist()
    for valve in _VALVES:
        index = SENSOR_INDEX[valve]
        if index not in columns:
            continue
        states = counts[:, columns.index(index)]
        states = states[states != MISSING] * QUANTA[index] > 0.5
        if len(states):
            if states.all() or not states.any():
                return f"while {name(index)} stayed {'open' if states[-1] else 'closed'}"
            return f"as {name(index)} {'opened' if states[-1] else 'closed'}"
    return None


def settled_sentence(sensors: Sequence[int]) -> str:
    """What has settled on a new level, and what to do about it.

    Args:
        sensors: sensor indices, at least one.
    """
    which, have = _enumerated([name(one) for one in sensors]), "has" if len(sensors) == 1 else "have"
    return f"{which} {have} settled on a new level: commission the well again"


def _enumerated(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
