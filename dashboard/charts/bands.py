"""Charts that several pages draw: a line inside its band over time, bars over time, and a grid of days."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import altair as alt
import pandas as pd

from dashboard.charts.axes import FRAME, framed, on_time_axis, time_axis, value_axis, when
from dashboard.charts.drawing import Drawing

LINE, BAND, ABNORMAL, GRID, MUTED = "#2F7EBB", "#9AA3AA", "#D92B3A", "#5A646C", "#7C8790"
HEIGHT = 140


@dataclass(frozen=True, slots=True)
class Stretches:
    """Rows in order of time, one for each stretch of [start, end) that has readings.

    `bucket` is the beginning of a stretch, `seconds` its length.
    """

    rows: pd.DataFrame
    start: datetime
    end: datetime
    seconds: int

    def bands(self, mean: str, most: str, title: str, limits: Mapping[str, float] | None = None) -> Drawing:
        """A mean as a line and the greatest value as a band above it.

        Args:
            mean: column of the mean.
            most: column of the greatest value.
            title: what it is, with the unit.
            limits: levels to draw as dashed lines, by what they mean; one far above all values is left out.
        """
        base, x = alt.Chart(with_gaps(self.rows, self.seconds)), time_axis("bucket:T", self.start, self.end)
        tooltip = [
            when("bucket:T"),
            alt.Tooltip(f"{mean}:Q", format=",.1f", title="mean"),
            alt.Tooltip(f"{most}:Q", format=",.1f", title="greatest"),
        ]
        band = base.mark_area(color=BAND, opacity=0.35).encode(x, value_axis(f"{mean}:Q"), y2=f"{most}:Q")
        line = base.mark_line(color=LINE, strokeWidth=1.6).encode(
            on_time_axis("bucket:T"), y=f"{mean}:Q", tooltip=tooltip
        )
        highest = self.rows[most].max()
        near = {text: level for text, level in (limits or {}).items() if level <= 1.5 * highest}
        return framed([band, line, *limit_lines(near)], HEIGHT, title)

    def bars(self, value: str, title: str, *, colour: str = BAND) -> Drawing:
        """A bar for each stretch.

        Args:
            value: column of its height.
            title: what it is, with the unit.
            colour: of the bars.
        """
        tooltip = [when("bucket:T"), alt.Tooltip(f"{value}:Q", format=",.1f", title=title)]
        x, y = time_axis("bucket:T", self.start, self.end), value_axis(f"{value}:Q", alt.Scale(zero=True))
        chart = alt.Chart(self.rows).mark_bar(color=colour, width=self._width())
        return framed([chart.encode(x, y, tooltip=tooltip)], HEIGHT, title)

    def _width(self) -> float:
        """Width of a bar, in pixels of a plot that has about 400."""
        return min(24.0, max(1.0, 400.0 * self.seconds / (self.end - self.start).total_seconds()))


def with_gaps(frame: pd.DataFrame, seconds: int) -> pd.DataFrame:
    """The stretches, with an empty one after each that no other follows: a line must not cross a gap."""
    if frame.empty:
        return frame
    times = frame["bucket"]
    # The live table's stretches are minutes, whatever those of the lake are.
    apart = times.shift(-1) - times > pd.Timedelta(seconds=1.5 * max(seconds, 60))
    holes = pd.DataFrame({"bucket": times[apart] + pd.Timedelta(seconds=seconds)})
    return pd.concat([frame, holes]).sort_values("bucket", ignore_index=True)


def limit_lines(limits: Mapping[str, float]) -> list[alt.Chart]:
    """Levels as dashed lines with their meaning at the right; no layers without levels."""
    if not limits:
        return []
    texts = [f"{text} {level:,.0f}" if text else "" for text, level in limits.items()]
    rows = pd.DataFrame({"level": list(limits.values()), "text": texts})
    lines = alt.Chart(rows).mark_rule(strokeDash=[4, 3], color=GRID).encode(y="level:Q")
    names = (
        alt.Chart(rows)
        .mark_text(align="right", baseline="bottom", dx=-2, fontSize=10, color=MUTED)
        .encode(x=alt.value("width"), y="level:Q", text="text:N")
    )
    return [lines, names]


def day_grid(frame: pd.DataFrame, value: str, title: str, *, low_is_bad: bool = False) -> Drawing:
    """A cell for each well and day, darker the worse, with its figure in the tooltip and, where few, inside.

    Args:
        frame: columns `well_id`, `day` and `value`.
        value: the figure, 0 to 100.
        title: what it is.
        low_is_bad: whether 100 is good (a quality) rather than 0 (a share of anomalies).
    """
    wells = frame["well_id"].nunique()
    x = alt.X("utcyearmonthdate(day):O", title=None, axis=alt.Axis(format="%d %b", labelAngle=0))
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
    return alt.layer(*layers).properties(height=min(640, 26 * wells) + FRAME)
