"""What operators did to alarm tags, kept in the live table apart from what the stream writes there.

A tag is one alarm type of one well. The stream's side of an alarm (active or not) is in the facility's memory
and is only ever written by scoring; the operators' side is an item of its own and is only ever written by
operators' actions. So no replay, retry or backfill can undo an acknowledgement or a shelving, and no action
can collide with a batch. `record_of` brings both sides together as one ISA-18.2 record.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import orjson

from petrostream.alarms import ALARM_TYPES, Action, AlarmRecord
from petrostream.live.items import Item, tag_key
from petrostream.live.open_alarms import OpenAlarm

KEPT_SECONDS = 30 * 86_400
"""An acknowledgement outlives any alarm that is not stale many times over."""


@dataclass(frozen=True, slots=True)
class OperatorTag:
    """The operators' side of an alarm tag.

    Attributes:
        well_id, alarm_type, facility_id: the tag, and the well's facility.
        seen_alarm, seen_ts_ms: the alarm that was acknowledged last, and the time of its transition that the
            operator saw, epoch ms: a later annunciation of the same alarm is unacknowledged again.
        acknowledged_ms, acknowledged_by: when (epoch ms) and by whom; None if never.
        shelved_until_ms, shelved_by, shelved_why: None when not shelved.
        out_of_service_by, out_of_service_why: None when in service.
        recent: identities of the last actions.
        undelivered: actions whose rows the alarm history does not have yet.
        version: number of writes of the item; 0 before the first.
    """

    well_id: str
    alarm_type: str
    facility_id: str
    seen_alarm: str | None = None
    seen_ts_ms: int | None = None
    acknowledged_ms: int | None = None
    acknowledged_by: str | None = None
    shelved_until_ms: int | None = None
    shelved_by: str | None = None
    shelved_why: str | None = None
    out_of_service_by: str | None = None
    out_of_service_why: str | None = None
    recent: tuple[str, ...] = ()
    undelivered: tuple[Action, ...] = ()
    version: int = 0

    def silenced(self, now_ms: int) -> bool:
        """Return whether the tag is shelved or out of service at a time, epoch ms."""
        shelved = self.shelved_until_ms is not None and now_ms < self.shelved_until_ms
        return shelved or self.out_of_service_by is not None


def record_of(tag: OperatorTag, alarm: OpenAlarm | None) -> AlarmRecord:
    """The alarm's record: what the stream says of it, and what operators did.

    Args:
        tag: the operators' side.
        alarm: the stream's side: the open alarm, or the last one that returned; None if there is neither.
    """
    known = ALARM_TYPES.get(tag.alarm_type)
    record = AlarmRecord(
        tag.well_id,
        tag.alarm_type,
        known.priority if known else "low",
        shelved_until_ms=tag.shelved_until_ms,
        shelved_by=tag.shelved_by,
        shelved_why=tag.shelved_why,
        out_of_service_by=tag.out_of_service_by,
        out_of_service_why=tag.out_of_service_why,
        recent=tag.recent,
    )
    if alarm is None:
        return record
    seen = (tag.seen_alarm, tag.seen_ts_ms) == (alarm.alarm_id, alarm.ts_ms)
    return replace(
        record,
        alarm_id=alarm.alarm_id,
        priority=alarm.priority,
        active=alarm.returned_ms is None,
        suppressed=alarm.suppressed,
        acknowledged=seen or alarm.suppressed,
        start_ms=alarm.start_ms,
        active_ms=alarm.active_ms,
        returned_ms=alarm.returned_ms,
        acknowledged_ms=tag.acknowledged_ms if seen else None,
        acknowledged_by=tag.acknowledged_by if seen else None,
        sentence=alarm.sentence,
    )


def tag_after(tag: OperatorTag, record: AlarmRecord, alarm: OpenAlarm | None, action: Action) -> OperatorTag:
    """The operators' side after an action.

    Args:
        tag: before it.
        record: the alarm's record after it.
        alarm: the stream's side, as for `record_of`.
        action: the action.
    """
    seen = alarm is not None and record.acknowledged and record.acknowledged_by is not None
    return replace(
        tag,
        seen_alarm=alarm.alarm_id if seen and alarm else tag.seen_alarm,
        seen_ts_ms=alarm.ts_ms if seen and alarm else tag.seen_ts_ms,
        acknowledged_ms=record.acknowledged_ms if seen else tag.acknowledged_ms,
        acknowledged_by=record.acknowledged_by if seen else tag.acknowledged_by,
        shelved_until_ms=record.shelved_until_ms,
        shelved_by=record.shelved_by,
        shelved_why=record.shelved_why,
        out_of_service_by=record.out_of_service_by,
        out_of_service_why=record.out_of_service_why,
        recent=record.recent,
        undelivered=(*tag.undelivered, action),
    )


def tag_item(tag: OperatorTag, now_ms: int) -> Item:
    """The item of a tag, written at a time, epoch ms."""
    stored = {name: value for name, value in asdict(tag).items() if name != "version"}
    item: Item = {
        **tag_key(tag.well_id, tag.alarm_type),
        "tag": {"S": orjson.dumps(stored).decode()},
        "version": {"N": str(tag.version)},
    }
    held = tag.shelved_until_ms is not None or tag.out_of_service_by is not None or tag.undelivered
    if not held:
        item["expires_at"] = {"N": str(now_ms // 1000 + KEPT_SECONDS)}
    return item


def tag_of_item(item: Mapping[str, Any]) -> OperatorTag:
    """The tag of an item; attributes that a newer release added are ignored.

    Raises:
        KeyError, ValueError: the item is not a tag.
    """
    row = orjson.loads(item["tag"]["S"])
    known = {name: row[name] for name in _NAMES if name in row}
    actions = [
        Action(**{name: value for name, value in action.items() if name in _ACTION})
        for action in row.get("undelivered", ())
    ]
    known |= {"recent": tuple(row.get("recent", ())), "undelivered": tuple(actions)}
    return OperatorTag(**known, version=int(item["version"]["N"]))


_NAMES = tuple(column.name for column in fields(OperatorTag) if column.name != "version")
_ACTION = frozenset(column.name for column in fields(Action))
