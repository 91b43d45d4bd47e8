"""The page Facility: its present from the live table, its trends and days from Athena."""

import streamlit as st

from dashboard.charts.bands import Stretches
from dashboard.charts.downloads import below, table
from dashboard.charts.states import EMPTY_LAKE, NO_ROWS, Empty, explained, show_empty
from dashboard.charts.tiles import tiles_html
from dashboard.data import past
from dashboard.data.queries import bucket_seconds
from dashboard.data.reader import Present
from dashboard.panels.ranges import choose_days, choose_hours
from dashboard.state import ask, reader, units
from dashboard.views.facility import facility_tiles, trend_charts
from petrostream.names import shown

FACILITY_KEY = "facility"
NO_JOIN = Empty(
    "No reading of this facility was joined with a tank's in this range.",
    "Choose a longer range. `make replay` with `--with-facility` sends tank readings; "
    "docs/reference/facility.md says how they are joined.",
)


def show() -> None:
    """The page."""
    with explained():
        present = reader().present()
        if not present.facilities:
            show_empty(EMPTY_LAKE)
            return
        facility_id = _chosen(present)
        if facility_id is None:
            return
        _now(facility_id)
        _trend(facility_id)
    st.markdown("**All facilities by day**")
    _days()


def _chosen(present: Present) -> str | None:
    names = sorted(facility.facility_id for facility in present.facilities)
    asked = st.query_params.get(FACILITY_KEY)
    if asked is not None and asked not in names:
        show_empty(Empty(f"No facility {shown(asked)} has sent a reading.", "Choose one in the list."))
    at = names.index(asked) if asked in names else 0
    chosen: str | None = st.selectbox("Facility", names, index=at, format_func=shown)
    if chosen is not None:
        st.query_params[FACILITY_KEY] = chosen
    return chosen


@st.fragment(run_every=5)
def _now(facility_id: str) -> None:
    """The facility's present, from the live table alone."""
    with explained():
        present = reader().present()
        facility = next((one for one in present.facilities if one.facility_id == facility_id), None)
        if facility is not None and facility.readable:
            st.html(tiles_html(facility_tiles(facility, present.now_ms)))
        elif facility is not None:
            show_empty(
                Empty(
                    "Another release wrote this facility's present.",
                    "Its next reading brings it up to date; deploy the same release everywhere.",
                )
            )


@st.fragment
def _trend(facility_id: str) -> None:
    start, end = choose_hours("facility")
    with explained():
        (answer,) = ask(past.facility_trend(facility_id, start, end))
        if answer.frame.empty:
            show_empty(NO_JOIN)
            return
        charts = trend_charts(Stretches(answer.frame, start, end, bucket_seconds(start, end)), units())
        columns = st.columns(2, gap="medium")
        for number, (name, chart) in enumerate(charts):
            with columns[number % 2]:
                st.altair_chart(chart, key=f"facility/{name}", alt=name.replace("_", " "))
        below(answer, "facility_trend")


@st.fragment
def _days() -> None:
    days = choose_days("facility_days")
    if days is None:
        return
    with explained():
        (answer,) = ask(past.facility_summary(days))
        if answer.frame.empty:
            show_empty(NO_ROWS)
        else:
            table(answer, "facility_days")
