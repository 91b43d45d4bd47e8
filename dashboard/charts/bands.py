"""Charts that several pages draw: a line inside its band over time, bars over time, and a grid of days."""

from collections.abc import Mapping

import altair as alt
import pandas as pd

from dashboard.charts.drawing import Drawing

LINE, BAND, ABNORMAL, GRID = "#3B5B75", "#9AA3AA", "#B3001B", "#5A646C"
HEIGHT = 150


def band_chart(
    frame: pd.DataFrame, mean: str, most: str, title: str, limits: Mapping[str, float] | None = None
) -> Drawing:
    """A mean as a line and the greatest value as a band above it, over the column `bucket`.

    Args:
        frame: rows in order of time.
        mean: column of the mean.
        most: column of the greatest value.
        title: heading of the axis, with the unit.
        limits: levels to draw as dashed lines, by what they mean; one far above all values is left out.
    """
    x = alt.X("bucket:T", title=None)
    base = alt.Chart(frame)
    tooltip = [
        alt.Tooltip("bucket:T", format="%Y-%m-%d %H:%M:%S", title="UTC"),
        alt.Tooltip(f"{mean}:Q", format=",.1f", title="mean"),
        alt.Tooltip(f"{most}:Q", format=",.1f", title="greatest"),
    ]
    band = base.mark_area(color=BAND, opacity=0.35).encode(
        x, y=alt.Y(f"{mean}:Q", title=title, scale=alt.Scale(zero=False)), y2=f"{most}:Q"
    )
    line = base.mark_line(color=LINE, strokeWidth=1.6).encode(x, y=f"{mean}:Q", tooltip=tooltip)
    layers: list[alt.Chart] = [band, line]
    highest = frame[most].max()
    near = {text: level for text, level in (limits or {}).items() if level <= 1.5 * highest}
    return alt.layer(*layers, *limit_lines(near)).properties(height=HEIGHT)


def limit_lines(limits: Mapping[str, float]) -> list[alt.Chart]:
    """Levels as dashed lines with their meaning at the right; no layers without levels."""
    if not limits:
        return []
    rows = pd.DataFrame({"level": list(limits.values()), "text": list(limits)})
    lines = alt.Chart(rows).mark_rule(strokeDash=[4, 3], color=GRID).encode(y="level:Q")
    texts = (
        alt.Chart(rows)
        .mark_text(align="right", baseline="bottom", dx=-2, fontSize=10)
        .encode(x=alt.value("width"), y="level:Q", text="text:N")
    )
    return [lines, texts]


def bars(frame: pd.DataFrame, value: str, title: str, *, colour: str = BAND) -> Drawing:
    """A bar for each stretch of time of the column `bucket`."""
    chart: Drawing = (
        alt.Chart(frame)
        .mark_bar(color=colour)
        .encode(
            x=alt.X("bucket:T", title=None),
            y=alt.Y(f"{value}:Q", title=title),
            tooltip=[alt.Tooltip("bucket:T", format="%Y-%m-%d %H:%M", title="UTC"), f"{value}:Q"],
        )
        .properties(height=HEIGHT)
    )
    return chart


def day_grid(frame: pd.DataFrame, value: str, title: str, *, low_is_bad: bool = False) -> Drawing:
    """A cell for each well and day, darker the worse, with its figure in the tooltip and, where few, inside.

    Args:
        frame: columns `well_id`, `day` and `value`.
        value: the figure, 0 to 100.
        title: what it is.
        low_is_bad: whether 100 is good (a quality) rather than 0 (a share of anomalies).
    """
    wells = frame["well_id"].nunique()
    x = alt.X("yearmonthdate(day):O", title=None, axis=alt.Axis(format="%d %b", labelAngle=0))
    y = alt.Y("well_id:N", title=None, axis=alt.Axis(labelLimit=180))
    scale = alt.Scale(domain=[0, 100], range=["#E4E6E8", "#3B2A1E"], interpolate="lab")
    colour = alt.Color(f"{value}:Q", title=title, scale=scale, sort="descending" if low_is_bad else None)
    tooltip = [
        alt.Tooltip("well_id:N", title="well"),
        alt.Tooltip("day:T", format="%Y-%m-%d"),
        alt.Tooltip(f"{value}:Q", format=",.2f", title=title),
        alt.Tooltip("readings:Q", format=",.0f"),
    ]
    base = alt.Chart(frame)
    layers = [base.mark_rect(stroke="#7C8790", strokeWidth=0.5).encode(x, y, color=colour, tooltip=tooltip)]
    if frame["day"].nunique() <= 14:
        dark = f"datum.{value} {'<' if low_is_bad else '>'} 50"
        layers.append(
            base.mark_text(fontSize=11).encode(
                x, y,
                text=alt.Text(f"{value}:Q", format=",.1f"),
                color=alt.condition(dark, alt.value("#FFFFFF"), alt.value("#20262B")),
            )
        )  # fmt: skip
    return alt.layer(*layers).properties(height=max(60, min(640, 26 * wells)))
