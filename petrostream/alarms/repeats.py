"""What an alarm has said already: the same deviation is not annunciated twice within an hour.

A burst of noise that comes back every few minutes is one finding, not an alarm each time. So once an alarm of
the forest has returned to normal, its condition counts as on again only for a deviation that is `MORE` times
as large as any before, of another gauge, or that stays for `STAYS_S`: an event stays, a burst does not. That
holds until there has been nothing for `REPEAT_S`. EEMUA 191 treats repeating alarms so: one line until it has
been quiet. Scores, flags and risk of the readings are as ever.
"""

from dataclasses import replace

import numpy as np

from petrostream.alarms.channels import Channel, Said
from petrostream.alarms.signals import Signals
from petrostream.alarms.timers import NEVER, lasted, run_starts
from petrostream.alarms.types import AlarmType
from petrostream.arrays import BoolArray, IntArray

REPEAT_S = 3600.0
"""As long as an alarm may stand: what comes back later is news."""

MORE = 1.5
STAYS_S = 300.0
"""How long the same deviation is back, away for no longer than the alarm's off-delay, before it is news."""


def remembered(said: Said | None, ts_ms: int) -> Said | None:
    """Return what has been said, None once there has been nothing for `REPEAT_S`."""
    return None if said is None or ts_ms - said.last_ms > 1000 * REPEAT_S else said


def without_repeats(
    alarm_type: AlarmType,
    signals: Signals,
    broken: BoolArray,
    channel: Channel,
    on: BoolArray,
    ends: BoolArray,
) -> tuple[BoolArray, Said | None]:
    """Return where an alarm's condition is on for something that has not been said.

    Args:
        alarm_type: the alarm's type.
        signals: n readings.
        broken: shape (n,), readings after a gap.
        channel: before them.
        on: shape (n,), where the condition is on.
        ends: shape (n,), where an active alarm returns.

    Returns:
        Shape (n,), and what has been said after the readings.
    """
    heard, on, n = on, on.copy(), len(on)
    said, at = channel.said, 0
    standing = channel.active is not None and not channel.active.settled
    while True:
        if standing:
            end = _first(ends, at)
            said = _absorbed(said, signals, np.flatnonzero(heard[at:end]) + at)
            if end == n:
                return on, said
            if signals.new_level is not None and signals.new_level[end]:
                # Whatever comes next is measured from another level.
                said = None
            at, standing = end, False
        rows = np.flatnonzero(heard[at:]) + at
        near = _near(said, signals, rows)
        again = near & _repeats(said, signals, rows)
        times = signals.ts_ms[rows]
        back = _back_since(said, times, alarm_type.off_delay_s)
        on[rows[again & (times - back < 1000 * STAYS_S)]] = False
        since = channel.on_since if at == 0 else NEVER
        starts = run_starts(on[at:], broken[at:], signals.ts_ms[at:], since)
        begin = at + _first(lasted(starts, signals.ts_ms[at:], alarm_type.on_delay_s), 0)
        before = rows < begin
        if said is not None and before.any():
            latest = replace(said, last_ms=int(times[before][-1]), again_ms=int(back[before][-1]))
            said = latest if near[before].all() else None
        if begin == n:
            return on, remembered(said, int(signals.ts_ms[-1]))
        said = remembered(said, int(signals.ts_ms[begin]))
        at, standing = begin, True


def _first(marks: BoolArray, at: int) -> int:
    """Position of the first mark from a position on; behind the last reading if there is none."""
    found = np.flatnonzero(marks[at:])
    return at + int(found[0]) if len(found) else len(marks)


def _near(said: Said | None, signals: Signals, rows: IntArray) -> BoolArray:
    """Which readings follow the alarm, or each other, within `REPEAT_S` without a break."""
    if said is None:
        return np.zeros(len(rows), np.bool_)
    apart = np.diff(signals.ts_ms[rows], prepend=said.last_ms)
    near: BoolArray = np.logical_and.accumulate(apart <= 1000 * REPEAT_S)
    return near


def _back_since(said: Said | None, times: IntArray, seconds: float) -> IntArray:
    """Since when the condition is back at each reading at which it is on, epoch ms: shape (n,).

    Args:
        said: what has been said before the readings.
        times: shape (n,), when the condition is on, epoch ms.
        seconds: without it for longer than this, it comes back anew.
    """
    if said is None:
        return times
    first = np.diff(times, prepend=said.last_ms) > 1000 * seconds
    if said.again_ms == NEVER:
        first[:1] = True
    at = np.maximum.accumulate(np.where(first, np.arange(len(times)), -1))
    return np.where(at >= 0, times[at], said.again_ms)


def _repeats(said: Said | None, signals: Signals, rows: IntArray) -> BoolArray:
    """Which readings deviate by no more than what has been said, in no other gauge."""
    if said is None or signals.size is None or signals.gauges is None:
        return np.zeros(len(rows), np.bool_)
    known = (signals.gauges[rows] & ~said.gauges) == 0
    repeats: BoolArray = known & (signals.size[rows] <= MORE * said.size)
    return repeats


def _absorbed(said: Said | None, signals: Signals, rows: IntArray) -> Said | None:
    """What has been said after these readings of a standing alarm."""
    if not len(rows) or signals.size is None or signals.gauges is None:
        return said and replace(said, again_ms=NEVER)
    size, gauges = float(signals.size[rows].max()), int(np.bitwise_or.reduce(signals.gauges[rows]))
    if said is not None:
        size, gauges = max(size, said.size), gauges | said.gauges
    return Said(int(signals.ts_ms[rows[-1]]), size, gauges)
