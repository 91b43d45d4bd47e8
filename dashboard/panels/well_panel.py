"""The page Well: which well, which range, and the parts that show it."""

import streamlit as st

from dashboard.charts.states import EMPTY_LAKE, explained, show_empty, show_stale, unknown_well
from dashboard.charts.tables import facts_html
from dashboard.data.reader import STALE_MS, Present
from dashboard.state import reader, units
from dashboard.views.well import status_facts
from petrostream.aws.alarm_list import age
from petrostream.aws.live_reader import Well
from petrostream.names import shown
from petrostream.times import to_iso

WELL_KEY = "well"


def show() -> None:
    """The page."""
    with explained():
        present = reader().present()
        if not present.wells:
            show_empty(EMPTY_LAKE)
            return
        well = _chosen(present)
        if well is not None:
            _status(well.well_id)


def _chosen(present: Present) -> Well | None:
    """The well of the selector, which the address carries: `?well=WELL-00011`."""
    wells = {well.well_id: well for well in present.wells}
    asked = st.query_params.get(WELL_KEY)
    names = sorted(wells)
    if asked is not None and asked not in wells:
        show_empty(unknown_well(shown(asked)))
    at = names.index(asked) if asked in wells else None if asked is not None else 0
    chosen = st.selectbox("Well", names, index=at, format_func=shown, placeholder="Choose a well")
    if chosen is None:
        return None
    st.query_params[WELL_KEY] = chosen
    return wells[chosen]


@st.fragment(run_every=5)
def _status(well_id: str) -> None:
    """The well's latest reading, from the live table."""
    with explained():
        present = reader().present()
        well = next((one for one in present.wells if one.well_id == well_id), None)
        if well is None:
            show_empty(unknown_well(shown(well_id)))
            return
        old_ms = present.now_ms - well.status.ts_ms
        if old_ms > STALE_MS:
            show_stale(to_iso(well.status.ts_ms), age(old_ms))
        st.html(facts_html(status_facts(well, units(), present.now_ms)))
