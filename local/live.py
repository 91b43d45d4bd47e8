"""The fleet's present as a table in the terminal: `python -m local live [--watch]`."""

import json
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from petrostream.alarms import PRIORITIES
from petrostream.aws.live_reader import FacilityLive, LiveTable, Well
from petrostream.live import WellStatus
from petrostream.names import shown
from petrostream.times import to_iso

REFRESH_SECONDS = 2.0
PASCALS_PER_BAR = 1e5
NAME_WIDTH = 32
STALE_MS = 120_000
"""A well without a reading for this long is shown as silent."""


def show(live: LiveTable, console: Console, *, watch: bool) -> None:
    """Print the fleet once, or every two seconds until interrupted.

    Args:
        live: the live table.
        console: the console to print to.
        watch: whether to repeat.
    """
    if not watch:
        console.print(picture(live.fleet(), _now_ms()))
        return
    with suppress(KeyboardInterrupt), Live(console=console, auto_refresh=False, screen=True) as screen:
        while True:
            began = time.monotonic()
            screen.update(picture(live.fleet(), _now_ms()), refresh=True)
            time.sleep(max(0.0, REFRESH_SECONDS - (time.monotonic() - began)))


def picture(fleet: Sequence[FacilityLive], now_ms: int) -> Group:
    """The fleet as a table, one line for each well.

    Args:
        fleet: its facilities.
        now_ms: the current time, epoch ms.
    """
    table = Table(title=f"PetroStream, {to_iso(now_ms)}", box=SIMPLE_HEAD, padding=0, show_edge=False)
    # Where the screen is too narrow, names give way and alarms wrap: status and risk stay whole.
    for heading in ("facility", "well"):
        table.add_column(heading, max_width=NAME_WIDTH, overflow="ellipsis")
    table.add_column("status", no_wrap=True)
    # Pressure and temperature are measured at the TPT; gases are in ppm.
    for heading in ("risk", "P bar", "T °C", "CH4", "vapor", "score", "age s"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("alarms", overflow="fold")
    for facility in fleet:
        for well in facility.wells:
            table.add_row(*_cells(well, now_ms))
    unreadable = [facility.facility_id for facility in fleet if not facility.readable]
    wells = sum(len(facility.wells) for facility in fleet)
    notes = [Text(f"{wells} wells in {len(fleet)} facilities")]
    if unreadable:
        notes.append(
            Text(f"Written by another release, not shown: {shown(', '.join(unreadable))}", style="yellow")
        )
    return Group(table, *notes)


def print_json(live: LiveTable, target: TextIO) -> None:
    """Print the fleet as JSON: what `live` shows, in SI units, and every open alarm."""
    now_ms = _now_ms()
    fleet = live.fleet()
    document = {
        "at": to_iso(now_ms),
        "wells": [_facts(well, now_ms) for facility in fleet for well in facility.wells],
        "unreadable_facilities": [facility.facility_id for facility in fleet if not facility.readable],
    }
    # ASCII only: a name from outside can then do nothing to a terminal.
    target.write(f"{json.dumps(document, ensure_ascii=True)}\n")


def _facts(well: Well, now_ms: int) -> dict[str, object]:
    status = well.status
    return {
        "facility_id": well.facility_id,
        "well_id": well.well_id,
        "status": _status(status),
        "risk_score": _risk(status),
        "ts": to_iso(status.ts_ms),
        "age_seconds": (now_ms - status.ts_ms) / 1000,
        "pressure_pa": status.pressure,
        "temperature_c": status.temperature,
        "methane_ppm": status.methane_ppm,
        "vapor_ppm": status.vapor_ppm,
        "anomaly_score": status.anomaly_score,
        "units": list(status.units),
        "alarms": [
            {
                "alarm_type": alarm.alarm_type,
                "priority": alarm.priority,
                "active": to_iso(alarm.active_ms),
                "sentence": alarm.sentence,
                "likely_class": alarm.likely_class,
                "likely_event": alarm.likely_event,
                "evidence": alarm.evidence,
            }
            for alarm in well.alarms
        ],
    }


def _status(status: WellStatus) -> str:
    return "ALERT" if "ALERT" in (status.well_status, status.joined_status) else "NORMAL"


def _risk(status: WellStatus) -> int:
    """The risk of the latest reading, or that of the latest pair with a tank if it is higher."""
    return max(status.risk_score, status.joined_risk or 0)


def _cells(well: Well, now_ms: int) -> list[Text]:
    status = well.status
    alert = _status(status) == "ALERT"
    age_ms = now_ms - status.ts_ms
    pressure = None if status.pressure is None else status.pressure / PASCALS_PER_BAR
    return [
        _name(well.facility_id),
        _name(well.well_id),
        Text("ALERT" if alert else "normal", style="bold red" if alert else "green"),
        Text(str(_risk(status))),
        _number(pressure, 1),
        _number(status.temperature, 1),
        _number(status.methane_ppm, 0),
        _number(status.vapor_ppm, 0),
        _number(status.anomaly_score, 2),
        Text(f"{age_ms / 1000:.0f}", style="dim" if age_ms > STALE_MS else ""),
        _most_urgent(well) + _units(status),
    ]


def _name(text: str) -> Text:
    """A name on one line: it comes from outside, and may be of 200 characters."""
    return Text(shown(text), no_wrap=True, overflow="ellipsis")


def _most_urgent(well: Well) -> Text:
    """The alarm to act on first, and the number of other open alarms; suppressed alarms do not count."""
    alarms = [alarm for alarm in well.alarms if alarm.sentence is not None]
    if not alarms:
        return Text("")
    first = min(alarms, key=lambda alarm: (PRIORITIES.index(alarm.priority), alarm.active_ms))
    others = f" +{len(alarms) - 1}" if len(alarms) > 1 else ""
    likely = "" if first.likely_class is None else f" ({first.likely_event})"
    return Text(shown(f"{first.priority}: {first.alarm_type}{likely}{others}"))


def _units(status: WellStatus) -> Text:
    """Gauges that are apparently in another unit: their values are not used, and not shown."""
    named = ", ".join(one.replace(":", " in ") for one in status.units)
    return Text(f" unit? {named}" if named else "", style="yellow")


def _number(value: float | None, digits: int) -> Text:
    return Text("") if value is None else Text(f"{value:,.{digits}f}")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
