"""Simulates gas detectors at the wellheads and the tanks of a facility, driven by the events of its wells.

Everything is a pure function of the seed, the names and the event time: a resumed replay asks for the
same instants again and gets the same values. Three of four events of a well affect its gas, and seven of ten
the tank it flows to, after a lag:

* methane follows the start and the end of an event by `GAS_COURSE.lag_ms` (30 s), and rises within a minute;
* vapor in the tank follows by `VAPOR_COURSE.lag_ms` (2 minutes), and rises within two.

Noise never carries a value over a limit of the risk rules that the noise-free value has not exceeded, so that
`raised` is exact: a sent value exceeds a limit if and only if its instant is within an exceedance.
Some values are left out, some vibration frames are malformed.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import orjson

from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.readings import TANK_VALUES
from petrostream.risk import METHANE_LEAK_PPM, METHANE_WARNING_PPM, VAPOR_CRITICAL_PPM, VAPOR_HIGH_PPM
from petrostream.times import DAY_MS, to_iso
from producer.episodes import Bump, Course, Episode, bumps, level, spans_above
from producer.noise import key_of, normal, uniform

GAS_COURSE = Course(lag_ms=30_000, rise_ms=60_000, fall_ms=60_000)
VAPOR_COURSE = Course(lag_ms=120_000, rise_ms=120_000, fall_ms=120_000)

METHANE_BASE_PPM = 80.0
METHANE_LIMITS_PPM = (METHANE_WARNING_PPM, METHANE_LEAK_PPM)
_GAS_BANDS = ((0.5, 600.0, 1_500.0), (0.25, 220.0, 350.0))

VAPOR_BASE_PPM = 2_000.0
VAPOR_LIMITS_PPM = (VAPOR_HIGH_PPM, VAPOR_CRITICAL_PPM)
_VAPOR_BANDS = ((0.4, 10_000.0, 18_000.0), (0.3, 4_000.0, 7_000.0))

NOISE = 0.02
"""Standard deviation of the noise, as a share of the value."""

LEFT_OUT = 0.01
"""How often a value is not sent."""

MALFORMED = 0.002
"""How often a vibration frame is not valid base64."""

FRAME_SAMPLES = 16
METHANE_CONDITIONS = ("methane_medium", "methane_high")
VAPOR_CONDITIONS = ("vapor_high", "vapor_critical")


@dataclass(frozen=True, slots=True)
class Exceedance:
    """A stretch in which a simulated concentration exceeds a limit: the ground truth.

    Attributes:
        facility_id: the facility.
        subject: the well or the tank.
        condition: `methane_medium`, `methane_high`, `vapor_high` or `vapor_critical`, as the rules
            are named. A stretch over the higher limit lies within one over the lower limit.
        start_ms: its first millisecond, event time.
        end_ms: its last millisecond.
    """

    facility_id: str
    subject: str
    condition: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Gas:
    """Readings of the gas detector and the vibration sensor of a well at n instants.

    Attributes:
        methane_ppm: shape (n,), NaN where not sent.
        co2_ppm: shape (n,), NaN where not sent.
        vibration_encoded: n texts, None where not sent.
    """

    methane_ppm: FloatArray
    co2_ppm: FloatArray
    vibration_encoded: list[str | None]


class GasDetector:
    """The detector at a wellhead.

    Args:
        seed: of the simulation.
        well_id: the well.
        facility_id: its facility.
        episodes: the well's events in event time, of all instances that play.
    """

    def __init__(self, seed: int, well_id: str, facility_id: str, episodes: Iterable[Episode]) -> None:
        self.well_id = well_id
        self.facility_id = facility_id
        self._seed = seed
        self._bumps = bumps(seed, "methane", episodes, GAS_COURSE, _GAS_BANDS)

    def read(self, source: str, ts_ms: IntArray) -> Gas:
        """Values at n instants.

        Args:
            source: the instance that plays.
            ts_ms: shape (n,), event times.
        """
        over = level(self._bumps, ts_ms)
        course = METHANE_BASE_PPM + over
        key = key_of(self._seed, "gas", self.well_id, source)
        noise, missing = normal(key, ts_ms, 2), uniform(key ^ 1, ts_ms, 3) < LEFT_OUT
        methane = _measured(over, noise[:, 0], METHANE_BASE_PPM, METHANE_LIMITS_PPM)
        co2 = (420.0 + 0.2 * course) * (1.0 + NOISE * noise[:, 1])
        methane[missing[:, 0]] = np.nan
        co2[missing[:, 1]] = np.nan
        shaking = 0.5 + course / 1_000.0
        frames = _frames(key ^ 2, ts_ms, shaking, missing[:, 2])
        return Gas(methane, co2.round(1), frames)

    def points(self, ts_ms: IntArray) -> IntArray:
        """Emission points that a value at each instant is worth, if it is sent: shape (n,)."""
        return np.array([0, 20, 40])[
            _category(level(self._bumps, ts_ms), METHANE_BASE_PPM, METHANE_LIMITS_PPM)
        ]

    def raised(self) -> list[Exceedance]:
        """When methane exceeds a limit."""
        return _raised(
            (self.facility_id, self.well_id),
            self._bumps,
            METHANE_BASE_PPM,
            zip(METHANE_CONDITIONS, METHANE_LIMITS_PPM, strict=True),
        )


class Tank:
    """A tank.

    Args:
        seed: of the simulation.
        tank_id: the tank.
        facility_id: its facility.
        episodes: events, in event time, of the wells that flow to it.
    """

    def __init__(self, seed: int, tank_id: str, facility_id: str, episodes: Iterable[Episode]) -> None:
        self.tank_id = tank_id
        self.facility_id = facility_id
        self.key = key_of(seed, "tank", tank_id)
        self._bumps = bumps(seed, "vapor", episodes, VAPOR_COURSE, _VAPOR_BANDS)

    def read(self, ts_ms: IntArray) -> FloatArray:
        """Values at m instants: shape (m, 4), columns as `TANK_VALUES`, NaN if not sent."""
        over = level(self._bumps, ts_ms)
        noise = normal(self.key, ts_ms, len(TANK_VALUES))
        day = 2.0 * np.pi * (ts_ms % DAY_MS) / DAY_MS
        values = np.empty((len(ts_ms), len(TANK_VALUES)))
        columns = {
            "vapor_concentration_ppm": _measured(over, noise[:, 0], VAPOR_BASE_PPM, VAPOR_LIMITS_PPM),
            "level_pct": 55.0 + 15.0 * np.sin(4.0 * day) + 0.1 * noise[:, 1],
            "pressure_pa": 105_000.0 + 0.3 * over + 50.0 * noise[:, 2],
            "temperature_c": 38.0 - 4.0 * np.cos(day) + 0.1 * noise[:, 3],
        }
        for place, name in enumerate(TANK_VALUES):
            values[:, place] = columns[name].round(3)
        values[uniform(self.key ^ 1, ts_ms, len(TANK_VALUES)) < LEFT_OUT] = np.nan
        return values

    def points(self, ts_ms: IntArray) -> IntArray:
        """Vapor points that a value at each instant is worth, if it is sent: shape (m,)."""
        return np.array([10, 20, 40])[_category(level(self._bumps, ts_ms), VAPOR_BASE_PPM, VAPOR_LIMITS_PPM)]

    def raised(self) -> list[Exceedance]:
        """When vapor exceeds a limit."""
        return _raised(
            (self.facility_id, self.tank_id),
            self._bumps,
            VAPOR_BASE_PPM,
            zip(VAPOR_CONDITIONS, VAPOR_LIMITS_PPM, strict=True),
        )

    def rows(self, ts_ms: IntArray) -> list[dict[str, object]]:
        """Stream records at m instants, for `petrostream.readings.wells.encode_block`."""
        identity = {"kind": "tank", "tank_id": self.tank_id, "facility_id": self.facility_id}
        return [
            identity | {"ts": to_iso(ts)} | dict(zip(TANK_VALUES, values, strict=True))
            for ts, values in zip(ts_ms.tolist(), self.read(ts_ms).tolist(), strict=True)
        ]


def enrich(lines: Sequence[bytes], gas: Gas) -> list[bytes]:
    """Add a detector's values to n encoded well readings.

    Args:
        lines: JSON objects with at least one field, each with its line feed.
        gas: values of the same n readings, in the same order.
    """
    fields = zip(gas.methane_ppm.tolist(), gas.co2_ppm.tolist(), gas.vibration_encoded, strict=True)
    enriched = []
    for line, (methane, co2, frame) in zip(lines, fields, strict=True):
        values = {"methane_ppm": methane, "co2_ppm": co2, "vibration_encoded": frame}
        # NaN is the one value that differs from itself.
        sent = {name: value for name, value in values.items() if value is not None and value == value}  # noqa: PLR0124
        enriched.append(line[:-2] + b"," + orjson.dumps(sent)[1:] + b"\n" if sent else line)
    return enriched


def ground_truth(raised: Iterable[Exceedance]) -> list[dict[str, object]]:
    """The ground truth for a JSON report: times as on the stream."""
    rows = sorted(raised, key=lambda one: (one.start_ms, one.subject, one.condition))
    return [asdict(one) | {"start": to_iso(one.start_ms), "end": to_iso(one.end_ms)} for one in rows]


def _measured(over: FloatArray, noise: FloatArray, base: float, limits: tuple[float, float]) -> FloatArray:
    """Base and course with noise, kept on its side of the limits and written to 0.1 ppm: shape (n,)."""
    low = np.array([0.0, *(limit + 0.1 for limit in limits)])
    high = np.array([*limits, np.inf])
    category = _category(over, base, limits)
    noisy: FloatArray = ((base + over) * (1.0 + NOISE * noise)).round(1)
    return np.clip(noisy, low[category], high[category])


def _category(over: FloatArray, base: float, limits: tuple[float, float]) -> IntArray:
    """How many limits are exceeded: shape (n,). A value at a limit does not exceed it."""
    # Compared as `spans_above` compares, so that truth and values agree to the millisecond.
    return np.searchsorted(np.array(limits) - base, over, side="left")


def _raised(
    owner: tuple[str, str], found: Sequence[Bump], base: float, limits: Iterable[tuple[str, float]]
) -> list[Exceedance]:
    return [
        Exceedance(*owner, condition, first, last)
        for condition, limit in limits
        for first, last in spans_above(found, limit - base)
    ]


def _frames(key: int, ts_ms: IntArray, shaking: FloatArray, missing: BoolArray) -> list[str | None]:
    """Base64 of little-endian float32 samples, m/s2, with `shaking` as their standard deviation."""
    samples = (normal(key, ts_ms, FRAME_SAMPLES) * shaking[:, None]).astype("<f4")
    broken = uniform(key ^ 3, ts_ms)[:, 0] < MALFORMED
    frames: list[str | None] = []
    for frame, is_broken, is_missing in zip(samples, broken.tolist(), missing.tolist(), strict=True):
        text = base64.b64encode(frame.tobytes()).decode()
        frames.append(None if is_missing else text[:-3] + "?" if is_broken else text)
    return frames
