"""The list of alarms as operators read it: its order and its words, for command line and dashboard."""

from collections.abc import Iterable

from petrostream.alarms import PRIORITIES
from petrostream.aws.alarm_desk import TagView
from petrostream.times import to_iso

_STATES = ("active_unacknowledged", "returned_unacknowledged", "active_acknowledged")
"""States in the order in which they need attention; the others come after."""


def by_urgency(views: Iterable[TagView], now_ms: int) -> list[TagView]:
    """Tags in the order in which they need attention: by state, priority, and time active, longest first.

    Args:
        views: the tags.
        now_ms: the present, epoch ms: a shelving may have ended.
    """

    def order(view: TagView) -> tuple[int, int, int, str]:
        record, state = view.record, view.record.state(now_ms)
        rank = _STATES.index(state) if state in _STATES else len(_STATES)
        return rank, PRIORITIES.index(record.priority), record.active_ms or 0, record.well_id

    return sorted(views, key=order)


def explanation(view: TagView, now_ms: int) -> str:
    """What a tag says: why it is silenced; or its message, its likely event, and who has seen it."""
    record = view.record
    if record.out_of_service_by is not None:
        return f"out of service by {record.out_of_service_by}: {record.out_of_service_why}"
    if record.shelved_until_ms is not None and now_ms < record.shelved_until_ms:
        return f"until {to_iso(record.shelved_until_ms)} by {record.shelved_by}: {record.shelved_why}"
    likely = view.alarm.likely if view.alarm else None
    like = f" [{likely.event}]" if likely and likely.event_class is not None else ""
    seen = f" (acknowledged by {record.acknowledged_by})" if record.acknowledged_by else ""
    return f"{record.sentence or ''}{like}{seen}"


def age(ms: int) -> str:
    """A duration in its largest fitting unit, such as "3 min"."""
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000)):
        if ms >= 2 * size:
            return f"{ms // size} {unit}"
    return f"{max(0, ms) // 1000} s"
