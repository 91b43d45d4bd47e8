"""Joined readings with their risk, and their rows for the table `facility_readings`."""

from dataclasses import dataclass

import numpy as np

from petrostream.arrays import FloatArray, IntArray
from petrostream.facility.events import COLUMN
from petrostream.facility.join import Pairs
from petrostream.gauges.features import WindowStats
from petrostream.lake.scored_readings import MAX_BLOCK_BYTES, Block, Column, columns_to_blocks, sql_times
from petrostream.readings.tanks import TANK_VALUES, VAPOR
from petrostream.risk.rules import (
    ALERT_ABOVE,
    EMISSION_RULES,
    MAX_RISK,
    VAPOR_RULES,
    RuleColumns,
    fired,
    points,
)
from petrostream.scoring.scored import NO_POINTS

MATCHED = "MATCHED"
UNMATCHED = "UNMATCHED"

_TANK_COLUMNS = ("vapor_concentration_ppm", "tank_level_pct", "tank_pressure_pa", "tank_temperature_c")
"""Names of `TANK_VALUES` in the joined table."""

_EMISSION_CATEGORIES = {0: "NORMAL", **{rule.points: rule.category for rule in EMISSION_RULES}}
_VAPOR_CATEGORIES = {rule.points: rule.category for rule in VAPOR_RULES}


@dataclass(frozen=True, slots=True)
class FacilityRows:
    """n joined readings of a facility with their risk, in the order of `pairs`.

    Attributes:
        facility_id: the facility.
        pairs: the well readings and their tank readings.
        tank_values: shape (n, 4), columns as `TANK_VALUES`, NaN where unmatched or missing.
        emission_risk, vapor_risk, process_risk: shape (n,), 0 to 40; `NO_POINTS` where there was nothing to
            judge by.
        risk_score: shape (n,), sum of the parts present, at most 100.
        status: n of ALERT (above 30 points), NORMAL.
    """

    facility_id: str
    pairs: Pairs
    tank_values: FloatArray
    emission_risk: IntArray
    vapor_risk: IntArray
    process_risk: IntArray
    risk_score: IntArray
    status: list[str]

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def matched(self) -> int:
        """How many have a tank reading."""
        return int((self.pairs.tank >= 0).sum())

    @property
    def alerts(self) -> int:
        """How many have the status ALERT."""
        return self.status.count("ALERT")


def assess(facility_id: str, pairs: Pairs) -> FacilityRows:
    """Rate joined readings: emission, vapor and process points, each null and worth 0 where unknown."""
    n = len(pairs)
    tank_values = np.full((n, len(TANK_VALUES)), np.nan)
    matched = pairs.tank >= 0
    tank_values[matched] = pairs.tanks.values[pairs.tank[matched]]
    vapor = vapor_risk(tank_values[:, VAPOR])
    emission = _whole(pairs.wells.carried[:, COLUMN["emission_risk"]])
    process = _whole(pairs.wells.carried[:, COLUMN["process_risk"]])
    known = [np.maximum(part, 0) for part in (emission, vapor, process)]
    risk = np.minimum(np.sum(known, axis=0, dtype=np.int64), MAX_RISK)
    status = np.where(risk > ALERT_ABOVE, "ALERT", "NORMAL").tolist()
    return FacilityRows(facility_id, pairs, tank_values, emission, vapor, process, risk, status)


def vapor_risk(vapor_ppm: FloatArray) -> IntArray:
    """Points of the vapor rules: shape (n,), `NO_POINTS` where the concentration is NaN."""
    no_windows = WindowStats(np.empty(0, np.int64), np.empty((3, 3, 0, len(vapor_ppm))))
    columns = RuleColumns(no_windows, np.full(len(vapor_ppm), np.nan), vapor_ppm)
    worth = points(VAPOR_RULES, fired(VAPOR_RULES, columns))
    return np.where(np.isnan(vapor_ppm), NO_POINTS, worth)


def facility_rows_to_blocks(
    rows: FacilityRows, *, joined_at_ms: int, max_bytes: int = MAX_BLOCK_BYTES
) -> list[Block]:
    """Encode joined readings with the column names of the schema `facility_readings`.

    Args:
        rows: the rows.
        joined_at_ms: the time to write into the rows, epoch ms.
        max_bytes: most bytes of a block.

    Returns:
        Blocks of one UTC date of `ts` each, in order of date; no rows give none.
    """
    if not len(rows):
        return []
    columns = _well_columns(rows, joined_at_ms) | _tank_columns(rows) | _risk_columns(rows)
    known = {name: column for name, column in columns.items() if _any(column)}
    return columns_to_blocks("facility_readings", known, rows.pairs.wells.ts_ms, max_bytes)


def _well_columns(rows: FacilityRows, joined_at_ms: int) -> dict[str, Column]:
    wells, n = rows.pairs.wells, len(rows)
    carried = ("pressure", "temperature", "methane_ppm", "co2_ppm", "vibration_rms", "anomaly_score")
    return {
        "event_id": wells.event_id,
        "well_id": wells.well_id,
        "facility_id": [rows.facility_id] * n,
        "ts": sql_times(wells.ts_ms),
        "source": wells.source,
        "kinesis_sequence": wells.sequence,
        "joined_at": sql_times(np.array([joined_at_ms])) * n,
        "anomaly_flag": _nullable(_whole(wells.carried[:, COLUMN["anomaly_flag"]])),
        **{name: wells.carried[:, COLUMN[name]] for name in carried},
    }


def _tank_columns(rows: FacilityRows) -> dict[str, Column]:
    pairs = rows.pairs
    tank = pairs.tank.tolist()
    columns: dict[str, Column] = {
        "pairing_status": [UNMATCHED if at < 0 else MATCHED for at in tank],
        "unmatched_reason": pairs.reason,
    }
    matched = np.flatnonzero(pairs.tank >= 0)
    if len(matched):
        times = pairs.tanks.ts_ms[pairs.tank]
        texts = sql_times(times)
        apart = (times - pairs.wells.ts_ms).tolist()
        names, identities = pairs.tanks.tank_id, pairs.tanks.event_id
        columns |= {
            "tank_id": [None if at < 0 else names[at] for at in tank],
            "tank_event_id": [None if at < 0 else identities[at] for at in tank],
            "tank_ts": [None if at < 0 else text for at, text in zip(tank, texts, strict=True)],
            "dt_ms": [None if at < 0 else ms for at, ms in zip(tank, apart, strict=True)],
        }
        columns |= {name: rows.tank_values[:, place] for place, name in enumerate(_TANK_COLUMNS)}
    return columns


def _risk_columns(rows: FacilityRows) -> dict[str, Column]:
    return {
        "emission_category": _categories(rows.emission_risk, _EMISSION_CATEGORIES),
        "emission_risk": _nullable(rows.emission_risk),
        "vapor_category": _categories(rows.vapor_risk, _VAPOR_CATEGORIES),
        "vapor_risk": _nullable(rows.vapor_risk),
        "process_risk": _nullable(rows.process_risk),
        "risk_score": rows.risk_score,
        "status": rows.status,
    }


def _whole(points: FloatArray) -> IntArray:
    return np.nan_to_num(points, nan=NO_POINTS).astype(np.int64)


def _nullable(points: IntArray) -> list[int | None]:
    return [None if worth < 0 else worth for worth in points.tolist()]


def _categories(points: IntArray, names: dict[int, str | None]) -> list[str | None]:
    return [names.get(worth) for worth in points.tolist()]


def _any(column: Column) -> bool:
    if isinstance(column, np.ndarray):
        return not (column.dtype.kind == "f" and bool(np.isnan(column).all()))
    return column.count(None) < len(column)
