"""Scored readings as rows of the table `scored_readings`."""

from typing import Any

import numpy as np

from petrostream.arrays import FloatArray, IntArray, anywhere, everywhere
from petrostream.lake.blocks import MAX_BLOCK_BYTES, Column, RowBlock, columns_to_blocks, sql_times
from petrostream.readings import NO_TIME, Readings
from petrostream.schema import SENSOR_NAMES
from petrostream.scoring import Scored


def rows_to_blocks(scored: Scored, max_bytes: int = MAX_BLOCK_BYTES) -> list[RowBlock]:
    """Encode scored readings as rows of the table `scored_readings`.

    Columns without any value in the batch are left out, which readers treat as null.

    Args:
        scored: the readings.
        max_bytes: most bytes of a block. A single longer row still makes a block of its own.

    Returns:
        Blocks of one UTC date of `ts` each, by date; none if there are no readings.
    """
    if not len(scored):
        return []
    return columns_to_blocks("scored_readings", _columns(scored), scored.readings.ts_ms, max_bytes)


def _columns(scored: Scored) -> dict[str, Column]:
    """The columns that have any value, by name."""
    readings = scored.readings
    n = len(readings)
    ts = sql_times(readings.ts_ms)
    columns: dict[str, Column | None] = {
        "event_id": readings.event_id,
        "well_id": readings.well_id,
        "facility_id": readings.facility_id,
        "ts": ts,
        "source": readings.source,
        # A live source's time is the reading's own.
        "source_ts": ts if _same(readings) else _optional_times(readings.source_ts_ms),
        "class": _known(readings.label),
        "state": _known(readings.state),
        "methane_ppm": _floats(readings.methane_ppm),
        "co2_ppm": _floats(readings.co2_ppm),
        "vibration_rms": _floats(readings.vibration_rms),
        "validation_status": ["SUCCESS"] * n,
        "validation_reasons": _filled(readings.reasons),
        "data_quality_score": readings.quality,
        "anomaly_score": _floats(scored.anomaly_score),
        "anomaly_flag": scored.anomaly_flag,
        "top_sensors": _filled(scored.top_sensors),
        "reason": _known(scored.reason),
        "model_version": _known(scored.model_version),
        "model_kind": _known(scored.model_kind),
        "baseline_age_days": _floats(scored.baseline_age_days, 3),
        "level_shift": _floats(scored.level_shift, 2),
        "level_shift_sensor": _known(scored.level_shift_sensor),
        "rule_ids": _filled(scored.rule_ids),
        "suppressed": _filled(scored.suppressed),
        "sensor_health": _filled(scored.sensor_health),
        "emission_category": _known(scored.emission_category),
        "emission_risk": _points(scored.emission_risk),
        "process_risk": _points(scored.process_risk),
        "risk_score": scored.risk_score,
        "well_status": scored.well_status,
        "alarm_active": _points(scored.alarm_active),
        "kinesis_sequence": _filled(readings.sequence),
        "scored_at": sql_times(np.array([scored.scored_at_ms])) * n,
    }
    columns.update(_sensor_columns(scored))
    return {name: column for name, column in columns.items() if column is not None}


def _sensor_columns(scored: Scored) -> dict[str, Column | None]:
    values = scored.readings.values
    (present,) = np.logical_or.reduce(~np.isnan(values), axis=0).nonzero()
    columns: dict[str, Column | None] = {SENSOR_NAMES[index]: values[:, index] for index in present.tolist()}
    columns["pressure"] = columns.get("p_tpt")
    columns["temperature"] = columns.get("t_tpt")
    return columns


def _same(readings: Readings) -> bool:
    return len(readings) > 1 and everywhere(readings.source_ts_ms == readings.ts_ms)


def _optional_times(ts_ms: IntArray) -> Column | None:
    missing = ts_ms == NO_TIME
    if not anywhere(missing):
        return sql_times(ts_ms)
    if everywhere(missing):
        return None
    times: list[str | None] = list(sql_times(np.where(missing, 0, ts_ms)))
    for i in np.flatnonzero(missing).tolist():
        times[i] = None
    return times


def _floats(values: FloatArray, decimals: int | None = None) -> Column | None:
    if everywhere(np.isnan(values)):
        return None
    return values if decimals is None else values.round(decimals)


def _points(values: IntArray) -> Column | None:
    if everywhere(values < 0):
        return None
    if not anywhere(values < 0):
        return values
    column: list[int] = values.tolist()
    return [None if points < 0 else points for points in column]


def _known(column: list[Any]) -> Column | None:
    return None if column.count(None) == len(column) else column


def _filled(column: list[Any]) -> Column | None:
    """Empty values become null, so that a row does not depend on the others of its batch."""
    if all(column):
        return column
    return [value or None for value in column] if any(column) else None
