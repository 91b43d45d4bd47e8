"""Reads the live table: latest status of the fleet, open alarms, a well's last minutes.

Reads are eventually consistent (half the price; usually within a second). Two calls return the whole fleet:
the list of facilities, with the latest statuses of each shard, then two attributes of each facility's item.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from petrostream.alarms import PRIORITIES
from petrostream.aws.calls import unavailable
from petrostream.aws.limits import DYNAMODB_BATCH_KEYS
from petrostream.backoff import Backoff
from petrostream.errors import RangeInvalid, Throttled
from petrostream.live import (
    FACILITY,
    FLEET_LIST,
    MINUTES,
    SHARD,
    Minute,
    OpenAlarm,
    WellStatus,
    facility_key,
    facility_of_item,
    facility_of_memory,
    minute_of_window,
    minutes_of_item,
    newest,
    slot_sk,
    well_pk,
)
from petrostream.live import codec as live_codec
from petrostream.minutes import codec as windows_codec
from petrostream.minutes import open_windows
from petrostream.packing import StateFormatError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Lookback = Literal["1h", "6h", "24h"]
LOOKBACKS: dict[str, timedelta] = {
    "1h": timedelta(hours=1),
    "6h": timedelta(hours=6),
    "24h": timedelta(hours=24),
}
MAX_RANGE = timedelta(hours=48)
"""Longest range of minutes in one request: 576 items of a well."""


@dataclass(frozen=True, slots=True)
class Well:
    """The latest status of a well.

    Attributes:
        well_id: the well.
        facility_id: its facility.
        status: its latest reading.
        alarms: its open alarms, suppressed ones included.
        minutes: its open windows, oldest first.
    """

    well_id: str
    facility_id: str
    status: WellStatus
    alarms: tuple[OpenAlarm, ...] = ()
    minutes: tuple[Minute, ...] = ()


@dataclass(frozen=True, slots=True)
class FacilityLive:
    """The latest status of a facility.

    Attributes:
        facility_id: the facility.
        wells: its wells, by name.
        readable: False if its item was written by another release; `wells` is then empty.
        returned: the last annunciated alarms that returned to normal, the latest at the end.
    """

    facility_id: str
    wells: tuple[Well, ...]
    readable: bool = True
    returned: tuple[OpenAlarm, ...] = ()

    @property
    def alarms(self) -> tuple[OpenAlarm, ...]:
        """The open alarms of its wells, suppressed ones included, and those that have returned."""
        return (*(alarm for well in self.wells for alarm in well.alarms), *self.returned)

    @property
    def status(self) -> str:
        """ALERT if any well has that status, with or without the tank's vapor; else NORMAL."""
        shown = {
            state for well in self.wells for state in (well.status.well_status, well.status.joined_status)
        }
        return "ALERT" if "ALERT" in shown else "NORMAL"

    @property
    def newest_ms(self) -> int | None:
        """Time of the latest reading, epoch ms; None without wells."""
        return max((well.status.ts_ms for well in self.wells), default=None)


class LiveTable:
    """The live table, for reading.

    Args:
        table: name of the table.
        client: DynamoDB client with time-outs and retries of its own.
        backoff: how keys that DynamoDB left unprocessed are requested again.
    """

    def __init__(self, table: str, client: "DynamoDBClient", backoff: Backoff | None = None) -> None:
        self._table = table
        self._client = client
        self._backoff = backoff or Backoff(limit=6, base=0.05, cap=1.0)

    def facilities(self) -> list[str]:
        """All facilities that ever sent a valid reading.

        Raises:
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load).
        """
        return [facility_of_item(item) for item in self._query(*_in_fleet(FACILITY))]

    def fleet(self, facilities: Sequence[str] | None = None) -> list[FacilityLive]:
        """The latest status of the fleet, by facility.

        Args:
            facilities: the facilities to return; all if None. Unknown ones are left out.

        Raises:
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load).
        """
        names = None if facilities is None else list(dict.fromkeys(facilities))
        listed, latest = self._fleet(with_list=names is None)
        names = listed if names is None else names
        fleet: list[FacilityLive] = []
        for first in range(0, len(names), DYNAMODB_BATCH_KEYS):
            items = self._items(names[first : first + DYNAMODB_BATCH_KEYS])
            fleet += [_facility(item, latest.get(facility_of_memory(item), {})) for item in items]
        return sorted(fleet, key=lambda facility: facility.facility_id)

    def _fleet(self, *, with_list: bool) -> tuple[list[str], dict[str, dict[str, WellStatus]]]:
        """All facilities if asked for, and by facility the statuses that are newer than its memory."""
        names: list[str] = []
        latest: dict[str, dict[str, WellStatus]] = {}
        for item in self._query(*_in_fleet("" if with_list else SHARD), "pk, sk, latest"):
            if "latest" not in item:
                if not item["sk"]["S"].startswith(SHARD):
                    names.append(facility_of_item(item))
                continue
            try:
                found = live_codec.decode_latest(bytes(item["latest"]["B"]))
            except StateFormatError:
                # Of another release; the facilities' memories have statuses of the last minute.
                continue
            for name, wells in found.items():
                # Both parts of a shard that was split may have shown the facility.
                latest[name] = newest(latest.get(name, {}), wells)
        return names, latest

    def open_alarms(self, *, suppressed: bool = False) -> list[OpenAlarm]:
        """Open alarms of the fleet, by priority, the oldest first within a priority.

        Args:
            suppressed: whether to include alarms suppressed by the operating state.

        Raises:
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load).
        """
        alarms = [alarm for facility in self.fleet() for well in facility.wells for alarm in well.alarms]
        shown = [alarm for alarm in alarms if suppressed or alarm.sentence is not None]
        order = {priority: rank for rank, priority in enumerate(PRIORITIES)}
        return sorted(
            shown, key=lambda a: (order.get(a.priority, len(order)), a.active_ms, a.well_id, a.alarm_id)
        )

    def last(self, well_id: str, span: Lookback, *, now: datetime | None = None) -> list[Minute]:
        """A well's closed minutes of the last hour, six hours or day, oldest first.

        Args:
            well_id: the well.
            span: `1h`, `6h` or `24h`.
            now: end of the span; the present if None.

        Raises:
            RangeInvalid: `span` is not one of these.
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load).
        """
        if span not in LOOKBACKS:
            raise RangeInvalid(f"span {span!r}: ask for one of {', '.join(LOOKBACKS)}")
        end = now or datetime.now(UTC)
        return self.minutes(well_id, end - LOOKBACKS[span], end)

    def minutes(self, well_id: str, start: datetime, end: datetime) -> list[Minute]:
        """A well's closed minutes that start in [start, end), oldest first.

        Raises:
            RangeInvalid: a time has no zone, the range is empty, or longer than `MAX_RANGE`.
            ServiceUnavailable: DynamoDB did not respond in time (`Throttled`: asked for less load).
        """
        if start.tzinfo is None or end.tzinfo is None:
            raise RangeInvalid(f"range {start} to {end}: both times need a time zone, for example UTC")
        if not timedelta(0) < end - start <= MAX_RANGE:
            raise RangeInvalid(
                f"range {start} to {end}: the end must be after the start, by at most {MAX_RANGE}; "
                "the lake's view well_minutes has older minutes"
            )
        first_ms, end_ms = round(start.timestamp() * 1000), round(end.timestamp() * 1000)
        between = {
            ":pk": {"S": well_pk(well_id)},
            ":first": {"S": slot_sk(first_ms)},
            ":last": {"S": slot_sk(end_ms - 1)},
        }
        condition = "pk = :pk AND sk BETWEEN :first AND :last"
        items = self._query(condition, between, ", ".join(("pk", "sk", *MINUTES)))
        minutes = [minute for item in items for minute in minutes_of_item(item)]
        return [minute for minute in minutes if first_ms <= minute.start_ms < end_ms]

    def _query(
        self, condition: str, values: dict[str, Any], chosen: str = "pk, sk"
    ) -> Iterator[dict[str, Any]]:
        """The chosen attributes of all matching items, page by page."""
        more: dict[str, Any] = {}
        while True:
            try:
                response: Any = self._client.query(
                    TableName=self._table,
                    KeyConditionExpression=condition,
                    ExpressionAttributeValues=values,
                    ProjectionExpression=chosen,
                    **more,
                )
            except Exception as error:
                raise unavailable("Query", error) from error
            yield from response["Items"]
            if not response.get("LastEvaluatedKey"):
                return
            more = {"ExclusiveStartKey": response["LastEvaluatedKey"]}

    def _items(self, facilities: Iterable[str]) -> list[dict[str, Any]]:
        wanted: Any = {
            self._table: {
                "Keys": [facility_key(name) for name in facilities],
                # Scoring's state is left out: it is most of the item.
                "ProjectionExpression": "pk, #live, #windows",
                "ExpressionAttributeNames": {"#live": "live", "#windows": "windows"},
            }
        }
        items: list[dict[str, Any]] = []
        for _ in self._backoff.attempts():
            try:
                response: Any = self._client.batch_get_item(RequestItems=wanted)
            except Exception as error:
                raise unavailable("BatchGetItem", error) from error
            items += response["Responses"].get(self._table, [])
            wanted = response.get("UnprocessedKeys")
            if not wanted:
                return items
        raise Throttled("DynamoDB", "BatchGetItem", "some keys were left unprocessed")


def _in_fleet(sort_key: str) -> tuple[str, dict[str, Any]]:
    """Condition and values for the items of the fleet whose sort key begins so."""
    values = {":pk": {"S": FLEET_LIST}}
    if not sort_key:
        return "pk = :pk", values
    return "pk = :pk AND begins_with(sk, :first)", values | {":first": {"S": sort_key}}


def _facility(item: dict[str, Any], latest: Mapping[str, WellStatus]) -> FacilityLive:
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
        for well_id, status in sorted(newest(live.wells, latest).items())
    ]
    return FacilityLive(name, tuple(wells), returned=tuple(live.returned.values()))
