"""Columns of the views of `sql/views`: their types, and what they mean."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from sqlglot import exp

from local.athena import bridge
from local.athena.inference import Typer
from petrostream.schema import TABLES, schema
from toolchain.errors import ToolError
from tools.powerbi.model import DataType

_DATA_TYPES: Mapping[str, DataType] = {
    "varchar": "string",
    "bigint": "int64",
    "integer": "int64",
    "double": "double",
    "date": "dateTime",
    "timestamp": "dateTime",
}
_M_TYPES = {
    "varchar": "type text",
    "bigint": "Int64.Type",
    "integer": "Int64.Type",
    "double": "type number",
    "date": "type date",
    "timestamp": "type datetime",
}

DERIVED: Mapping[str, str] = {
    "hour_start": "First moment of the hour [UTC]",
    "hours": "Hours of the day that have readings",
    "readings": "Readings",
    "scored_readings": "Readings that have a score",
    "anomalies": "Readings that the detector flagged",
    "alert_readings": "Readings whose risk is above 30 points",
    "readings_in_alarm": "Readings at which an alarm of the well was active and annunciated",
    "anomaly_score_mean": "Mean score of the Isolation Forest, 0 to 1",
    "anomaly_score_max": "Highest score of the Isolation Forest, 0 to 1",
    "max_risk": "Highest risk score, 0 to 100",
    "pressure_readings": "Readings that have a headline pressure",
    "pressure_mean": "Mean headline pressure: P-TPT [Pa]",
    "pressure_min": "Lowest headline pressure [Pa]",
    "pressure_max": "Highest headline pressure [Pa]",
    "temperature_readings": "Readings that have a headline temperature",
    "temperature_mean": "Mean headline temperature: T-TPT [degC]",
    "temperature_min": "Lowest headline temperature [degC]",
    "temperature_max": "Highest headline temperature [degC]",
    "methane_max_ppm": "Highest methane [ppm]",
    "methane_mean_ppm": "Mean methane [ppm]",
    "methane_readings": "Readings that have a methane value",
    "vapor_mean_ppm": "Mean hydrocarbon vapor in the tank's head space [ppm]",
    "vapor_max_ppm": "Highest hydrocarbon vapor [ppm]",
    "vapor_readings": "Readings that have a vapor value",
    "matched_readings": "Well readings with a tank reading beside them",
    "emission_high_readings": "Readings with methane above 500 ppm",
    "vapor_critical_readings": "Readings with vapor above 10,000 ppm",
    "data_quality_mean": "Mean data quality score, 0 to 100",
    "readings_with_reasons": "Readings of which something was condemned, converted or noted",
    "annunciated": "1 where the transition annunciates the alarm, else 0",
    "active_seconds": "Time from active to return, with the return [s]",
    "response_seconds": "Time from active to acknowledgement, with the acknowledgement [s]",
    "fault": "What is wrong: the first part of the reason",
    "subject": "What it is wrong with: the second part of the reason",
    "largest_level_shift": "Largest distance of a gauge from the well's baseline, in its scales",
    "outdated_hours": "Hours in which a gauge was 5 scales or more from the baseline",
    "flagged_share": "Flagged readings among those with a score",
    "first_day": "First day with a reading, of the days that were loaded",
    "last_day": "Last day with a reading",
    "wells": "Wells of the facility",
    "event_class": "3W class of the labelled event",
    "normal_hours": "Hours labelled normal that were watched",
    "false_alarms": "Alarms that began while the label said normal",
    "event_from": "First reading of the labelled event [UTC]",
    "detected_at": "When its alarm was annunciated [UTC]",
    "delay_s": "Time from the label to the alarm [s]",
    "missed": "1 where no alarm announced the event, else 0",
}
"""What columns mean that are made in a view; the others are described in petrostream/schema."""


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """A column of a query's result: the type of Athena, of the model and of M, and what it means."""

    sql_type: str
    data_type: DataType
    m_type: str
    description: str


@cache
def columns_of(sql: str) -> dict[str, ViewColumn]:
    """Columns of a query on the views, by name.

    Raises:
        ToolError: the query has a column of a type that Power BI does not read, or one nobody has described.
    """
    query = bridge.parse(sql)
    if not isinstance(query, exp.Query):
        raise ToolError(f"This is no query: {sql}")
    expanded = bridge.expand(query, bridge.load_views())
    found = {}
    for name, kind in Typer(bridge.lake_tables()).columns(expanded) or []:
        if str(kind) not in _DATA_TYPES:
            raise ToolError(f"Column {name} is {kind}, which Power BI does not read: {sql}")
        text = str(kind)
        found[name] = ViewColumn(text, _DATA_TYPES[text], _M_TYPES[text], _description(name))
    return found


@cache
def _described() -> dict[str, str]:
    found: dict[str, str] = {}
    for table in TABLES:
        for field in (*schema(table).fields, *schema(table).partitions):
            found.setdefault(field.name, field.description + (f" [{field.unit}]" if field.unit else ""))
    return found | dict(DERIVED)


def _description(name: str) -> str:
    try:
        return _described()[name]
    except KeyError:
        raise ToolError(
            f"Nobody has said what the column {name} means.", "Add it to DERIVED in tools/powerbi/views.py."
        ) from None
