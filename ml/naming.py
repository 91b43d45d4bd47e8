"""Which event is named first: slow events and oscillations, instance by instance.

    python -m ml.naming --data data/3w --class 3
    python -m ml.naming --data data/3w --class 1 --repair-units

Classes 3 and 4 are events from their first second on and have no baseline: only physics rules raise alarms,
and the question is whether the first one says what it is, and how often a rule of a dangerous event fires
meanwhile. Instances of class 1 have a normal period, which makes their baseline. Every instance of a class
takes part, real, simulated or drawn. Nothing is averaged away: each has its line.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.table import Column, Table

from ml.data.dataset import EVENT_NAMES, Instance, InstanceFile, find_instances, read_instance
from ml.evaluation.models import LeftOut
from ml.evaluation.repair import repaired
from ml.evaluation.stream import RaisedAlarm, stream
from ml.evaluation.terminal import console, explained, library_versions, number, say, tracked, write_json
from ml.evaluation.verdicts import judge_alarms, most_expected, observed_seconds
from ml.training.baseline import NoBaselineError, instance_baseline, normal_period
from ml.training.models import RECORDED_MIN_NORMAL_S
from petrostream.risk import UNKNOWN_EVENT
from toolchain import commands

DEFAULT_SEED = 1
DEFAULT_CLASSES = (1, 3)
DHSV = "dhsv_closure"
_CLASS_OF = {DHSV: 2, "severe_slugging": 3, "flow_instability": 4, "choke_restriction": 6}
"""Class that an alarm type names by itself."""

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@dataclass(frozen=True, slots=True)
class Named:
    """What the alarms of one instance said.

    Attributes:
        file: the instance.
        baseline: whether it had one.
        units: gauges that were converted, and from which unit.
        hours: watched time.
        alarms: alarms in watched time by type.
        false_alarms: those that began in normal operation.
        first_type: type of the first alarm of the event; None without one.
        first_event: 3W event that this alarm says is most likely.
        first_s: its time after the first labelled second.
        right_s: time of the first alarm whose type or likely event is the right one; None without one.
    """

    file: InstanceFile
    baseline: bool
    units: dict[str, str]
    hours: float
    alarms: dict[str, int]
    false_alarms: int
    first_type: str | None
    first_event: str | None
    first_s: float | None
    right_s: float | None

    @property
    def right_first(self) -> bool:
        """Whether the event's first alarm named it."""
        return self.right_s is not None and self.right_s == self.first_s

    @property
    def dhsv(self) -> int:
        """Alarms of the rule for a closing DHSV."""
        return self.alarms.get(DHSV, 0)


def name_event(instance: Instance, left_out: LeftOut, units: dict[str, str]) -> Named:
    """Streams an instance and reads off what its alarms name.

    Args:
        instance: the instance, converted already.
        left_out: forests trained without its well.
        units: what was converted.
    """
    period = normal_period(instance)
    try:
        baseline = instance_baseline(period, RECORDED_MIN_NORMAL_S)
    except NoBaselineError:
        begin, models = 0, left_out.fleet(instance.well_id)
    else:
        begin = period.split
        models = left_out.commissioned(baseline, int(instance.ts_ms[begin]))
    alarms = [one for one in stream(instance, models, block_s=600).alarms if one.onset >= begin]
    verdict = judge_alarms(instance.ts_ms, instance.label, alarms, begin)
    heard = [one for one in alarms if verdict.onset is not None and one.onset >= verdict.onset]
    right = next((one for one in heard if instance.event_class in _names(one)), None)
    since_ms = instance.ts_ms[verdict.event[0]] if verdict.event else 0
    return Named(
        file=InstanceFile(instance.path, instance.event_class, instance.well_id),
        baseline=begin > 0,
        units=units,
        hours=float(observed_seconds(instance.ts_ms)[begin:].sum()) / 3600.0,
        alarms=dict(Counter(one.alarm_type for one in alarms).most_common()),
        false_alarms=verdict.false_alarms,
        first_type=heard[0].alarm_type if heard else None,
        first_event=(heard[0].likely.event if heard[0].likely else UNKNOWN_EVENT) if heard else None,
        first_s=verdict.delay_s,
        right_s=None if right is None else float(instance.ts_ms[right.onset] - since_ms) / 1000.0,
    )


def _names(alarm: RaisedAlarm) -> set[int | None]:
    """Classes that an alarm names, by its type and by its likely event."""
    likely = alarm.likely.event_class if alarm.likely else None
    return {_CLASS_OF.get(alarm.alarm_type), likely} - {None}


def summarise(found: Sequence[Named]) -> dict[str, Any]:
    """Figures of one class."""
    hours = sum(one.hours for one in found)
    others = [one for one in found if one.file.event_class != 2]
    dhsv, quiet = sum(one.dhsv for one in others), sum(one.hours for one in others)
    return {
        "instances": len(found),
        "found": sum(one.first_type is not None for one in found),
        "named_first": sum(one.right_first for one in found),
        "named_later": sum(one.right_s is not None and not one.right_first for one in found),
        "hours": hours,
        "alarms": sum(sum(one.alarms.values()) for one in found),
        "false_alarms": sum(one.false_alarms for one in found),
        "dhsv_misfires": dhsv,
        "dhsv_misfires_per_hour": dhsv / quiet if quiet else None,
        "dhsv_misfires_per_hour_at_most": most_expected(dhsv) / quiet if quiet else None,
    }


def listed(one: Named) -> dict[str, Any]:
    """An instance for the JSON file."""
    return {
        "instance": one.file.source,
        "well_id": one.file.well_id,
        "class": one.file.event_class,
        "baseline": one.baseline,
        "units": one.units,
        "hours": one.hours,
        "alarms": one.alarms,
        "false_alarms": one.false_alarms,
        "first_type": one.first_type,
        "first_event": one.first_event,
        "first_s": one.first_s,
        "named_first": one.right_first,
        "named_s": one.right_s,
        "dhsv_misfires": one.dhsv if one.file.event_class != 2 else None,
    }


@app.command()
def main(
    data: Annotated[Path, typer.Option(help="Folder in the 3W layout.")],
    json: Annotated[Path | None, typer.Option(help="Write all figures to this file.")] = None,
    classes: Annotated[
        list[int] | None, typer.Option("--class", help="This class only (default 1 and 3); repeat for more.")
    ] = None,
    wells: Annotated[
        list[str] | None, typer.Option("--well", help="Only this well; repeat the option for more.")
    ] = None,
    repair_units: Annotated[
        bool, typer.Option(help="Convert gauges in another unit, as a unit map in the fleet file does.")
    ] = True,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the forests.")] = DEFAULT_SEED,
) -> None:
    """Say, instance by instance, which event the first alarm names, and what else was raised."""
    with explained():
        everything = find_instances(data)
        chosen = find_instances(data, classes=classes or DEFAULT_CLASSES, wells=wells)
        learned: dict[bool, LeftOut] = {}
        for real in {file.is_real for file in chosen}:
            learned[real] = LeftOut(seed)
            for file in tracked([file for file in everything if file.is_real == real], "Learning"):
                learned[real].learn(read_instance(file))
        found = []
        for file in tracked(chosen, "Streaming"):
            instance = read_instance(file)
            instance, units = repaired(instance) if repair_units else (instance, {})
            found.append(name_event(instance, learned[file.is_real], units))
        result = _result(found, seed, repair_units)
        if json:
            write_json(json, result)
    _show(found, result)
    if json:
        say(f"Written: {json}")


def _result(found: Sequence[Named], seed: int, repair_units: bool) -> dict[str, Any]:
    kinds = sorted({one.file.event_class for one in found})
    return {
        "classes": {
            f"{kind} {EVENT_NAMES[kind]}": summarise([one for one in found if one.file.event_class == kind])
            for kind in kinds
        },
        "instances": [listed(one) for one in found],
        "settings": {"seed": seed, "repair_units": repair_units},
        "versions": library_versions(),
    }


def _show(found: Sequence[Named], result: dict[str, Any]) -> None:
    right = ("3W", "h", "after s", "named s", "DHSV", "n")
    columns = (Column(title, justify="right", no_wrap=True) for title in right)
    first = (Column("instance", no_wrap=True), Column("first alarm", no_wrap=True))
    table = Table(*first, *columns, box=SIMPLE, padding=(0, 1, 0, 0))
    numbers = {name: str(kind) for kind, name in EVENT_NAMES.items()}
    for one in found:
        table.add_row(
            one.file.source,
            one.first_type or "none",
            "-" if one.first_event is None else numbers.get(one.first_event, "?"),
            number(one.hours, 1),
            number(one.first_s, 0),
            number(one.right_s, 0),
            str(one.dhsv),
            str(sum(one.alarms.values())),
        )
    console.print(table)
    for name, figures in result["classes"].items():
        say(
            f"{name}: named first in {figures['named_first']} of {figures['instances']}, later in "
            f"{figures['named_later']}; found {figures['found']}. DHSV mis-fires: "
            f"{figures['dhsv_misfires']} in {figures['hours']:.1f} h, "
            f"{number(figures['dhsv_misfires_per_hour'], 3)} an hour (at most "
            f"{number(figures['dhsv_misfires_per_hour_at_most'], 3)})."
        )


if __name__ == "__main__":
    commands.run(app)
