"""Scores readings: pure `state + readings -> new state + scored readings`, no I/O, no clock."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.detector import TOP_SENSORS, Detection, ModelSet, WellModel, detect
from petrostream.feature_plan import COMMISSIONED
from petrostream.features import WindowStats, window_stats
from petrostream.history import FacilityState, WellState, extend, feed_parts, late_readings, trim
from petrostream.readings import NO_TIME, Readings
from petrostream.rows import Block, rows_to_blocks
from petrostream.rules import (
    ALERT_ABOVE,
    EMISSION_RULES,
    MAX_PART,
    MAX_RISK,
    PROCESS_RULES,
    RULE_SENSORS,
    RuleColumns,
    fired,
    points,
)
from petrostream.scored import NO_POINTS, Scored
from petrostream.sensors import SENSOR_INDEX, SENSOR_NAMES

LATE = "late:ts"
"""Reason of a reading at or before the newest time seen of its feed: it lands, but moves no window."""

FOREST_MIN_POINTS = 20
FOREST_FULL_MARGIN = 0.1
"""A flagged reading of a commissioned well has 20 points at its threshold, and 40 from 0.1 above it on."""


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """A facility's state after a batch, and the batch's rows."""

    state: FacilityState
    rows: Scored


@dataclass(slots=True)
class _Columns:
    """Result columns while wells are being scored into them."""

    score: FloatArray
    anomalous: BoolArray
    ranking: IntArray
    rules: IntArray
    process: IntArray
    late: BoolArray
    model: IntArray
    models: list[WellModel]

    @classmethod
    def empty(cls, n: int) -> "_Columns":
        return cls(
            score=np.full(n, np.nan),
            anomalous=np.zeros(n, np.bool_),
            ranking=np.full((n, TOP_SENSORS), -1, np.int64),
            rules=np.zeros(n, np.int64),
            process=np.full(n, NO_POINTS, np.int64),
            late=np.zeros(n, np.bool_),
            model=np.full(n, -1, np.int64),
            models=[],
        )


def score(
    state: FacilityState, readings: Readings, models: ModelSet | None, *, scored_at_ms: int
) -> ScoredBatch:
    """Score a batch of one facility's readings.

    The result does not depend on how the stream is cut into batches. A reading at or before the newest
    time seen of its feed (late, or a duplicate) keeps its row and its emission points, with the reason
    `late:ts`, but gets no anomaly score and moves no window. A new feed of the well (another source, a
    second replay, a backfill) starts its windows anew, at whatever time it lies.

    Args:
        state: the facility's state after the previous batch.
        readings: valid readings of that facility, in stream order.
        models: the registry's current models, None before the first one is published.
        scored_at_ms: the time to write into the rows, epoch ms.

    Returns:
        The new state, its `last_sequence` the highest one seen, and the scored rows.
    """
    columns = _Columns.empty(len(readings))
    wells = dict(state.wells)
    for well_id, at in _by_well(readings.well_id):
        chosen = _choose(columns, readings, at, models, well_id)
        # Taken out and put back last: wells stay in the order in which they were heard.
        wells[well_id] = _score_well(columns, wells.pop(well_id, None), readings, at, chosen)
    sequence = _newest_sequence(state.last_sequence, readings.sequence)
    new_state = FacilityState(state.facility_id, sequence, wells)
    return ScoredBatch(new_state, _rows(readings, columns, scored_at_ms))


def _by_well(well_id: Sequence[str]) -> list[tuple[str, IntArray]]:
    """Positions of each well's readings, in stream order; wells by last appearance."""
    names = list(dict.fromkeys(reversed(well_id)))[::-1]
    if len(names) == 1:
        return [(names[0], np.arange(len(well_id)))]
    code_of = {name: code for code, name in enumerate(names)}
    codes = np.fromiter(map(code_of.__getitem__, well_id), np.int64, len(well_id))
    return [(name, np.flatnonzero(codes == code)) for code, name in enumerate(names)]


def _choose(
    columns: _Columns, readings: Readings, at: IntArray, models: ModelSet | None, well_id: str
) -> list[WellModel]:
    """Notes which model scores each of a well's readings, by the time at its source; gives those models."""
    source_ts_ms = readings.source_ts_ms[at]
    taken = np.where(source_ts_ms == NO_TIME, readings.ts_ms[at], source_ts_ms)
    chosen = []
    for model, part in models.segments(well_id, taken) if models is not None else ():
        if model is not None:
            columns.model[at[part]] = len(columns.models)
            columns.models.append(model)
            chosen.append(model)
    return chosen


def _score_well(
    columns: _Columns, state: WellState | None, readings: Readings, at: IntArray, models: list[WellModel]
) -> WellState:
    """Score one well's readings into the columns; gives its new history."""
    used = _sensors_in_use(models)
    for part, feed, anew in feed_parts(state, readings, at):
        scored = _score_feed(columns, None if anew else state, readings, part, used)
        state = replace(scored, feed=feed)
    # A well is only looked at for the readings it has.
    assert state is not None
    return state


def _score_feed(
    columns: _Columns, state: WellState | None, readings: Readings, at: IntArray, used: BoolArray
) -> WellState:
    late = late_readings(state, readings.ts_ms[at])
    if late.any():
        columns.late[at[late]] = True
        at = at[~late]
        if not len(at):
            # A feed's first reading is never late, so there is a history.
            assert state is not None
            return state
    history, start = extend(state, readings.ts_ms[at], readings.values[at])
    kept = used[history.sensors]
    stats = window_stats(history.ts_ms, history.counts[:, kept], history.sensors[kept], start)
    held = fired(PROCESS_RULES, RuleColumns(stats, readings.methane_ppm[at]))
    columns.rules[at] = (1 << np.arange(len(PROCESS_RULES))) @ held
    risk = points(PROCESS_RULES, held) + _detect(columns, stats, at)
    judged = _rules_judged(stats) | ~np.isnan(columns.score[at])
    columns.process[at] = np.where(judged, np.minimum(risk, MAX_PART), NO_POINTS)
    return trim(history)


def _detect(columns: _Columns, stats: WindowStats, at: IntArray) -> IntArray:
    """Scores, flags and rankings into the columns, by each reading's own model; gives the forest's points."""
    worth = np.zeros(len(at), np.int64)
    chosen = columns.model[at]
    # A set: np.unique costs a lone reading as much as its forest does.
    for number in sorted(set(chosen.tolist()) - {-1}):
        model, part = columns.models[number], np.flatnonzero(chosen == number)
        found = detect(model, stats if len(part) == len(at) else stats.take(part))
        columns.score[at[part]] = found.score
        columns.anomalous[at[part]] = found.anomalous
        columns.ranking[at[part], : found.ranking.shape[1]] = found.ranking
        worth[part] = _forest_points(model, found)
    return worth


def _sensors_in_use(models: list[WellModel]) -> BoolArray:
    """Mask over the 27 sensors: what the rules and the well's models look at."""
    used = np.zeros(len(SENSOR_NAMES), np.bool_)
    used[RULE_SENSORS] = True
    for model in models:
        used[model.plan.sensors] = True
    return used


def _forest_points(model: WellModel, found: Detection) -> IntArray:
    """Points of the forest: shape (n,). A model without the well's own baseline has no say."""
    if model.kind != COMMISSIONED:
        return np.zeros(len(found.score), np.int64)
    margin = np.clip((np.nan_to_num(found.score) - model.threshold) / FOREST_FULL_MARGIN, 0.0, 1.0)
    scaled = np.rint(FOREST_MIN_POINTS + (MAX_PART - FOREST_MIN_POINTS) * margin).astype(np.int64)
    return np.where(found.anomalous, scaled, 0)


def _rules_judged(stats: WindowStats) -> BoolArray:
    """Readings for which at least one process rule had its sensors."""
    judged = np.zeros(len(stats), np.bool_)
    for rule in PROCESS_RULES:
        known = [~np.isnan(stats.get(SENSOR_INDEX[name], "slope", 60)) for name in rule.sensors]
        judged |= np.logical_and.reduce(known)
    return judged


def _newest_sequence(last: str | None, sequences: Sequence[str]) -> str | None:
    """The highest sequence number: decimal numbers of any length, which compare as integers."""
    seen = {sequence for sequence in sequences if sequence}
    if last is not None:
        seen.add(last)
    return max(seen, key=int, default=None)


def _rows(readings: Readings, columns: _Columns, scored_at_ms: int) -> Scored:
    emission, category = _emission(readings.methane_ppm)
    risk = np.minimum(np.maximum(columns.process, 0) + np.maximum(emission, 0), MAX_RISK)
    if columns.late.any():
        reasons = [
            (*reason, LATE) if late else reason
            for reason, late in zip(readings.reasons, columns.late.tolist(), strict=True)
        ]
        readings = replace(readings, reasons=reasons)
    return Scored(
        readings=readings,
        scored_at_ms=scored_at_ms,
        anomaly_score=columns.score,
        anomaly_flag=columns.anomalous.astype(np.int64),
        top_sensors=_top_sensors(columns.ranking),
        model_version=_of_models([model.version for model in columns.models], columns.model),
        model_kind=_of_models([model.kind for model in columns.models], columns.model),
        rule_ids=list(map(_rule_ids, columns.rules.tolist())),
        emission_category=category,
        emission_risk=emission,
        process_risk=columns.process,
        risk_score=risk,
        well_status=_STATUS[(risk > ALERT_ABOVE).astype(np.int64)].tolist(),
    )


def _of_models(names: list[str], model: IntArray) -> list[str | None]:
    # Position -1, a well without a model, picks the None at the end.
    column: list[str | None] = np.array([*names, None], object)[model].tolist()
    return column


_STATUS = np.array(["NORMAL", "ALERT"], object)
_CATEGORIES = np.array([None, "NORMAL", *(rule.category for rule in EMISSION_RULES)], object)


def _emission(methane_ppm: FloatArray) -> tuple[IntArray, list[str | None]]:
    """Points and category of the emission rules; `NO_POINTS` and None without a gas detector."""
    known = ~np.isnan(methane_ppm)
    if not known.any():
        return np.full(len(methane_ppm), NO_POINTS, np.int64), [None] * len(methane_ppm)
    nothing = WindowStats(np.empty(0, np.int64), np.empty((3, 3, 0, len(methane_ppm))))
    held = fired(EMISSION_RULES, RuleColumns(nothing, methane_ppm))
    worth = np.where(known, points(EMISSION_RULES, held), NO_POINTS)
    codes = np.where(held.any(axis=0), 2 + held.argmax(axis=0), known.astype(np.int64))
    return worth, _CATEGORIES[codes].tolist()


def _top_sensors(ranking: IntArray) -> list[tuple[str, ...]]:
    if not (ranking >= 0).any():
        return [()] * len(ranking)
    base = (len(SENSOR_NAMES) + 1) ** np.arange(ranking.shape[1])
    return list(map(_ranked_names, ((ranking + 1) @ base).tolist()))


@lru_cache(maxsize=4096)
def _ranked_names(code: int) -> tuple[str, ...]:
    """Sensor names of a ranking packed into one number, base 28, first name in the lowest digit."""
    names = []
    while code:
        code, digit = divmod(code, len(SENSOR_NAMES) + 1)
        if digit:
            names.append(SENSOR_NAMES[digit - 1])
    return tuple(names)


@lru_cache(maxsize=1024)
def _rule_ids(bits: int) -> tuple[str, ...]:
    return tuple(rule.id for i, rule in enumerate(PROCESS_RULES) if bits >> i & 1)


__all__ = [
    "LATE",
    "Block",
    "FacilityState",
    "Scored",
    "ScoredBatch",
    "WellState",
    "rows_to_blocks",
    "score",
]
