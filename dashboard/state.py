"""What a session of a browser shares between pages: the reader, and the units chosen."""

import logging

import streamlit as st

from dashboard.data.adapters import open_ports
from dashboard.data.reader import Reader
from dashboard.units import SI, SYSTEMS, UnitSystem

logger = logging.getLogger("dashboard")
UNITS_KEY = "units"


@st.cache_resource(show_spinner=False)
def reader() -> Reader:
    """The process's reader, shared by all sessions."""
    return Reader(open_ports())


def units() -> UnitSystem:
    """The units chosen in the sidebar."""
    chosen: UnitSystem = st.session_state.get(UNITS_KEY, SI)
    return chosen


def choose_units() -> None:
    """The selector of units."""
    st.radio("Units", SYSTEMS, key=UNITS_KEY, format_func=lambda system: system.name)
