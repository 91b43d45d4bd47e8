"""Risk of joined readings."""

from dataclasses import dataclass

import numpy as np

from petrostream.arrays import FloatArray, IntArray
from petrostream.facility.events import COLUMN
from petrostream.facility.join import Pairs
from petrostream.gauges import WindowStats
from petrostream.readings import TANK_VALUES, VAPOR
from petrostream.risk import ALERT_ABOVE, MAX_RISK, VAPOR_RULES, RuleColumns, fired, points
from petrostream.scoring import NO_POINTS


@dataclass(frozen=True, slots=True)
class FacilityRows:
    """n joined readings of a facility with their risk, in the order of `pairs`.

    Attributes:
        facility_id: the facility.
        pairs: the well readings and their tank readings.
        tank_values: shape (n, 4), columns as `TANK_VALUES`, NaN where unmatched or missing.
        emission_risk, vapor_risk, process_risk: shape (n,), 0 to 40 points; `NO_POINTS` where the sensors are
            missing.
        risk_score: shape (n,), sum of the known parts, at most 100.
        status: n of ALERT (above 30 points), NORMAL.
    """

    facility_id: str
    pairs: Pairs
    tank_values: FloatArray
    emission_risk: IntArray
    vapor_risk: IntArray
    process_risk: IntArray
    risk_score: IntArray
    status: list[str]

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def matched(self) -> int:
        """Number of rows with a tank reading."""
        return int((self.pairs.tank >= 0).sum())

    @property
    def alerts(self) -> int:
        """Number of rows with the status ALERT."""
        return self.status.count("ALERT")


def assess(facility_id: str, pairs: Pairs) -> FacilityRows:
    """Rate joined readings: the sum of emission, vapor and process points, where unknown parts count 0."""
    n = len(pairs)
    if not n:
        none = np.empty(0, np.int64)
        return FacilityRows(facility_id, pairs, np.empty((0, len(TANK_VALUES))), none, none, none, none, [])
    tank_values = np.full((n, len(TANK_VALUES)), np.nan)
    matched = pairs.tank >= 0
    tank_values[matched] = pairs.tanks.values[pairs.tank[matched]]
    vapor = vapor_risk(tank_values[:, VAPOR])
    emission = whole_points(pairs.wells.carried[:, COLUMN["emission_risk"]])
    process = whole_points(pairs.wells.carried[:, COLUMN["process_risk"]])
    known = [np.maximum(part, 0) for part in (emission, vapor, process)]
    risk = np.minimum(np.sum(known, axis=0, dtype=np.int64), MAX_RISK)
    status = np.where(risk > ALERT_ABOVE, "ALERT", "NORMAL").tolist()
    return FacilityRows(facility_id, pairs, tank_values, emission, vapor, process, risk, status)


def vapor_risk(vapor_ppm: FloatArray) -> IntArray:
    """Points of the vapor rules: shape (n,), `NO_POINTS` where the concentration is NaN."""
    no_windows = WindowStats(np.empty(0, np.int64), np.empty((3, 3, 0, len(vapor_ppm))))
    columns = RuleColumns(no_windows, np.full(len(vapor_ppm), np.nan), vapor_ppm)
    vapor = points(VAPOR_RULES, fired(VAPOR_RULES, columns))
    return np.where(np.isnan(vapor_ppm), NO_POINTS, vapor)


def whole_points(points: FloatArray) -> IntArray:
    """Convert points from floats to integers: shape (n,), `NO_POINTS` where NaN."""
    return np.nan_to_num(points, nan=NO_POINTS).astype(np.int64)
