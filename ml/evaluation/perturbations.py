"""What happens to a well in ordinary life: each row of the perturbation bench changes a course in one way.

A change begins at `WellCourse.begin` and stays through the event that follows, unless its description says
otherwise. Changes are made to the readings of real wells, as 3W records them; how they are made is written
beside each, since a bench is only as good as its changes are plausible.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from ml.data.simulated_well import settle
from ml.evaluation.mirror import WellCourse
from petrostream.arrays import FloatArray
from petrostream.schema import SENSOR_INDEX, SENSORS

BAR = 1e5
KPA = 1e3
PSI = 6894.757
"""Pressure units in Pa."""

Perturb = Callable[[WellCourse, np.random.Generator], WellCourse]

PRESSURES = [at for at, sensor in enumerate(SENSORS) if sensor.quantity == "pressure"]
TEMPERATURES = [at for at, sensor in enumerate(SENSORS) if sensor.quantity == "temperature"]
TUBING = SENSOR_INDEX["p_tpt"]

OPENING = 50.0
"""Opening of the production choke, %, where the instance does not report one."""

DRAWDOWN = 40 * BAR
CHOKE_DROP = 35 * BAR
"""Reservoir less bottom-hole pressure, and pressure drop over the choke, of the wells of `_choke`'s model."""

SPELL_S = 1800.0
"""How long a passing fault lasts."""

WORKOVER_S = 12 * 3600


@dataclass(frozen=True, slots=True)
class Perturbation:
    """A row of the bench.

    Attributes:
        id: stable name.
        description: what happens to the well.
        change: makes it happen.
        whole: whether it holds from the first reading, so that all of the course is judged.
    """

    id: str
    description: str
    change: Perturb
    whole: bool = False


def _unchanged(course: WellCourse, _: np.random.Generator) -> WellCourse:
    return course


def _added(course: WellCourse, deltas: Mapping[str, FloatArray]) -> WellCourse:
    """Adds to gauges, each delta of shape (n,) in the gauge's unit; gauges the well lacks stay missing."""
    values = course.instance.values.copy()
    for name, delta in deltas.items():
        values[:, SENSOR_INDEX[name]] += delta
    return course.with_values(values)


def _choke(points: float, course: WellCourse, _: np.random.Generator) -> WellCourse:
    """Moves the production choke by some percentage points within 20 s, opening reported.

    A quasi-steady balance sets the new level. Inflow falls by dP / `DRAWDOWN` when the pressure of the tubing
    rises by dP (linear inflow, constant weight of the column); flow through the choke is proportional to
    opening x sqrt(pressure drop), so it changes by d(opening) / opening + dP / (2 `CHOKE_DROP`). Both are
    the same flow: dP = -(d(opening) / opening) / (1 / `DRAWDOWN` + 1 / (2 `CHOKE_DROP`)), 2.5 bar for 5 of 50
    points. Gauges approach it with the time constants of line packing, slower the further from the choke;
    temperatures follow the flow, slowly.
    """
    values = course.instance.values.copy()
    at = SENSOR_INDEX["aber_ckp"]
    values[:, at] = np.where(np.isnan(values[:, at]), OPENING, values[:, at])
    move = points * np.clip(course.since / 20.0, 0.0, 1.0)
    opening = float(values[course.begin, at])
    values[:, at] = np.clip(values[:, at] + move, 0.0, 100.0)
    share = points / opening
    rise = -share / (1.0 / DRAWDOWN + 1.0 / (2.0 * CHOKE_DROP))
    flow = -rise / DRAWDOWN
    since = course.since
    return _added(
        course.with_values(values),
        {
            "p_mon_ckp": rise * settle(since, 60),
            "p_mon_sdv_p": rise * settle(since, 60),
            "p_tpt": 0.95 * rise * settle(since, 150, 10),
            "pt_p": 0.95 * rise * settle(since, 150, 10),
            "p_pdg": 0.9 * rise * settle(since, 240, 20),
            "p_jus_ckp": 2.0 * BAR * flow * settle(since, 60),
            "t_jus_ckp": 12.0 * flow * settle(since, 900, 60),
            "t_mon_ckp": 12.0 * flow * settle(since, 900, 60),
            "t_tpt": 5.0 * flow * settle(since, 1200, 60),
        },
    )


def _ramp(pascals: float, seconds: float, course: WellCourse, _: np.random.Generator) -> WellCourse:
    """Moves the tubing pressure by a ramp, or a step of no length, to a level where it stays."""
    since = course.since
    course_of = np.clip(since / seconds, 0.0, 1.0) if seconds else (since >= 0).astype(np.float64)
    return _added(course, {"p_tpt": pascals * course_of})


def _workover(course: WellCourse, _: np.random.Generator) -> WellCourse:
    """No readings for 12 hours, then every gauge at a level of its own."""
    one = course.instance
    ts_ms = one.ts_ms.copy()
    ts_ms[: course.begin] -= 1000 * WORKOVER_S
    after = (np.arange(len(ts_ms)) >= course.begin).astype(np.float64)
    levels = {"p_mon_ckp": 3 * BAR, "p_tpt": -4 * BAR, "p_pdg": -6 * BAR, "t_tpt": 1.5, "t_jus_ckp": -2.0}
    moved = _added(course, {name: level * after for name, level in levels.items()})
    return replace(moved, instance=replace(moved.instance, ts_ms=ts_ms))


def _noise(course: WellCourse, _: np.random.Generator) -> WellCourse:
    """Doubles what each gauge does within a minute: twice its difference from its mean of 60 s."""
    values = course.instance.values
    extra = values - _running_mean(values, 60)
    extra[course.since < 0] = 0.0
    return course.with_values(values + np.where(np.isnan(extra), 0.0, extra))


def _swings(course: WellCourse, _: np.random.Generator) -> WellCourse:
    """Doubles what each pressure and temperature does at all: twice its difference from its normal mean."""
    values = course.instance.values.copy()
    normal = course.instance.label == 0
    for at in (*PRESSURES, *TEMPERATURES):
        column = values[:, at]
        if np.isfinite(column[normal]).any():
            column[course.since >= 0] += (column - np.nanmean(column[normal]))[course.since >= 0]
    return course.with_values(values)


def _white(course: WellCourse, rng: np.random.Generator) -> WellCourse:
    """Adds white noise, so that each gauge's standard deviation in normal operation doubles."""
    values = course.instance.values.copy()
    normal = course.instance.label == 0
    for at in (*PRESSURES, *TEMPERATURES):
        if np.isfinite(values[normal, at]).any():
            sigma = np.sqrt(3.0) * float(np.nanstd(values[normal, at]))
            values[:, at] += sigma * rng.normal(size=len(values)) * (course.since >= 0)
    return course.with_values(values)


def _running_mean(values: FloatArray, rows: int) -> FloatArray:
    """Mean of the last `rows` rows that are known, shape (n, 27)."""
    known = np.isfinite(values)
    sums = np.cumsum(np.where(known, values, 0.0), axis=0)
    counts = np.cumsum(known, axis=0)
    sums[rows:] -= sums[:-rows].copy()
    counts[rows:] -= counts[:-rows].copy()
    mean: FloatArray = sums / np.maximum(counts, 1)
    return np.where(counts > 0, mean, np.nan)


def _drift(share_per_hour: float, course: WellCourse, _: np.random.Generator) -> WellCourse:
    """The tubing pressure's transducer drifts, by a share of its level an hour."""
    level = float(np.nanmean(course.instance.values[course.instance.label == 0, TUBING]))
    return _added(course, {"p_tpt": level * share_per_hour * np.maximum(course.since, 0.0) / 3600.0})


def _gaps(course: WellCourse, rng: np.random.Generator) -> WellCourse:
    """Loses 2 to 5 minutes of every 20, and once half an hour."""
    since = course.since
    kept = np.ones(len(since), np.bool_)
    for start in np.arange(0.0, since[-1], 1200.0):
        gap = rng.uniform(120.0, 300.0)
        kept &= (since < start + 600.0) | (since >= start + 600.0 + gap)
    kept &= (since < 2000.0) | (since >= 2000.0 + SPELL_S)
    # What is lost before the event only: an event that is not recorded can't be found.
    kept |= course.instance.label != 0
    one = course.instance
    rows = np.flatnonzero(kept)
    cut = replace(
        one, ts_ms=one.ts_ms[rows], values=one.values[rows], label=one.label[rows], state=one.state[rows]
    )
    return replace(course, instance=cut)


def _duplicates(course: WellCourse, rng: np.random.Generator) -> WellCourse:
    """Sends one reading in ten twice, up to 5 s later, and the last minute again every 20 minutes."""
    rows = np.arange(len(course.instance))
    after = rows[rows >= course.begin]
    again = after[rng.random(len(after)) < 0.1]
    place = again + rng.integers(0, 6, len(again))
    minutes = [np.arange(at - 60, at) for at in range(course.begin + 1200, len(rows), 1200)]
    late = np.concatenate([again, *minutes])
    where = np.concatenate([place, *(np.full(len(one), one[-1]) for one in minutes)])
    order = np.concatenate([rows, late])
    keys = np.concatenate([rows * 2, where * 2 + 1])
    return replace(course, order=order[np.argsort(keys, kind="stable")])


def _stuck(name: str, passes: bool, course: WellCourse, _: np.random.Generator) -> WellCourse:
    """Holds a gauge at its last value, for `SPELL_S` or for good."""
    values = course.instance.values.copy()
    at = SENSOR_INDEX[name]
    where = (course.since >= 0) & ((course.since < SPELL_S) | (not passes)) & np.isfinite(values[:, at])
    values[where, at] = values[course.begin, at]
    return course.with_values(values)


def _missing(name: str, passes: bool, course: WellCourse, _: np.random.Generator) -> WellCourse:
    """Takes a gauge away, for `SPELL_S` or for good."""
    values = course.instance.values.copy()
    where = (course.since >= 0) & ((course.since < SPELL_S) | (not passes))
    values[where, SENSOR_INDEX[name]] = np.nan
    return course.with_values(values)


def _unit(pascals: float, whole: bool, course: WellCourse, _: np.random.Generator) -> WellCourse:
    """Sends every pressure in another unit, from the first reading or from the change on."""
    values = course.instance.values.copy()
    rows = (course.since >= 0) | whole
    for at in PRESSURES:
        values[rows, at] /= pascals
    return course.with_values(values)


def _fahrenheit(whole: bool, course: WellCourse, _: np.random.Generator) -> WellCourse:
    """Sends every temperature in degrees Fahrenheit."""
    values = course.instance.values.copy()
    rows = (course.since >= 0) | whole
    for at in TEMPERATURES:
        values[rows, at] = values[rows, at] * 1.8 + 32.0
    return course.with_values(values)


def _units() -> list[Perturbation]:
    rows = []
    for whole, when, suffix in ((True, "from the start", "start"), (False, "in mid-stream", "mid")):
        for unit, size in (("bar", BAR), ("kPa", KPA), ("psi", PSI)):
            name, text = f"{unit.lower()}_{suffix}", f"pressures in {unit} {when}"
            rows.append(Perturbation(name, text, partial(_unit, size, whole), whole))
        text = f"temperatures in degF {when}"
        rows.append(Perturbation(f"fahrenheit_{suffix}", text, partial(_fahrenheit, whole), whole))
    return rows


_ROWS = (
    Perturbation("none", "nothing", _unchanged),
    Perturbation("choke_close_5", "choke closed by 5 points, reported", partial(_choke, -5.0)),
    Perturbation("choke_open_5", "choke opened by 5 points, reported", partial(_choke, 5.0)),
    Perturbation("choke_close_2.5", "choke closed by 2.5 points, reported", partial(_choke, -2.5)),
    Perturbation("ramp_1_bar", "tubing pressure +1 bar in 10 min", partial(_ramp, BAR, 600.0)),
    Perturbation("step_up_1_bar", "tubing pressure +1 bar at once", partial(_ramp, BAR, 0.0)),
    Perturbation("step_down_1_bar", "tubing pressure -1 bar at once", partial(_ramp, -BAR, 0.0)),
    Perturbation("step_up_5_bar", "tubing pressure +5 bar at once", partial(_ramp, 5 * BAR, 0.0)),
    Perturbation("workover", "12 h without readings, then new levels", _workover),
    Perturbation("noise_2x", "gauges' noise doubled", _noise),
    Perturbation("swings_2x", "all variation doubled", _swings),
    Perturbation("white_noise_2x", "white noise: variation doubled", _white),
    Perturbation("drift_0.1", "tubing pressure drifts 0.1 %/h", partial(_drift, 0.001)),
    Perturbation("drift_1", "tubing pressure drifts 1 %/h", partial(_drift, 0.01)),
    Perturbation("gaps", "gaps of 2 to 5 min, one of 30 min", _gaps),
    Perturbation("duplicates", "readings sent twice, minutes sent again", _duplicates),
    Perturbation("stuck_p_tpt", "tubing pressure stuck for 30 min", partial(_stuck, "p_tpt", True)),
    Perturbation("stuck_t_tpt", "tree temperature stuck for good", partial(_stuck, "t_tpt", False)),
    Perturbation("missing_p_tpt", "tubing pressure missing for 30 min", partial(_missing, "p_tpt", True)),
    Perturbation("missing_t_tpt", "tree temperature missing for good", partial(_missing, "t_tpt", False)),
    *_units(),
)

PERTURBATIONS: Mapping[str, Perturbation] = {row.id: row for row in _ROWS}
"""The rows of the bench, by id."""
