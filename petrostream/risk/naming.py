"""Which 3W event an alarm most likely announces: from rules and signs in one table, and never a guess.

A sign adds its weight to its event. The event with the most weight is named if it has at least `LEAST` and
leads by at least `LEAD`; otherwise the event is unknown. Signs only say which event, not whether there is
one: the alarm has decided that, so they may be gentler than the rule that raises an alarm of its own.

A classifier trained on the labelled instances, tested on wells it had not seen, did worse than always naming
the most frequent class. What is written here holds for any well: signatures of the events as described by
R. E. V. Vargas et al. 2019, doi 10.1016/j.petrol.2019.106223.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from petrostream.arrays import BoolArray
from petrostream.risk.columns import RuleColumns
from petrostream.risk.conditions import BAR, CHOKE_MOVED_PERCENT, OSCILLATION_TURNS

EVENT_NAMES: Mapping[int, str] = {
    1: "abrupt increase of BSW",
    2: "spurious closure of DHSV",
    3: "severe slugging",
    4: "flow instability",
    5: "rapid productivity loss",
    6: "quick restriction in PCK",
    7: "scaling in PCK",
    8: "hydrate in production line",
    9: "hydrate in service line",
}
"""The events of 3W, by class."""

UNKNOWN_EVENT = "unknown"
LEAST = 2
LEAD = 1

_OF_RULE: Mapping[str, tuple[int, int]] = {
    # rule: (class, weight)
    "dhsv_closure": (2, 4),
    "choke_restriction": (6, 4),
    "choke_climb": (6, 2),
    # In 3W, slugging swings the choke as well as the tree; in flow instability the tree stays calm.
    "severe_slugging": (3, 3),
    "flow_instability": (4, 2),
    "scaling": (7, 2),
    "hydrate": (8, 2),
    "bsw_rise": (1, 2),
    "productivity_loss": (5, 2),
    "slow_scaling": (7, 2),
    "slow_hydrate": (8, 2),
}


@dataclass(frozen=True, slots=True)
class LikelyEvent:
    """The event that an alarm most likely announces.

    Attributes:
        event_class: its class in 3W, 1 to 9; None if the evidence does not decide.
        evidence: the signs that decided, or why none did.
    """

    event_class: int | None
    evidence: str

    @property
    def event(self) -> str:
        """Its name in 3W, `unknown` if the evidence does not decide."""
        # A newer release may know events that this one does not.
        return UNKNOWN_EVENT if self.event_class is None else EVENT_NAMES.get(self.event_class, UNKNOWN_EVENT)


@dataclass(frozen=True, slots=True)
class Sign:
    """A row of the table of signs.

    Attributes:
        event_class: the event that it speaks for, or against.
        weight: how strongly; negative against.
        says: what it states.
        condition: returns for which of n readings it holds, shape (n,).
    """

    event_class: int
    weight: int
    says: str
    condition: Callable[[RuleColumns], BoolArray]


def _tree_jumps_as_bottom_builds_up(columns: RuleColumns) -> BoolArray:
    jumps = np.abs(columns.change("p_tpt", 30)) >= 0.4 * BAR
    return jumps & (columns.change("p_pdg", 30) >= 0.2 * BAR)


def _tree_falls_and_cools(columns: RuleColumns) -> BoolArray:
    return (columns.change("p_tpt", 60) <= -1.0 * BAR) & (columns.change("t_tpt", 60) <= -0.3)


def _choke_climbs_tree_stays(columns: RuleColumns) -> BoolArray:
    climb = columns.change("p_mon_ckp", 60)
    return (
        (climb >= 0.8 * BAR)
        & ~(np.abs(columns.change("p_tpt", 60)) > 0.25 * climb)
        & ~(columns.change("p_jus_ckp", 60) > 0.3 * BAR)
        & ~(np.abs(columns.change("aber_ckp", 180)) > CHOKE_MOVED_PERCENT)
    )


def _tree_swings(columns: RuleColumns) -> BoolArray:
    return columns.turned("p_tpt", 2) >= OSCILLATION_TURNS


def _choke_swings(columns: RuleColumns) -> BoolArray:
    return columns.turned("p_mon_ckp", 2) >= OSCILLATION_TURNS


SIGNS: tuple[Sign, ...] = (
    Sign(2, 2, "P-TPT jumps while P-PDG builds up", _tree_jumps_as_bottom_builds_up),
    Sign(2, 2, "P-TPT falls and the tree cools", _tree_falls_and_cools),
    Sign(2, -3, "P-TPT has swung for two hours", _tree_swings),
    Sign(6, 2, "P-MON-CKP climbs while P-TPT stays, at the same opening", _choke_climbs_tree_stays),
    Sign(6, -3, "P-MON-CKP has swung for two hours", _choke_swings),
)


def likely_event(columns: RuleColumns, held: Sequence[str]) -> LikelyEvent:
    """Return the event that an alarm at a reading most likely announces.

    Args:
        columns: that single reading.
        held: ids of the process rules that hold for it.
    """
    weights: dict[int, int] = {}
    words: dict[int, list[str]] = {}
    for rule in held:
        if rule in _OF_RULE:
            _add(weights, words, *_OF_RULE[rule], f"rule {rule} holds")
    for sign in SIGNS:
        if bool(sign.condition(columns)[0]):
            _add(weights, words, sign.event_class, sign.weight, sign.says)
    ranked = sorted(weights, key=lambda event: (-weights[event], event))
    if not ranked:
        return LikelyEvent(None, "no sign of any event")
    first, second = ranked[0], weights[ranked[1]] if len(ranked) > 1 else 0
    if weights[first] >= LEAST and weights[first] - max(second, 0) >= LEAD:
        return LikelyEvent(first, "; ".join(words[first]))
    undecided = "; ".join(f"{EVENT_NAMES[event]}: {', '.join(words[event])}" for event in ranked)
    return LikelyEvent(None, f"signs do not decide: {undecided}")


def _add(weights: dict[int, int], words: dict[int, list[str]], event: int, weight: int, says: str) -> None:
    weights[event] = weights.get(event, 0) + weight
    words.setdefault(event, []).append(f"but {says}" if weight < 0 else says)
