"""How good the detector is: its figures against their targets, models, baselines and drift."""

import altair as alt
import pandas as pd

from dashboard.charts.bands import ABNORMAL, limit_lines
from dashboard.charts.drawing import Drawing
from dashboard.charts.tiles import Tile
from petrostream.scoring import OUTDATED_SCALES


def score_tiles(frame: pd.DataFrame) -> list[Tile]:
    """The detector's figures over labelled runs, from the one row of `scoreboard_recent`."""
    row = frame.iloc[0].fillna(0.0) if len(frame) else pd.Series(0.0, index=frame.columns)
    events, missed, hours = (float(row[name]) for name in ("events", "missed", "normal_hours"))
    rate = float(row["false_alarms_per_hour"])
    return [
        Tile("events", "Labelled events", f"{events:,.0f}", f"in {row['instances']:,.0f} runs of 7 days"),
        Tile("missed", "Missed", f"{missed:,.0f}", f"of {events:,.0f}", abnormal=missed > 0),
        Tile(
            "delay", "Delay, median", f"{row['median_delay_s']:,.0f} s" if events > missed else "-",
            f"90 % within {row['p90_delay_s']:,.0f} s" if events > missed else "no event was found",
        ),
        Tile(
            "false_alarms", "False alarms per hour", f"{rate:,.2f}" if hours else "-",
            f"{row['false_alarms']:,.0f} in {hours:,.1f} h labelled normal",
            abnormal=rate > 0.1,
        ),
        Tile(
            "in_alarm", "Normal time in alarm",
            f"{100 * float(row['normal_share_in_alarm']):,.1f} %" if hours else "-", "target up to 2 %",
            abnormal=float(row["normal_share_in_alarm"]) > 0.02,
        ),
    ]  # fmt: skip


def baseline_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Each well's model and baseline, and what to do about it; wells that need something come first."""
    scored = (100.0 * frame["scored"] / frame["readings"].where(frame["readings"] > 0)).fillna(0.0)
    # Readings replayed from before the baseline was made are no younger than it.
    aged = frame["baseline_age_days"].clip(lower=0.0)
    rows = frame.assign(
        baseline_age_days=aged, scored_pct=scored, to_do=frame["model_kind"].map(_to_do, na_action=None)
    )
    rows = rows.assign(fine=rows["to_do"] == "").sort_values(["fine", "well_id"]).drop(columns="fine")
    columns = ["well_id", "to_do", "model_kind", "model_version", "versions", "baseline_age_days"]
    return rows[[*columns, "scored_pct", "readings", "last_reading"]]


def _to_do(kind: object) -> str:
    if kind == "fleet":
        # A baseline that is no longer valid is not used: its well is scored with the fleet's model again.
        return "no valid baseline: petrostream commission"
    return "" if isinstance(kind, str) else "no model: petrostream publish-model"


_DISTANCES = [sign * distance for distance in (10, 100, 1000, 10_000) for sign in (-1, 1)]


def drift_chart(frame: pd.DataFrame) -> Drawing:
    """Distance of each well from its baseline by day, and where it becomes outdated."""
    known = frame[frame["level_shift"].notna()]
    # A band for each day: of times, a range of two days would have the same date at many ticks.
    x = alt.X(
        "utcyearmonthdate(day):O", title=None, axis=alt.Axis(format="%d %b", labelAngle=0, labelOverlap=True)
    )
    # A gauge that has failed is thousands of scales away, and the limit is 5: both must be readable.
    scale = alt.Scale(type="symlog", constant=OUTDATED_SCALES)
    y = alt.Y(
        "level_shift:Q",
        title="median distance, scales",
        scale=scale,
        axis=alt.Axis(format="~s", values=_DISTANCES),
    )
    tooltip = [
        alt.Tooltip("well_id:N", title="well"),
        alt.Tooltip("day:T", format="%Y-%m-%d"),
        alt.Tooltip("level_shift:Q", format=",.2f", title="median distance"),
        alt.Tooltip("level_shift_sensor:N", title="farthest gauge"),
        alt.Tooltip("outdated_hours:Q", format=",.1f", title="hours outside"),
    ]
    outside = f"abs(datum.level_shift) >= {OUTDATED_SCALES}"
    points = (
        alt.Chart(known)
        .mark_point(filled=True, size=70, opacity=0.9)
        .encode(
            x, y, tooltip=tooltip,
            color=alt.condition(outside, alt.value(ABNORMAL), alt.value("#7C8790")),
            shape=alt.condition(outside, alt.value("triangle-up"), alt.value("circle")),
        )
    )  # fmt: skip
    lines = alt.Chart(known).mark_line(color="#9AA3AA", strokeWidth=1).encode(x, y, detail="well_id:N")
    limits = {"outdated beyond": OUTDATED_SCALES, "": -OUTDATED_SCALES}
    return alt.layer(lines, points, *limit_lines(limits)).properties(height=240)
