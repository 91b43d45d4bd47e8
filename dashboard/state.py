"""What a session of a browser shares between pages: the reader, and the units chosen."""

import logging

import streamlit as st

from dashboard.data.adapters import open_ports
from dashboard.data.ports import Answer
from dashboard.data.reader import Reader
from dashboard.data.sql import Query
from dashboard.units import SI, SYSTEMS, UnitSystem

logger = logging.getLogger("dashboard")
UNITS_KEY = "units"


@st.cache_resource(show_spinner=False)
def reader() -> Reader:
    """The process's reader, shared by all sessions."""
    return Reader(open_ports())


def ask(*queries: Query) -> list[Answer]:
    """The lake's answers, asked at the same time; whoever waits sees for what, and how long already.

    Raises:
        QueryFailed, QueryTimedOut, ServiceUnavailable: as `Reader.ask`.
    """
    with st.spinner("Asking the lake", show_time=True):
        return reader().ask_all(queries)


def units() -> UnitSystem:
    """The units chosen in the sidebar."""
    chosen: UnitSystem = st.session_state.get(UNITS_KEY, SI)
    return chosen


def choose_units() -> None:
    """The selector of units."""
    st.radio("Units", SYSTEMS, key=UNITS_KEY, format_func=lambda system: system.name)
