"""Scored readings, column by column: the output of scoring, for the lake and the live view."""

from petrostream.alarms import AlarmEvent
from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.readings import Readings
from petrostream.records import record

NO_POINTS = -1
"""Marks missing points in an integer column."""


@record(frozen=True, slots=True)
class Scored:
    """n readings with their scores, column by column, in the order of `readings`.

    Attributes:
        readings: the readings; those not on time have `late:ts` or `ahead:ts` among their
            reasons.
        scored_at_ms: when they were scored, epoch ms.
        anomaly_score: shape (n,), 0 to 1; NaN where not on time, or where model, filled windows or sensors
            are missing.
        anomaly_flag: shape (n,), 1 at or above the model's threshold, else 0.
        top_sensors: n tuples of sensor names, most deviant first; empty where not anomalous.
        reason: n phrases that say how these sensors deviate; None where not anomalous.
        model_version, model_kind: n names, None where the well has no model.
        baseline_age_days: shape (n,), days since the well's baseline was made; NaN but for the first reading
            of a minute, and without a baseline that says when.
        level_shift: shape (n,), largest difference of a gauge's mean of 60 s from the baseline, in its
            scales; NaN likewise.
        level_shift_sensor: n names of that gauge, None where there is none.
        rule_ids: n tuples of the process rules that held.
        suppressed: n tuples of those rules, and `forest`, that the well's operating state suppresses: they
            count no points.
        sensor_health: n tuples such as `("p_pdg:zeroed",)`, empty where every gauge is healthy.
        emission_category: n of NORMAL, MEDIUM, HIGH; None without a gas detector.
        emission_risk, process_risk: shape (n,), 0 to 40 points; `NO_POINTS` where the sensors are missing.
        risk_score: shape (n,), sum of the known parts, at most 100.
        well_status: n of ALERT (above 30 points), NORMAL.
        alarm_active: shape (n,), number of the well's active annunciated alarms; `NO_POINTS` where not on
            time.
        alarms: alarm transitions that these readings caused.
        ahead: shape (n,), readings too far ahead to be right: they move no clock.
        begins: shape (n,), readings that begin a feed of their well.
    """

    readings: Readings
    scored_at_ms: int
    anomaly_score: FloatArray
    anomaly_flag: IntArray
    top_sensors: list[tuple[str, ...]]
    reason: list[str | None]
    model_version: list[str | None]
    model_kind: list[str | None]
    baseline_age_days: FloatArray
    level_shift: FloatArray
    level_shift_sensor: list[str | None]
    rule_ids: list[tuple[str, ...]]
    suppressed: list[tuple[str, ...]]
    sensor_health: list[tuple[str, ...]]
    emission_category: list[str | None]
    emission_risk: IntArray
    process_risk: IntArray
    risk_score: IntArray
    well_status: list[str]
    alarm_active: IntArray
    alarms: list[AlarmEvent]
    ahead: BoolArray
    begins: BoolArray

    def __len__(self) -> int:
        return len(self.readings)
