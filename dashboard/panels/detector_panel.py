"""The page Detector: figures on labelled runs, models and baselines, drift."""

import streamlit as st

from dashboard.charts.downloads import below, rows, table
from dashboard.charts.states import Empty, explained, show_empty
from dashboard.charts.tables import sql_beside
from dashboard.charts.tiles import tiles_html
from dashboard.data import past
from dashboard.data.past import Days
from dashboard.panels.ranges import choose_days
from dashboard.state import ask
from dashboard.views.detector import baseline_rows, drift_chart, score_tiles

NO_LABELS = Empty(
    "No labelled run of the last 7 days was scored with a baseline.",
    "Replays of 3W instances and of simulated wells carry labels: `make demo`, or `make replay`. "
    "Readings of a real well have none, so its detector is judged by operators' comments.",
)
NO_BASELINES = Empty(
    "No reading of these days was judged against a baseline.",
    "`petrostream commission` gives a well its baseline; docs/guides/commissioning.md says when.",
)


def show() -> None:
    """The page."""
    _scoreboard()
    days = choose_days("detector")
    if days is not None:
        _models(days)
        _drift(days)


@st.fragment
def _scoreboard() -> None:
    st.markdown("**On labelled runs**, last 7 days")
    with explained():
        (whole,) = ask(past.scoreboard())
        if not whole.frame["instances"].sum():
            show_empty(NO_LABELS)
            return
        st.html(tiles_html(score_tiles(whole.frame)))
        sql_beside(whole)
        # Another scan of the same days: only for whoever wants to know.
        if st.toggle("Each run", key="scoreboard_runs"):
            (runs,) = ask(past.scoreboard_runs())
            table(runs, "scoreboard", height=260)


@st.fragment
def _models(days: Days) -> None:
    st.markdown("**Models and baselines**")
    with explained():
        (answer,) = ask(past.models(days))
        if answer.frame.empty:
            st.caption("No reading was scored in these days.")
            return
        rows(baseline_rows(answer.frame), "models")
        below(answer, "models")


@st.fragment
def _drift(days: Days) -> None:
    st.markdown("**Drift**: distance of each well from its baseline, in the baseline's scales")
    with explained():
        (answer,) = ask(past.drift(days))
        if answer.frame["level_shift"].notna().any():
            st.altair_chart(
                drift_chart(answer.frame), key="drift_chart", alt="Distance from the baseline by day"
            )
            table(answer, "drift", height=240)
        else:
            show_empty(NO_BASELINES)
