"""A well's trends: gauges, score and risk on one axis of time, with what explains an anomaly beside them.

The lake is asked when somebody chooses a well or a range; a refresh adds the live table's minutes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd
import streamlit as st

from dashboard.charts.bands import with_gaps
from dashboard.charts.drawing import Drawing
from dashboard.charts.states import NO_ROWS, Empty, explained, no_rows_since, show_empty
from dashboard.charts.tables import facts_html, sql_beside
from dashboard.data import queries
from dashboard.data.ports import Answer
from dashboard.state import ask, reader, units
from dashboard.units import quantity_of
from dashboard.views import trend
from dashboard.views import well as views
from petrostream.aws.alarm_list import age
from petrostream.times import to_iso

REFRESH_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """What to show: a well, a range, gauges, and whether the range ends now."""

    well_id: str
    start: datetime
    end: datetime
    gauges: tuple[str, ...]
    live: bool


@st.fragment(run_every=REFRESH_SECONDS)
def show_trend(asked: Asked) -> None:
    """The charts, and what explains them."""
    with explained():
        found, alarms = _answers(asked)
        minutes = reader().minutes(asked.well_id, timedelta(hours=1)) if asked.live else []
        frame = trend.with_live(found.frame, minutes)
        if frame.empty:
            show_empty(_nothing(asked))
            sql_beside(found)
            return
        left, right = st.columns([5, 2], gap="medium")
        with right:
            chosen = _beside(asked, found.frame)
        with left:
            _charts(asked, frame, alarms.frame, chosen)
            sql_beside(found, label="SQL of the trends")
            sql_beside(alarms, label="SQL of the alarms")
            st.html(f'<span data-stretches="{queries.bucket_seconds(asked.start, asked.end)}"></span>')


def _nothing(asked: Asked) -> Empty:
    """Why a range is empty: the latest reading may be before it."""
    present = reader().present()
    newest = next((one.status.ts_ms for one in present.wells if one.well_id == asked.well_id), None)
    if newest is None or newest >= 1000 * asked.start.timestamp():
        return NO_ROWS
    return no_rows_since(f"{to_iso(newest)[:19]}Z", age(present.now_ms - newest))


def _answers(asked: Asked) -> list[Answer]:
    """The lake's answers; those known are not asked for again by a refresh."""
    wanted = [
        queries.well_trend(asked.well_id, asked.start, asked.end, asked.gauges),
        queries.well_alarms(asked.well_id, asked.start, asked.end),
    ]
    known = [reader().known(query) for query in wanted]
    return [one for one in known if one] if all(known) else ask(*wanted)


def _charts(asked: Asked, frame: pd.DataFrame, alarms: pd.DataFrame, chosen: pd.Timestamp | None) -> None:
    seconds = queries.bucket_seconds(asked.start, asked.end)
    end = max(asked.end, reader().now()) if asked.live else asked.end
    frame = with_gaps(frame, seconds)
    scene = trend.Scene(
        asked.start, end, trend.event_bands(frame, seconds), trend.alarm_bands(alarms, asked.start, end)
    )
    silent = [trend.name_of(gauge) for gauge in views.without_values(frame, asked.gauges)]
    note = f" No value of {', '.join(silent)} in this range." if silent else ""
    st.caption(f"Mean, least and greatest value of every {_length(seconds)}; times in UTC.{note}")
    for name, chart in _drawn(asked, frame, scene, chosen):
        if chart is not None:
            st.altair_chart(chart, key=f"chart/{name}", alt=f"{name} of the well over time")


def _drawn(
    asked: Asked, frame: pd.DataFrame, scene: trend.Scene, chosen: pd.Timestamp | None
) -> Iterator[tuple[str, Drawing | None]]:
    yield "events", trend.timeline(scene)
    seconds = queries.bucket_seconds(asked.start, asked.end)
    for quantity in views.QUANTITIES:
        gauges = [gauge for gauge in asked.gauges if quantity_of(gauge) == quantity]
        if quantity == "valve_state":
            yield quantity, trend.valve_chart(frame, gauges, seconds, scene)
            continue
        for first in range(0, len(gauges), len(trend.LINES)):
            some = gauges[first : first + len(trend.LINES)]
            yield f"{quantity}/{first}", trend.gauge_chart(frame, some, units(), scene)
    if "score_max" in frame:
        yield "score", trend.score_chart(frame, scene, chosen)
    yield "risk", trend.risk_chart(frame, scene)


def _beside(asked: Asked, frame: pd.DataFrame) -> pd.Timestamp | None:
    """The chosen anomaly, baseline and gauge health; returns the anomaly's time."""
    at = None
    st.markdown("**Anomaly**")
    flagged = views.anomalies(frame)
    if flagged.empty:
        st.caption("No reading of this range is flagged.")
    else:
        rows = flagged.to_dict("records")
        place = st.selectbox(
            "Flagged stretch, highest score first",
            range(len(rows)),
            format_func=lambda place: views.anomaly_text(rows[place]),
            key=f"anomaly/{asked.well_id}/{asked.start}",
        )
        row = rows[place]
        at = row["worst_ts"]
        st.html(facts_html(views.anomaly_facts(row), wide=True))
    st.markdown("**Baseline**")
    st.html(facts_html(views.baseline_facts(frame), wide=True))
    st.markdown("**Gauges**")
    health = views.gauge_health(frame, asked.gauges)
    share = st.column_config.NumberColumn(
        "ok", format="percent", help="Share of stretches in which it was ok"
    )
    st.dataframe(health, hide_index=True, key="health", column_config={"ok": share})
    return at


def _length(seconds: int) -> str:
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
