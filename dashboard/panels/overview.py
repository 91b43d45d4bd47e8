"""The part of Operations that refreshes every two seconds, from the live table alone."""

import pandas as pd
import streamlit as st

from dashboard.charts.marks import ALL, mark_html, safe
from dashboard.charts.states import EMPTY_LAKE, explained, show_empty, show_problem, show_stale
from dashboard.charts.tiles import Tile, tiles_html
from dashboard.data import queries
from dashboard.data.problems import Problem, problem_of
from dashboard.data.reader import STALE_MS, Present
from dashboard.panels.alarm_list import alarm_list
from dashboard.panels.alarm_panel import ALARM_KEY
from dashboard.state import reader, units
from dashboard.units import UnitSystem
from dashboard.views.alarms import alarm_rows
from dashboard.views.fleet import MAP_HEIGHT, alarm_counts, fleet_map, tiles, total_tile, well_rows
from petrostream.aws.alarm_list import age
from petrostream.errors import PetroStreamError
from petrostream.times import to_iso

REFRESH_SECONDS = 2
MOST_ROWS = 25
"""Rows of the alarm list: more than an operator can act on; the command line lists all."""


@st.fragment(run_every=REFRESH_SECONDS)
def show() -> None:
    """The overview, again every two seconds."""
    began_ms = reader().ports.clock()
    with explained():
        present, problem = _present()
        if problem is not None:
            show_problem(problem)
        if not present.wells:
            show_empty(EMPTY_LAKE)
            return
        _head(present, live=problem is None)
        st.html(tiles_html([*tiles(present), _total()], alarm_counts(present)))
        left, right = st.columns([1, 1], gap="medium")
        with left:
            _map(present)
        with right:
            _list(present)
        # The last element of a refresh says when it began: bench/dashboard.py measures with it.
        st.html(f'<span data-refresh="{began_ms}"></span>')


def _present() -> tuple[Present, Problem | None]:
    """The fleet now, or as it was last known, with why it is not known now: an empty screen helps nobody."""
    try:
        return reader().present(), None
    except PetroStreamError as error:
        known = reader().last_known()
        if known is None:
            raise
        return known, problem_of(error)


def _head(present: Present, *, live: bool) -> None:
    newest = present.newest_ms()
    stale = newest is not None and present.now_ms - newest > STALE_MS
    state, at = "Live" if live and not stale else "Not live, read", to_iso(present.now_ms)
    st.html(
        f'<div class="ps-stamp" data-stamp="{present.now_ms}">{state} {at[:10]} {at[11:19]} UTC, again every '
        f"{REFRESH_SECONDS} s</div>"
    )
    if newest is not None and stale:
        show_stale(to_iso(newest), age(present.now_ms - newest))


def _total() -> Tile:
    """The lake's total as it was last counted: a refresh never asks for it."""
    answer = reader().known(queries.anomalies_total())
    if answer is None or answer.frame.empty:
        return Tile("anomalies_total", "Anomalies, total", "…", "being counted")
    row = answer.frame.iloc[0]
    return total_tile(row["anomalies"], row["readings"], f"as of {to_iso(answer.asked_ms)[11:16]}")


def _map(present: Present) -> None:
    system = units()
    rows = well_rows(present, reader().sites(), system)
    plan, table = st.tabs(["Map", "Wells"], key="fleet_tabs", on_change="rerun")
    # What is not seen is not sent, thirty times a minute.
    if plan.open:
        with plan:
            _marks(rows, system)
    if table.open:
        with table:
            _wells(rows, system)


def _marks(rows: pd.DataFrame, system: UnitSystem) -> None:
    spec = dict(fleet_map(system))
    st.vega_lite_chart(rows, spec, key="fleet_map", alt="The fleet, a mark for each well")
    marks = "".join(f"<span>{mark_html(mark)} {safe(mark.text)}</span>" for mark in ALL)
    st.html(f'<div class="ps-legend">{marks}</div>')
    st.caption("Positions are invented (producer/fleet.json): 3W does not say where its wells are.")


def _wells(rows: pd.DataFrame, system: UnitSystem) -> None:
    shown = rows[["well", "facility", "alarm", "risk", "pressure", "temperature", "score", "age"]]
    names = {"pressure": f"TPT {system.label('p_tpt')}", "temperature": f"TPT {system.label('t_tpt')}"}
    st.dataframe(shown.rename(columns=names), key="wells", hide_index=True, height=MAP_HEIGHT)


def _list(present: Present) -> None:
    rows = alarm_rows(present.tags, present.now_ms)
    new = sum(row.unacknowledged for row in rows)
    st.markdown(f"**Alarms** — {new} unacknowledged of {len(rows)}")
    if not rows:
        st.caption("No alarm is active, unacknowledged, shelved or out of service.")
    with st.container(height=MAP_HEIGHT, border=False):
        opened = alarm_list(rows[:MOST_ROWS], key="alarm_list")
        if len(rows) > MOST_ROWS:
            st.caption(f"{len(rows) - MOST_ROWS} less urgent ones are not listed: `petrostream alarms list`.")
    if opened is not None:
        st.session_state[ALARM_KEY] = opened
        st.rerun()
