"""The streaming evaluation on a terminal: one table, and what is not in it."""

from collections import Counter
from typing import Any

from rich.box import SIMPLE
from rich.table import Column, Table

from ml.evaluation.terminal import console, number, say

_FIGURES = (
    ("n", "instances", 0, 1.0),
    ("missed", "missed", 0, 1.0),
    ("hours", "normal_hours", 2, 1.0),
    ("false/h", "false_alarms_per_hour", 2, 1.0),
    ("at most", "false_alarms_per_hour_at_most", 2, 1.0),
    ("alarm %", "normal_share_in_alarm", 1, 100.0),
    ("delay s", "median_delay_s", 0, 1.0),
    ("p90 s", "p90_delay_s", 0, 1.0),
)
"""Title, key, digits and factor; `at most` is the exact 95 % limit of the pooled rate, `alarm %` the
share of normal time in alarm."""


def show(result: dict[str, Any]) -> None:
    """Prints the figures of an evaluation.

    Args:
        result: what the JSON file holds.
    """
    table = Table(
        Column("", min_width=17),
        *(Column(title, justify="right", no_wrap=True) for title, *_ in _FIGURES),
        box=SIMPLE,
        padding=(0, 1, 0, 0),
    )
    table.title = f"Alarms of commissioned wells, {result['settings']['baseline']} baseline"
    for name, figures in (*result["by_class"].items(), *result["by_well"].items()):
        table.add_row(name, *_cells(figures))
    if result["by_age"]:
        table.add_section()
    for name, figures in result["by_age"].items():
        table.add_row(name, *_cells(figures))
        for what in ("forest", "rules"):
            table.add_row(f"- {what} alone", *_cells(result[f"{what}_by_age"][name]))
    table.add_section()
    for name, key in (("all", "summary"), ("forest alone", "forest_alone"), ("rules alone", "rules_alone")):
        table.add_row(name, *_cells(result[key]))
    console.print(table)
    for reason, number_of in Counter(result["not_commissioned"].values()).items():
        say(f"{number_of} instances without a baseline: {reason}.", "yellow")
    _show_fleet(result["fleet"])


def _show_fleet(fleet: dict[str, Any]) -> None:
    for name, what in (("forest", "the fleet's forest would"), ("rules", "the physics rules alone")):
        known = fleet[name]["with_normal_period"]
        if known["instances"]:
            say(
                f"On wells never seen, {what} raise {known['false_alarms']} false alarms in "
                f"{known['normal_hours']:.1f} h and miss {known['missed']} of {known['events']} events."
            )


def _cells(figures: dict[str, Any]) -> list[str]:
    return [
        number(None if figures[key] is None else figures[key] * factor, digits)
        for _, key, digits, factor in _FIGURES
    ]
