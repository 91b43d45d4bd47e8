"""Facts as a list, the SQL beside a chart, and rows to download."""

from collections.abc import Iterable

import streamlit as st

from dashboard.charts.marks import safe
from dashboard.data.ports import Answer
from petrostream.times import to_iso


def facts_html(facts: Iterable[tuple[str, str]], *, wide: bool = False) -> str:
    """Names and texts as a definition list; text from outside is escaped.

    Args:
        facts: names and texts.
        wide: whether they stand beside each other, as many as fit.
    """
    if wide:
        cells = "".join(f"<div><dt>{safe(name)}</dt><dd>{safe(text)}</dd></div>" for name, text in facts)
        return f'<dl class="ps-wide-facts">{cells}</dl>'
    rows = "".join(f"<dt>{safe(name)}</dt><dd>{safe(text)}</dd>" for name, text in facts)
    return f'<dl class="ps-facts">{rows}</dl>'


def sql_beside(answer: Answer, *, label: str = "SQL") -> None:
    """The statement of a chart, when it was asked, and what it scanned."""
    with st.expander(label):
        st.code(answer.sql, language="sql", wrap_lines=True)
        more = " The result has more rows than are shown." if answer.truncated else ""
        st.caption(
            f"Asked at {to_iso(answer.asked_ms)}; {len(answer.frame):,} rows; "
            f"scanned {answer.scanned_bytes / 1e6:,.1f} MB.{more}"
        )
