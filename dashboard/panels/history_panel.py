"""The page History: anomalies and quality by day, the quarantine browser, and SQL of one's own."""

import streamlit as st

from dashboard.charts.downloads import below, columns_of, printable, table
from dashboard.charts.states import NO_ROWS, Empty, explained, show_empty
from dashboard.data import past
from dashboard.data.past import Days
from dashboard.panels import sql_panel
from dashboard.panels.ranges import choose_days
from dashboard.state import ask
from dashboard.views.history import anomaly_grid, quality_grid, raw_text, reason_bars
from petrostream.names import shown

NOTHING_WRONG = Empty("No reading of these days had a fault.", "Nothing to do; choose other days to compare.")
NO_QUARANTINE = Empty("No line of these days was rejected.", "Nothing to do; choose other days to compare.")
ANY = "any reason"


def show() -> None:
    """The page."""
    days = choose_days("history")
    if days is None:
        return
    names = ("Anomalies", "Data quality", "Quarantine", "SQL")
    anomalies, quality, quarantine, own = st.tabs(names, key="history_tabs", on_change="rerun")
    # Only the open tab asks: each query is billed.
    if anomalies.open:
        with anomalies:
            _anomalies(days)
    if quality.open:
        with quality:
            _quality(days)
    if quarantine.open:
        with quarantine:
            _quarantine(days)
    if own.open:
        with own:
            sql_panel.show()


def _anomalies(days: Days) -> None:
    with explained():
        (answer,) = ask(past.anomaly_days(days))
        if answer.frame.empty:
            show_empty(NO_ROWS)
            return
        st.markdown("**Anomalous readings, %, of each well and day**")
        st.altair_chart(
            anomaly_grid(answer.frame), key="anomaly_grid", alt="Anomalous readings by well and day"
        )
        table(answer, "anomalies_by_well_and_day")


def _quality(days: Days) -> None:
    with explained():
        (answer,) = ask(past.anomaly_days(days))
        if answer.frame.empty:
            show_empty(NO_ROWS)
            return
        st.markdown("**Mean data quality, 0 to 100, of each well and day**")
        st.altair_chart(quality_grid(answer.frame), key="quality_grid", alt="Data quality by well and day")
        below(answer, "quality_by_well_and_day")
        (reasons,) = ask(past.quality_reasons(days))
        if reasons.frame.empty:
            show_empty(NOTHING_WRONG)
            return
        st.markdown("**What was wrong**")
        st.altair_chart(reason_bars(reasons.frame, "readings"), key="quality_bars", alt="Readings by reason")
        table(reasons, "quality_reasons")


@st.fragment
def _quarantine(days: Days) -> None:
    with explained():
        (reasons,) = ask(past.quarantine_reasons(days))
        if reasons.frame.empty:
            show_empty(NO_QUARANTINE)
            return
        st.altair_chart(reason_bars(reasons.frame, "lines"), key="quarantine_bars", alt="Lines by reason")
        chosen = st.selectbox(
            "Reason", [ANY, *reasons.frame["reason"]], key="quarantine_reason", format_func=shown
        )
        (lines,) = ask(past.quarantine_lines(days, "" if chosen == ANY else chosen))
        if lines.frame.empty:
            return
        picked = st.dataframe(
            printable(lines.frame),
            key="quarantine/rows",
            hide_index=True,
            height=260,
            on_select="rerun",
            selection_mode="single-row",
            column_config=columns_of(lines.frame),
        )
        rows = picked["selection"]["rows"] or [0]
        below(lines, "quarantine")
        st.markdown("**As it was sent**, the line that is selected, or the first")
        st.code(raw_text(lines.frame.iloc[rows[0]].to_dict()), language=None, wrap_lines=True)
