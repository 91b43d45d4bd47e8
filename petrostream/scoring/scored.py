"""Scored readings, column by column: what scoring hands to the lake and to the live view."""

from dataclasses import dataclass

from petrostream.alarms import AlarmEvent
from petrostream.arrays import FloatArray, IntArray
from petrostream.readings import Readings

NO_POINTS = -1
"""Stands for a missing number of points."""


@dataclass(frozen=True, slots=True)
class Scored:
    """n readings with their scores, column by column, in the order of `readings`.

    Attributes:
        readings: what was scored; late readings have `late:ts` among their reasons.
        scored_at_ms: when, epoch ms.
        anomaly_score: shape (n,), 0 to 1; NaN where late, or without model, warm windows or sensors.
        anomaly_flag: shape (n,), 1 at or above the model's threshold, else 0.
        top_sensors: n tuples of sensor names, most deviant first; empty where not anomalous.
        reason: n phrases that say where these sensors stand; None where not anomalous.
        model_version, model_kind: n names, None where the well has no model.
        rule_ids: n tuples of the process rules that held.
        suppressed: n tuples of those of them, and `forest`, that mean nothing in the well's operating state:
            they count no points.
        sensor_health: n tuples such as `("p_pdg:zeroed",)`, empty where every gauge is ok.
        emission_category: n of NORMAL, MEDIUM, HIGH; None without a gas detector.
        emission_risk, process_risk: shape (n,), 0 to 40; `NO_POINTS` where there was nothing to judge by.
        risk_score: shape (n,), sum of the parts present, at most 100.
        well_status: n of ALERT (above 30 points), NORMAL.
        alarm_active: shape (n,), how many alarms of the well are active and annunciated; `NO_POINTS` where
            late.
        alarms: transitions of alarms that these readings brought about.
    """

    readings: Readings
    scored_at_ms: int
    anomaly_score: FloatArray
    anomaly_flag: IntArray
    top_sensors: list[tuple[str, ...]]
    reason: list[str | None]
    model_version: list[str | None]
    model_kind: list[str | None]
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

    def __len__(self) -> int:
        return len(self.readings)
