"""What the pages read, cached by what is asked and for how long: one read, however many viewers refresh."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from dashboard.data.cache import TtlCache
from dashboard.data.ports import Answer, Ports, Spend
from dashboard.data.recent import RecentAnomalies
from dashboard.data.sites import Sites, load_sites
from dashboard.data.sql import Query
from petrostream.alarms import OperatorRequest
from petrostream.aws.alarm_desk import Done, TagView
from petrostream.aws.live_reader import FacilityLive, Well
from petrostream.aws.undelivered import Undelivered
from petrostream.live import Minute

LIVE_SECONDS = 1.5
"""Less than the two seconds of a refresh, so that each one sees something new; more viewers cost nothing."""

MINUTES_SECONDS = 20.0
BACKSTAGE_SECONDS = 290.0
SPEND_SECONDS = 3600.0
"""AWS itself updates a budget's figures every 8 to 12 hours."""

STALE_MS = 120_000
"""A well without a reading for this long is shown as stale, as in the terminal's `live`."""


@dataclass(frozen=True, slots=True)
class Present:
    """The fleet at one moment.

    Attributes:
        now_ms: when it was read, epoch ms.
        facilities: the facilities, by name.
        tags: every alarm tag that is not normal.
        recent_anomalies: anomalous readings of the last hour by well, None where not known yet.
    """

    now_ms: int
    facilities: tuple[FacilityLive, ...]
    tags: tuple[TagView, ...]
    recent_anomalies: dict[str, int]

    @property
    def wells(self) -> list[Well]:
        """All wells, by facility and name."""
        return [well for facility in self.facilities for well in facility.wells]

    def active(self) -> list[Well]:
        """The wells with a reading in the last two minutes."""
        return [well for well in self.wells if self.now_ms - well.status.ts_ms <= STALE_MS]

    def newest_ms(self) -> int | None:
        """Time of the fleet's latest reading, epoch ms; None without wells."""
        return max((well.status.ts_ms for well in self.wells), default=None)


class Reader:
    """Cached reads through the ports, and actions on alarms.

    Args:
        ports: where to read.
        cache: a cache of its own by default.
    """

    def __init__(self, ports: Ports, cache: TtlCache | None = None) -> None:
        self.ports = ports
        self.cache = cache or TtlCache()
        self._recent = RecentAnomalies(ports.live)
        self._last: Present | None = None

    def now(self) -> datetime:
        """The present, UTC."""
        return datetime.fromtimestamp(self.ports.clock() / 1000, UTC)

    def present(self) -> Present:
        """The fleet now, from the live table alone.

        Raises:
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load).
        """
        return self.cache.get("present", LIVE_SECONDS, self._present)

    def _present(self) -> Present:
        fleet = tuple(self.ports.live.fleet())
        tags = tuple(self.ports.alarms.tags(fleet))
        now_ms = self.ports.clock()
        wells = [well for facility in fleet for well in facility.wells]
        self._last = Present(now_ms, fleet, tags, self._recent.counts(wells, now_ms))
        return self._last

    def last_known(self) -> Present | None:
        """The fleet as it was last read, however long ago, None if it never was: no call is made."""
        return self._last

    def minutes(self, well_id: str, back: timedelta) -> list[Minute]:
        """A well's closed minutes from so long ago until now, oldest first; errors as for `present`."""
        end = self.now()
        key = ("minutes", well_id, back)
        return self.cache.get(key, MINUTES_SECONDS, lambda: self.ports.live.minutes(well_id, end - back, end))

    def ask(self, query: Query) -> Answer:
        """The lake's answer to a query, asked again when the last one is too old.

        Raises:
            QueryFailed: Athena rejects or fails the statement.
            QueryTimedOut: it takes too long.
            ServiceUnavailable: Athena does not respond, or refuses the credentials.
        """
        return self.cache.get(("sql", query.sql), query.seconds, lambda: self.ports.lake.run(query.sql))

    def ask_all(self, queries: Sequence[Query]) -> list[Answer]:
        """The lake's answers to several queries, asked at the same time; errors as for `ask`."""
        with ThreadPoolExecutor(max_workers=len(queries)) as pool:
            return list(pool.map(self.ask, queries))

    def known(self, query: Query) -> Answer | None:
        """The last answer to a query, however old, None if it was never asked: no call is made."""
        found = self.cache.peek(("sql", query.sql))
        return found if isinstance(found, Answer) else None

    def undelivered(self) -> list[Undelivered]:
        """What the Firehoses could not deliver.

        Raises:
            ServiceUnavailable: Firehose or S3 does not respond, or refuses the credentials.
        """
        return self.cache.get("undelivered", BACKSTAGE_SECONDS, self.ports.pipeline.undelivered)

    def spend(self) -> Spend | None:
        """The bill so far; errors as for `undelivered`."""
        return self.cache.get("spend", SPEND_SECONDS, self.ports.pipeline.spend)

    def sites(self) -> Sites:
        """The invented positions of the facilities."""
        return self.cache.get("sites", 3600.0, lambda: load_sites(self.ports.settings.fleet_file))

    def act(self, well_id: str, alarm_type: str, request: OperatorRequest) -> Done:
        """Do what an operator asks for; the next refresh shows it. Errors as for `AlarmDesk.act`."""
        try:
            return self.ports.alarms.act(well_id, alarm_type, request)
        finally:
            self.cache.forget("present")
