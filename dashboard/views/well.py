"""One well: its latest reading, its gauges, its baseline and its anomalies, in words."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from dashboard.units import UnitSystem, quantity_of
from dashboard.views.fleet import risk_of
from dashboard.views.trend import name_of
from petrostream.aws.alarm_list import age
from petrostream.aws.live_reader import Well
from petrostream.schema import schema
from petrostream.scoring import OUTDATED_SCALES
from petrostream.times import to_iso


def status_facts(well: Well, units: UnitSystem, now_ms: int) -> list[tuple[str, str]]:
    """What the latest reading says, as name and text; what it does not have is left out."""
    status = well.status
    rows = [
        ("Latest reading", f"{to_iso(status.ts_ms)}, {age(now_ms - status.ts_ms)} ago"),
        ("Status", f"{_status_of(well)}, risk {risk_of(well)} of 100"),
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


def _status_of(well: Well) -> str:
    """ALERT if the latest reading says so, or its latest pair with a tank: the risk beside it is of both."""
    status = well.status
    return "ALERT" if "ALERT" in (status.well_status, status.joined_status) else status.well_status


def _number(value: float | None, unit: str, digits: int = 1) -> str:
    return "" if value is None else f"{value:,.{digits}f} {unit}"


QUANTITIES = ("pressure", "temperature", "opening", "valve_state", "flow")
"""Charts of gauges, from the top."""

DEFAULT_GAUGES = (
    *("p_pdg", "p_tpt", "p_mon_ckp", "p_jus_ckgl"),
    *("t_tpt", "t_jus_ckp"),
    *("aber_ckp", "estado_dhsv", "estado_m1", "estado_w1"),
    "qgl",
)
"""What a page shows first: the well from downhole to choke, its main valves, and gas lift."""

MOST_ANOMALIES = 50


def gauges() -> list[str]:
    """Every gauge of the schema, by quantity."""
    found = [field.name for field in schema("scored_readings").fields if field.quantity in QUANTITIES]
    return sorted(found, key=lambda name: (QUANTITIES.index(quantity_of(name)), name))


def without_values(frame: pd.DataFrame, chosen: Sequence[str]) -> list[str]:
    """The chosen gauges that have no value at all."""
    return [one for one in chosen if f"{one}_mean" not in frame or frame[f"{one}_mean"].isna().all()]


def anomalies(frame: pd.DataFrame) -> pd.DataFrame:
    """Stretches with flagged readings, the highest score first, at most `MOST_ANOMALIES`."""
    if "score_max" not in frame:
        return frame.iloc[:0]
    flagged = frame[(frame["anomalies"] > 0) & frame["score_max"].notna()]
    return flagged.sort_values(["score_max", "bucket"], ascending=[False, True]).head(MOST_ANOMALIES)


def anomaly_text(row: Mapping[Hashable, Any]) -> str:
    """A stretch with anomalies, as a list of them shows it."""
    return f"{row['worst_ts']:%d %b %H:%M:%S} UTC, score {row['score_max']:.2f}"


def anomaly_facts(row: Mapping[Hashable, Any]) -> list[tuple[str, str]]:
    """What is known of a stretch's highest score: its sensors, how they deviate, and the rules that held."""
    sensors = str(row["top_sensors"] or "")
    rows = [
        ("Reading", f"{row['worst_ts']:%Y-%m-%d %H:%M:%S} UTC"),
        (
            "Score",
            f"{row['score_max']:.3f}, {row['anomalies']:,.0f} of {row['readings']:,.0f} readings flagged",
        ),
        ("Top sensors", ", ".join(name_of(name) for name in sensors.split(", ") if name)),
        ("How they deviate", str(row["reason"] or "")),
        ("Rules that held", str(row["rules"] or "")),
        ("Risk", f"{row['risk_max']:.0f} of 100"),
    ]
    return [(name, text) for name, text in rows if text]


def gauge_health(frame: pd.DataFrame, chosen: Sequence[str]) -> pd.DataFrame:
    """Of each chosen gauge the status in the last stretch, and the share of stretches in which it was ok.

    A gauge without any value is neither ok nor faulty: the well may not have it.
    """
    rows = frame[frame["readings"].notna()] if "health" in frame else frame.iloc[:0]
    if rows.empty:
        return pd.DataFrame(columns=["gauge", "status", "ok"])
    statuses = [_statuses(text) for text in rows["health"]]
    silent = {gauge for gauge in without_values(frame, chosen) if not any(gauge in one for one in statuses)}
    return pd.DataFrame(
        [
            {
                "gauge": name_of(gauge),
                "status": statuses[-1].get(gauge, "no value" if gauge in silent else "ok"),
                "ok": None if gauge in silent else sum(gauge not in one for one in statuses) / len(statuses),
            }
            for gauge in chosen
        ]
    )


def _statuses(text: object) -> dict[str, str]:
    """Gauges that are not ok, with their status, of a text such as `p_pdg:frozen, t_pdg:missing`."""
    parts = text.split(", ") if isinstance(text, str) and text else []
    return dict(part.split(":", 1) for part in parts if ":" in part)


def baseline_facts(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Which model scored the range last, the baseline's age, and how far the well had moved from it."""
    scored = frame[frame["model_kind"].notna()] if "model_kind" in frame else frame.iloc[:0]
    if scored.empty:
        return [("Model", "none: the well is not scored")]
    last = scored.iloc[-1]
    aged = scored[scored["baseline_age_days"].notna()]
    moved = scored[scored["level_shift"].notna()]
    rows = [("Model", f"{last['model_kind']}, version {last['model_version']}")]
    if aged.empty:
        rows.append(("Baseline", "none of its own: `petrostream commission` makes one"))
    else:
        rows.append(("Age of the baseline", f"{max(0.0, aged.iloc[-1]['baseline_age_days']):.1f} days"))
    if not moved.empty:
        at = moved.iloc[-1]
        shift, limit = float(at["level_shift"]), OUTDATED_SCALES
        verdict = "no longer describes the well" if abs(shift) >= limit else "describes the well"
        gauge = name_of(str(at["level_shift_sensor"]))
        rows.append(("Moved from it", f"{shift:+.1f} scales ({gauge}); {verdict}, the limit is {limit:g}"))
    return rows
