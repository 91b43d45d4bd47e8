"""Axes and frames that charts share: times in UTC, and vertical axes of one width, so they are in line."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import altair as alt

from dashboard.charts.drawing import Drawing

WIDTH = 62
"""Room for the labels of every vertical axis, in pixels: the charts then begin at the same place."""


FRAME = 48
"""Height of heading and axis: Streamlit fits all of a chart into its height."""


def time_axis(field: str, start: datetime, end: datetime) -> alt.X:
    """A column of times, from `start` to `end`; one layer of a chart has it, the others `on_time_axis`."""
    long = (end - start).total_seconds() > 36 * 3600
    # As least and greatest value: of a list of both Vega says that it conflicts with itself.
    scale = alt.Scale(type="utc", domainMin=_instant(start), domainMax=_instant(end), nice=False, clamp=True)
    axis = alt.Axis(format="%d %b %H:%M" if long else "%H:%M", labelOverlap=True, grid=True)
    return alt.X(field, title=None, axis=axis, scale=scale)


def on_time_axis(field: str) -> alt.X:
    """A column of times on the axis that another layer sets up."""
    return alt.X(field, title=None, scale=alt.Scale(type="utc"))


def value_axis(field: str, scale: alt.Scale | None = None) -> alt.Y:
    """A column of numbers, upwards."""
    axis = alt.Axis(minExtent=WIDTH, maxExtent=WIDTH, tickCount=4, format=",.5~r")
    return alt.Y(field, title=None, scale=scale or alt.Scale(zero=False), axis=axis)


def row_axis(field: str, order: Sequence[str], *, labels: bool = True) -> alt.Y:
    """A column of names as rows."""
    axis = alt.Axis(labels=labels, ticks=False, domain=False, grid=False, minExtent=WIDTH, maxExtent=WIDTH)
    return alt.Y(field, title=None, sort=list(order), axis=axis)


def named(names: Sequence[str], values: Sequence[Any]) -> alt.Scale:
    """A scale from names to what they look like; further values are not used."""
    return alt.Scale(domain=list(names), range=list(values[: len(names)]))


def when(field: str) -> alt.Tooltip:
    """A time in a tooltip."""
    title = f"{field.removesuffix(':T')}, UTC"
    return alt.Tooltip(field, title=title, format="%d %b %H:%M:%S", formatType="utc")


def framed(layers: Sequence[alt.Chart], height: int, title: str) -> Drawing:
    """Layers as one chart with a heading; `height` is that of the plot, in pixels."""
    heading = alt.TitleParams(
        title, anchor="start", fontSize=12, fontWeight="normal", offset=8, frame="group"
    )
    return alt.layer(*layers).properties(
        height=height + FRAME, title=heading, padding={"top": 2, "bottom": 0}
    )


def _instant(instant: datetime) -> alt.DateTime:
    at = instant.astimezone(UTC)
    return alt.DateTime(
        year=at.year,
        month=at.month,
        date=at.day,
        hours=at.hour,
        minutes=at.minute,
        seconds=at.second,
        utc=True,
    )
