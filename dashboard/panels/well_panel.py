"""The page Well: which well, which range, and the parts that show it."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboard.charts.states import EMPTY_LAKE, Empty, explained, show_empty, show_stale, unknown_well
from dashboard.charts.tables import facts_html
from dashboard.data.reader import STALE_MS, Present
from dashboard.panels.ranges import end_of_minute
from dashboard.panels.well_trend import Asked, show_trend
from dashboard.state import reader, units
from dashboard.views.trend import name_of
from dashboard.views.well import DEFAULT_GAUGES, gauges, status_facts
from petrostream.aws.alarm_list import age
from petrostream.aws.live_reader import LOOKBACKS, Well
from petrostream.names import shown
from petrostream.times import to_iso

WELL_KEY = "well"
ANY_RANGE = "range"
MOST_DAYS = 31
"""Longest range of a page: what it scans grows with it."""

NO_RANGE = Empty(
    "This range has no length.",
    f"Choose an end after the start, by at most {MOST_DAYS} days; times are in UTC.",
)


def show() -> None:
    """The page."""
    with explained():
        present = reader().present()
        if not present.wells:
            show_empty(EMPTY_LAKE)
            return
        left, middle, right = st.columns([2, 3, 4], vertical_alignment="bottom")
        with left:
            well = _well(present)
        with middle:
            span = st.segmented_control(
                "Range", [*LOOKBACKS, ANY_RANGE], default="1h", required=True, key="span", format_func=_spaced
            )
        with right:
            chosen = st.multiselect(
                "Gauges", gauges(), default=list(DEFAULT_GAUGES), key="gauges", format_func=name_of
            )
        ends = _range(str(span))
        asked = st.query_params.get(WELL_KEY)
        if well is None:
            show_empty(unknown_well(shown(asked or "")))
        elif ends is None:
            show_empty(NO_RANGE)
        else:
            _parts(well.well_id, *ends, chosen, live=span != ANY_RANGE)


def _parts(well_id: str, start: datetime, end: datetime, chosen: Sequence[str], *, live: bool) -> None:
    _status(well_id)
    show_trend(Asked(well_id, start, end, tuple(chosen), live))


def _well(present: Present) -> Well | None:
    """The well of the selector, which the address carries: `?well=WELL-00011`."""
    wells = {well.well_id: well for well in present.wells}
    names, asked = sorted(wells), st.query_params.get(WELL_KEY)
    at = names.index(asked) if asked in wells else (0 if asked is None else None)
    chosen = st.selectbox("Well", names, index=at, format_func=shown, placeholder="Choose a well")
    if chosen is None:
        return None
    st.query_params[WELL_KEY] = chosen
    return wells[chosen]


def _spaced(span: str) -> str:
    return "Other" if span == ANY_RANGE else f"{span[:-1]} {span[-1]}"


def _range(span: str) -> tuple[datetime, datetime] | None:
    """Start and end, UTC; None if they make no range. A range up to now ends with the minute."""
    now = reader().now()
    if span != ANY_RANGE:
        end = end_of_minute(now)
        return end - LOOKBACKS[span], end
    first, second, _ = st.columns([1, 1, 2])
    hour = now.replace(minute=0, second=0, microsecond=0, tzinfo=None)
    start = first.datetime_input("From, UTC", hour - timedelta(hours=24), key="from")
    end = second.datetime_input("To, UTC", hour + timedelta(hours=1), key="to")
    if start is None or end is None or not timedelta(0) < end - start <= timedelta(days=MOST_DAYS):
        return None
    return start.replace(tzinfo=UTC), end.replace(tzinfo=UTC)


@st.fragment(run_every=5)
def _status(well_id: str) -> None:
    """The well's latest reading, from the live table."""
    with explained():
        present = reader().present()
        well = next((one for one in present.wells if one.well_id == well_id), None)
        if well is None:
            show_empty(unknown_well(shown(well_id)))
            return
        old_ms = present.now_ms - well.status.ts_ms
        if old_ms > STALE_MS:
            show_stale(to_iso(well.status.ts_ms), age(old_ms))
        st.html(facts_html(status_facts(well, units(), present.now_ms), wide=True))
