"""What the API says of wells, minutes and alarms: names as in the lake, SI units, times in UTC."""

from dataclasses import asdict
from typing import Any

from petrostream.aws.alarm_desk import TagView
from petrostream.aws.live_reader import FacilityLive, Well
from petrostream.live import Minute
from petrostream.times import to_iso


def facility(live: FacilityLive) -> dict[str, Any]:
    """A facility and its wells."""
    return {
        "facility_id": live.facility_id,
        "readable": live.readable,
        "status": live.status,
        "newest": time(live.newest_ms),
        "wells": [well(one) for one in live.wells],
    }


def well(live: Well) -> dict[str, Any]:
    """A well: its latest reading, and how many alarms are open."""
    status = asdict(live.status)
    times = {
        name.removesuffix("_ms"): time(status.pop(name)) for name in ("ts_ms", "scored_at_ms", "joined_ts_ms")
    }
    shown = [alarm for alarm in live.alarms if not alarm.suppressed]
    return {
        "well_id": live.well_id,
        "facility_id": live.facility_id,
        **times,
        **status,
        "open_alarms": len(shown),
    }


def minute(of_well: Minute) -> dict[str, Any]:
    """A minute of a well."""
    row = asdict(of_well)
    return {"start": time(row.pop("start_ms")), **row}


def alarm(view: TagView, now_ms: int) -> dict[str, Any]:
    """An alarm tag."""
    record = view.record
    likely = view.alarm.likely if view.alarm else None
    return {
        "id": f"{record.well_id}/{record.alarm_type}",
        "facility_id": view.facility_id,
        "well_id": record.well_id,
        "alarm_type": record.alarm_type,
        "alarm_id": record.alarm_id,
        "priority": record.priority,
        "state": record.state(now_ms),
        "active": time(record.active_ms),
        "returned": time(record.returned_ms),
        "acknowledged": time(record.acknowledged_ms),
        "acknowledged_by": record.acknowledged_by,
        "shelved_until": time(record.shelved_until_ms),
        "shelved_by": record.shelved_by,
        "shelved_why": record.shelved_why,
        "out_of_service_by": record.out_of_service_by,
        "out_of_service_why": record.out_of_service_why,
        "sentence": record.sentence,
        "likely_event": likely.event if likely else None,
        "evidence": likely.evidence if likely else None,
    }


def time(ms: int | None) -> str | None:
    """An instant as text, None if there is none."""
    return None if ms is None else to_iso(ms)
