"""One minute of a gauge: what it teaches of the gauge's level (`petrostream.gauges.level`)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from petrostream.arrays import FloatArray, IntArray
from petrostream.gauges.floors import scale_floors

KNOWN_MIN = 4
"""Minutes, still among themselves, that make a level known."""

BACK_MIN = 3
"""Minutes in a row near its level that end a gauge's being away."""

HASTE = 3.0
"""How much faster a gauge on a new level is followed."""

STILL_MIN = 10.0
"""Weight of a minute in the level of a gauge that is away, as a number of minutes."""

RETURNED = 3.0
"""A new level this close to the baseline's own centre, in scales, is none."""

LEVEL_FIELDS = ("known", "center", "spread", "away", "away_center", "away_spread", "back", "moved", "seen")
KNOWN, CENTER, SPREAD, AWAY, AWAY_CENTER, AWAY_SPREAD, BACK, MOVED, LEVEL_SEEN = range(len(LEVEL_FIELDS))
BLANK = [0] * len(LEVEL_FIELDS)


@dataclass(frozen=True, slots=True)
class LevelRules:
    """How levels are followed; a model's manifest can set each under `level`.

    Attributes:
        window_min: minutes over which the centre is averaged.
        away: largest deviation of a minute that is learned, in scales.
        noise: largest standard deviation within a minute that is learned, in scales.
        settle_min: minutes away, and still there, that make a new level.
        drift_per_h: largest movement of the centre in an hour, in scales.
        widening: largest spread that counts, as a multiple of the baseline's scale.
        narrowing: smallest spread that counts, as a share of it; never less than a healthy gauge's.
        trust_h: for how long after its period a baseline's own centre counts where no level is known, hours.
    """

    window_min: float = 30.0
    away: float = 6.0
    noise: float = 3.0
    settle_min: float = 30.0
    drift_per_h: float = 30.0
    widening: float = 3.0
    narrowing: float = 0.25
    trust_h: float = 24.0

    def check(self) -> None:
        """Raise ValueError for a value that no level can be followed with."""
        for name in ("window_min", "away", "noise", "settle_min", "widening"):
            if not getattr(self, name) >= 1:
                raise ValueError(f"level.{name} {getattr(self, name)} must be at least 1")
        if not 0 < self.narrowing <= 1:
            raise ValueError(f"level.narrowing {self.narrowing} must be above 0, and 1 at most")
        if not (self.drift_per_h >= 0 and self.trust_h >= 0):
            raise ValueError(f"level.drift_per_h {self.drift_per_h} and level.trust_h must not be negative")


DEFAULT_RULES = LevelRules()


@dataclass(frozen=True, slots=True, eq=False)
class Anchor:
    """A baseline, as far as levels need it.

    Attributes:
        identity: of the baseline; another one is a new commissioning.
        center, scale: of each of the 27 sensors, in counts; None for a gauge that is not in the baseline.
        bounds: smallest and largest spread that counts, in counts, from `spread_bounds`; likewise.
        trusted: whether the centre counts where no level is known.
        rules: how levels are followed.
    """

    identity: int
    center: Sequence[float | None]
    scale: Sequence[float | None]
    bounds: Sequence[tuple[float, float] | None]
    trusted: bool
    rules: LevelRules = DEFAULT_RULES


def spread_bounds(rules: LevelRules, sensors: IntArray, scale: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the smallest and the largest spread that counts, for some gauges of a baseline.

    Args:
        rules: how levels are followed.
        sensors: shape (s,), sensor indices.
        scale: shape (s,), the baseline's scale, sensor units.
    """
    healthy = np.minimum(scale_floors(sensors.tolist()), scale)
    return np.maximum(rules.narrowing * scale, healthy), rules.widening * scale


def moments(total: int, square: int, number: int) -> tuple[float, float]:
    """Mean and variance from exact sums."""
    mean = total / number
    whole = round(mean)
    shifted = square - 2 * whole * total + number * whole * whole
    return mean, max(shifted / number - (mean - whole) ** 2, 0.0)


def start(gauge: list[int], sensor: int, anchor: Anchor) -> None:
    """Begin at the baseline's own level; blank for a gauge that is not in it."""
    center, scale = anchor.center[sensor], anchor.scale[sensor]
    gauge[:] = BLANK
    if center is not None and scale is not None:
        gauge[KNOWN], gauge[CENTER], gauge[SPREAD] = int(anchor.rules.window_min), round(center), round(scale)


def learn(gauge: list[int], mean: float, variance: float, sensor: int, anchor: Anchor | None) -> None:
    """Add a full minute of a gauge, of this mean and variance in counts, to its level."""
    scale = None if anchor is None else anchor.scale[sensor]
    bounds = None if anchor is None else anchor.bounds[sensor]
    if anchor is None or scale is None or bounds is None:
        _find(gauge, mean, variance, None, DEFAULT_RULES)
        return
    rules = anchor.rules
    if gauge[KNOWN] < KNOWN_MIN:
        if not anchor.trusted or gauge[KNOWN] < 0:
            _find(gauge, mean, variance, bounds, rules)
            return
        start(gauge, sensor, anchor)
    unit = min(max(gauge[SPREAD], bounds[0]), bounds[1])
    out = abs(mean - gauge[CENTER]) > rules.away * unit or math.sqrt(variance) > rules.noise * unit
    if gauge[AWAY]:
        _watch(gauge, mean, variance, unit, out, rules)
    elif out:
        gauge[AWAY], gauge[BACK] = 1, 0
        gauge[AWAY_CENTER], gauge[AWAY_SPREAD] = round(mean), round(math.sqrt(variance))
    else:
        _follow(gauge, mean, variance, unit, rules)
        if gauge[MOVED] and _settled_back(gauge, anchor.center[sensor], scale):
            gauge[MOVED] = 0


def _find(
    gauge: list[int], mean: float, variance: float, bounds: tuple[float, float] | None, rules: LevelRules
) -> None:
    """Average minutes to a level; with a baseline to compare with, begin again where they are not still."""
    known = gauge[KNOWN]
    after_move = known < 0
    minutes = known + KNOWN_MIN if after_move else known
    if minutes and bounds is not None:
        unit = min(max(gauge[SPREAD], bounds[0]), bounds[1])
        if abs(mean - gauge[CENTER]) > rules.away * unit:
            minutes = 0
    weight = max(1.0 / (minutes + 1), 1.0 / rules.window_min)
    _average(gauge, mean, variance, weight, math.inf)
    minutes = min(minutes + 1, int(rules.window_min))
    gauge[KNOWN] = minutes - KNOWN_MIN if after_move and minutes < KNOWN_MIN else minutes


def _follow(gauge: list[int], mean: float, variance: float, unit: float, rules: LevelRules) -> None:
    """Learn a minute that is like those before it."""
    haste = HASTE if gauge[MOVED] else 1.0
    weight = max(1.0 / (gauge[KNOWN] + 1), haste / rules.window_min)
    _average(gauge, mean, variance, weight, haste * rules.drift_per_h * unit / 60.0)
    gauge[KNOWN] = min(gauge[KNOWN] + 1, int(rules.window_min))


def _average(gauge: list[int], mean: float, variance: float, weight: float, most: float) -> None:
    distance = mean - gauge[CENTER]
    square = gauge[SPREAD] ** 2
    distance_square = 0.0 if weight == 1.0 else distance * distance
    gauge[SPREAD] = round(math.sqrt(square + weight * (variance + distance_square - square)))
    gauge[CENTER] = round(gauge[CENTER] + min(max(weight * distance, -most), most))


def _watch(gauge: list[int], mean: float, variance: float, unit: float, out: bool, rules: LevelRules) -> None:
    """Follow a gauge that is away: is it back, or has it settled elsewhere?"""
    gauge[BACK] = 0 if out else gauge[BACK] + 1
    if gauge[BACK] >= BACK_MIN:
        gauge[AWAY] = gauge[BACK] = 0
        return
    still = abs(mean - gauge[AWAY_CENTER]) <= rules.away * max(unit, gauge[AWAY_SPREAD])
    minutes = gauge[AWAY] if still else 0
    weight = max(1.0 / (minutes + 1), 1.0 / STILL_MIN)
    square = gauge[AWAY_SPREAD] ** 2
    gauge[AWAY_SPREAD] = round(math.sqrt(square + weight * (variance - square)))
    gauge[AWAY_CENTER] = round(gauge[AWAY_CENTER] + weight * (mean - gauge[AWAY_CENTER]))
    gauge[AWAY] = minutes + 1
    if gauge[AWAY] >= rules.settle_min:
        # How far it wanders from minute to minute is known from before.
        gauge[CENTER], gauge[SPREAD] = gauge[AWAY_CENTER], max(gauge[SPREAD], gauge[AWAY_SPREAD])
        gauge[KNOWN], gauge[MOVED] = KNOWN_MIN, 1
        gauge[AWAY] = gauge[BACK] = 0


def _settled_back(gauge: list[int], center: float | None, scale: float) -> bool:
    """Whether a gauge that was on a new level is on its baseline's again."""
    return center is not None and abs(gauge[CENTER] - center) <= RETURNED * scale >= gauge[SPREAD] / 2
