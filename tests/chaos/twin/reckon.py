"""What SQL and the live table say of a trial on the twin."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3

from local.demo.facility import read_pairing
from petrostream.aws.live_reader import LiveTable
from petrostream.minutes import WINDOW_MS
from petrostream.times import LATENESS_MS, parse_ms
from tests.chaos.lake import VIEWS
from tests.chaos.reckoning import WALL, Reckoning
from tests.chaos.twin.topic import Heard
from tests.support.lake import Lake
from tests.support.stream import expected_pairs, landed_pairs, readings_of

if TYPE_CHECKING:
    from tests.chaos.twin.trial import TwinTrial

TwinKey = tuple[str, int, str]
"""A fault, the trial's seed, and whose readings are sent."""

MinuteFigures = tuple[int, int, int]
"""Readings, anomalies and highest risk of a minute."""

LIVE_TABLE = "petrostream-live"
REACH = timedelta(hours=6)
"""How far back a trial's readings lie at most."""

QUIET_TRANSITION = "event = 'suppressed' OR (event = 'returned' AND state = 'normal')"
"""Transitions that are no alert (ISA-18.2): docs/reference/live-table.md."""


@dataclass(frozen=True)
class Sent:
    """What a trial has sent.

    Attributes:
        events: event ids of all its readings.
        facilities: of each well.
        since: when it began.
    """

    events: set[str]
    facilities: Mapping[str, str]
    since: datetime

    @property
    def of_wells(self) -> str:
        """Its rows, as a condition in SQL."""
        return f"well_id IN ({_quoted(self.facilities)})"

    @property
    def of_facilities(self) -> str:
        """The rows of its facilities, likewise."""
        return f"facility_id IN ({_quoted(set(self.facilities.values()))})"


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in sorted(names))


def missing(lake: Lake, sent: Sent) -> int:
    """Readings that have not landed, or have not been joined."""
    count = f"SELECT COUNT(DISTINCT event_id) AS n FROM scored_readings WHERE {sent.of_wells}"
    joins = read_pairing(lake.sql, sent.since).facilities
    unjoined = sum(
        int(row["missing"]) for row in joins if row["facility_id"] in set(sent.facilities.values())
    )
    return len(sent.events) - int(lake.value(count)) + unjoined


def reckon(lake: Lake, sent: Sent, trial: "TwinTrial", key: TwinKey, heard: Heard | None) -> Reckoning:
    """Ask the views and the live table what became of all that was sent.

    Args:
        lake: the lake.
        sent: what the trial has sent.
        trial: the trial.
        key: the fault, the trial's seed, and whose readings were sent.
        heard: how often each transition was on the topic; None where that cannot be told.
    """
    name, seed, wells = key
    landed = {row["event_id"] for row in lake.sql(f"SELECT event_id FROM well_data WHERE {sent.of_wells}")}
    rejected = int(lake.value(f"SELECT COUNT(*) AS n FROM quarantine_lines WHERE {sent.of_facilities}"))
    told = (None, None) if heard is None else _told(lake, sent, heard)
    return Reckoning(
        faults=(name,),
        seed=seed,
        wells=wells,
        strikes=len(trial.struck),
        sent=len(sent.events),
        landed=len(sent.events & landed),
        rejected=rejected,
        lost=len(sent.events - landed),
        doubled=sum(_doubled(lake, view, identity) for view, identity in VIEWS.items()),
        stored_twice=_doubled(lake, "scored_readings", "event_id", f"WHERE {sent.of_wells}"),
        differing=sum(_unlike_the_stream(lake, facility) for facility in set(sent.facilities.values())),
        minutes=_minutes_agree(lake, sent),
        memories=None,
        live=_live_is_newest(lake, sent),
        alerts_missing=told[0],
        alerts_doubled=told[1],
        recovery_s=trial.recovered_s,
        clock=WALL,
    )


def _doubled(lake: Lake, view: str, identity: str, condition: str = "") -> int:
    """Rows of a view beyond one for each identity."""
    counts = f"SELECT COUNT(*) - COUNT(DISTINCT {identity}) AS n FROM {view} {condition}"
    return int(lake.value(counts))


def _unlike_the_stream(lake: Lake, facility: str) -> int:
    """Rows of a facility whose tank reading is not the one that the stream as it is has for them."""
    expected, landed = expected_pairs(facility, readings_of(facility)), landed_pairs(lake, facility)
    return sum(expected.get(event) != landed.get(event) for event in expected.keys() | landed.keys())


def _minutes_agree(lake: Lake, sent: Sent) -> bool:
    """Whether the live table's closed minutes are the lake's: all that its facility's time has passed."""
    table = LiveTable(LIVE_TABLE, boto3.client("dynamodb"))
    end = datetime.now(UTC) + timedelta(minutes=1)
    live: dict[tuple[str, int], MinuteFigures] = {
        (well, minute.start_ms): (minute.readings, minute.anomalies, minute.max_risk)
        for well in sent.facilities
        for minute in table.minutes(well, end - REACH, end)
    }
    landed = {
        (row["well_id"], _ms(row["window_start"])): (
            int(row["readings"]), int(row["anomalies"] or 0), int(row["max_risk"] or 0)
        )
        for row in lake.sql(f"SELECT * FROM well_minutes WHERE {sent.of_wells}")
    }  # fmt: skip
    newest = _newest(lake, sent, "facility_id")
    passed = {
        (well, start)
        for well, start in landed
        if start + WINDOW_MS + LATENESS_MS <= newest[sent.facilities[well]]
    }
    return live.items() <= landed.items() and live.keys() >= passed


def _live_is_newest(lake: Lake, sent: Sent) -> bool:
    """Whether the live fleet shows each well's newest reading in the lake."""
    fleet = LiveTable(LIVE_TABLE, boto3.client("dynamodb")).fleet(sorted(set(sent.facilities.values())))
    shown = {well.well_id: well.status.ts_ms for facility in fleet for well in facility.wells}
    return shown == _newest(lake, sent, "well_id")


def _newest(lake: Lake, sent: Sent, by: str) -> dict[str, int]:
    """The newest well reading of each well or facility, epoch ms."""
    rows = lake.sql(f"SELECT {by}, MAX(ts) AS ts FROM well_data WHERE {sent.of_wells} GROUP BY {by}")
    return {row[by]: _ms(row["ts"]) for row in rows}


def _told(lake: Lake, sent: Sent, heard: Heard) -> tuple[int, int]:
    """Transitions of alarms that nobody heard of, and those that came twice."""
    rows = lake.sql(
        f"SELECT transition_id FROM alarm_history WHERE {sent.of_wells} AND NOT ({QUIET_TRANSITION})"
    )
    ids = {row["transition_id"] for row in rows}
    return len(ids - heard.keys()), sum(heard[one] > 1 for one in ids)


def _ms(moment: datetime | str) -> int:
    if isinstance(moment, datetime):
        return round(moment.replace(tzinfo=UTC).timestamp() * 1000)
    return parse_ms(moment)
