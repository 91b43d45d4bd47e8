"""The front door of the dashboard: `petrostream dashboard`, or `streamlit run dashboard/app.py`."""

import streamlit as st

from dashboard.charts.style import apply_style
from dashboard.state import choose_units

# Pixels of the sidebar: the pages need the room, and a narrow screen hides it anyway.
SIDEBAR = 200

st.set_page_config(page_title="PetroStream", layout="wide", initial_sidebar_state=SIDEBAR)
apply_style()
page = st.navigation(
    [
        st.Page("screens/operations.py", title="Operations", url_path="operations", default=True),
        st.Page("screens/well.py", title="Well", url_path="well"),
        st.Page("screens/facility.py", title="Facility", url_path="facility"),
        st.Page("screens/history.py", title="History", url_path="history"),
        st.Page("screens/detector.py", title="Detector", url_path="detector"),
        st.Page("screens/pipeline.py", title="Pipeline", url_path="pipeline"),
    ]
)
with st.sidebar:
    choose_units()
page.run()
