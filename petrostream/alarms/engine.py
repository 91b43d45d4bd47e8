"""The alarm state machine of a well, after ISA-18.2 (IEC 62682): `state + signals -> state + transitions`.

An alarm type's condition is on, off, or neither within the deadband:

* The alarm becomes active at the first reading at least the on-delay after the start of an unbroken run of
  "on".
* It returns to normal at the first reading at least the off-delay after the start of an unbroken run of
  "off"; or when the signal has been missing for `NO_DATA_S`; or when the well's feed ends.
* A gap of more than a minute between readings breaks runs, as it resets the windows the signals come from.
* Where the gauges behind the forest's alarm stay away from their level, it stays. Once they have settled on a
  new level it is suppressed by design with the cause `new_level`, until they are back or the well is
  commissioned again. A further deviation supersedes it: it returns, and the next alarm is annunciated.
* What the forest's alarm has said is not annunciated again within an hour (`petrostream.alarms.repeats`).
* Where the well's operating state makes an alarm meaningless, it is suppressed by design: recorded, but not
  annunciated. If it is still active when the suppression ends, it is annunciated then. An alarm already
  annunciated stays: somebody has been asked to act. Suppression ends `RELEASE_S` after the state, since
  windows still hold readings from it.

Time is event time; there is no clock. Results do not depend on how the stream is cut into batches. Everything
is computed on whole columns; Python loops run over alarms, not readings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from petrostream.alarms.channels import IDLE, NOTHING_NEW, Channel, Fresh, WellAlarms
from petrostream.alarms.events import (
    ACTIVATED,
    CLEARED,
    FEED_ENDED,
    NEW_LEVEL,
    NO_DATA,
    RETURNED,
    SUPERSEDED,
    SUPPRESSED,
    UNSUPPRESSED,
    Active,
    Transition,
    transition,
)
from petrostream.alarms.repeats import remembered, without_repeats
from petrostream.alarms.signals import DEFAULT_LIMITS, AlarmLimits, Signals, condition_on, off_and_unknown
from petrostream.alarms.timers import NEVER, lasted, latch, recent, run_starts
from petrostream.alarms.types import FOREST, AlarmType, suppressing_states
from petrostream.arrays import BoolArray, IntArray, anywhere
from petrostream.gauges import GAP_MS
from petrostream.risk import RELEASE_MS

NO_DATA_S = 600.0
RELEASE_S = RELEASE_MS / 1000

REALARM_S = 600.0
"""An active alarm is raised again this often at most: an event spreads from gauge to gauge in minutes."""


@dataclass(frozen=True, slots=True)
class AlarmRun:
    """Result of `run_alarms`.

    Attributes:
        state: for the next call.
        transitions: in order of time.
        active: shape (n,), number of active annunciated alarms at each reading.
    """

    state: WellAlarms
    transitions: list[Transition]
    active: IntArray


def run_alarms(state: WellAlarms | None, signals: Signals, limits: AlarmLimits = DEFAULT_LIMITS) -> AlarmRun:
    """Advance a well's alarms over the next readings of its feed.

    Args:
        state: after the feed's previous readings, None at its first. Call `end_feed` on the old feed's state.
        signals: the readings.
        limits: limits and alarm types.
    """
    before = int(signals.ts_ms[0]) if state is None else state.last_ms
    broken = signals.ts_ms - np.concatenate([[before], signals.ts_ms[:-1]]) > GAP_MS
    held: Mapping[str, Channel] = {} if state is None else state.channels
    flows = not anywhere(signals.operating_state > 0)
    run = _Run(signals, broken, np.zeros(len(signals.ts_ms), np.int64), [])
    channels: dict[str, Channel] = {}
    for alarm_type in limits.types.values():
        on = condition_on(alarm_type, signals, limits)
        channel = held.get(alarm_type.id)
        if flows and channel is None and (on is None or not anywhere(on)):
            # By far the most frequent case: no change and no state.
            continue
        channel = _advance(run, alarm_type, channel or IDLE, limits, on)
        if channel != IDLE:
            channels[alarm_type.id] = channel
    run.transitions.sort(key=lambda change: change.ts_ms)
    after = WellAlarms(signals.source, int(signals.ts_ms[-1]), channels)
    return AlarmRun(after, run.transitions, run.active)


def end_feed(state: WellAlarms, well_id: str, limits: AlarmLimits = DEFAULT_LIMITS) -> list[Transition]:
    """Return the transitions to normal of all active alarms of a well whose feed has ended.

    Args:
        state: the state after the feed's last reading, which is the time of the transitions.
        well_id: the well.
        limits: as given to `run_alarms`.
    """
    return [
        transition(
            limits.types[name], channel.active, well_id, state.source, RETURNED, state.last_ms, FEED_ENDED
        )
        for name, channel in state.channels.items()
        if channel.active is not None and name in limits.types
    ]


@dataclass(frozen=True, slots=True)
class _Run:
    """The inputs of one call of `run_alarms`, and its results so far."""

    signals: Signals
    broken: BoolArray
    active: IntArray
    transitions: list[Transition]


def _advance(
    run: _Run, alarm_type: AlarmType, channel: Channel, limits: AlarmLimits, on: BoolArray | None
) -> Channel:
    """Advance one alarm type over the readings: add to the run's results, return the new timers."""
    suppressed, suppressed_at = _suppressed(run, alarm_type, channel.suppressed_at)
    on = np.zeros(len(run.broken), np.bool_) if on is None else on
    if channel.active is None and not anywhere(on):
        said = remembered(channel.said, int(run.signals.ts_ms[-1]))
        return Channel(suppressed_at=suppressed_at, said=said)
    off, unknown = off_and_unknown(alarm_type, run.signals, limits, on)
    ts_ms, broken = run.signals.ts_ms, run.broken
    offs = run_starts(off, broken, ts_ms, channel.off_since)
    blanks = run_starts(unknown, broken, ts_ms, channel.unknown_since)
    blank = lasted(blanks, ts_ms, NO_DATA_S)
    ends = lasted(offs, ts_ms, alarm_type.off_delay_s) | blank
    said = None
    if alarm_type.id == FOREST and run.signals.size is not None:
        on, said = without_repeats(alarm_type, run.signals, broken, channel, on, ends)
    starts = run_starts(on, broken, ts_ms, channel.on_since)
    active, at, fresh = channel.active, 0, channel.fresh
    standing = active is not None and not active.settled
    state = latch(lasted(starts, ts_ms, alarm_type.on_delay_s), ends, standing)
    edges = np.flatnonzero(np.diff(state, prepend=standing)).tolist()
    if standing:
        edges.insert(0, 0)
    for first, end in zip(edges[::2], [*edges[1::2], len(ts_ms)], strict=False):
        active = _settled(run, alarm_type, active, (at, first))
        if active is not None and active.settled:
            _note(run, alarm_type, active, RETURNED, first, SUPERSEDED)
            active = None
        if active is None:
            active = Active(int(starts[first]), int(ts_ms[first]), annunciated=False)
        edge, fresh = first, fresh if standing and first == 0 else NOTHING_NEW
        # Empty where the alarm ends with the first reading of the call.
        if alarm_type.id == FOREST and first < end:
            again, fresh = _further(run, alarm_type, limits, fresh, active, (first, end))
            for next_one in again:
                active = _annunciate(run, alarm_type, active, suppressed, (edge, next_one))
                _note(run, alarm_type, active, RETURNED, next_one, SUPERSEDED)
                active, edge = Active(int(ts_ms[next_one]), int(ts_ms[next_one]), annunciated=False), next_one
        active, at = _annunciate(run, alarm_type, active, suppressed, (edge, end)), end
        if end < len(ts_ms):
            active = _ended(run, alarm_type, active, end, no_data=bool(blank[end]))
    active = _settled(run, alarm_type, active, (at, len(ts_ms)))
    if active is None or active.settled:
        return Channel(on_since=int(starts[-1]), suppressed_at=suppressed_at, active=active, said=said)
    return Channel(NEVER, int(offs[-1]), int(blanks[-1]), suppressed_at, active, fresh, said)


def _further(
    run: _Run,
    alarm_type: AlarmType,
    limits: AlarmLimits,
    fresh: Fresh,
    active: Active,
    span: tuple[int, int],
) -> tuple[list[int], Fresh]:
    """Find where something further happens during an active alarm: readings, and timers for the next ones."""
    rows = slice(*span)
    ts_ms, broken, limit = run.signals.ts_ms[rows], run.broken[rows], run.signals.threshold[rows]
    value = (run.signals.score if run.signals.fresh is None else run.signals.fresh)[rows]
    starts = run_starts(value > limit, broken, ts_ms, fresh.on_since)
    offs = run_starts(value < limit - limits.score_deadband, broken, ts_ms, fresh.off_since)
    on = lasted(starts, ts_ms, alarm_type.on_delay_s)
    quiet = latch(lasted(offs, ts_ms, alarm_type.off_delay_s), on, fresh.quiet)
    heard_ms, again = active.active_ms, []
    for row in np.flatnonzero(np.diff(quiet, prepend=fresh.quiet) & on).tolist():
        if ts_ms[row] - heard_ms >= 1000 * REALARM_S:
            heard_ms = int(ts_ms[row])
            again.append(span[0] + row)
    return again, Fresh(int(starts[-1]), int(offs[-1]), bool(quiet[-1]))


def _ended(run: _Run, alarm_type: AlarmType, active: Active, at: int, *, no_data: bool) -> Active | None:
    """End an active alarm: it returns, or is suppressed where the well has settled on a new level."""
    levels = run.signals.new_level if alarm_type.id == FOREST else None
    if no_data or levels is None or not levels[at]:
        _note(run, alarm_type, active, RETURNED, at, NO_DATA if no_data else CLEARED)
        return None
    active = replace(active, annunciated=False, settled=True)
    _note(run, alarm_type, active, SUPPRESSED, at, NEW_LEVEL)
    return active


def _settled(run: _Run, alarm_type: AlarmType, active: Active | None, span: tuple[int, int]) -> Active | None:
    """Return an alarm that is suppressed on a new level once the well has left that for its baseline's."""
    first, end = span
    if active is None or not active.settled or first == end:
        return active
    levels = run.signals.new_level
    over = np.arange(end - first) if levels is None else np.flatnonzero(~levels[first:end])
    if not len(over):
        return active
    _note(run, alarm_type, active, RETURNED, first + int(over[0]), CLEARED)
    return None


def _suppressed(run: _Run, alarm_type: AlarmType, last: int) -> tuple[BoolArray, int]:
    """Where the operating state makes an alarm meaningless, and when it last did."""
    codes = suppressing_states(alarm_type)
    states = run.signals.operating_state
    if not codes or (last == NEVER and not anywhere(states > 0)):
        return np.zeros(len(states), np.bool_), NEVER
    return recent(np.isin(states, codes), run.signals.ts_ms, last, RELEASE_S)


def _annunciate(
    run: _Run, alarm_type: AlarmType, active: Active, suppressed: BoolArray, span: tuple[int, int]
) -> Active:
    """Annunciate an alarm that is active over a span of readings at the first one not suppressed."""
    first, end = span
    if active.annunciated:
        run.active[first:end] += 1
        return active
    new = active.active_ms == run.signals.ts_ms[first]
    free = np.flatnonzero(~suppressed[first:end])
    if new and not (len(free) and free[0] == 0):
        _note(run, alarm_type, active, SUPPRESSED, first)
        new = False
    if not len(free):
        return active
    heard = first + int(free[0])
    active = replace(active, annunciated=True)
    _note(run, alarm_type, active, ACTIVATED if new else UNSUPPRESSED, heard)
    run.active[heard:end] += 1
    return active


def _note(
    run: _Run, alarm_type: AlarmType, active: Active, event: str, at: int, cause: str | None = None
) -> None:
    signals = run.signals
    change = transition(
        alarm_type, active, signals.well_id, signals.source, event, int(signals.ts_ms[at]), cause
    )
    run.transitions.append(replace(change, position=at))
