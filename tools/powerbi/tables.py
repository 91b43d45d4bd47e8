"""The tables of the model: facts from the dated views, and the wells, facilities and dates they belong to."""

from collections.abc import Mapping, Sequence

from tools.powerbi import measures
from tools.powerbi.model import Measure, ModelColumn, ModelTable, RefreshPolicy, Relationship
from tools.powerbi.query import CALENDAR, DAYS, loaded
from tools.powerbi.views import ViewColumn, columns_of

_FORMATS: Mapping[str, str] = {
    "date": "yyyy-mm-dd",
    "timestamp": "yyyy-mm-dd hh:nn:ss",
    "bigint": "#,0",
    "double": "#,0.00",
}

_HIDDEN = {"readings": "reading_count", "anomalies": "anomaly_count", "hours": "hour_count"}
"""Columns that no measure of their table may be called like: names there differ by more than capitals."""

_RECENT = RefreshPolicy(kept=3, period="month", refreshed_days=3)
_YEARS = RefreshPolicy(kept=60, period="month", refreshed_days=3)


def _from_sql(
    name: str,
    description: str,
    sql: str,
    shown: Mapping[str, str],
    *,
    key: str | None = None,
    measures: Sequence[Measure] = (),
    policy: RefreshPolicy | None = None,
) -> ModelTable:
    """A table of a query's result.

    Args:
        name: of the table.
        description: what a row is.
        sql: the query, with DAYS where the condition on the loaded days belongs.
        shown: the name that the report shows a column under, by the column's name; others are hidden.
        key: the column that identifies a row.
        measures: figures computed from the rows.
        policy: how it is refreshed.
    """
    found = columns_of(sql.replace(DAYS, "TRUE"))
    columns = tuple(
        _column(source, column, shown.get(source), source == key) for source, column in found.items()
    )
    query = loaded(sql, {source: column.m_type for source, column in found.items()})
    return ModelTable(name, description, columns, query, tuple(measures), policy)


def _column(source: str, column: ViewColumn, shown: str | None, key: bool) -> ModelColumn:
    return ModelColumn(
        name=shown or _HIDDEN.get(source, source),
        source=source,
        type=column.data_type,
        description=column.description,
        format=_FORMATS.get(column.sql_type, "0" if column.data_type == "int64" else None),
        hidden=shown is None,
        key=key,
        date_only=column.sql_type == "date",
    )


def _select(view: str, columns: str) -> str:
    listed = ", ".join(f'"{name}"' for name in columns.split())
    return f"SELECT {listed} FROM {view} WHERE {DAYS}"  # noqa: S608  the names are ours


def _wells() -> ModelTable:
    return _from_sql(
        "Wells",
        "A well that sent readings since RangeStart.",
        'SELECT well_id, MAX_BY(facility_id, "date") AS facility_id, MIN("date") AS first_day, '  # noqa: S608
        f'MAX("date") AS last_day FROM wells_by_day WHERE {DAYS} GROUP BY well_id',
        {"well_id": "Well", "first_day": "First day", "last_day": "Last day"},
        key="well_id",
    )


def _facilities() -> ModelTable:
    return _from_sql(
        "Facilities",
        "A facility whose wells sent readings since RangeStart.",
        "SELECT facility_id, COUNT(DISTINCT well_id) AS wells "  # noqa: S608
        f"FROM wells_by_day WHERE {DAYS} GROUP BY facility_id",
        {"facility_id": "Facility", "wells": "Wells of the facility"},
        key="facility_id",
    )


def _dates() -> ModelTable:
    def column(name: str, source: str, kind: str, description: str, **more: object) -> ModelColumn:
        return ModelColumn(name, source, kind, description, **more)  # type: ignore[arg-type]

    return ModelTable(
        "Dates",
        "A day, in UTC.",
        (
            column("Date", "Date", "dateTime", "UTC date", format="yyyy-mm-dd", key=True, date_only=True),
            column("Year", "Year", "int64", "Year", format="0"),
            column("Quarter", "Quarter", "string", "Quarter of the year: Q1 to Q4"),
            column(
                "Month number", "MonthNumber", "int64", "Month of the year, 1 to 12", format="0", hidden=True
            ),
            column("Month", "Month", "string", "Month of the year: Jan to Dec", sort_by="Month number"),
            column("Year and month", "YearMonth", "string", "Year and month: 2026-11"),
        ),
        CALENDAR,
        hierarchy=("Year", "Quarter", "Month", "Date"),
        is_calendar=True,
    )


def _well_days() -> ModelTable:
    return _from_sql(
        "Well days",
        "A day of a well.",
        _select(
            "well_days",
            "date well_id hours readings scored_readings anomalies alert_readings readings_in_alarm "
            "max_risk pressure_readings pressure_mean temperature_readings temperature_mean "
            "data_quality_mean readings_with_reasons",
        ),
        {},
        measures=measures.WELL_DAYS,
        policy=_YEARS,
    )


def _well_hours() -> ModelTable:
    return _from_sql(
        "Well hours",
        "An hour of a well.",
        _select(
            "well_hours",
            "date hour_start well_id readings anomalies anomaly_score_max max_risk pressure_readings "
            "pressure_mean temperature_readings temperature_mean",
        ),
        {"hour_start": "Hour (UTC)"},
        measures=measures.WELL_HOURS,
        policy=_RECENT,
    )


def _facility_days() -> ModelTable:
    return _from_sql(
        "Facility days",
        "A day of a facility: its well readings with the tank readings they were paired with.",
        _select(
            "facility_days",
            "date facility_id readings matched_readings alert_readings emission_high_readings "
            "vapor_critical_readings methane_readings methane_mean_ppm methane_max_ppm vapor_readings "
            "vapor_mean_ppm vapor_max_ppm max_risk",
        ),
        {},
        measures=measures.FACILITY_DAYS,
        policy=_YEARS,
    )


def _alarms() -> ModelTable:
    return _from_sql(
        "Alarms",
        "A transition of an alarm.",
        _select(
            "alarm_transitions",
            "date transition_id alarm_id well_id ts alarm_type alarm_group priority event annunciated "
            "active_seconds response_seconds sentence likely_event",
        ),
        {
            "ts": "Time (UTC)", "alarm_type": "Alarm type", "alarm_group": "Alarm group",
            "priority": "Priority", "event": "Transition", "sentence": "What the alarm says",
            "likely_event": "Likely event",
        },
        measures=measures.ALARMS,
        policy=_YEARS,
    )  # fmt: skip


def _data_quality() -> ModelTable:
    return _from_sql(
        "Data faults",
        "A fault in a well's data, by day.",
        _select("quality_days", "date well_id fault subject reason readings"),
        {"fault": "Fault", "subject": "Faulty value", "reason": "Reason"},
        measures=measures.DATA_FAULTS,
        policy=_YEARS,
    )


def _drift() -> ModelTable:
    return _from_sql(
        "Baseline drift",
        "How far a well was from its baseline, by day.",
        _select(
            "well_drift", "date well_id baseline_age_days largest_level_shift outdated_hours flagged_share"
        ),
        {},
        measures=measures.DRIFT,
        policy=_YEARS,
    )


def _scoreboard() -> ModelTable:
    return _from_sql(
        "Scoreboard",
        "A labelled instance of the last 7 days: what the detector made of it.",
        "SELECT well_id, source, event_class, normal_hours, false_alarms, event_from, detected_at, delay_s, "
        "missed FROM recent_scoreboard",
        {
            "source": "Instance", "event_class": "Event class", "event_from": "Event from (UTC)",
            "detected_at": "Detected at (UTC)",
        },
        measures=measures.SCOREBOARD,
    )  # fmt: skip


def tables() -> tuple[ModelTable, ...]:
    """Every table, what the facts belong to first."""
    return (
        *(_dates(), _facilities(), _wells()),
        *(_well_days(), _well_hours(), _facility_days(), _alarms(), _data_quality(), _drift(), _scoreboard()),
    )


def relationships() -> tuple[Relationship, ...]:
    """Which fact belongs to what: one way from each fact to each of them, so no filter is ambiguous."""
    of_wells = ("Well days", "Well hours", "Alarms", "Data faults", "Baseline drift", "Scoreboard")
    dated = (*of_wells[:-1], "Facility days")
    return (
        *(Relationship((name, "date"), ("Dates", "Date")) for name in dated),
        *(Relationship((name, "well_id"), ("Wells", "Well")) for name in of_wells),
        Relationship(("Facility days", "facility_id"), ("Facilities", "Facility")),
        Relationship(("Wells", "facility_id"), ("Facilities", "Facility")),
    )
