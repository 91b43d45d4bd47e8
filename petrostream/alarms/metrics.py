"""How well an alarm system treats its operator: rates, floods, bad actors (ISA-18.2, IEC 62682, EEMUA 191).

Times are those of annunciations: the moments at which an alarm reached an operator. Functions are pure and
take their columns in any order.

Targets, per operator position: about one alarm in ten minutes is very likely to be acceptable, two are the
most that can be managed (ISA-18.2 clause 16; EEMUA 191); a flood begins with more than ten in ten minutes and
ends with fewer than five; less than 1 % of the time in flood; about 5 % high, 15 % medium, 80 % low
priority; no chattering alarm, which is one that annunciates three times within a minute; fewer than five
stale alarms, which have been active for more than 24 hours.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from petrostream.alarms.records import CHATTER_ACTIVATIONS, CHATTER_MS, STALE_MS
from petrostream.alarms.types import PRIORITIES
from petrostream.arrays import IntArray

SLOT_MS = 600_000
TARGET_PER_SLOT = 1.0
MANAGEABLE_PER_SLOT = 2.0
FLOOD_ABOVE = 10
FLOOD_ENDS_BELOW = 5
ONE_CONSOLE = "console-1"


@dataclass(frozen=True, slots=True)
class Annunciation:
    """An alarm that reached an operator.

    Attributes:
        ts_ms: when, epoch ms.
        well_id, facility_id, alarm_type, priority: which alarm.
    """

    ts_ms: int
    well_id: str
    facility_id: str
    alarm_type: str
    priority: str


@dataclass(frozen=True, slots=True)
class Flood:
    """A time with more alarms than an operator can take in.

    Attributes:
        start_ms, end_ms: first instant of its first slot of ten minutes and of the slot that ended it.
        alarms: how many alarms came in it.
    """

    start_ms: int
    end_ms: int
    alarms: int


@dataclass(frozen=True, slots=True)
class ConsoleReport:
    """One operator's alarms over a time.

    Attributes:
        console: the operator position.
        alarms: annunciations.
        mean_per_slot, worst_slot: per ten minutes, over all slots of the time.
        slots_over_target: share of slots with more than `TARGET_PER_SLOT`, 0 to 1.
        floods: in order of time.
        flood_share: share of the time in flood, 0 to 1.
        priorities: share of each priority, 0 to 1; empty without alarms.
        chattering: tags (well, alarm type) that chattered, and how often.
        bad_actors: the ten tags with most alarms, most first.
    """

    console: str
    alarms: int
    mean_per_slot: float
    worst_slot: int
    slots_over_target: float
    floods: tuple[Flood, ...]
    flood_share: float
    priorities: Mapping[str, float]
    chattering: Mapping[tuple[str, str], int]
    bad_actors: tuple[tuple[tuple[str, str], int], ...]


def console_of(facility_id: str, consoles: Mapping[str, str] | None = None) -> str:
    """The operator position that a facility reports to: one for all, if nothing else is said."""
    return (consoles or {}).get(facility_id, ONE_CONSOLE)


def slot_counts(ts_ms: Iterable[int], start_ms: int, end_ms: int) -> IntArray:
    """Alarms in each ten minutes of the clock from the one of `start_ms` up to `end_ms`, exclusive."""
    first, last = start_ms // SLOT_MS, -(-end_ms // SLOT_MS)
    slots = np.fromiter((ts // SLOT_MS - first for ts in ts_ms), np.int64)
    inside = slots[(slots >= 0) & (slots < last - first)]
    return np.bincount(inside, minlength=max(1, last - first)).astype(np.int64)


def floods(counts: IntArray, start_ms: int) -> list[Flood]:
    """Floods in successive slots of ten minutes.

    Args:
        counts: shape (n,), from `slot_counts`.
        start_ms: a time in the first slot.
    """
    origin = start_ms // SLOT_MS
    found: list[Flood] = []
    begun: int | None = None
    for slot, count in enumerate([*counts.tolist(), 0]):
        if begun is None and count > FLOOD_ABOVE:
            begun = slot
        elif begun is not None and count < FLOOD_ENDS_BELOW:
            alarms = int(counts[begun:slot].sum())
            found.append(Flood((origin + begun) * SLOT_MS, (origin + slot) * SLOT_MS, alarms))
            begun = None
    return found


def chatters(ts_ms: Sequence[int]) -> int:
    """How many annunciations of one tag were at least the third within a minute."""
    times = np.sort(np.asarray(ts_ms, np.int64))
    if len(times) < CHATTER_ACTIVATIONS:
        return 0
    span = times[CHATTER_ACTIVATIONS - 1 :] - times[: 1 - CHATTER_ACTIVATIONS]
    return int((span <= CHATTER_MS).sum())


def stale(active_ms: Iterable[int], now_ms: int) -> int:
    """How many of the alarms active now have been so for more than 24 hours."""
    return sum(now_ms - since > STALE_MS for since in active_ms)


def report(
    alarms: Sequence[Annunciation],
    start_ms: int,
    end_ms: int,
    consoles: Mapping[str, str] | None = None,
) -> list[ConsoleReport]:
    """What each operator had to deal with from `start_ms` up to `end_ms`, exclusive.

    Args:
        alarms: the annunciations, of any time; those outside are left out.
        start_ms: beginning, epoch ms.
        end_ms: end, epoch ms, later than the beginning.
        consoles: operator position by facility; every facility not named reports to `ONE_CONSOLE`.

    Returns:
        A report for each console that has a facility in `consoles` or an alarm, by name.
    """
    by_console: dict[str, list[Annunciation]] = {name: [] for name in (consoles or {}).values()}
    for alarm in alarms:
        if start_ms <= alarm.ts_ms < end_ms:
            by_console.setdefault(console_of(alarm.facility_id, consoles), []).append(alarm)
    return [_console(name, by_console[name], start_ms, end_ms) for name in sorted(by_console)]


def _console(name: str, alarms: list[Annunciation], start_ms: int, end_ms: int) -> ConsoleReport:
    counts = slot_counts([alarm.ts_ms for alarm in alarms], start_ms, end_ms)
    found = floods(counts, start_ms)
    by_tag: dict[tuple[str, str], list[int]] = defaultdict(list)
    for alarm in alarms:
        by_tag[alarm.well_id, alarm.alarm_type].append(alarm.ts_ms)
    often = sorted(((tag, len(times)) for tag, times in by_tag.items()), key=lambda row: (-row[1], row[0]))
    chatter = {tag: chatters(times) for tag, times in sorted(by_tag.items())}
    kinds = Counter(alarm.priority for alarm in alarms)
    return ConsoleReport(
        console=name,
        alarms=len(alarms),
        mean_per_slot=len(alarms) / len(counts),
        worst_slot=int(counts.max()),
        slots_over_target=float((counts > TARGET_PER_SLOT).mean()),
        floods=tuple(found),
        flood_share=sum(flood.end_ms - flood.start_ms for flood in found) / (len(counts) * SLOT_MS),
        priorities={priority: kinds[priority] / len(alarms) for priority in PRIORITIES} if alarms else {},
        chattering={tag: times for tag, times in chatter.items() if times},
        bad_actors=tuple(often[:10]),
    )
