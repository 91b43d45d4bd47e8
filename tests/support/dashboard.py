"""The dashboard's ports in memory, and its pages as AppTest runs them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import state
from dashboard.data.ports import Answer, Ports, Spend
from dashboard.data.reader import Reader
from dashboard.panels.alarm_panel import ALARM_KEY
from dashboard.settings import DashboardSettings
from petrostream.alarms import OperatorRequest, perform
from petrostream.aws.alarm_desk import Done, TagView
from petrostream.aws.live_reader import FacilityLive, Well
from petrostream.aws.undelivered import Undelivered
from petrostream.errors import ServiceUnavailable
from petrostream.live import Minute, OpenAlarm, OperatorTag, WellStatus, record_of
from tests.support.paths import ROOT

NOW_MS = 1_764_230_400_000 + 123 * 60_000  # 2025-11-27T10:03:00Z
APP = ROOT / "dashboard" / "app.py"
SETTINGS = DashboardSettings("live", "alarms", fleet_file=ROOT / "producer" / "fleet.json", operator="ana")


class AwsError(Exception):
    """An error as botocore raises it."""

    def __init__(self, code: str) -> None:
        super().__init__(f"An error occurred ({code})")
        self.response = {"Error": {"Code": code}}


def unavailable(service: str, code: str) -> ServiceUnavailable:
    """A service that refused or did not answer, as the adapters report it."""
    error = ServiceUnavailable(service, "Query", f"An error occurred ({code})")
    error.__cause__ = AwsError(code)
    return error


@dataclass
class FakeLive:
    """A live table: facilities and closed minutes, or an error."""

    facilities: list[FacilityLive] = field(default_factory=list)
    closed: dict[str, list[Minute]] = field(default_factory=dict)
    error: Exception | None = None
    calls: list[str] = field(default_factory=list)

    def fleet(self) -> list[FacilityLive]:
        self.calls.append("fleet")
        if self.error is not None:
            raise self.error
        return self.facilities

    def minutes(self, well_id: str, start: datetime, end: datetime) -> list[Minute]:
        self.calls.append(f"minutes {well_id}")
        first, last = start.timestamp() * 1000, end.timestamp() * 1000
        return [minute for minute in self.closed.get(well_id, []) if first <= minute.start_ms < last]


@dataclass
class FakeAlarms:
    """A desk that remembers what it was asked for."""

    views: list[TagView] = field(default_factory=list)
    requests: list[tuple[str, str, OperatorRequest]] = field(default_factory=list)
    error: Exception | None = None

    def tags(self, fleet: Sequence[FacilityLive] | None = None) -> list[TagView]:
        return self.views

    def act(self, well_id: str, alarm_type: str, request: OperatorRequest) -> Done:
        if self.error is not None:
            raise self.error
        self.requests.append((well_id, alarm_type, request))
        (at,) = [
            at
            for at, view in enumerate(self.views)
            if (view.record.well_id, view.record.alarm_type) == (well_id, alarm_type)
        ]
        record, action = perform(self.views[at].record, request, NOW_MS)
        self.views[at] = TagView(self.views[at].facility_id, record, self.views[at].alarm)
        return Done(record, action, delivered=True)


@dataclass
class FakeLake:
    """A lake that answers by a word in the statement; without one, the error."""

    frames: Mapping[str, pd.DataFrame | Callable[[str], pd.DataFrame]] = field(default_factory=dict)
    error: Exception | None = None
    asked: list[str] = field(default_factory=list)

    def run(self, sql: str) -> Answer:
        self.asked.append(sql)
        if self.error is not None:
            raise self.error
        for word, frame in self.frames.items():
            if word in sql:
                return Answer(frame(sql) if callable(frame) else frame, sql, 1_000_000, NOW_MS)
        raise AssertionError(f"no frame for: {sql}")


@dataclass
class FakePipeline:
    """What Firehose and AWS Budgets would say, or an error."""

    found: list[Undelivered] = field(default_factory=list)
    bill: Spend | None = None
    error: Exception | None = None

    def undelivered(self) -> list[Undelivered]:
        if self.error is not None:
            raise self.error
        return self.found

    def spend(self) -> Spend | None:
        return self.bill


@dataclass
class World:
    """The dashboard's world in memory."""

    live: FakeLive = field(default_factory=FakeLive)
    alarms: FakeAlarms = field(default_factory=FakeAlarms)
    lake: FakeLake = field(default_factory=FakeLake)
    pipeline: FakePipeline = field(default_factory=FakePipeline)
    now_ms: int = NOW_MS

    def ports(self) -> Ports:
        return Ports(SETTINGS, self.live, self.alarms, self.lake, self.pipeline, lambda: self.now_ms)


def status(age_s: float = 1, **changes: Any) -> WellStatus:
    """A well's latest reading, so many seconds old."""
    ts_ms = NOW_MS - round(age_s * 1000)
    known: dict[str, Any] = {"pressure": 1.5e7, "temperature": 85.0, "anomaly_score": 0.4}
    return WellStatus(ts_ms, ts_ms + 500, "0/e2e", **(known | changes))


def well(
    well_id: str, facility_id: str = "FAC-01", *, minutes: tuple[Minute, ...] = (), **changes: Any
) -> Well:
    """A well of the fleet."""
    return Well(well_id, facility_id, status(**changes), minutes=minutes)


def minute(well_id: str, back: int, anomalies: int = 0, *, closed: bool = True) -> Minute:
    """A minute of a well that began so many minutes ago."""
    start_ms = NOW_MS // 60_000 * 60_000 - back * 60_000
    return Minute(well_id, start_ms, 60, anomalies, 10, 1.5e7, 1.4e7, 1.6e7, 85.0, 84.0, 86.0, closed)


def tag(
    well_id: str,
    alarm_type: str = "dhsv_closure",
    priority: str = "high",
    *,
    minutes: float = 5,
    **changes: Any,
) -> TagView:
    """An open alarm that nobody has acknowledged."""
    active_ms = NOW_MS - round(minutes * 60_000)
    alarm = OpenAlarm(
        f"{well_id}-1", well_id, alarm_type, priority, "active_unacknowledged",
        active_ms, active_ms, active_ms,
        **({"sentence": "P-TPT rose 7.2 bar: like a spurious DHSV closure", "likely_class": 2,
            "evidence": "rule dhsv_closure"} | changes),
    )  # fmt: skip
    return TagView("FAC-01", record_of(OperatorTag(well_id, alarm_type, "FAC-01"), alarm), alarm)


def fleet(*wells: Well) -> list[FacilityLive]:
    """The facilities of some wells."""
    names = sorted({one.facility_id for one in wells})
    return [FacilityLive(name, tuple(one for one in wells if one.facility_id == name)) for name in names]


@contextmanager
def reading(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """Let the pages read this world."""
    reader = Reader(world.ports())
    monkeypatch.setattr(state, "reader", lambda: reader)
    for module in _panels():
        if hasattr(module, "reader"):
            monkeypatch.setattr(module, "reader", lambda: reader)
    yield reader


def _panels() -> list[Any]:
    import importlib

    folder = ROOT / "dashboard" / "panels"
    names = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
    return [importlib.import_module(f"dashboard.panels.{name}") for name in names]


def page(name: str, query: Mapping[str, str] | None = None, seconds: float = 20.0) -> AppTest:
    """A page as a browser would open it.

    Args:
        name: its file in `dashboard/screens`, without `.py`.
        query: parameters of the address.
        seconds: how long it may take.
    """
    app = AppTest.from_file(str(APP), default_timeout=seconds)
    for key, value in (query or {}).items():
        app.query_params[key] = value
    path = Path("screens") / f"{name}.py"
    return app.run() if name == "operations" else app.switch_page(str(path)).run()


def texts(app: AppTest) -> str:
    """Everything a page says, in HTML and Markdown."""
    elements = [*app.get("html"), *app.markdown, *app.caption, *app.code]
    return "\n".join(
        str(getattr(element, "value", None) or getattr(element.proto, "body", "")) for element in elements
    )


def listed(app: AppTest) -> list[dict[str, Any]]:
    """The rows of Operations' list of alarms, as the browser gets them; none without a list."""
    return [row for part in app.get("bidi_component") for row in json.loads(part.proto.json)["rows"]]


def open_alarm(app: AppTest, key: str) -> AppTest:
    """Open an alarm of the list as its button does, which AppTest cannot press."""
    assert key in {row["key"] for row in listed(app)}
    app.session_state[ALARM_KEY] = key
    return app.run()


def instant(ms: int) -> pd.Timestamp:
    """An instant as Athena's times become."""
    return pd.Timestamp(datetime.fromtimestamp(ms / 1000, UTC))
