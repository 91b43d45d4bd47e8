"""The present of a facility: each well's latest status, open alarms, and events still to be told.

It is a part of the facility's memory and travels in its item, so it is written by the same conditional write
as the place on the stream: it can't be older or newer than what is committed, and costs no write of its own.
Readers take this one attribute (`petrostream.aws.live_reader`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from petrostream.alarms import RETURNED, AlarmEvent
from petrostream.facility import FacilityRows
from petrostream.live.alerts import MAX_AGE_MS, Alert, alarm_alerts, status_alert
from petrostream.live.changes import NORMAL, TANK, WELL, AlertRun, Key, StatusChange, status_changes
from petrostream.readings import VAPOR
from petrostream.risk import ALERT_ABOVE
from petrostream.schema import SENSOR_INDEX
from petrostream.scoring import NO_POINTS, Scored

MAX_WELLS = 500
"""Wells shown of a facility, the latest heard."""

MAX_WAITING = 200
"""Events that wait to be told. While the topic can't be reached, the oldest give way."""

_PRESSURE, _TEMPERATURE = SENSOR_INDEX["p_tpt"], SENSOR_INDEX["t_tpt"]


@dataclass(frozen=True, slots=True)
class WellStatus:
    """A well's latest reading that was not late.

    Attributes:
        ts_ms: its time, epoch ms.
        scored_at_ms: when it was scored.
        source: what it came from.
        pressure: at the TPT, Pa; temperature: there, degC; methane_ppm: at the wellhead. None where missing.
        anomaly_score: 0 to 1, None where there is none.
        anomaly_flag: 0 or 1.
        risk_score: 0 to 100, by the well's own parts.
        well_status: ALERT or NORMAL, by the same.
        emission_category: None without a gas detector.
        quality: data quality, 0 to 100.
        top_sensors: of an anomalous reading.
        reason: the phrase that goes with them.
        model_kind: None without a model.
        joined_ts_ms: latest reading that the join settled, None if there is none.
        joined_risk, joined_status: of that one, vapor included.
        vapor_ppm: in the tank beside it, None where unmatched.
    """

    ts_ms: int
    scored_at_ms: int
    source: str
    pressure: float | None = None
    temperature: float | None = None
    methane_ppm: float | None = None
    anomaly_score: float | None = None
    anomaly_flag: int = 0
    risk_score: int = 0
    well_status: str = NORMAL
    emission_category: str | None = None
    quality: float | None = None
    top_sensors: tuple[str, ...] = ()
    reason: str | None = None
    model_kind: str | None = None
    joined_ts_ms: int | None = None
    joined_risk: int | None = None
    joined_status: str | None = None
    vapor_ppm: float | None = None


@dataclass(frozen=True, slots=True)
class OpenAlarm:
    """An alarm whose condition is active.

    Attributes:
        alarm_id, well_id, alarm_type, priority: which one.
        state: as far as the stream knows: `active_unacknowledged` or `suppressed_by_design`.
        start_ms: first reading of the condition.
        active_ms: when it became active.
        ts_ms: its latest transition.
        sentence: what it says; None while suppressed.
    """

    alarm_id: str
    well_id: str
    alarm_type: str
    priority: str
    state: str
    start_ms: int
    active_ms: int
    ts_ms: int
    sentence: str | None = None


@dataclass(frozen=True, slots=True)
class LiveState:
    """The present of one facility.

    Attributes:
        wells: latest status by well, the least recently heard first.
        alarms: open alarms by well and alarm type.
        runs: statuses ALERT that are not over.
        waiting: events to be told, oldest first.
        listed: whether the facility is in the table's list of facilities.
    """

    wells: Mapping[str, WellStatus] = field(default_factory=dict)
    alarms: Mapping[tuple[str, str], OpenAlarm] = field(default_factory=dict)
    runs: Mapping[Key, AlertRun] = field(default_factory=dict)
    waiting: tuple[Alert, ...] = ()
    listed: bool = False

    def without(self, told: set[str] | frozenset[str]) -> "LiveState":
        """The same without the events that have been told."""
        if not any(alert.alert_id in told for alert in self.waiting):
            return self
        return replace(self, waiting=tuple(a for a in self.waiting if a.alert_id not in told))


def note_scored(state: LiveState, facility_id: str, rows: Scored, arrived_ms: int) -> LiveState:
    """Take in scored readings and the transitions of alarms they brought about.

    Args:
        state: the present so far.
        facility_id: the facility.
        rows: the readings in stream order; late ones change nothing.
        arrived_ms: when the stream took in the last of them, epoch ms: what lies long before calls nobody.
    """
    on_time = np.flatnonzero(rows.alarm_active != NO_POINTS)
    names = [rows.readings.well_id[i] for i in on_time.tolist()]
    wells = dict(state.wells)
    for name, at in dict(zip(names, on_time.tolist(), strict=True)).items():
        wells[name] = _status(rows, at, wells.pop(name, None))
    alert = np.array([status != NORMAL for status in rows.well_status], np.bool_)[on_time]
    runs, changes = status_changes(state.runs, WELL, names, rows.readings.ts_ms[on_time], alert)
    found = [
        status_alert(change, facility_id, _scored_detail(rows, int(on_time[change.position])))
        for change in changes
    ]
    told = _recent([*alarm_alerts(rows.alarms), *found], arrived_ms)
    return replace(
        state,
        wells=dict(list(wells.items())[-MAX_WELLS:]),
        alarms=_alarms(state.alarms, rows.alarms),
        runs=runs,
        waiting=(*state.waiting, *told)[-MAX_WAITING:],
    )


def note_joined(state: LiveState, rows: FacilityRows, arrived_ms: int) -> LiveState:
    """Take in joined readings: the risk with the tank's vapor in it.

    Args:
        state: the present, the same readings' scores included.
        rows: what the join settled, in its order.
        arrived_ms: when the stream took in the last of them, epoch ms.
    """
    if not len(rows):
        return state
    names, ts_ms = rows.pairs.wells.well_id, rows.pairs.wells.ts_ms
    wells = dict(state.wells)
    for name, at in {name: i for i, name in enumerate(names)}.items():
        if name in wells:
            wells[name] = replace(
                wells[name],
                joined_ts_ms=int(ts_ms[at]),
                joined_risk=int(rows.risk_score[at]),
                joined_status=rows.status[at],
                vapor_ppm=_float(rows.tank_values[at, VAPOR]),
            )
    own = np.maximum(rows.emission_risk, 0) + np.maximum(rows.process_risk, 0)
    # What is an ALERT without the tank has been told of already.
    alert = (rows.risk_score > ALERT_ABOVE) & (own <= ALERT_ABOVE)
    runs, changes = status_changes(state.runs, TANK, names, ts_ms, alert)
    found = [status_alert(change, rows.facility_id, _joined_detail(rows, change)) for change in changes]
    waiting = (*state.waiting, *_recent(found, arrived_ms))[-MAX_WAITING:]
    return replace(state, wells=wells, runs=runs, waiting=waiting)


def _recent(alerts: list[Alert], arrived_ms: int) -> list[Alert]:
    return [alert for alert in alerts if arrived_ms - alert.ts_ms <= MAX_AGE_MS]


def _alarms(
    before: Mapping[tuple[str, str], OpenAlarm], events: list[AlarmEvent]
) -> Mapping[tuple[str, str], OpenAlarm]:
    after = dict(before)
    for event in events:
        change = event.change
        key = (change.well_id, change.alarm_type)
        if change.event == RETURNED:
            after.pop(key, None)
            continue
        after[key] = OpenAlarm(
            change.alarm_id,
            change.well_id,
            change.alarm_type,
            change.priority,
            change.state,
            change.start_ms,
            change.active_ms,
            change.ts_ms,
            event.sentence,
        )
    return after


def _status(rows: Scored, at: int, before: WellStatus | None) -> WellStatus:
    readings = rows.readings
    status = WellStatus(
        ts_ms=int(readings.ts_ms[at]),
        scored_at_ms=rows.scored_at_ms,
        source=readings.source[at],
        pressure=_float(readings.values[at, _PRESSURE]),
        temperature=_float(readings.values[at, _TEMPERATURE]),
        methane_ppm=_float(readings.methane_ppm[at]),
        anomaly_score=_float(rows.anomaly_score[at]),
        anomaly_flag=int(rows.anomaly_flag[at]),
        risk_score=int(rows.risk_score[at]),
        well_status=rows.well_status[at],
        emission_category=rows.emission_category[at],
        quality=_float(readings.quality[at]),
        top_sensors=rows.top_sensors[at],
        reason=rows.reason[at],
        model_kind=rows.model_kind[at],
    )
    if before is None:
        return status
    return replace(
        status,
        joined_ts_ms=before.joined_ts_ms,
        joined_risk=before.joined_risk,
        joined_status=before.joined_status,
        vapor_ppm=before.vapor_ppm,
    )


def _scored_detail(rows: Scored, at: int) -> dict[str, Any]:
    return {
        "risk_score": int(rows.risk_score[at]),
        "emission_risk": _points(int(rows.emission_risk[at])),
        "process_risk": _points(int(rows.process_risk[at])),
        "rule_ids": list(rows.rule_ids[at]),
        "reason": rows.reason[at],
    }


def _joined_detail(rows: FacilityRows, change: StatusChange) -> dict[str, Any]:
    at = change.position
    return {
        "risk_score": int(rows.risk_score[at]),
        "emission_risk": _points(int(rows.emission_risk[at])),
        "process_risk": _points(int(rows.process_risk[at])),
        "vapor_risk": _points(int(rows.vapor_risk[at])),
        "vapor_concentration_ppm": _float(rows.tank_values[at, VAPOR]),
    }


def _points(worth: int) -> int | None:
    return None if worth == NO_POINTS else worth


def _float(value: float) -> float | None:
    """A number as JSON can hold it, to nine digits: a status is for eyes, and each byte is paid for."""
    return None if np.isnan(value) else float(f"{value:.9g}")
