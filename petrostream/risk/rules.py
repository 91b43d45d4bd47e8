"""Risk rules: one table, each row with its condition, points and source.

The conditions are in `petrostream.risk.conditions`; `docs/reference/rules.md` describes the data their
thresholds were chosen on. A rule of 35 points is an ALERT by itself: it never fired in the normal operation
of the 3W real instances it was tested on. Rules of 20 and 10 points need another rule, the forest or gas to
reach an ALERT.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from petrostream.arrays import BoolArray, IntArray
from petrostream.risk import conditions
from petrostream.risk.columns import RuleColumns
from petrostream.schema import SENSOR_INDEX

__all__ = [
    "ALERT_ABOVE",
    "EMISSION_RULES",
    "MAX_PART",
    "MAX_RISK",
    "PROCESS_RULES",
    "RULES",
    "RULE_SENSORS",
    "SLOW_RULES",
    "VAPOR_RULES",
    "Rule",
    "RuleColumns",
    "fired",
    "points",
]

MAX_PART = 40
MAX_RISK = 100
ALERT_ABOVE = 30

EMISSION = "emission"
VAPOR = "vapor"
PROCESS = "process"


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table.

    Attributes:
        id: stable name, as it lands in `rule_ids`.
        part: `emission`, `vapor` or `process`.
        description: what it means to an operator.
        condition: returns for which of n readings it holds, shape (n,).
        points: risk points.
        source: where signature and thresholds come from.
        sensors: names of sensors without which the condition cannot hold.
        further: names of other sensors it uses if the well has them.
        category: value of `emission_category` or `vapor_category`, None for process rules.
    """

    id: str
    part: str
    description: str
    condition: Callable[[RuleColumns], BoolArray]
    points: int
    source: str
    sensors: tuple[str, ...] = ()
    further: tuple[str, ...] = ()
    category: str | None = None


_LEL = f"methane's lower explosive limit is 5 % by volume, {conditions.METHANE_LEL_PPM:,.0f} ppm (NFPA 325)"

_VARGAS = "R. E. V. Vargas et al. 2019, doi 10.1016/j.petrol.2019.106223"

RULES: tuple[Rule, ...] = (
    Rule(
        id="methane_high",
        part=EMISSION,
        description=f"Methane above {conditions.METHANE_LEAK_PPM:g} ppm: a leak",
        condition=conditions.methane_high,
        points=40,
        source="EPA Method 21 (40 CFR 60, Appendix A-7): leak definition of "
        f"{conditions.METHANE_LEAK_PPM:g} ppm",
        category="HIGH",
    ),
    Rule(
        id="methane_medium",
        part=EMISSION,
        description="Methane above half the leak definition",
        condition=conditions.methane_medium,
        points=20,
        source="Half of EPA Method 21's leak definition: time to look before it is a leak",
        category="MEDIUM",
    ),
    Rule(
        id="vapor_critical",
        part=VAPOR,
        description=f"Vapor in the tank above {conditions.VAPOR_CRITICAL_PPM:,.0f} ppm",
        condition=conditions.vapor_critical,
        points=40,
        source=f"A fifth of the explosive limit, where portable detectors sound their alarm: {_LEL}",
        category="CRITICAL",
    ),
    Rule(
        id="vapor_high",
        part=VAPOR,
        description=f"Vapor in the tank above {conditions.VAPOR_HIGH_PPM:,.0f} ppm",
        condition=conditions.vapor_high,
        points=20,
        source=f"A tenth of the explosive limit, where portable detectors warn: {_LEL}",
        category="HIGH",
    ),
    Rule(
        id="vapor_normal",
        part=VAPOR,
        description="Vapor in the tank at a normal level: a tank that holds oil always carries some risk",
        condition=conditions.vapor_normal,
        points=10,
        source="The project's reference table of risk scores",
        category="NORMAL",
    ),
    Rule(
        id="dhsv_closure",
        part=PROCESS,
        description="Pressure at the tree jumps while the bottom builds up or the tree cools, or it falls "
        "and the tree cools: like a spurious closure of the downhole safety valve",
        condition=conditions.dhsv_closure,
        points=35,
        source=f"Class 2 of {_VARGAS}; thresholds chosen on its real instances of wells 3, 10, 11",
        sensors=("p_tpt",),
        further=("p_pdg", "t_tpt"),
    ),
    Rule(
        id="choke_restriction",
        part=PROCESS,
        description="Pressure upstream of the production choke climbs by more than it moved in the last hour "
        "while the tubing head stays steady: like a quick restriction in the production choke",
        condition=conditions.choke_restriction,
        points=35,
        source=f"Class 6 of {_VARGAS}; thresholds chosen on its class 6 instances (well 4, simulated)",
        sensors=("p_mon_ckp",),
        further=("p_tpt", "p_jus_ckp", "t_tpt", "aber_ckp"),
    ),
    Rule(
        id="choke_climb",
        part=PROCESS,
        description="Pressure upstream of the production choke climbs, in a well with less than a quarter "
        "of an hour of data: a restriction, or this well's usual activity",
        condition=conditions.choke_climb,
        points=10,
        source="As choke_restriction, without the well's own last hour to compare with",
        sensors=("p_mon_ckp",),
        further=("p_tpt", "p_jus_ckp", "t_tpt", "aber_ckp"),
    ),
    Rule(
        id="flow_instability",
        part=PROCESS,
        description="Pressure upstream of the production choke swung up and down twice within an hour, by "
        "1.5 bar or more, while the tree does not cycle: unstable flow",
        condition=conditions.flow_instability,
        points=20,
        source=f"Class 4 of {_VARGAS}; swings chosen on its real instances of wells 1, 2, 4, 5",
        sensors=("p_mon_ckp",),
        further=("p_tpt",),
    ),
    Rule(
        id="severe_slugging",
        part=PROCESS,
        description="Pressure at the tree swung up and down within two hours, twice by 2 bar or more, or one "
        "and a half times by 15: slugs build up and blow out",
        condition=conditions.severe_slugging,
        points=20,
        source=f"Class 3 of {_VARGAS}; swings chosen on its real instances of wells 1, 14 and 3 simulated",
        sensors=("p_tpt",),
    ),
    Rule(
        id="hydrate",
        part=PROCESS,
        description="Within an hour pressure rises steadily at the tree and falls at the choke, and the flow "
        "cools: like a hydrate growing in the production line",
        condition=conditions.hydrate,
        points=10,
        source=f"Class 8 of {_VARGAS} as described there; no real instance was available",
        sensors=("p_tpt", "p_mon_ckp"),
        further=("t_tpt", "t_jus_ckp", "aber_ckp"),
    ),
    Rule(
        id="scaling",
        part=PROCESS,
        description="Within an hour pressure upstream of the production choke creeps up at the same opening, "
        "more than at the tree: like scale in the choke",
        condition=conditions.scaling,
        points=10,
        source=f"Class 7 of {_VARGAS} as described there; no real instance was available",
        sensors=("p_tpt", "p_mon_ckp"),
        further=("p_jus_ckp", "t_jus_ckp", "aber_ckp"),
    ),
    Rule(
        id="bsw_rise",
        part=PROCESS,
        description="Over three or six hours pressure rises steadily at the bottom and falls at the tree and "
        "the choke: the column grows heavier, like a rise of water and sediment in the oil",
        condition=conditions.bsw_rise,
        points=10,
        source=f"Class 1 of {_VARGAS}; thresholds chosen on 4 instances drawn by experts",
        sensors=("p_pdg", "p_tpt", "p_mon_ckp"),
    ),
    Rule(
        id="productivity_loss",
        part=PROCESS,
        description="Over three or six hours pressure and temperature at the tree fall steadily, and less "
        "arrives at the choke: like a loss of productivity",
        condition=conditions.productivity_loss,
        points=10,
        source=f"Class 5 of {_VARGAS} as described there; no instance was available",
        sensors=("p_tpt", "t_tpt"),
        further=("p_pdg", "p_mon_ckp", "t_jus_ckp"),
    ),
    Rule(
        id="slow_scaling",
        part=PROCESS,
        description="Over three or six hours pressure upstream of the production choke creeps up at the same "
        "opening, more than at the tree: like scale in the choke",
        condition=conditions.slow_scaling,
        points=10,
        source="As scaling, over hours",
        sensors=("p_tpt", "p_mon_ckp"),
        further=("p_jus_ckp", "t_jus_ckp"),
    ),
    Rule(
        id="slow_hydrate",
        part=PROCESS,
        description="Over three or six hours pressure rises steadily at the tree and falls at the choke, and "
        "the flow cools: like a hydrate growing in the production line",
        condition=conditions.slow_hydrate,
        points=10,
        source="As hydrate, over hours",
        sensors=("p_tpt", "p_mon_ckp"),
        further=("t_tpt", "t_jus_ckp"),
    ),
)

SLOW_RULES = ("bsw_rise", "productivity_loss", "slow_scaling", "slow_hydrate")
"""Rules on steady drifts over hours."""

PROCESS_RULES = tuple(rule for rule in RULES if rule.part == PROCESS)
EMISSION_RULES = tuple(rule for rule in RULES if rule.part == EMISSION)
VAPOR_RULES = tuple(rule for rule in RULES if rule.part == VAPOR)

RULE_SENSORS: IntArray = np.array(
    sorted({SENSOR_INDEX[name] for rule in RULES for name in rule.sensors + rule.further}), np.int64
)
"""Sensor indices used by any condition, ascending."""


def fired(rules: tuple[Rule, ...], columns: RuleColumns) -> BoolArray:
    """Evaluate rules on n readings: shape (rules, n), True where a rule holds."""
    return np.array([rule.condition(columns) for rule in rules])


def points(rules: tuple[Rule, ...], held: BoolArray) -> IntArray:
    """Add up the points of the rules that hold, at most `MAX_PART`.

    Args:
        rules: r rules.
        held: shape (r, n), from `fired`.

    Returns:
        Shape (n,).
    """
    worth = np.array([rule.points for rule in rules], np.int64)
    return np.minimum(worth @ held, MAX_PART)
