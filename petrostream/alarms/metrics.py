"""Alarm system performance: rates, floods, bad actors (ISA-18.2, IEC 62682, EEMUA 191).

Times are those of annunciations, when an alarm reached an operator. Functions are pure and accept their
inputs in any order.

Targets, per operator position: about one alarm in ten minutes is very likely to be acceptable, two are the
maximum manageable (ISA-18.2 clause 16; EEMUA 191); a flood begins with more than ten in ten minutes and ends
with fewer than five; less than 1 % of the time in flood; about 5 % high, 15 % medium, 80 % low priority; no
chattering alarm (three annunciations within a minute); fewer than five stale alarms (active for more than
24 hours).
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
        well_id, facility_id, alarm_type, priority: the alarm.
    """

    ts_ms: int
    well_id: str
    facility_id: str
    alarm_type: str
    priority: str


@dataclass(frozen=True, slots=True)
class Flood:
    """A period with more alarms than an operator can handle.

    Attributes:
        start_ms, end_ms: start of its first ten-minute slot, and of the slot that ended it, epoch ms.
        alarms: number of annunciations in it.
    """

    start_ms: int
    end_ms: int
    alarms: int


@dataclass(frozen=True, slots=True)
class ConsoleReport:
    """One operator position's alarms over a period.

    Attributes:
        console: the operator position.
        alarms: number of annunciations.
        mean_per_slot, worst_slot: annunciations per ten minutes, over all slots of the period.
        slots_over_target: share of slots with more than `TARGET_PER_SLOT`, 0 to 1.
        floods: in order of time.
        flood_share: share of the period in flood, 0 to 1.
        priorities: share of each priority, 0 to 1; empty without alarms.
        chattering: by tag (well, alarm type), how often it chattered; only tags that did.
        bad_actors: the ten tags with most annunciations and their numbers, most first.
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
    """Return the operator position of a facility, `ONE_CONSOLE` unless `consoles` names another."""
    return (consoles or {}).get(facility_id, ONE_CONSOLE)


def slot_counts(ts_ms: Iterable[int], start_ms: int, end_ms: int) -> IntArray:
    """Count annunciations per ten-minute slot of the clock.

    Args:
        ts_ms: times of annunciations, epoch ms; those outside the slots are ignored.
        start_ms: a time in the first slot, epoch ms.
        end_ms: end of the last slot or a time in it, exclusive, epoch ms.

    Returns:
        Shape (slots,).
    """
    first, last = start_ms // SLOT_MS, -(-end_ms // SLOT_MS)
    slots = np.fromiter((ts // SLOT_MS - first for ts in ts_ms), np.int64)
    inside = slots[(slots >= 0) & (slots < last - first)]
    return np.bincount(inside, minlength=max(1, last - first)).astype(np.int64)


def floods(counts: IntArray, start_ms: int) -> list[Flood]:
    """Find the floods in successive ten-minute slots.

    Args:
        counts: shape (slots,), from `slot_counts`.
        start_ms: a time in the first slot, epoch ms.
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
    """Count the annunciations of one tag that were at least the third within a minute."""
    times = np.sort(np.asarray(ts_ms, np.int64))
    if len(times) < CHATTER_ACTIVATIONS:
        return 0
    span = times[CHATTER_ACTIVATIONS - 1 :] - times[: 1 - CHATTER_ACTIVATIONS]
    return int((span <= CHATTER_MS).sum())


def stale(active_ms: Iterable[int], now_ms: int) -> int:
    """Count the alarms active for more than 24 hours.

    Args:
        active_ms: for each alarm active now, when it became active, epoch ms.
        now_ms: the present, epoch ms.
    """
    return sum(now_ms - since > STALE_MS for since in active_ms)


def report(
    alarms: Sequence[Annunciation],
    start_ms: int,
    end_ms: int,
    consoles: Mapping[str, str] | None = None,
) -> list[ConsoleReport]:
    """Report each operator position's alarms from `start_ms` up to `end_ms`.

    Args:
        alarms: annunciations; those outside the period are ignored.
        start_ms: start of the period, inclusive, epoch ms.
        end_ms: end of the period, exclusive, later than its start, epoch ms.
        consoles: operator position by facility; facilities not named report to `ONE_CONSOLE`.

    Returns:
        A report for each console that has a facility in `consoles` or an alarm, ordered by name.
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
