"""The fleet's present as a table in the terminal: `python -m local live [--watch]`."""

import time
from collections.abc import Sequence
from contextlib import suppress

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from petrostream.alarms import PRIORITIES
from petrostream.aws.live_reader import FacilityLive, LiveTable, Well
from petrostream.times import to_iso

REFRESH_SECONDS = 2.0
PASCALS_PER_BAR = 1e5
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
    table = Table(title=f"PetroStream, {to_iso(now_ms)}", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("facility", "well", "status"):
        table.add_column(heading, no_wrap=True)
    # Pressure and temperature are measured at the TPT; gases are in ppm.
    for heading in ("risk", "P bar", "T °C", "CH4", "vapor", "score", "age s"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("alarms")
    for facility in fleet:
        for well in facility.wells:
            table.add_row(*_cells(well, now_ms))
    unreadable = [facility.facility_id for facility in fleet if not facility.readable]
    wells = sum(len(facility.wells) for facility in fleet)
    notes = [Text(f"{wells} wells in {len(fleet)} facilities")]
    if unreadable:
        notes.append(Text(f"Written by another release, not shown: {', '.join(unreadable)}", style="yellow"))
    return Group(table, *notes)


def _cells(well: Well, now_ms: int) -> list[Text]:
    status = well.status
    alert = "ALERT" in (status.well_status, status.joined_status)
    age_ms = now_ms - status.ts_ms
    risk = max(status.risk_score, status.joined_risk or 0)
    pressure = None if status.pressure is None else status.pressure / PASCALS_PER_BAR
    return [
        Text(well.facility_id),
        Text(well.well_id),
        Text("ALERT" if alert else "normal", style="bold red" if alert else "green"),
        Text(str(risk)),
        _number(pressure, 1),
        _number(status.temperature, 1),
        _number(status.methane_ppm, 0),
        _number(status.vapor_ppm, 0),
        _number(status.anomaly_score, 2),
        Text(f"{age_ms / 1000:.0f}", style="dim" if age_ms > STALE_MS else ""),
        _most_urgent(well),
    ]


def _most_urgent(well: Well) -> Text:
    """The alarm to act on first, and the number of other open alarms; suppressed alarms do not count."""
    alarms = [alarm for alarm in well.alarms if alarm.sentence is not None]
    if not alarms:
        return Text("")
    first = min(alarms, key=lambda alarm: (PRIORITIES.index(alarm.priority), alarm.active_ms))
    others = f" +{len(alarms) - 1}" if len(alarms) > 1 else ""
    return Text(f"{first.priority}: {first.alarm_type}{others}")


def _number(value: float | None, digits: int) -> Text:
    return Text("") if value is None else Text(f"{value:,.{digits}f}")


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
