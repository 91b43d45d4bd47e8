"""Anomalous readings of the last hour by well, from the live table's minutes, without reading all each time.

Closed minutes never change, so each well's hour is kept here. A refresh adds the open minutes that came with
the fleet's status, and reads the closed ones of a few wells: over a minute, each well is read once.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dashboard.data.ports import LivePort
from petrostream.aws.live_reader import Well

HOUR_MS = 3_600_000
AGAIN_MS = 60_000
"""How old a well's closed minutes may be: the minutes since then were open when they were last seen."""

AT_ONCE = 3
"""Most wells read again in one refresh: 90 in a minute of refreshes every two seconds."""

OVERLAP_MS = 15 * 60_000
"""How far before the last reading a well is read again: late minutes of a stream that lagged are caught."""


@dataclass(slots=True)
class _Hour:
    read_ms: int = 0
    minutes: dict[int, int] = field(default_factory=dict)


class RecentAnomalies:
    """Counts of the last hour.

    Args:
        live: where minutes are read.
    """

    def __init__(self, live: LivePort) -> None:
        self._live = live
        self._hours: dict[str, _Hour] = {}

    def counts(self, wells: Sequence[Well], now_ms: int) -> dict[str, int]:
        """Anomalous readings of each well in the last hour.

        The first call reads every well's hour, a few at a time; later ones only what may have changed.

        Raises:
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load).
        """
        names = {well.well_id for well in wells}
        self._hours = {name: hour for name, hour in self._hours.items() if name in names}
        new = [name for name in sorted(names) if name not in self._hours]
        old = sorted((hour.read_ms, name) for name, hour in self._hours.items())
        again = [name for read_ms, name in old if now_ms - read_ms > AGAIN_MS][:AT_ONCE]
        if new or again:
            with ThreadPoolExecutor(max_workers=8) as pool:
                list(pool.map(lambda name: self._read(name, now_ms), [*new, *again]))
        for well in wells:
            for minute in well.minutes:
                self._hours[well.well_id].minutes[minute.start_ms] = minute.anomalies
        return {name: self._count(hour, now_ms) for name, hour in self._hours.items()}

    def _read(self, name: str, now_ms: int) -> None:
        known = self._hours.get(name)
        since_ms = now_ms - HOUR_MS if known is None else max(now_ms - HOUR_MS, known.read_ms - OVERLAP_MS)
        found = self._live.minutes(name, _instant(since_ms), _instant(now_ms))
        hour = known or _Hour()
        hour.minutes.update({minute.start_ms: minute.anomalies for minute in found})
        hour.read_ms = now_ms
        self._hours[name] = hour

    @staticmethod
    def _count(hour: _Hour, now_ms: int) -> int:
        for start_ms in [start for start in hour.minutes if start <= now_ms - HOUR_MS]:
            del hour.minutes[start_ms]
        return sum(hour.minutes.values())


def _instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)
