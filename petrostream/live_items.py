"""Keys and items of the live table: pure, shared by writer and readers. docs/live-table.md has the table.

| pk | sk | item | lives |
|---|---|---|---|
| FACILITY#<id> | STATE | memory of a facility; `live` and `windows` are its present | for good |
| FLEET | FACILITY#<id> | that the facility exists | for good |
| WELL#<id> | WIN#<start> | a closed minute of a well | window_hours |
| ALERT#<id> | SENT | that an event has been told | 7 days |
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from petrostream.alerts import iso
from petrostream.windows import WINDOW_MS, Window

FLEET = "FLEET"
STATE = "STATE"
SENT = "SENT"
HOUR_MS = 3_600_000
MARKER_SECONDS = 7 * 86_400
"""How long it is remembered that an event was told; far longer than a stream keeps its records."""

MINUTE = "numbers"
"""Attribute of a closed minute's numbers: a JSON object by their names."""

_COLUMNS = (
    *("readings", "anomalies", "max_risk"),
    *(f"{gauge}_{kind}" for gauge in ("pressure", "temperature") for kind in ("mean", "min", "max")),
)

Item = dict[str, Any]
"""Attributes in DynamoDB's own form, such as {"pk": {"S": "FLEET"}}."""


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute of a well.

    Attributes:
        well_id: the well.
        start_ms: its first instant, epoch ms.
        readings, anomalies: how many.
        max_risk: highest risk score, 0 to 100.
        pressure_mean, pressure_min, pressure_max: Pa; None where no reading had it.
        temperature_mean, temperature_min, temperature_max: degC, likewise.
        closed: whether it is final, as far as the stream has gone.
    """

    well_id: str
    start_ms: int
    readings: int
    anomalies: int
    max_risk: int
    pressure_mean: float | None
    pressure_min: float | None
    pressure_max: float | None
    temperature_mean: float | None
    temperature_min: float | None
    temperature_max: float | None
    closed: bool = True


def facility_key(facility_id: str) -> Item:
    """Key of a facility's memory."""
    return {"pk": {"S": f"FACILITY#{facility_id}"}, "sk": {"S": STATE}}


def fleet_item(facility_id: str) -> Item:
    """The item that lists a facility."""
    return {"pk": {"S": FLEET}, "sk": {"S": f"FACILITY#{facility_id}"}}


def facility_of_item(item: Mapping[str, Any]) -> str:
    """The facility that a `fleet_item` lists."""
    return str(item["sk"]["S"]).removeprefix("FACILITY#")


def well_pk(well_id: str) -> str:
    """Partition key of a well's minutes."""
    return f"WELL#{well_id}"


def window_sk(start_ms: int) -> str:
    """Sort key of a minute: text sorts as time does."""
    return f"WIN#{iso(start_ms)}"


def window_item(window: Window, facility_id: str, version: int, keep_hours: float) -> Item:
    """A closed minute as an item of some 400 bytes.

    Args:
        window: the minute.
        facility_id: the well's facility.
        version: of the facility's memory that the minute is written with; a write of an older one must fail.
        keep_hours: how long after its end the item may be removed.
    """
    row = window.row()
    return {
        "pk": {"S": well_pk(window.well_id)},
        "sk": {"S": window_sk(window.start_ms)},
        "facility_id": {"S": facility_id},
        "version": {"N": str(version)},
        "expires_at": {"N": str(int((window.start_ms + WINDOW_MS + keep_hours * HOUR_MS) // 1000))},
        # One attribute: a day of a well is 1,440 items, and a reader's time goes with the attributes.
        MINUTE: {"S": orjson.dumps({name: row[name] for name in _COLUMNS}).decode()},
    }


def minute_of_item(item: Mapping[str, Any]) -> Minute:
    """The minute of a `window_item`.

    Raises:
        KeyError, ValueError: it is none.
    """
    start = datetime.fromisoformat(item["sk"]["S"].removeprefix("WIN#"))
    row = orjson.loads(item[MINUTE]["S"])
    well_id = item["pk"]["S"].removeprefix("WELL#")
    return Minute(well_id, round(start.timestamp() * 1000), **{name: row.get(name) for name in _COLUMNS})


def minute_of_window(window: Window) -> Minute:
    """An open window as a minute that is not final."""
    row: dict[str, Any] = window.row()
    chosen = {name: row[name] for name in _COLUMNS}
    return Minute(window.well_id, window.start_ms, **chosen, closed=False)


def marker_item(alert_id: str, now_ms: int) -> Item:
    """The item that says that an event has been told, or is being told."""
    return {
        "pk": {"S": f"ALERT#{alert_id}"},
        "sk": {"S": SENT},
        "expires_at": {"N": str(now_ms // 1000 + MARKER_SECONDS)},
    }
