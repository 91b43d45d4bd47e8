"""Keys and items of the live table, shared by its writers and readers.

docs/reference/live-table.md describes the table.

| pk | sk | item | kept |
|---|---|---|---|
| FACILITY#<id> | STATE | memory of a facility; `live` and `windows` are its present | permanently |
| FLEET | FACILITY#<id> | entry of the facility in the fleet's list | permanently |
| FLEET | SHARD#<stream>/<id> | place of a shard, and statuses newer than those above | permanently |
| SHARD#<stream>/<id> | OWNER | the process that owns a shard | permanently |
| WELL#<id> | WIN#<start> | closed minutes of a well, five at most | window_hours |
| ALERT#<id> | SENT | marker of an alert that is published, or claimed by a process | 7 days |
| LEASES | <stream>/<shard> | which task of the service reads a shard | permanently |
| TASKS | <task> | until when a task of the service lives | a day |
| OPERATORS | <alarm type>#<well> | what operators did to an alarm tag | while it holds, else 30 days |
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from petrostream.minutes import WINDOW_MS, Window
from petrostream.times import to_iso

FLEET_LIST = "FLEET"
STATE = "STATE"
SENT = "SENT"
CLAIMED_MS, CLAIMED_BY = "claimed_ms", "claimed_by"
OPERATORS = "OPERATORS"
EPOCH = "epoch"
FACILITY = "FACILITY#"
SHARD = "SHARD#"
OWNER = "OWNER"
LEASES = "LEASES"
TASKS = "TASKS"
HOUR_MS = 3_600_000
MARKER_SECONDS = 7 * 86_400
"""How long the marker of a published alert is kept: far longer than a stream keeps its records."""

SLOT_MS = 5 * WINDOW_MS
"""Five minutes of a well share an item: it stays under 1 KB, one write unit, and a day has 288 of them."""

MINUTES = tuple(f"m{place}" for place in range(SLOT_MS // WINDOW_MS))
"""Attributes of a slot's closed minutes: each a JSON array, which a release may extend at the end."""

_COLUMNS = (
    *("readings", "anomalies", "max_risk"),
    *(f"{gauge}_{kind}" for gauge in ("pressure", "temperature") for kind in ("mean", "min", "max")),
)

Item = dict[str, Any]
"""Attributes in DynamoDB's format, such as {"pk": {"S": "FLEET"}}."""


@dataclass(frozen=True, slots=True)
class Minute:
    """One minute of a well.

    Attributes:
        well_id: the well.
        start_ms: start of the minute, epoch ms.
        readings, anomalies: numbers of readings and of anomalous readings.
        max_risk: highest risk score, 0 to 100.
        pressure_mean, pressure_min, pressure_max: at the TPT, Pa; None if no reading had it.
        temperature_mean, temperature_min, temperature_max: at the TPT, degC; None if no reading had it.
        closed: whether its window is closed.
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
    return {"pk": {"S": f"{FACILITY}{facility_id}"}, "sk": {"S": STATE}}


def fleet_item(facility_id: str) -> Item:
    """The entry of a facility in the fleet's list."""
    return {"pk": {"S": FLEET_LIST}, "sk": {"S": f"{FACILITY}{facility_id}"}}


def facility_of_item(item: Mapping[str, Any]) -> str:
    """The facility of a `fleet_item`."""
    return str(item["sk"]["S"]).removeprefix(FACILITY)


def facility_of_memory(item: Mapping[str, Any]) -> str:
    """The facility of an item with a facility's memory."""
    return str(item["pk"]["S"]).removeprefix(FACILITY)


def owner_key(shard_id: str) -> Item:
    """Key of the item that names a shard's owner."""
    return {"pk": {"S": f"{SHARD}{shard_id}"}, "sk": {"S": OWNER}}


def owner_item(shard_id: str, process: str, epoch: int) -> Item:
    """The item that names a shard's owner.

    Args:
        shard_id: the shard, as `<stream>/<shard>`.
        process: the owner.
        epoch: number of its claim.
    """
    return {**owner_key(shard_id), "process": {"S": process}, EPOCH: {"N": str(epoch)}}


def place_key(shard_id: str) -> Item:
    """Key of a shard's place."""
    return {"pk": {"S": FLEET_LIST}, "sk": {"S": f"{SHARD}{shard_id}"}}


def place_item(
    shard_id: str,
    epoch: int,
    done: str | None,
    since: str | None,
    unsettled: Mapping[str, tuple[str, str, str]],
    latest: bytes,
) -> Item:
    """A shard's place.

    Args:
        shard_id: the shard, as `<stream>/<shard>`.
        epoch: number of the claim under which it is written.
        done: the last record up to which everything is done, None before the first.
        since: the first record that the memory of some facility in the table lacks, None if none does.
        unsettled: by facility, shard, first and last record that its memory in the table lacks besides.
        latest: encoded statuses that no memory in the table has.
    """
    texts = {"done": done, "since": since}
    stretches = {name: {"L": [{"S": one} for one in stretch]} for name, stretch in unsettled.items()}
    return {
        **place_key(shard_id),
        EPOCH: {"N": str(epoch)},
        **{name: {"S": text} for name, text in texts.items() if text is not None},
        **({"unsettled": {"M": stretches}} if stretches else {}),
        "latest": {"B": latest},
    }


def well_pk(well_id: str) -> str:
    """Partition key of a well's minutes."""
    return f"WELL#{well_id}"


def slot_sk(start_ms: int) -> str:
    """Sort key of the item that contains a minute; it sorts by time."""
    return f"WIN#{to_iso(start_ms // SLOT_MS * SLOT_MS)}"


def slot_update(closed: Sequence[Window], facility_id: str, version: int, keep_hours: float) -> Item:
    """Arguments of the UpdateItem call that writes closed minutes of one well and slot.

    Args:
        closed: the windows, n >= 1.
        facility_id: the well's facility.
        version: version of the facility's memory that the windows belong to; the update fails if a newer one
            has written the item.
        keep_hours: hours after the slot's end at which the item expires.
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
        KeyError, ValueError: the item is not a slot.
    """
    slot = datetime.fromisoformat(item["sk"]["S"].removeprefix("WIN#"))
    slot_ms = round(slot.timestamp() * 1000)
    well_id = item["pk"]["S"].removeprefix("WELL#")
    minutes = []
    for place, name in enumerate(MINUTES):
        if name in item:
            # A newer release may have added numbers after those known here.
            row = dict(zip(_COLUMNS, orjson.loads(item[name]["S"]), strict=False))
            minutes.append(Minute(well_id, slot_ms + place * WINDOW_MS, **row))
    return minutes


def minute_of_window(window: Window) -> Minute:
    """An open window as a minute that is not closed."""
    row: dict[str, Any] = window.row()
    chosen = {name: row[name] for name in _COLUMNS}
    return Minute(window.well_id, window.start_ms, **chosen, closed=False)


def tag_key(well_id: str, alarm_type: str) -> Item:
    """Key of the operators' side of an alarm tag. An alarm type has no "#" in its name, a well may."""
    return {"pk": {"S": OPERATORS}, "sk": {"S": f"{alarm_type}#{well_id}"}}


def lease_key(shard_id: str) -> Item:
    """Key of the lease of a shard, `<stream>/<shard>`."""
    return {"pk": {"S": LEASES}, "sk": {"S": shard_id}}


def task_item(task: str, until_ms: int, now_ms: int) -> Item:
    """The item of a task of the service, which lives until a time, epoch ms."""
    return {
        "pk": {"S": TASKS},
        "sk": {"S": task},
        "until_ms": {"N": str(until_ms)},
        "expires_at": {"N": str(now_ms // 1000 + 86_400)},
    }


def claim_item(alert_id: str, now_ms: int, process: str) -> Item:
    """The marker of an alert that a process is about to publish."""
    claim: Item = {CLAIMED_MS: {"N": str(now_ms)}, CLAIMED_BY: {"S": process}}
    return marker_item(alert_id, now_ms) | claim


def marker_item(alert_id: str, now_ms: int) -> Item:
    """The marker of an alert that is published."""
    return {
        "pk": {"S": f"ALERT#{alert_id}"},
        "sk": {"S": SENT},
        "expires_at": {"N": str(now_ms // 1000 + MARKER_SECONDS)},
    }
