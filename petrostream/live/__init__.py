"""The present: latest status of each well, open alarms, alerts to publish, items of the live table.

Every key and item of the table is built in `live/items.py`. Must not know DynamoDB's client or SNS.
`live.codec` encodes the state as bytes.
"""

from petrostream.live.alerts import Alert, envelope, unshelved_alert
from petrostream.live.items import (
    EPOCH,
    FACILITY,
    FLEET_LIST,
    HOUR_MS,
    MINUTES,
    OPERATORS,
    SHARD,
    Item,
    Minute,
    facility_key,
    facility_of_item,
    facility_of_memory,
    fleet_item,
    marker_item,
    minute_of_window,
    minutes_of_item,
    owner_item,
    owner_key,
    place_item,
    place_key,
    slot_sk,
    slot_update,
    tag_key,
    well_pk,
)
from petrostream.live.open_alarms import OpenAlarm
from petrostream.live.operators import (
    OperatorTag,
    record_of,
    tag_after,
    tag_item,
    tag_of_item,
)
from petrostream.live.state import LiveState, WellStatus, newest, note_joined, note_scored

__all__ = [
    "EPOCH",
    "FACILITY",
    "FLEET_LIST",
    "HOUR_MS",
    "MINUTES",
    "OPERATORS",
    "SHARD",
    "Alert",
    "Item",
    "LiveState",
    "Minute",
    "OpenAlarm",
    "OperatorTag",
    "WellStatus",
    "envelope",
    "facility_key",
    "facility_of_item",
    "facility_of_memory",
    "fleet_item",
    "marker_item",
    "minute_of_window",
    "minutes_of_item",
    "newest",
    "note_joined",
    "note_scored",
    "owner_item",
    "owner_key",
    "place_item",
    "place_key",
    "record_of",
    "slot_sk",
    "slot_update",
    "tag_after",
    "tag_item",
    "tag_key",
    "tag_of_item",
    "unshelved_alert",
    "well_pk",
]
