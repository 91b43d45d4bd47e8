"""What the dashboard needs of the world, as protocols: AWS is behind them in service, fakes in tests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pandas as pd

from dashboard.settings import DashboardSettings
from petrostream.alarms import OperatorRequest
from petrostream.aws.alarm_desk import Done, TagView
from petrostream.aws.live_reader import FacilityLive
from petrostream.aws.undelivered import Undelivered
from petrostream.live import Minute


class LivePort(Protocol):
    """The fleet's present: `petrostream.aws.live_reader.LiveTable`."""

    def fleet(self) -> list[FacilityLive]:
        """The latest status of the fleet, by facility."""
        ...

    def minutes(self, well_id: str, start: datetime, end: datetime) -> list[Minute]:
        """A well's closed minutes that start in [start, end), oldest first."""
        ...


class AlarmPort(Protocol):
    """The alarms and what operators do about them: `petrostream.aws.alarm_desk.AlarmDesk`."""

    def tags(self, fleet: Sequence[FacilityLive] | None = None) -> list[TagView]:
        """Every tag that is not normal; the fleet is read if it is not given."""
        ...

    def act(self, well_id: str, alarm_type: str, request: OperatorRequest) -> Done:
        """Do what an operator asks for."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What the lake answered.

    Attributes:
        frame: its rows, with columns of the query's types; times in UTC.
        sql: the statement.
        scanned_bytes: what Athena scanned for it, which AWS bills.
        asked_ms: when it was asked, epoch ms.
        truncated: whether there are more rows than were fetched.
    """

    frame: pd.DataFrame
    sql: str
    scanned_bytes: int
    asked_ms: int
    truncated: bool = False


class LakePort(Protocol):
    """The past, in SQL: Athena."""

    def run(self, sql: str) -> Answer:
        """Run one statement."""
        ...


@dataclass(frozen=True, slots=True)
class Spend:
    """The bill of the month, as AWS Budgets knows it; it is a few hours behind.

    Attributes:
        actual: US dollars so far.
        forecast: what the month is expected to cost, None while AWS has no forecast.
        limit: the budget.
    """

    actual: float
    forecast: float | None
    limit: float


class PipelinePort(Protocol):
    """What only the pipeline's own services know."""

    def undelivered(self) -> list[Undelivered]:
        """What lies under the error prefix of each Firehose."""
        ...

    def spend(self) -> Spend | None:
        """The bill so far; None where nothing is billed or no budget is watched."""
        ...


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything the dashboard reads and acts on.

    Attributes:
        settings: its settings.
        live, alarms, lake, pipeline: its sources.
        clock: returns the present, epoch ms.
    """

    settings: DashboardSettings
    live: LivePort
    alarms: AlarmPort
    lake: LakePort
    pipeline: PipelinePort
    clock: Callable[[], int]
