"""The page Pipeline: throughput, lag, freshness, what was left aside, the bill, and where else to look.

The live table is read every five seconds. Athena is asked when somebody opens the page, chooses a range or
presses the button, never by a refresh.
"""

from datetime import datetime

import pandas as pd
import streamlit as st

from dashboard.charts.bands import Stretches
from dashboard.charts.downloads import below, rows
from dashboard.charts.states import EMPTY_LAKE, explained, show_empty
from dashboard.charts.tables import sql_beside
from dashboard.charts.tiles import Tile, tiles_html
from dashboard.data import past
from dashboard.data.past import Days
from dashboard.data.queries import bucket_seconds
from dashboard.panels.ranges import choose_hours
from dashboard.state import ask, reader
from dashboard.views.pipeline import (
    FRESH_DAYS,
    cost_tile,
    error_tile,
    flow_charts,
    flow_tiles,
    freshness_rows,
    live_tiles,
)

LIVE_SECONDS, BACKSTAGE_SECONDS = 5, 300


def show() -> None:
    """The page."""
    _live()
    _lake()
    _backstage()
    _links()


@st.fragment(run_every=LIVE_SECONDS)
def _live() -> None:
    with explained():
        present = reader().present()
        if present.wells:
            st.html(tiles_html(live_tiles(present)))
        else:
            show_empty(EMPTY_LAKE)


@st.fragment
def _lake() -> None:
    start, end = choose_hours("pipeline", "1 hour")
    st.button("Ask the lake again", help="Charts and tables below are as of when they were asked for.")
    with explained():
        _flow(start, end)
    with explained():
        _fresh(end)


def _flow(start: datetime, end: datetime) -> None:
    seconds = bucket_seconds(start, end)
    flow, aside = ask(past.throughput(start, end), past.set_aside(start, end))
    quarantined = float(aside.frame["quarantined"].sum())
    st.html(tiles_html(flow_tiles(flow.frame, quarantined, seconds)))
    if flow.frame.empty:
        st.caption("Nothing was scored in this range.")
    drawn = [] if flow.frame.empty else flow_charts(Stretches(flow.frame, start, end, seconds))
    for column, (name, chart) in zip(st.columns(2, gap="medium"), drawn, strict=False):
        with column:
            st.altair_chart(chart, key=f"pipeline/{name}", alt=name)
    below(flow, "throughput")
    sql_beside(aside, label="SQL of what was quarantined")


def _fresh(end: datetime) -> None:
    st.markdown("**Freshness of the lake's tables**")
    (fresh,) = ask(past.freshness(Days.back(end, FRESH_DAYS)))
    now = pd.Timestamp(reader().ports.clock(), unit="ms", tz="UTC")
    rows(freshness_rows(fresh.frame, now), "freshness")
    st.caption("On AWS, Firehose writes a file every 2 minutes or 64 MB: a table is that far behind.")
    sql_beside(fresh)


@st.fragment(run_every=BACKSTAGE_SECONDS)
def _backstage() -> None:
    """Each figure on its own: one without the right to read it must not hide the other."""
    tiles: list[Tile] = []
    with explained():
        tiles.append(error_tile(reader().undelivered()))
    with explained():
        tiles.append(cost_tile(reader().spend(), billed=reader().ports.settings.billed))
    if tiles:
        st.html(tiles_html(tiles))


def _links() -> None:
    settings = reader().ports.settings
    st.markdown("**Elsewhere**")
    if settings.cloudwatch_url:
        st.link_button("CloudWatch: metrics and alarms of the pipeline", settings.cloudwatch_url)
    else:
        st.caption("On AWS, a dashboard in CloudWatch has the metrics and alarms of the pipeline.")
    if settings.powerbi_url:
        st.link_button("Power BI: the executive view", settings.powerbi_url)
    else:
        st.caption("POWERBI_URL is not set: docs/guides/powerbi.md says how to publish the report.")
