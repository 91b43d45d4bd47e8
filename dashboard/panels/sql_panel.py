"""A box for SQL of one's own: one statement that reads, on the work group with its scan limit."""

import streamlit as st

from dashboard.charts.downloads import table
from dashboard.charts.states import explained
from dashboard.data.sql import Query
from dashboard.state import ask, reader
from dashboard.views.history import refusal

EXAMPLE = """SELECT well_id, MAX(risk_score) AS worst_risk, COUNT_IF(anomaly_flag = 1) AS anomalies
FROM recent_readings
GROUP BY well_id
ORDER BY worst_risk DESC"""
SECONDS = 60.0
ASKED_KEY = "own_sql_asked"


@st.fragment
def show() -> None:
    """The box, and the answer to what was run last."""
    settings = reader().ports.settings
    with st.form("own_sql", border=False):
        text = st.text_area("Athena SQL", EXAMPLE, height=160, key="own_sql_text")
        run = st.form_submit_button("Run", type="primary")
    st.caption(
        f"Runs in the work group {settings.workgroup}, which limits what a query may scan; at most "
        '5,000 rows are shown. Put a condition on "date": Athena bills what it scans.'
    )
    if run:
        st.session_state[ASKED_KEY] = text.strip().rstrip(";")
    asked = st.session_state.get(ASKED_KEY)
    if asked is None:
        return
    why = refusal(asked)
    if why is not None:
        st.warning(why)
        return
    with explained():
        (answer,) = ask(Query("own_sql", asked, SECONDS))
        table(answer, "own_sql")
