"""Reads the live table: the fleet's present, open alarms, a well's last minutes.

Reads are eventually consistent (half the price; a second old at the most). Two calls give the whole fleet:
the list of facilities, then one attribute or two of each facility's item.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from petrostream.alarms import PRIORITIES
from petrostream.aws.calls import unavailable
from petrostream.backoff import Backoff
from petrostream.errors import RangeInvalid, Throttled
from petrostream.live import (
    FLEET,
    MINUTES,
    Minute,
    OpenAlarm,
    WellStatus,
    facility_key,
    facility_of_item,
    facility_of_memory,
    minute_of_window,
    minutes_of_item,
    slot_sk,
    well_pk,
)
from petrostream.live import codec as live_codec
from petrostream.minutes import codec as windows_codec
from petrostream.minutes import open_windows
from petrostream.packing import StateFormatError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Span = Literal["1h", "6h", "24h"]
SPANS: dict[str, timedelta] = {"1h": timedelta(hours=1), "6h": timedelta(hours=6), "24h": timedelta(hours=24)}
MAX_RANGE = timedelta(hours=48)
"""Longest range of minutes that is read at once: 576 items of a well."""
_KEYS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Well:
    """A well's present.

    Attributes:
        well_id: the well.
        facility_id: its facility.
        status: its latest reading.
        alarms: its open alarms, suppressed ones included.
        minutes: its minutes that are not over, oldest first.
    """

    well_id: str
    facility_id: str
    status: WellStatus
    alarms: tuple[OpenAlarm, ...] = ()
    minutes: tuple[Minute, ...] = ()


@dataclass(frozen=True, slots=True)
class FacilityLive:
    """A facility's present.

    Attributes:
        facility_id: the facility.
        wells: its wells, by name.
        readable: False where its item is of another release; it then has no wells here.
    """

    facility_id: str
    wells: tuple[Well, ...]
    readable: bool = True

    @property
    def status(self) -> str:
        """ALERT where a well's is, by its own parts or with the tank; else NORMAL."""
        shown = {
            state for well in self.wells for state in (well.status.well_status, well.status.joined_status)
        }
        return "ALERT" if "ALERT" in shown else "NORMAL"

    @property
    def newest_ms(self) -> int | None:
        """Time of the latest reading, epoch ms; None without wells."""
        return max((well.status.ts_ms for well in self.wells), default=None)


class LiveTable:
    """The live table, for readers.

    Args:
        table: its name.
        client: DynamoDB client with time-outs and retries of its own.
        backoff: how keys that DynamoDB left unread are asked for again.
    """

    def __init__(self, table: str, client: "DynamoDBClient", backoff: Backoff | None = None) -> None:
        self._table = table
        self._client = client
        self._backoff = backoff or Backoff(limit=6, base=0.05, cap=1.0)

    def facilities(self) -> list[str]:
        """Names of all facilities that ever sent a reading.

        Raises:
            ServiceUnavailable: DynamoDB did not answer in time (`Throttled`: asked for less load).
        """
        condition = {":pk": {"S": FLEET}}
        return [facility_of_item(item) for item in self._query("pk = :pk", condition)]

    def fleet(self, facilities: Sequence[str] | None = None) -> list[FacilityLive]:
        """The present of the fleet, by facility.

        Args:
            facilities: which ones; all if None. One that does not exist is left out.

        Raises:
            ServiceUnavailable: DynamoDB did not answer in time (`Throttled`: asked for less load).
        """
        names = self.facilities() if facilities is None else list(dict.fromkeys(facilities))
        found: list[FacilityLive] = []
        for first in range(0, len(names), _KEYS_AT_ONCE):
            found += map(_facility, self._items(names[first : first + _KEYS_AT_ONCE]))
        return sorted(found, key=lambda facility: facility.facility_id)

    def open_alarms(self, *, suppressed: bool = False) -> list[OpenAlarm]:
        """Open alarms of the fleet, most urgent first, and of one priority the oldest first.

        Args:
            suppressed: whether those are listed that the operating state suppresses.

        Raises:
            ServiceUnavailable: DynamoDB did not answer in time (`Throttled`: asked for less load).
        """
        alarms = [alarm for facility in self.fleet() for well in facility.wells for alarm in well.alarms]
        shown = [alarm for alarm in alarms if suppressed or alarm.sentence is not None]
        order = {priority: rank for rank, priority in enumerate(PRIORITIES)}
        return sorted(
            shown, key=lambda a: (order.get(a.priority, len(order)), a.active_ms, a.well_id, a.alarm_id)
        )

    def last(self, well_id: str, span: Span, *, now: datetime | None = None) -> list[Minute]:
        """A well's closed minutes of the last hour, six hours or day, oldest first.

        Args:
            well_id: the well.
            span: `1h`, `6h` or `24h`.
            now: the end of the span; the clock if None.

        Raises:
            RangeInvalid: `span` is none of the three.
            ServiceUnavailable: DynamoDB did not answer in time (`Throttled`: asked for less load).
        """
        if span not in SPANS:
            raise RangeInvalid(f"span {span!r}: ask for one of {', '.join(SPANS)}")
        end = now or datetime.now(UTC)
        return self.minutes(well_id, end - SPANS[span], end)

    def minutes(self, well_id: str, start: datetime, end: datetime) -> list[Minute]:
        """A well's closed minutes that begin in [start, end), oldest first.

        Raises:
            RangeInvalid: a time has no zone, the range is empty, or longer than `MAX_RANGE`.
            ServiceUnavailable: DynamoDB did not answer in time (`Throttled`: asked for less load).
        """
        if start.tzinfo is None or end.tzinfo is None:
            raise RangeInvalid(f"range {start} to {end}: give both times with a zone, for example UTC")
        if not timedelta(0) < end - start <= MAX_RANGE:
            raise RangeInvalid(
                f"range {start} to {end}: ask for more than nothing and at most {MAX_RANGE}; "
                "the lake's view well_minutes has what is older"
            )
        first_ms, end_ms = round(start.timestamp() * 1000), round(end.timestamp() * 1000)
        between = {
            ":pk": {"S": well_pk(well_id)},
            ":first": {"S": slot_sk(first_ms)},
            ":last": {"S": slot_sk(end_ms - 1)},
        }
        condition = "pk = :pk AND sk BETWEEN :first AND :last"
        found = self._query(condition, between, ", ".join(("pk", "sk", *MINUTES)))
        minutes = [minute for item in found for minute in minutes_of_item(item)]
        return [minute for minute in minutes if first_ms <= minute.start_ms < end_ms]

    def _query(
        self, condition: str, values: dict[str, Any], chosen: str = "pk, sk"
    ) -> Iterator[dict[str, Any]]:
        """The chosen attributes of all items, page by page."""
        more: dict[str, Any] = {}
        while True:
            try:
                answer: Any = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    ProjectionExpression=chosen,
                    **more,
                )
            except Exception as error:
                raise unavailable("Query", error) from error
            yield from answer["Items"]
            if not answer.get("LastEvaluatedKey"):
                return
            more = {"ExclusiveStartKey": answer["LastEvaluatedKey"]}

    def _items(self, facilities: Iterable[str]) -> list[dict[str, Any]]:
        wanted: Any = {
            self._table: {
                "Keys": [facility_key(name) for name in facilities],
                # The rest of the item is what scoring remembers: most of its bytes.
                "ProjectionExpression": "pk, #live, #windows",
                "ExpressionAttributeNames": {"#live": "live", "#windows": "windows"},
            }
        }
        found: list[dict[str, Any]] = []
        for _ in self._backoff.attempts():
            try:
                answer: Any = self._client.batch_get_item(RequestItems=wanted)
            except Exception as error:
                raise unavailable("BatchGetItem", error) from error
            found += answer["Responses"].get(self._table, [])
            wanted = answer.get("UnprocessedKeys")
            if not wanted:
                return found
        raise Throttled("DynamoDB", "BatchGetItem", "keys were left unread")


def _facility(item: dict[str, Any]) -> FacilityLive:
    name = facility_of_memory(item)
    try:
        live = live_codec.decode(bytes(item["live"]["B"]))
    except (KeyError, StateFormatError):
        return FacilityLive(name, (), readable=False)
    try:
        opened = open_windows(windows_codec.decode(bytes(item["windows"]["B"])))
    except (KeyError, StateFormatError):
        opened = []
    wells = [
        Well(
            well_id,
            name,
            status,
            tuple(alarm for alarm in live.alarms.values() if alarm.well_id == well_id),
            tuple(minute_of_window(window) for window in opened if window.well_id == well_id),
        )
        for well_id, status in sorted(live.wells.items())
    ]
    return FacilityLive(name, tuple(wells))
