"""A small model of an offshore well: its gauges' levels, and how they vary in normal operation.

It is a model of signals, not of flow; `ml.data.physics` adds events. Pressures are in bar inside these
modules (1 bar = 1e5 Pa) and in Pa outside them.
"""

from dataclasses import dataclass

import numpy as np

from petrostream.arrays import FloatArray
from petrostream.schema import SENSOR_INDEX, SENSORS

Deltas = dict[str, FloatArray]
"""Change of each gauge that an event moves, against normal operation, by sensor name."""

PA_PER_BAR = 1e5
SEABED_C = 4.0

_VALVES_OPEN = ("estado_dhsv", "estado_m1", "estado_w1", "estado_sdv_p")
_VALVES_CLOSED = ("estado_pxo", "estado_xo")
_VALVES_GAS_LIFT = ("estado_m2", "estado_w2", "estado_sdv_gl")

_SWING = {
    "p_pdg": 0.35,
    "p_tpt": 1.0,
    "pt_p": 1.0,
    "p_mon_ckp": 0.6,
    "p_mon_sdv_p": 0.6,
    "p_jus_ckp": 0.15,
    "t_tpt": 0.12,
    "t_jus_ckp": 0.25,
    "t_mon_ckp": 0.25,
}
"""How strongly each gauge follows the production rate's own variation, relative to P-TPT."""


@dataclass(frozen=True, slots=True)
class SimulatedWell:
    """One simulated well.

    Attributes:
        levels: normal value of every gauge it has, bar, degC, m3/s, % or valve state.
        swing: standard deviation of P-TPT that the production rate's variation makes, bar.
        swing_s: correlation time of that variation, s.
        noise: standard deviation of gauge noise as a factor of the typical one.
        drift: drift of pressures, bar per hour.
    """

    levels: dict[str, float]
    swing: float
    swing_s: float
    noise: float
    drift: float


def draw_well(rng: np.random.Generator) -> SimulatedWell:
    """A well with realistic levels: deep and hot, or gas-lifted and cool."""
    tree, choke, hot = rng.uniform(110, 220), rng.uniform(25, 60), rng.uniform(60, 115)
    levels = {
        "p_pdg": tree + rng.uniform(75, 150),
        "p_tpt": tree,
        "t_tpt": hot,
        "p_mon_ckp": choke,
        "t_jus_ckp": hot * rng.uniform(0.55, 0.75),
        "p_jus_ckp": rng.uniform(9, 16),
        "aber_ckp": float(rng.integers(35, 100)),
        **dict.fromkeys(_VALVES_OPEN, 1.0),
        **dict.fromkeys(_VALVES_CLOSED, 0.0),
    }
    optional = {
        "t_pdg": hot + rng.uniform(4, 15),
        "t_mon_ckp": levels["t_jus_ckp"] + rng.uniform(0.5, 3),
        "pt_p": tree - rng.uniform(0.5, 2),
        "p_mon_sdv_p": choke - rng.uniform(0.5, 2),
        "p_anular": rng.uniform(100, 180),
    }
    levels |= {name: level for name, level in optional.items() if rng.random() < 0.35}
    if rng.random() < 0.5:
        levels |= {"qgl": rng.uniform(0.9, 1.8), "p_jus_ckgl": rng.uniform(140, 200)}
        levels |= {"aber_ckgl": float(rng.integers(20, 70)), **dict.fromkeys(_VALVES_GAS_LIFT, 1.0)}
    return SimulatedWell(
        levels, rng.uniform(0.06, 0.3), rng.uniform(8, 25), rng.uniform(0.6, 1.4), rng.normal(0, 0.06)
    )


def operate(well: SimulatedWell, deltas: Deltas, seconds: int, rng: np.random.Generator) -> FloatArray:
    """What the gauges of a well would show at 1 Hz, before any gauge fails.

    Args:
        well: the well.
        deltas: what an event adds, each of shape (seconds,), bar or degC; gauges the well lacks are ignored.
        seconds: number of observations n.
        rng: random generator.

    Returns:
        Values in 3W's units in the order of `SENSORS`, NaN for gauges the well lacks, shape (n, 27).
    """
    values = np.full((seconds, len(SENSORS)), np.nan)
    rate = correlated(seconds, well.swing_s, rng)
    drift = well.drift * np.arange(seconds) / 3600.0
    for sensor in SENSORS:
        if sensor.name not in well.levels:
            continue
        signal = np.full(seconds, well.levels[sensor.name])
        if sensor.name in _SWING:
            signal = signal + well.swing * _SWING[sensor.name] * rate + deltas.get(sensor.name, 0.0)
        if sensor.quantity == "pressure":
            own = 0.02 * correlated(seconds, 3.0, rng) + 0.006 * rng.normal(size=seconds)
            signal = np.maximum(signal + drift + well.noise * own, 1.0) * PA_PER_BAR
        elif sensor.quantity == "temperature":
            signal = signal + well.noise * (0.012 * correlated(seconds, 12.0, rng))
        elif sensor.quantity == "flow":
            signal = np.maximum(signal + 0.03 * well.noise * correlated(seconds, 6.0, rng), 0.0)
        values[:, SENSOR_INDEX[sensor.name]] = signal
    return values


def correlated(seconds: int, time_s: float, rng: np.random.Generator) -> FloatArray:
    """Noise of unit variance whose correlation falls by e in `time_s` (a first-order autoregression)."""
    keep = float(np.exp(-1.0 / time_s))
    shocks = rng.normal(size=seconds) * np.sqrt(1.0 - keep * keep)
    out = np.empty(seconds)
    level = rng.normal()
    for at, shock in enumerate(shocks):
        level = keep * level + shock
        out[at] = level
    return out


def settle(since: FloatArray, time_s: float, delay_s: float = 0.0) -> FloatArray:
    """First-order response to a step: 0 before `delay_s`, then towards 1 with time constant `time_s`."""
    response: FloatArray = -np.expm1(-np.maximum(since - delay_s, 0.0) / time_s)
    return response
