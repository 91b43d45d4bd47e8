"""The present of a facility: each well's latest status, open alarms, and alerts not yet published.

It is part of the facility's memory and is stored in the same item, by the same conditional write as the
position in the stream: it can't be older or newer than what is committed, and needs no write of its own.
Readers fetch this one attribute (`petrostream.aws.live_reader`).
"""

import math
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from petrostream.facility import FacilityRows
from petrostream.live.alerts import MAX_AGE_MS, Alert, alarm_alerts, status_alert
from petrostream.live.changes import NORMAL, TANK, WELL, AlertPeriod, Key, StatusChange, status_changes
from petrostream.live.open_alarms import Alarms, alarms_after
from petrostream.readings import VAPOR, gauge_units, usable_values
from petrostream.risk import ALERT_ABOVE
from petrostream.schema import SENSOR_INDEX
from petrostream.scoring import NO_POINTS, Scored

MAX_WELLS = 500
"""Most wells shown of a facility: those that reported last."""

_HEADLINE = np.array([SENSOR_INDEX["p_tpt"], SENSOR_INDEX["t_tpt"]], np.int64)


@dataclass(frozen=True, slots=True)
class WellStatus:
    """A well's latest reading that was not late.

    Attributes:
        ts_ms: its time, epoch ms.
        scored_at_ms: when it was scored.
        source: the recording or simulation that it came from.
        pressure: at the TPT, Pa, None where missing.
        temperature: at the TPT, degC, None where missing.
        methane_ppm: at the wellhead, None where missing.
        anomaly_score: 0 to 1, None if not scored by a model.
        anomaly_flag: 0 or 1.
        risk_score: 0 to 100, from emission and process risk, without the tank's vapor.
        well_status: ALERT or NORMAL, from the same risk.
        emission_category: None without a gas detector.
        quality: data quality, 0 to 100.
        top_sensors: the most deviant sensors of an anomalous reading, else empty.
        reason: how they deviate, None if not anomalous.
        model_kind: None without a model.
        joined_ts_ms: time of the latest reading that the join settled, epoch ms; None if there is none.
        joined_risk, joined_status: risk and status of that reading, the tank's vapor included.
        vapor_ppm: vapor concentration of the matching tank reading, None where unmatched.
        units: gauges that are apparently in another unit, such as `p_pdg:psi`.
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
    units: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LiveState:
    """The present of one facility.

    Attributes:
        wells: latest status by well, the well that reported last at the end.
        alarms: open alarms by well and alarm type.
        returned: the last annunciated alarms that returned, by well and alarm type, the latest at the end: an
            operator may not have seen them.
        periods: periods of the status ALERT that are not over.
        unpublished: alerts not yet published, oldest first.
        listed: whether the facility is in the table's list of facilities.
    """

    wells: Mapping[str, WellStatus] = field(default_factory=dict)
    alarms: Alarms = field(default_factory=dict)
    returned: Alarms = field(default_factory=dict)
    periods: Mapping[Key, AlertPeriod] = field(default_factory=dict)
    unpublished: tuple[Alert, ...] = ()
    listed: bool = False

    def well_names(self) -> list[str]:
        """All wells of which anything is kept, more than once where it is more than one thing."""
        of_alerts = [str(alert.detail["well_id"]) for alert in self.unpublished]
        return [*of_alerts, *(well for well, _ in (*self.periods, *self.alarms, *self.returned)), *self.wells]

    def only(self, wells: Set[str]) -> "LiveState":
        """A copy without statuses, alarms and alerts of other wells than these."""
        return LiveState(
            wells={name: status for name, status in self.wells.items() if name in wells},
            alarms={key: alarm for key, alarm in self.alarms.items() if key[0] in wells},
            returned={key: alarm for key, alarm in self.returned.items() if key[0] in wells},
            periods={key: period for key, period in self.periods.items() if key[0] in wells},
            unpublished=tuple(alert for alert in self.unpublished if alert.detail["well_id"] in wells),
            listed=self.listed,
        )

    @property
    def scored_by_a_model(self) -> bool:
        """Whether the latest reading of some well was scored with a model."""
        return any(well.model_kind is not None for well in self.wells.values())

    def without(self, published_ids: Set[str]) -> "LiveState":
        """A copy without the alerts that have been published."""
        if not any(alert.alert_id in published_ids for alert in self.unpublished):
            return self
        return replace(
            self, unpublished=tuple(a for a in self.unpublished if a.alert_id not in published_ids)
        )


def newest(one: Mapping[str, WellStatus], other: Mapping[str, WellStatus]) -> dict[str, WellStatus]:
    """By well, the status that was scored later."""
    merged = dict(one)
    for well, status in other.items():
        if well not in merged or status.scored_at_ms >= merged[well].scored_at_ms:
            merged[well] = status
    return merged


def note_scored(state: LiveState, facility_id: str, rows: Scored, arrived_ms: int) -> LiveState:
    """Update the present with scored readings and their alarm transitions.

    Args:
        state: the present before them.
        facility_id: the facility.
        rows: the readings in stream order; late ones change nothing.
        arrived_ms: when the last of them arrived in the stream, epoch ms. Changes more than `MAX_AGE_MS`
            older send no alert.
    """
    on_time = np.flatnonzero(rows.alarm_active != NO_POINTS)
    names = rows.readings.well_id
    if len(on_time) < len(names):
        names = [names[i] for i in on_time.tolist()]
    wells = dict(state.wells)
    latest = dict(zip(names, on_time.tolist(), strict=True))
    before = [wells.pop(name, None) for name in latest]
    wells |= zip(latest, _statuses(rows, list(latest.values()), before), strict=True)
    alert = np.zeros(len(rows), np.bool_)
    if rows.well_status.count(NORMAL) < len(rows):
        alert[:] = [status != NORMAL for status in rows.well_status]
    alert = alert[on_time]
    periods, changes = status_changes(state.periods, WELL, names, rows.readings.ts_ms[on_time], alert)
    of_status = [
        status_alert(change, facility_id, _scored_detail(rows, int(on_time[change.position])))
        for change in changes
    ]
    alerts = _recent([*alarm_alerts(rows.alarms), *of_status], arrived_ms)
    alarms, returned = alarms_after(state.alarms, state.returned, rows.alarms)
    return replace(
        state,
        wells=dict(list(wells.items())[-MAX_WELLS:]),
        alarms=alarms,
        returned=returned,
        periods=periods,
        unpublished=(*state.unpublished, *alerts),
    )


def note_joined(state: LiveState, rows: FacilityRows, arrived_ms: int) -> LiveState:
    """Update the present with joined readings, whose risk includes the tank's vapor.

    Args:
        state: the present, the same readings' scores included.
        rows: the readings that the join settled, in its order.
        arrived_ms: when the last of them arrived in the stream, epoch ms.
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
    # A reading that is an ALERT without the tank has its alert from `note_scored`.
    alert = (rows.risk_score > ALERT_ABOVE) & (own <= ALERT_ABOVE)
    periods, changes = status_changes(state.periods, TANK, names, ts_ms, alert)
    alerts = [status_alert(change, rows.facility_id, _joined_detail(rows, change)) for change in changes]
    unpublished = (*state.unpublished, *_recent(alerts, arrived_ms))
    return replace(state, wells=wells, periods=periods, unpublished=unpublished)


def _recent(alerts: list[Alert], arrived_ms: int) -> list[Alert]:
    return [alert for alert in alerts if arrived_ms - alert.ts_ms <= MAX_AGE_MS]


def _statuses(rows: Scored, at: list[int], before: list[WellStatus | None]) -> list[WellStatus]:
    """The statuses of wells by their latest readings, at these positions, and the statuses before."""
    if not at:
        return []
    readings, places = rows.readings, np.array(at)
    numbers = np.column_stack(
        [
            usable_values(readings, places, _HEADLINE),
            readings.methane_ppm[places],
            rows.anomaly_score[places],
            readings.quality[places],
        ]
    ).tolist()
    wholes = np.array([readings.ts_ms[places], rows.anomaly_flag[places], rows.risk_score[places]]).T.tolist()
    return [_status(rows, *one) for one in zip(at, numbers, wholes, before, strict=True)]


def _status(
    rows: Scored, at: int, numbers: list[float], wholes: list[int], before: WellStatus | None
) -> WellStatus:
    pressure, temperature, methane_ppm, anomaly_score, quality = map(_float, numbers)
    ts_ms, anomaly_flag, risk_score = wholes
    return WellStatus(
        ts_ms=ts_ms,
        scored_at_ms=rows.scored_at_ms,
        source=rows.readings.source[at],
        pressure=pressure,
        temperature=temperature,
        methane_ppm=methane_ppm,
        anomaly_score=anomaly_score,
        anomaly_flag=anomaly_flag,
        risk_score=risk_score,
        well_status=rows.well_status[at],
        emission_category=rows.emission_category[at],
        quality=quality,
        top_sensors=rows.top_sensors[at],
        reason=rows.reason[at],
        model_kind=rows.model_kind[at],
        joined_ts_ms=None if before is None else before.joined_ts_ms,
        joined_risk=None if before is None else before.joined_risk,
        joined_status=None if before is None else before.joined_status,
        vapor_ppm=None if before is None else before.vapor_ppm,
        units=gauge_units(rows.readings.reasons[at]),
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


def _points(points: int) -> int | None:
    return None if points == NO_POINTS else points


def _float(value: float) -> float | None:
    """A number that JSON can hold, to nine digits: enough to read, and every byte stored is billed."""
    return None if math.isnan(value) else float(f"{value:.9g}")
