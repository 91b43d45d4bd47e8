"""Hours, days and months of wells, from rows of gold: what the views well_hours and well_days say in SQL."""

import pyarrow as pa
import pyarrow.compute as pc

from batch.columns import arrow_schema, conform

_UNITS = {"pressure": "unit:p_tpt:", "temperature": "unit:t_tpt:"}
"""A headline value counts unless a reason says that its gauge is in another unit."""

_SUMS = (
    *("readings", "scored_readings", "anomalies", "alert_readings", "readings_in_alarm"),
    *("pressure_readings", "temperature_readings", "readings_with_reasons"),
)
_LEAST = ("facility_id", "pressure_min", "temperature_min", "data_quality_min")
_MOST = ("anomaly_score_max", "max_risk", "pressure_max", "temperature_max", "methane_max_ppm")
_MEANS = {
    "anomaly_score_mean": "scored_readings",
    "pressure_mean": "pressure_readings",
    "temperature_mean": "temperature_readings",
    "data_quality_mean": "readings",
}
"""Means, and the count that each is weighted with."""


def hours_of(readings: pa.Table) -> pa.Table:
    """Each hour of each well.

    Args:
        readings: rows of well_data_gold, each reading once, all of every hour that has one.

    Returns:
        Rows of gold_hours, by well and hour.
    """
    reasons = readings["validation_reasons"].combine_chunks()
    columns = {
        "well_id": readings["well_id"],
        "hour_start": pc.floor_temporal(readings["ts"], unit="hour"),
        "facility_id": readings["facility_id"],
        "anomaly_score": readings["anomaly_score"],
        "anomalies": pc.equal(readings["anomaly_flag"], 1),
        "alert_readings": pc.equal(readings["well_status"], "ALERT"),
        "readings_in_alarm": pc.greater(readings["alarm_active"], 0),
        "max_risk": readings["risk_score"],
        "methane": readings["methane_ppm"],
        "data_quality": readings["data_quality_score"],
        "readings_with_reasons": _has_text(reasons),
    }
    for name, prefix in _UNITS.items():
        columns[name] = pc.if_else(_any_begins(reasons, prefix), None, readings[name])
    grouped = pa.table({name: _counted(column) for name, column in columns.items()}).group_by(
        ["well_id", "hour_start"], use_threads=False
    )
    return _in_order(_named(grouped.aggregate(_HOUR), _HOUR_NAMES), "gold_hours", "hour_start")


_HOUR: list[tuple[str | list[str], str]] = [
    ("facility_id", "min"),
    ([], "count_all"),
    ("anomaly_score", "count"),
    ("anomaly_score", "mean"),
    ("anomaly_score", "max"),
    *(
        (name, "sum")
        for name in ("anomalies", "alert_readings", "readings_in_alarm", "readings_with_reasons")
    ),
    ("max_risk", "max"),
    *((name, how) for name in _UNITS for how in ("count", "mean", "min", "max")),
    ("methane", "max"),
    ("data_quality", "mean"),
    ("data_quality", "min"),
]
_HOUR_NAMES = {
    "count_all": "readings",
    "anomaly_score_count": "scored_readings",
    **{f"{name}_count": f"{name}_readings" for name in _UNITS},
    "methane_max": "methane_max_ppm",
    **{
        f"{name}_sum": name
        for name in ("anomalies", "alert_readings", "readings_in_alarm", "readings_with_reasons")
    },
    "facility_id_min": "facility_id",
    "max_risk_max": "max_risk",
}


def days_of(hours: pa.Table) -> pa.Table:
    """Each well's day, from all of its hours: rows of gold_days, by well."""
    return _summed(hours, "gold_days", {"hours": None})


def months_of(days: pa.Table) -> pa.Table:
    """Each well's month, from all of its days: rows of gold_months, by well."""
    return _summed(days, "gold_months", {"days": None, "hours": "hours"})


def _summed(parts: pa.Table, table: str, counts: dict[str, str | None]) -> pa.Table:
    """Longer periods from shorter ones; means are weighted with the readings they are of.

    Args:
        parts: rows of shorter periods.
        table: the table of the longer ones.
        counts: columns that count periods, and the column that each sums; None counts the rows.
    """
    for mean, weight in _MEANS.items():
        parts = parts.set_column(
            parts.column_names.index(mean),
            mean,
            pc.multiply(parts[mean], pc.cast(parts[weight], pa.float64())),
        )
    summed = [*_SUMS, *_MEANS, *(source for source in counts.values() if source)]
    wanted: list[tuple[str | list[str], str]] = [
        *((name, "sum") for name in summed),
        *((name, "min") for name in _LEAST),
        *((name, "max") for name in _MOST),
        ([], "count_all"),
    ]
    found = parts.group_by(["well_id"], use_threads=False).aggregate(wanted)
    names = {f"{name}_{how}": name for name, how in wanted if isinstance(name, str)}
    found = _named(found, names | {"count_all": next(name for name, source in counts.items() if not source)})
    for mean, weight in _MEANS.items():
        readings = pc.cast(found[weight], pa.float64())
        readings = pc.if_else(pc.equal(readings, 0.0), None, readings)
        found = found.set_column(found.column_names.index(mean), mean, pc.divide(found[mean], readings))
    return _in_order(found, table, "well_id")


def _named(table: pa.Table, names: dict[str, str]) -> pa.Table:
    return table.rename_columns([names.get(name, name) for name in table.column_names])


def _in_order(rows: pa.Table, table: str, by: str) -> pa.Table:
    rows = conform(rows, table, table).select(arrow_schema(table).names)
    return rows.take(pc.sort_indices(rows, sort_keys=[("well_id", "ascending"), (by, "ascending")]))


def _counted(column: pa.ChunkedArray | pa.Array) -> pa.ChunkedArray | pa.Array:
    """A truth as 1 or 0, null as 0; anything else as it is."""
    return column.cast(pa.int64()).fill_null(0) if pa.types.is_boolean(column.type) else column


def _has_text(reasons: pa.ListArray) -> pa.Array:
    """Whether the reasons, joined, have a length: a row without any, or null, has none."""
    return pc.fill_null(pc.greater(pc.utf8_length(pc.binary_join(reasons, ", ")), 0), False)


def _any_begins(reasons: pa.ListArray, prefix: str) -> pa.Array:
    """Whether any reason of a row begins so."""
    rows = pc.list_parent_indices(reasons).filter(
        pc.fill_null(pc.starts_with(pc.list_flatten(reasons), prefix), False)
    )
    return pc.is_in(pa.array(range(len(reasons)), pa.int64()), value_set=rows.cast(pa.int64()))
