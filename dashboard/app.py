"""The front door of the dashboard: `petrostream dashboard`, or `streamlit run dashboard/app.py`."""

import streamlit as st

from dashboard.charts.style import apply_style
from dashboard.state import choose_units

st.set_page_config(page_title="PetroStream", layout="wide", initial_sidebar_state="auto")
apply_style()
page = st.navigation(
    [
        st.Page("screens/operations.py", title="Operations", url_path="operations", default=True),
        st.Page("screens/well.py", title="Well", url_path="well"),
    ]
)
with st.sidebar:
    choose_units()
page.run()
