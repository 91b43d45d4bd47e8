"""The figures of the report, in DAX, by the table whose rows they are computed from."""

from tools.powerbi.model import Measure

_COUNT = "#,0"
_SHARE = "0.0%"
_VALUE = "#,0.0"


def _weighted(table: str, mean: str, weight: str) -> str:
    """The mean of rows that are means themselves, weighted with how many readings each is of."""
    total = f"SUMX('{table}', '{table}'[{mean}] * '{table}'[{weight}])"
    return f"DIVIDE(\n    {total},\n    SUM('{table}'[{weight}])\n)"


def _share(table: str, part: str, whole: str) -> str:
    return f"DIVIDE(SUM('{table}'[{part}]), SUM('{table}'[{whole}]))"


def _earlier(measure: str, shift: str) -> str:
    return f"CALCULATE([{measure}], {shift})"


def _change(now: str, before: str) -> str:
    return f"IF(NOT ISBLANK([{before}]), DIVIDE([{now}] - [{before}], [{before}]))"


_MONTH_BEFORE = "DATEADD(Dates[Date], -1, MONTH)"
_YEAR_BEFORE = "SAMEPERIODLASTYEAR(Dates[Date])"
_PER_BAR = "100000"
"""Pascal in a bar."""
_PER_PSI = "6894.757293168"
"""Pascal in a pound-force per square inch (NIST SP 811)."""

WELL_DAYS = (
    Measure("Active wells", "DISTINCTCOUNT('Well days'[well_id])", _COUNT, "Wells with readings", "Load"),
    Measure("Readings", "SUM('Well days'[reading_count])", _COUNT, "Readings, each counted once", "Load"),
    Measure(
        "Last day with readings", "MAX('Well days'[date])", "yyyy-mm-dd", "How fresh the data is", "Load",
    ),
    Measure(
        "Hours with readings", "DIVIDE(SUM('Well days'[hour_count]), 24 * COUNTROWS('Well days'))", _SHARE,
        "Share of the hours of the wells' days that have a reading", "Load",
    ),
    Measure(
        "Anomalies", "SUM('Well days'[anomaly_count])", _COUNT, "Readings the detector flagged", "Detection",
    ),
    Measure(
        "Anomaly share", _share("Well days", "anomaly_count", "scored_readings"), "0.00%",
        "Flagged readings among those with a score", "Detection",
    ),
    Measure(
        "Unscored share", "DIVIDE([Readings] - SUM('Well days'[scored_readings]), [Readings])", _SHARE,
        "Readings without a score: too little history, too few gauges, or late", "Detection",
    ),
    Measure("Highest risk", "MAX('Well days'[max_risk])", "0", "Highest risk score, 0 to 100", "Risk"),
    Measure(
        "ALERT share", _share("Well days", "alert_readings", "reading_count"), "0.00%",
        "Readings whose risk is above 30 points", "Risk",
    ),
    Measure(
        "Share of time in alarm", _share("Well days", "readings_in_alarm", "reading_count"), "0.00%",
        "Readings at which an alarm was active and annunciated", "Risk",
    ),
    Measure(
        "Mean pressure (bar)",
        f"DIVIDE({_weighted('Well days', 'pressure_mean', 'pressure_readings')}, {_PER_BAR})",
        _VALUE, "Mean headline pressure (P-TPT), absolute", "Process",
    ),
    Measure(
        "Mean pressure (psi)",
        f"DIVIDE({_weighted('Well days', 'pressure_mean', 'pressure_readings')}, {_PER_PSI})",
        "#,0", "Mean headline pressure (P-TPT), absolute", "Process",
    ),
    Measure(
        "Mean temperature (°C)", _weighted("Well days", "temperature_mean", "temperature_readings"), _VALUE,
        "Mean headline temperature (T-TPT)", "Process",
    ),
    Measure(
        "Mean temperature (°F)",
        "IF(NOT ISBLANK([Mean temperature (°C)]), [Mean temperature (°C)] * 9 / 5 + 32)", _VALUE,
        "Mean headline temperature (T-TPT)", "Process",
    ),
    Measure(
        "Data quality", _weighted("Well days", "data_quality_mean", "reading_count"), _VALUE,
        "Mean data quality score of the readings, 0 to 100", "Quality",
    ),
    Measure(
        "Share of readings with a fault", _share("Well days", "readings_with_reasons", "reading_count"),
        "0.00%",
        "Readings of which something was condemned, converted or noted", "Quality",
    ),
    Measure(
        "Anomalies, month before", _earlier("Anomalies", _MONTH_BEFORE), _COUNT, "One month earlier", "Trend",
    ),
    Measure(
        "Anomalies, change on month", _change("Anomalies", "Anomalies, month before"), "+0.0%;-0.0%;0.0%",
        "Against one month earlier", "Trend",
    ),
    Measure(
        "Anomalies, year before", _earlier("Anomalies", _YEAR_BEFORE), _COUNT, "One year earlier", "Trend",
    ),
    Measure(
        "Anomalies, year to date", "TOTALYTD([Anomalies], Dates[Date])", _COUNT, "Since 1 January", "Trend"
    ),
    Measure(
        "Anomaly share, year before", _earlier("Anomaly share", _YEAR_BEFORE), "0.00%", "One year earlier",
        "Trend"
    ),
)  # fmt: skip

WELL_HOURS = (
    Measure(
        "Hourly pressure (bar)",
        f"DIVIDE({_weighted('Well hours', 'pressure_mean', 'pressure_readings')}, {_PER_BAR})",
        _VALUE, "Mean headline pressure (P-TPT) of the hour, absolute", "By hour",
    ),
    Measure(
        "Hourly temperature (°C)", _weighted("Well hours", "temperature_mean", "temperature_readings"),
        _VALUE,
        "Mean headline temperature (T-TPT) of the hour", "By hour",
    ),
    Measure(
        "Hourly highest score", "MAX('Well hours'[anomaly_score_max])", "0.00",
        "Highest score of the Isolation Forest in the hour, 0 to 1", "By hour",
    ),
    Measure(
        "Hourly highest risk", "MAX('Well hours'[max_risk])", "0", "Highest risk score of the hour",
        "By hour",
    ),
    Measure(
        "Hourly anomalies", "SUM('Well hours'[anomaly_count])", _COUNT, "Flagged readings of the hour",
        "By hour",
    ),
)  # fmt: skip

FACILITY_DAYS = (
    Measure(
        "Highest methane (ppm)", "MAX('Facility days'[methane_max_ppm])", _COUNT, "At the wellheads", "Gas",
    ),
    Measure(
        "Mean methane (ppm)", _weighted("Facility days", "methane_mean_ppm", "methane_readings"), _VALUE,
        "At the wellheads", "Gas",
    ),
    Measure(
        "Emission HIGH share", _share("Facility days", "emission_high_readings", "reading_count"), "0.00%",
        "Readings with methane above 500 ppm, EPA Method 21's definition of a leak", "Gas",
    ),
    Measure(
        "Highest vapor (ppm)", "MAX('Facility days'[vapor_max_ppm])", _COUNT, "In the tanks' head space",
        "Gas",
    ),
    Measure(
        "Mean vapor (ppm)", _weighted("Facility days", "vapor_mean_ppm", "vapor_readings"), _VALUE,
        "In the tanks' head space", "Gas",
    ),
    Measure(
        "Vapor CRITICAL share", _share("Facility days", "vapor_critical_readings", "reading_count"), "0.00%",
        "Readings with vapor above 10,000 ppm", "Gas",
    ),
    Measure(
        "Facility ALERT share", _share("Facility days", "alert_readings", "reading_count"), "0.00%",
        "Readings whose risk, vapor included, is above 30 points", "Risk",
    ),
    Measure(
        "Highest facility risk", "MAX('Facility days'[max_risk])", "0", "Vapor included, 0 to 100", "Risk",
    ),
    Measure(
        "Paired share", _share("Facility days", "matched_readings", "reading_count"), _SHARE,
        "Well readings with a tank reading within 5 s", "Join",
    ),
)  # fmt: skip

_ANNUNCIATED = "Alarms[annunciated] = 1"

ALARMS = (
    Measure(
        "Alarms", f"CALCULATE(DISTINCTCOUNT(Alarms[alarm_id]), {_ANNUNCIATED})", _COUNT, "Annunciated",
        "Load",
    ),
    Measure(
        "High and critical alarms", 'CALCULATE([Alarms], Alarms[Priority] IN { "critical", "high" })', _COUNT,
        "Annunciated, of these two priorities", "Load",
    ),
    Measure(
        "Alarms a day", "DIVIDE([Alarms], DISTINCTCOUNT('Well days'[date]))", _VALUE,
        "Annunciated, on each day that has readings", "Load",
    ),
    Measure(
        "Median time active (min)", "DIVIDE(MEDIAN(Alarms[active_seconds]), 60)", _VALUE,
        "From active to return, of alarms that returned", "Response",
    ),
    Measure(
        "Median time to acknowledge (min)", "DIVIDE(MEDIAN(Alarms[response_seconds]), 60)", _VALUE,
        "From active to acknowledgement, of alarms that an operator acknowledged", "Response",
    ),
    Measure("Alarms, month before", _earlier("Alarms", _MONTH_BEFORE), _COUNT, "One month earlier", "Trend"),
    Measure(
        "Alarms, change on month", _change("Alarms", "Alarms, month before"), "+0.0%;-0.0%;0.0%",
        "Against one month earlier", "Trend",
    ),
    Measure("Alarms, year before", _earlier("Alarms", _YEAR_BEFORE), _COUNT, "One year earlier", "Trend"),
)  # fmt: skip

DATA_FAULTS = (
    Measure(
        "Faults", "SUM('Data faults'[reading_count])", _COUNT,
        "Faults found in readings; a reading with several counts for each", "Quality",
    ),
    Measure(
        "Wells with a fault", "DISTINCTCOUNT('Data faults'[well_id])", _COUNT,
        "Wells with at least one fault",
        "Quality",
    ),
)  # fmt: skip

DRIFT = (
    Measure(
        "Oldest baseline (days)", "MAX('Baseline drift'[baseline_age_days])", _VALUE, "Since it was made",
        "Baseline"
    ),
    Measure(
        "Largest level shift", "MAX('Baseline drift'[largest_level_shift])", _VALUE,
        "Largest distance of a gauge from the baseline, in its scales; outdated from 5 on", "Baseline",
    ),
    Measure(
        "Outdated hours", "SUM('Baseline drift'[outdated_hours])", _VALUE, "At 5 scales or more", "Baseline",
    ),
    Measure(
        "Wells off their baseline",
        "CALCULATE(DISTINCTCOUNT('Baseline drift'[well_id]), 'Baseline drift'[outdated_hours] >= 6)", _COUNT,
        "Wells with a day of six outdated hours: commission them again", "Baseline",
    ),
)  # fmt: skip

SCOREBOARD = (
    Measure(
        "Labelled events", "COUNT(Scoreboard[Event from (UTC)])", _COUNT, "Of the last 7 days", "Detector",
    ),
    Measure(
        "Missed events", "SUM(Scoreboard[missed])", _COUNT, "Labelled events without an alarm", "Detector",
    ),
    Measure(
        "Median delay (s)", "MEDIAN(Scoreboard[delay_s])", _VALUE, "From the label to the alarm", "Detector",
    ),
    Measure(
        "False alarms an hour", _share("Scoreboard", "false_alarms", "normal_hours"), "0.000",
        "Alarms that began while the label said normal", "Detector",
    ),
)  # fmt: skip
