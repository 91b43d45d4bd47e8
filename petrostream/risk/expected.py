"""What a move of a choke or valve explains: one table of the directions in which gauges then change.

While a well is in transition (`petrostream.gauges.moves`), a change in the direction of this table is what
the operator wanted, and no alarm. A change in the other direction, or of a gauge that the table does not name
for the move, is an alarm as at any time.

Directions are those of opening; closing is the opposite. They follow from two curves that meet: flow through
a choke is proportional to opening x sqrt(pressure drop) (IEC 60534-2-1), and inflow rises as the pressure at
the bottom falls (J. V. Vogel 1968, doi 10.2118/1476-PA; nodal analysis, K. E. Brown and J. F. Lea 1985, doi
10.2118/14714-PA). So opening lowers every pressure upstream, raises those downstream, and more flow loses
less heat on its way. Lift gas lightens the column and rubs along the tubing: what it does to the production
side depends on the well, so either direction is expected there.
"""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from petrostream.arrays import BoolArray, IntArray, anywhere
from petrostream.gauges import ACTUATORS, Moves
from petrostream.risk.columns import RuleColumns
from petrostream.risk.conditions import BAR
from petrostream.risk.rules import PROCESS_RULES
from petrostream.schema import SENSOR_INDEX, SENSOR_NAMES

UP, DOWN, EITHER = 1, -1, 0

_WARMER = {"t_tpt": UP, "t_mon_ckp": UP, "t_jus_ckp": UP, "t_pdg": EITHER}
_BOTTOM = {"p_pdg": DOWN, **_WARMER}
_LIFT_FOLLOWS = {"p_anular": DOWN, "p_jus_ckgl": DOWN, "qgl": UP}
_PRODUCTION = ("p_pdg", "p_tpt", "pt_p", "p_mon_sdv_p", "p_mon_ckp", "p_jus_ckp", *_WARMER)
_GAS = {"qgl": UP, "p_jus_ckgl": UP, "p_anular": UP, "p_mon_ckgl": DOWN}
_LIFT = {**dict.fromkeys(_PRODUCTION, EITHER), **_GAS}
_UPSTREAM = {"p_tpt": DOWN, "pt_p": DOWN, "p_mon_sdv_p": DOWN, **_BOTTOM}
_TREE_VALVE = {**dict.fromkeys(_PRODUCTION, UP), **_BOTTOM, "p_tpt": EITHER, **_LIFT_FOLLOWS}
_BETWEEN = dict.fromkeys((*_PRODUCTION, *_GAS), EITHER)

EXPECTED: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {
        "aber_ckp": {**_UPSTREAM, "p_mon_ckp": DOWN, "p_jus_ckp": UP, **_LIFT_FOLLOWS},
        # On the platform, between the line and the choke.
        "estado_sdv_p": {**_UPSTREAM, "p_mon_ckp": UP, "p_jus_ckp": UP, **_LIFT_FOLLOWS},
        # At the tree: P-TPT is on either side of them, depending on the tree.
        "estado_m1": _TREE_VALVE,
        "estado_w1": _TREE_VALVE,
        "aber_ckgl": _LIFT,
        "estado_sdv_gl": _LIFT,
        # Between annulus, service line and production: what flows where depends on the operation.
        **dict.fromkeys(("estado_m2", "estado_w2", "estado_xo", "estado_pxo"), _BETWEEN),
        # A DHSV that closes stops production, whoever closed it: it explains nothing.
        "estado_dhsv": {},
    }
)
"""Direction in which a gauge changes when an actuator opens, by actuator and gauge."""

EVIDENCE: Mapping[str, tuple[tuple[str, float], ...]] = MappingProxyType(
    {
        "dhsv_closure": (("p_tpt", 0.0), ("p_pdg", 0.3 * BAR), ("t_tpt", 0.3)),
        "choke_restriction": (("p_mon_ckp", 0.0),),
        "choke_climb": (("p_mon_ckp", 0.0),),
    }
)
"""Gauges by whose change over 60 s a rule holds, and how much of it is none, in the gauge's unit."""

_DIRECTIONS: Mapping[tuple[int, int], tuple[bool, bool]] = {
    # (direction of opening, closed): whether it may rise, whether it may fall
    (UP, 0): (True, False),
    (UP, 1): (False, True),
    (DOWN, 0): (False, True),
    (DOWN, 1): (True, False),
    (EITHER, 0): (True, True),
    (EITHER, 1): (True, True),
}


@lru_cache(maxsize=1024)
def _directions(code: int) -> BoolArray:
    """Which sensors may rise, and which may fall: shape (2, 27)."""
    may = np.zeros((2, len(SENSOR_NAMES)), np.bool_)
    for bit in range(2 * len(ACTUATORS)):
        if code >> bit & 1:
            for sensor, direction in EXPECTED[ACTUATORS[bit // 2]].items():
                may[:, SENSOR_INDEX[sensor]] |= _DIRECTIONS[direction, bit % 2]
    return may


def directions(codes: IntArray, sensors: IntArray) -> tuple[BoolArray, BoolArray]:
    """Return the directions in which sensors may change at n readings.

    Args:
        codes: shape (n,), from `petrostream.gauges.Moves`.
        sensors: shape (s,), sensor indices.

    Returns:
        Whether they may rise, and whether they may fall: shape (s, n) each, False outside a transition.
    """
    present, which = np.unique(codes, return_inverse=True)
    may = np.stack([_directions(code)[:, sensors] for code in present.tolist()], axis=-1)[..., which]
    return may[0], may[1]


def expected_rules(columns: RuleColumns, moves: Moves) -> BoolArray:
    """Return where a move explains all by which a rule holds: shape (process rules, n).

    Args:
        columns: n readings of one well.
        moves: their transitions.
    """
    explained = np.zeros((len(PROCESS_RULES), len(moves.codes)), np.bool_)
    if not anywhere(moves.in_transition):
        return explained
    for row, rule in enumerate(PROCESS_RULES):
        if rule.id in EVIDENCE:
            explained[row] = moves.in_transition
            for sensor, least in EVIDENCE[rule.id]:
                (may_rise,), (may_fall,) = directions(moves.codes, np.array([SENSOR_INDEX[sensor]]))
                change = columns.change(sensor, 60)
                explained[row] &= ~((change > least) & ~may_rise) & ~((change < -least) & ~may_fall)
    return explained
