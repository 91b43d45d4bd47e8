"""The list of alarms, an alarm's evidence, and the load of alarms against ISA-18.2's targets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import altair as alt
import pandas as pd

from dashboard.charts.axes import time_axis, when
from dashboard.charts.bands import ABNORMAL
from dashboard.charts.drawing import Drawing
from petrostream.alarms import (
    ACTIVE_UNACKNOWLEDGED,
    ALARM_TYPES,
    PRIORITIES,
    RETURNED_UNACKNOWLEDGED,
    metrics,
)
from petrostream.aws.alarm_desk import TagView
from petrostream.aws.alarm_list import age, by_urgency, explanation
from petrostream.times import to_iso

LOAD_HOURS = 24


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """An alarm as the list shows it.

    Attributes:
        key: identity of its tag: well and alarm type.
        priority, well_id, alarm_type, facility_id: the tag.
        state: in words.
        unacknowledged: whether it waits to be acknowledged.
        since: how long it has been active, empty if unknown.
        text: its message, or why it is silenced.
    """

    key: str
    priority: str
    well_id: str
    alarm_type: str
    facility_id: str
    state: str
    unacknowledged: bool
    since: str
    text: str


def key_of(view: TagView) -> str:
    """Identity of a tag."""
    return f"{view.record.well_id}/{view.record.alarm_type}"


def alarm_rows(tags: Sequence[TagView], now_ms: int) -> list[AlarmRow]:
    """Alarms in the order in which they need attention."""
    return [_row(view, now_ms) for view in by_urgency(tags, now_ms)]


def _row(view: TagView, now_ms: int) -> AlarmRow:
    record = view.record
    state = record.state(now_ms)
    return AlarmRow(
        key=key_of(view),
        priority=record.priority,
        well_id=record.well_id,
        alarm_type=record.alarm_type,
        facility_id=view.facility_id,
        state=state.replace("_", " "),
        unacknowledged=state in (ACTIVE_UNACKNOWLEDGED, RETURNED_UNACKNOWLEDGED),
        since="" if record.active_ms is None else age(now_ms - record.active_ms),
        text=explanation(view, now_ms),
    )


def facts(view: TagView, now_ms: int) -> list[tuple[str, str]]:
    """What is known of an alarm, as name and text: evidence, consequence, times, and who did what."""
    record, kind = view.record, ALARM_TYPES[view.record.alarm_type]
    likely = view.alarm.likely if view.alarm else None
    rows = [
        ("State", record.state(now_ms).replace("_", " ")),
        ("Likely event", "" if likely is None else likely.event),
        ("Evidence", "" if likely is None else likely.evidence),
        ("If nobody acts", kind.consequence),
        ("Time to act", f"{kind.response_minutes:,.0f} min"),
        ("Active since", "" if record.active_ms is None else to_iso(record.active_ms)),
        ("Returned", "" if record.returned_ms is None else to_iso(record.returned_ms)),
        ("Acknowledged", _by(record.acknowledged_by, record.acknowledged_ms)),
        ("Shelved", _shelved(record.shelved_by, record.shelved_until_ms, record.shelved_why)),
        ("Out of service", _because(record.out_of_service_by, record.out_of_service_why)),
    ]
    return [(name, text) for name, text in rows if text]


def _by(who: str | None, at_ms: int | None) -> str:
    return "" if who is None or at_ms is None else f"{to_iso(at_ms)} by {who}"


def _shelved(who: str | None, until_ms: int | None, why: str | None) -> str:
    return "" if until_ms is None else f"until {to_iso(until_ms)} by {who}: {why}"


def _because(who: str | None, why: str | None) -> str:
    return "" if who is None else f"by {who}: {why}"


def console_reports(frame: pd.DataFrame, start: datetime, end: datetime) -> list[metrics.ConsoleReport]:
    """The alarm load of each operator position.

    Args:
        frame: rows of `annunciations`.
        start: start of the range they are of.
        end: its end, exclusive.
    """
    columns = ("well_id", "facility_id", "alarm_type", "priority")
    texts = zip(*(frame[name].astype(str) for name in columns), strict=True)
    alarms = [metrics.Annunciation(at, *row) for at, row in zip(_times(frame["began"]), texts, strict=True)]
    consoles = dict(zip(frame["facility_id"], frame["console"], strict=True))
    return metrics.report(alarms, _ms(start), _ms(end), consoles)


def load_chart(frame: pd.DataFrame, start: datetime, end: datetime) -> Drawing:
    """Alarms in each ten minutes of the most loaded position, and the targets."""
    slots = load_slots(frame, start, end)
    most = max([metrics.FLOOD_ABOVE + 3, *slots["alarms"]])
    bars = (
        alt.Chart(slots)
        .mark_bar()
        .encode(
            x=time_axis("slot:T", start, end),
            x2="until:T",
            y2=alt.datum(0),
            y=alt.Y(
                "alarms:Q",
                title="alarms in 10 min",
                axis=alt.Axis(tickMinStep=1),
                scale=alt.Scale(domain=[0, most]),
            ),
            color=alt.condition(
                f"datum.alarms > {metrics.FLOOD_ABOVE}", alt.value(ABNORMAL), alt.value("#7C8790")
            ),
            tooltip=[when("slot:T"), "alarms:Q", "console:N"],
        )
    )  # fmt: skip
    limits = pd.DataFrame(
        {
            "alarms": [metrics.TARGET_PER_SLOT, float(metrics.FLOOD_ABOVE)],
            "text": ["target: 1", f"flood: above {metrics.FLOOD_ABOVE}"],
        }
    )
    lines = alt.Chart(limits).mark_rule(strokeDash=[4, 3], color="#5A646C").encode(y="alarms:Q")
    texts = (
        alt.Chart(limits)
        .mark_text(align="left", baseline="middle", dx=5, fontSize=10, color="#7C8790")
        .encode(x=alt.value("width"), y="alarms:Q", text="text:N")
    )
    # Texts stand right of the plot, where no bar is.
    return alt.layer(bars, lines, texts).properties(height=170)


def load_slots(frame: pd.DataFrame, start: datetime, end: datetime) -> pd.DataFrame:
    """Slots with alarms, of the position with most of them: start, end, number of alarms, position."""
    columns = ["slot", "until", "alarms", "console"]
    if frame.empty:
        return pd.DataFrame(columns=columns)
    console = str(frame["console"].value_counts().idxmax())
    times = _times(frame.loc[frame["console"] == console, "began"])
    counts = metrics.slot_counts(times, _ms(start), _ms(end))
    first = _ms(start) // metrics.SLOT_MS
    rows = [
        {
            "slot": _at((first + at) * metrics.SLOT_MS),
            "until": _at((first + at + 1) * metrics.SLOT_MS - 20_000),
            "alarms": int(count),
            "console": console,
        }
        for at, count in enumerate(counts.tolist())
        if count
    ]
    return pd.DataFrame(rows, columns=columns)


def _times(instants: "pd.Series[pd.Timestamp]") -> list[int]:
    """Instants as epoch ms."""
    return [round(instant.timestamp() * 1000) for instant in instants]


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)


def _at(ms: int) -> pd.Timestamp:
    return pd.Timestamp(ms, unit="ms", tz="UTC")


def load_facts(report: metrics.ConsoleReport) -> list[tuple[str, str, bool]]:
    """A position's figures beside their targets: name, text, and whether the target is missed."""
    shares = ", ".join(f"{100 * report.priorities.get(name, 0):.0f} % {name}" for name in PRIORITIES)
    return [
        (
            "Alarms per 10 min", f"{report.mean_per_slot:.2f} (target up to 1)",
            report.mean_per_slot > metrics.TARGET_PER_SLOT,
        ),
        ("Worst 10 min", f"{report.worst_slot} (flood above 10)", report.worst_slot > metrics.FLOOD_ABOVE),
        ("Time in flood", f"{100 * report.flood_share:.1f} % (target below 1 %)", report.flood_share >= 0.01),
        ("Chattering alarms", f"{len(report.chattering)} (target 0)", bool(report.chattering)),
        ("Priorities", f"{shares} (about 5 % high, 15 % medium, 80 % low)", False),
    ]  # fmt: skip
