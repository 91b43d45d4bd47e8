"""A small model of an offshore well: levels, normal variation, and how three events move the gauges.

It is a model of signals, not of flow: shapes and magnitudes were read off real and OLGA-simulated instances
of 3W (Vargas et al. 2019, doi 10.1016/j.petrol.2019.106223), where a spurious DHSV closure cools the subsea
tree within minutes, a restricted choke raises the pressure before it at once and the pressures further down
later, and slugging makes every gauge swing with one period and different phases. Pressures are in bar
inside this module (1 bar = 1e5 Pa) and in Pa outside of it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from petrostream.arrays import FloatArray
from petrostream.sensors import SENSOR_INDEX, SENSORS

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
class Well:
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


def draw_well(rng: np.random.Generator) -> Well:
    """A well with levels as real ones have them: deep and hot, or gas-lifted and cool."""
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
    return Well(
        levels, rng.uniform(0.06, 0.3), rng.uniform(8, 25), rng.uniform(0.6, 1.4), rng.normal(0, 0.06)
    )


def operate(well: Well, deltas: Deltas, seconds: int, rng: np.random.Generator) -> FloatArray:
    """What the gauges of a well would show at 1 Hz, before any gauge fails.

    Args:
        well: the well.
        deltas: what an event adds, each of shape (seconds,), bar or degC; gauges the well lacks are ignored.
        seconds: number of observations n.
        rng: source of chance.

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


def dhsv_closure(well: Well, since: FloatArray, rng: np.random.Generator) -> Deltas:
    """Spurious closure of the downhole safety valve (class 2).

    Flow stops below the tree: P-PDG rises by bars within half a minute as the reservoir shuts in, the tree
    sees a short surge and then loses pressure over minutes, T-TPT cools towards the sea (Newton's law), and
    the topside follows late. The valve's own indicator keeps saying open: that is what makes it spurious.

    Args:
        well: the well.
        since: seconds since the valve began to close, negative before, shape (n,).
        rng: source of chance.

    Returns:
        Changes, bar or degC, shape (n,) each.
    """
    fall = rng.uniform(0.3, 0.5) * well.levels["p_tpt"]
    slow_s, cool_s, delay_s = rng.uniform(500, 900), rng.uniform(220, 420), rng.uniform(15, 35)
    after = np.maximum(since, 0.0)
    surge = rng.uniform(3, 15) * (after / 25.0) * np.exp(1.0 - after / 25.0)
    tree = surge - fall * (0.25 * settle(since, 60, 20) + 0.75 * settle(since, slow_s, 20))
    cold = well.levels["t_tpt"] - SEABED_C - rng.uniform(1, 4)
    topside = 0.65 * well.levels["p_mon_ckp"] * settle(since, slow_s, 40)
    chill = 0.4 * well.levels["t_jus_ckp"] * settle(since, 1500, 240)
    return {
        "p_pdg": rng.uniform(4, 14) * settle(since, 20, 5) + rng.uniform(0.5, 2) * settle(since, 900),
        "p_tpt": tree,
        "pt_p": tree,
        "t_tpt": -cold * settle(since, cool_s, delay_s),
        "p_mon_ckp": -topside,
        "p_mon_sdv_p": -topside,
        "p_jus_ckp": -0.25 * well.levels["p_jus_ckp"] * settle(since, slow_s, 60),
        "t_jus_ckp": -chill,
        "t_mon_ckp": -chill,
    }


def choke_restriction(well: Well, since: FloatArray, rng: np.random.Generator) -> Deltas:
    """Quick restriction in the production choke (class 6).

    Pressure before the choke rises within a minute or two, the tree and the bottom follow as the line
    packs, the pressure and temperature after the choke fall a little, and the choke's reported opening does
    not change.

    Args:
        well: the well.
        since: seconds since the restriction began, negative before, shape (n,).
        rng: source of chance.

    Returns:
        Changes, bar or degC, shape (n,) each.
    """
    rise = rng.uniform(7, 20)
    pack_s, delay_s = rng.uniform(250, 500), rng.uniform(30, 90)
    before_choke = rise * (0.75 * settle(since, rng.uniform(30, 70)) + 0.25 * settle(since, 600))
    tree = 0.6 * rise * settle(since, pack_s, delay_s)
    chill = rng.uniform(1, 4) * settle(since, 300, 60)
    return {
        "p_mon_ckp": before_choke,
        "p_mon_sdv_p": before_choke,
        "p_tpt": tree,
        "pt_p": tree,
        "p_pdg": 0.5 * rise * settle(since, pack_s * 1.3, delay_s + 20),
        "p_jus_ckp": -rng.uniform(0.5, 1.5) * settle(since, 60),
        "t_jus_ckp": -chill,
        "t_mon_ckp": -0.3 * chill,
        "t_tpt": -rng.uniform(0.2, 0.8) * settle(since, 600, 120),
    }


def slugging(well: Well, since: FloatArray, rng: np.random.Generator) -> Deltas:
    """Severe slugging (class 3).

    Liquid blocks the riser's foot, pressure builds for most of a cycle, the slug blows out, and it begins
    again: a saw-tooth at the tree, damped at the bottom, opposite in phase at the choke, where the slug
    arrives. Real cycles last from minutes to more than an hour; here they are short, so that a short
    instance has some.

    Args:
        well: the well.
        since: seconds since the flow became unstable, negative before, shape (n,).
        rng: source of chance.

    Returns:
        Changes, bar or degC, shape (n,) each.
    """
    period_s, size = rng.uniform(240, 480), rng.uniform(4, 9)
    growth = settle(since, period_s / 2)

    def wave(lag: float) -> FloatArray:
        phase = (np.maximum(since, 0.0) / period_s - lag) % 1.0
        tooth: FloatArray = np.where(phase < 0.7, phase / 0.7, (1.0 - phase) / 0.3)
        return growth * (2.0 * tooth - 1.0)

    topside = 0.5 * size * wave(0.45)
    warm = rng.uniform(0.8, 2.0) * wave(0.55)
    return {
        "p_tpt": size * wave(0.0),
        "pt_p": size * wave(0.0),
        "p_pdg": 0.45 * size * wave(0.03),
        "p_mon_ckp": topside,
        "p_mon_sdv_p": topside,
        "p_jus_ckp": 0.15 * size * wave(0.45),
        "t_tpt": rng.uniform(0.3, 0.8) * wave(0.3),
        "t_jus_ckp": warm,
        "t_mon_ckp": warm,
    }


EVENTS: dict[int, Callable[[Well, FloatArray, np.random.Generator], Deltas]] = {
    2: dhsv_closure,
    3: slugging,
    6: choke_restriction,
}
"""The events that can be simulated, by 3W class."""
