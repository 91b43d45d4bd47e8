"""A period of a well's operation, from the lake or from files, and whether it may commission the well."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ml.data.dataset import NO_LABEL, find_instances, read_instance
from ml.data.units import Reader, unit_problems
from ml.training.baseline import MEASUREMENTS, TRAIN_SHARE, Baseline, make_baseline, plausible
from ml.training.metrics import sustained
from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.detection import WellModel, detect
from petrostream.gauges import quantise, scale_floors, window_stats
from petrostream.schema import SENSOR_INDEX, SENSOR_NAMES, SENSORS
from petrostream.times import to_iso, to_sql

MIN_PRESENT = 0.9
"""Share of the readings, at the well's own rate, that must be present."""

MAX_GAUGES_LOST = 0.5
"""Share of the expected gauges that may be missing or frozen."""

RAMP = 6.0
"""A level drifts if the straight line through it rises or falls by this many times the scale that the
baseline would have without the line. Such a line doubles the scale: its own standard deviation is its rise
over the square root of 12."""

DRIFT, DRIFT_FLOOR = 1.8, 4.0
"""It also drifts if the means of the first and the last third are 1.8 standard deviations apart (a straight
ramp: 2.3, a step: 2) and 4 times the smallest scale of such a gauge: 0.4 bar or 0.2 degC."""

_OF_FILES = "The files stay as they are: pass the fleet file as --units to convert them"
_OF_LAKE = "What the lake has stays as it was sent: commission a period that begins after the unit is set"

OPEN = 0
"""Operating state of a well that produces."""


class PeriodError(ValueError):
    """A period can't be read; the message says why and what to do."""


class NotCommissionedError(ValueError):
    """The period can't commission the well; `reasons` has one line for each problem."""

    def __init__(self, well_id: str, reasons: list[str]) -> None:
        self.reasons = reasons
        super().__init__(f"{well_id} can't be commissioned on this period:\n  " + "\n  ".join(reasons))


@dataclass(frozen=True, slots=True, eq=False)
class Period:
    """n readings of one well, oldest first.

    Attributes:
        well_id: the well.
        sources: names of the instances or devices behind them.
        ts_ms: shape (n,), strictly increasing, when they were taken at the source, epoch ms.
        values: shape (n, 27), possible values only, NaN where missing.
        label, state: shape (n,), event class and operating state, `NO_LABEL` where unknown.
        wrong_units: a line for each gauge that is apparently in another unit.
    """

    well_id: str
    sources: tuple[str, ...]
    ts_ms: IntArray
    values: FloatArray
    label: IntArray
    state: IntArray
    wrong_units: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.ts_ms)

    def head(self, share: float) -> "Period":
        """The first part."""
        n = int(share * len(self))
        return replace(
            self, ts_ms=self.ts_ms[:n], values=self.values[:n], label=self.label[:n], state=self.state[:n]
        )


def from_files(
    folder: Path, well_id: str, from_ms: int, to_ms: int, *, read: Reader = read_instance
) -> Period:
    """The readings of `[from_ms, to_ms)` in the files of a folder in the 3W layout.

    Args:
        folder: the folder.
        well_id: the well.
        from_ms: start, epoch ms.
        to_ms: end, epoch ms.
        read: reads an instance, such as one that converts units.

    Raises:
        DatasetError: the folder or a file is not in the layout, or has no such well.
    """
    parts = []
    for file in find_instances(folder, wells=[well_id]):
        one = read(file)
        rows = (one.ts_ms >= from_ms) & (one.ts_ms < to_ms)
        if rows.any():
            parts.append((one.source, one.ts_ms[rows], one.values[rows], one.label[rows], one.state[rows]))
    columns = [np.concatenate([part[at] for part in parts]) for at in range(1, 5)] if parts else _nothing()
    ts_ms, values, label, state = columns
    sources = tuple(part[0] for part in parts)
    return _period(well_id, sources, ts_ms, values, label, state, remedy=_OF_FILES)


def from_lake(well_id: str, from_ms: int, to_ms: int, ask: Callable[[str], Any]) -> Period:
    """The readings with an event time of `[from_ms, to_ms)` in the lake.

    A replayed reading has two times. It is found by its event time, as SQL and dashboards show it, and its
    baseline goes by its time at the source, as scoring does.

    Args:
        well_id: the well.
        from_ms: start, epoch ms.
        to_ms: end, epoch ms.
        ask: runs a statement of Athena SQL and returns a result with `rows`.
    """
    rows = ask(_statement(well_id, from_ms, to_ms)).rows
    if not rows:
        return _period(well_id, (), *_nothing())
    table = np.array([row[2:] for row in rows], object)
    numbers = np.where(table == None, np.nan, table).astype(np.float64)  # noqa: E711  (element by element)
    codes = np.where(np.isnan(numbers[:, -2:]), NO_LABEL, numbers[:, -2:]).astype(np.int64)
    ts_ms = np.array([np.datetime64(row[0], "ms") for row in rows]).astype(np.int64)
    sources = tuple(dict.fromkeys(str(row[1]) for row in rows))
    return _period(well_id, sources, ts_ms, numbers[:, :-2], codes[:, 0], codes[:, 1], remedy=_OF_LAKE)


def _statement(well_id: str, from_ms: int, to_ms: int) -> str:
    begin, end = to_sql(from_ms), to_sql(to_ms)
    columns = ", ".join(f'"{name}"' for name in (*SENSOR_NAMES, "class", "state"))
    quoted = well_id.replace("'", "''")
    return (
        f"SELECT COALESCE(source_ts, ts) AS taken, source, {columns} FROM well_data "  # noqa: S608  (quoted)
        f"WHERE well_id = '{quoted}' AND date BETWEEN DATE '{begin[:10]}' AND DATE '{end[:10]}' "
        f"AND ts >= TIMESTAMP '{begin}' AND ts < TIMESTAMP '{end}' ORDER BY 1"
    )


def _nothing() -> list[Any]:
    none = np.empty(0, np.int64)
    return [none, np.empty((0, len(SENSOR_NAMES))), none, none]


def _period(
    well_id: str,
    sources: tuple[str, ...],
    ts_ms: IntArray,
    values: FloatArray,
    label: IntArray,
    state: IntArray,
    remedy: str = "",
) -> Period:
    _, first = np.unique(ts_ms, return_index=True)
    wrong = unit_problems(well_id, ", ".join(sources[:3]), values)
    lines = (*wrong, remedy) if wrong else ()
    known = plausible(values)[first]
    return Period(well_id, sources, ts_ms[first], known, label[first], state[first], lines)


def problems(
    period: Period, baseline: Baseline, expected: tuple[str, ...], models: list[WellModel]
) -> list[str]:
    """Why a well should not be commissioned on a period that is long enough.

    Args:
        period: the period.
        baseline: what was made of it.
        expected: gauges that the well had in its last baseline; empty if it has none.
        models: what may raise an alarm within the period: the fleet's model, if there is one, and the
            shared forest on a baseline of the first part of the period.

    Returns:
        One line each; none if the period will do.
    """
    checks = (_readings, _operation)
    found = [line for check in checks for line in check(period)]
    found += _gauges(period, baseline, expected)
    found += _drifts(period, baseline)
    found += [line for model in models if (line := _alarm(period, model))]
    return found


def first_part_baseline(period: Period) -> Baseline:
    """A baseline of the first 60 %, to see how the rest looks against it.

    Raises:
        NoBaselineError: no gauge can take part.
    """
    part = period.head(TRAIN_SHARE)
    return make_baseline(period.well_id, "first part", part.ts_ms, part.values, min_normal_s=0)


def flagged(period: Period, model: WellModel) -> BoolArray:
    """Readings of the period that the model flags: shape (n,)."""
    counts = quantise(period.values[:, model.extractor.sensors], model.extractor.sensors)
    return detect(model, window_stats(period.ts_ms, counts, model.extractor.sensors)).anomalous


def _readings(period: Period) -> Iterator[str]:
    if len(period.sources) > 1:
        yield f"it holds readings of {len(period.sources)} sources: {', '.join(period.sources[:3])}"
    steps = np.diff(period.ts_ms)
    share = float(np.median(steps) * len(steps) / steps.sum())
    if share < MIN_PRESENT:
        yield (
            f"{1 - share:.0%} of its readings are missing, at one every {np.median(steps) / 1000:g} s; the "
            f"longest gap is {steps.max() / 1000:.0f} s, from {to_iso(int(period.ts_ms[np.argmax(steps)]))}"
        )


def _operation(period: Period) -> Iterator[str]:
    events = period.label > 0
    if events.any():
        yield f"{events.sum()} of its readings are labelled as an event, from {_first(period, events)}"
    closed = (period.state != NO_LABEL) & (period.state != OPEN)
    if closed.any():
        yield f"the well was not in production in {closed.sum()} readings, from {_first(period, closed)}"


def _gauges(period: Period, baseline: Baseline, expected: tuple[str, ...]) -> Iterator[str]:
    there = [
        sensor.name
        for at, sensor in enumerate(SENSORS)
        if sensor.quantity in MEASUREMENTS and np.isfinite(period.values[:, at]).any()
    ]
    wanted = expected or tuple(there)
    lost = [name for name in wanted if name in baseline.excluded]
    if lost and len(lost) > MAX_GAUGES_LOST * len(wanted):
        why = ", ".join(f"{name} ({baseline.excluded[name]})" for name in lost)
        yield f"{len(lost)} of {len(wanted)} gauges can't be used: {why}"


def _drifts(period: Period, baseline: Baseline) -> Iterator[str]:
    third = len(period) // 3
    for name in baseline.sensors:
        sensor = SENSOR_INDEX[name]
        column = period.values[:, sensor]
        there = np.isfinite(column)
        ends = [part[np.isfinite(part)] for part in (column[:third], column[-third:])]
        if not all(map(len, ends)):
            continue
        floor = float(scale_floors([sensor])[0])
        rise, rest = _line(period.ts_ms[there], column[there])
        moved = float(ends[1].mean() - ends[0].mean())
        noise = max(rest, floor)
        spread = float(np.nanstd(column))
        if abs(rise) >= RAMP * noise or abs(moved) >= max(DRIFT * spread, DRIFT_FLOOR * floor):
            size, usual = _amount(sensor, moved, "+"), _amount(sensor, noise)
            yield (
                f"the level of {name} drifts: {size} from the first third to the last, where its noise is "
                f"{usual}; the baseline would be {max(spread, floor) / noise:.1f} times as wide, and its "
                "center wrong once the period is over. Choose a period in which the well is level"
            )


def _line(ts_ms: IntArray, values: FloatArray) -> tuple[float, float]:
    """Rise of the least-squares line over the period, and the standard deviation around it."""
    if len(values) < 2:
        return 0.0, 0.0
    since = ts_ms - ts_ms.mean()
    slope = float(since @ (values - values.mean()) / (since @ since))
    rest = values - values.mean() - slope * since
    return slope * float(since[-1] - since[0]), float(rest.std())


def _amount(sensor: int, value: float, sign: str = "") -> str:
    pressure = SENSORS[sensor].quantity == "pressure"
    return f"{value / 1e5:{sign}.2f} bar" if pressure else f"{value:{sign}.2f} degC"


def _alarm(period: Period, model: WellModel) -> str | None:
    run = sustained(flagged(period, model))
    if not run.any():
        return None
    return f"an alarm within it, at {_first(period, run)}, by {model.source}"


def _first(period: Period, rows: BoolArray) -> str:
    return to_iso(int(period.ts_ms[np.argmax(rows)]))
