"""Joined readings as rows of the table `facility_readings`."""

import numpy as np

from petrostream.arrays import IntArray
from petrostream.facility import COLUMN, FacilityRows, whole_points
from petrostream.lake.blocks import MAX_BLOCK_BYTES, Column, RowBlock, columns_to_blocks, sql_times
from petrostream.risk import EMISSION_RULES, VAPOR_RULES

MATCHED = "MATCHED"
UNMATCHED = "UNMATCHED"

_TANK_COLUMNS = ("vapor_concentration_ppm", "tank_level_pct", "tank_pressure_pa", "tank_temperature_c")
"""Columns of `TANK_VALUES` by their names in this table."""

_EMISSION_CATEGORIES = {0: "NORMAL", **{rule.points: rule.category for rule in EMISSION_RULES}}
_VAPOR_CATEGORIES = {rule.points: rule.category for rule in VAPOR_RULES}


def facility_rows_to_blocks(
    rows: FacilityRows, *, joined_at_ms: int, max_bytes: int = MAX_BLOCK_BYTES
) -> list[RowBlock]:
    """Encode joined readings as rows of the table `facility_readings`.

    Args:
        rows: the rows.
        joined_at_ms: the time to write into the rows, epoch ms.
        max_bytes: most bytes of a block. A single longer row still makes a block of its own.

    Returns:
        Blocks of one UTC date of `ts` each, by date; none if there are no rows.
    """
    if not len(rows):
        return []
    columns = _well_columns(rows, joined_at_ms) | _tank_columns(rows) | _risk_columns(rows)
    present = {name: column for name, column in columns.items() if _has_value(column)}
    return columns_to_blocks("facility_readings", present, rows.pairs.wells.ts_ms, max_bytes)


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
        "anomaly_flag": _nullable(whole_points(wells.carried[:, COLUMN["anomaly_flag"]])),
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
        dt_ms = (times - pairs.wells.ts_ms).tolist()
        names, identities = pairs.tanks.tank_id, pairs.tanks.event_id
        columns |= {
            "tank_id": [None if at < 0 else names[at] for at in tank],
            "tank_event_id": [None if at < 0 else identities[at] for at in tank],
            "tank_ts": [None if at < 0 else text for at, text in zip(tank, texts, strict=True)],
            "dt_ms": [None if at < 0 else ms for at, ms in zip(tank, dt_ms, strict=True)],
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


def _nullable(points: IntArray) -> list[int | None]:
    return [None if value < 0 else value for value in points.tolist()]


def _categories(points: IntArray, names: dict[int, str | None]) -> list[str | None]:
    return [names.get(value) for value in points.tolist()]


def _has_value(column: Column) -> bool:
    if isinstance(column, np.ndarray):
        return not (column.dtype.kind == "f" and bool(np.isnan(column).all()))
    return column.count(None) < len(column)
