"""Keys and items of the live table: pure, shared by writer and readers.

docs/reference/live-table.md describes the table.

| pk | sk | item | lives |
|---|---|---|---|
| FACILITY#<id> | STATE | memory of a facility; `live` and `windows` are its present | for good |
| FLEET | FACILITY#<id> | that the facility exists | for good |
| WELL#<id> | WIN#<start> | closed minutes of a well, five at most | window_hours |
| ALERT#<id> | SENT | that an event has been told | 7 days |
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from petrostream.minutes import WINDOW_MS, Window
from petrostream.times import to_iso

FLEET = "FLEET"
STATE = "STATE"
SENT = "SENT"
_FACILITY = "FACILITY#"
HOUR_MS = 3_600_000
MARKER_SECONDS = 7 * 86_400
"""How long it is remembered that an event was told; far longer than a stream keeps its records."""

SLOT_MS = 5 * WINDOW_MS
"""So many minutes of a well share an item: it stays under 1 KB, one write unit, and a day has 288 of them."""

MINUTES = tuple(f"m{place}" for place in range(SLOT_MS // WINDOW_MS))
"""Attributes of a slot's closed minutes: numbers as a JSON array, to which a release may add at the end."""

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
    return {"pk": {"S": f"{_FACILITY}{facility_id}"}, "sk": {"S": STATE}}


def fleet_item(facility_id: str) -> Item:
    """The item that lists a facility."""
    return {"pk": {"S": FLEET}, "sk": {"S": f"{_FACILITY}{facility_id}"}}


def facility_of_item(item: Mapping[str, Any]) -> str:
    """The facility that a `fleet_item` lists."""
    return str(item["sk"]["S"]).removeprefix(_FACILITY)


def facility_of_memory(item: Mapping[str, Any]) -> str:
    """The facility whose memory an item is."""
    return str(item["pk"]["S"]).removeprefix(_FACILITY)


def well_pk(well_id: str) -> str:
    """Partition key of a well's minutes."""
    return f"WELL#{well_id}"


def slot_sk(start_ms: int) -> str:
    """Sort key of the item that a minute is in: text sorts as time does."""
    return f"WIN#{to_iso(start_ms // SLOT_MS * SLOT_MS)}"


def slot_update(closed: Sequence[Window], facility_id: str, version: int, keep_hours: float) -> Item:
    """What to ask of DynamoDB's UpdateItem to write minutes of one well and slot.

    Args:
        closed: the minutes, n >= 1.
        facility_id: the well's facility.
        version: of the facility's memory that the minutes are written with; the update fails where a newer
            one has written.
        keep_hours: how long after its end the item may be removed.
    """
    slot_ms = closed[0].start_ms // SLOT_MS * SLOT_MS
    expires = int((slot_ms + SLOT_MS + keep_hours * HOUR_MS) // 1000)
    values: Item = {
        ":facility": {"S": facility_id},
        ":version": {"N": str(version)},
        ":expires": {"N": str(expires)},
    }
    parts = ["facility_id = :facility", "#version = :version", "expires_at = :expires"]
    for window in closed:
        name = f"m{(window.start_ms - slot_ms) // WINDOW_MS}"
        row = window.row()
        parts.append(f"{name} = :{name}")
        values[f":{name}"] = {"S": orjson.dumps([row[column] for column in _COLUMNS]).decode()}
    return {
        "Key": {"pk": {"S": well_pk(closed[0].well_id)}, "sk": {"S": slot_sk(slot_ms)}},
        "UpdateExpression": f"SET {', '.join(parts)}",
        "ConditionExpression": "attribute_not_exists(pk) OR #version <= :version",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": values,
    }


def minutes_of_item(item: Mapping[str, Any]) -> list[Minute]:
    """The minutes of a slot, oldest first.

    Raises:
        KeyError: it is none.
        ValueError: likewise.
    """
    slot = datetime.fromisoformat(item["sk"]["S"].removeprefix("WIN#"))
    slot_ms = round(slot.timestamp() * 1000)
    well_id = item["pk"]["S"].removeprefix("WELL#")
    found = []
    for place, name in enumerate(MINUTES):
        if name in item:
            # Numbers of a newer release stand behind those known here.
            row = dict(zip(_COLUMNS, orjson.loads(item[name]["S"]), strict=False))
            found.append(Minute(well_id, slot_ms + place * WINDOW_MS, **row))
    return found


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
