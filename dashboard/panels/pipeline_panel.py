"""The page Pipeline: throughput, lag, freshness, what was left aside, the bill, and where else to look."""

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
from dashboard.state import reader
from dashboard.views.pipeline import (
    cost_tile,
    error_tile,
    flow_charts,
    freshness_rows,
    live_tiles,
    share_tiles,
    shares_of,
)

AGAIN_SECONDS = 60


def show() -> None:
    """The page."""
    _flow()
    _backstage()
    _links()


@st.fragment(run_every=AGAIN_SECONDS)
def _flow() -> None:
    start, end = choose_hours("pipeline", "1 hour")
    with explained():
        present = reader().present()
        if not present.wells:
            show_empty(EMPTY_LAKE)
            return
        flow = reader().ask(past.throughput(start, end))
        days = Days(start.date(), end.date())
        fresh = reader().ask(past.freshness(Days.back(end, max(2, days.number))))
        seconds = bucket_seconds(start, end)
        tiles = [*live_tiles(present, flow.frame, seconds), *share_tiles(shares_of(flow.frame, fresh.frame))]
        st.html(tiles_html(tiles))
        _charts(Stretches(flow.frame, start, end))
        below(flow, "throughput")
        st.markdown("**Freshness of the lake's tables**")
        now = pd.Timestamp(present.now_ms, unit="ms", tz="UTC")
        rows(freshness_rows(fresh.frame, now), "freshness")
        st.caption("On AWS, Firehose writes a file every 2 minutes or 64 MB: a table is that far behind.")
        sql_beside(fresh)


def _charts(flow: Stretches) -> None:
    if flow.rows.empty:
        st.caption("Nothing was scored in this range.")
        return
    for column, (name, chart) in zip(st.columns(2, gap="medium"), flow_charts(flow), strict=False):
        with column:
            st.altair_chart(chart, key=f"pipeline/{name}", alt=name)


@st.fragment(run_every=AGAIN_SECONDS)
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
