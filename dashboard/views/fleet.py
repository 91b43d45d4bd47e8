"""The fleet at a glance: a tile for each figure, a mark for each well on the map."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import altair as alt
import pandas as pd

from dashboard.charts.marks import ALL, mark_of
from dashboard.charts.tiles import Tile
from dashboard.data.reader import STALE_MS, Present
from dashboard.data.sites import Sites
from dashboard.units import UnitSystem
from petrostream.alarms import ACTIVE_UNACKNOWLEDGED, PRIORITIES
from petrostream.aws.alarm_desk import TagView
from petrostream.aws.alarm_list import age
from petrostream.aws.live_reader import Well
from petrostream.names import shown
from petrostream.risk import ALERT_ABOVE

OPEN_STATES = (ACTIVE_UNACKNOWLEDGED, "active_acknowledged")
MAP_HEIGHT = 430
_BLOCK, _STEP = 3, 20
"""Wells in a row of a facility's block, and the distance of its marks in pixels, however wide the map is."""


def risk_of(well: Well) -> int:
    """The risk of the latest reading, or of its latest pair with a tank if that is higher."""
    return max(well.status.risk_score, well.status.joined_risk or 0)


def open_alarms(present: Present) -> list[TagView]:
    """The alarms that are active and annunciated: not suppressed, shelved or out of service."""
    return [view for view in present.tags if view.record.state(present.now_ms) in OPEN_STATES]


def alarm_counts(present: Present) -> dict[str, int]:
    """Open alarms by priority, the most urgent first."""
    found = Counter(view.record.priority for view in open_alarms(present))
    return {priority: found[priority] for priority in PRIORITIES}


def tiles(present: Present) -> list[Tile]:
    """The overview's figures that come from the live table."""
    active, wells = len(present.active()), len(present.wells)
    worst = max(present.wells, key=risk_of, default=None)
    risk = 0 if worst is None else risk_of(worst)
    recent = present.recent_anomalies
    most = max(recent, key=lambda name: recent[name], default="")
    unread = sum(not facility.readable for facility in present.facilities)
    note = f"of {wells} in {len(present.facilities)} facilities"
    return [
        Tile(
            "active", "Active wells", f"{active:,}", f"{note}; {unread} unreadable" if unread else note,
            abnormal=active < wells or unread > 0,
        ),
        Tile(
            "anomalies_hour", "Anomalies, last hour", f"{sum(recent.values()):,}",
            f"most: {shown(most)} ({recent[most]:,})" if most and recent[most] else "none",
        ),
        Tile(
            "worst_risk", "Worst risk, 0 to 100", str(risk),
            _whose(worst, present.now_ms),
            abnormal=risk > ALERT_ABOVE,
        ),
    ]  # fmt: skip


def _whose(well: Well | None, now_ms: int) -> str:
    """The name of a well, with the age of its reading where that is no longer of now."""
    if well is None:
        return ""
    old_ms = now_ms - well.status.ts_ms
    return f"{shown(well.well_id)}{f', {age(old_ms)} ago' if old_ms > STALE_MS else ''}"


def total_tile(anomalies: float, readings: float, as_of: str) -> Tile:
    """The anomalies of the whole lake, counted in SQL."""
    share = f"{100 * anomalies / readings:.1f} % of " if readings else ""
    return Tile(
        "anomalies_total", "Anomalies, total", f"{anomalies:,.0f}", f"{share}{readings:,.0f}, {as_of}"
    )


def well_rows(present: Present, sites: Sites, units: UnitSystem) -> pd.DataFrame:
    """A row for each well, with its place on the map, mark and headline figures, the most urgent first."""
    urgent = _most_urgent(present)
    rows = []
    for facility in present.facilities:
        place = _place_of(facility.facility_id, sites, [one.facility_id for one in present.facilities])
        for number, well in enumerate(facility.wells):
            rows.append(_row(well, number, place, urgent.get(well.well_id), present.now_ms, units))
    frame = pd.DataFrame(rows, columns=list(_COLUMNS))
    ranks = {mark.text: rank for rank, mark in enumerate(ALL)}
    order = frame["mark"].map(ranks)
    return frame.assign(order=order).sort_values(["order", "risk", "well"], ascending=[True, False, True])


_COLUMNS = (
    *("well", "facility", "mark", "number", "size", "alarm", "risk", "pressure", "temperature", "score"),
    *("age", "x", "y", "right", "down"),
)


def _row(
    well: Well, number: int, place: tuple[float, float], first: str | None, now_ms: int, units: UnitSystem
) -> dict[str, object]:
    status = well.status
    mark = mark_of(first, stale=now_ms - status.ts_ms > STALE_MS)
    return {
        "well": shown(well.well_id),
        "facility": shown(well.facility_id),
        "mark": mark.text,
        "number": mark.number,
        "size": 290 if mark.number else 70,
        "alarm": mark.text if first else "no open alarm",
        "risk": risk_of(well),
        "pressure": units.value("p_tpt", status.pressure),
        "temperature": units.value("t_tpt", status.temperature),
        "score": status.anomaly_score,
        "age": age(now_ms - status.ts_ms),
        "x": place[0],
        "y": place[1],
        "right": _STEP * (number % _BLOCK),
        "down": _STEP * (number // _BLOCK),
    }


def _most_urgent(present: Present) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for view in open_alarms(present):
        before = found.get(view.record.well_id)
        if before is None or PRIORITIES.index(view.record.priority) < PRIORITIES.index(before):
            found[view.record.well_id] = view.record.priority
    return found


def _place_of(facility_id: str, sites: Sites, facilities: Sequence[str]) -> tuple[float, float]:
    """Invented longitude and latitude; facilities without them stand in a row below the others."""
    site = sites.by_facility.get(facility_id)
    if site is not None:
        return site.longitude, site.latitude
    placed = sites.by_facility.values()
    lowest = min((one.latitude for one in placed), default=0.0)
    first = min((one.longitude for one in placed), default=0.0)
    number = [name for name in facilities if name not in sites.by_facility].index(facility_id)
    return first + 0.6 * (number % 5), lowest - 0.6 * (1 + number // 5)


@cache
def fleet_map(units: UnitSystem) -> Mapping[str, Any]:
    """The fleet as marks on an invented map: a specification of Vega-Lite for the rows of `well_rows`.

    Shape, digit and colour say the most urgent open alarm. Drawn by Vega alone: no tile server is asked,
    and no browser needs WebGL. Without data, so that it is made once and a refresh sends rows alone.
    """
    x = alt.X("x:Q", axis=None, scale=alt.Scale(zero=False, nice=False, padding=50))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(zero=False, nice=False, padding=42))
    tooltip = [
        alt.Tooltip("well:N"), alt.Tooltip("facility:N"), alt.Tooltip("alarm:N", title="open alarm"),
        alt.Tooltip("risk:Q"),
        alt.Tooltip("pressure:Q", format=",.1f", title=f"TPT {units.label('p_tpt')}"),
        alt.Tooltip("temperature:Q", format=",.1f", title=f"TPT {units.label('t_tpt')}"),
        alt.Tooltip("age:N", title="latest reading"),
    ]  # fmt: skip
    wells = alt.Chart(alt.NamedData("wells"))
    right, down = alt.expr("datum.right"), alt.expr("datum.down")
    marks = wells.mark_point(
        filled=True, stroke="#5A646C", strokeWidth=0.8, opacity=1, xOffset=right, yOffset=down
    ).encode(
        x, y, tooltip=tooltip,
        shape=alt.Shape("mark:N", scale=_scale([one.shape for one in ALL]), legend=None),
        color=alt.Color("mark:N", scale=_scale([one.colour for one in ALL]), legend=None),
        size=alt.Size("size:Q", scale=None),
    )  # fmt: skip
    digits = (
        wells.transform_filter("datum.number != ''")
        .mark_text(fontSize=10, fontWeight="bold", dy=1, xOffset=right, yOffset=down)
        .encode(
            x, y, text="number:N", tooltip=tooltip,
            color=alt.Color("mark:N", scale=_scale([one.ink for one in ALL]), legend=None),
        )
    )  # fmt: skip
    # The name of a facility stands over the first mark of its block.
    names = (
        wells.transform_aggregate(x="min(x)", y="max(y)", groupby=["facility"])
        .mark_text(align="left", baseline="bottom", dx=-7, dy=-11, fontSize=12, color="#7C8790")
        .encode(x, y, text="facility:N")
    )
    layers = alt.layer(names, marks, digits).resolve_scale(color="independent")
    drawn: dict[str, Any] = layers.properties(height=MAP_HEIGHT).configure_view(strokeWidth=0).to_dict()
    return _without_data(drawn)


def _without_data(part: dict[str, Any]) -> dict[str, Any]:
    """A specification whose layers all draw the data that it is given."""
    layers = [_without_data(layer) for layer in part.get("layer", [])]
    kept = {key: value for key, value in part.items() if key not in {"data", "datasets"}}
    return kept | {"layer": layers} if layers else kept


def _scale(values: Sequence[str]) -> alt.Scale:
    """A scale from marks to what they look like."""
    return alt.Scale(domain=[mark.text for mark in ALL], range=list(values))
