"""How seven events move the gauges of a well (`ml.data.simulated_well`).

It is a model of signals, not of flow. Shapes and magnitudes of the quick events were read off real and
OLGA-simulated instances of 3W (Vargas et al. 2019, doi 10.1016/j.petrol.2019.106223), where a spurious DHSV
closure cools the subsea tree within minutes, a restricted choke raises the pressure before it at once and
the pressures further down later, and slugging makes every gauge swing with one period and different phases.
Those of the slow events follow what is described there; of an increase of BSW, also its hand-drawn instances.
Pressures are in bar.
"""

from collections.abc import Callable

import numpy as np

from ml.data.simulated_well import SEABED_C, Deltas, SimulatedWell, settle
from petrostream.arrays import FloatArray


def dhsv_closure(well: SimulatedWell, since: FloatArray, rng: np.random.Generator) -> Deltas:
    """Spurious closure of the downhole safety valve (class 2).

    Flow stops below the tree: P-PDG rises by bars within half a minute as the reservoir shuts in, the tree
    sees a short surge and then loses pressure over minutes, T-TPT cools towards the sea (Newton's law), and
    the topside follows late. The valve's own indicator still reads open: that makes the closure spurious.

    Args:
        well: the well.
        since: seconds since the valve began to close, negative before, shape (n,).
        rng: random generator.

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


def choke_restriction(well: SimulatedWell, since: FloatArray, rng: np.random.Generator) -> Deltas:
    """Quick restriction in the production choke (class 6).

    Pressure before the choke rises within a minute or two, the tree and the bottom follow as the line
    packs, the pressure and temperature after the choke fall a little, and the choke's reported opening does
    not change.

    Args:
        well: the well.
        since: seconds since the restriction began, negative before, shape (n,).
        rng: random generator.

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


def slugging(well: SimulatedWell, since: FloatArray, rng: np.random.Generator) -> Deltas:
    """Severe slugging (class 3).

    Liquid blocks the riser's foot, pressure builds for most of a cycle, the slug blows out, and it begins
    again: a saw-tooth at the tree, damped at the bottom, opposite in phase at the choke, where the slug
    arrives. Real cycles last from minutes to more than an hour; here they are short, so that a short
    instance has some.

    Args:
        well: the well.
        since: seconds since the flow became unstable, negative before, shape (n,).
        rng: random generator.

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


def scaling(well: SimulatedWell, since: FloatArray, rng: np.random.Generator) -> Deltas:
    """Scale in the production choke (class 7).

    A restriction that takes hours instead of a minute: pressure creeps up before the choke, less so at the
    tree and the bottom, and a little flow, pressure and heat is lost behind it, all at the same opening.
    Shapes follow the description of Vargas et al. 2019; real rates differ by orders of magnitude.

    Args:
        well: the well.
        since: seconds since scale began to grow, negative before, shape (n,).
        rng: random generator.

    Returns:
        Changes, bar or degC, shape (n,) each.
    """
    hours = np.maximum(since, 0.0) / 3600.0
    creep = rng.uniform(1.5, 4.0) * hours
    tree = rng.uniform(0.4, 0.7) * creep
    chill = rng.uniform(0.3, 1.0) * hours
    return {
        "p_mon_ckp": creep,
        "p_mon_sdv_p": creep,
        "p_tpt": tree,
        "pt_p": tree,
        "p_pdg": 0.8 * tree,
        "p_jus_ckp": -rng.uniform(0.1, 0.3) * hours,
        "t_jus_ckp": -chill,
        "t_mon_ckp": -0.5 * chill,
        "t_tpt": -0.1 * chill,
    }


def hydrate(well: SimulatedWell, since: FloatArray, rng: np.random.Generator) -> Deltas:
    """Hydrate in the production line (class 8).

    A plug grows between the tree and the platform. Before it pressure builds up, behind it pressure is lost,
    and what still flows has more time to cool towards the sea. Shapes follow the description of Vargas et
    al. 2019.

    Args:
        well: the well.
        since: seconds since the plug began to grow, negative before, shape (n,).
        rng: random generator.

    Returns:
        Changes, bar or degC, shape (n,) each.
    """
    grown = settle(since, rng.uniform(4000, 9000))
    tree = rng.uniform(12, 30) * grown
    lost = rng.uniform(0.25, 0.5) * well.levels["p_mon_ckp"] * grown
    chill = rng.uniform(0.3, 0.6) * (well.levels["t_jus_ckp"] - SEABED_C) * grown
    return {
        "p_tpt": tree,
        "pt_p": tree,
        "p_pdg": 0.6 * tree,
        "p_mon_ckp": -lost,
        "p_mon_sdv_p": -lost,
        "p_jus_ckp": -0.15 * well.levels["p_jus_ckp"] * grown,
        "t_tpt": -rng.uniform(0.1, 0.25) * (well.levels["t_tpt"] - SEABED_C) * grown,
        "t_jus_ckp": -chill,
        "t_mon_ckp": -chill,
    }


def bsw_rise(well: SimulatedWell, since: FloatArray, rng: np.random.Generator) -> Deltas:
    """Increase of basic sediment and water (class 1).

    Water makes the column in the well heavier and carries less gas: pressure rises at the bottom, and falls
    at the tree and the choke. Water also holds more heat than oil, so what arrives is a little warmer. The
    drawn instances of 3W grow over four to six hours, by 0.1 to 10 bar at the bottom.

    Args:
        well: the well.
        since: seconds since water began to rise, negative before, shape (n,).
        rng: random generator.

    Returns:
        Changes, bar or degC, shape (n,) each.
    """
    grown = settle(since, rng.uniform(9000, 18_000))
    column = rng.uniform(2.0, 10.0) * grown
    lost = rng.uniform(1.5, 4.0) * grown
    warm = rng.uniform(0.5, 1.5) * grown
    return {
        "p_pdg": 0.5 * column,
        "p_tpt": -column,
        "pt_p": -column,
        "p_mon_ckp": -lost,
        "p_mon_sdv_p": -lost,
        "p_jus_ckp": -0.1 * lost,
        "t_tpt": 0.5 * warm,
        "t_jus_ckp": warm,
        "t_mon_ckp": warm,
    }


def productivity_loss(well: SimulatedWell, since: FloatArray, rng: np.random.Generator) -> Deltas:
    """Rapid productivity loss (class 5).

    The reservoir delivers less and less: everything that the flow carries falls together, pressure at the
    bottom, the tree and the choke, and temperature, since a slower flow has more time to cool.

    Args:
        well: the well.
        since: seconds since the well began to deliver less, negative before, shape (n,).
        rng: random generator.

    Returns:
        Changes, bar or degC, shape (n,) each.
    """
    gone = settle(since, rng.uniform(9000, 18_000))
    tree = rng.uniform(0.1, 0.25) * well.levels["p_tpt"] * gone
    topside = rng.uniform(0.15, 0.35) * well.levels["p_mon_ckp"] * gone
    chill = rng.uniform(0.1, 0.3) * gone
    return {
        "p_pdg": -0.3 * tree,
        "p_tpt": -tree,
        "pt_p": -tree,
        "p_mon_ckp": -topside,
        "p_mon_sdv_p": -topside,
        "p_jus_ckp": -0.2 * topside,
        "t_tpt": -0.4 * chill * (well.levels["t_tpt"] - SEABED_C),
        "t_jus_ckp": -chill * (well.levels["t_jus_ckp"] - SEABED_C),
        "t_mon_ckp": -chill * (well.levels["t_jus_ckp"] - SEABED_C),
    }


EVENTS: dict[int, Callable[[SimulatedWell, FloatArray, np.random.Generator], Deltas]] = {
    1: bsw_rise,
    2: dhsv_closure,
    3: slugging,
    5: productivity_loss,
    6: choke_restriction,
    7: scaling,
    8: hydrate,
}
"""The events that can be simulated, by 3W class."""
