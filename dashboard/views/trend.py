"""A well over time: charts of one width under each other, which share the axis of time.

Each chart draws the mean of a stretch as a line and its least and greatest value as a band, so that a short
spike in a long range is seen. Labelled events lie behind as bands, alarms as rules where they began.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import altair as alt
import pandas as pd

from dashboard.charts.axes import framed, named, on_time_axis, row_axis, time_axis, value_axis, when
from dashboard.charts.drawing import Drawing
from dashboard.charts.marks import BY_PRIORITY
from dashboard.units import UnitSystem, quantity_of
from petrostream.alarms import PRIORITIES
from petrostream.live import Minute
from petrostream.risk import ALERT_ABOVE, EVENT_NAMES
from petrostream.schema import schema

LINES = ("#2F7EBB", "#A0522D", "#1B8A6B", "#8B6BB1", "#6B7780", "#B07AA1")
"""Colours of lines: none is a priority's; dashes tell them apart as well."""

DASHES = ([1, 0], [6, 2], [2, 2], [8, 2, 2, 2], [4, 4], [1, 3])
BAND = "#8C9AA5"
LIVE_GAUGES = ("p_tpt", "t_tpt")
"""Gauges of which the live table has minutes."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What the charts of a well share.

    Attributes:
        start, end: the range shown.
        events: labelled events: `began`, `ended`, `text`.
        alarms: alarms: `began`, `ended`, `priority`, `alarm_type`, `text`.
    """

    start: datetime
    end: datetime
    events: pd.DataFrame
    alarms: pd.DataFrame


def name_of(gauge: str) -> str:
    """A gauge's name in 3W, such as P-TPT."""
    return schema("scored_readings").field(gauge).three_w or gauge


def with_live(frame: pd.DataFrame, minutes: Sequence[Minute]) -> pd.DataFrame:
    """The lake's stretches, and the live table's minutes after the last of them.

    Args:
        frame: rows of `well_trend`.
        minutes: the well's minutes, oldest first; those the lake has already are left out.
    """
    last = None if frame.empty else frame["bucket"].max()
    new = [
        minute for minute in minutes
        if last is None or pd.Timestamp(minute.start_ms, unit="ms", tz="UTC") > last
    ]  # fmt: skip
    if not new:
        return frame
    rows = pd.DataFrame(
        {
            "bucket": pd.to_datetime([minute.start_ms for minute in new], unit="ms", utc=True),
            "readings": [float(minute.readings) for minute in new],
            "anomalies": [float(minute.anomalies) for minute in new],
            "risk_max": [float(minute.max_risk) for minute in new],
            **{
                f"{gauge}_{kind}": [getattr(minute, f"{headline}_{kind}") for minute in new]
                for gauge, headline in zip(LIVE_GAUGES, ("pressure", "temperature"), strict=True)
                for kind in ("mean", "min", "max")
            },
        }
    )
    return rows if frame.empty else pd.concat([frame, rows.astype({"bucket": frame["bucket"].dtype})])


def gauge_rows(frame: pd.DataFrame, gauges: Sequence[str], units: UnitSystem) -> pd.DataFrame:
    """Long rows of the gauges with values: `time`, `gauge`, `mean`, `min` and `max` in the units shown."""
    parts = [
        pd.DataFrame(
            {"time": frame["bucket"], "gauge": name_of(gauge)}
            | {kind: units.values(gauge, frame[f"{gauge}_{kind}"]) for kind in ("mean", "min", "max")}
        )
        for gauge in gauges
        if f"{gauge}_mean" in frame and frame[f"{gauge}_mean"].notna().any()
    ]
    columns = ["time", "gauge", "mean", "min", "max"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def event_bands(frame: pd.DataFrame, seconds: int) -> pd.DataFrame:
    """Stretches in a row with the same label of 3W, as bands; normal ones are left out."""
    labelled = frame[frame["label"].fillna(0) > 0] if "label" in frame else frame.iloc[:0]
    if labelled.empty:
        return pd.DataFrame(columns=["began", "ended", "text"])
    step = pd.Timedelta(seconds=seconds)
    new = (labelled["label"] != labelled["label"].shift()) | (labelled["bucket"].diff() > 1.5 * step)
    bands = labelled.groupby(new.cumsum()).agg(
        began=("bucket", "min"), ended=("bucket", "max"), label=("label", "first")
    )
    bands["ended"] += step
    bands["text"] = [event_text(int(label)) for label in bands["label"]]
    return bands[["began", "ended", "text"]].reset_index(drop=True)


def event_text(label: int) -> str:
    """A label of 3W in words: 1 to 9 are events, 101 to 109 their transients."""
    transient = label > 100
    name = EVENT_NAMES.get(label % 100, f"class {label}")
    return f"3W label: {name}{' (transient)' if transient else ''}"


def alarm_bands(frame: pd.DataFrame, start: datetime, end: datetime) -> pd.DataFrame:
    """Rows of `well_alarms` within the range; one that stands ends with it."""
    if frame.empty:
        return pd.DataFrame(columns=["began", "ended", "priority", "alarm_type", "text"])
    first, last = pd.Timestamp(start), pd.Timestamp(end)
    return pd.DataFrame(
        {
            "began": frame["began"].where(frame["began"] > first, first),
            "ended": frame["ended"].where(frame["ended"] < last, last),
            "priority": frame["priority"],
            "alarm_type": frame["alarm_type"],
            "text": frame["sentence"].fillna(""),
        }
    )


def gauge_chart(
    frame: pd.DataFrame, gauges: Sequence[str], units: UnitSystem, scene: Scene
) -> Drawing | None:
    """Gauges of one quantity; None if none of them has a value.

    Args:
        frame: rows of `well_trend`, gaps included.
        gauges: gauges of the same quantity, at most as many as `LINES`.
        units: units to show.
        scene: what all charts share.
    """
    rows = gauge_rows(frame, gauges, units)
    if rows.empty:
        return None
    names = [name_of(gauge) for gauge in gauges if name_of(gauge) in set(rows["gauge"])]
    legend = alt.Legend(
        title=None, orient="none", legendX=150, legendY=-25, direction="horizontal", symbolType="stroke",
        symbolSize=300, symbolStrokeWidth=2, symbolOpacity=1,
    )  # fmt: skip
    colour = alt.Color("gauge:N", scale=named(names, LINES), legend=legend)
    dash = alt.StrokeDash("gauge:N", scale=named(names, DASHES), legend=legend)
    base = alt.Chart(rows).encode(x=_time(scene))
    limits = base.mark_area(opacity=0.22).encode(y=value_axis("min:Q"), y2="max:Q", color=colour)
    kinds = [alt.Tooltip(f"{kind}:Q", format=",.2f") for kind in ("min", "mean", "max")]
    lines = base.mark_line(strokeWidth=1.6).encode(
        y=value_axis("mean:Q"), color=colour, strokeDash=dash, tooltip=[when("time:T"), "gauge:N", *kinds]
    )
    quantity = quantity_of(gauges[0])
    height = 170 if quantity == "pressure" else 95
    return framed([*_behind(scene), limits, lines], height, f"{quantity}, {units.label(gauges[0])}")


def valve_chart(frame: pd.DataFrame, valves: Sequence[str], seconds: int, scene: Scene) -> Drawing | None:
    """Valves as rows, dark while shut; None if none of them has a value.

    Args:
        frame: rows of `well_trend`.
        valves: gauges with states of valves.
        seconds: length of a stretch.
        scene: what all charts share.
    """
    known = [valve for valve in valves if f"{valve}_mean" in frame and frame[f"{valve}_mean"].notna().any()]
    if not known:
        return None
    rows = pd.concat(
        [
            pd.DataFrame(
                {"time": frame["bucket"], "valve": short_name(valve), "open": frame[f"{valve}_mean"]}
            )
            for valve in known
        ]
    ).dropna()
    rows["until"] = rows["time"] + pd.Timedelta(seconds=seconds)
    order = [short_name(valve) for valve in known]
    shade = alt.Color("open:Q", scale=alt.Scale(domain=[0, 1], range=["#3A4147", "#C3CAD0"]), legend=None)
    strips = (
        alt.Chart(rows)
        .mark_bar(height=9)
        .encode(
            x=_time(scene),
            x2="until:T",
            y=row_axis("valve:N", order),
            color=shade,
            tooltip=[when("time:T"), "valve:N", alt.Tooltip("open:Q", format=".2f")],
        )
    )
    return framed([strips], 16 * len(order), "valves: light open, dark shut")


def score_chart(frame: pd.DataFrame, scene: Scene, chosen: pd.Timestamp | None) -> Drawing:
    """The anomaly score: mean and highest of each stretch, flagged stretches, a rule at the chosen one."""
    base = alt.Chart(frame.rename(columns={"bucket": "time"})).encode(x=_time(scene))
    score = value_axis("score_max:Q", alt.Scale(domain=[0, 1]))
    highest = base.mark_line(color=LINES[0], strokeWidth=1.4).encode(
        y=score,
        tooltip=[when("time:T"), alt.Tooltip("score_max:Q", format=".3f"), "anomalies:Q", "readings:Q"],
    )
    mean = base.mark_line(color=BAND, strokeWidth=1).encode(y="score_mean:Q")
    flagged = (
        base.transform_filter("datum.anomalies > 0")
        .mark_tick(color="#E8730C", thickness=3, size=8, orient="vertical")
        .encode(y=alt.datum(0.03), tooltip=[when("time:T"), "anomalies:Q", "reason:N"])
    )
    pick = [] if chosen is None else [_rules(pd.DataFrame({"began": [chosen]}), LINES[1], [1, 0])]
    title = "anomaly score, 0 to 1: highest and mean; orange marks flagged readings"
    return framed([*_behind(scene), mean, highest, flagged, *pick], 80, title)


def risk_chart(frame: pd.DataFrame, scene: Scene) -> Drawing:
    """The highest risk of each stretch, with the limit above which a reading is an ALERT."""
    base = alt.Chart(frame.rename(columns={"bucket": "time"})).encode(x=_time(scene))
    line = {"color": "#5A646C"}
    area = base.mark_area(color=BAND, opacity=0.55, interpolate="step-after", line=line).encode(
        y=value_axis("risk_max:Q", alt.Scale(domain=[0, 100])), tooltip=[when("time:T"), "risk_max:Q"]
    )
    limit = alt.Chart(pd.DataFrame({"risk_max": [ALERT_ABOVE]}))
    rule = limit.mark_rule(color="#5A646C", strokeDash=[4, 3]).encode(y="risk_max:Q")
    title = f"risk, 0 to 100; ALERT above {ALERT_ABOVE} (dashed)"
    return framed([*_behind(scene), area, rule], 60, title)


def timeline(scene: Scene) -> Drawing | None:
    """Labelled events and alarms as bars, a row each; None if there are none."""
    events = scene.events.assign(row=scene.events["text"], priority="label")
    alarms = scene.alarms.assign(row=scene.alarms["alarm_type"] + " · " + scene.alarms["priority"])
    bars = pd.concat([one for one in (events, alarms) if not one.empty] or [events], ignore_index=True)
    if bars.empty:
        return None
    kinds = ["label", *PRIORITIES]
    colours = [BAND, *(BY_PRIORITY[name].colour for name in PRIORITIES)]
    order = list(dict.fromkeys(bars["row"]))
    rows = row_axis("row:N", order, labels=False)
    drawn = (
        alt.Chart(bars)
        .mark_bar(height=7, yOffset=5, stroke="#5A646C", strokeWidth=0.6)
        .encode(
            x=_time(scene, "began:T"),
            x2="ended:T",
            y=rows,
            color=alt.Color("priority:N", scale=named(kinds, colours), legend=None),
            tooltip=[when("began:T"), when("ended:T"), "priority:N", "text:N"],
        )
    )
    names = (
        alt.Chart(bars.drop_duplicates("row"))
        .mark_text(align="left", baseline="bottom", fontSize=11, dx=2, dy=2, color="#7C8790")
        .encode(y=rows, x=alt.value(0), text="row:N")
    )
    return framed([drawn, names], 25 * len(order), "alarms by priority, and labelled events")


def short_name(valve: str) -> str:
    """A valve's name in 3W without the word that all begin with: ESTADO-DHSV is DHSV."""
    return name_of(valve).removeprefix("ESTADO-")


def _time(scene: Scene, field: str = "time:T") -> alt.X:
    return time_axis(field, scene.start, scene.end)


def _behind(scene: Scene) -> list[alt.Chart]:
    """Bands of labelled events, and rules where alarms began; none of either if there are none."""
    layers = []
    if not scene.events.empty:
        bands = alt.Chart(scene.events).mark_rect(color=BAND, opacity=0.16)
        layers.append(bands.encode(x=on_time_axis("began:T"), x2="ended:T", tooltip=["text:N"]))
    if not scene.alarms.empty:
        layers.append(_rules(scene.alarms, "#5A646C", [3, 3]))
    return layers


def _rules(rows: pd.DataFrame, colour: str, dash: list[int]) -> alt.Chart:
    chart: alt.Chart = alt.Chart(rows).mark_rule(color=colour, strokeDash=dash)
    return chart.encode(x=on_time_axis("began:T"))
