"""Empty, failed and stale states, the same on every page: what is the matter, and what to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st

from dashboard.charts.marks import safe
from dashboard.data.problems import Problem, problem_of


@dataclass(frozen=True, slots=True)
class Empty:
    """Nothing to show: why, and what to do about it."""

    title: str
    remedy: str


EMPTY_LAKE = Empty(
    "No well has sent a reading yet.",
    "`make demo` fills the lake with simulated wells; `make replay DATA=data/3w` replays real ones. "
    "This page notices by itself.",
)
NO_ROWS = Empty(
    "There are no readings in this range.",
    "Choose a longer range, or one in which the wells were sending.",
)


def no_rows_since(newest: str, age: str) -> Empty:
    """A range up to now that begins after a well's latest reading."""
    return Empty(
        "There are no readings in this range.",
        f"The well's latest reading is of {newest}, {age} ago: choose a longer range, or *Other* for one "
        "around that time.",
    )


REASON_BELOW = frozenset({"query", "refused", "unknown"})
"""Kinds of problems that only the service's own words explain: nobody should have to unfold them."""


def unknown_well(well_id: str) -> Empty:
    """A well that nobody has heard of."""
    return Empty(
        f"No well {well_id} has sent a reading.",
        "Choose one in the list. A link may name a well of another lake, or one whose readings were removed.",
    )


def show_empty(empty: Empty) -> None:
    """Show that there is nothing, and what to do."""
    _box("Nothing to show", empty.title, empty.remedy, None)


def show_problem(problem: Problem) -> None:
    """Show what went wrong, and what to do."""
    _box("Problem", problem.title, problem.remedy, problem.detail, unfolded=problem.kind in REASON_BELOW)


def show_stale(newest: str, age: str) -> None:
    """Show that the newest reading is old: figures below are of then, not of now."""
    st.html(
        f'<div class="ps-state ps-line" role="status"><span class="ps-kind">Stale</span> '
        f"<b>The newest reading is {safe(age)} old</b> ({safe(newest)}); what follows is as of then. Check "
        "the producer, then the page Pipeline: a stream that lags catches up by itself.</div>"
    )


@contextmanager
def explained() -> Iterator[None]:
    """Show the error of a read or an action in place of the part of the page that needed it."""
    try:
        yield
    except Exception as error:
        # Streamlit stops and reruns scripts by exceptions of its own, which are no Exception.
        show_problem(problem_of(error))


def _box(kind: str, title: str, remedy: str, detail: str | None, *, unfolded: bool = False) -> None:
    with st.container(border=True, key=None):
        st.html(
            f'<div class="ps-state" role="status"><span class="ps-kind">{safe(kind)}</span> '
            f"<b>{safe(title)}</b></div>"
        )
        st.markdown(remedy)
        if detail:
            with st.expander("The service's own words", expanded=unfolded):
                st.code(detail, language=None, wrap_lines=True)
