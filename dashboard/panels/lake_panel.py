"""The part of Operations that asks Athena: the lake's total, and the load of alarms. Never on a refresh."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import streamlit as st

from dashboard.charts.marks import safe
from dashboard.charts.states import explained
from dashboard.charts.tables import sql_beside
from dashboard.data import queries
from dashboard.state import reader
from dashboard.views.alarms import LOAD_HOURS, console_reports, load_chart, load_facts
from petrostream.alarms import metrics

AGAIN_SECONDS = 600


@st.fragment(run_every=AGAIN_SECONDS)
def show() -> None:
    """The load of alarms of the last day, against the targets of ISA-18.2."""
    st.markdown("**Alarm load**, last 24 h, per operator position")
    with explained():
        asked = queries.annunciations(reader().now(), LOAD_HOURS)
        answer = reader().ask(asked)
        end = _last_slot(reader().now())
        _load(answer.frame, end - timedelta(hours=LOAD_HOURS), end)
        sql_beside(answer, label="SQL of the alarm load")
    with explained():
        sql_beside(reader().ask(queries.anomalies_total()), label="SQL of the total")


def _load(frame: pd.DataFrame, start: datetime, end: datetime) -> None:
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.altair_chart(load_chart(frame, start, end), key="alarm_load", alt="Alarms in each ten minutes")
    with right:
        reports = console_reports(frame, start, end)
        if not reports:
            st.caption("No alarm reached an operator in the last 24 hours.")
        for report in reports:
            rows = "".join(
                f'<dt>{safe(name)}</dt><dd class="{"ps-missed" if missed else ""}">{safe(text)}</dd>'
                for name, text, missed in load_facts(report)
            )
            st.html(f'<b>{safe(report.console)}</b>: {report.alarms} alarms<dl class="ps-facts">{rows}</dl>')


def _last_slot(now: datetime) -> datetime:
    slot = metrics.SLOT_MS // 1000
    return datetime.fromtimestamp(now.timestamp() // slot * slot, UTC)
