"""A well's alarm timers as plain JSON values, for the header of a facility's state."""

from dataclasses import astuple
from typing import Any

from petrostream.alarms.channels import NOTHING_NEW, Channel, Fresh, Said, WellAlarms
from petrostream.alarms.events import Active
from petrostream.alarms.timers import NEVER


def to_plain(alarms: WellAlarms | None) -> list[Any] | None:
    """Convert a well's alarm timers to JSON values; idle channels are left out."""
    if alarms is None:
        return None
    channels = [
        [
            name,
            [
                _time(t)
                for t in (channel.on_since, channel.off_since, channel.unknown_since, channel.suppressed_at)
            ]
            + _fresh_to_plain(channel.fresh),
            channel.active and _active_to_plain(channel.active),
            *([] if channel.said is None else [_said_to_plain(channel.said)]),
        ]
        for name, channel in alarms.channels.items()
    ]
    return [alarms.source, alarms.last_ms, channels]


def from_plain(plain: list[Any] | None) -> WellAlarms | None:
    """Convert the values returned by `to_plain` back.

    Raises:
        ValueError, TypeError: the values do not have that form.
    """
    if plain is None:
        return None
    source, last_ms, channels = plain
    return WellAlarms(
        str(source),
        int(last_ms),
        {str(name): _channel(times, active, *said) for name, times, active, *said in channels},
    )


def _fresh_to_plain(fresh: Fresh) -> list[int | None]:
    if fresh == NOTHING_NEW:
        return []
    return [_time(fresh.on_since), _time(fresh.off_since), int(fresh.quiet)]


def _active_to_plain(active: Active) -> list[Any]:
    plain: list[Any] = [active.start_ms, active.active_ms, active.annunciated]
    return [*plain, active.settled] if active.settled else plain


def _channel(times: list[int | None], active: list[Any] | None, said: list[Any] | None = None) -> Channel:
    # States of earlier releases know nothing of what is new since an alarm, nor of what it has said.
    on, off, unknown, suppressed, *new = (NEVER if t is None else int(t) for t in times)
    fresh = Fresh(new[0], new[1], bool(new[2])) if new else NOTHING_NEW
    held = None
    if active is not None:
        start_ms, active_ms, annunciated, *settled = active
        held = Active(int(start_ms), int(active_ms), bool(annunciated), any(settled))
    return Channel(on, off, unknown, suppressed, held, fresh, _said(said) if said else None)


def _said_to_plain(said: Said) -> list[Any]:
    plain: list[Any] = list(astuple(said))
    return plain if said.again_ms != NEVER else plain[:-1]


def _said(plain: list[Any]) -> Said:
    last_ms, size, gauges, *again = plain
    return Said(int(last_ms), float(size), int(gauges), int(again[0]) if again else NEVER)


def _time(ts_ms: int) -> int | None:
    return None if ts_ms == NEVER else ts_ms
