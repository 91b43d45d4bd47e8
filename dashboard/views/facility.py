"""One facility: emission, vapor and the tank, and how many readings have a tank reading beside them."""

from dataclasses import replace

from dashboard.charts.bands import Stretches
from dashboard.charts.drawing import Drawing
from dashboard.charts.tiles import Tile
from dashboard.data.reader import STALE_MS
from dashboard.units import UnitSystem
from dashboard.views.fleet import risk_of
from petrostream.aws.alarm_list import age
from petrostream.aws.live_reader import FacilityLive
from petrostream.names import shown
from petrostream.risk import (
    ALERT_ABOVE,
    METHANE_LEAK_PPM,
    METHANE_WARNING_PPM,
    VAPOR_CRITICAL_PPM,
    VAPOR_HIGH_PPM,
)
from petrostream.units import UNITS

_METHANE = {"warning": METHANE_WARNING_PPM, "leak": METHANE_LEAK_PPM}
_RISK = {"alert above": float(ALERT_ABOVE)}
_VAPOR = {"high": VAPOR_HIGH_PPM, "critical": VAPOR_CRITICAL_PPM}


def facility_tiles(facility: FacilityLive, now_ms: int) -> list[Tile]:
    """The facility's present, from the live table."""
    wells = facility.wells
    newest = facility.newest_ms
    methane = [well.status.methane_ppm for well in wells if well.status.methane_ppm is not None]
    vapor = [well.status.vapor_ppm for well in wells if well.status.vapor_ppm is not None]
    risk = max(map(risk_of, wells), default=0)
    old = newest is None or now_ms - newest > STALE_MS
    return [
        Tile(
            "status", "Status", facility.status,
            "no reading" if newest is None else f"latest reading {age(now_ms - newest)} ago",
            abnormal=facility.status != "NORMAL" or old,
        ),
        Tile("wells", "Wells", f"{len(wells)}", ", ".join(shown(well.well_id) for well in wells[:6])),
        Tile("risk", "Worst risk, 0 to 100", str(risk), abnormal=risk > ALERT_ABOVE),
        _gas("methane", "Methane at the wells, ppm", methane, METHANE_WARNING_PPM),
        _gas("vapor", "Vapor in the tank, ppm", vapor, VAPOR_HIGH_PPM),
    ]  # fmt: skip


def _gas(key: str, label: str, values: list[float], limit: float) -> Tile:
    if not values:
        return Tile(key, label, "-", "no detector reports")
    return Tile(key, label, f"{max(values):,.0f}", f"limit {limit:,.0f}", abnormal=max(values) > limit)


def trend_charts(stretches: Stretches, units: UnitSystem) -> list[tuple[str, Drawing]]:
    """Charts of `facility_trend`, each with what it says; a gauge that never reports has none."""
    frame = stretches.rows
    pressure = frame["tank_pressure_max"].to_numpy(dtype="float64")
    rows = frame.assign(
        share=100.0 * frame["matched"] / frame["readings"],
        tank_pressure=UNITS["pressure"][units.pressure].from_si(pressure),
    )
    shown = replace(stretches, rows=rows)
    charts = [
        ("methane_max", shown.bands("methane_mean", "methane_max", "Methane at the wells, ppm", _METHANE)),
        ("vapor_max", shown.bands("vapor_mean", "vapor_max", "Vapor in the tank, ppm", _VAPOR)),
        ("level_mean", shown.bars("level_mean", "Level of the tank, %")),
        ("tank_pressure", shown.bars("tank_pressure", f"Highest pressure of the tank, {units.pressure}")),
        ("risk_max", shown.bands("risk_max", "risk_max", "Highest risk, 0 to 100", _RISK)),
        ("share", shown.bars("share", "Readings with a tank reading within 5 s, %")),
    ]
    return [(column, chart) for column, chart in charts if rows[column].notna().any()]
