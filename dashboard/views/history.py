"""The past: anomalies and data quality by well and day, and what was quarantined."""

import re
from collections.abc import Hashable, Mapping
from typing import Any

import altair as alt
import pandas as pd

from dashboard.charts.axes import FRAME
from dashboard.charts.bands import BAND, day_grid
from dashboard.charts.drawing import Drawing
from petrostream.names import shown

MOST_REASONS = 20
READ_ONLY = ("select", "with", "show", "describe", "explain", "values")
"""How a statement begins that the SQL box runs. The credentials' rights are what protects the lake."""

_COMMENT_OR_QUOTED = re.compile(r"""--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*\"""", re.DOTALL)


def anomaly_grid(frame: pd.DataFrame) -> Drawing:
    """Share of anomalous readings of each well and day."""
    return day_grid(frame, "anomalies_pct", "anomalous, %")


def quality_grid(frame: pd.DataFrame) -> Drawing:
    """Mean data quality of each well and day."""
    return day_grid(frame, "data_quality_mean", "quality, of 100", low_is_bad=True)


def reason_bars(frame: pd.DataFrame, count: str) -> Drawing:
    """The most frequent reasons, the most frequent first.

    Args:
        frame: columns `reason` and `count`.
        count: the column that counts.
    """
    rows = frame.nlargest(MOST_REASONS, count)
    rows = rows.assign(reason=rows["reason"].map(lambda text: shown(str(text))))
    chart: Drawing = (
        alt.Chart(rows)
        .mark_bar(color=BAND)
        .encode(
            x=alt.X(f"{count}:Q", title=count, axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("reason:N", sort="-x", title=None, axis=alt.Axis(labelLimit=320)),
            tooltip=["reason:N", alt.Tooltip(f"{count}:Q", format=",.0f")],
        )
        .properties(height=22 * len(rows) + FRAME)
    )
    return chart


def raw_text(line: Mapping[Hashable, Any]) -> str:
    """A quarantined line as it was sent, printable; one that was no text is shown in base64."""
    note = f"(the first part of {line['raw_bytes']:,.0f} bytes)\n" if line["raw_truncated"] else ""
    kind = "(base64: the line was no valid text)\n" if line["raw_encoding"] == "base64" else ""
    return f"{note}{kind}{shown(str(line['raw'] or ''), keep=chr(10))}"


def refusal(sql: str) -> str | None:
    """Why the SQL box does not run a statement, None if it does."""
    statement = _bare(sql)
    words = statement.lstrip(" (").lower().split()
    if not words:
        return 'Write a query, such as SELECT * FROM wells_by_day WHERE "date" = CURRENT_DATE.'
    if words[0] not in READ_ONLY:
        kinds = ", ".join(word.upper() for word in READ_ONLY)
        return f"{words[0].upper()} is not run here: this box reads ({kinds}). `petrostream sql` says more."
    if ";" in statement:
        return (
            "There is more than one statement: run them one by one, each without what follows its semicolon."
        )
    return None


def _bare(sql: str) -> str:
    """A statement without comments, without what its quotes hold, and without the semicolon at its end."""
    bare = _COMMENT_OR_QUOTED.sub(lambda found: " " if found[0][0] in "-/" else found[0][0] * 2, sql)
    return bare.strip().rstrip("; \n\t").lstrip()
