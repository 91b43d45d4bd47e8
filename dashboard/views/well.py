"""One well: its latest reading in words."""

from dashboard.units import UnitSystem
from dashboard.views.fleet import risk_of
from petrostream.aws.alarm_list import age
from petrostream.aws.live_reader import Well
from petrostream.times import to_iso


def status_facts(well: Well, units: UnitSystem, now_ms: int) -> list[tuple[str, str]]:
    """What the latest reading says, as name and text; what it does not have is left out."""
    status = well.status
    rows = [
        ("Latest reading", f"{to_iso(status.ts_ms)}, {age(now_ms - status.ts_ms)} ago"),
        ("Status", f"{status.well_status}, risk {risk_of(well)} of 100"),
        ("Pressure at the TPT", _number(units.value("p_tpt", status.pressure), units.label("p_tpt"))),
        ("Temperature at the TPT", _number(units.value("t_tpt", status.temperature), units.label("t_tpt"))),
        ("Methane", _number(status.methane_ppm, "ppm", 0)),
        ("Anomaly score", _number(status.anomaly_score, "of 1", 2)),
        ("Top sensors", ", ".join(status.top_sensors)),
        ("Why", status.reason or ""),
        ("Scored with", "no model" if status.model_kind is None else f"the {status.model_kind} model"),
        ("Data quality", _number(status.quality, "of 100", 0)),
        ("Perhaps another unit", ", ".join(one.replace(":", " in ") for one in status.units)),
        ("Replayed from", status.source),
    ]
    return [(name, text) for name, text in rows if text]


def _number(value: float | None, unit: str, digits: int = 1) -> str:
    return "" if value is None else f"{value:,.{digits}f} {unit}"
