"""Recognises gauges that report in another unit: bar, kPa or psi instead of Pa, degF or K instead of degC.

Evidence, from one reading at a time:

* **Range.** A pressure above 1 Pa and below one bar that a unit brings to within a factor of `REACH` of where
  such a gauge works (`_PRESSURES`), or a temperature above `HOT`. It suffices for the gauges in the well and
  on the subsea tree, which are never that low or that hot. A gauge at the platform may be without pressure:
  there it counts only if the reading's other gauges of the quantity say the same: one of the former is in a
  shared unit, or none of them reports and all of at least two others share one.
* **Baseline**, where the well has one. A pressure that a unit brings to within `SHARE` of the baseline's
  center; a temperature that as degF lies within `SHARE` of it (at least `NEAR` degC), and as degC at least
  `FAR` above it. Of a gauge that is `WARM`, any temperature that lies `FAR_WARM` above the center and as degF
  no longer does: such a gauge can cool in an event, but not warm up so far.

The baseline decides the unit; without one it is that whose values would be the most typical, all of them if
several would, and of these the ones that every such gauge of the reading shares. Other units are not told
apart from these: kgf/cm2 is within 2 % of bar.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from petrostream.arrays import BoolArray, FloatArray, IntArray, anywhere
from petrostream.schema import SENSOR_INDEX, SENSOR_NAMES, SENSORS
from petrostream.units import UNITS

MaskArray = npt.NDArray[np.int8]
"""Likely units as bits of `CANDIDATES`; 0 for a value without anything against it."""

UNIT = "unit"
"""Code of the reasons: `unit:p_pdg:bar?`, `unit:p_tpt:kPa/psi?`; without the question mark where the unit is
decided, as by `decided_units`."""

CANDIDATES = ("bar", "kPa", "psi", "degF", "K")
_PRESSURE_BITS: IntArray = np.array([1, 2, 4])
_DEG_F, _KELVIN = 8, 16
DECIDED = 32
"""Bit of a mask whose unit is decided: the value can be converted."""

_FACTORS: FloatArray = np.array([UNITS["pressure"][name].factor for name in CANDIDATES[:3]])
_FAHRENHEIT, _KELVINS = UNITS["temperature"]["degF"], UNITS["temperature"]["K"]

_PRESSURES = {"p_pdg": (1e7, 8e7), "p_tpt": (2e6, 4e7), "": (5e5, 2e7)}
"""Where gauges work, Pa. In 3W's instances P-PDG is at 120 to 416 bar, P-TPT at 19 to 247, the others at 7 to
202 bar."""

REACH = 3.0
LEAST, ATMOSPHERE = 1.0, 1e5
"""In Pa: only between these can a pressure be in another unit."""

HOT = 150.0
"""In degC. In 3W's instances working gauges reach 127 degC; a frozen T-JUS-CKP of well 2 reports 173."""

SHARE, NEAR, FAR = 0.25, 3.0, 40.0
WARM, FAR_WARM = 45.0, 30.0
_KELVIN_RANGE = _KELVINS.from_si(np.array([-10.0, HOT])).tolist()
(_FAHRENHEIT_MOST,) = _FAHRENHEIT.from_si(np.array([130.0])).tolist()


def _columns(quantity: str) -> IntArray:
    return np.array([at for at, sensor in enumerate(SENSORS) if sensor.quantity == quantity], np.int64)


_P, _T = _columns("pressure"), _columns("temperature")
_LOW, _HIGH = np.array([_PRESSURES.get(SENSOR_NAMES[at], _PRESSURES[""]) for at in _P.tolist()]).T
_IS_WITNESS = np.isin(SENSOR_NAMES, ["p_pdg", "p_tpt", "t_pdg", "t_tpt"])
_P_WITNESS, _T_WITNESS = _IS_WITNESS[_P], _IS_WITNESS[_T]


def unusual(
    values: FloatArray, center: FloatArray | None = None, of_row: IntArray | None = None
) -> BoolArray:
    """Return which readings need `likely_units`; for all others it finds nothing: shape (n,).

    Args:
        values: shape (n, 27), sensor units, NaN where missing.
        center: shape (27,), the baseline's level of each sensor, NaN where it has none; or (b, 27), of b.
        of_row: shape (n,), which of the b baselines each reading has.
    """
    least = _WITHOUT if center is None else _above(center)
    odd = (values > (least if of_row is None else least.take(of_row, axis=0))) & (values <= _UP_TO)
    return np.logical_or.reduce(odd, axis=1) if anywhere(odd) else np.zeros(len(values), np.bool_)


_UP_TO = np.where(np.isin(np.arange(len(SENSOR_NAMES)), _P), np.nextafter(ATMOSPHERE, 0.0), np.inf)
"""Largest value of each sensor that may be in another unit."""


def _above(center: FloatArray) -> FloatArray:
    """Where such values begin, exclusive: of the shape of `center`, the levels of one or more baselines."""
    least = np.full(center.shape, np.inf)
    least[..., _P] = LEAST
    least[..., _T] = np.fmin(HOT, center[..., _T] + FAR_WARM)
    return least


_WITHOUT = _above(np.full(len(SENSOR_NAMES), np.nan))


def likely_units(values: FloatArray, center: FloatArray | None = None) -> MaskArray:
    """Find values that are apparently in another unit.

    Args:
        values: shape (n, 27), sensor units, impossible ones included; NaN where missing.
        center: shape (27,), the baseline's level of each sensor, NaN where it has none; None without one.

    Returns:
        Shape (n, 27), bits of `CANDIDATES`.
    """
    masks = np.zeros(values.shape, np.int8)
    pressure, temperature = values[:, _P], values[:, _T]
    typical, possible = _pressures(pressure)
    hot = _temperatures(temperature)
    of_pressures = _Found(typical, possible, np.zeros_like(typical), _reports(pressure), _P_WITNESS)
    of_temperatures = _Found(hot, hot, np.zeros_like(hot), _reports(temperature), _T_WITNESS)
    if center is not None:
        of_pressures.sure[:] = _against_pressures(pressure, center[_P])
        of_temperatures.sure[:] = _against_temperatures(temperature, center[_T])
    masks[:, _P], masks[:, _T] = of_pressures.agreed(), of_temperatures.agreed()
    return masks


def decided_units(values: FloatArray, masks: MaskArray, center: FloatArray) -> BoolArray:
    """Return where the baseline decides the unit, so that a value can be converted: shape (n, 27).

    That is where one unit is left, and the baseline says the same of the gauge, or of the other gauges of its
    quantity in the reading: a gauge that moves in an event is soon far from its own baseline.

    Args:
        values: as for `likely_units`.
        masks: its result.
        center: as there; a baseline's.
    """
    sure = np.zeros(values.shape, np.int8)
    sure[:, _P] = _against_pressures(values[:, _P], center[_P])
    sure[:, _T] = _against_temperatures(values[:, _T], center[_T])
    decided: BoolArray = (masks > 0) & (masks & (masks - 1) == 0)
    for part in (_P, _T):
        said = np.bitwise_or.reduce(sure[:, part], axis=1, keepdims=True)
        decided[:, part] &= (sure[:, part] == masks[:, part]) | (said == masks[:, part])
    return decided


def converted(values: FloatArray, reasons: Sequence[tuple[str, ...]]) -> FloatArray:
    """Return values in the schema's units, those whose reason names a decided unit converted.

    Args:
        values: shape (n, 27), as sent; not modified.
        reasons: of each reading.
    """
    if not any(reasons):
        return values
    known = [(row, *one) for row, tags in enumerate(reasons) if tags for one in _conversions(tags)]
    if not known:
        return values
    rows, sensors, factors, offsets = (np.array(column) for column in zip(*known, strict=True))
    values = values.copy()
    values[rows, sensors] = factors * values[rows, sensors] + offsets
    return values


@lru_cache(maxsize=1024)
def _conversions(reasons: tuple[str, ...]) -> tuple[tuple[int, float, float], ...]:
    """Sensor index, factor and offset of each value that a reading's reasons say how to convert."""
    found = []
    for reason in reasons:
        name = sensor_of(reason)
        if name is not None and not reason.endswith("?"):
            sensor = SENSOR_INDEX[name]
            found.append((sensor, *UNITS[str(SENSORS[sensor].quantity)][reason.rpartition(":")[2]]))
    return tuple(found)


def is_undecided(reason: str) -> bool:
    """Whether a reason is about a unit that is not decided: nothing can be made of the value."""
    return reason.startswith(f"{UNIT}:") and reason.endswith("?")


def reasons_of(masks: MaskArray) -> list[tuple[str, ...]]:
    """Return the reasons of n readings, in sensor order.

    Args:
        masks: shape (n, 27), from `likely_units`, with `DECIDED` added where a unit is.
    """
    patterns, of_row = np.unique(masks, axis=0, return_inverse=True)
    texts = [tuple(map(_reason, row.nonzero()[0].tolist(), row[row > 0].tolist())) for row in patterns]
    return [texts[at] for at in of_row.reshape(-1).tolist()]


@lru_cache(maxsize=512)
def _reason(sensor: int, mask: int) -> str:
    doubt = "" if mask & DECIDED else "?"
    return f"{UNIT}:{SENSOR_NAMES[sensor]}:{unit_names(mask)}{doubt}"


def unit_names(mask: int) -> str:
    """Names of the units of a mask: `psi`, `kPa/psi`."""
    return "/".join(name for bit, name in enumerate(CANDIDATES) if mask >> bit & 1)


def sensor_of(reason: str) -> str | None:
    """The sensor of a reason such as `unit:p_pdg:bar?`; None for a reason of another code."""
    code, _, rest = reason.partition(":")
    return rest.partition(":")[0] if code == UNIT else None


def gauge_units(reasons: Sequence[str]) -> tuple[str, ...]:
    """The gauges that a reading's reasons say are in another unit, and which, such as `p_tpt:kPa/psi`."""
    return tuple(reason.removeprefix(f"{UNIT}:").removesuffix("?") for reason in reasons if sensor_of(reason))


def without_units(reasons: Sequence[str]) -> tuple[str, ...]:
    """Reasons of a reading without those about units."""
    return tuple(reason for reason in reasons if sensor_of(reason) is None)


def _reports(values: FloatArray) -> BoolArray:
    # Zero is what a dead gauge reports.
    reports: BoolArray = ~np.isnan(values) & (values != 0.0)
    return reports


def _pressures(values: FloatArray) -> tuple[MaskArray, MaskArray]:
    """Units by range, the most typical and all possible ones: shape (n, pressures) each."""
    off = (values > LEAST) & (values < ATMOSPHERE)
    converted = np.where(off, values, np.nan)[..., None] * _FACTORS
    with np.errstate(invalid="ignore"):
        beyond = np.maximum(np.maximum(_LOW[:, None] / converted, converted / _HIGH[:, None]), 1.0)
        least = beyond.min(axis=-1, keepdims=True)
        possible = beyond <= REACH
    typical = possible & (beyond <= least)
    return (typical @ _PRESSURE_BITS).astype(np.int8), (possible @ _PRESSURE_BITS).astype(np.int8)


def _temperatures(values: FloatArray) -> MaskArray:
    with np.errstate(invalid="ignore"):
        fahrenheit = (values > HOT) & (values <= _FAHRENHEIT_MOST)
        kelvin = (values >= _KELVIN_RANGE[0]) & (values <= _KELVIN_RANGE[1])
    masks: MaskArray = (fahrenheit * _DEG_F + kelvin * _KELVIN).astype(np.int8)
    return masks


def _against_pressures(values: FloatArray, center: FloatArray) -> MaskArray:
    """Units by the baseline: shape (n, pressures). SHARE is so small that at most one fits."""
    off = np.where((values > LEAST) & (values < ATMOSPHERE), values, np.nan)[..., None] * _FACTORS
    with np.errstate(invalid="ignore", divide="ignore"):
        fits = np.abs(off / center[:, None] - 1.0) <= SHARE
    return (fits @ _PRESSURE_BITS).astype(np.int8)


def _against_temperatures(values: FloatArray, center: FloatArray) -> MaskArray:
    with np.errstate(invalid="ignore"):
        above = _FAHRENHEIT.to_si(values) - center
        near = np.maximum(NEAR, SHARE * center)
        fits = (np.abs(above) <= near) & (values - center >= FAR)
        fits |= (above <= near) & (values - center >= FAR_WARM) & (center >= WARM)
    return (fits * _DEG_F).astype(np.int8)


@dataclass(frozen=True, slots=True)
class _Found:
    """Evidence about the g gauges of one quantity at n readings.

    Attributes:
        typical, possible: units by range, the most typical ones and all, shape (n, g).
        sure: units by the baseline, shape (n, g).
        reports: gauges with a value, shape (n, g).
        witness: those whose range suffices, shape (g,).
    """

    typical: MaskArray
    possible: MaskArray
    sure: MaskArray
    reports: BoolArray
    witness: BoolArray

    def agreed(self) -> MaskArray:
        """What remains if the gauges of each reading are taken together: shape (n, g)."""
        # What is possible in kelvin is impossible in degC.
        suffices = self.witness | (self.typical == _KELVIN)
        alone = np.where(self.sure > 0, self.sure, np.where(suffices, self.typical, 0))
        said = np.bitwise_or.reduce(alone, axis=1, keepdims=True)
        # Without a witness that reports, the others speak if there are several, and all say the same.
        silent = ~(self.reports & self.witness).any(axis=1, keepdims=True)
        silent &= self.reports.sum(axis=1, keepdims=True) > 1
        said = np.where(silent, said | _common(self.typical, self.reports), said)
        kept = np.where(alone > 0, alone, self.possible & said)
        shared = kept & _common(kept, kept > 0)
        settled: MaskArray = np.where((shared > 0) & (self.sure == 0), shared, kept).astype(np.int8)
        return settled


def _common(masks: MaskArray, among: BoolArray) -> MaskArray:
    """Bits that all of the chosen masks of each row have: shape (n, 1), 0 where none is chosen."""
    shared = np.bitwise_and.reduce(np.where(among, masks, -1), axis=1, keepdims=True)
    return np.where(among.any(axis=1, keepdims=True), shared, 0).astype(np.int8)
