"""Conditions of the risk rules: columns of n readings in, a truth value per reading out, shape (n,).

A comparison with a missing value is false, so a condition never holds on unknown values. Where a gauge can
only veto a rule, its comparison is negated: a well without that gauge is still covered by the rule.

A condition looks at what is rarely true first, and at the rest only if that holds anywhere.
"""

from collections.abc import Callable

import numpy as np

from petrostream.arrays import BoolArray, anywhere
from petrostream.risk.columns import RuleColumns

BAR = 1e5
"""Pa."""

OSCILLATION_TURNS = 4
"""Turns of two full cycles."""

LARGE_SWING = 15.0 * BAR
"""Swings at the tree of slugging seen after one and a half cycles: 22 to 40 bar in 3W's well 14 and simulated
instances of class 3. The largest of class 4 is 11.5 bar."""

LEAST_SWING = 2.0 * BAR
"""Swings at the choke that span less are no unstable flow: twice what 3W's normal operation spans is 1.8."""

LARGE_TURNS = 3
"""Turns of one and a half cycles."""

TREE_SHARE = 0.25
"""The tree takes part in an oscillation if its span in the last hour is this share of the choke's: at most
0.2 in class 4 of wells 2, 4 and 5, at least 0.4 in the smaller swings of class 3."""

JOLT_UNRESTS = 2.5
"""A jolt, and the cooling that tells a valve from a choke, stand out from the standard deviation of the two
minutes before by this factor."""

FALL_DEVIATIONS = 2.5
"""A fall explains at least half of its minute's variance: a straight line's change is sqrt(12) deviations."""

CHOKE_MOVED_PERCENT = 1.0
"""An opening that changes by more was moved by the operator."""

METHANE_LEAK_PPM = 500.0
"""Leak definition of EPA Method 21 (40 CFR 60, Appendix A-7)."""

METHANE_WARNING_PPM = METHANE_LEAK_PPM / 2
"""Half the leak definition: worth a look before it is a leak."""

METHANE_LEL_PPM = 50_000.0
"""Methane's lower explosive limit: 5 % by volume (NFPA 325)."""

VAPOR_CRITICAL_PPM = METHANE_LEL_PPM / 5
"""Where portable detectors sound their alarm."""

VAPOR_HIGH_PPM = METHANE_LEL_PPM / 10
"""Where portable detectors warn."""


def methane_high(columns: RuleColumns) -> BoolArray:
    """A leak: methane above `METHANE_LEAK_PPM`."""
    return columns.methane_ppm > METHANE_LEAK_PPM


def methane_medium(columns: RuleColumns) -> BoolArray:
    """Methane above `METHANE_WARNING_PPM`, but no leak."""
    return (columns.methane_ppm > METHANE_WARNING_PPM) & (columns.methane_ppm <= METHANE_LEAK_PPM)


def vapor_critical(columns: RuleColumns) -> BoolArray:
    """Vapor above `VAPOR_CRITICAL_PPM`."""
    return columns.vapor_ppm > VAPOR_CRITICAL_PPM


def vapor_high(columns: RuleColumns) -> BoolArray:
    """Vapor above `VAPOR_HIGH_PPM`, up to `VAPOR_CRITICAL_PPM`."""
    return (columns.vapor_ppm > VAPOR_HIGH_PPM) & (columns.vapor_ppm <= VAPOR_CRITICAL_PPM)


def vapor_normal(columns: RuleColumns) -> BoolArray:
    """Vapor up to `VAPOR_HIGH_PPM`."""
    return columns.vapor_ppm <= VAPOR_HIGH_PPM


def dhsv_closure(columns: RuleColumns) -> BoolArray:
    """The pressure jolt of a closing valve, or the fall that follows it."""
    jump = columns.change("p_tpt", 30)
    fall = columns.change("p_tpt", 60)
    warming = columns.change("t_tpt", 60)
    build_up = columns.change("p_pdg", 30)
    builds_up, cools = build_up >= 0.3 * BAR, warming <= -0.3
    # Pressure at the tree may jump either way. A build-up at the bottom or cooling at the tree points to the
    # valve rather than the choke; a warming tree points to a well being opened.
    jolt = (np.abs(jump) >= 3.0 * BAR) & (builds_up | cools) & ~(warming > 0.2)
    falls = (fall <= -3.0 * BAR) & (warming <= -1.0)
    if not anywhere(jolt | falls):
        return jolt
    jolt &= ~(np.maximum(np.abs(jump), np.abs(fall)) < JOLT_UNRESTS * columns.unrest("p_tpt"))
    jolt &= builds_up | ~(-warming < JOLT_UNRESTS * columns.unrest("t_tpt"))
    falls &= ~(-fall < FALL_DEVIATIONS * columns.deviation("p_tpt", 60))
    # Below a closed valve pressure never falls: where it does, tree and bottom are still connected.
    connected = build_up <= -0.3 * BAR
    return (jolt | falls) & ~connected & ~_blows_out(columns)


def _blows_out(columns: RuleColumns) -> BoolArray:
    """In a well whose pressures swing: a fall like those of its slugs, not the valve parting tree and bottom.

    Without a gauge at the bottom, a fall must exceed what the well has shown in its last hour.
    """
    fall = columns.change("p_tpt", 60)
    build_up = columns.change("p_pdg", 30)
    parts = (fall < 0) & (build_up >= 0.3 * BAR)
    exceeds = np.isnan(build_up) & (fall < -1.5 * columns.activity("p_tpt"))
    return ~columns.shared("does_not_oscillate", _does_not_oscillate) & ~parts & ~exceeds


def _choke_pressure_climbs(columns: RuleColumns) -> BoolArray:
    rise = columns.rise("p_mon_ckp")
    rises = rise > 0.8 * BAR
    if not anywhere(rises):
        return rises
    return (
        rises
        & (columns.change("p_mon_ckp", 60) > 0.5 * BAR)
        # A rise from a steady level: an oscillation peaks 1.41 deviations above the window's mean.
        & (rise > 1.6 * columns.deviation("p_mon_ckp", 180))
        # The choke is far from the tubing head: a rise at both comes from the well, not the choke.
        & ~(np.abs(columns.rise("p_tpt")) > 0.25 * rise)
        & ~(columns.rise("p_jus_ckp") > 0.5 * BAR)
        # The tree empties: flow surges, as when slugs blow out. In class 6 it never falls by 0.1 bar.
        & ~(columns.change("p_tpt", 180) <= -0.2 * BAR)
        # A well being opened warms up, a restricted one does not.
        & ~(columns.change("t_tpt", 180) > 0.3)
        # The operator closed the choke. Where one that was opened is followed by a climb, something is wrong.
        & ~(columns.change("aber_ckp", 180) < -CHOKE_MOVED_PERCENT)
    )


def choke_restriction(columns: RuleColumns) -> BoolArray:
    """A climb larger than this well's choke pressure activity in its last hour."""
    climbs = columns.shared("choke_pressure_climbs", _choke_pressure_climbs)
    if not anywhere(climbs):
        return climbs
    return climbs & (columns.rise("p_mon_ckp") > 1.5 * columns.activity("p_mon_ckp"))


def choke_climb(columns: RuleColumns) -> BoolArray:
    """The same climb, in a well with too little history to call it unusual."""
    climbs = columns.shared("choke_pressure_climbs", _choke_pressure_climbs)
    if not anywhere(climbs):
        return climbs
    return climbs & np.isnan(columns.activity("p_mon_ckp"))


def flow_instability(columns: RuleColumns) -> BoolArray:
    """Two full cycles at the choke within the hour, while the tree does not cycle as slugging makes it."""
    cycles = columns.turned("p_mon_ckp", 1) >= OSCILLATION_TURNS
    if not anywhere(cycles):
        return cycles
    goes_on = columns.oscillates("p_mon_ckp") & (columns.span("p_mon_ckp") >= LEAST_SWING)
    return cycles & goes_on & ~_tree_cycles(columns)


def _tree_cycles(columns: RuleColumns) -> BoolArray:
    """The tree takes part: liquid builds up in the whole line, though slugging may not be proven yet."""
    span = columns.span("p_tpt")
    # In less than an hour, ripples after a blow-out look like instability while the tree is still filling.
    young = np.isnan(columns.drift("p_tpt")) & (span >= TREE_SHARE * columns.span("p_mon_ckp"))
    return (columns.turned("p_tpt", 2) >= 2) | young | (span >= LARGE_SWING)


def severe_slugging(columns: RuleColumns) -> BoolArray:
    """Two full cycles at the tree within two hours, or one and a half large and slow ones, and going on."""
    turns = columns.turned("p_tpt", 2)
    several = turns >= LARGE_TURNS
    if not anywhere(several):
        return several
    # A valve that closes makes the tree bounce, too, within minutes.
    slow = columns.turned("p_tpt", 1) < LARGE_TURNS
    large = several & (columns.span("p_tpt") >= LARGE_SWING)
    return ((turns >= OSCILLATION_TURNS) | (large & slow)) & columns.oscillates("p_tpt")


def _does_not_oscillate(columns: RuleColumns) -> BoolArray:
    """Half a cycle of slow slugging looks like an hour's drift."""
    return (columns.turned("p_tpt", 2) < 2) & (columns.turned("p_mon_ckp", 2) < 2)


def hydrate(columns: RuleColumns) -> BoolArray:
    """Pressure rises upstream of the flow line and falls downstream, and the flow cools."""
    grows = (columns.drift("p_tpt") >= 2.0 * BAR) & (columns.drift("p_mon_ckp") <= -0.5 * BAR)
    if not anywhere(grows):
        return grows
    return (
        grows
        & ((columns.drift("t_tpt") <= -0.5) | (columns.drift("t_jus_ckp") <= -1.0))
        & ~(columns.span("aber_ckp") > CHOKE_MOVED_PERCENT)
        & columns.shared("does_not_oscillate", _does_not_oscillate)
    )


def scaling(columns: RuleColumns) -> BoolArray:
    """Pressure upstream of the choke creeps up at the same opening, more than at the tree, not downstream."""
    creep = columns.drift("p_mon_ckp")
    tree = columns.drift("p_tpt")
    creeps = (creep >= 0.5 * BAR) & (tree >= 0.0) & (tree <= creep)
    if not anywhere(creeps):
        return creeps
    return (
        creeps
        & ~(columns.drift("p_jus_ckp") > 0.1 * BAR)
        & ~(columns.drift("t_jus_ckp") > 0.5)
        & ~(columns.span("aber_ckp") > CHOKE_MOVED_PERCENT)
        & columns.shared("does_not_oscillate", _does_not_oscillate)
    )


def _in_one_span(columns: RuleColumns, signature: Callable[[RuleColumns], BoolArray]) -> BoolArray:
    """Where a signature of steady drifts holds within three hours, or within six: shape (n,)."""
    if not columns.drifts:
        # By far the most frequent case.
        return np.zeros(len(columns.methane_ppm), np.bool_)
    held = signature(columns)
    either: BoolArray = held[0] | held[1]
    return either


def bsw_rise(columns: RuleColumns) -> BoolArray:
    """The column in the well grows heavier: more pressure at the bottom, less at the tree and the choke."""
    return _in_one_span(
        columns,
        lambda c: (
            (c.steady("p_pdg") >= 0.1 * BAR)
            & (c.steady("p_tpt") <= -0.02 * BAR)
            & (c.steady("p_mon_ckp") <= -0.2 * BAR)
        ),
    )


def productivity_loss(columns: RuleColumns) -> BoolArray:
    """Pressure and temperature at the tree fall together, and so does what arrives at the choke."""
    return _in_one_span(
        columns,
        lambda c: (
            (c.steady("p_tpt") <= -2.0 * BAR)
            & (c.steady("t_tpt") <= -0.5)
            & ((c.steady("p_mon_ckp") <= -0.2 * BAR) | (c.steady("t_jus_ckp") <= -0.5))
            & ~(c.steady("p_pdg") >= 0.1 * BAR)
        ),
    )


def slow_scaling(columns: RuleColumns) -> BoolArray:
    """As `scaling`, in three or six hours."""
    return _in_one_span(
        columns,
        lambda c: (
            (c.steady("p_mon_ckp") >= 0.5 * BAR)
            & (c.steady("p_tpt") >= 0.02 * BAR)
            & (c.steady("p_tpt") <= c.steady("p_mon_ckp"))
            & ~(c.steady("p_jus_ckp") >= 0.1 * BAR)
            & ~(c.steady("t_jus_ckp") >= 0.5)
        ),
    )


def slow_hydrate(columns: RuleColumns) -> BoolArray:
    """As `hydrate`, in three or six hours."""
    return _in_one_span(
        columns,
        lambda c: (
            (c.steady("p_tpt") >= 1.0 * BAR)
            & (c.steady("p_mon_ckp") <= -0.5 * BAR)
            & ((c.steady("t_tpt") <= -0.5) | (c.steady("t_jus_ckp") <= -1.0))
        ),
    )
