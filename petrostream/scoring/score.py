"""Scores a batch: a pure function from state and readings to the new state and scored readings."""

from dataclasses import dataclass, replace

import numpy as np

from petrostream.alarms import WellAlarms
from petrostream.arrays import BoolArray, IntArray
from petrostream.detection import COMMISSIONED, ModelSet, WellModel, detect
from petrostream.gauges import Levels, Moves, WindowStats
from petrostream.readings import Readings
from petrostream.risk import MAX_PART, PROCESS_RULES, RuleColumns, expected_rules, points
from petrostream.scoring.alarms import Findings, feed_ended, raise_alarms
from petrostream.scoring.columns import Columns, to_rows
from petrostream.scoring.drift import Drift, find_drift
from petrostream.scoring.feeds import feed_parts
from petrostream.scoring.history import FacilityState, WellState
from petrostream.scoring.levels import Taken, fresh_score, usual
from petrostream.scoring.memory import suppressed
from petrostream.scoring.moved import unexplained_score
from petrostream.scoring.points import forest_points, has_rule_sensors
from petrostream.scoring.prepare import WellParts, prepare
from petrostream.scoring.reasons import deviations
from petrostream.scoring.scored import NO_POINTS, Scored
from petrostream.scoring.together import Look, Step, by_well, look, newest_sequence, sensors_in_use
from petrostream.scoring.units import settle_units


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """A facility's state after a batch, and the batch's rows."""

    state: FacilityState
    rows: Scored


def score_batch(
    state: FacilityState, readings: Readings, models: ModelSet | None, *, scored_at_ms: int
) -> ScoredBatch:
    """Score a batch of one facility's readings.

    The result does not depend on batch boundaries. A reading at or before the newest time of its feed (late,
    or a duplicate), and one whose time is too far ahead to be right (`petrostream.scoring.feeds`), keeps its
    row and its emission points, with the reason `late:ts` or `ahead:ts`, but gets no anomaly score and enters
    no window. A new feed of the well (another source, a second replay, a backfill) starts with empty windows,
    whatever its event times.

    Args:
        state: the facility's state after the previous batch.
        readings: valid readings of that facility, in stream order.
        models: the registry's current models, None before the first one is published.
        scored_at_ms: the time to write into the rows, epoch ms.

    Returns:
        The new state, its `last_sequence` the highest one seen, and the scored rows.
    """
    columns = Columns.empty(len(readings))
    # Copies: the well's baseline may correct what validation says of units.
    readings = replace(readings, reasons=list(readings.reasons), quality=readings.quality.copy())
    known = dict(state.wells)
    wells = []
    for well_id, at in by_well(readings.well_id):
        chosen = _choose_models(columns, readings, at, models, well_id)
        settle_units(readings, columns, at)
        before = known.pop(well_id, None)
        parts = list(feed_parts(before, readings, at))[::-1]
        wells.append(WellParts(well_id, before, parts, sensors_in_use(chosen)))
    # Those of the batch come last: wells stay in the order in which they last reported.
    alarms = {well.well_id: None if well.state is None else well.state.alarms for well in wells}
    steps = prepare(columns, wells, readings)
    for step, seen in zip(steps, look(steps, readings, columns.excluded), strict=True):
        alarms[step.well_id] = _finish(columns, readings, step, seen, alarms[step.well_id])
    for well in wells:
        # A well is only scored if it has readings.
        assert well.state is not None
        known[well.well_id] = replace(well.state, alarms=alarms[well.well_id])
    sequence = newest_sequence(state.last_sequence, readings.sequence)
    return ScoredBatch(
        FacilityState(state.facility_id, sequence, known), to_rows(readings, columns, scored_at_ms)
    )


def _choose_models(
    columns: Columns, readings: Readings, at: IntArray, models: ModelSet | None, well_id: str
) -> list[WellModel]:
    """Assign a model to each of a well's readings, by the time at its source; returns those models."""
    chosen = []
    if models is None:
        return []
    measured_ms = readings.measured_ms(at)
    columns.expired[at] = models.expired(well_id, measured_ms)
    for model, part in models.segments(well_id, measured_ms):
        if model is not None:
            columns.model[at[part]] = len(columns.models)
            columns.models.append(model)
            chosen.append(model)
    return chosen


def _taken(readings: Readings, at: IntArray) -> Taken:
    return Taken(readings.source[int(at[0])], readings.measured_ms(at))


def _finish(
    columns: Columns, readings: Readings, step: Step, found: Look, state: WellAlarms | None
) -> WellAlarms:
    """Fill in what windows, rules and forest say of a step, and update the well's alarms."""
    if step.ended is not None and state is not None:
        columns.alarms += feed_ended(state, readings, int(step.at[0]), step.ended)
    at, stats, held = step.at, found.stats, found.held
    moves, by_state = Moves(columns.moves[at]), suppressed(columns.governs[at])
    forest = _detect(columns, readings, stats, at, step.levels, moves)
    before_ms = step.history.ts_ms[: step.start]
    drift = find_drift(columns, stats, readings, at, by_state[-1], before_ms)
    explained = _explained(columns, at, found.seen, moves)
    risk = _risk(columns, at, held, forest, by_state | explained)
    judged = has_rule_sensors(stats) | ~np.isnan(columns.score[at])
    columns.process[at] = np.where(judged, np.minimum(risk, MAX_PART), NO_POINTS)
    rules = held & ~explained[:-1], found.seen, drift
    return _update_alarms(columns, readings, at, rules, None if step.begins else state, step.history)


def _risk(
    columns: Columns, at: IntArray, held: BoolArray, forest: IntArray, suppressed: BoolArray
) -> IntArray:
    """Process points of each reading: rules that hold plus forest, except what is suppressed."""
    if not held.any() and not suppressed.any():
        return forest
    bits = 1 << np.arange(len(suppressed))
    columns.rules[at] = bits[:-1] @ held
    if not suppressed.any():
        return points(PROCESS_RULES, held) + forest
    found = np.vstack([held, columns.anomalous[at]])
    columns.suppressed[at] = bits @ (found & suppressed)
    return points(PROCESS_RULES, held & ~suppressed[:-1]) + np.where(suppressed[-1], 0, forest)


def _explained(columns: Columns, at: IntArray, seen: RuleColumns, moves: Moves) -> BoolArray:
    """What moves of chokes and valves explain: shape (len(SUPPRESSIBLE), n), rules, then the forest."""
    if not moves.in_transition.any():
        return np.zeros((len(PROCESS_RULES) + 1, len(at)), np.bool_)
    threshold = columns.of_models(at, lambda model: np.nan if model is None else model.threshold)
    forest = columns.anomalous[at] & ~(columns.unexplained[at] >= threshold)
    return np.vstack([expected_rules(seen, moves), forest])


def _update_alarms(
    columns: Columns,
    readings: Readings,
    at: IntArray,
    rules: tuple[BoolArray, RuleColumns, Drift],
    state: WellAlarms | None,
    history: WellState,
) -> WellAlarms:
    """Update the well's alarms, with results in the columns; returns their new state.

    `rules` is which of them hold, what they saw, and the drift from the baseline.
    """
    held, seen, drift = rules
    commissioned = columns.of_models(at, lambda model: model is not None and model.kind == COMMISSIONED)
    scores = np.where(commissioned, columns.unexplained[at], np.nan)
    threshold = columns.of_models(at, lambda model: np.nan if model is None else model.threshold)
    ranked = columns.ranking[at], columns.deviation[at]
    away, new_level = columns.away[at], columns.new_level[at]
    fresh = np.where(commissioned, columns.fresh[at], np.nan)
    findings = Findings(scores, threshold, held, *ranked, seen, drift, away, fresh, new_level)
    raised = raise_alarms(state, readings, at, findings, history)
    columns.alarm_active[at] = raised.active
    columns.alarms += raised.events
    return raised.state


def _detect(
    columns: Columns, readings: Readings, stats: WindowStats, at: IntArray, levels: Levels, moves: Moves
) -> IntArray:
    """Fill in scores, flags and rankings by each reading's model; returns the forest's points, shape (n,)."""
    forest = np.zeros(len(at), np.int64)
    chosen = columns.model[at]
    # A set: for a single reading np.unique takes as long as the forest.
    for number in sorted(set(chosen.tolist()) - {-1}):
        model, part = columns.models[number], np.flatnonzero(chosen == number)
        if len(part) < len(at):
            seen, of_part, moved = stats.take(part), levels.take(part), moves.take(part)
        else:
            seen, of_part, moved = stats, levels, moves
        against = usual(model, of_part, _taken(readings, at[part]))
        found = detect(model, seen, against)
        columns.score[at[part]] = found.score
        center = model.center[:, None] if against is None else against.center
        new = unexplained_score(found, seen, moved, center)
        columns.unexplained[at[part]] = columns.fresh[at[part]] = new
        if against is not None and of_part.unsettled:
            fresh = fresh_score(found, seen, of_part, against)
            columns.fresh[at[part]] = np.where(moved.in_transition, new, fresh)
            columns.away[at[part]] = of_part.away(found.sensors).any(axis=0)
            columns.new_level[at[part]] = (1 << found.sensors) @ of_part.moved(found.sensors)
        columns.anomalous[at[part]] = found.anomalous
        columns.ranking[at[part], : found.ranking.shape[1]] = found.ranking
        if model.kind == COMMISSIONED and found.anomalous.any():
            rows = np.flatnonzero(found.anomalous)
            usually = center if against is None else center[:, rows]
            columns.deviation[at[part[rows]], : found.ranking.shape[1]] = deviations(
                found.ranking[rows], seen.take(rows), found.sensors, usually
            )
        forest[part] = forest_points(model, found)
    return forest
